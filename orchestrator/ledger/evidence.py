"""What the record must say of a program before anything may be learnt from it.

A fold over entries, pure. It reads what the platform wrote; it cannot tell whether the platform told the
truth, only that every step was recorded, in order, and speaks of the same program and the same output.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger.entry import Entry

REQUIRED: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("candidate.generated", {}),
    ("policy.evaluated", {"verdict": "admitted"}),
    ("screen.completed", {"verdict": "passed"}),
    ("sandbox.created", {"purpose": "run"}),
    ("sandbox.started", {"purpose": "run"}),
    ("sandbox.exited", {"purpose": "run", "exit_code": 0, "oom_killed": False, "timed_out": False}),
    ("outputs.verified", {}),
    ("eval.completed", {"split": "dev"}),
)
"""The steps of a scored program in order, with the values that each must hold."""

_LINKS: Mapping[str, tuple[str, ...]] = {
    "program_sha256": tuple(name for name, _ in REQUIRED),
    "container_id": ("sandbox.created", "sandbox.started", "sandbox.exited", "outputs.verified"),
    "output_sha256": ("outputs.verified", "eval.completed"),
}
"""Keys that must hold one and the same value in the steps named."""


def history(entries: Iterable[Entry], subject: str) -> tuple[Entry, ...]:
    """Return the entries about one program, in order."""
    return tuple(entry for entry in entries if entry.subject == subject)


def require_chain(entries: Iterable[Entry], subject: str) -> tuple[int, ...]:
    """Return the indices of a scored program's record, one per step of `REQUIRED`.

    1 the program was never rejected, 2 every step is there once and in order, 3 each says what it must,
    4 they speak of the same program, container and output.

    Raises:
        LedgerError: one of these does not hold; names the program, the step and the entry.
    """
    record = history(entries, subject)
    if rejected := [entry for entry in record if entry.type == "candidate.rejected"]:
        raise _gap(subject, f"entry {rejected[0].index} rejects it: {rejected[0].data['reason']}")
    steps = [_the_step(_of_verified_container(record), subject, name, values) for name, values in REQUIRED]
    indices = tuple(step.index for step in steps)
    if list(indices) != sorted(indices):
        raise _gap(subject, f"expected its steps in order, found them at {indices}")
    for key, names in _LINKS.items():
        _require_one_value(steps, subject, key, names)
    return indices


def _of_verified_container(record: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Leave out containers that the platform failed, or was killed over, before the program was tried again."""
    verified = {entry.data["container_id"] for entry in record if entry.type == "outputs.verified"}
    attempts = {entry.data["container_id"] for entry in record if entry.type in ("sandbox.exited", "sandbox.lost")}
    failed = attempts - verified
    if not attempts - failed:
        return record
    return tuple(entry for entry in record if entry.data.get("container_id") not in failed)


def _the_step(record: tuple[Entry, ...], subject: str, name: str, values: Mapping[str, Any]) -> Entry:
    # A finalist is evaluated twice, on dev and on test: the split says which of the two is meant.
    picked = {key: value for key, value in values.items() if key == "split"}
    found = [entry for entry in record if entry.type == name and picked.items() <= entry.data.items()]
    if len(found) != 1:
        raise _gap(subject, f"expected one {name}, found {len(found)}")
    for key, value in values.items():
        if found[0].data.get(key) != value or type(found[0].data.get(key)) is not type(value):
            raise _gap(
                subject,
                f"entry {found[0].index} ({name}): expected {key} {value!r}, found {found[0].data.get(key)!r:.80}",
            )
    return found[0]


def _require_one_value(steps: list[Entry], subject: str, key: str, names: tuple[str, ...]) -> None:
    linked = [step for step in steps if step.type in names]
    first = linked[0]
    for step in linked:
        value = step.data.get(key)
        if not value or value != first.data.get(key):
            raise _gap(
                subject,
                f"entry {step.index} ({step.type}): expected {key} {first.data.get(key)!r:.80} "
                f"as in entry {first.index}, found {value!r:.80}",
            )


def _gap(subject: str, what: str) -> LedgerError:
    return LedgerError(
        f"program {subject}: {what}", remedy="its score is not learnt from; this is a fault of the platform: report it"
    )
