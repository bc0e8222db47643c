"""Whether many programs, a tenth of them hostile, leave anything behind: footprints before and after."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from benchmarks import ours
from benchmarks.work import (
    ATTACKERS,
    ATTACKS,
    HOSTILE,
    PARALLEL,
    Bench,
    sandbox,
    screen_job,
    screened,
    sources,
    unchecked,
)
from orchestrator.cache import cache_dir
from orchestrator.sandbox.base import Sandbox
from orchestrator.sandbox.engine import connect, engine_facts

_ONE_IN = 10
_SCREEN_SECONDS = 1.0
_RUN_SECONDS = 3.0
WARM_UP = (len(HOSTILE) * _ONE_IN, len(ATTACKERS) * 2)  # programs to screen, and to run, before the first look
Footprint = dict[str, float]


def measure(bench: Bench, screen_count: int, run_count: int, warm_up: tuple[int, int] = WARM_UP) -> dict[str, object]:
    """Return footprints after a warm-up, after screening and after full runs; and how many ended in a fault."""
    with sandbox(bench) as opened:
        _screen(opened, min(warm_up[0], screen_count))
        _run(bench, opened, min(warm_up[1], run_count))
        before = footprint(bench)
        start = time.monotonic()
        screen_faults = _screen(opened, screen_count)
        middle, screened_at = footprint(bench), time.monotonic()
        run_faults = _run(bench, opened, run_count)
        after = footprint(bench)
        seconds = {"screen_seconds": screened_at - start, "run_seconds": time.monotonic() - screened_at}
    return {
        "screened": screen_count,
        "run": run_count,
        "screen_faults": screen_faults,
        "run_faults": run_faults,
        **seconds,
        "footprints": {
            "before": before,
            "after screening": middle,
            "after full runs": after,
            "closed": footprint(bench),
        },
    }


def footprint(bench: Bench) -> Footprint:
    """Count what could grow: in this process, on the engine, in the kernel, on the disk."""
    gc.collect()
    process = psutil.Process()
    facts = engine_facts(bench.config.image.name)
    client = connect()
    try:
        containers = len(client.api.containers(all=True))
    finally:
        client.close()
    root = Path(facts.root_dir)
    return {
        "memory of this process, MiB": process.memory_info().rss / 2**20,
        "its descriptors": process.num_fds(),
        "its threads": process.num_threads(),
        "containers, in any state": containers,
        "files in the work folder": sum(1 for _ in _files(bench.folder / "work")),
        "engine's folders of containers, MiB": sum(_size(path) for path in _files(root / "containers")) / 2**20,
        "engine's layers": _entries(root / "overlay2"),
        "engine's volumes": _entries(root / "volumes"),
        "memory of dockerd and containerd, MiB": _daemons() / 2**20,
        "shims": sum(1 for name in _names() if name.startswith("containerd-shim")),
        "cgroups": sum(1 for _ in Path("/sys/fs/cgroup").glob("**/cgroup.procs")),
        "removed cgroups whose cached pages the kernel still keeps": _dying(),
        "leases and notes in the cache": sum(_entries(cache_dir() / name) for name in ("leases", "work")),
        "disk used where the engine keeps its data, MiB": psutil.disk_usage(str(root)).used / 2**20,
    }


def _screen(opened: Sandbox, count: int) -> int:
    programs = sources(count)
    programs[::_ONE_IN] = [f"{HOSTILE[i % len(HOSTILE)]}# {i}\n" for i in range(len(programs[::_ONE_IN]))]
    jobs = [screen_job(number, source, _SCREEN_SECONDS) for number, source in enumerate(programs)]
    return sum(1 for result in opened.screen(jobs, ours.ignore) if result.fault)


def _run(bench: Bench, opened: Sandbox, count: int) -> int:
    attacks = [(ATTACKS / f"{name}.py").read_text(encoding="utf-8") for name in ATTACKERS]
    opened.expect(count)

    def one(pair: tuple[int, str]) -> str:
        number, source = pair
        if number % _ONE_IN:
            return ours.one(bench, opened, screened(number, source))
        attack = attacks[number // _ONE_IN % len(attacks)]
        return ours.one(bench, opened, unchecked(number, attack), _RUN_SECONDS)

    with ThreadPoolExecutor(PARALLEL) as threads:
        return sum(1 for fault in threads.map(one, enumerate(sources(count))) if fault)


def _daemons() -> int:
    total = 0
    for process in psutil.process_iter(["name", "memory_info"]):
        if process.info["name"] in ("dockerd", "containerd") and process.info["memory_info"]:
            total += process.info["memory_info"].rss
    return total


def _names() -> Iterator[str]:
    for process in psutil.process_iter(["name", "status"]):
        if process.info["status"] != psutil.STATUS_ZOMBIE:
            yield process.info["name"]


def _dying() -> int:
    """Return how many memory cgroups the kernel counts beyond those that exist.

    A page of a file that an ended container read first stays charged to its cgroup until memory is wanted or
    another owner reads it; `sysctl vm.drop_caches=3` brings this to about nothing.
    """
    lines = Path("/proc/cgroups").read_text().splitlines()[1:]
    counted = next(int(count) for name, _, count, _ in map(str.split, lines) if name == "memory")
    first = Path("/sys/fs/cgroup/memory")
    place = first if first.is_dir() else first.parent  # version 2 has one hierarchy
    return max(0, counted - sum(1 for _ in place.glob("**/cgroup.procs")))


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        yield from (Path(where, name) for name in names)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # gone since


def _entries(folder: Path) -> int:
    try:
        return len(list(folder.iterdir()))
    except OSError:
        return 0
