"""Opens files in folders that others may have filled: neither a link nor a pipe, which would be waited for for ever.

What such a file holds is as untrusted as before. A file that the user names himself is opened as usual.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading.

    Raises:
        OSError: there is none, it is a link or something else, or it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(fd, "rb")


def read_regular(path: Path, limit: int) -> bytes:
    """Return a regular file's first bytes, at most `limit`. Raises as `open_regular`."""
    with open_regular(path) as file:
        return file.read(limit)
