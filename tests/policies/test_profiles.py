"""Profiles: shipped and custom ones narrow, what widens says so, and a slip in one never leaves something open."""

from __future__ import annotations

import itertools
import json

import pytest
import torch

from policies import guards
from policies.checker import check, policy_digest
from policies.dialect import Dialect, dialect
from policies.profiles import (
    MAX_DEFINITION_BYTES,
    PAPER,
    SHIPPED,
    STRICT,
    ProfileError,
    UnknownProfileError,
    profile,
    read,
)
from policies.proxies import PolicyViolation
from tests.policies.programs import guarded, in_merge

NARROW = """
name = "ours"
why = "no printing, no draws"
[remove]
builtins = "print"
syntax = ["Global", "While"]
modules = "torch.fft collections"
torch = "cumsum rand"
Tensor = "normal_"
keywords = "generator"
"""
WIDE = 'name = "ours"\nunsafe_why = "measured"\n[unsafe_allow]\ntorch = "empty"\nTensor = "new_empty"\n'


def names(of: Dialect) -> set[tuple[str, str]]:
    sections = {"syntax": of.nodes, "builtins": of.builtins, "keywords": of.keywords, **of.modules, **of.types}
    return {(section, name) for section, found in sections.items() for name in found}


@pytest.mark.parametrize("text", [PAPER, read(NARROW)], ids=["paper", "custom"])
def test_a_profile_permits_a_part_of_what_strict_permits(text: str) -> None:
    assert names(dialect(text)) < names(dialect(STRICT))


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("print(1)", "policy.builtin"),
        ("while False: pass", "policy.node"),
        ("torch.fft.fft(model_dict['a'])", "policy.member"),
        ("torch.rand(3)", "policy.member"),
        ("torch.ones(3).normal_()", "policy.attribute"),
        ("torch.randperm(3, generator=None)", "policy.keyword"),
    ],
)
def test_what_a_profile_takes_away_is_refused_by_it_alone(line: str, rule: str) -> None:
    source = in_merge(line)
    assert check(source).verdict == "admitted"
    assert rule in {finding.rule for finding in check(source, read(NARROW)).findings}


def test_findings_name_the_profile_that_leaves_a_name_out() -> None:
    (finding,) = check(in_merge("print(1)"), read(NARROW)).findings
    assert "the profile ours leaves it out" in finding.message


def test_modules_that_a_profile_takes_away_are_no_members_of_others() -> None:
    assert "fft" not in dialect(read(NARROW)).modules["torch"]


def test_the_guards_hand_out_what_the_profile_permits() -> None:
    reached_by_name = in_merge("f = sorted([torch])[0]", "f.cumsum(torch.ones(2), 0)")
    assert check(reached_by_name, read(NARROW)).verdict == "admitted"
    program = guards.load(reached_by_name, profile=read(NARROW), torch=torch)
    with pytest.raises(PolicyViolation, match=r"torch\.cumsum"):
        program.merge({"a": torch.ones(2)}, "cpu", name="", base=None, layer=None, num_layers=1, generator=None)


def test_unsafe_allow_widens_statically_and_at_run_time() -> None:
    source = in_merge("return torch.empty(2).fill_(3.0)")
    assert check(source).verdict == "refused"
    assert check(source, read(WIDE)).verdict == "admitted"
    program = guards.load(source, profile=read(WIDE), torch=torch)
    merged = program.merge({"a": torch.ones(2)}, "cpu", name="", base=None, layer=None, num_layers=1, generator=None)
    assert torch.equal(merged, torch.full((2,), 3.0))  # type: ignore[arg-type]


def test_what_a_profile_widens_is_listed() -> None:
    assert profile(read(WIDE)).widens == ("Tensor.new_empty", "torch.empty")
    assert profile(read(NARROW)).widens == profile(PAPER).widens == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "x"\n[remove]\nbuiltins = "prnt"', "did you mean print"),
        ('name = "x"\n[remove]\ntroch = "rand"', "did you mean torch"),
        ('name = "x"\n[remove]\nmodules = "torch"', "cannot be spared"),
        ('name = "x"\nunsafe_why = "y"\n[unsafe_allow]\nsyntax = "ClassDef"', "no such thing"),
        ('name = "x"\nunsafe_why = "y"\n[unsafe_allow]\nbuiltins = "eval"', "no such thing"),
        ('name = "x"\nunsafe_why = "y"\n[unsafe_allow]\nmath = "__loader__"', "no such thing"),
        ('name = "x"\nunsafe_why = "y"\n[unsafe_allow]\ntorch = "_C"', "leading underscore"),
        ('name = "x"\nunsafe_why = "y"\n[unsafe_allow]\ntorch = "add"', "that the base refuses"),
        ('name = "x"\nbase = "loose"', "expected one of"),
    ],
)
def test_a_slip_in_a_profile_is_refused_with_the_remedy(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        dialect(read(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not TOML"),
        ("", "name: expected text"),
        ('name = "strict"', "shipped"),
        ('name = "a b"', "letters, digits"),
        ('name = "x"\nremove = 3', "expected a table"),
        ('name = "x"\n[remove]\nbuiltins = 3', "expected names"),
        ('name = "x"\nremoved = 3', "expected the keys"),
        ('name = "x"\n[unsafe_allow]\ntorch = "empty"', "unsafe_why"),
        (f'name = "x"\nwhy = "{"y" * MAX_DEFINITION_BYTES}"', "shorten it"),
    ],
)
def test_what_is_no_profile_is_refused_with_the_remedy(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        read(text)


@pytest.mark.parametrize("text", ["loose", "", "{", "[]", "{}", '{"name": 3}', "{" * 5000])
def test_text_that_names_no_profile_is_refused(text: str) -> None:
    with pytest.raises(ProfileError):
        check("x = 1", text)


def test_an_unknown_name_is_told_apart() -> None:
    with pytest.raises(UnknownProfileError):
        dialect("loose")


@pytest.mark.parametrize("member", ["jit", "no_such_function"])
def test_what_cannot_be_handed_out_is_found_before_any_program_runs(member: str) -> None:
    text = read(f'name = "x"\nunsafe_why = "y"\n[unsafe_allow]\ntorch = "{member}"')
    with pytest.raises(ProfileError, match=member):
        guards.require(text, torch)


def test_a_definition_is_the_same_however_it_was_laid_out() -> None:
    assert read(NARROW) == read(NARROW.replace('"cumsum rand"', '["rand", "cumsum"]'))
    assert json.loads(read(NARROW))["remove"]["torch"] == ["cumsum", "rand"]


def test_the_policy_s_digest_tells_profiles_apart() -> None:
    digests = [policy_digest(text) for text in (*SHIPPED, read(NARROW), read(WIDE))]
    assert all(a != b for a, b in itertools.combinations(digests, 2))


def test_the_paper_s_best_algorithm_is_within_the_profile_that_is_named_for_it() -> None:
    source = """import torch

def merge_models(model_dict, device):
    merged = None
    for task_vector in model_dict.values():
        dim = 1 if task_vector.dim() > 1 else 0
        mean = task_vector.to(device).mean(dim=dim, keepdim=True).expand_as(task_vector)
        merged = task_vector if merged is None else 0.5 * merged + 0.5 * mean
    return merged
"""
    assert check(source, PAPER).verdict == "admitted"
    assert guarded(source).shape == (4,)
