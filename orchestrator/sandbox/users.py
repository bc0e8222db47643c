"""Which user a container runs as: one that owns nothing else on the host, where that can be had."""

from __future__ import annotations

import os
import secrets

_FIRST, _COUNT = 1_000_000_000, 1_000_000_000  # far above any account
_FIRST_MAPPED, _MAPPED = 1_000, 64_000  # of the 65,536 that engines map into a user namespace


def new_uid(*, root: bool, remapped: bool) -> int:
    """Return a uid for one container; our own where we may neither give files away nor is it mapped to another."""
    if remapped:
        return _FIRST_MAPPED + secrets.randbelow(_MAPPED)
    return _FIRST + secrets.randbelow(_COUNT) if root else os.geteuid()
