"""Small ledgers for tests, written through the real `Ledger` with a fixed clock and fixed randomness."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.ledger import Ledger
from orchestrator.ledger.kinds import Kind

SOURCE = "assay/test"
CONTAINER = "c0ffee"
VKEY = "n+0123abcd+" + "A" * 44
PLAINEST: Mapping[Kind, Any] = {
    Kind.TEXT: "",
    Kind.DIGEST: "",
    Kind.DECIMAL: "",
    Kind.BITS: "",
    Kind.NAME: "n",
    Kind.VKEY: VKEY,
    Kind.BASE64: "",
    Kind.INT: 0,
    Kind.INT_OR_NULL: 0,
    Kind.BOOL: False,
    Kind.LIST: [],
    Kind.MAP: {},
}
"""A value of each kind."""


class FixedClock:
    """A second passes whenever somebody looks."""

    def __init__(self) -> None:
        self._ticks = 0

    def now(self) -> datetime:
        self._ticks += 1
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) + timedelta(seconds=self._ticks)

    def monotonic_ns(self) -> int:
        return self._ticks * 10**9


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def entropy(count: int) -> bytes:
    return bytes(range(count))


def create(path: Path) -> Ledger:
    return Ledger.create(
        path, source=SOURCE, config_sha256=sha("config"), actor="tester", clock=FixedClock(), entropy=entropy
    )


def skipped(text: str = "too few pairs") -> Mapping[str, Any]:
    """Return the data of the smallest event: `dpo.skipped`."""
    return {"iteration": 1, "pairs": 0, "why": text}


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of the events, without newlines and without the commit lines."""
    return [line for line in path.read_bytes().split(b"\n")[:-1] if not line.startswith(b'{"$commit"')]


def small_log(path: Path, *, events: int = 3) -> bytes:
    """Write log.opened, some events and log.closed; return the file's bytes."""
    with create(path) as ledger:
        for number in range(events):
            ledger.append("dpo.skipped", "", skipped(f"reason {number} é"))
    return path.read_bytes()


def life(program: str = "i1-000", *, source: str = "def merge_models(): ...") -> list[tuple[str, str, dict[str, Any]]]:
    """Return the drafts of a scored program's whole record."""
    digest, output = sha(source), sha("output of " + program)
    run = {"container_id": CONTAINER, "purpose": "run", "program_sha256": digest}
    rows: list[tuple[str, dict[str, Any]]] = [
        (
            "candidate.generated",
            {
                "iteration": 1,
                "index": 0,
                "program_sha256": digest,
                "bytes": len(source),
                "model": "factory",
                "adapter_sha256": "",
                "prompt_sha256": sha("prompt"),
                "temperature": "1.2",
                "top_p": "0.95",
                "seed": 7,
                "tokens": 80,
            },
        ),
        (
            "policy.evaluated",
            {
                "program_sha256": digest,
                "verdict": "admitted",
                "policy_sha256": sha("policy"),
                "ast_sha256": sha("ast"),
                "findings": [],
                "findings_total": 0,
            },
        ),
        (
            "screen.completed",
            {"program_sha256": digest, "verdict": "passed", "fingerprint": "f00d", "duplicate_of": ""},
        ),
        ("sandbox.created", run),
        ("sandbox.started", run),
        ("sandbox.exited", {**run, "exit_code": 0, "oom_killed": False, "timed_out": False}),
        (
            "outputs.verified",
            {
                "program_sha256": digest,
                "container_id": CONTAINER,
                "output_sha256": output,
                "output_bytes": 64,
                "tensors_sha256": sha("tensors"),
                "norm_ratio": "0.5",
            },
        ),
        (
            "eval.completed",
            {
                "program_sha256": digest,
                "output_sha256": output,
                "iteration": 1,
                "split": "dev",
                "items": 4,
                "correct": "0110",
                "accuracy": "0.5",
                "seconds": "0.1",
            },
        ),
    ]
    return [(event_type, program, data) for event_type, data in rows]
