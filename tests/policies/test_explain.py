"""The explanation tells what runs: its guards are those of the compiled program, its lines are the source's."""

from __future__ import annotations

from types import CodeType

import pytest
import torch

from policies.checker import check, examine
from policies.explain import GUARDS, Line, explain
from policies.guards import Guards
from policies.meters import Printed
from tests.policies.programs import BENIGN, HOSTILE, in_merge, parameters


def explained(source: str) -> tuple[Line, ...]:
    return explain(source, check(source).findings)


def of_body(*lines: str, top: str = "import torch") -> Line:
    """The first line of a merge_models' body."""
    return explained(in_merge(*lines, top=top))[3]


def names_of(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(names_of(one) for one in code.co_consts if isinstance(one, CodeType)))


def test_every_guard_has_a_text_or_is_known_to_stand_everywhere() -> None:
    hooks = {name for name in Guards("strict", torch, Printed()).namespace()["__builtins__"] if name.startswith("_")}
    assert GUARDS.keys() == hooks, "say in policies/explain.py what a new guard does, or nothing where it is everywhere"


@pytest.mark.parametrize("source", parameters(BENIGN))
def test_guards_that_are_told_are_those_of_the_compiled_program(source: str) -> None:
    _, compiled = examine(source)
    assert compiled
    told = {bound for line in explained(source) for bound in line.bounds} & set(GUARDS.values())
    there = {GUARDS[name] for name in names_of(compiled.code) & GUARDS.keys()} - {""}
    assert told - there == set()
    assert there - told <= {GUARDS["_inplacevar_"]}  # which is left out where the operator cannot grow


@pytest.mark.parametrize("source", parameters([*BENIGN, *HOSTILE]))
def test_lines_are_the_sources(source: str) -> None:
    lines = explained(source)
    assert [line.text for line in lines] == source.removesuffix("\n").split("\n")
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("source", parameters(HOSTILE))
def test_every_finding_stands_at_its_line(source: str) -> None:
    assert [f for line in explained(source) for f in line.findings] == list(check(source).findings)


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("x = torch.linalg.svd(torch.eye(3))", ("torch.linalg.svd", "torch.eye")),
        ("x = [len(v) for v in model_dict.values()]", ("len", ".values")),
        ("x = math.sqrt(2.0)", ("math.sqrt",)),
        ("x = 'a'.split()", (".split",)),
    ],
)
def test_line_tells_what_it_uses(line: str, used: tuple[str, ...]) -> None:
    assert set(of_body(line, top="import torch, math").uses) == set(used)


@pytest.mark.parametrize(
    ("line", "bound"),
    [
        ("x = torch.randn(3)", "random: "),
        ("x = torch.zeros(3)", "size: "),
        ("x = 3 * len(model_dict)", "*: integers"),
        ("x = 2 ** len(model_dict)", "**: integers"),
        ("print('x')", "print: captured, at most 64 KiB"),
        ("for i in model_dict: pass", "loop: "),
        ("x = [i for i in model_dict]", "loop: "),
        ("while False: pass", "while: at most "),
        ("import math", "a stand-in"),
        ("for i in range(3): pass", "range: at most"),
    ],
)
def test_line_tells_what_bounds_it(line: str, bound: str) -> None:
    assert any(one.startswith(bound) for one in of_body(line).bounds)


def test_harmless_line_has_no_notes() -> None:
    line = of_body("x = 0.5 + 1")
    assert (line.uses, line.bounds, line.decides_by, line.findings) == ((), (), (), ())


def test_line_tells_what_it_decides_by() -> None:
    source = "def merge_models(model_dict, device, layer):\n    return 1 if layer else 2\n"
    assert explained(source)[1].decides_by == ("layer",)


@pytest.mark.parametrize("source", ["", "(" * 5, "x = 1\0", "\ufeff", b"\xff\xfe", "x = 1\r\ny = 2", "\x0c\x1c\u2028x"])
def test_anything_is_explained(source: str | bytes) -> None:
    findings = check(source).findings
    lines = explain(source, findings)
    assert [one for line in lines for one in line.findings] == list(findings)
