"""A name's answer is the checker's, with the reason that stands in the data."""

from __future__ import annotations

import pytest

from policies.checker import check
from policies.dialect import dialect
from policies.lookup import look_up
from policies.profiles import read
from tests.policies.programs import in_merge


def only(query: str) -> tuple[str, str, bool]:
    (named,) = look_up(query)
    return named.kind, named.name, named.permitted


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("torch.load", ("member", "torch.load", False)),
        ("torch.linalg.svd", ("member", "torch.linalg.svd", True)),
        ("torch.linalg", ("module", "torch.linalg", True)),
        ("torch.jit.script", ("member", "torch.jit", False)),
        ("math.sqrt", ("member", "math.sqrt", True)),
        ("Tensor.numpy", ("attribute", "Tensor.numpy", False)),
        ("torch.Tensor.mean", ("attribute", "Tensor.mean", True)),
        ("float.hex", ("attribute", "float.hex", False)),
        ("Tensor._grad", ("attribute", "Tensor._grad", False)),
        ("eval", ("builtin", "eval", False)),
        ("builtin eval", ("builtin", "eval", False)),
        ("print()", ("builtin", "print", True)),
        ("subprocess", ("module", "subprocess", False)),
        ("os.listdir", ("module", "os", False)),
        ("module requests", ("module", "requests", False)),
        ("ClassDef", ("node", "ClassDef", False)),
        ("keyword dim", ("keyword", "dim=", True)),
        ("out", ("keyword", "out=", False)),
        ("nowhere.at.all", ("module", "nowhere", False)),
    ],
)
def test_name_is_found_where_it_belongs(query: str, found: tuple[str, str, bool]) -> None:
    assert only(query) == found


def test_bare_name_means_everything_of_that_name() -> None:
    assert {named.name for named in look_up("softmax")} >= {"torch.softmax", "torch.special.softmax", "Tensor.softmax"}


@pytest.mark.parametrize("query", ["torch.load", "Tensor.numpy", "builtin eval", "module numpy", "out"])
def test_refused_name_has_a_reason_a_remedy_and_its_rule(query: str) -> None:
    (named,) = look_up(query)
    assert named.why
    assert named.instead
    assert named.rule.startswith("policy.")


def test_mistyped_name_gets_the_nearest_permitted_one() -> None:
    assert look_up("torch.meann")[0].instead == "did you mean mean?"


@pytest.mark.parametrize("query", ["", "   ", "\x1b[31m", "a" * 10_000, "...", "builtin ", "torch."])
def test_any_text_gets_an_answer(query: str) -> None:
    assert all(not named.permitted for named in look_up(query))


def test_every_permitted_name_has_a_reason() -> None:
    of_profile = dialect()
    names = [f"{module}.{member}" for module, members in of_profile.modules.items() for member in members]
    names += [f"{kind}.{name}" for kind in ("Tensor", "str", "dict") for name in of_profile.types[kind]]
    names += [f"builtin {name}" for name in of_profile.builtins]
    assert [name for name in names if not all(one.permitted and one.why for one in look_up(name))] == []


@pytest.mark.parametrize("name", ["torch.mean", "torch.load", "torch.linalg.svd", "torch.empty", "math.sqrt"])
def test_answer_is_the_checkers(name: str) -> None:
    admitted = check(in_merge(f"x = {name}", top="import torch, math")).verdict == "admitted"
    assert look_up(name)[0].permitted == admitted


def test_profile_has_its_say() -> None:
    wider = read('name = "w"\nunsafe_why = "a test"\n[unsafe_allow]\ntorch = "empty"\n')
    narrower = read('name = "n"\n[remove]\ntorch = "mean"\n')
    assert "profile allows it" in look_up("torch.empty", wider)[0].why
    assert not look_up("torch.mean", narrower)[0].permitted
    assert "the profile n leaves it out" in look_up("torch.mean", narrower)[0].instead
