"""Makes more mappings than the kernel keeps for one process.

Expected: run runtime_error (ENOMEM/EPERM)
Outer wall alone: run runtime_error (ENOMEM)
"""

import mmap


def merge_models(model_dict, device):
    kept = []
    while True:
        protection = mmap.PROT_READ if len(kept) % 2 else mmap.PROT_READ | mmap.PROT_WRITE
        kept.append(mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, protection))
