"""The ledger as a file: `ledger.jsonl`, written by one process, durable batch by batch.

A batch is event lines and the commit line that signs the tree over all of them; one `write`, one `fdatasync`.
`append` returns after that: acknowledged means on disk and under a signed root. Threads that append at the
same time share a batch. After a failed write nothing more is written (the kernel may have dropped the dirty
pages and report success for a second try: Rebello et al., ATC '20). A ledger is created once and may be
opened again: then it is verified first, and a torn tail is cut (`recovery.py`).
"""

from __future__ import annotations

import itertools
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger import keys
from orchestrator.ledger.commit import MAX_BATCH_EVENTS, TornTailError, commit_line
from orchestrator.ledger.entry import FORMAT, MAX_LINE_BYTES, SEAM_TYPES, Entry, Place, event_of
from orchestrator.ledger.line import Clock, Draft, LineWriter, SystemClock, ulid
from orchestrator.ledger.note import SignedCheckpoint, Signer, VerifierKey, require_name
from orchestrator.ledger.payload import FOLDER
from orchestrator.ledger.reading import Held, batches_of, entry_of, read
from orchestrator.ledger.recovery import (
    create_locked,
    cut,
    failed,
    open_locked,
    put_beside,
    sync_directory,
    unrecorded,
)
from orchestrator.ledger.tree import leaf_hash

FILE_NAME = "ledger.jsonl"
CHECKPOINT_NAME = "checkpoint"
_ULID_BYTES = 10


@dataclass(frozen=True, slots=True)
class _Request:
    """What one thread wants appended, and where it waits for the answer."""

    drafts: tuple[Draft, ...]
    answer: Future[tuple[Entry, ...]]
    successor: Signer | None  # the key that signs after this


class Ledger:
    """The writing end of one run's ledger. Thread-safe. Use as a context manager, or call `close`."""

    def __init__(self, fd: int, path: Path, lines: LineWriter) -> None:
        """Take over a locked, open file; callers use `create` or `open`."""
        self.path = path
        self._fd = fd
        self._lines = lines
        self._signer: Signer | None = None  # the key in use; known when the log was read
        self._place = Place()
        self._note: SignedCheckpoint | None = None  # of what is durable
        self._end = 0  # offset of the end of the last durable batch
        self._lock = threading.Lock()  # of note, end and offsets
        self._offsets: dict[str, list[int]] = {}  # subject -> where its lines begin
        # One thread writes, so that Ctrl-C, which Python raises in the main thread, cannot tear a write.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._waiting: deque[_Request] = deque()
        self._failure = ""

    @classmethod
    def create(
        cls,
        path: Path,
        *,
        source: str,
        config_sha256: str,
        actor: str = "",
        weakened: Sequence[str] = (),
        clock: Clock | None = None,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
        signer: Signer | None = None,
    ) -> Ledger:
        """Create the file, lock it, and write `log.opened`; then `log.recovered`, if a killed process had begun it.

        The file must not exist, or nothing in it may ever have been acknowledged: then what it holds is set aside.

        `source` is `assay/<run name>`; a ULID is added, so that no two logs have one name. `actor` says who
        runs this process (default: its uid); `weakened` names what the run was told to do without: every
        event repeats it; `entropy(n)` gives n random bytes for ids; `signer` is by default the user's key.

        Raises:
            LedgerError: the file holds a log, another process writes it, it cannot be written, or there is no key.
        """
        clock = clock or SystemClock()
        signer = signer or keys.users_key(path.parent)
        origin = require_name(f"{source}/{ulid(int(clock.now().timestamp() * 1000), entropy(_ULID_BYTES))}")
        lines = LineWriter(
            source=origin,
            actor=actor,
            weakened=weakened,
            clock=clock,
            entropy=entropy,
            blobs=path.parent / FOLDER,
        )
        ledger = cls(create_locked(path), path, lines)
        ledger._signer = signer
        opening = {"origin": origin, "format": FORMAT, "config_sha256": config_sha256, "vkey": str(signer.key(origin))}
        try:
            ledger.append("log.opened", "", opening)
            sync_directory(path.parent)
            ledger._record_tails(frozenset())
        except BaseException as error:
            path.unlink(missing_ok=True)
            ledger._release()
            if isinstance(error, OSError):
                raise failed(path, error) from error
            raise
        return ledger

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        actor: str = "",
        weakened: Sequence[str] = (),
        clock: Clock | None = None,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
        signer: Signer | None = None,
        held: SignedCheckpoint | None = None,
    ) -> Ledger:
        """Go on with an existing ledger: 1 lock, 2 verify all of it, 3 cut a torn tail, 4 record that.

        Appends `log.recovered` where a tail was cut, `log.key_rotated` where the user's key is another by
        now, and `log.reopened`; source and format are the log's own. `held` is a checkpoint of this log that
        was kept elsewhere: a log that is not its continuation is refused.

        Raises:
            LedgerError: none there, another process writes it, damaged, behind `held`, it cannot be written,
                or its key is not to be had.
        """
        lines = LineWriter(
            source="",
            actor=actor,
            weakened=weakened,
            clock=clock or SystemClock(),
            entropy=entropy,
            blobs=path.parent / FOLDER,
        )
        ledger = cls(open_locked(path), path, lines)
        try:
            ledger._take_up(signer, held)
        except BaseException as error:
            ledger._release()
            if isinstance(error, OSError):
                raise failed(path, error) from error
            raise
        return ledger

    @property
    def size(self) -> int:
        """How many entries are durable."""
        return self._note.checkpoint.size if self._note else 0

    @property
    def root(self) -> str:
        """Hex of the root over what is durable."""
        return self._note.checkpoint.root.hex() if self._note else ""

    @property
    def checkpoint(self) -> SignedCheckpoint:
        """The signed note over what is durable."""
        assert self._note is not None  # noqa: S101 - `create` and `open` return after the first commit
        return self._note

    @property
    def key(self) -> VerifierKey:
        """The key that signs what is appended next."""
        assert self._place.key is not None  # noqa: S101 - as above
        return self._place.key

    def append(self, event_type: str, subject: str, data: Mapping[str, Any]) -> Entry:
        """Append one event; it is durable when this returns. Raises as `append_many`."""
        return self.append_many([(event_type, subject, data)])[0]

    def append_many(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Append events in order with one write and one fdatasync; all are durable when this returns.

        `data` is taken as it is: who changes it afterwards changes the returned entry, not the record.

        Raises:
            LedgerError: an event is malformed, too large or out of place, or there are more than
                `MAX_BATCH_EVENTS` (then none was written and the ledger can go on), or the disk failed
                (then every later append raises, too).
        """
        if len(drafts) > MAX_BATCH_EVENTS:
            raise LedgerError(f"expected at most {MAX_BATCH_EVENTS} events at once, found {len(drafts)}")
        return self._submit(_Request(tuple(drafts), Future(), None)) if drafts else ()

    def rotate(self, signer: Signer) -> None:
        """Hand the log over to another key; its old one signs that. Raises as `append`."""
        source = self._lines.source
        said = {"old_vkey": str(self._place.key), "new_vkey": str(signer.key(source))}
        self._submit(_Request((("log.key_rotated", "", said),), Future(), signer))

    def entries(self) -> Iterator[Entry]:
        """Yield what is durable, from the first entry to what is the last one now, each verified as it is read."""
        return itertools.islice(read(self.path), self.size)

    def history(self, subject: str) -> tuple[Entry, ...]:
        """Return what has been recorded of a program, in order; read back from the file."""
        with self._lock:
            offsets = tuple(self._offsets.get(subject, ()))
        return tuple(self._entry_at(offset) for offset in offsets)

    def close(self) -> None:
        """Write `log.closed` unless a write has failed, and release the file; the second time, do nothing."""
        if self._fd < 0:
            return
        try:
            if not self._failure:
                self.append("log.closed", "", {})
                put_beside(self.path.with_name(CHECKPOINT_NAME), self.checkpoint.render())
        finally:
            self._release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_up(self, signer: Signer | None, held: SignedCheckpoint | None) -> None:
        known = self._load(held)
        newest = signer or keys.users_key(self.path.parent)
        self._signer = keys.former(self._place.key, newest)
        self._lines.source, closed = self._place.source, self._place.closed
        self._record_tails(known)
        self.append("log.reopened", "", {"closed": closed})
        if newest is not self._signer:
            self.rotate(newest)

    def _record_tails(self, known: Collection[str]) -> None:
        for tail in unrecorded(self.path, known):
            self.append("log.recovered", "", asdict(tail))

    def _load(self, held: SignedCheckpoint | None) -> set[str]:
        """Read and verify what is there; cut a torn tail; return the digests of tails that were recorded."""
        known: set[str] = set()
        guard, torn = Held(held), False
        try:
            for batch in batches_of(self.path):
                guard.take(batch)
                begin = self._end
                for leaf in batch.leaves:
                    event = leaf.event
                    self._offsets.setdefault(event["subject"], []).append(begin)
                    begin += len(leaf.line) + 1
                    if leaf.type == "log.recovered":
                        known.add(event["data"]["torn_sha256"])
                self._place, self._note, self._end = batch.place, batch.note, batch.end
        except TornTailError:
            if self._place.size == 0:
                raise
            torn = True
        guard.require()
        if torn:
            cut(self._fd, self.path, at=self._end)
        return known

    def _submit(self, request: _Request) -> tuple[Entry, ...]:
        self._waiting.append(request)
        self._thread.submit(self._drain)
        return request.answer.result()

    def _drain(self) -> None:
        """Write what is waiting, in batches; answer each thread."""
        while requests := self._next_batch():
            try:
                self._append(requests)
            except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
                for request in requests:
                    if not request.answer.done():
                        request.answer.set_exception(error)

    def _next_batch(self) -> list[_Request]:
        """Take what fits into one batch; a change of keys ends it."""
        taken: list[_Request] = []
        events = 0
        while self._waiting and events + len(self._waiting[0].drafts) <= MAX_BATCH_EVENTS:
            taken.append(self._waiting.popleft())
            events += len(taken[-1].drafts)
            if taken[-1].successor:
                break
        return taken

    def _append(self, requests: Sequence[_Request]) -> None:
        self._require_writable()
        place, lines, accepted = self._place, [], []
        for request in requests:
            try:
                place, made, entries = self._build(place.copy(), request.drafts)
            except LedgerError as error:
                request.answer.set_exception(error)
                continue
            lines += made
            accepted.append((request, entries))
        if not lines or self._signer is None:
            return
        commit, note = commit_line(place, self._signer)
        self._write_durably(b"".join([*lines, commit]))
        self._remember(place, note, lines, len(commit), accepted)
        for request, entries in accepted:
            if request.successor:
                self._signer = request.successor
                self._place.key = request.successor.key(place.source)
            request.answer.set_result(tuple(entries))

    def _build(self, place: Place, drafts: Sequence[Draft]) -> tuple[Place, list[bytes], list[Entry]]:
        """Make the lines of some events and move `place` on by them."""
        lines, entries = [], []
        for event_type, subject, data in drafts:
            index = place.size
            if event_type in SEAM_TYPES:
                data = {**data, "size": index, "root": place.root}
            made = self._lines.line(index, event_type, subject, data)
            leaf = leaf_hash(made.line)
            place.take(event_type, self._lines.source, made.data, leaf)
            lines.append(made.line + b"\n")
            entries.append(
                Entry(
                    index=index,
                    hash=leaf.hex(),
                    type=event_type,
                    subject=made.subject,
                    time=made.time,
                    data=made.data,
                )
            )
        return place, lines, entries

    def _remember(
        self,
        place: Place,
        note: SignedCheckpoint,
        lines: Sequence[bytes],
        commit_bytes: int,
        accepted: Sequence[tuple[_Request, Sequence[Entry]]],
    ) -> None:
        with self._lock:
            sizes = iter(lines)
            for _, entries in accepted:
                for entry in entries:
                    self._offsets.setdefault(entry.subject, []).append(self._end)
                    self._end += len(next(sizes))
            self._place, self._note = place, note
            self._end += commit_bytes

    def _entry_at(self, offset: int) -> Entry:
        """Read one durable event back; whoever holds the file locked trusts its own offsets, not its bytes."""
        try:
            line, newline, _ = os.pread(self._fd, MAX_LINE_BYTES, offset).partition(b"\n")
        except OSError as error:
            raise LedgerError(f"{self.path}: cannot be read: {error.strerror}") from error
        if not newline:
            raise LedgerError(f"{self.path}: expected an event at byte {offset}, found {line[:60]!r}")
        return entry_of(event_of(line), leaf_hash(line), self.path)

    def _release(self) -> None:
        self._thread.shutdown()
        os.close(self._fd)
        self._fd = -1

    def _require_writable(self) -> None:
        if self._failure:
            raise LedgerError(
                f"{self.path}: nothing more is written, since a write failed: {self._failure}",
                remedy="free disk space or mend the disk",
            )
        if self._fd < 0:
            raise LedgerError(f"{self.path}: the ledger is closed")

    def _write_durably(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            if written != len(data):  # a second write could succeed and leave a gap in nobody's knowledge
                raise OSError(f"the disk took {written} of {len(data)} bytes")
            os.fdatasync(self._fd)
        except OSError as error:
            self._failure = error.strerror or str(error)
            raise failed(self.path, error) from error
