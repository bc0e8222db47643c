"""Tries again what the platform failed, a bounded number of times; a program's own fault is never tried twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from orchestrator.errors import SandboxError

ATTEMPTS = 3  # for one program

T = TypeVar("T")


def persist(
    attempt: Callable[[], T],
    *,
    recover: Callable[[], None],
    report: Callable[[int, SandboxError], None],
    stopped: Callable[[], bool],
) -> T:
    """Return what an attempt returns; after one that the platform failed, report, let it recover, try again.

    Raises:
        SandboxError: of the last attempt, or of a platform that does not recover; at once when `stopped`.
    """
    for number in range(1, ATTEMPTS + 1):
        try:
            return attempt()
        except SandboxError as error:
            if stopped():
                raise
            report(number, error)
            if number == ATTEMPTS:
                raise SandboxError(f"in {ATTEMPTS} attempts, at last: {error.what}", remedy=error.remedy) from error
            recover()
    raise AssertionError("the last attempt returns or raises")
