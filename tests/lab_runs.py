"""Runs of the lab that are as small as a run can be and still go through every stage, and what they resulted in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orchestrator.ledger import Entry, read, require_chain, verify
from orchestrator.models import weights_digest
from orchestrator.state import fold
from tests.commands import ROOT, environment
from tests.repeated_work import repeated
from tests.report_links import unsupported
from tests.report_numbers import disagreements

SMALLEST = {
    "iterations = 3": "iterations = 2",
    "programs = 100": "programs = 10",
    "dev_items = 800": "dev_items = 60",
    "test_items = 1000": "test_items = 60",
    "pairs = 96": "pairs = 8",
    "epochs = 2": "epochs = 1",
    "[evaluate]\n": "[evaluate]\ngrid = [0.0, 0.3]\nfinalists = 2\n",
    'learn = "dpo" ': 'learn = "dpo"\nkeep_best = 3 ',
}

PATIENCE_SECONDS = 300.0
WATCH_SECONDS = 0.002

# What makes a result, event by event; times, container ids and entry numbers are not of it.
_RESULTS = {
    "baseline.completed": ("name", "split", "correct", "parameters", "points"),
    "iteration.started": ("iteration", "programs", "temperature", "top_p", "adapter_sha256"),
    "iteration.completed": ("iteration", "generated", "scored", "best", "best_accuracy"),
    "candidate.generated": ("iteration", "index", "program_sha256", "adapter_sha256", "temperature", "seed", "tokens"),
    "policy.evaluated": ("verdict", "ast_sha256", "findings"),
    "screen.completed": ("verdict", "fingerprint", "duplicate_of"),
    "candidate.rejected": ("stage", "reason"),
    "outputs.verified": ("output_sha256", "tensors_sha256", "norm_ratio"),
    "eval.completed": ("output_sha256", "split", "correct"),
    "dpo.pair_created": ("iteration", "pair", "chosen", "rejected", "rule", "margin", "prompt_sha256"),
    "dpo.trained": ("iteration", "pairs", "base_sha256", "adapter_sha256", "steps", "metrics"),
    "dpo.skipped": ("iteration", "why"),
    "split.opened": ("split", "items_sha256", "programs"),
    "run.completed": ("programs", "scored", "best", "best_accuracy"),
}


def smallest_config(folder: Path, **more: str) -> Path:
    """Write examples/lab.toml with the smallest numbers; ASSAY_IMAGE names another image than the usual one."""
    text = (ROOT / "examples" / "lab.toml").read_text()
    for old, new in {**SMALLEST, **more}.items():
        assert old in text, f"examples/lab.toml has no {old!r}"
        text = text.replace(old, new)
    if image := os.environ.get("ASSAY_IMAGE"):
        text += f'\n[image]\nname = "{image}"\n'
    path = folder / "smallest.toml"
    path.write_text(text)
    return path


def started(config: Path, run_dir: Path, *more: str) -> subprocess.Popen[str]:
    """Start a run; its messages may be read when it has ended."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", str(config), "--run-dir", str(run_dir), *more],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kinds_of(run_dir: Path) -> list[str]:
    """Return the types of the whole lines so far."""
    ledger = run_dir / "ledger.jsonl"
    lines = ledger.read_bytes().split(b"\n")[:-1] if ledger.exists() else []
    return [event["type"] for event in map(json.loads, lines) if "type" in event]


def wait_until(process: subprocess.Popen[str], run_dir: Path, when: Callable[[list[str]], bool]) -> None:
    """Return once the types of a run's events are such."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not when(kinds_of(run_dir)):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(WATCH_SECONDS)


def cut_off(config: Path, run_dir: Path, when: Callable[[list[str]], bool], number: signal.Signals, *more: str) -> None:
    """Start a run, and send it a signal once its event types are such."""
    process = started(config, run_dir, *more)
    wait_until(process, run_dir, when)
    process.send_signal(number)
    process.communicate(timeout=60)


def results(entries: Sequence[Entry]) -> Counter[str]:
    """Return everything that a run resulted in, each with how often it is on record."""
    found: Counter[str] = Counter()
    for entry in entries:
        if entry.type in _RESULTS:
            data: dict[str, Any] = {key: entry.data.get(key) for key in _RESULTS[entry.type]}
            found[f"{entry.type} {entry.subject} {data}"] += 1
    return found


def kept(run_dir: Path) -> set[str]:
    """Return the names of a run's blobs: programs, prompt, layout, tensors' digests, and the weights that are kept."""
    return {path.name for path in (run_dir / "blobs").iterdir()}


def problems(run_dir: Path, unkilled: Path) -> list[str]:
    """Return what of a finished run is not as in one that was never killed; nothing is as it should be."""
    entries, expected = tuple(read(run_dir / "ledger.jsonl")), tuple(read(unkilled / "ledger.jsonl"))
    found, wanted = results(entries), results(expected)
    lines = [f"lost: {line}" for line in wanted - found] + [
        f"more than once, or other: {line}" for line in found - wanted
    ]
    lines += [f"blob lost: {name}" for name in kept(unkilled) - kept(run_dir)]
    lines += [f"blob left: {name}" for name in kept(run_dir) - kept(unkilled)]
    return [
        *lines,
        *_loose_ends(run_dir, entries),
        *repeated(entries),
        *_trained(run_dir, entries),
        *disagreements(run_dir),
        *unsupported(run_dir),
    ]


def _trained(run_dir: Path, entries: Sequence[Entry]) -> list[str]:
    """Compare the factories that were trained with their digests on record."""
    return [
        f"factory of iteration {entry.data['iteration']}: not as recorded in entry {entry.index}"
        for entry in entries
        if entry.type == "dpo.trained"
        and weights_digest(run_dir / "factory" / f"iteration-{entry.data['iteration']}") != entry.data["adapter_sha256"]
    ]


def _loose_ends(run_dir: Path, entries: Sequence[Entry]) -> list[str]:
    state, checked = fold(entries), verify(run_dir / "ledger.jsonl")
    lines = [f"of the ledger: {what}" for what in (checked.problem, *checked.missing) if what]
    if not (state.completed and state.reported and (run_dir / "report.html").is_file()):
        lines.append("the run did not come to its end")
    if state.open_containers:
        lines.append(f"containers without an end: {sorted(state.open_containers)}")
    if state.open_stages:
        lines.append(f"stages without an end: {sorted(state.open_stages)}")
    lines += [f"left in work/: {path.name}" for path in (run_dir / "work").glob("*")]
    for program in state.programs:
        if state.programs[program].scores:
            require_chain(entries, program)
    return lines
