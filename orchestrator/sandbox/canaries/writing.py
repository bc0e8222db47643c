"""Leaves something outside of its output.

Tried: to change a model that all containers read, the runner's code, the image, and a setting of the kernel.
Must be seen: each is refused when it is opened.
"""

import errno
import os

PLACES = {
    "/inputs/seed/0.safetensors": os.O_RDWR,
    "/opt/assay/sandbox_image/runner.py": os.O_RDWR,
    "/opt/assay/canary": os.O_RDWR | os.O_CREAT,
    "/etc/canary": os.O_RDWR | os.O_CREAT,
    "/proc/sys/kernel/core_pattern": os.O_WRONLY,
    "/proc/self/oom_score_adj": os.O_WRONLY,
}


def merge_models(model_dict, device):
    os.close(os.open("/inputs/seed/0.safetensors", os.O_RDONLY))  # what is tried below is there
    held = []
    for path, flags in PLACES.items():
        try:
            file = os.open(path, flags)
            if path == "/proc/self/oom_score_adj":
                os.write(file, b"-1000")
        except OSError as error:
            held.append(f"{path} {errno.errorcode[error.errno]}")
        else:
            raise RuntimeError(f"got through: {path} can be written")
    raise RuntimeError(f"held: {', '.join(held)}")
