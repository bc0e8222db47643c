"""One program's whole life, folded from a ledger: for `assay show`. Pure: entries in, a JSON value out.

Every part names the entry behind it. Nothing is estimated; what is not on record is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.ledger import Entry

FORMAT = "assay-show/1"
_SINGLE = {
    "candidate.generated": "generated",
    "policy.evaluated": "policy",
    "screen.completed": "screen",
    "outputs.verified": "verified",
    "candidate.rejected": "rejected",
}
_CONTAINER = {
    "sandbox.created": "created",
    "sandbox.started": "started",
    "sandbox.exited": "exited",
    "sandbox.lost": "lost",
}
_ASKED = ("image", "container", "device", "sandbox")


@dataclass(slots=True)
class _Run:
    """What is gathered besides the program's own entries."""

    config: Mapping[str, Any] = field(default_factory=dict)
    sandbox: Mapping[str, Any] = field(default_factory=dict)
    seeds: dict[str, Entry] = field(default_factory=dict)  # split -> the seed's score


def life(entries: Iterable[Entry], program: str) -> dict[str, Any] | None:
    """Return a program's life; None where it is not on record.

    The keys: `program`, `generated policy screen verified rejected` (each the event's data and its `entry`),
    `containers`, `asked` (of the configuration), `scores`, `pairs`, `faults` (of the platform), `redactions`,
    `entries`.
    """
    run, found = _Run(), _blank(program)
    for entry in entries:
        _take_run(run, entry)
        if entry.subject == program:
            found["entries"].append({"index": entry.index, "type": entry.type, "time": entry.time, "hash": entry.hash})
            _take(found, entry)
        elif entry.type == "dpo.pair_created" and program in (entry.data["chosen"], entry.data["rejected"]):
            found["pairs"].append(_pair(entry, program))
    if "generated" not in found:
        return None
    found["asked"] = {name: run.config[name] for name in _ASKED if name in run.config}
    found["sandbox"] = dict(run.sandbox)
    for score in found["scores"]:
        score["seed"] = _beside(score["correct"], run.seeds.get(score["split"]))
    return found


def _blank(program: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "program": program,
        "containers": [],
        "scores": [],
        "pairs": [],
        "faults": [],
        "redactions": [],
        "entries": [],
    }


def _take_run(run: _Run, entry: Entry) -> None:
    if entry.type == "run.started":
        run.config, run.sandbox = entry.data["config"], entry.data["sandbox"]
    elif entry.type == "baseline.completed" and entry.data["name"] == "seed":
        run.seeds[entry.data["split"]] = entry


def _take(found: dict[str, Any], entry: Entry) -> None:
    if entry.type in _SINGLE:
        found[_SINGLE[entry.type]] = {**entry.data, "entry": entry.index}
    elif entry.type in _CONTAINER:
        _container(found["containers"], entry.data["container_id"])[_CONTAINER[entry.type]] = {
            **entry.data,
            "entry": entry.index,
        }
    elif entry.type == "eval.completed":
        found["scores"].append({**entry.data, "entry": entry.index})
    elif entry.type == "sandbox.faulted":
        found["faults"].append({**entry.data, "entry": entry.index})
    elif entry.type == "redaction.applied":
        found["redactions"].append({**entry.data, "entry": entry.index})


def _container(containers: list[dict[str, Any]], identity: str) -> dict[str, Any]:
    for one in containers:
        if one["container_id"] == identity:
            return one
    containers.append({"container_id": identity})
    return containers[-1]


def _pair(entry: Entry, program: str) -> dict[str, Any]:
    side, other = ("chosen", "rejected") if entry.data["chosen"] == program else ("rejected", "chosen")
    return {
        "iteration": entry.data["iteration"],
        "pair": entry.data["pair"],
        "side": side,
        "other": entry.data[other],
        "margin": entry.data["margin"],
        "entry": entry.index,
    }


def _beside(correct: str, seed: Entry | None) -> dict[str, Any] | None:
    """Compare item by item with the seed on the same split; None where the seed has no score of as many items."""
    if seed is None or len(seed.data["correct"]) != len(correct):
        return None
    pairs = [mine + theirs for mine, theirs in zip(correct, seed.data["correct"], strict=True)]
    return {
        "correct": seed.data["correct"],
        "accuracy": seed.data["accuracy"],
        "both": pairs.count("11"),
        "only_program": pairs.count("10"),
        "only_seed": pairs.count("01"),
        "neither": pairs.count("00"),
        "entry": seed.index,
    }


def marks(correct: str, seed: str) -> str:
    """Return one character per item: `=` both right, `+` the program alone, `-` the seed alone, `.` neither."""
    return "".join({"11": "=", "10": "+", "01": "-", "00": "."}[a + b] for a, b in zip(correct, seed, strict=True))


def table(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return a row per program: id, outcome, dev and test accuracy, its digest, the first and last of its entries."""
    rows: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.type == "candidate.generated":
            rows[entry.subject] = {
                "program": entry.subject,
                "program_sha256": entry.data["program_sha256"],
                "outcome": "no outcome",
                "dev": "",
                "test": "",
                "entries": [],
            }
        if row := rows.get(entry.subject):
            row["entries"].append(entry.index)
            _outcome(row, entry)
    return list(rows.values())


def _outcome(row: dict[str, Any], entry: Entry) -> None:
    match entry.type:
        case "candidate.rejected":
            row["outcome"] = f"{entry.data['stage']}: {entry.data['reason']}"
        case "outputs.verified":
            row["outcome"] = "verified"
        case "eval.completed":
            row["outcome"], row[entry.data["split"]] = "scored", entry.data["accuracy"]
