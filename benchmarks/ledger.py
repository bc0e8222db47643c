"""Measures the ledger: durable events a second, alone and in batches; verification; appends to a long log.

`python -m benchmarks.ledger [--events N] [--out DIR]` writes `ledger.json` and `ledger.md`. Numbers are of this
machine, its disk and its load, which are noted with them; a disk that lies about flushes makes them too good.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from orchestrator.ledger import Ledger
from orchestrator.ledger.commit import PREFIX

BATCH = 1024
ALONE = 300
SINGLY = 50_000  # events with a commit line each
LOOK_SECONDS = 0.1
THREADS = 8
WANTED = {"batched_per_second": 50_000, "verify_seconds_per_million": 10, "verify_mib": 500}
RESULTS = Path(__file__).parent / "results"
EVENT = {
    "program_sha256": "5e" * 32,
    "output_sha256": "0d" * 32,
    "iteration": 1,
    "split": "dev",
    "items": 200,
    "correct": "01" * 100,
    "accuracy": "0.5",
    "seconds": "0.125",
}


def main() -> None:
    """Run all parts in a scratch directory and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assay-bench-", dir=Path.cwd()) as scratch:
        os.environ["ASSAY_KEYS"] = str(Path(scratch) / "keys")
        (Path(scratch) / "run").mkdir()
        found = measure(Path(scratch) / "run" / "ledger.jsonl", options.events)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "ledger.json").write_text(json.dumps(found, indent=2) + "\n")
    (options.out / "ledger.md").write_text(page(found))
    print(page(found))


def measure(path: Path, events: int) -> dict[str, Any]:
    """Write a long log, look at appends near its beginning and its end, and verify it in a process of its own."""
    before = os.getloadavg()[0]
    with Ledger.create(path, source="assay/bench", config_sha256="") as ledger:
        fill(ledger, 1000)
        early = alone(ledger)
        together = at_once(ledger)
        begun = time.perf_counter()
        written = fill(ledger, events - ledger.size)
        batched = written / (time.perf_counter() - begun)
        late = alone(ledger)
    seconds, mib = verified(path, size := events_in(path))
    singly = path.with_name("singly.jsonl")
    with Ledger.create(singly, source="assay/bench", config_sha256="") as ledger:
        for _ in range(SINGLY):
            ledger.append("eval.completed", "i1-000", EVENT)
    singly_seconds, _ = verified(singly, events_in(singly))
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load_before": round(before, 2),
        "load_after": round(os.getloadavg()[0], 2),
        "events": size,
        "bytes_per_event": round(path.stat().st_size / size),
        "batch": BATCH,
        "batched_per_second": round(batched),
        "alone_ms_early": round(early, 3),
        "alone_ms_late": round(late, 3),
        "threads": THREADS,
        "threads_per_second": round(together),
        "verify_seconds": round(seconds, 2),
        "verify_seconds_per_million": round(seconds / size * 1e6, 2),
        "verify_mib": round(mib),
        "singly_seconds_per_100_000": round(singly_seconds / SINGLY * 1e5, 2),
        "wanted": WANTED,
    }


def verified(path: Path, events: int) -> tuple[float, float]:
    """Run `assay ledger verify` as a user would; return seconds and the peak MiB of all its processes together."""
    begun, peak = time.perf_counter(), 0.0
    command = [sys.executable, "-m", "orchestrator", "ledger", "verify", str(path), "--no-remember"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        while process.poll() is None:
            peak = max(peak, sum(map(resident_mib, family(process.pid))))
            time.sleep(LOOK_SECONDS)
        said = process.stdout.read() if process.stdout else ""
    if process.returncode or f": {events} intact entries" not in said:
        raise SystemExit(f"expected {events} intact entries, found exit {process.returncode}: {said}")
    return time.perf_counter() - begun, peak


def events_in(path: Path) -> int:
    """Count the lines that are events."""
    with path.open("rb") as file:
        return sum(not line.startswith(PREFIX) for line in file)


def family(pid: int) -> list[int]:
    """Return a process and all that come from it, as far as they are there."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += family(int(child))
    return found


def resident_mib(pid: int) -> float:
    """Return what a process has of its own in memory, and its part of what it shares; 0 if it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def fill(ledger: Ledger, count: int) -> int:
    """Append events in batches; return how many."""
    drafts = [("eval.completed", f"i1-{number % 1000:03}", EVENT) for number in range(BATCH)]
    for _ in range(count // BATCH):
        ledger.append_many(drafts)
    ledger.append_many(drafts[: count % BATCH])
    return count


def alone(ledger: Ledger) -> float:
    """Return the median milliseconds of an append that waits for the one before it."""
    times = []
    for _ in range(ALONE):
        begun = time.perf_counter()
        ledger.append("eval.completed", "i1-000", EVENT)
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000


def at_once(ledger: Ledger) -> float:
    """Return appends a second of several threads that each wait for their own."""

    def work() -> None:
        for _ in range(ALONE):
            ledger.append("eval.completed", "i1-000", EVENT)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return THREADS * ALONE / (time.perf_counter() - begun)


def page(found: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    rows = [
        (f"durable events a second, batches of {found['batch']}", found["batched_per_second"], "at least 50,000"),
        ("one append after another, ms, at event 1,000", found["alone_ms_early"], "about 1"),
        (f"one append after another, ms, at event {found['events']:,}", found["alone_ms_late"], "as early"),
        (f"appends a second, {found['threads']} threads, one each", found["threads_per_second"], ""),
        ("`assay ledger verify` of 1,000,000 events, s", found["verify_seconds_per_million"], "at most 10"),
        ("peak memory of verification, all processes, MiB", found["verify_mib"], "at most 500"),
        ("verification of 100,000 events that were signed one by one, s", found["singly_seconds_per_100_000"], ""),
    ]
    table = "\n".join(f"| {name} | {value:,} | {goal} |" for name, value, goal in rows)
    return (
        f"# The ledger\n\n`make bench-ledger` on {found['machine']}; load {found['load_before']} before and "
        f"{found['load_after']} after; {found['events']:,} events of {found['bytes_per_event']} bytes.\n\n"
        f"| what | found | wanted |\n|---|---:|---:|\n{table}\n"
    )


if __name__ == "__main__":
    main()
