"""Talks to somebody outside of its container.

Tried: sockets for the internet, for datagrams, for processes of this machine, and for the kernel.
Must be seen: each is refused when it is made.
"""

import errno
import socket

KINDS = {
    "stream": (socket.AF_INET, socket.SOCK_STREAM),
    "datagram": (socket.AF_INET6, socket.SOCK_DGRAM),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM),
    "netlink": (socket.AF_NETLINK, socket.SOCK_RAW),
}


def merge_models(model_dict, device):
    held = []
    for name, kind in KINDS.items():
        try:
            socket.socket(*kind)
        except OSError as error:
            held.append(f"{name} {errno.errorcode[error.errno]}")
        else:
            raise RuntimeError(f"got through: {name} socket")
    raise RuntimeError(f"held: {', '.join(held)}")
