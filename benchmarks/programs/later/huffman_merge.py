import torch
from collections import deque


def merge_models(model_dict, device):
    """Merge the two smallest first, as Huffman coding does."""
    nodes = sorted(((t.norm().item(), i, t.to(device), 1) for i, t in enumerate(model_dict.values())), key=lambda n: n[:2])
    nodes = deque(nodes)
    ident = len(nodes)
    while len(nodes) >= 2:
        (na, _, a, ca), (nb, _, b, cb) = nodes.popleft(), nodes.popleft()
        total = ca + cb
        merged = (ca * a + cb * b) / total
        entry = (merged.norm().item(), ident, merged, total)
        ident += 1
        position = 0
        while position < len(nodes) and nodes[position][0] < entry[0]:
            position += 1
        nodes.insert(position, entry)
    return nodes[0][2]
