"""The report's plots: facts in, SVG out. The same facts give the same bytes.

Drawn without pyplot, so there is no global state and no display. Every plot is white: the page puts it
on a white card, in the dark as well.
"""

from __future__ import annotations

import base64
import functools
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestrator.reporting.beside import Beside
from orchestrator.reporting.facts import SCORED, UNFINISHED, Iteration, Program, RunFacts, SplitScore, StageTime
from orchestrator.reporting.statistics import wilson
from orchestrator.text import printable

_Facts = TypeVar("_Facts", RunFacts, Beside)

_WIDTH_INCHES = 8.6
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",  # no font is looked up when the page is read
    "svg.hashsalt": "assay",  # ids of clip paths do not change from one writing to the next
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.parse_math": False,  # names from the ledger are not formulae
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a8f98",
    "axes.labelcolor": "#3c4149",
    "axes.titlesize": 9.5,
    "xtick.color": "#3c4149",
    "ytick.color": "#3c4149",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
INK = "#1f4e79"
_DOTS = "#6f8fc4"
_GOOD = "#2f7d5b"
_ACCENT = "#c2541b"
_QUIET = "#8a8f98"
# Ordered by how far a program came; one colour per reason, the same in every report.
_REASON_COLOURS: Mapping[str, str] = {
    SCORED: _GOOD,
    "duplicate": "#a9cdb9",
    "identical_to_seed": "#cfe3d8",
    "output_norm": "#d9b44a",
    "output_size": "#e6cd85",
    "output_missing": "#f0e2b6",
    "nondeterministic": "#9d7fb8",
    "not_finite": "#b99bd0",
    "wrong_shape": "#6f8fc4",
    "wrong_dtype": "#9db4dc",
    "runtime_error": "#d9793f",
    "contract": "#eba676",
    "timeout": "#7a6a5d",
    "out_of_memory": "#9c8c7f",
    "killed": "#bdb0a5",
    "protocol": "#5b5f66",
    "syntax": "#8f2d3a",
    "policy": "#c4566a",
    UNFINISHED: "#e3e5e8",
}
_SPARE_COLOURS = ("#4c9aa8", "#86bcc6", "#5f6b3a", "#97a46b")
_STAGE_COLOURS: Mapping[str, str] = {
    "setup": "#c9ccd1",
    "baseline": "#8a8f98",
    "generate": "#1f4e79",
    "check": "#6f8fc4",
    "screen": "#86bcc6",
    "run": "#c2541b",
    "verify": "#eba676",
    "evaluate": "#2f7d5b",
    "learn": "#9d7fb8",
    "final": "#5b5f66",
}


def _styled(draw: Callable[[_Facts], str]) -> Callable[[_Facts], str]:
    @functools.wraps(draw)
    def drawn(facts: _Facts) -> str:
        with matplotlib.rc_context(_STYLE):
            return draw(facts)

    return drawn


@_styled
def score_distribution(facts: RunFacts) -> str:
    """One dot per scored program and iteration, the median as a bar, baselines as lines."""
    figure, axes = _figure(3.6)
    iterations = [facts.iterations[number] for number in sorted(facts.iterations)]
    for place, iteration in enumerate(iterations):
        _dots(axes, place, 0.5, iteration.accuracies, iteration.median, (_DOTS, INK))
    _baseline_lines(axes, facts)
    labels = [f"iteration {one.number}\n{len(one.scored)} of {len(one.programs)} scored" for one in iterations]
    axes.set_xticks(range(len(iterations)), labels)
    axes.set_xlim(-0.55, len(iterations) - 0.45)
    axes.set_ylabel("dev accuracy")
    _percent(axes, "y")
    return _svg(figure)


@_styled
def outcome_shares(facts: RunFacts) -> str:
    """One bar per iteration: the share of its programs by outcome."""
    iterations = [facts.iterations[number] for number in sorted(facts.iterations) if facts.iterations[number].programs]
    figure, axes = _figure(1.5 + 0.42 * len(iterations))
    counts = [iteration.outcomes for iteration in iterations]
    names = _ordered({name for count in counts for name in count})
    left = [0.0] * len(iterations)
    for name, colour in _colours(names).items():
        shares = [count[name] / count.total() for count in counts]
        bars = axes.barh(range(len(iterations)), shares, left=left, color=colour, label=_words(name), height=0.62)
        texts = [str(count[name]) if share >= 0.035 else "" for count, share in zip(counts, shares, strict=True)]
        axes.bar_label(bars, texts, label_type="center", fontsize=8, color=_on(colour))
        left = [start + share for start, share in zip(left, shares, strict=True)]
    axes.set_yticks(range(len(iterations)), [f"iteration {one.number}" for one in iterations])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the iteration's programs (numbers: programs)")
    _percent(axes, "x")
    _legend_above(axes)
    return _svg(figure)


@_styled
def best_so_far(facts: RunFacts) -> str:
    """The best dev accuracy after each program, in the order in which they were written."""
    figure, axes = _figure(3.2)
    programs = list(facts.programs.values())
    best, line = 0.0, []
    for program in programs:
        best = max(best, program.dev.accuracy if program.dev else 0.0)
        line.append(best)
    known = [(place, value) for place, value in enumerate(line, 1) if value > 0]
    if known:
        axes.step([place for place, _ in known], [value for _, value in known], where="post", color=INK, linewidth=2)
    for place in _iteration_starts(programs):
        axes.axvline(place + 0.5, color="#d5d8dc", linewidth=1, zorder=0)
        name = f"iteration {programs[place].iteration}"
        axes.text(place + 0.5, 1.01, f" {name}", transform=axes.get_xaxis_transform(), fontsize=8, color=_QUIET)
    _baseline_lines(axes, facts)
    axes.set_xlim(0, len(programs) + 1)
    axes.set_xlabel("programs written")
    axes.set_ylabel("best dev accuracy so far")
    _percent(axes, "y")
    return _svg(figure)


@_styled
def stage_times(facts: RunFacts) -> str:
    """Wall clock per stage, one bar per iteration and one for what lies outside them."""
    rows = sorted({time.iteration for time in facts.times}, key=lambda number: (number == 0, number))
    figure, axes = _figure(1.4 + 0.42 * len(rows))
    left = [0.0] * len(rows)
    stages = sorted({time.stage for time in facts.times}, key=_stage_order)
    for stage in stages:
        seconds = [_seconds(facts.times, row, stage) for row in rows]
        colour = _STAGE_COLOURS.get(stage, _SPARE_COLOURS[0])
        axes.barh(range(len(rows)), seconds, left=left, color=colour, label=_words(stage), height=0.62)
        left = [start + one for start, one in zip(left, seconds, strict=True)]
    for place, total in enumerate(left):
        axes.text(total, place, f"  {total:.0f} s" if total >= 10 else f"  {total:.1f} s", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [f"iteration {row}" if row else "outside" for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, max(left, default=1.0) * 1.1 or 1.0)
    axes.set_xlabel("seconds of wall clock")
    _legend_above(axes)
    return _svg(figure)


@_styled
def final_scores(facts: RunFacts) -> str:
    """Dev and test accuracy with 95% intervals: baselines and the programs that saw the test split."""
    models = final_models(facts)
    figure, axes = _figure(1.1 + 0.44 * len(models))
    for place, (_, scores) in enumerate(models):
        for split, offset, colour in (("dev", -0.13, _QUIET), ("test", 0.13, INK)):
            if (score := scores.get(split)) and score.correct:
                interval = wilson(score.right, len(score.correct))
                axes.plot([interval.low, interval.high], [place + offset] * 2, color=colour, linewidth=2)
                axes.plot(interval.estimate, place + offset, "o", color=colour, markersize=5.5)
    tuned = facts.baselines.get("task_arithmetic")
    if tuned and "test" in tuned.scores:
        axes.axvline(tuned.scores["test"].accuracy, color=_ACCENT, linestyle="--", linewidth=1.1, zorder=1)
        axes.plot([], [], "--", color=_ACCENT, label="task arithmetic, test")
    for split, colour in (("dev", _QUIET), ("test", INK)):
        axes.plot([], [], "o-", color=colour, label=f"{split}, 95% interval", markersize=5.5)
    axes.set_yticks(range(len(models)), [name for name, _ in models])
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.set_xlabel("accuracy")
    axes.grid(axis="x", color="#eceef0")
    axes.set_axisbelow(True)
    _percent(axes, "x")
    _legend_above(axes)
    return _svg(figure)


@_styled
def training_curves(facts: RunFacts) -> str:
    """DPO's logged values per step, one panel each, one line per iteration; empty where nothing was logged."""
    histories = {
        number: iteration.trained.data["history"]
        for number, iteration in sorted(facts.iterations.items())
        if iteration.trained and iteration.trained.data.get("history")
    }
    if not histories:
        return ""
    panels = (("loss", "loss"), ("accuracy", "reward accuracy"), ("margin", "reward margin"))
    figure = Figure(figsize=(_WIDTH_INCHES, 2.7), layout="constrained")
    for axes, (key, title) in zip(figure.subplots(1, len(panels)), panels, strict=True):
        for (number, history), colour in zip(histories.items(), _line_colours(len(histories)), strict=True):
            points = [(row["step"], float(row[key])) for row in history if row.get(key)]
            axes.plot(
                [step for step, _ in points],
                [value for _, value in points],
                color=colour,
                linewidth=1.6,
                label=f"after iteration {number}",
            )
        axes.set_title(title)
        axes.set_xlabel("step")
    figure.axes[0].legend()
    return _svg(figure)


@_styled
def two_runs(beside: Beside) -> str:
    """Left the dev scores of both runs per iteration; right their shares of new programs and of duplicates."""
    figure = Figure(figsize=(_WIDTH_INCHES, 3.3), layout="constrained")
    scores, shares = figure.subplots(1, 2)
    sides = (("this", -0.2, (_DOTS, INK), beside.this), ("other", 0.2, ("#e0a987", _ACCENT), beside.other))
    for index, (name, offset, colours, facts) in enumerate(sides):
        turns = [theirs if index else mine for _, mine, theirs in beside.turns]
        known = [(place + offset, turn) for place, turn in enumerate(turns) if turn]
        for place, turn in known:
            _dots(scores, place, 0.3, turn.iteration.accuracies, turn.mean, colours)
        places = [place for place, _ in known]
        sizes = [len(turn.iteration.programs) or 1 for _, turn in known]
        new = [turn.iteration.new / size for (_, turn), size in zip(known, sizes, strict=True)]
        again = [turn.iteration.outcomes["duplicate"] / size for (_, turn), size in zip(known, sizes, strict=True)]
        label = f"{name} (learn = {_words(facts.learn)})"
        shares.bar(places, new, 0.34, color=colours[1], label=f"{label}: new")
        shares.bar(
            places, again, 0.34, bottom=new, color=colours[0], hatch="///", edgecolor="white", label="duplicates"
        )
    for axes, title in ((scores, "dev accuracy of the scored"), (shares, "share of the programs")):
        axes.set_xticks(range(len(beside.turns)), [f"iteration {number}" for number, _, _ in beside.turns])
        axes.set_title(title, loc="left")
        _percent(axes, "y")
    shares.set_ylim(0, 1)
    figure.legend(*shares.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return _svg(figure)


def final_models(facts: RunFacts) -> list[tuple[str, Mapping[str, SplitScore]]]:
    """Return name and scores of what the final comparison shows: baselines first, then the finalists."""
    baselines = sorted(facts.baselines.values(), key=lambda one: _BASELINE_ORDER.get(one.name, 1))
    models: list[tuple[str, Mapping[str, SplitScore]]] = [(_words(one.name), one.scores) for one in baselines]
    programs = facts.finalists or facts.ranking[:5]
    return [*models, *((program.id, program.scores) for program in programs)]


_BASELINE_ORDER = {"seed": 0, "task_arithmetic": 2}


def _figure(height_inches: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH_INCHES, height_inches), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    """Return the figure as a data URI."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _dots(
    axes: Axes, place: float, width: float, scores: Sequence[float], middle: float | None, colours: tuple[str, str]
) -> None:
    """Draw scores as dots around a place, and their middle as a bar."""
    # Golden-ratio steps spread the dots evenly and are the same every time.
    places = [place + ((index * 0.618034) % 1 - 0.5) * width for index in range(len(scores))]
    axes.scatter(places, scores, s=17, color=colours[0], alpha=0.6, linewidths=0)
    if middle is not None:
        axes.plot([place - 0.64 * width, place + 0.64 * width], [middle, middle], color=colours[1], linewidth=2.2)


def _baseline_lines(axes: Axes, facts: RunFacts) -> None:
    """Draw the seed's and task arithmetic's dev accuracy across the plot, named beside its right edge."""
    known = [facts.baselines[name] for name in ("seed", "task_arithmetic") if name in facts.baselines]
    lines = sorted((one.scores["dev"].accuracy, one.name) for one in known if "dev" in one.scores)
    for place, (height, name) in enumerate(lines):
        tuned = name == "task_arithmetic"
        style, colour = ("--", _ACCENT) if tuned else (":", _QUIET)
        axes.axhline(height, color=colour, linestyle=style, linewidth=1.3, zorder=1)
        # The lower one's name hangs and the upper one's stands, so that they never lie on each other.
        side = "top" if len(lines) > 1 and place == 0 else "bottom"
        axes.text(1.01, height, _words(name), transform=axes.get_yaxis_transform(), va=side, fontsize=8.5, color=colour)


def _percent(axes: Axes, which: str) -> None:
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(lambda value, _: f"{100 * value:g}%")


def _legend_above(axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        columns = min(6, len(handles))
        axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, handlelength=1.1)


def _iteration_starts(programs: Sequence[Program]) -> list[int]:
    return [
        place
        for place, program in enumerate(programs)
        if place == 0 or program.iteration != programs[place - 1].iteration
    ]


def _seconds(times: Sequence[StageTime], iteration: int, stage: str) -> float:
    return sum(time.seconds for time in times if (time.iteration, time.stage) == (iteration, stage))


def _stage_order(stage: str) -> int:
    return list(_STAGE_COLOURS).index(stage) if stage in _STAGE_COLOURS else len(_STAGE_COLOURS)


def _ordered(names: set[str]) -> list[str]:
    known = list(_REASON_COLOURS)
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))


def _colours(names: Sequence[str]) -> dict[str, str]:
    spare = Counter[str]()
    colours = {}
    for name in names:
        colours[name] = _REASON_COLOURS.get(name) or _SPARE_COLOURS[spare["used"] % len(_SPARE_COLOURS)]
        spare["used"] += name not in _REASON_COLOURS
    return colours


def _line_colours(count: int) -> list[str]:
    """Light to dark, so that later iterations stand out."""
    scale = ("#9db4dc", "#6f8fc4", "#3f6fa8", "#1f4e79", "#122d47")
    return [scale[min(len(scale) - 1, round(index * (len(scale) - 1) / max(1, count - 1)))] for index in range(count)]


def _on(colour: str) -> str:
    """Return black or white, whichever reads better on the colour (relative luminance, WCAG 2)."""
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return "#ffffff" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.55 else "#22262b"


def _words(name: str) -> str:
    return printable(name).replace("_", " ").replace(":", " ")[:40]


def outcome_colours(iterations: Sequence[Iteration]) -> dict[str, str]:
    """Return the colours of the outcomes that occur, for marks beside words."""
    return _colours(_ordered({name for iteration in iterations for name in iteration.outcomes}))
