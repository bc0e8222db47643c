"""Branches on the parameter's name, layer and shape are found where they are, and tensors' values are none."""

from __future__ import annotations

import pytest

from policies.capabilities import capabilities


def branches(signature: str, *lines: str, top: str = "") -> dict[str, int]:
    source = f"import math, torch\n{top}\ndef merge_models({signature}):\n" + "".join(f"    {line}\n" for line in lines)
    found = capabilities(source)
    assert found
    return {source: count for source, count in found.branches.items() if count}


EXTRAS = "model_dict, device, name, layer, num_layers, base"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["if 'mlp' in name: pass"], {"name": 1}),
        (["if name.split('.')[2] == 'x': pass"], {"name": 1}),
        (["x = 1 if layer else 2"], {"layer": 1}),
        (["while layer < num_layers: pass"], {"layer": 1}),
        (["depth = layer / num_layers", "if depth > 0.5: pass"], {"layer": 1}),
        (["x = [v for v in range(9) if v < layer]"], {"layer": 1}),
        (["if base.dim() == 2: pass", "if base.shape[0] > 1 and 'x' in name: pass"], {"shape": 2, "name": 1}),
        (["rows, columns = base.shape", "if rows > columns: pass"], {"shape": 1}),
        (["if (n := base.numel()) > 3: pass", "if n: pass"], {"shape": 2}),
        (["if len(base.shape) > 1: pass"], {"shape": 1}),
        (["x = math.log(layer + 1)", "if x > 1: pass"], {"layer": 1}),
        (["for part in name.split('.'):", "    if part.isdigit(): pass"], {"name": 1}),
        (["if f'{name}' == 'x': pass"], {"name": 1}),
        (["table = {0: 1.0}", "w = table.get(layer, 0.5)", "if w > 0.7: pass"], {"layer": 1}),
    ],
)
def test_branch_is_found(lines: list[str], found: dict[str, int]) -> None:
    assert branches(EXTRAS, *lines) == found


@pytest.mark.parametrize(
    "lines",
    [
        ["x = torch.zeros(base.shape)", "if x.sum() > 0: pass"],
        ["x = base * layer", "if x.norm() > 1: pass"],
        ["w = layer / num_layers", "return base * w"],
        ["if len(model_dict) > 2: pass"],
        ["if base.abs().max() > 1: pass"],
    ],
)
def test_what_tensors_hold_is_no_branch_on_their_shape(lines: list[str]) -> None:
    assert branches(EXTRAS, *lines) == {}


def test_name_of_a_model_is_not_the_parameters() -> None:
    assert branches("model_dict, device", "for name in model_dict:", "    if name == 'math': pass") == {}


def test_branches_in_helpers_are_found_through_arguments_and_results() -> None:
    top = "def deep(l):\n    if l > 3: return 1\n    return 0\ndef kind(n):\n    return n.split('.')[0]\n"
    found = branches(EXTRAS, "if deep(layer): pass", "if kind(name) == 'a': pass", top=top)
    assert found == {"layer": 1, "name": 1}  # deep's result is a constant: only its own branch is on the layer


def test_helpers_result_depends_on_what_it_returns() -> None:
    top = "def weight(l):\n    return l * 2\n"
    assert branches(EXTRAS, "w = weight(layer)", "if w > 3: pass", top=top) == {"layer": 1}
