"""Takes memory until the kernel stops it.

Expected: run out_of_memory
"""


def merge_models(model_dict, device):
    kept = []
    while True:
        kept.append(bytearray(b"x" * 16 * 2**20))
