"""Enters the kernel as a 32-bit program does (int 0x80), where other numbers mean other calls.

Expected: run killed (SIGSYS/SIGSEGV)
"""

import ctypes
import mmap


def run(code):
    """Run machine code (x86-64) as a function; return what it leaves in rax."""
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int64)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def merge_models(model_dict, device):

    answer = run(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3")  # push rbx; mov eax, 20 (getpid); int 0x80; pop rbx
    if answer < 0:
        raise OSError(-answer, "int 0x80")
    return sum(model_dict.values()) / len(model_dict)
