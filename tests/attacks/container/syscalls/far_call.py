"""Changes to 32-bit code by a far return, and enters the kernel from there.

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

    low = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)  # MAP_32BIT
    low.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xf4")  # mov eax, 20; int 0x80; hlt
    address = ctypes.addressof(ctypes.c_char.from_buffer(low))
    run(b"\x6a\x23\x68" + address.to_bytes(4, "little") + b"\x48\xcb")  # push 0x23; push address; retfq
    return sum(model_dict.values()) / len(model_dict)
