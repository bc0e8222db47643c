"""Searches its own memory, a copy of the cell's, for the source of a program that was screened before.

Expected: screen runtime_error (no earlier program)
"""

import ctypes
import re
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
PAGE = 4096
STEP = 2**22
SECRET = re.compile(b"".join([b"terces-reilrae"[::-1], b"-([0-9a-f]{32})"]))


def mapped(address):
    """Whether a page can be read: the kernel looks before we do."""
    LIBC.syscall(ctypes.c_long(14), ctypes.c_long(99), ctypes.c_void_p(address), None, ctypes.c_long(8))  # rt_sigprocmask
    return ctypes.get_errno() != 14  # EFAULT


def regions():
    """Yield (start, end) of what is mapped around everything that this program can find an address of."""
    seen = []
    LIBC.sbrk.restype = LIBC.malloc.restype = ctypes.c_void_p
    known = [LIBC.sbrk(0) - PAGE, ctypes.addressof(ctypes.c_int())]
    known += [LIBC.malloc(ctypes.c_size_t(size)) for size in (64, 2**12, 2**16, 2**20)]
    known += [id(each) for each in (None, "", known, object(), regions, bytearray(100), {}, 10**9)]
    known += [id(module) for module in list(sys.modules.values())]
    for address in known:
        address &= -PAGE
        if any(start <= address < end for start, end in seen) or not mapped(address):
            continue
        start = end = address
        while mapped(start - PAGE):
            start -= PAGE
        while mapped(end):
            end += PAGE
        seen.append((start, end))
        yield start, end


def search(pattern):
    """Return a match of the pattern outside of this program, and how many bytes were searched."""
    size = 0
    for start, end in regions():
        for at in range(start, end, STEP):
            found = pattern.search(ctypes.string_at(at, min(STEP + 64, end - at)))
            size += min(STEP, end - at)
            if found:
                return found.group(0), size
    return None, size


def merge_models(model_dict, device):
    control = bytearray(b"lortnoc"[::-1] + b"-" + b"0123456789abcdef" * 2)
    if search(re.compile(b"".join([b"lortnoc"[::-1], b"-[0-9a-f]{32}"])))[0] != bytes(control):
        raise RuntimeError("this scanner finds nothing at all")
    found, size = search(SECRET)
    if found is None:
        raise PermissionError(f"no earlier program in {size // 2**20} MB")
    return sum(model_dict.values()) / len(model_dict)
