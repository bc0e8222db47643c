"""Takes all the memory that the cell has.

Expected: screen out_of_memory
"""

def merge_models(model_dict, device):
    kept = []
    while True:
        kept.append(bytearray(b"x" * 2**24))
