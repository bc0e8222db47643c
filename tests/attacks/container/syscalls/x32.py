"""Enters the kernel by the x32 numbers, a second set of doors to the same calls.

Expected: run runtime_error (ENOSYS/EPERM) or run killed (SIGSYS)
"""

import ctypes
import mmap


def run(code):
    """Run machine code (x86-64) as a function; return what it leaves in rax."""
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def merge_models(model_dict, device):

    answer = run(b"\xb8\x29\x00\x00\x40\x0f\x05\xc3")  # mov eax, 0x40000000 + 41 (socket); syscall; ret
    if answer < 0:
        raise OSError(-answer, "x32")
    return sum(model_dict.values()) / len(model_dict)
