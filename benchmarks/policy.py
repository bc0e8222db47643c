"""How fast the policy decides: checks per second on one core, where their time goes, the start of `assay check`.

    python -m benchmarks.policy [--small] [--results DIR]

The yardstick for checks is what Python itself takes to parse and compile the same text; for the start, an
interpreter that does nothing. Nothing is executed here but the checker.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import table
from policies import source, transformer
from policies.checker import check

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
HARMLESS = ("tests/fixtures/programs", "benchmarks/programs/ordinary")
HOSTILE = ("tests/attacks/policy",)
TYPICAL_BYTES = 1024  # and more: what models write for a merge is 1 to 4 KiB
TARGET_PER_SECOND, TARGET_START_SECONDS = 300, 0.4


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and keep them."""
    options = _options(arguments)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rounds, starts = (1, 2) if options.small else (5, 15)
    harmless, hostile = _read(HARMLESS), _read(HOSTILE)
    typical = [text for text in harmless if len(text.encode()) >= TYPICAL_BYTES]
    sets = {"harmless, 1 KiB and more": typical, "harmless, all": harmless, "hostile": hostile}
    found = {
        "machine": {"python": platform.python_version(), "kernel": platform.release(), "load": os.getloadavg()[0]},
        "checks": {name: _rates(texts, rounds) for name, texts in sets.items()},
        "parts": _parts(typical, rounds),
        "starts": _starts(starts),
    }
    text = markdown(found)
    print(text)
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "policy.json").write_text(json.dumps(found, indent=2) + "\n")
    (options.results / "policy.md").write_text(text)


def markdown(found: dict[str, Any]) -> str:
    """Return the document."""
    machine, parts = found["machine"], found["parts"]
    checks = [
        (
            name,
            f"{rate['programs']}",
            f"{rate['bytes']}",
            f"{rate['per_second']:.0f}",
            f"{rate['over_python']:.1f}x",
        )
        for name, rate in found["checks"].items()
    ]
    starts = [(name, f"{seconds * 1000:.0f}") for name, seconds in found["starts"].items()]
    shares = [(name, f"{seconds * 1000:.2f}") for name, seconds in parts.items()]
    return "\n\n".join(
        (
            "# The policy's speed",
            f"Written by `make bench-policy` on one core; Python {machine['python']}, Linux {machine['kernel']}, "
            f"load {machine['load']:.1f} before. Every text is checked once: nothing is cached.",
            table(("programs", "count", "median bytes", "checks/s", "time over Python's parse and compile"), checks),
            f"Aimed at: {TARGET_PER_SECOND} checks/s for programs of typical size.",
            table(("where the time of a check goes (1 KiB and more)", "ms per program"), shares),
            "The bound is the syntax tree: Python objects, one per node, that are walked several times (reading and "
            "digest, names, rules, the rewriting by RestrictedPython) between a parse and a compile in C.",
            table(("from start to end of the process, one program", "median, ms"), starts),
            f"Aimed at: {TARGET_START_SECONDS * 1000:.0f} ms for `assay check`. torch is not imported.\n",
        )
    )


def _rates(texts: Sequence[str], rounds: int) -> dict[str, Any]:
    ours = _seconds(check, texts, rounds)
    python = _seconds(_by_python, texts, rounds)
    return {
        "programs": len(texts),
        "bytes": int(statistics.median(len(text.encode()) for text in texts)),
        "per_second": len(texts) / ours,
        "over_python": ours / python,
    }


def _parts(texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Return the seconds per program of a check's parts; the rules are what is left of the whole."""
    whole, python = _seconds(check, texts, rounds), _seconds(_by_python, texts, rounds)
    reading = _seconds(source.parse, texts, rounds)
    rewriting = _seconds(_rewritten, texts, rounds) - reading
    parts = {
        "reading, digest and size, with Python's parse": reading,
        "rewriting under guards (RestrictedPython)": rewriting,
        "names and rules, and the compile of what was rewritten": whole - reading - rewriting,
        "all of it": whole,
        "for comparison: Python's own parse and compile": python,
    }
    return {name: seconds / len(texts) for name, seconds in parts.items()}


def _by_python(text: str) -> object:
    try:
        return compile(text, "<program>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None


def _rewritten(text: str) -> object:
    return list(transformer.rewrite(source.parse(text).tree))


def _seconds(work: Callable[[str], object], texts: Sequence[str], rounds: int) -> float:
    """Return the shortest time for all texts; each round's differ by a comment, so that none is known already."""
    times = []
    for number in range(rounds):
        fresh = [f"{text}\n# {number}\n" for text in texts]
        began = time.perf_counter()
        for text in fresh:
            work(text)
        times.append(time.perf_counter() - began)
    return min(times)


def _starts(times: int) -> dict[str, float]:
    """Return the median wall seconds of whole processes, taken in turn."""
    program = str(next((ROOT / HARMLESS[0]).glob("*.py")))
    commands = {
        "python -c pass": ["-c", "pass"],
        "python -m policies FILE": ["-m", "policies", program],
        "assay check FILE": ["-m", "orchestrator", "check", program],
    }
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)  # noqa: S603
            found[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def _read(folders: Sequence[str]) -> list[str]:
    paths = [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]
    return [path.read_text(encoding="utf-8") for path in paths]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="the smallest sizes: only that it works")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
