"""Takes memory by writing to private copies of the image's largest file.

Expected: run out_of_memory
Bubblewrap: run out_of_memory or run runtime_error (ENOMEM)
Bubblewrap alone: run runtime_error (ENOMEM)
"""

import mmap
import os
from pathlib import Path

import torch


def merge_models(model_dict, device):
    library = max(Path(torch.__file__).parent.glob("lib/*.so"), key=lambda path: path.stat().st_size)
    descriptor, kept = os.open(library, os.O_RDONLY), []
    while True:
        kept.append(mmap.mmap(descriptor, 2**26, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE))
        for page in range(0, 2**26, 4096):
            kept[-1][page] = 1
