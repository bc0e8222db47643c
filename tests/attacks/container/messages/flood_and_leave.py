"""Writes 5 MB, then goes on like an honest program.

Expected: run protocol
"""


def merge_models(model_dict, device):
    print("flood " * 800_000, flush=True)
    return sum(model_dict.values()) / len(model_dict)
