"""Opens the devices through which a host can be had: disks, memory, ports, KVM, FUSE, loops.

Expected: run runtime_error (none of 16 can be opened)
"""

import contextlib
import os

NAMES = """sda nvme0n1 vda xvda dm-0 mapper/control loop-control loop0 mem port kmsg kvm fuse net/tun vhost-net
uinput""".split()


def merge_models(model_dict, device):
    for name in NAMES:
        with contextlib.suppress(FileNotFoundError, PermissionError):
            os.open(f"/dev/{name}", os.O_RDONLY)
            return sum(model_dict.values()) / len(model_dict)
    raise PermissionError(f"none of {len(NAMES)} can be opened")
