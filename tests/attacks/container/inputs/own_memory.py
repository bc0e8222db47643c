"""Writes to the mapped seed model by /proc/self/mem, which knows no page protection.

Expected: run runtime_error (EPERM/EACCES)
"""

import mmap
import os

import torch


def merge_models(model_dict, device):
    descriptor = os.open("/inputs/seed/0.safetensors", os.O_RDONLY)
    view = mmap.mmap(descriptor, 0, mmap.MAP_SHARED, mmap.PROT_READ)
    address = torch.frombuffer(view, dtype=torch.uint8).data_ptr()
    os.pwrite(os.open("/proc/self/mem", os.O_RDWR), b"x", address)
    return sum(model_dict.values()) / len(model_dict)
