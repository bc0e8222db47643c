"""Two runs side by side: a run and its control, or any two with the same models and items. Pure.

Only what both ledgers say is compared, iteration by iteration. Two runs are one comparison: nothing here
says what another seed would give, and the sentences say so.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.reporting.facts import Iteration, Program, RunFacts, SplitScore
from orchestrator.reporting.statistics import Interval, Paired, means, paired
from orchestrator.reporting.words import change, judged, percent, plural

_UNTOLD = frozenset({"name", "learn"})  # the table itself says these
_SAME_ITEMS = (("task", "task"), ("dev_sha256", "dev items"), ("test_sha256", "test items"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One iteration of one run."""

    iteration: Iteration
    best: float | None  # best dev accuracy of the run so far

    @property
    def mean(self) -> float | None:
        """Mean dev accuracy of the iteration's scored programs."""
        return statistics.fmean(self.iteration.accuracies) if self.iteration.accuracies else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The programs of some iterations of one run, taken together."""

    programs: int
    duplicates: int
    new: int
    accuracies: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is shown of a run and another."""

    this: RunFacts
    other: RunFacts
    turns: tuple[tuple[int, Turn | None, Turn | None], ...]
    differences: tuple[tuple[str, str, str], ...]  # setting, here, there
    numbers: tuple[int, ...]  # the iterations that the pools hold
    pools: tuple[Pool, Pool]
    mean: Interval | None  # difference of the pools' mean dev accuracies
    test: Paired | None  # this run's first program by dev against the other's, on the test items
    same_first: int  # programs of iteration 1 that have the same text at the same place

    @property
    def called(self) -> str:
        """What the sentences call the other run."""
        return "the control" if is_control(self.this, self.other) else "the other run"


def is_control(this: RunFacts, other: RunFacts) -> bool:
    """Say whether the other run shows what this one does without its training."""
    return this.learn != "none" and other.learn == "none"


def incomparable(this: RunFacts, other: RunFacts) -> str:
    """Say why two runs cannot be compared; empty when they can."""
    if this.inputs is None or other.inputs is None:
        return f"{'this' if this.inputs is None else 'the other'} run's record names no models and items"
    if this.head == other.head:
        return "they are the same run"
    for key, name in _SAME_ITEMS:
        mine, theirs = this.inputs.data.get(key), other.inputs.data.get(key)
        if mine != theirs:
            return f"other {name}: {str(mine)[:12]} here, {str(theirs)[:12]} there"
    mine, theirs = _models(this.inputs.data), _models(other.inputs.data)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            return f"other models: {name} is {_weights(mine.get(name))} here, {_weights(theirs.get(name))} there"
    return ""


def compare(this: RunFacts, other: RunFacts) -> Beside:
    """Put two comparable runs beside each other."""
    numbers = _trained_numbers(this, other)
    pools = _pool(this, numbers), _pool(other, numbers)
    return Beside(
        this=this,
        other=other,
        turns=tuple(_turns(this, other)),
        differences=tuple(_differences(this, other)),
        numbers=numbers,
        pools=pools,
        mean=means(pools[0].accuracies, pools[1].accuracies),
        test=_on_test(this, other),
        same_first=_same_first(this, other),
    )


def verdict(beside: Beside) -> str:
    """Say in a sentence or two whose best program is better."""
    mine, theirs = _best(beside.this), _best(beside.other)
    if mine is None or theirs is None:
        return "One of the two runs scored no program."
    lead = mine.right - theirs.right
    word = f"better by {plural(lead, 'item')} than" if lead > 0 else "not better than"
    first = (
        f"The best dev score of this run, {percent(mine.accuracy)}, is {word} that of {beside.called}, "
        f"{percent(theirs.accuracy)}."
    )
    if beside.test is None:
        return first
    judgement = judged(beside.test.difference, above="better than", below="worse than")
    return (
        f"{first} On the sealed test split its first program by dev is {judgement} that of {beside.called} "
        f"({change(beside.test.difference)})."
    )


def search(beside: Beside) -> str:
    """Say how the programs compare after the first training: their mean, and how many of them are new."""
    mine, theirs = beside.pools
    if beside.mean is None:
        return "Too few programs were scored to compare their means."
    judgement = judged(beside.mean, above="above", below="below")
    text = (
        f"In {_named(beside.numbers)} the mean dev score is {judgement} that of {beside.called}: "
        f"{percent(statistics.fmean(mine.accuracies))} of {len(mine.accuracies)} scored against "
        f"{percent(statistics.fmean(theirs.accuracies))} of {len(theirs.accuracies)} ({change(beside.mean)}). "
    )
    counts = (
        f"{plural(mine.duplicates, 'duplicate')} against {theirs.duplicates}, "
        f"{plural(mine.new, 'new program')} against {theirs.new}"
    )
    more = mine.duplicates * theirs.programs > theirs.duplicates * mine.programs
    if beside.mean.low > 0 and more:
        return f"{text}That gain comes with more duplicates: {counts}."
    return f"{text}Repetition: {counts}."


def _models(inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the digests of each model's files; where they lie does not matter."""
    models = [("the seed", inputs["seed"]), *((f"candidate {one['name']}", one) for one in inputs["candidates"])]
    return {name: [file["sha256"] for file in model["files"]] for name, model in models}


def _weights(digests: list[str] | None) -> str:
    return ", ".join(digest[:12] for digest in digests) if digests else "absent"


def _turns(this: RunFacts, other: RunFacts) -> Iterator[tuple[int, Turn | None, Turn | None]]:
    mine, theirs = _by_number(this), _by_number(other)
    for number in sorted(mine.keys() | theirs.keys()):
        yield number, mine.get(number), theirs.get(number)


def _by_number(facts: RunFacts) -> dict[int, Turn]:
    turns: dict[int, Turn] = {}
    best: float | None = None
    for number, iteration in sorted(facts.iterations.items()):
        best = max([*iteration.accuracies, *([] if best is None else [best])], default=None)
        turns[number] = Turn(iteration=iteration, best=best)
    return turns


def _trained_numbers(this: RunFacts, other: RunFacts) -> tuple[int, ...]:
    """Return the iterations of both runs in which either sampled from a trained factory; all where none did."""
    common = sorted(this.iterations.keys() & other.iterations.keys())
    trained = [number for number in common if this.iterations[number].adapter or other.iterations[number].adapter]
    return tuple(trained or common)


def _pool(facts: RunFacts, numbers: tuple[int, ...]) -> Pool:
    iterations = [facts.iterations[number] for number in numbers]
    return Pool(
        programs=sum(len(one.programs) for one in iterations),
        duplicates=sum(one.outcomes["duplicate"] for one in iterations),
        new=sum(one.new for one in iterations),
        accuracies=tuple(accuracy for one in iterations for accuracy in one.accuracies),
    )


def _differences(this: RunFacts, other: RunFacts) -> Iterator[tuple[str, str, str]]:
    """Yield the settings that differ, dotted as in a configuration, and what else the numbers depend on."""
    mine, theirs = _flat(_settings(this)), _flat(_settings(other))
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            yield key, mine.get(key, "absent"), theirs.get(key, "absent")


def _settings(facts: RunFacts) -> dict[str, Any]:
    started = facts.started.data if facts.started else {}
    profile = facts.profile.data if facts.profile else {}
    own = {key: value for key, value in started.get("config", {}).items() if key not in _UNTOLD}
    sandbox = started.get("sandbox", {})
    recorded = {
        "policy digest": started.get("policy_sha256"),
        "image digest": sandbox.get("image_id"),
        "seed": started.get("seed"),
        "cpu": profile.get("cpu"),
        "packages": profile.get("packages", {}),
        "threads": profile.get("threads"),
    }
    return {**own, **recorded}


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + key] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat


def _on_test(this: RunFacts, other: RunFacts) -> Paired | None:
    firsts: list[Program] = [facts.finalists[0] for facts in (this, other) if facts.finalists]
    if len(firsts) < 2:
        return None
    mine, theirs = (program.scores["test"].correct for program in firsts)
    return paired(mine, theirs) if mine and len(mine) == len(theirs) else None


def _same_first(this: RunFacts, other: RunFacts) -> int:
    if 1 not in this.iterations or 1 not in other.iterations:
        return 0
    both = zip(this.iterations[1].programs, other.iterations[1].programs, strict=False)
    return sum(mine.digest == theirs.digest for mine, theirs in both)


def _best(facts: RunFacts) -> SplitScore | None:
    return facts.ranking[0].dev if facts.ranking else None


def _named(numbers: tuple[int, ...]) -> str:
    texts = [str(number) for number in numbers]
    return f"iteration {texts[0]}" if len(texts) == 1 else f"iterations {', '.join(texts[:-1])} and {texts[-1]}"
