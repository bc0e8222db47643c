"""How many ordinary programs the policy admits and leaves as they are: the same bytes as plain Python with plain torch.

    python -m benchmarks.policy_rate [--programs FOLDER] [--results FOLDER] [--label TEXT]

Two sets, each kept as first written and never tuned on: `programs/ordinary/`, written before the policy was looked
at, and `programs/later/`, written after its first widening, with a sixth of programs that use what the contract
refuses whatever the purpose (numpy, classes, `torch.empty_like` ...), and which are also counted apart. Writes
`policy_rate.md` and `policy_rate.json`; measurements under other labels stay in them. It runs what it measures in
this process: only for programs that somebody has read.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import platform
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from policies import guards
from policies.checker import check, policy_digest
from policies.proxies import PolicyViolation

HERE = Path(__file__).parent
SETS = (HERE / "programs" / "ordinary", HERE / "programs" / "later")
RESULTS = HERE / "results"
SHAPES: tuple[tuple[int, ...], ...] = ((6,), (5, 8))
PLAIN_RUNS = 3  # a program that differs from itself cannot be compared

# How findings begin for what is refused whatever a program does with it: the contract, section 2 of the design, and
# the list of names of torch and Python that no program may have.
BY_CONTRACT = (
    *(f"import {name}:" for name in ("copy", "dataclasses", "numpy", "random")),
    *(f"torch.{name}:" for name in ("empty", "empty_like", "set_grad_enabled")),
    *("ClassDef:", "attribute data:", "functools.partial:"),
)

Outcome = Literal["identical", "refused", "ended", "differs", "unfit"]
Extras = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One program: what became of it, and why where it is not identical."""

    program: str
    outcome: Outcome
    why: str = ""
    by_contract: bool = False  # refused for what no program may have


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(prog="benchmarks.policy_rate", description="the survival of ordinary programs")
    parser.add_argument(
        "--programs", type=Path, nargs="+", default=SETS, help="folders of programs (default: the held-out sets)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write (default: benchmarks/results)")
    parser.add_argument("--label", default="current", help="what to call this measurement; replaces one of that name")
    options = parser.parse_args(arguments)
    found = [measure(folder, options.label) for folder in options.programs]
    measurements = [*_others(options.results, options.label), *found]
    options.results.mkdir(parents=True, exist_ok=True)
    (options.results / "policy_rate.json").write_text(json.dumps(measurements, indent=1) + "\n", encoding="utf-8")
    text = markdown(measurements)
    (options.results / "policy_rate.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


def measure(folder: Path, label: str) -> dict[str, Any]:
    """Judge every program of a folder; those that plain Python cannot run twice alike count as unfit, not as lost."""
    judged = [judge(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))]
    outcomes = Counter(one.outcome for one in judged)
    fit = len(judged) - outcomes["unfit"]
    by_contract = sum(one.by_contract for one in judged)
    if not fit:
        raise ValueError("policy rate: expected programs that run under plain Python, found none; name another folder")
    return {
        "label": label,
        "set": folder.name,
        "policy": policy_digest(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "programs": len(judged),
        "fit": fit,
        "outcomes": dict(sorted(outcomes.items())),
        "by_contract": by_contract,
        "rate": outcomes["identical"] / fit,
        "rate_within_contract": outcomes["identical"] / max(fit - by_contract, 1),
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
        by_contract = any(_is_by_contract(finding.message) for finding in findings)
        why = "; ".join(str(finding) for finding in findings[:3])
        return Judged(program=name, outcome="refused", why=why, by_contract=by_contract)
    for shape, one in zip(SHAPES, expected, strict=True):
        try:
            found = _quietly(guarded, source, shape)
        except (Exception, PolicyViolation) as error:  # noqa: BLE001  (a program may raise anything)
            return Judged(program=name, outcome="ended", why=f"{type(error).__name__}: {error}"[:300])
        if not _same(one, found):
            return Judged(program=name, outcome="differs", why=f"{list(shape)}: other bytes than plain Python's")
    return Judged(program=name, outcome="identical")


def _is_by_contract(message: str) -> bool:
    """Compare up to the colon, leaving the table's reason in brackets aside."""
    return re.sub(r" not permitted.*", "", message).startswith(BY_CONTRACT)


def plain(source: str, shape: tuple[int, ...]) -> Any:
    """Run a program as ordinary Python with the real torch; gradient recording is on again afterwards."""
    namespace: dict[str, Any] = {"__name__": "program"}
    vectors, extras = _inputs(shape)
    with torch.enable_grad():
        torch.manual_seed(1)
        exec(compile(source, "<plain>", "exec", dont_inherit=True), namespace)  # noqa: S102
        function = namespace["merge_models"]
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
    """Return the document: one row per measurement, then the programs that did not come through the last ones."""
    last = [one for one in measurements if one["label"] == measurements[-1]["label"]]
    lost = [_lost(one["set"], program) for one in last for program in one["not_identical"]]
    return "\n".join(
        [
            "# Ordinary programs under the policy",
            "",
            "Written by `python -m benchmarks.policy_rate`. A program survives if it is admitted and, under guards, "
            "gives the bytes of plain Python with plain torch on every shape "
            f"({', '.join(str(list(shape)) for shape in SHAPES)}). Programs that plain Python cannot run, or not twice "
            "alike, are unfit and do not count. The last column leaves out the programs that use what no program may "
            "have (numpy, classes, `torch.empty_like` and the like).",
            "",
            "| policy | set | fit | identical | refused | by contract | ended | differs | rate | within contract |",
            "|---" * 10 + "|",
            *(_row(one) for one in measurements),
            "",
            f"Not identical under *{last[0]['label']}* (policy {last[0]['policy'][:12]}, Python {last[0]['python']}, "
            f"torch {last[0]['torch']}):",
            "",
            *(lost or ["none."]),
            "",
        ]
    )


def _row(one: dict[str, Any]) -> str:
    counts = {name: one["outcomes"].get(name, 0) for name in ("identical", "refused", "ended", "differs")}
    cells = [
        f"{one['label']} ({one['policy'][:8]})",
        *(one["set"], one["fit"], counts["identical"], counts["refused"], one["by_contract"]),
        *(counts["ended"], counts["differs"], f"{one['rate']:.1%}", f"{one['rate_within_contract']:.1%}"),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _lost(of_set: str, program: dict[str, Any]) -> str:
    contract = ", by contract" if program["by_contract"] else ""
    return f"- {of_set}, `{program['program']}`: {program['outcome']}{contract}. {program['why']}"


if __name__ == "__main__":
    sys.exit(main())
