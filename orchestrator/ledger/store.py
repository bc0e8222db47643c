"""The ledger as a file: `ledger.jsonl`, written by one process, durable entry by entry.

`append` returns after `fdatasync`: what it returned is on disk. After a failed write nothing more is
written (the kernel may have dropped the dirty pages and report success for a second try: Rebello et al.,
ATC '20). A ledger is created once and may be opened again: then it is verified first, and a torn tail is
cut (`recovery.py`). What a run does with what it finds there is not decided here.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import canonical
from orchestrator.ledger.chain import FORMAT, MAX_LINE_BYTES, SPEC_VERSION, Entry, Head, follow
from orchestrator.ledger.recovery import cut, open_locked, sync_directory, unrecorded

FILE_NAME = "ledger.jsonl"
_MODE = 0o600
_READ_BYTES = 1024 * 1024
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Draft = tuple[str, str, Mapping[str, Any]]
"""An event before it has a place: (type, subject, data)."""


class Clock(Protocol):
    """Where times come from; tests and replay pass their own."""

    def now(self) -> datetime:
        """Return the time, with a zone."""
        ...

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never go back."""
        ...


class SystemClock:
    """The host's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()


class Ledger:
    """The writing end of one run's ledger. Thread-safe. Use as a context manager, or call `close`."""

    def __init__(
        self,
        fd: int,
        path: Path,
        *,
        source: str,
        actor: str,
        weakened: Sequence[str],
        clock: Clock,
        entropy: Callable[[int], bytes],
    ) -> None:
        """Take over a locked, open file; callers use `create` or `open`."""
        self.path = path
        self._fd = fd
        self._source = source
        self._clock = clock
        self._actor = actor
        self._host = {"boot_id": boot_id(), **({"weakened": sorted(weakened)} if weakened else {})}
        self._entropy = entropy
        self._lock = threading.Lock()  # of head and index
        # One thread writes, so that Ctrl-C, which Python raises in the main thread, cannot tear a write.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._head = Head()
        self._by_subject: dict[str, list[Entry]] = {}
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
    ) -> Ledger:
        """Create the file (it must not exist), lock it, and write `log.opened`.

        `source` is `assay/<run name>`; `actor` says who runs this process (default: its uid);
        `weakened` names what the run was told to do without: every event repeats it;
        `entropy(n)` gives n random bytes for event ids.

        Raises:
            LedgerError: the file exists, another process writes it, or it cannot be written.
        """
        ledger = cls(
            _create_locked(path),
            path,
            source=source,
            actor=actor or f"uid:{os.getuid()}",
            weakened=weakened,
            clock=clock or SystemClock(),
            entropy=entropy,
        )
        try:
            ledger.append("log.opened", "", {"origin": source, "format": FORMAT, "config_sha256": config_sha256})
            sync_directory(path.parent)
        except BaseException:
            path.unlink(missing_ok=True)
            ledger._release()
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
    ) -> Ledger:
        """Go on with an existing ledger: 1 lock, 2 verify all of it, 3 cut a torn tail, 4 record that.

        Appends `log.recovered` where a tail was cut, and `log.reopened`; source and format are the log's own.

        Raises:
            LedgerError: none there, another process writes it, damaged, or it cannot be written.
        """
        fd = open_locked(path)
        ledger = cls(
            fd,
            path,
            source="",
            actor=actor or f"uid:{os.getuid()}",
            weakened=weakened,
            clock=clock or SystemClock(),
            entropy=entropy,
        )
        try:
            ledger._take_up()
        except BaseException:
            ledger._release()
            raise
        return ledger

    def _take_up(self) -> None:
        known = self._load()
        self._source = self._head.source
        closed = self._head.closed
        for tail in unrecorded(self.path, known):
            self.append("log.recovered", "", {**self._seam(), **asdict(tail)})
        self.append("log.reopened", "", {**self._seam(), "closed": closed})

    def _load(self) -> set[str]:
        """Read and verify what is there; cut a torn tail; return the digests of tails that were recorded."""
        known, end = set(), 0
        try:
            for line, head, entry in _followed(self.path):
                self._head, end = head, end + len(line)
                self._by_subject.setdefault(entry.subject, []).append(entry)
                if entry.type == "log.recovered":
                    known.add(entry.data["torn_sha256"])
        except TornTailError:
            if self._head.size == 0:
                raise
            self._cut(end)
        return known

    def _cut(self, at: int) -> None:
        try:
            cut(self._fd, self.path, at=at)
        except OSError as error:
            raise LedgerError(
                f"{self.path}: its torn tail cannot be set aside: {error.strerror}",
                remedy="free disk space or make the run directory writable, then resume again",
            ) from error

    def _seam(self) -> dict[str, Any]:
        return {"size": self._head.size, "head": self._head.hash}

    def entries(self) -> Iterator[Entry]:
        """Yield what is durable, from the first entry to what is the last one now, each checked as it is read."""
        size = self._head.size
        return itertools.islice(read(self.path), size)

    @property
    def head(self) -> Head:
        """Size and hash of what is durable."""
        return self._head

    def append(self, event_type: str, subject: str, data: Mapping[str, Any]) -> Entry:
        """Append one event; it is durable when this returns. Raises as `append_many`."""
        return self.append_many([(event_type, subject, data)])[0]

    def append_many(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Append events in order with one write and one fdatasync; all are durable when this returns.

        Raises:
            LedgerError: an event is malformed, too large or out of place (then none was written and the
                ledger can go on), or the disk failed (then every later append raises, too).
        """
        return self._thread.submit(self._append, tuple(drafts)).result()

    def history(self, subject: str) -> tuple[Entry, ...]:
        """Return what has been recorded of a program, in order."""
        with self._lock:
            return tuple(self._by_subject.get(subject, ()))

    def close(self) -> None:
        """Write `log.closed` unless a write has failed, and release the file; the second time, do nothing."""
        if self._fd < 0:
            return
        try:
            if not self._failure:
                self.append("log.closed", "", self._seam())
        finally:
            self._release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        self._require_writable()
        head, entries, lines = self._head, [], []
        for draft in drafts:
            line = self._line(head, draft)
            head, entry = follow(head, line)
            entries.append(entry)
            lines.append(line + b"\n")
        self._write_durably(b"".join(lines))
        with self._lock:
            self._head = head
            for entry in entries:
                self._by_subject.setdefault(entry.subject, []).append(entry)
        return tuple(entries)

    def _release(self) -> None:
        self._thread.shutdown()
        os.close(self._fd)
        self._fd = -1

    def _line(self, head: Head, draft: Draft) -> bytes:
        event_type, subject, data = draft
        now = self._clock.now().astimezone(UTC)
        return canonical(
            {
                "specversion": SPEC_VERSION,
                "id": ulid(int(now.timestamp() * 1000), self._entropy(10)),
                "type": event_type,
                "source": self._source,
                "subject": subject,
                "time": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "monotonic_ns": str(self._clock.monotonic_ns()),
                "seq": head.size,
                "prev": head.hash,
                "actor": {"type": "user", "id": self._actor},
                "host": self._host,
                "data": data,
            }
        )

    def _require_writable(self) -> None:
        if self._failure:
            raise LedgerError(
                f"{self.path}: nothing more is written after a failed write ({self._failure})",
                remedy="free disk space or mend the disk, then start a new run",
            )
        if self._fd < 0:
            raise LedgerError(f"{self.path}: the ledger is closed")

    def _write_durably(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            if written != len(data):  # a second write could succeed and leave a gap in nobody's knowledge
                raise OSError(f"wrote {written} of {len(data)} bytes")
            os.fdatasync(self._fd)
        except OSError as error:
            self._failure = error.strerror or str(error)
            raise LedgerError(
                f"{self.path}: cannot be written: {self._failure}",
                remedy="free disk space or mend the disk, then start a new run",
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a ledger file holds: the intact entries from its beginning, and what is wrong after them, if anything."""

    size: int  # intact entries
    head: str  # hash of the last intact entry
    closed: bool
    torn_bytes: int  # of a last line without its newline: a crash, or a cut
    problem: str  # names the first bad index; empty when all is well

    @property
    def intact(self) -> bool:
        return not self.problem


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a ledger file, each checked against the one before it.

    Raises:
        LedgerError: unreadable, empty, torn or damaged; names the first bad index. Entries that were
            yielded before it are intact.
    """
    for _, _, entry in _followed(path):
        yield entry


def _followed(path: Path) -> Iterator[tuple[bytes, Head, Entry]]:
    head = Head()
    for line in _lines(path):
        if not line.endswith(b"\n") and len(line) <= MAX_LINE_BYTES:
            raise TornTailError(head.size, line)
        head, entry = follow(head, line.removesuffix(b"\n"))
        yield line, head, entry
    if head.size == 0:
        raise LedgerError(f"{path}: entry 0: expected log.opened, found an empty file")


def verify(path: Path) -> Verification:
    """Read a ledger to its end or to its first damage; raises `LedgerError` only if it cannot be read at all."""
    size, head, closed, torn, problem = 0, Head().hash, False, 0, ""
    try:
        for entry in read(path):
            size, head, closed = entry.index + 1, entry.hash, entry.type == "log.closed"
    except LedgerError as error:
        if isinstance(error.__cause__, OSError):
            raise
        problem = error.what
        torn = error.torn_bytes if isinstance(error, TornTailError) else 0
    return Verification(size=size, head=head, closed=closed, torn_bytes=torn, problem=problem)


class TornTailError(LedgerError):
    """The last line has no newline: the writer died inside a write, or the file was cut."""

    def __init__(self, index: int, line: bytes) -> None:
        super().__init__(
            f"entry {index}: expected a line that ends, found {len(line)} bytes without a newline",
            remedy="the run was killed while it wrote, or the file was cut; the entries before it are intact",
        )
        self.torn_bytes = len(line)


def ulid(milliseconds: int, randomness: bytes) -> str:
    """Return 48 bits of time and 80 random bits as a ULID (26 characters, Crockford's base 32)."""
    number = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(randomness[:10], "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def boot_id() -> str:
    """Return the id of the host's current boot (monotonic times compare within one only), or ""."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _create_locked(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, _MODE)
    except FileExistsError as error:
        busy = "another process is writing it" if _is_locked(path) else "it exists already"
        raise LedgerError(
            f"{path}: cannot be created: {busy}", remedy="choose another name or --run-dir for this run"
        ) from error
    except OSError as error:
        raise LedgerError(
            f"{path}: cannot be created: {error.strerror}", remedy="choose a run directory that can be written"
        ) from error
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the file is ours alone: it did not exist
    return fd


def _is_locked(path: Path) -> bool:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines with their newlines; a line is never read beyond what an entry may hold."""
    try:
        with path.open("rb", buffering=_READ_BYTES) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                yield line
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error.strerror}", remedy="check the run directory") from error
