"""How one run of a program ends: a violation always comes out, and torch records gradients as it did before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from policies.proxies import PolicyViolation


@contextmanager
def contained(torch: ModuleType) -> Iterator[None]:
    """Run a program's code within.

    Raises:
        PolicyViolation: there was one. Whatever else the program raises comes out as it is.
    """
    with _recording_kept(torch), ended_by_violations():
        yield


@contextmanager
def _recording_kept(torch: ModuleType) -> Iterator[None]:
    """A generator that is left waiting in `with torch.inference_mode()` would leave it on for the process."""
    recording = torch.is_grad_enabled()
    with torch.inference_mode(torch.is_inference_mode_enabled()), torch.set_grad_enabled(recording):
        yield


@contextmanager
def ended_by_violations() -> Iterator[None]:
    """Raise where a violation was lost on its way out, by a `finally` that raises or a generator that is dropped.

    Raises:
        PolicyViolation: there was one, and something else, or nothing, came out.
    """
    before = PolicyViolation.made
    try:
        yield
    except PolicyViolation:
        raise
    except BaseException:
        _raise_lost(before)
        raise
    _raise_lost(before)


def _raise_lost(before: int) -> None:
    if PolicyViolation.made != before:
        raise PolicyViolation("the program went on after a violation, which ends it") from None
