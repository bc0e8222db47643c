"""Reads where the kernel lies in memory.

Expected: run runtime_error (EPERM/EACCES/no address)
"""

import contextlib
from pathlib import Path

FILES = ("kallsyms", "modules", "iomem", "vmallocinfo", "slabinfo", "self/stack", "self/wchan", "self/syscall")


def merge_models(model_dict, device):
    refusals = []
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            try:
                lines = Path("/proc", name).read_text().splitlines()[:1000]
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                refusals.append(error)
                continue
            words = [word for line in lines for word in line.replace("-", " ").split()]
            if any(word.startswith(("ffff", "0xffff")) and len(word) >= 16 for word in words):
                return sum(model_dict.values()) / len(model_dict)
    raise refusals[0] if len(refusals) == len(FILES) else PermissionError("no address in what can be read")
