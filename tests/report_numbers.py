"""Recomputes a report's headline numbers from the ledger's lines, without any of the report's own code.

`disagreements` reads the page as a reader does, cell by cell. It looks at numbers, not at words or plots.
"""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

DASH = "\N{EN DASH}"


def disagreements(run_dir: Path) -> list[str]:
    """Return where `report.html` and `ledger.jsonl` of a run say different things; empty when they agree."""
    events = _events(run_dir)
    page = (run_dir / "report.html").read_text(encoding="utf-8")
    return [
        f"{name}: expected {expected}, found {found}"
        for name, expected, found in (
            ("tiles", _expected_tiles(events), _tiles(page)),
            ("iterations", _expected_iterations(events), [row[:-1] for row in _rows(page, "search")]),
            ("models", _expected_models(events), [row[:3] for row in _rows(page, "result")]),
            ("rejections", _expected_rejections(events), _found_rejections(page)),
            ("capabilities", _expected_capabilities(events), [row[:10] for row in _rows(page, "programs")]),
            ("seconds", _expected_seconds(events), _found_seconds(page)),
        )
        if expected != found
    ]


def _events(run_dir: Path) -> list[dict[str, Any]]:
    lines = (run_dir / "ledger.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines if not line.startswith('{"$commit"')]


def expected_beside(run_dir: Path, other_dir: Path) -> list[list[str]]:
    """Return the rows of the comparison of two runs: iteration, run, counts, mean and best so far."""
    rows = []
    for name, folder in (("this", run_dir), ("other", other_dir)):
        events = _events(folder)
        best = 0.0
        for number in _numbers(events):
            one = _iteration(events, number)
            best = max(best, *one["dev"])
            rows.append(
                [
                    number,
                    name,
                    one["programs"],
                    _percent(one["admitted"] / one["programs"]),
                    _percent(len(one["dev"]) / one["programs"]),
                    one["new"],
                    one["duplicates"],
                    _middle(one["dev"], statistics.fmean),
                    _middle(one["dev"], statistics.median),
                    _percent(best),
                ]
            )
    return [[str(cell) for cell in row] for row in sorted(rows, key=lambda row: row[0])]


def found_beside(page: str) -> list[list[str]]:
    """Return the same rows as the page shows them."""
    return _rows(page, "beside")


def _expected_tiles(events: list[dict[str, Any]]) -> dict[str, str]:
    programs = _of(events, "candidate.generated")
    dev = _scores(events, "dev")
    best = max(dev, key=lambda name: dev[name], default="")  # the first of equals: dicts keep the order
    end = _of(events, "run.completed")[0]
    seconds = (datetime.fromisoformat(end["time"]) - datetime.fromisoformat(events[0]["time"])).total_seconds()
    seconds -= _away(events)
    minutes, rest = divmod(round(seconds), 60)
    return {
        "programs": str(len(programs)),
        "different texts": str(len({one["data"]["program_sha256"] for one in programs})),
        "duplicates": str(_reasons(events)["screen", "duplicate"]),
        "scored": str(len(dev)),
        "best on dev": f"{_percent(dev[best])} {best}" if best else "",
        "its test score": _percent(_scores(events, "test")[best]) if best else "",
        "wall clock": f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s",
    }


def _away(events: list[dict[str, Any]]) -> float:
    """Seconds between the last word of a process and the resumption by the next."""
    seconds, last = 0.0, events[0]["time"]
    for event in events:
        if event["type"] == "run.resumed":
            seconds += (datetime.fromisoformat(event["time"]) - datetime.fromisoformat(last)).total_seconds()
        if not event["type"].startswith("log."):
            last = event["time"]
    return seconds


def _tiles(page: str) -> dict[str, str]:
    found = {
        label: (value, note)
        for label, value, note in re.findall(
            r'class="label">(.*?)</span><span class="value">(.*?)</span><span class="note">(.*?)</span>', page
        )
    }
    best, its_test = (found.get(label, ("", "")) for label in ("best on dev", "its test score"))
    counts = re.match(r"(\d+) different texts(?:, (\d+) computed)?", found["programs"][1])
    assert counts
    return {
        "programs": found["programs"][0],
        "different texts": counts.group(1),
        "duplicates": counts.group(2) or "0",
        "scored": found["scored"][0],
        "best on dev": f"{best[0]} {best[1].split(';')[0]}".strip(),
        "its test score": its_test[0],
        "wall clock": found["wall clock"][0],
    }


def _expected_iterations(events: list[dict[str, Any]]) -> list[list[str]]:
    rows = []
    for number in _numbers(events):
        one = _iteration(events, number)
        cells = [number, f"{one['temperature']:.2f}", one["programs"], one["texts"], one["admitted"]]
        cells += [one["duplicates"], one["new"], len(one["dev"])]
        cells += [_middle(one["dev"], statistics.median), _middle(one["dev"], max), one["best"]]
        rows.append([str(cell) for cell in cells])
    return rows


def _expected_models(events: list[dict[str, Any]]) -> list[list[str]]:
    """Return name, dev and test of every model with a final score, without intervals."""
    scores: dict[str, dict[str, str]] = {}
    for event in _of(events, "baseline.completed"):
        data = event["data"]
        name = re.sub("[_:]", " ", data["name"])
        scores.setdefault(name, {})[data["split"]] = _percent(_share(data["correct"]))
    order = sorted(scores, key=lambda name: {"seed": 0, "task arithmetic": 2}.get(name, 1))
    dev, test = _scores(events, "dev"), _scores(events, "test")
    rows = [[name, scores[name].get("dev", DASH), scores[name].get("test", DASH)] for name in order]
    finalists = sorted(test, key=lambda name: -dev[name])
    return [*rows, *([name, _percent(dev[name]), _percent(test[name])] for name in finalists)]


def _expected_rejections(events: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    return {(stage, reason.replace("_", " ")): str(count) for (stage, reason), count in _reasons(events).items()}


def _expected_capabilities(events: list[dict[str, Any]]) -> list[list[str]]:
    """Return a row for each of the best programs: what the policy's event says is written in it."""
    dev, test = _scores(events, "dev"), _scores(events, "test")
    listed = sorted(test or dev, key=lambda name: -dev[name])[:5]
    seen = {one["subject"]: one["data"].get("capabilities") for one in _of(events, "policy.evaluated")}
    rows = []
    for name in listed:
        if found := seen[name]:
            loops = sum(count for kind, count in found["loops"].items() if kind != "depth")
            decides = ", ".join(f"{what} {count}" for what, count in found["branches"].items() if count)
            cells = [name, len(found["torch"]), len(found["tensor"]), loops, found["loops"]["depth"]]
            cells += [sum(found["random"].values()), decides or DASH]
            cells += [len(found["constants"]), len(found["helpers"]), found["size"]["lines"]]
            rows.append([str(cell) for cell in cells])
    return rows


def _found_rejections(page: str) -> dict[tuple[str, str], str]:
    return {(row[0], row[1]): row[2] for row in _rows(page, "rejections") if len(row) == 4}


def _expected_seconds(events: list[dict[str, Any]]) -> dict[str, str]:
    return {
        str(one["data"]["iteration"]): f"{float(one['data']['seconds']):.1f} s" for one in _of(events, "dpo.trained")
    }


def _found_seconds(page: str) -> dict[str, str]:
    return {row[0]: row[8] for row in _rows(page, "learning") if len(row) == 11}


def _iteration(events: list[dict[str, Any]], number: int) -> dict[str, Any]:
    started = next(one for one in _of(events, "iteration.started") if one["data"]["iteration"] == number)
    programs = [one for one in _of(events, "candidate.generated") if one["data"]["iteration"] == number]
    names = {one["subject"] for one in programs}
    dev = {name: score for name, score in _scores(events, "dev").items() if name in names}
    verdicts = Counter(
        (one["type"], one["data"]["verdict"])
        for one in events
        if one["type"] in ("policy.evaluated", "screen.completed") and one["subject"] in names
    )
    rejected = [one["data"] for one in _of(events, "candidate.rejected") if one["subject"] in names]
    return {
        "temperature": float(started["data"]["temperature"]),
        "programs": len(programs),
        "texts": len({one["data"]["program_sha256"] for one in programs}),
        "admitted": verdicts["policy.evaluated", "admitted"],
        "new": verdicts["screen.completed", "passed"],
        "duplicates": sum(data["reason"] == "duplicate" for data in rejected),
        "dev": list(dev.values()),
        "best": max(dev, key=lambda name: dev[name], default=DASH),
    }


def _of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


def _numbers(events: list[dict[str, Any]]) -> list[int]:
    return [one["data"]["iteration"] for one in _of(events, "iteration.started")]


def _scores(events: list[dict[str, Any]], split: str) -> dict[str, float]:
    """Return accuracy by program in the order of writing."""
    found = {
        one["subject"]: _share(one["data"]["correct"])
        for one in _of(events, "eval.completed")
        if one["data"]["split"] == split
    }
    written = [one["subject"] for one in _of(events, "candidate.generated")]
    return {name: found[name] for name in written if name in found}


def _reasons(events: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    return Counter((one["data"]["stage"], one["data"]["reason"]) for one in _of(events, "candidate.rejected"))


def _share(correct: str) -> float:
    return correct.count("1") / len(correct)


def _middle(scores: list[float], of: Callable[[list[float]], float]) -> str:
    return _percent(of(scores)) if scores else DASH


def _percent(share: float) -> str:
    return f"{share * 100:.1f}%"


def _rows(page: str, section: str) -> list[list[str]]:
    """Return the cells of a section's first table, each up to its first line break or interval."""
    start = page.index(f'<section id="{section}">')
    body = re.search(r"<tbody>(.*?)</tbody>", page[start : page.index("</section>", start)], re.DOTALL)
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", body.group(1), re.DOTALL) if body else []
    return [[_text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows]


def _text(cell: str) -> str:
    bare = re.split(r'<br>|<span class="ci">', cell)[0]
    return unescape(re.sub(r"<[^>]+>", "", bare)).strip()
