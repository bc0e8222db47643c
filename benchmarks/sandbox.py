"""How fast the sandbox is, against the plain way and a peer's, on the same programs in one run.

    python -m benchmarks.sandbox [--parts screen,run,leak,peer] [--small] [--programs N ...]

Writes `sandbox.md` and `sandbox.json`. It times and counts; it passes no verdict, and works on an idle machine only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks import leak, ours, peer, plain
from benchmarks.clocks import clocked, durations
from benchmarks.report import markdown
from benchmarks.work import PARALLEL, Bench, prepare, sandbox, sources
from orchestrator.sandbox.engine import engine_facts

PARTS = ("screen", "run", "leak", "peer")
RESULTS = Path(__file__).parent / "results"
_SIZES = {  # option -> (default, smallest, what it counts)
    "screened": (384, 8, "programs through cells"),
    "runs": (40, 1, "full runs through the pool"),
    "plain": (16, 1, "programs the plain way, of each kind and at each parallelism"),
    "leak-screened": (2000, 12, "programs through cells in the leak run"),
    "leak-runs": (300, 2, "full runs in the leak run"),
    "peer": (16, 2, "programs through the peer's sandbox, of each kind and each way"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the parts that were asked for and write the tables."""
    options = _options(arguments)
    options.results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: S103  (containers' users read the models)
        found = measure(prepare(Path(folder)), options)
    text = markdown(found)
    (options.results / "sandbox.json").write_text(json.dumps(found, indent=1) + "\n")
    (options.results / "sandbox.md").write_text(text)
    print(text)


def measure(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Return everything measured, as JSON."""
    found: dict[str, Any] = {"machine": machine(bench)}
    for part in options.parts:
        start = time.monotonic()
        print(f"{part} ...", flush=True)
        if part == "screen":
            found[part] = _screen(bench, options)
        elif part == "run":
            found[part] = _run(bench, options)
        elif part == "leak":
            found[part] = leak.measure(bench, options.leak_screened, options.leak_runs, options.warm_up)
        else:
            found[part] = _peer(bench, options)
        print(f"{part}: {time.monotonic() - start:.0f} s", flush=True)
    found["machine"]["load_after"] = os.getloadavg()[0]
    return found


def machine(bench: Bench) -> dict[str, Any]:
    """Say what this was measured on."""
    facts = engine_facts(bench.config.image.name)
    limits = bench.config.container
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "engine": f"{facts.version}, cgroup v{facts.cgroup_version}, {facts.default_runtime}",
        "image": bench.image_id,
        "load_before": os.getloadavg()[0],
        "limits": f"{limits.memory_mb} MiB, {limits.cpus:g} CPU, {limits.pids} processes, {PARALLEL} at a time",
        "parameters": sum(spec.nbytes for spec in bench.inputs.tensors) // 4,
    }


def _screen(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    with sandbox(bench) as opened:
        mine = ours.screen(bench, opened, sources(options.screened))
    return {
        "ours": _rate(mine.whole),
        "warm_per_second": mine.warm_per_second,
        "fingerprints": mine.fingerprints,
        "programs_per_cell": bench.config.screen.programs_per_cell,
        "plain": _plain(bench, "screen", options.plain),
    }


def _run(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    with sandbox(bench) as opened, clocked() as stamps:
        busy = _busy()
        mine = ours.run(bench, opened, sources(options.runs))
        spent = (_busy() - busy) / mine.count
    phases = durations(stamps)
    latencies = sorted(phases["handed over until running"])
    return {
        "ours": _rate(mine),
        "plain": _plain(bench, "run", options.plain),
        "latency_ms": {"median": _percentile(latencies, 0.5) * 1000, "p95": _percentile(latencies, 0.95) * 1000},
        "phases_ms": {name: {"median": _percentile(sorted(v), 0.5) * 1000} for name, v in phases.items() if v},
        "machine_cpu_per_program": spent,
        "container_cpu_per_program": _mean([life["cpu"] for life in stamps.values() if "cpu" in life]),
        "import_ordinary": plain.import_seconds(bench, "import torch"),
        "import_lean": plain.import_seconds(
            bench, "import os; os.environ['ASSAY_CONTAINED'] = '1'; import sandbox_image, torch"
        ),
    }


def _peer(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    peer.install()
    found: dict[str, Any] = {"version": peer.VERSION}
    with peer.image(bench):
        for kind in ("screen", "run"):
            programs = sources(options.peer)
            fresh, seen = peer.measure(bench, kind, programs, uses=1, look=kind == "run")
            shared, _ = peer.measure(bench, kind, programs, uses=0, look=False)
            found[kind] = {"fresh": _rate(fresh), "shared": _rate(shared)}
            found["seen"] = seen
    return found


def _plain(bench: Bench, kind: str, count: int) -> dict[str, Any]:
    """Measure at one and at `PARALLEL`; the better is the yardstick."""
    rates = {str(at): _rate(plain.measure(bench, kind, sources(count), at)) for at in (1, PARALLEL)}
    return {"at": rates, "best": max(rate["per_second"] for rate in rates.values())}


def _rate(rate: plain.Rate) -> dict[str, Any]:
    return {**asdict(rate), "per_second": rate.per_second}


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0))


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--small", action="store_true", help="the smallest sizes: only that it works")
    parser.add_argument("--results", type=Path, default=RESULTS)
    for name, (default, _, what) in _SIZES.items():
        parser.add_argument(f"--{name}", type=int, help=f"{what} (default: {default})")
    options = parser.parse_args(arguments)
    options.parts = options.parts.split(",")
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"--parts: expected of {', '.join(PARTS)}, found {', '.join(sorted(unknown))}")
    for name, (default, least, _) in _SIZES.items():
        key = name.replace("-", "_")
        if getattr(options, key) is None:
            setattr(options, key, least if options.small else default)
    options.warm_up = (2, 0) if options.small else leak.WARM_UP
    return options


if __name__ == "__main__":
    main()
