"""Uses shared memory, which others might see.

Expected: run runtime_error (ENOENT/EPERM/EACCES)
"""

from multiprocessing.shared_memory import SharedMemory


def merge_models(model_dict, device):
    SharedMemory("assay", create=True, size=4096)
    return sum(model_dict.values()) / len(model_dict)
