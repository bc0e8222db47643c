"""The entries that statements about one merged model rest on. A fold over entries, pure.

It is the same for the entries that were read from a ledger and for those that a file's proofs hold for.
What proofs cannot show is absence: that no entry rejects the program is looked at on export only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger import Entry, require_chain
from orchestrator.ledger.evidence import REQUIRED

RUN_TYPES = ("run.started", "determinism.profile", "inputs.resolved")
"""What is recorded once per run (the profile: once per process) and holds for all of its programs."""

LIFE_TYPES = frozenset({*(name for name, _ in REQUIRED), "candidate.rejected", "sandbox.lost"})
"""What has to be looked at of a program's life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The entries of one scored program, each by its part."""

    origin: str  # of the log
    run: Entry  # run.started
    machine: Entry  # determinism.profile of the process at work
    inputs: Entry  # inputs.resolved
    generated: Entry
    policy: Entry
    screen: Entry
    created: Entry  # sandbox.created, of the container whose output was verified
    started: Entry
    exited: Entry
    verified: Entry  # outputs.verified
    dev: Entry  # eval.completed on dev
    test: Entry | None = None  # eval.completed on test, where the statement is about that
    weakened: tuple[str, ...] = ()  # what the run was told to do without, as its events repeat it

    @property
    def program(self) -> str:
        return self.generated.subject


def basis_of(origin: str, entries: Sequence[Entry], events: Sequence[Mapping[str, Any]]) -> Basis:
    """Return the basis that these entries make; none may be missing, none left over.

    `events` are the same, as they stand in the log.

    1 one program, 2 its chain, 3 the run's entries, before its container started, 4 at most one result on test,
    of the same output, 5 nothing else.

    Raises:
        LedgerError: one of these does not hold.
    """
    generated = [entry for entry in entries if entry.type == "candidate.generated"]
    if len(generated) != 1:
        raise LedgerError(f"expected the entries of one program, found {len(generated)} candidate.generated")
    program = generated[0].subject
    by_index = {entry.index: entry for entry in entries}
    chain = [by_index[index] for index in require_chain(entries, program)]
    run, machine, inputs = (_of_run(entries, name, before=chain[4]) for name in RUN_TYPES)
    test = _on_test(entries, chain[6])
    used = {entry.index for entry in (run, machine, inputs, *chain, *([test] if test else []))}
    if len(entries) != len(used):
        raise LedgerError(f"expected the {len(used)} entries that a statement rests on, found {len(entries)}")
    parts = ("generated", "policy", "screen", "created", "started", "exited", "verified", "dev")
    return Basis(
        origin=origin,
        run=run,
        machine=machine,
        inputs=inputs,
        test=test,
        weakened=_weakened(events),
        **dict(zip(parts, chain, strict=True)),
    )


def selected(run_entries: Sequence[Entry], life: Sequence[Entry], *, test: bool) -> tuple[Entry, ...]:
    """Return what `basis_of` takes, of all the run's entries and a program's whole life on record.

    Raises:
        LedgerError: the program's chain has a gap.
    """
    chain = require_chain(life, life[0].subject)
    started = chain[4]
    found = [entry for entry in life if entry.index in chain or (test and _is_test(entry))]
    for name in RUN_TYPES:
        found += [entry for entry in run_entries if entry.type == name and entry.index < started][-1:]
    return tuple(sorted(found, key=lambda entry: entry.index))


def has_test(life: Sequence[Entry]) -> bool:
    """Say whether a program was scored on the test split."""
    return any(_is_test(entry) for entry in life)


def _weakened(events: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    said = [event["host"].get("weakened", []) for event in events]
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in said):
        raise LedgerError(f"expected the names of what the run was told to do without, found {said!r:.200}")
    return tuple(sorted({name for names in said for name in names}))


def _is_test(entry: Entry) -> bool:
    return entry.type == "eval.completed" and entry.data["split"] == "test"


def _of_run(entries: Sequence[Entry], name: str, *, before: Entry) -> Entry:
    found = [entry for entry in entries if entry.type == name]
    if len(found) != 1 or found[0].index > before.index:
        raise LedgerError(
            f"program {before.subject}: expected one {name} before entry {before.index}, "
            f"found {[entry.index for entry in found]!r:.80}"
        )
    return found[0]


def _on_test(entries: Sequence[Entry], verified: Entry) -> Entry | None:
    found = [entry for entry in entries if _is_test(entry)]
    for entry in found:
        for key in ("program_sha256", "output_sha256"):
            if entry.data[key] != verified.data[key] or entry.subject != verified.subject:
                raise LedgerError(
                    f"entry {entry.index}: expected {key} {verified.data[key]} of {verified.subject}, "
                    f"found {entry.data[key]} of {entry.subject!r:.80}"
                )
    if len(found) > 1:
        raise LedgerError(f"program {verified.subject}: expected one result on test, found {len(found)}")
    return found[0] if found else None
