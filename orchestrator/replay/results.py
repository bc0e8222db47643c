"""A replay's result as a value, and its forms: JSON, JUnit XML, lines of text. Pure.

The JSON form is docs/replay.schema.json. Text that came from programs is escaped in every form.
"""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.credentials import shown
from orchestrator.replay.classes import EXIT_CODES, VERDICTS, ReplayClass, worst
from orchestrator.replay.compare import Divergence, Greatest

FORMAT = "assay-replay/1"
INTERRUPTED_EXIT = 130
_JUNIT = {"fail": "failure", "error": "error", "neutral": "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramResult:
    """One program's replay."""

    id: str
    digest: str
    result: ReplayClass
    recorded: str  # outcome on record
    found: str = ""  # what became of it now; empty where it was not run
    why: str = ""
    divergence: Divergence | None = None
    operations: tuple[str, ...] = ()  # of the program, where outputs differ
    entries: tuple[int, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """A whole replay."""

    source: str  # what was replayed: a run directory or a bundle
    run: str = ""
    entries: int = 0
    root: str = ""
    keys: tuple[str, ...] = ()
    why: str = ""  # what ended it before any program was run
    environment: Mapping[str, Any] = field(default_factory=dict)
    programs: tuple[ProgramResult, ...] = ()
    whole: ReplayClass | None = None  # set where the record itself decides
    interrupted: bool = False

    @property
    def result(self) -> ReplayClass:
        return self.whole or worst(program.result for program in self.programs)

    @property
    def exit_code(self) -> int:
        return INTERRUPTED_EXIT if self.interrupted else EXIT_CODES[self.result]


def as_json(result: ReplayResult) -> dict[str, Any]:
    """Return the JSON form."""
    return {
        "format": FORMAT,
        "source": shown(result.source),
        "run": shown(result.run),
        "ledger": {"entries": result.entries, "root": result.root, "keys": [shown(key) for key in result.keys]},
        "class": result.result.value,
        "verdict": VERDICTS[result.result],
        "exit_code": result.exit_code,
        "interrupted": result.interrupted,
        "why": shown(result.why),
        "environment": _escaped(result.environment),
        "programs": [_program(program) for program in result.programs],
    }


def _program(program: ProgramResult) -> dict[str, Any]:
    return {
        "id": shown(program.id),
        "program_sha256": program.digest,
        "class": program.result.value,
        "verdict": VERDICTS[program.result],
        "recorded": program.recorded,
        "found": program.found,
        "why": shown(program.why),
        "divergence": _divergence(program.divergence) if program.divergence else None,
        "operations": list(program.operations),
        "entries": list(program.entries),
        "seconds": round(program.seconds, 3),
    }


def _escaped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_escaped(inner) for inner in value]
    return shown(value) if isinstance(value, str) else value


def _divergence(found: Divergence) -> dict[str, Any]:
    return {
        "first_tensor": shown(found.first),
        "tensors": found.tensors,
        "of": found.of,
        "digests_only": found.digests_only,
        "elements": found.elements,
        "greatest": _greatest(found.greatest) if found.greatest else None,
        "largest_ulp": {dtype: _number(value) for dtype, value in (found.largest_ulp or {}).items()},
    }


def _greatest(one: Greatest) -> dict[str, Any]:
    return {
        "tensor": shown(one.tensor),
        "dtype": one.dtype,
        "element": one.element,
        "recorded_bits": one.bits[0],
        "found_bits": one.bits[1],
        "ulp": str(one.ulp),  # of F64 beyond what JSON numbers hold
        "absolute": _number(one.absolute),
        "relative": _number(one.relative),
    }


def _number(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else "infinite"


def line(program: ProgramResult) -> str:
    """Return one line for people."""
    why = f": {program.why}" if program.why else ""
    return shown(f"{program.id}: {program.result.value} ({program.recorded}){why}")


def details(program: ProgramResult) -> list[str]:
    """Return the lines below it: how the outputs differ."""
    found = program.divergence
    if found is None:
        return []
    lines = [f"first differing tensor {found.first}; {found.tensors} of {found.of} tensors differ"]
    if found.greatest is None:
        lines.append("the recorded weights were not kept: digests differ, values cannot be compared")
    else:
        one = found.greatest
        lines.append(
            f"greatest difference in {one.tensor} ({one.dtype}) element {one.element}: bits {one.bits[0]} recorded, "
            f"{one.bits[1]} found; {one.ulp} ulp, absolute {one.absolute:.3g}, relative {one.relative:.3g}; "
            f"{found.elements} elements differ"
        )
    lines.append(f"operations used: {', '.join(program.operations) or 'none on record'}")
    return [f"    {shown(text)}" for text in lines]


def summary(result: ReplayResult) -> list[str]:
    """Return the last lines for people: counts, the class of all, and the environment where it is another."""
    counts = Counter(program.result for program in result.programs)
    texts = [f"{counts[one]} {one.value}" for one in ReplayClass if counts[one]]
    lines = [shown(result.why)] if result.why else []
    lines += [f"note: {shown(note)}" for note in result.environment.get("notes", ())]
    lines.append(f"{result.result.value}: {', '.join(texts) or 'no program was run'}")
    return [*lines, *(["interrupted: the rest was not run"] if result.interrupted else [])]


def junit(result: ReplayResult) -> str:
    """Return JUnit XML: one testcase per program; failure, error and skipped as the class says."""
    cases = [_case(result.run, program) for program in result.programs]
    if not cases:
        cases = [_case(result.run, _the_record(result))]
    kinds = Counter(kind for kind, _ in cases)
    counts = (
        f'tests="{len(cases)}" failures="{kinds["failure"]}" errors="{kinds["error"]}" skipped="{kinds["skipped"]}"'
    )
    seconds = f'time="{sum(program.seconds for program in result.programs):.3f}"'
    body = "\n".join(text for _, text in cases)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites {counts} {seconds}>\n<testsuite name="{_xml("assay replay " + result.run)}" {counts} {seconds}>\n'
        f"{body}\n</testsuite>\n</testsuites>\n"
    )


def _the_record(result: ReplayResult) -> ProgramResult:
    return ProgramResult(id="record", digest="", result=result.result, recorded="", why=result.why)


def _case(run: str, program: ProgramResult) -> tuple[str, str]:
    kind = _JUNIT.get(VERDICTS[program.result], "")
    name = f'classname="{_xml(run or "replay")}" name="{_xml(program.id)}" time="{program.seconds:.3f}"'
    said = "\n".join((line(program), *details(program)))
    if not kind:
        return kind, f"<testcase {name}><system-out>{_xml(said)}</system-out></testcase>"
    message = f'message="{_xml(f"{program.result.value}: {program.why}")}"'
    if kind == "skipped":
        return kind, f"<testcase {name}><skipped {message}/></testcase>"
    return kind, f'<testcase {name}><{kind} type="{program.result.value}" {message}>{_xml(said)}</{kind}></testcase>'


def _xml(text: str) -> str:
    return html.escape(shown(text, keep="\n"), quote=True)


def sorted_as(ids: Sequence[str], results: Mapping[str, ProgramResult]) -> tuple[ProgramResult, ...]:
    """Return the results in the order of the ids."""
    return tuple(results[one] for one in ids if one in results)
