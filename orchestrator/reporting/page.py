"""The page itself: facts and figures put into `template.html`. Pure: facts in, HTML out.

All text goes through one filter before jinja2 escapes it, so that nothing which a program wrote can act,
hide or reorder what stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestrator.ledger import Entry
from orchestrator.reporting import beside as comparison
from orchestrator.reporting import capabilities, figures
from orchestrator.reporting.facts import SCORED, Program, RunFacts, SplitScore
from orchestrator.reporting.links import briefly, is_long, linked
from orchestrator.reporting.source import source_html
from orchestrator.reporting.statistics import Interval, Paired, paired, wilson
from orchestrator.reporting.words import chance, change, judged, percent, plural, points, rounded, short, span, words
from orchestrator.text import printable
from policies.reports.summary import sentence

SOURCES_SHOWN = 5
_SECTIONS = [
    ("result", "Result"),
    ("search", "Search"),
    ("beside", "Beside another run"),
    ("programs", "Best programs"),
    ("rejections", "Rejections"),
    ("learning", "Learning"),
    ("time", "Time"),
    ("record", "Record"),
    ("entries", "Entries"),
]
_FOLDER = Path(__file__).parent
_TRL_NAMES = ("loss", "rewards/accuracies", "rewards/margins", "rewards/chosen", "rewards/rejected")


class Tile(NamedTuple):
    """One figure at the top of the page, with the entries behind it."""

    label: str
    value: str
    note: str
    entries: Sequence[int]


def render(
    facts: RunFacts, sources: Mapping[str, str], *, torn_bytes: int, beside: comparison.Beside | None = None
) -> str:
    """Return the report; `sources` maps a program's digest to its text, where the blob was there to read."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters.update(
        chance=chance,
        percent=percent,
        points=points,
        short=short,
        span=span,
        words=words,
        linked=linked,
        briefly=briefly,
    )
    environment.tests["long"] = is_long
    listed = (facts.finalists or facts.ranking)[:SOURCES_SHOWN]
    style = Markup((_FOLDER / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return environment.get_template("template.html").render(
        style=style,
        facts=facts,
        status=_status(facts),
        torn_bytes=torn_bytes,
        tiles=_tiles(facts),
        texts=_texts(facts),
        sections=_SECTIONS if beside else [one for one in _SECTIONS if one[0] != "beside"],
        plots=_plots(facts) | ({"beside": figures.two_runs(beside)} if beside else {}),
        final=_final_rows(facts),
        training=_training(facts),
        verdict=_verdict(facts),
        control=_control_note(facts, beside),
        control_command="" if _controlled(facts, beside) else "assay report RUN_DIR --beside CONTROL_RUN_DIR",
        rejections=_rejections(facts),
        best=[_shown_source(program, sources) for program in listed],
        capabilities=capabilities.rows(listed),
        colours=figures.outcome_colours(list(facts.iterations.values())),
        environment=_environment(facts),
        environment_entries=[one.index for one in _environment_sources(facts) if one],
        scored=SCORED,
        **_beside_parts(beside),
    )


def _harmless(value: object) -> object:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return printable(value, keep="\n")


def _beside_parts(beside: comparison.Beside | None) -> dict[str, Any]:
    if beside is None:
        return {"beside": None}
    return {
        "beside": beside,
        "beside_verdict": comparison.verdict(beside),
        "beside_search": comparison.search(beside),
        "beside_ending": _status(beside.other)["word"],
        "beside_finals": [_first_by_dev("this", beside.this), _first_by_dev("other", beside.other)],
    }


def _first_by_dev(name: str, facts: RunFacts) -> dict[str, Any]:
    """Return one run's program that dev had put first with its scores, and the test scores of those behind it."""
    ranked = facts.finalists or facts.ranking
    scores = ranked[0].scores if ranked else {}
    return {
        "name": name,
        "learn": facts.learn,
        "first": ranked[0].id if ranked else "",
        "dev": _interval(scores.get("dev")),
        "test": _interval(scores.get("test")),
        "others": [program.scores["test"].accuracy for program in facts.finalists[1:]],
    }


def _status(facts: RunFacts) -> dict[str, str]:
    """Return a word, its colour class, and a sentence on how the run ended."""
    if facts.ended is None:
        doing = ", ".join(f"{stage} of iteration {number}" for number, stage in facts.open_stages)
        text = "The record ends without the run's end: it is still going on, or it was killed."
        return {
            "word": "unfinished",
            "tone": "warn",
            "text": text + (f" On record as begun and not ended: {doing}." if doing else ""),
        }
    data = facts.ended.data
    match facts.ended.type:
        case "run.completed":
            return {"word": "completed", "tone": "good", "text": ""}
        case "run.interrupted":
            return {"word": "interrupted", "tone": "warn", "text": f"The run was stopped by {data['signal']}."}
        case _:
            return {"word": "failed", "tone": "bad", "text": f"{data['error']}: {data['message']}"}


def _tiles(facts: RunFacts) -> list[Tile]:
    """Return the few figures that matter most."""
    programs, scored = list(facts.programs.values()), facts.ranking
    repeats = sum(program.outcome == "duplicate" for program in programs)
    note = f"{_texts(facts)} different texts" + (f", {repeats} computed what an earlier one did" if repeats else "")
    share = percent(len(scored) / len(programs)) + " of all" if programs else ""
    tiles = [
        Tile("programs", str(len(programs)), note, [program.entries[0] for program in programs]),
        Tile("scored", str(len(scored)), share, [program.dev.entry for program in scored if program.dev]),
    ]
    if scored and scored[0].dev:
        best = scored[0].dev
        tiles.append(Tile("best on dev", percent(best.accuracy), f"{scored[0].id}; steers the search", [best.entry]))
    tiles.extend(_test_tile(facts))
    ends = [0, facts.entries - 1] if facts.entries else []
    return [*tiles, Tile("wall clock", span(_elapsed(facts)), f"{len(facts.iterations)} iterations", ends)]


def _texts(facts: RunFacts) -> int:
    return len({program.digest for program in facts.programs.values()})


def _test_tile(facts: RunFacts) -> list[Tile]:
    """Return the test result of the program that dev had put first; not the best on test."""
    reference = facts.baselines.get("task_arithmetic") or facts.baselines.get("seed")
    if not facts.finalists:
        return []
    first = facts.finalists[0].scores["test"]
    if reference is None or "test" not in reference.scores:
        return [Tile("its test score", percent(first.accuracy), "sealed until the end", [first.entry])]
    other = reference.scores["test"]
    difference = paired(first.correct, other.correct).difference
    note = f"against {words(reference.name)} {change(difference)}"
    return [Tile("its test score", percent(first.accuracy), note, [first.entry, other.entry])]


def _verdict(facts: RunFacts) -> str:
    """Say in a sentence what the sealed split showed of the program that dev had put first."""
    reference = facts.baselines.get("task_arithmetic")
    if not facts.finalists or reference is None:
        return ""
    first = facts.finalists[0]
    compared = _compare(first.scores, reference.scores, "test")
    if compared is None:
        return ""
    word = judged(compared.difference, above="better than", below="worse than")
    return (
        f"{first.id}, the best program by dev, scores {percent(first.scores['test'].accuracy)} on test; "
        f"it is {word} tuned task arithmetic ({change(compared.difference)})."
    )


def _plots(facts: RunFacts) -> dict[str, str]:
    """Return the data URI of each plot that there is something to plot for."""
    plots: dict[str, str] = {}
    if facts.programs:
        plots["outcomes"] = figures.outcome_shares(facts)
    if facts.ranking:
        plots["scores"] = figures.score_distribution(facts)
        plots["best"] = figures.best_so_far(facts)
    if facts.times:
        plots["times"] = figures.stage_times(facts)
    if any(scores for _, scores in figures.final_models(facts)):
        plots["final"] = figures.final_scores(facts)
    if curves := figures.training_curves(facts):
        plots["training"] = curves
    return plots


def _final_rows(facts: RunFacts) -> list[dict[str, Any]]:
    """Return one row per model: intervals on both splits, paired differences on the last split that it saw."""
    references = {name: facts.baselines[name].scores for name in ("seed", "task_arithmetic") if name in facts.baselines}
    rows = []
    for name, scores in figures.final_models(facts):
        split = "test" if "test" in scores else "dev"
        rows.append(
            {
                "name": name,
                "program": name in facts.programs,
                "dev": _interval(scores.get("dev")),
                "test": _interval(scores.get("test")),
                "split": split,
                "against": {other: _compare(scores, theirs, split) for other, theirs in references.items()},
                "entries": [score.entry for score in scores.values()],
                "parameters": _parameters(facts, name),
            }
        )
    return rows


def _parameters(facts: RunFacts, name: str) -> str:
    baseline = facts.baselines.get(name.replace(" ", "_"))
    if baseline is None or not baseline.parameters:
        return ""
    values = ", ".join(f"{model} {value}" for model, value in baseline.parameters.items())
    return f"{values}; best of {baseline.points} points tried" if baseline.points else values


def _interval(score: SplitScore | None) -> Interval | None:
    return wilson(score.right, len(score.correct)) if score and score.correct else None


def _compare(scores: Mapping[str, SplitScore], theirs: Mapping[str, SplitScore], split: str) -> Paired | None:
    mine, other = scores.get(split), theirs.get(split)
    if mine is None or other is None or mine is other or len(mine.correct) != len(other.correct) or not mine.correct:
        return None
    return paired(mine.correct, other.correct)


def _training(facts: RunFacts) -> list[dict[str, Any]]:
    rows = []
    for number, iteration in sorted(facts.iterations.items()):
        data = iteration.trained.data if iteration.trained else {}
        metrics = data.get("metrics", {})
        rows.append(
            {
                "iteration": number,
                "temperature": iteration.temperature,
                "pairs": len(iteration.pairs),
                "steps": data.get("steps"),
                "method": data.get("method", ""),
                "metrics": [rounded(metrics.get(name, "")) for name in _TRL_NAMES],
                "adapter": data.get("adapter_sha256", ""),
                "seconds": float(data.get("seconds") or 0),
                "why": iteration.skipped.data["why"] if iteration.skipped else "",
                "entries": [*iteration.pairs, *(one.index for one in (iteration.trained, iteration.skipped) if one)],
            }
        )
    return rows if any(row["entries"] for row in rows) else []


def _control_note(facts: RunFacts, beside: comparison.Beside | None) -> str:
    trained = sum(iteration.trained is not None for iteration in facts.iterations.values())
    if facts.learn == "none":
        return (
            "This is a control: the factory was never trained. What changes from one iteration to the next comes "
            "from the falling temperature and from chance."
        )
    if not facts.learn:
        return ""
    if not trained:
        return "No training took place in this run, so all its programs come from the untrained factory."
    times = f"The factory was trained {plural(trained, 'time')}."
    if _controlled(facts, beside):
        return f"{times} What came of it stands in the section on the other run, which is this one's control."
    return (
        f"{times} Without a control nothing is claimed here about what it learned: the temperature falls as well, "
        'and chance plays its part. Run the same configuration with learn = "none", then write this report beside '
        "it:"
    )


def _controlled(facts: RunFacts, beside: comparison.Beside | None) -> bool:
    """Say whether nothing is missing to judge the training: a control stands beside it, or there was none."""
    trained = any(iteration.trained for iteration in facts.iterations.values())
    return not trained or (beside is not None and comparison.is_control(facts, beside.other))


def _rejections(facts: RunFacts) -> list[dict[str, Any]]:
    """Return stage x reason, most frequent first, with the first program of each as the example."""
    ended = [program for program in facts.programs.values() if program.stage]
    counts = Counter((program.stage, program.outcome) for program in ended)
    rows = []
    for (stage, reason), count in counts.most_common():
        example = next(program for program in ended if (program.stage, program.outcome) == (stage, reason))
        rows.append({"stage": stage, "reason": reason, "count": count, "example": example})
    return rows


def _shown_source(program: Program, sources: Mapping[str, str]) -> dict[str, Any]:
    text = sources.get(program.digest)
    return {
        "program": program,
        "html": source_html(text) if text is not None else None,
        "uses": sentence(program.capabilities) if program.capabilities else "",
    }


def _environment(facts: RunFacts) -> list[tuple[str, str]]:
    """Return (name, value) of what the run's numbers depend on; what is not on record is left out."""
    started, profile, container, *_ = (_data(entry) for entry in _environment_sources(facts))
    sandbox = started.get("sandbox", {})
    rows = [
        ("configuration", started.get("config_sha256")),
        ("policy", started.get("policy_sha256")),
        ("image", sandbox.get("image_id") or container.get("image_id")),
        ("seccomp profile", sandbox.get("seccomp_sha256") or container.get("seccomp_sha256")),
        ("engine", sandbox.get("engine_version")),
        ("runtime", sandbox.get("runtime") or container.get("runtime")),
        ("protections", _protections(_data(facts.protections))),
        ("canaries held", ", ".join(canary["name"] for canary in _data(facts.canaries).get("canaries", ()))),
        ("platform", profile.get("platform")),
        ("cpu", profile.get("cpu")),
        ("gpu", profile.get("gpu")),
        ("python", profile.get("python")),
        *((name, version) for name, version in profile.get("packages", {}).items()),
        *((name, value) for name, value in profile.get("environment", {}).items()),
    ]
    return [(name, str(value)) for name, value in rows if value]


def _environment_sources(facts: RunFacts) -> tuple[Entry | None, ...]:
    return (facts.started, facts.profile, facts.first_container, facts.protections, facts.canaries)


def _protections(data: Mapping[str, Any]) -> str:
    """Say how many are in effect, and name the others."""
    found = data.get("protections", ())
    others = [f"{row['name']} {row['state']}" for row in found if row["state"] != "in effect"]
    count = f"{len(found) - len(others)} in effect" if found else ""
    return "; ".join(filter(None, (count, ", ".join(others))))


def _data(entry: Entry | None) -> Mapping[str, Any]:
    return entry.data if entry else {}


def _elapsed(facts: RunFacts) -> float:
    if not facts.began:
        return 0.0
    elapsed = datetime.fromisoformat(facts.last) - datetime.fromisoformat(facts.began)
    return max(0.0, elapsed.total_seconds() - facts.away)
