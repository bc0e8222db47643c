"""The run's record: an append-only log of events, one canonical JSON line each, under a signed Merkle tree.

`Ledger` writes, `read` and `verify` read, `require_chain` says whether a program's whole record is there.
What the events mean: `events.py` and docs/events.md. The bytes, and what they show: docs/ledger-format.md.
"""

from orchestrator.ledger.canonical import canonical, decimal, decimals, digest, sha256_of
from orchestrator.ledger.commit import TornTailError
from orchestrator.ledger.entry import Entry
from orchestrator.ledger.events import EVENT_TYPES, REOPENING_TYPES, TERMINAL_TYPES
from orchestrator.ledger.evidence import history, require_chain
from orchestrator.ledger.line import Clock, Draft, SystemClock
from orchestrator.ledger.reading import Verification, read, verify
from orchestrator.ledger.store import FILE_NAME, Ledger
from orchestrator.ledger.tree import Frontier

__all__ = [
    "EVENT_TYPES",
    "FILE_NAME",
    "REOPENING_TYPES",
    "TERMINAL_TYPES",
    "Clock",
    "Draft",
    "Entry",
    "Frontier",
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
