"""Makes the line of an event: its envelope, form checked, secrets taken out, large values moved to blobs.

It decides no order and signs nothing. Clocks and randomness come in, so that tests get the same bytes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from orchestrator.errors import LedgerError
from orchestrator.ledger.canonical import canonical, dumped
from orchestrator.ledger.entry import MAX_LINE_BYTES, SPEC_VERSION, at
from orchestrator.ledger.form import free_text, in_form
from orchestrator.ledger.payload import MOVED, move_large
from orchestrator.ledger.redaction import REDACTED, may_hold_secret, taken_out

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)
_RANDOM_BYTES = 10

Draft = tuple[str, str, Mapping[str, Any]]
"""An event before it has a place: (type, subject, data)."""


class Made(NamedTuple):
    """A line without its newline, and what readers will find in it. A tuple, since one is made for every event."""

    line: bytes
    subject: str
    data: Mapping[str, Any]
    time: str


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


class LineWriter:
    """Makes one log's lines."""

    def __init__(
        self,
        *,
        source: str,
        actor: str,
        weakened: Sequence[str],
        clock: Clock,
        entropy: Callable[[int], bytes],
        blobs: Path,
    ) -> None:
        """`blobs` is the folder of the run's blobs, which is made when it is first needed."""
        self.source = source
        self._actor = {"id": actor or f"uid:{os.getuid()}", "type": "user"}
        self._host = {"boot_id": boot_id(), **({"weakened": sorted(weakened)} if weakened else {})}
        self._clock = clock
        self._entropy = entropy
        self._blobs = blobs

    def line(self, index: int, event_type: str, subject: str, data: Mapping[str, Any]) -> Made:
        """Return an event's line without its newline, with what it says.

        Raises:
            LedgerError: the event is malformed, or too large; names the index.
        """
        try:
            return self._line(index, event_type, subject, data)
        except LedgerError as error:
            raise at(index, error) from error

    def _line(self, index: int, event_type: str, subject: str, data: Mapping[str, Any]) -> Made:
        if not isinstance(subject, str):
            raise LedgerError(f"subject: expected text, found {subject!r:.80}")
        said = in_form(event_type, data)
        if MOVED in said or REDACTED in said:
            raise LedgerError(f"keys `{MOVED}` and `{REDACTED}`: expected them in no event, found one")
        now = self._clock.now().astimezone(UTC)
        event = {
            "actor": self._actor,
            "data": said,
            "host": self._host,
            "id": ulid(int(now.timestamp() * 1000), self._entropy(_RANDOM_BYTES)),
            "monotonic_ns": str(self._clock.monotonic_ns()),
            "seq": index,
            "source": self.source,
            "specversion": SPEC_VERSION,
            "subject": subject,
            "time": now.isoformat(timespec="microseconds")[: -len("+00:00")] + "Z",
            "type": event_type,
        }
        line = dumped(event)
        if may_hold_secret(dumped([subject, free_text(event_type, said)])):
            event["data"], event["subject"] = said, subject = taken_out(event_type, said, subject)
            line = canonical(event)
        if len(line) >= MAX_LINE_BYTES:
            event["data"] = move_large(said, len(line) - MAX_LINE_BYTES, self._blobs)
            line = canonical(event)
        if len(line) >= MAX_LINE_BYTES:
            raise LedgerError(
                f"expected at most {MAX_LINE_BYTES - 1} bytes, found {len(line)}",
                remedy="put the payload into the blob store and record its digest",
            )
        return Made(line, subject, said, str(event["time"]))


def ulid(milliseconds: int, randomness: bytes) -> str:
    """Return 48 bits of time and 80 random bits as a ULID (26 characters, Crockford's base 32)."""
    moment = milliseconds & (2**48 - 1)
    high, low = int.from_bytes(randomness[:5], "big"), int.from_bytes(randomness[5:_RANDOM_BYTES], "big")
    return _PAIRS[moment >> 40] + _eight(moment & (2**40 - 1)) + _eight(high) + _eight(low)


def _eight(number: int) -> str:
    """Return 40 bits as eight digits."""
    return f"{_PAIRS[number >> 30]}{_PAIRS[number >> 20 & 1023]}{_PAIRS[number >> 10 & 1023]}{_PAIRS[number & 1023]}"


def boot_id() -> str:
    """Return the id of the host's current boot (monotonic times compare within one only), or ""."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
