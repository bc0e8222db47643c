"""Follows every link of a report to the entries behind its numbers, and asks the ledger whether they say so.

Reads the page and the ledger's lines without any of the report's own code, as `report_numbers` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any

DASH = "\N{EN DASH}"
_ENTRIES = re.compile(r'<(span|details|p) class="entries">(.*?)</\1>', re.DOTALL)
_FIGURES = {
    "final": {"baseline.completed", "eval.completed"},
    "scores": {"eval.completed"},
    "best": {"eval.completed"},
    "outcomes": {"eval.completed", "candidate.rejected", "candidate.generated"},
    "training": {"dpo.pair_created", "dpo.trained", "dpo.skipped"},
    "times": {"stage.completed"},
}

Event = dict[str, Any]


def unsupported(run_dir: Path) -> list[str]:
    """Return the links of `report.html` that lead nowhere, and the numbers whose entries do not say them."""
    lines = (run_dir / "ledger.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    events = [json.loads(line) for line in lines if not line.startswith('{"$commit"')]
    page = (run_dir / "report.html").read_text(encoding="utf-8")
    return [
        *_dangling(page, events),
        *_tiles(page, events),
        *_figures(page, events),
        *_iterations(page, events),
        *_models(page, events),
        *_rejections(page, events),
        *_programs(page, events),
        *_trainings(page, events),
    ]


def _dangling(page: str, events: Sequence[Event]) -> Iterator[str]:
    rows = re.findall(r'<tr id="e(\d+)"><td class="n">(\d+)</td><td>(.*?)</td><td><code>(.*?)</code>', page)
    listed = {row[0] for row in rows}
    for anchor, index, kind, subject in rows:
        event = events[int(index)]
        if anchor != index or (kind, unescape(subject)) != (event["type"], event["subject"]):
            yield f"entry {index} is listed as {kind} {subject}"
    for target in sorted(set(re.findall(r'href="#e(\d+)"', page)) - listed):
        yield f"entry {target} is linked and not listed"
    for block in _ENTRIES.findall(page):
        if "href" not in block[1] and not block[1].endswith("none"):
            yield f"no link in {block[1][:80]!r}"


def _behind(html: str) -> list[int]:
    """Return all indices that a piece of the page names: the full list, where a short one stands above it."""
    found: list[int] = []
    for _, block in _ENTRIES.findall(html):
        full = re.sub(r"<summary>.*?</summary>", "", block)
        for low, high in re.findall(rf"(\d+)</a>(?:{DASH}<a [^>]*>(\d+)</a>)?", full):
            found += range(int(low), int(high or low) + 1)
    return found


def _of(events: Sequence[Event], indices: Sequence[int], *kinds: str) -> list[Event]:
    return [events[index] for index in indices if events[index]["type"] in kinds]


def _tiles(page: str, events: Sequence[Event]) -> Iterator[str]:
    for tile in re.findall(r'<div class="tile">.*?</div>', page, re.DOTALL):
        label, value = re.findall(r'class="(?:label|value)">(.*?)</span>', tile)
        entries = [events[index] for index in _behind(tile)]
        percents = [_percent(one["data"]["accuracy"]) for one in entries if "accuracy" in one["data"]]
        good = {
            "programs": [one["type"] for one in entries] == ["candidate.generated"] * int(value or 0)
            if value.isdecimal()
            else False,
            "scored": value.isdecimal() and len(entries) == int(value) == len(percents),
            "best on dev": percents == [value],
            "its test score": value in percents and all(one["data"]["split"] == "test" for one in entries),
            "wall clock": [one["type"] for one in entries][:1] == ["log.opened"] and len(entries) == 2,
        }[label]
        if not good:
            yield f"tile {label} {value}: {[one['seq'] for one in entries][:9]}"


def _figures(page: str, events: Sequence[Event]) -> Iterator[str]:
    for name, figure in re.findall(r'<figure id="figure-(\w+)">(.*?)</figure>', page, re.DOTALL):
        kinds = {events[index]["type"] for index in _behind(figure)}
        if name in _FIGURES and not (kinds and kinds <= _FIGURES[name]):
            yield f"figure {name}: {sorted(kinds)}"
    scored = {one["seq"] for one in events if one["type"] == "eval.completed" and one["data"]["split"] == "dev"}
    for name in ("scores", "best"):
        if scored and set(_behind(_figure(page, name))) != scored:
            yield f"figure {name}: not every score is behind it"


def _figure(page: str, name: str) -> str:
    found = re.search(rf'<figure id="figure-{name}">.*?</figure>', page, re.DOTALL)
    return found.group(0) if found else ""


def _iterations(page: str, events: Sequence[Event]) -> Iterator[str]:
    for cells, html in _rows(page, "search"):
        programs = _of(events, _behind(html), "candidate.generated")
        dev = [one for one in _of(events, _behind(html), "eval.completed") if one["data"]["split"] == "dev"]
        best = max((float(one["data"]["accuracy"]) for one in dev), default=None)
        found = [len(programs), len(dev), _percent(best) if best is not None else DASH]
        if [cells[2], cells[7], cells[9]] != [str(one) for one in found]:
            yield f"iteration {cells[0]}: the row has {cells}, its entries {found}"


def _models(page: str, events: Sequence[Event]) -> Iterator[str]:
    for cells, html in _rows(page, "result"):
        for event in (events[index] for index in _behind(html)):
            name = event["subject"] or re.sub("[_:]", " ", event["data"]["name"])
            shown = cells[1 if event["data"]["split"] == "dev" else 2]
            if (name, _percent(event["data"]["accuracy"])) != (cells[0], shown):
                yield f"model {cells[0]}: {shown} is not what entry {event['seq']} says"


def _rejections(page: str, events: Sequence[Event]) -> Iterator[str]:
    for cells, html in _rows(page, "rejections"):
        found = _of(events, _behind(html), "candidate.rejected")
        if [(one["data"]["stage"], one["data"]["reason"].replace("_", " ")) for one in found] != [(cells[0], cells[1])]:
            yield f"rejection {cells[0]}: {cells[1]} has {_behind(html)} behind it"


def _programs(page: str, events: Sequence[Event]) -> Iterator[str]:
    start = page.find('<div class="scroll tall">')
    body = page[start : page.find("</table>", start)]
    for row in re.findall(r"<tr>\n.*?</tr>", body, re.DOTALL):
        name = re.findall(r"<td><code>(.*?)</code></td>", row)[0]
        about = [one["seq"] for one in events if one["subject"] == name]
        if not set(_behind(row)) <= set(about) or about[:1] != _behind(row)[:1]:
            yield f"program {name}: {_behind(row)}"


def _trainings(page: str, events: Sequence[Event]) -> Iterator[str]:
    for cells, html in _rows(page, "learning"):
        pairs = _of(events, _behind(html), "dpo.pair_created")
        if cells[1] != str(len(pairs)) or any(str(one["data"]["iteration"]) != cells[0] for one in pairs):
            yield f"training after iteration {cells[0]}: {cells[1]} pairs, {len(pairs)} entries"


def _rows(page: str, section: str) -> Iterator[tuple[list[str], str]]:
    """Yield the cells of a section's first table with the row's markup."""
    start = page.index(f'<section id="{section}">')
    body = re.search(r"<tbody>(.*?)</tbody>", page[start : page.index("</section>", start)], re.DOTALL)
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body.group(1), re.DOTALL) if body else []:
        yield [_text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)], row


def _text(cell: str) -> str:
    bare = re.split(r'<br>|<span class="ci">', cell)[0]
    return unescape(re.sub(r"<[^>]+>", "", bare)).strip()


def _percent(share: str | float) -> str:
    return f"{float(share) * 100:.1f}%"
