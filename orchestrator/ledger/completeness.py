"""Whether everything that began has its end on record. A fold over events, pure.

This is not integrity: a log can be untouched and lack an end, because the process was killed, or because
its writer left the end out. What a killed or failed process left open is excused by the entry that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ENDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "iteration.started": ("iteration.completed", ("iteration",)),
    "stage.started": ("stage.completed", ("iteration", "stage")),
    "sandbox.created": ("sandbox.exited", ("container_id",)),
    "run.started": ("the end of the run", ()),
    "candidate.generated": ("eval.completed, outputs.verified or candidate.rejected", ()),
}
"""What begins -> what must follow, and the data keys that they share."""

_ENDED_BY: Mapping[str, str] = {
    "iteration.completed": "iteration.started",
    "stage.completed": "stage.started",
    "sandbox.exited": "sandbox.created",
    "sandbox.lost": "sandbox.created",
    "run.completed": "run.started",
    "run.failed": "run.started",
    "run.interrupted": "run.started",
    "eval.completed": "candidate.generated",
    "outputs.verified": "candidate.generated",
    "candidate.rejected": "candidate.generated",
}
_CUT_SHORT = frozenset({"run.failed", "run.interrupted", "log.reopened"})
"""After these, what was under way is known to have been cut off; programs then have an end later, or none."""


class Completeness:
    """What has begun and not ended, as the events pass."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, ...], int] = {}
        self._index = 0
        self._evaluates = False  # `exec` has no iterations, and ends with verified outputs
        self._put_away = True

    def take(self, event_type: str, subject: str, data: Mapping[str, Any]) -> None:
        """Look at the next event."""
        if event_type in _ENDS:
            self._open[_key(event_type, subject, data)] = self._index
        elif event_type in _ENDED_BY and self._ends(event_type, data):
            self._open.pop(_key(_ENDED_BY[event_type], subject, data), None)
        if event_type in _CUT_SHORT:
            excused = ("candidate.generated", *(["run.started"] if event_type == "log.reopened" else []))
            self._open = {key: index for key, index in self._open.items() if key[0] in excused}
        self._evaluates = self._evaluates or event_type == "iteration.started"
        self._put_away = event_type == "log.closed"
        self._index += 1

    def _ends(self, event_type: str, data: Mapping[str, Any]) -> bool:
        """Say whether a program's step is its end: its score on dev; a second one, on test, is none."""
        if event_type == "outputs.verified":
            return not self._evaluates
        return event_type != "eval.completed" or data["split"] == "dev"

    def missing(self) -> tuple[str, ...]:
        """Return what lacks its end, in order, one sentence each."""
        found = [
            f"entry {index}: {' '.join(filter(None, key))} has no {_ENDS[key[0]][0]}"
            for key, index in sorted(self._open.items(), key=lambda item: item[1])
        ]
        if not self._put_away:
            found.append("the last entry is not log.closed: the writer is still at work, or was killed")
        return tuple(found)


def _key(event_type: str, subject: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    if event_type == "candidate.generated":
        return (event_type, subject)
    return (event_type, *(str(data[name]) for name in _ENDS[event_type][1]))
