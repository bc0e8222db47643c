"""Laws of the checker over mutated programs and arbitrary text: what is denied stays denied, in any place and form."""

from __future__ import annotations

from random import Random

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fuzz import mutate
from policies.checker import check
from policies.dialect import dialect
from tests.policies.programs import BENIGN, HOSTILE, guarded

TEXTS = [path.read_text(encoding="utf-8") for path in BENIGN]
HOSTILE_TEXTS = [path.read_text(encoding="utf-8") for path in HOSTILE]
DIALECT = dialect()
ATTRIBUTES = mutate.denied_attributes(DIALECT)
MEMBERS = mutate.denied_members(DIALECT)
BUILTINS = mutate.denied_builtins(DIALECT)
FORMS = {  # a denied name in every syntactic place where a name can stand, and the rule for it
    "policy.builtin": (
        BUILTINS,
        ["{}", "{}(1)", "[x for x in {}]", "lambda: {}", "f'{{{}}}'", "print(*{})", "1 if {} else 2"],
    ),
    "policy.member": (
        MEMBERS,
        ["torch.{}", "torch.{}(1)", "torch.{}.x.y", "[torch.{}]", "f'{{torch.{}}}'", "lambda: torch.{}"],
    ),
    "policy.attribute": (
        ATTRIBUTES,
        ["a.{}", "a.{}()", "(lambda: a.{})", "a[0].{}", "f'{{a.{}}}'", "[].{}", "a.b.{}"],
    ),
}

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
chances = st.integers(min_value=0, max_value=2**48).map(Random)


def rules(source: str | bytes) -> set[str]:
    return {finding.rule for finding in check(source).findings}


@quick
@given(source=st.sampled_from(TEXTS), chance=chances)
def test_one_denied_thing_anywhere_in_a_harmless_program_is_found(source: str, chance: Random) -> None:
    spoiled, expected = mutate.spoil(source, chance)
    assert rules(spoiled) & expected, spoiled


@settings(quick, max_examples=60)
@given(source=st.sampled_from(TEXTS), chance=chances)
def test_a_harmless_program_written_another_way_computes_the_same_bytes(source: str, chance: Random) -> None:
    reshaped = mutate.reshape(source, chance)
    assert [str(finding) for finding in check(reshaped).findings] == [], reshaped
    expected, found = guarded(source, (5, 8)), guarded(reshaped, (5, 8))
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert torch.equal(found.contiguous().view(torch.uint8), expected.contiguous().view(torch.uint8))


@pytest.mark.parametrize("rule", FORMS)
@quick
@given(chance=chances)
def test_a_denied_name_is_found_in_any_spelling_and_place(rule: str, chance: Random) -> None:
    names, forms = FORMS[rule]
    expression = chance.choice(forms).replace("{}", mutate.spell(chance.choice(names), chance)).replace("{{", "{")
    source = f"import torch\ndef merge_models(model_dict, a):\n    _ = {expression.replace('}}', '}')}\n    return a\n"
    assert rules(source) & {rule, "policy.format"}, source


@quick
@given(chance=chances)
def test_a_guard_cannot_be_bound_in_any_spelling(chance: Random) -> None:
    name = mutate.spell(chance.choice(["_getattr_", "_write_", "_apply_", "__builtins__", "_turn_"]), chance)
    binding = chance.choice([f"{name} = 1", f"def {name}(): pass", f"import math as {name}", f"for {name} in []: pass",
                             f"({name} := 1)", f"lambda *{name}: 1", f"lambda {name}, /: 1", f"global {name}",
                             f"dict({name}=1)", f"try: pass\nexcept OSError as {name}: pass"])  # fmt: skip
    assert "policy.name" in rules(f"{binding}\ndef merge_models(model_dict, device):\n    return device\n")


@quick
@given(chance=chances)
def test_a_refused_keyword_is_found_in_any_spelling(chance: Random) -> None:
    name = mutate.spell(chance.choice(sorted(DIALECT.refused_keywords)), chance)
    source = f"import torch\ndef merge_models(model_dict, device):\n    return torch.add(1, 2, {name}=device)\n"
    assert "policy.keyword" in rules(source)


@quick
@given(source=st.text() | st.binary() | st.text(alphabet="()[]{}:'\"\\\n \t\r\0#=*@.,_fx1"))
@example(source="\ufeff# -*- coding: utf-7 -*-\n")
@example(source="\ud800")
@example(source=b"\xff\xfe")
@example(source="(" * 100_000)
@example(source="x = " + "-" * 50_000 + "1")
def test_checking_never_raises_and_says_the_same_twice(source: str | bytes) -> None:
    assert check(source) == check(source)


@quick
@given(source=st.sampled_from(TEXTS + HOSTILE_TEXTS), chance=chances)
def test_checking_a_damaged_program_never_raises_and_says_the_same_twice(source: str, chance: Random) -> None:
    at, length = chance.randrange(len(source)), chance.randrange(12)
    piece = chance.choice(["", "\0", "\\", "'''", "é", "\n", " ", "lambda ", "*", "(", "\x0c", "\u2028", "{", "if 1:"])
    damaged = source[:at] + piece + source[at + length :]
    assert check(damaged) == check(damaged)
    assert check(damaged.encode("utf-8", "surrogatepass")).verdict == check(damaged).verdict


@quick
@given(chance=chances)
def test_two_programs_put_into_each_other_never_make_checking_raise(chance: Random) -> None:
    spliced = mutate.splice(chance.choice(TEXTS), HOSTILE_TEXTS, chance)
    assert check(spliced) == check(spliced)


@settings(quick, max_examples=60)
@given(source=st.sampled_from(TEXTS), chance=chances)
def test_renaming_and_comments_do_not_change_what_a_program_is(source: str, chance: Random) -> None:
    """Layout is no part of the normal form."""
    commented = "\n".join(f"{line}  # x" if line and not line.endswith("\\") and '"""' not in line else line
                          for line in source.split("\n"))  # fmt: skip
    if '"""' not in source and "'''" not in source:
        assert check(commented).ast_digest == check(source).ast_digest
