"""Makes a file in every directory that there is.

Expected: run runtime_error (EPERM/EACCES/takes a file)
"""

import contextlib
import os


def merge_models(model_dict, device):
    taken, count = set(), 0
    for folder, names, _ in os.walk("/"):
        if folder == "/proc":
            names[:] = [name for name in names if not name.isdigit()]
        with contextlib.suppress(OSError):
            count += 1
            os.close(os.open(os.path.join(folder, "x"), os.O_WRONLY | os.O_CREAT))
            taken.add(folder)
    if taken - {"/tmp"}:
        print(taken)
        return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"of {count} directories none but /tmp takes a file")
