"""A small run's ledger for attestations, and what every test of them does with a file."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.attest.basis import Basis, basis_of
from orchestrator.attest.gather import Gathered
from tests.ledger.written import create, life, sha

PROGRAM = "i1-000"

Draft = tuple[str, str, dict[str, Any]]


def run_drafts(*, items: int = 4, python: str = "3.11.2") -> list[Draft]:
    """Return what is recorded of a run before its programs."""
    files = [{"name": "model.safetensors", "sha256": sha("weights")}]
    rows: list[tuple[str, dict[str, Any]]] = [
        (
            "run.started",
            {
                "run": "small",
                "seed": 7,
                "iterations": 1,
                "programs": 1,
                "learn": "none",
                "config": {"name": "small"},
                "config_sha256": sha("config"),
                "policy_sha256": sha("policy"),
                "sandbox": {"image_id": "sha256:" + sha("image"), "limits": {"pids": 16}},
            },
        ),
        profile(python),
        (
            "inputs.resolved",
            {
                "seed": {"path": "/models/seed", "files": files},
                "candidates": [{"name": name, "path": f"/models/{name}", "files": files} for name in ("sub", "add")],
                "tensors": 2,
                "tensors_sha256": sha("layout"),
                "output_bytes": 64,
                "num_layers": 2,
                "task": "lab",
                "dev_items": items,
                "dev_sha256": sha("dev"),
                "test_items": 2,
                "test_sha256": sha("test"),
            },
        ),
    ]
    return [(name, "", data) for name, data in rows]


def profile(python: str) -> tuple[str, dict[str, Any]]:
    return (
        "determinism.profile",
        {
            "python": python,
            "platform": "Linux-6.1-x86_64",
            "cpu": "a processor",
            "threads": 1,
            "packages": {"torch": "2.13.0+cpu", "RestrictedPython": "9.0"},
            "environment": {"OMP_NUM_THREADS": "1"},
        },
    )


def scored(program: str = PROGRAM, *, marks: str = "0110", test: str = "") -> list[Draft]:
    """Return the life of a program with these results on dev, and on test if there are any."""
    drafts = life(program)
    result = {**drafts[-1][2], "items": len(marks), "correct": marks}
    more = [("eval.completed", program, {**result, "split": "test", "items": len(test), "correct": test})]
    return [*drafts[:-1], ("eval.completed", program, result), *(more if test else [])]


def changed(drafts: Sequence[Draft], kind: str, **values: Any) -> list[Draft]:
    """Return the drafts with other values in the events of one type; None takes a key out."""
    assert any(name == kind for name, _, _ in drafts)
    return [(name, subject, _with(data, values) if name == kind else dict(data)) for name, subject, data in drafts]


def _with(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**data, **values}.items() if value is not None}


def ledger_with(folder: Path, drafts: Sequence[Draft]) -> Path:
    """Write a closed ledger with these events into a new folder; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with create(folder / "ledger.jsonl") as ledger:
        for draft in drafts:
            ledger.append(*draft)
    return folder / "ledger.jsonl"


def small_run(folder: Path, **more: Any) -> Path:
    """Write the ledger of a run with one scored program."""
    marks = more.get("marks", "0110")
    return ledger_with(folder, [*run_drafts(items=len(marks)), *scored(**more)])


def basis(ledger: Path, *, on_test: bool = False) -> Basis:
    """Return what a statement about the program rests on."""
    gathered = Gathered(ledger)
    based = gathered.bases(PROGRAM)[-1 if on_test else 0]
    return basis_of(gathered.origin, based.entries, based.events)


def payload_of(data: bytes) -> dict[str, Any]:
    """Return the statement of an attestation's bytes, nothing checked."""
    found = json.loads(base64.b64decode(json.loads(data)["payload"]))
    assert isinstance(found, dict)
    return found
