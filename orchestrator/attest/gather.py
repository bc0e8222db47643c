"""A ledger -> the scored programs on record, with their entries and the proofs of these. One pass, all verified.

A program that was rejected is let go of as soon as that is read. The rest is held in memory: some kilobytes each.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.attest.basis import LIFE_TYPES, RUN_TYPES, has_test, selected
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import Entry
from orchestrator.ledger.cosignature import with_lines
from orchestrator.ledger.note import MAX_NOTE_BYTES, SignedCheckpoint, parse
from orchestrator.ledger.prover import Prover
from orchestrator.ledger.reading import Held, batches_of, entry_of
from orchestrator.ledger.remembered import recall
from orchestrator.ledger.store import CHECKPOINT_NAME
from orchestrator.regular import read_regular

_Found = tuple[Mapping[str, Any], bytes]  # an event, and its leaf hash


class Gathered:
    """What one ledger holds for statements."""

    def __init__(self, path: Path) -> None:
        """Read a ledger to its end.

        Raises:
            LedgerError: it is damaged, ends torn, or does not go on from what was verified here before.
        """
        self._path = path
        self._run: list[_Found] = []
        self._lives: dict[str, list[_Found]] = {}
        self.rejected: set[str] = set()
        leaves: list[bytes] = []
        last, held = None, None
        for last in batches_of(path):
            held = held or Held(recall(last.key))
            held.take(last)
            for leaf in last.leaves:
                leaves.append(leaf.hash)
                self._take(leaf.event, leaf.hash)
        if last is None or held is None:
            raise LedgerError(f"{path}: expected a log, found nothing")
        held.require()
        self.origin = last.note.checkpoint.origin
        self._prover = Prover(leaves, _with_cosignatures(path, last.note), last.key)

    def _take(self, event: Mapping[str, Any], leaf: bytes) -> None:
        kind, subject = event["type"], event["subject"]
        if kind in RUN_TYPES:
            self._run.append((event, leaf))
        elif kind == "candidate.rejected":
            self.rejected.add(subject)
            self._lives.pop(subject, None)
        elif kind == "candidate.generated":
            self._lives[subject] = [(event, leaf)]
        elif kind in LIFE_TYPES and subject in self._lives:
            self._lives[subject].append((event, leaf))

    @property
    def programs(self) -> tuple[str, ...]:
        """Name every program on record that was not rejected, in the order of the record."""
        return tuple(self._lives)

    def is_scored(self, program: str) -> bool:
        """Say whether a program has a result on dev, and was not rejected."""
        return any(
            event["type"] == "eval.completed" and event["data"]["split"] == "dev"
            for event, _ in self._lives.get(program, ())
        )

    def bases(self, program: str) -> list[Based]:
        """Return what a scored program's statements rest on: on dev, and on test where it has a result there.

        Raises:
            LedgerError: its record has a gap, or a large value's blob is gone or altered.
        """
        run, life = self._entries(self._run), self._entries(self._lives[program])
        return [
            self._based(selected(run, life, test=test), program)
            for test in ([False, True] if has_test(life) else [False])
        ]

    def _entries(self, found: Sequence[_Found]) -> list[Entry]:
        return [entry_of(dict(event), leaf, self._path) for event, leaf in found]

    def _based(self, entries: tuple[Entry, ...], program: str) -> Based:
        events = {event["seq"]: event for event, _ in (*self._run, *self._lives[program])}
        return Based(
            entries=entries,
            events=tuple(events[entry.index] for entry in entries),
            proofs=tuple(self._prover.prove(events[entry.index]) for entry in entries),
        )


def _with_cosignatures(path: Path, note: SignedCheckpoint) -> SignedCheckpoint:
    """Return the last checkpoint with the witnesses' lines that lie beside the log, if they are of this very one."""
    with contextlib.suppress(OSError, LedgerError):
        beside = parse(read_regular(path.with_name(CHECKPOINT_NAME), MAX_NOTE_BYTES + 1))
        if beside.checkpoint == note.checkpoint:
            return with_lines(beside, note.signatures)
    return note


@dataclass(frozen=True, slots=True, kw_only=True)
class Based:
    """The entries that statements rest on, as they were written, and their proofs, in the same order."""

    entries: tuple[Entry, ...]
    events: tuple[Mapping[str, Any], ...]
    proofs: tuple[Mapping[str, Any], ...]


def chosen(gathered: Gathered, programs: Sequence[str]) -> tuple[str, ...]:
    """Return the programs that are asked for, in the order of the record; all scored ones where none is.

    Raises:
        UsageError: one is not on record or was not scored, or there is none.
    """
    wanted = [name for each in programs for name in each.split(",") if name]
    for name in wanted:
        if not gathered.is_scored(name):
            on_record = name in gathered.programs or name in gathered.rejected
            raise UsageError(
                f"--program {name!r:.80}: expected a program whose merge was verified and scored, "
                f"found {'one that was not' if on_record else 'none of that name'}",
                remedy="`assay show RUN` lists the programs",
            )
    found = tuple(name for name in gathered.programs if (not wanted or name in wanted) and gathered.is_scored(name))
    if not found:
        raise UsageError(
            "expected a program whose merge was verified and scored, found none on record",
            remedy="pass another run; `assay exec` scores nothing",
        )
    return found
