"""What writers are told is what the checker admits: every name of the section, in the place where it is named."""

from __future__ import annotations

import re

import pytest
import torch

from policies.checker import check
from policies.dialect import dialect
from policies.profiles import SHIPPED, STRICT, read
from policies.teaching import section
from tests.policies.programs import in_merge


def told(profile: str, title: str) -> list[str]:
    """Return the names of one line of the section, which may be folded."""
    found = re.search(rf"^- {re.escape(title)}: (.*(?:\n  .*)*)", section(profile), re.MULTILINE)
    assert found, title
    return found.group(1).split()


def refused(profile: str, lines: list[str], top: str) -> list[str]:
    return [line for line in lines if check(in_merge(line, top=top), profile).verdict == "refused"]


@pytest.mark.parametrize("profile", SHIPPED)
def test_every_module_that_is_told_may_be_imported_and_every_member_named(profile: str) -> None:
    for module in told(profile, "import"):
        assert refused(profile, ["pass"], top=f"import {module}") == []
        if f"- from {module}:" in section(profile):
            members = told(profile, f"from {module}")
            assert refused(profile, [f"x = {module}.{name}" for name in members], top=f"import {module}") == []


@pytest.mark.parametrize("profile", SHIPPED)
def test_every_tensor_method_that_is_told_is_admitted(profile: str) -> None:
    besides = told(profile, "methods of tensors: the names from torch, many with an underscore for in place; besides")
    of_torch = [name for name in told(profile, "from torch") if hasattr(torch.Tensor, name)]
    lines = [f"x = model_dict['a'].{name}" for name in besides + of_torch]
    assert len(lines) > 300
    assert refused(profile, lines, top="import torch") == []


@pytest.mark.parametrize("profile", SHIPPED)
def test_every_builtin_that_is_told_is_admitted(profile: str) -> None:
    called = {"getattr", "hasattr"}  # which may not be handed on as values
    lines = [f"x = {name}" for name in told(profile, "builtins") if name not in called]
    assert refused(profile, lines, top="import torch") == []


def test_a_profile_s_section_leaves_out_what_it_takes_away() -> None:
    text = read('name = "ours"\n[remove]\ntorch = "cumsum"\nmodules = "torch.fft"\nbuiltins = "print"\n')
    assert {"cumsum", "print"} <= {*told(STRICT, "from torch"), *told(STRICT, "builtins")}
    assert not {"cumsum", "print"} & {*told(text, "from torch"), *told(text, "builtins")}
    assert "from torch.fft" not in section(text)


def test_the_section_says_what_to_write_instead_of_what_is_tried_most() -> None:
    remedies = dialect(STRICT).remedies
    said = section(STRICT)
    assert all(remedies["module"][name] in said for name in ("numpy", "copy", "random"))
    assert remedies["node"]["ClassDef"] in said
