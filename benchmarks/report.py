"""Turns what was measured into tables for people. Measures nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def markdown(found: dict[str, Any]) -> str:
    """Return the document; parts that were not measured are left out."""
    parts = {"screen": _screen, "run": _run, "leak": _leak, "peer": _peer}
    text = [_head(found["machine"]), *(write(found) for name, write in parts.items() if name in found)]
    return "\n\n".join(text) + "\n"


def _head(machine: dict[str, Any]) -> str:
    return (
        "# The sandbox's speed\n\nWritten by `make bench-sandbox`; all of it measured in one run.\n\n"
        f"{machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}, "
        f"Docker {machine['engine']}; "
        f"load {machine['load_before']:.1f} before and {machine['load_after']:.1f} after. Limits of every container: "
        f"{machine['limits']}. Full runs merge {machine['parameters']:,} parameters of a seed and three candidates.\n\n"
        "The plain way: one `docker run --rm` per program with the same limits, filter and environment, in which a "
        "fresh interpreter imports torch, runs the program on the same tensors and ends."
    )


def _screen(found: dict[str, Any]) -> str:
    part = found["screen"]
    best = part["plain"]["best"]
    rows = [
        ("cells, all counted (their start and end too)", *_cells(part["ours"], best)),
        ("cells, once they stand", "", "", f"{part['warm_per_second']:.1f}", _ratio(part["warm_per_second"], best)),
        *_plain_rows(part["plain"]),
    ]
    return (
        f"## Screening\n\n{part['programs_per_cell']} programs per cell, {part['fingerprints']} different "
        f"fingerprints; programs are distinct.\n\n{_rates(rows)}{_all_errors(part)}"
    )


def _run(found: dict[str, Any]) -> str:
    part = found["run"]
    rows = [("Assay's pool", *_cells(part["ours"], part["plain"]["best"])), *_plain_rows(part["plain"])]
    latency = part["latency_ms"]
    return (
        f"## Full runs of small models\n\n{_rates(rows)}{_all_errors(part)}\n\n"
        f"From program handed over to program running: median {latency['median']:.0f} ms, 95th percentile "
        f"{latency['p95']:.0f} ms (limit: 60 ms at the median).\n\n{_breakdown(part, found['machine']['cores'])}"
    )


def _breakdown(part: dict[str, Any], cores: int) -> str:
    rows = [(name, f"{times['median']:.0f}") for name, times in part["phases_ms"].items()]
    spent, inside = part["machine_cpu_per_program"], part["container_cpu_per_program"]
    phases = table(("phase of a container's life (two at work, two being made)", "median, ms"), rows)
    imports = [
        (name, *(f"{part[key][value] * 1000:.0f}" for value in ("python_cpu", "import_cpu", "import_clock")))
        for name, key in (("ordinary `import torch`", "import_ordinary"), ("as in Assay's containers", "import_lean"))
    ]
    inner = f", {inside:.2f} of them inside its container" if inside is not None else ""
    return (
        f"### Where the time goes\n\n{phases}\n\n"
        + table(("in a container by itself, ms", "CPU of Python's start", "CPU of the import", "by the clock"), imports)
        + f"\n\nThe limit is the processor: a program costs {spent:.2f} CPU seconds on the whole machine{inner}, where "
        f"importing torch takes {part['import_lean']['import_cpu']:.2f}. {cores} cores can do no more than "
        f"{cores / spent:.1f} programs/s of that; were there nothing but the import, it would be "
        f"{cores / part['import_lean']['import_cpu']:.1f}."
    )


def _leak(found: dict[str, Any]) -> str:
    part = found["leak"]
    prints = part["footprints"]
    names = list(prints)
    rows = [(what, *(f"{prints[when][what]:,.0f}" for when in names)) for what in prints["before"]]
    return (
        f"## What is left behind\n\n{part['screened']:,} programs through screening in {part['screen_seconds']:.0f} s "
        f"({part['screen_faults']} ended in a fault) and {part['run']:,} full runs in {part['run_seconds']:.0f} s "
        f"({part['run_faults']} in a fault), a tenth of each hostile, one sandbox throughout; before is after a "
        "warm-up, and closed after the sandbox was closed.\n\n" + table(("", *names), rows) + "\n\n"
        "A removed cgroup is counted on by the kernel while a page that it read first is cached; such pages go when "
        "memory is wanted (`sysctl vm.drop_caches=3` brings the number to about nothing)."
    )


def _peer(found: dict[str, Any]) -> str:
    part = found["peer"]
    titles = {"screen": "screening", "run": "full runs"}
    head = ("", "programs", "ended well", "programs/s", "Assay's rate over it")
    rows: list[Sequence[str]] = []
    for kind, title in titles.items():
        mine = found.get(kind, {}).get("ours")
        ways = [("llm-sandbox, a container per program", part[kind]["fresh"])]
        ways += [("llm-sandbox, containers shared by programs", part[kind]["shared"])]
        if mine:
            ways = [
                ("Assay", mine),
                *((f"the plain way, {k} at a time", v) for k, v in found[kind]["plain"]["at"].items()),
                *ways,
            ]
        for name, rate in ways:
            ratio = _ratio(mine["per_second"], rate["per_second"]) if mine and rate["per_second"] else ""
            rows.append((f"{title}: {name}", *_short(rate), ratio))
    seen = table(
        ("seen from inside, and after a time-out", "llm-sandbox"), [(k, str(v)) for k, v in part["seen"].items()]
    )
    errors = "".join(_errors(part[kind][way]) for kind in titles for way in ("fresh", "shared"))
    return (
        f"## Beside a peer\n\nllm-sandbox {part['version']}, Docker back end, its pool of two to four containers, "
        "on the sandbox image. It cannot use that image as it is: a pool runs `mkdir` (and `chown`) for every file it "
        "copies in, and Python from a virtual environment below `/sandbox`. It got BusyBox for the first and a link "
        "for the second (`benchmarks/peer.Dockerfile`), no set-up at start, and the limits above as the engine's "
        "options; not a read-only root (its copies need a root that can be written) and not a user of its own (they "
        "arrive as root's). It ran as root without capabilities. Its pool stood when its clock started, Assay's did "
        "not.\n\n"
        f"{table(head, rows)}{errors}\n\n{seen}"
    )


def _plain_rows(plain: dict[str, Any]) -> list[Sequence[str]]:
    return [(f"plain way, {at} at a time", *_cells(rate, plain["best"])) for at, rate in plain["at"].items()]


def _cells(rate: dict[str, Any], best: float) -> tuple[str, str, str, str]:
    return (*_short(rate), _ratio(rate["per_second"], best))


def _short(rate: dict[str, Any]) -> tuple[str, str, str]:
    return str(rate["count"]), str(rate["ok"]), f"{rate['per_second']:.2f}"


def _ratio(value: float, best: float) -> str:
    return f"{value / best:.1f}x"


def _rates(rows: Sequence[Sequence[str]]) -> str:
    return table(("", "programs", "ended well", "programs/s", "of the better plain way"), rows)


def _errors(rate: dict[str, Any]) -> str:
    return f"\n\nFirst that did not end well: `{' '.join(rate['error'].split())[-200:]}`" if rate["error"] else ""


def _all_errors(part: dict[str, Any]) -> str:
    return "".join(_errors(rate) for rate in (part["ours"], *part["plain"]["at"].values()))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
