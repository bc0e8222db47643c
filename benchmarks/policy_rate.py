"""How many ordinary programs the policy admits and leaves as they are: the same bytes as plain Python with plain torch.

    python -m benchmarks.policy_rate [--programs FOLDER] [--results FOLDER] [--label TEXT]

The programs of `programs/ordinary/` were written before the policy was looked at, and are kept as they were: the
dialect is not tuned on them. Writes `policy_rate.md` and `policy_rate.json`; measurements of other policies stay in
them. It runs what it measures in this process: only for programs that somebody has read.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import platform
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from policies import guards
from policies.checker import check, policy_digest
from policies.proxies import PolicyViolation

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs" / "ordinary"
RESULTS = HERE / "results"
SHAPES: tuple[tuple[int, ...], ...] = ((6,), (5, 8))
PLAIN_RUNS = 3  # a program that differs from itself cannot be compared

Outcome = Literal["identical", "refused", "ended", "differs", "unfit"]
Extras = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One program: what became of it, and why where it is not identical."""

    program: str
    outcome: Outcome
    why: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(prog="benchmarks.policy_rate", description="the survival of ordinary programs")
    parser.add_argument(
        "--programs", type=Path, default=PROGRAMS, help="folder of programs (default: the held-out set)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write (default: benchmarks/results)")
    parser.add_argument("--label", default="current", help="what to call this measurement; replaces one of that name")
    options = parser.parse_args(arguments)
    found = measure(sorted(options.programs.glob("*.py")), options.label)
    measurements = [*_others(options.results, options.label), found]
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "policy_rate.json").write_text(json.dumps(measurements, indent=1) + "\n", encoding="utf-8")
    text = markdown(measurements)
    (options.results / "policy_rate.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def measure(programs: Iterable[Path], label: str) -> dict[str, Any]:
    """Judge every program; programs that plain Python cannot run twice alike count as unfit, not as lost."""
    judged = [judge(path.stem, path.read_text(encoding="utf-8")) for path in programs]
    outcomes = Counter(one.outcome for one in judged)
    fit = len(judged) - outcomes["unfit"]
    if not fit:
        raise ValueError("policy rate: expected programs that run under plain Python, found none; name another folder")
    return {
        "label": label,
        "policy": policy_digest(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "programs": len(judged),
        "fit": fit,
        "outcomes": dict(sorted(outcomes.items())),
        "rate": outcomes["identical"] / fit,
        "not_identical": [asdict(one) for one in judged if one.outcome != "identical"],
    }


def judge(name: str, source: str) -> Judged:
    """Compare one program with itself under guards, on every shape."""
    expected: list[torch.Tensor] = []
    for shape in SHAPES:
        try:
            runs = [_quietly(plain, source, shape) for _ in range(PLAIN_RUNS)]
        except Exception as error:  # noqa: BLE001  (a program may raise anything)
            return Judged(program=name, outcome="unfit", why=f"plain Python: {type(error).__name__}: {error}"[:300])
        if not all(_same(runs[0], run) for run in runs):
            return Judged(program=name, outcome="unfit", why=f"{list(shape)}: differs from itself under plain Python")
        expected.append(runs[0])
    findings = check(source).findings
    if findings:
        return Judged(program=name, outcome="refused", why="; ".join(str(finding) for finding in findings[:3]))
    for shape, one in zip(SHAPES, expected, strict=True):
        try:
            found = _quietly(guarded, source, shape)
        except (Exception, PolicyViolation) as error:  # noqa: BLE001  (a program may raise anything)
            return Judged(program=name, outcome="ended", why=f"{type(error).__name__}: {error}"[:300])
        if not _same(one, found):
            return Judged(program=name, outcome="differs", why=f"{list(shape)}: other bytes than plain Python's")
    return Judged(program=name, outcome="identical")


def plain(source: str, shape: tuple[int, ...]) -> Any:
    """Run a program as ordinary Python with the real torch."""
    namespace: dict[str, Any] = {"__name__": "program"}
    torch.manual_seed(1)
    exec(compile(source, "<plain>", "exec", dont_inherit=True), namespace)  # noqa: S102
    function = namespace["merge_models"]
    vectors, extras = _inputs(shape)
    named = inspect.signature(function).parameters
    torch.manual_seed(5)
    return function(vectors, torch.device("cpu"), **{key: value for key, value in extras.items() if key in named})


def guarded(source: str, shape: tuple[int, ...]) -> Any:
    """Run a program under guards."""
    torch.manual_seed(1)
    program = guards.load(source, torch=torch)
    vectors, extras = _inputs(shape)
    torch.manual_seed(5)
    return program.merge(vectors, torch.device("cpu"), **extras)


def _inputs(shape: tuple[int, ...]) -> tuple[dict[str, torch.Tensor], Extras]:
    generator = torch.Generator().manual_seed(7)
    vectors = {name: torch.randn(shape, generator=generator) for name in ("math", "code", "chat")}
    base = torch.randn(shape, generator=generator)
    place = {"name": "model.layers.1.mlp.up_proj.weight", "layer": 1, "num_layers": 4}
    return vectors, {**place, "base": base, "generator": torch.Generator().manual_seed(3)}


def _quietly(run: Callable[..., Any], *arguments: Any) -> Any:
    """Call without the program's output and warnings on the terminal."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        return run(*arguments)


def _same(left: Any, right: Any) -> bool:
    if not (isinstance(left, torch.Tensor) and isinstance(right, torch.Tensor)):
        return False
    if (left.dtype, left.shape) != (right.dtype, right.shape):
        return False
    return torch.equal(left.contiguous().view(torch.uint8), right.contiguous().view(torch.uint8))


def _others(results: Path, label: str) -> list[dict[str, Any]]:
    stored = results / "policy_rate.json"
    if not stored.exists():
        return []
    return [one for one in json.loads(stored.read_text(encoding="utf-8")) if one["label"] != label]


def markdown(measurements: Sequence[dict[str, Any]]) -> str:
    """Return the document: one row per measurement, then every program that did not come through the last one."""
    rows = "\n".join(_row(one) for one in measurements)
    last = measurements[-1]
    lost = "\n".join(f"- `{one['program']}`: {one['outcome']}. {one['why']}" for one in last["not_identical"])
    return (
        "# Ordinary programs under the policy\n\nWritten by `python -m benchmarks.policy_rate`. A program survives if "
        "it is admitted and, under guards, gives the bytes of plain Python with plain torch on every shape "
        f"({', '.join(str(list(shape)) for shape in SHAPES)}). Programs that plain Python cannot run, or not twice "
        "alike, are unfit and do not count.\n\n"
        f"| policy | programs | fit | identical | refused | ended | differs | rate |\n{'|---' * 8}|\n"
        f"{rows}\n\nNot identical under *{last['label']}* (policy {last['policy'][:12]}, Python {last['python']}, "
        f"torch {last['torch']}):\n\n{lost or 'none.'}\n"
    )


def _row(one: dict[str, Any]) -> str:
    counts = " | ".join(str(one["outcomes"].get(name, 0)) for name in ("identical", "refused", "ended", "differs"))
    return f"| {one['label']} ({one['policy'][:8]}) | {one['programs']} | {one['fit']} | {counts} | {one['rate']:.1%} |"


if __name__ == "__main__":
    sys.exit(main())
