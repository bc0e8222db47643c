"""Has the record of a run cosigned while the run goes on, by witnesses elsewhere (`[ledger] witnesses`).

One thread asks them, at intervals; nothing that is appended waits for it. What a witness says of the log's history is
never tolerated: a run whose record is behind its witness (an old copy was put back) or beside it (a fork) ends, or
does not begin. That a witness cannot be reached matters only where witnesses are required: then a run does not begin
without them, is stopped as by a signal when they were gone for too long, and does not complete without them.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config import LedgerSettings
from orchestrator.credentials import shown
from orchestrator.errors import AssayError, LedgerError, UsageError
from orchestrator.ledger import Draft, Ledger, TornTailError
from orchestrator.ledger.cosignature import Cosigned, CosignerKey
from orchestrator.ledger.growth import Growth
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey, encoded
from orchestrator.ledger.reading import HeldError, batches_of
from orchestrator.ledger.standing import WITNESSED
from orchestrator.ledger.witnesses import HttpWitness, WitnessError, cosign, cosigner, put_cosigned
from orchestrator.logs import log_to, logger

FAILED = "witness.failed"
_MAX_WHY_CHARS = 400
_JOIN_SECONDS = 2.0  # a thread that waits for a network is left behind: it appends nothing any more


@dataclass(slots=True, kw_only=True, eq=False)
class _Voice:
    """One witness: what it was last seen to vouch for, and why not for more."""

    where: str
    key: CosignerKey
    size: int = 0
    good: float = 0.0  # on the monotonic clock: when it last vouched for all that there was
    why: str = ""
    told: bool = False  # that it fails is on record


@dataclass(slots=True, kw_only=True)
class _Round:
    """What came of asking all witnesses once."""

    cosigned: list[Cosigned] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


class Witnessing:
    """The witnesses of one run. Without any, every method does nothing."""

    def __init__(self, settings: LedgerSettings, run_dir: Path, *, stop_main: Callable[[], None] | None = None) -> None:
        """Look at the settings; nothing is asked yet. `stop_main` ends the run (default: SIGTERM to this process).

        Raises:
            UsageError: a key or an address is none, or a witness lies within the run that it watches.
        """
        self._settings = settings
        self._voices = [
            _voice(*each, settings, run_dir) for each in zip(settings.witnesses, settings.witness_keys, strict=True)
        ]
        self._tree = Growth()
        self._seen = 0  # size up to which nothing but our own events is unwitnessed
        self._turn = threading.Lock()  # who asks
        self._gate = threading.Lock()  # of what follows, and of every append of ours
        self._working = False
        self._lost: AssayError | None = None
        self._stop_main = stop_main or (lambda: os.kill(os.getpid(), signal.SIGTERM))

    @property
    def lost(self) -> AssayError | None:
        """Why the run may not go on; None as long as it may."""
        return self._lost

    @property
    def complaints(self) -> list[str]:
        """One line for each witness that does not vouch at present, for people."""
        return [f"witness {voice.where}: {voice.why}" for voice in self._voices if voice.why]

    def require_past(self, path: Path) -> SignedCheckpoint | None:
        """Ask the witnesses about a run that is to go on, before anything is appended; return what they vouch for.

        Raises:
            HeldError: its record is older than what a witness has seen, or another.
            LedgerError: fewer witnesses than required vouch for it, or it is damaged.
        """
        if not self._voices:
            return None
        note = key = None
        with suppress(TornTailError):  # a tail that was acknowledged to nobody
            for batch in batches_of(path):
                for leaf in batch.leaves:
                    self._tree.append(leaf.hash)
                note, key = batch.note, batch.key
        self._tree, tree = Growth(), self._tree
        if note is None or key is None:
            return None
        found = self._asked(note, key, tree, self._voices)
        for voice in self._voices:
            voice.told = False  # nothing could be recorded yet
        self._require(note.checkpoint.size)
        return note if found.cosigned else None

    @contextmanager
    def during(self, ledger: Ledger) -> Iterator[None]:
        """Have the record cosigned now, and then at intervals until the context ends.

        Raises:
            LedgerError: fewer witnesses than required vouch for it now, or one of them has seen another history.
        """
        if not self._voices:
            yield
            return
        self._working = True
        self.settle(ledger)
        wake = threading.Event()
        thread = threading.Thread(target=self._work, args=(ledger, wake), name="witnesses", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._gate:
                self._working = False
            wake.set()
            thread.join(_JOIN_SECONDS)

    def settle(self, ledger: Ledger) -> None:
        """Have all of the record cosigned now; the run may begin when this returns.

        Raises:
            LedgerError: fewer witnesses than required vouch for it, or one of them has seen another history.
        """
        if self._voices:
            size = ledger.size
            self._round(ledger, force=True)
            if self._lost is not None:
                raise self._lost
            self._require(size)

    def complete(self, ledger: Ledger) -> None:
        """Have all of the record cosigned, and record nothing more: what follows is sealed. Raises as `settle`."""
        self.settle(ledger)
        with self._gate:
            self._working = False

    def seal(self, ledger: Ledger) -> None:
        """Have the record cosigned that was put away, and put that beside it. What fails is said in the run's log."""
        asked = [voice for voice in self._voices if not voice.why]
        if not asked or self._lost is not None:
            return
        try:
            note = ledger.checkpoint
            self._tree.follow(ledger.path, note)
            lines = self._asked(note, ledger.key, self._tree, asked).cosigned
            put_cosigned(ledger.path, note, [each.line for each in lines])
            why = "; ".join(self.complaints)
        except AssayError as error:
            why = str(error)
        if why:
            with suppress(AssayError), log_to(ledger.path.parent / "log.jsonl"):
                logger().warning("the end of the record is not witnessed", why=why)

    def _work(self, ledger: Ledger, wake: threading.Event) -> None:
        """Ask at intervals, in a thread of its own; end the run if that has to be."""
        while not wake.wait(self._settings.witness_every_s) and self._working:
            try:
                self._round(ledger)
                self._require_recent()
            except AssayError as error:
                self._lost = self._lost or error
            if self._lost is not None:
                with self._gate:
                    if self._working:
                        self._working = False
                        self._stop_main()
                return

    def _round(self, ledger: Ledger, *, force: bool = False) -> None:
        """Ask all witnesses about what there is now, if there is anything new, and record what they said."""
        with self._turn:
            note = ledger.checkpoint
            size = note.checkpoint.size
            new = force or size > self._seen
            asked = [voice for voice in self._voices if voice.why or (new and voice.size < size)]
            for voice in self._voices:
                if voice not in asked:
                    voice.good = time.monotonic()
            if not asked:
                return
            try:
                note, found = self._asked_of_all(ledger, note, asked)
            except HeldError as error:
                self._lost = error
                return
            size = note.checkpoint.size
            with self._gate:
                if self._working:
                    if found.cosigned:
                        put_cosigned(ledger.path, note, [each.line for each in found.cosigned])
                    self._record(ledger, found.drafts, size)

    def _asked_of_all(
        self, ledger: Ledger, note: SignedCheckpoint, asked: list[_Voice]
    ) -> tuple[SignedCheckpoint, _Round]:
        """Ask about all there is; again, if there is more by now: `assay ledger witness` may have shown them that."""
        self._tree.follow(ledger.path, note)
        try:
            return note, self._asked(note, ledger.key, self._tree, asked)
        except HeldError:
            newer = ledger.checkpoint
            if newer.checkpoint.size == note.checkpoint.size:
                raise
        self._tree.follow(ledger.path, newer)
        return newer, self._asked(newer, ledger.key, self._tree, asked)

    def _record(self, ledger: Ledger, drafts: list[Draft], size: int) -> None:
        entries = ledger.append_many(drafts)
        alone = not entries or entries[0].index == size
        self._seen = size + len(entries) if alone else size

    def _asked(self, note: SignedCheckpoint, key: VerifierKey, tree: Growth, voices: list[_Voice]) -> _Round:
        """Ask each witness once; a history that is another's is raised, any other failure is kept with its voice."""
        found = _Round()
        for voice in voices:
            try:
                witness = cosigner(voice.where, voice.key, plain_http=self._settings.plain_http)
                cosigned = cosign(witness, note, key, tree.consistency, thought=voice.size)
            except HeldError:
                raise
            except WitnessError as error:
                voice.why = shown(error.what, _MAX_WHY_CHARS)
                if not voice.told:
                    found.drafts.append((FAILED, "", _failure(voice)))
                    logger().warning("a witness failed", where=voice.where, why=voice.why)
                voice.told = True
                continue
            voice.size, voice.good = cosigned.checkpoint.size, time.monotonic()
            voice.why, voice.told = "", False
            found.cosigned.append(cosigned)
            found.drafts.append((WITNESSED, "", _said(cosigned)))
        return found

    def _require(self, size: int) -> None:
        self._enough(sum(voice.size >= size and not voice.why for voice in self._voices), "")

    def _require_recent(self) -> None:
        since = time.monotonic() - self._settings.witness_grace_s
        self._enough(
            sum(voice.good >= since for voice in self._voices), f" within {self._settings.witness_grace_s:g} s"
        )

    def _enough(self, found: int, within: str) -> None:
        if found < self._settings.require_witness:
            raise LedgerError(
                f"expected {self._settings.require_witness} witnesses to vouch for the record{within}, found {found}: "
                + "; ".join(self.complaints),
                remedy="bring them back",
            )


def _voice(where: str, key: str, settings: LedgerSettings, run_dir: Path) -> _Voice:
    """Return a witness as configured; its directory may be missing for now."""
    try:
        known = CosignerKey.parse(key)
    except LedgerError as error:
        raise UsageError(
            f"[ledger] witness_keys: {error.what}", remedy="put in what `assay ledger witness-init` printed"
        ) from error
    if "://" in where:
        HttpWitness(where, known, plain_http=settings.plain_http)
    elif Path(where).resolve().is_relative_to(run_dir.resolve()):
        raise UsageError(
            f"[ledger] witnesses: {where} lies within the run that it is to watch",
            remedy="put it on another disk or host: whoever copies or edits the run would have it",
        )
    return _Voice(where=where, key=known)


def _failure(voice: _Voice) -> dict[str, object]:
    return {"witness": str(voice.key), "where": voice.where, "why": voice.why, "size": voice.size}


def _said(cosigned: Cosigned) -> dict[str, object]:
    return {
        "size": cosigned.checkpoint.size,
        "root": cosigned.checkpoint.root.hex(),
        "witness": str(cosigned.key),
        "time": cosigned.time,
        "cosignature": encoded(cosigned.line[1]),
    }
