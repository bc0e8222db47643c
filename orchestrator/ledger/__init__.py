"""The run's record: an append-only, hash-chained log of events, one canonical JSON line each.

`Ledger` writes, `read` and `verify` read, `require_chain` says whether a program's whole record is there.
What the events mean: `events.py` and docs/events.md. What the chain does and does not show: `chain.py`.
"""

from orchestrator.ledger.canonical import canonical, decimal, decimals, digest, sha256_of
from orchestrator.ledger.chain import GENESIS, Entry, Head
from orchestrator.ledger.events import EVENT_TYPES, TERMINAL_TYPES
from orchestrator.ledger.evidence import history, require_chain
from orchestrator.ledger.store import (
    FILE_NAME,
    Clock,
    Ledger,
    SystemClock,
    TornTailError,
    Verification,
    read,
    verify,
)

__all__ = [
    "EVENT_TYPES",
    "FILE_NAME",
    "GENESIS",
    "TERMINAL_TYPES",
    "Clock",
    "Entry",
    "Head",
    "Ledger",
    "SystemClock",
    "TornTailError",
    "Verification",
    "canonical",
    "decimal",
    "decimals",
    "digest",
    "history",
    "read",
    "require_chain",
    "sha256_of",
    "verify",
]
