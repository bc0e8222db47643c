"""The summary counts what is written in a program, and stays small and free of floats whatever the program holds."""

from __future__ import annotations

import json
import time
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.ledger import canonical
from policies.capabilities import MAX_NAME_CHARS, MAX_NAMES, Capabilities, capabilities
from policies.checker import check
from policies.dialect import dialect
from policies.limits import MAX_SOURCE_BYTES
from policies.uses import kinds
from tests.policies.programs import BENIGN, HOSTILE, in_merge, parameters

MAX_JSON_BYTES = 32 * 1024


def of(*lines: str, top: str = "import torch, math, functools") -> Capabilities:
    found = capabilities(in_merge(*lines, top=top))
    assert found
    return found


def function(signature: str, *lines: str) -> Capabilities:
    found = capabilities(f"import torch\ndef merge_models({signature}):\n" + "".join(f"    {one}\n" for one in lines))
    assert found
    return found


def test_operations_are_told_apart_by_what_they_belong_to() -> None:
    found = of("x = torch.stack([v.abs() for v in model_dict.values()])", "y = math.sqrt(len(model_dict))")
    assert found.torch == {"stack": 1}
    assert found.tensor == {"abs": 1}
    assert found.builtins == {"len": 1, "next": 1, "iter": 1}
    assert found.standard == {"math.sqrt": 1}


def test_operations_are_found_under_other_names() -> None:
    found = of(
        "m = functools.reduce(f, [1])",
        "y = F.relu(g(1))",
        top=(
            "import functools\nimport torch.nn.functional as F\nfrom torch import sum as g\nimport torch\nf = torch.add"
        ),
    )
    assert found.torch == {"nn.functional.relu": 1, "sum": 1, "add": 2}
    assert found.standard == {"functools.reduce": 1}


def test_methods_of_text_and_of_the_models_are_not_the_tensors() -> None:
    found = function("model_dict, device, name", "a = name.split('.')", "b = 'x'.split()", "return model_dict.copy()")
    assert found.tensor == {}


def test_annotations_are_no_uses() -> None:
    found = function("model_dict: dict[str, torch.Tensor], device: torch.device", "return 1")
    assert (found.torch, found.builtins) == ({}, {})


@pytest.mark.parametrize(
    ("lines", "loops"),
    [
        (["x = 1"], (0, 0, 0, 0)),
        (["for a in b:", "    for c in d:", "        while e: pass"], (2, 1, 0, 3)),
        (["x = [a for a in b for c in d]"], (0, 0, 2, 2)),
        (["x = [[a for a in b] for c in d]", "for e in f: pass"], (1, 0, 2, 2)),
        (["for a in b: pass", "for a in b: pass"], (2, 0, 0, 1)),
    ],
)
def test_loops_are_counted_with_their_depth(lines: list[str], loops: tuple[int, ...]) -> None:
    assert tuple(of(*lines).loops[key] for key in ("for", "while", "comprehension", "depth")) == loops


def test_random_draws_are_named() -> None:
    found = of("x = torch.randn(3)", "y = x.normal_()", "z = torch.nn.functional.dropout(x)", "w = torch.zeros(3)")
    assert found.random == {"randn": 1, "normal_": 1, "nn.functional.dropout": 1}


def test_conversions_of_dtype_and_device_are_counted() -> None:
    found = of("x = v.to(device).float()", "y = torch.zeros(3, dtype=torch.float64, device=device)")
    assert found.conversions == {"to": 1, "float": 1, "dtype=": 1, "device=": 1}
    assert found.dtypes == ("float64",)


def test_numbers_are_text_in_order_each_once() -> None:
    assert of("x = [0.5, -1, 3, 1e-8, 0.5, True, 2j, 'a', 3]").constants == ("-1", "1e-08", "0.5", "2j", "3")


def test_helpers_and_recursion_are_named() -> None:
    top = (
        "def a(x):\n    return b(x)\ndef b(x):\n    return a(x)\ndef c(x):\n    return a(x)\ndef d(x):\n    return d(x)"
    )
    found = of("x = c(1)", top=top)
    assert found.helpers == ("a", "b", "c", "d")
    assert found.recursive == ("a", "b", "d")


def test_extras_are_what_the_program_asks_for() -> None:
    assert function("model_dict, device, layer, base", "return base").extras == ("layer", "base")


def test_size_counts_bytes_lines_and_nodes() -> None:
    source = "def merge_models(model_dict, device):\n\n    return 'ä'\n"
    found = capabilities(source)
    assert found
    assert (found.size["bytes"], found.size["lines"]) == (len(source.encode()), 2)
    assert found.size["nodes"] > 4


@pytest.mark.parametrize("source", ["(", b"\xff", "x = 1\0", "#" * (MAX_SOURCE_BYTES + 1)])
def test_what_cannot_be_parsed_has_none(source: str | bytes) -> None:
    assert capabilities(source) is None


@pytest.mark.parametrize("source", parameters([*BENIGN, *HOSTILE]))
def test_summary_of_every_program_can_be_recorded(source: str) -> None:
    if found := capabilities(source):
        assert len(canonical(found.as_json())) < 4096


def large(line: str, count: int) -> str:
    return "import torch\ndef merge_models(model_dict, device):\n    return 1\n" + "".join(
        line.replace("#", str(number)) for number in range(count)
    )


LARGE = {
    "helpers": large("def function_with_a_rather_long_name_for_a_helper_number_#(x): return x\n", 800),
    "constants": large("x = #.5\n", 3_500),
    "wide names": large("def " + "\N{MATHEMATICAL FRAKTUR CAPITAL U}" * 60 + "#(x): return x\n", 200),
    "large numbers": large("x = 0x" + "f" * 250 + "\n", 200),
    "torch": large("x = torch." + "\nx = torch.".join(sorted(dialect().modules["torch"])) + "\n", 5),
    "recursion": large("def f#(x): return f#(x)\n", 1_400),
    "branches": large("x = 1 if model_dict['#'].shape else 2\n", 900),
}


@pytest.mark.parametrize("name", LARGE)
def test_summary_is_small_and_quick_whatever_the_program_holds(name: str) -> None:
    assert len(LARGE[name]) <= MAX_SOURCE_BYTES
    started = time.perf_counter()
    found = capabilities(LARGE[name])
    assert time.perf_counter() - started < 1
    assert found
    assert len(canonical(found.as_json())) < MAX_JSON_BYTES


def test_cut_lists_are_named() -> None:
    found = capabilities(LARGE["helpers"])
    assert found
    value = found.as_json()
    assert value["truncated"] == ["helpers", "constants"] or value["truncated"] == ["helpers"]
    assert len(value["helpers"]) == MAX_NAMES
    assert all(len(name) <= MAX_NAME_CHARS for name in value["helpers"])


def test_most_frequent_names_are_kept() -> None:
    names = sorted(dialect().modules["torch"])[: MAX_NAMES + 10]
    found = of(f"x = [{', '.join(f'torch.{name}' for name in names)}]", "y = torch.where, torch.where")
    assert "where" in found.as_json()["torch"]


def no_floats(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and no_floats(one) for key, one in value.items())
    return all(map(no_floats, value)) if isinstance(value, list) else isinstance(value, int | str)


@given(st.lists(st.sampled_from([path.read_text() for path in [*BENIGN, *HOSTILE]]), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_json_has_every_key_and_no_floats(sources: list[str]) -> None:
    found = capabilities("\n".join(sources))
    if found:
        value = json.loads(json.dumps(found.as_json()))
        assert no_floats(value)
        assert value.keys() == {one.name for one in fields(Capabilities)} | {"truncated"}


def test_kinds_name_what_the_dialect_permits() -> None:
    of_profile = dialect()
    permitted = of_profile.types["Tensor"].union(*of_profile.modules.values())
    assert {kind: names - permitted for kind, names in kinds().items() if names - permitted} == {}


def test_every_random_function_is_of_that_kind() -> None:
    from policies.reasons import permitted

    drawing = {
        name for names in permitted().reasons.values() for name, reason in names.items() if "random" in reason.lower()
    }
    assert {name for name in drawing if name.startswith(("rand", "bernoulli", "multinomial", "normal"))} <= kinds()[
        "random"
    ]


def test_checking_and_summing_up_is_quick() -> None:
    source = next(path for path in BENIGN if path.stem == "ties").read_text()
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        check(source)
        capabilities(source)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.02
