"""The corpora as pytest parameters, and what is needed to run a program both ways."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from policies import guards

ROOT = Path(__file__).parents[1]
BENIGN = sorted((ROOT / "fixtures" / "programs").glob("*.py"))
HOSTILE = sorted((ROOT / "attacks" / "policy").glob("*.py"))
SHAPES = ((6,), (5, 8))

Caller = Callable[[dict[str, torch.Tensor], torch.device, dict[str, Any]], Any]


def parameters(paths: list[Path]) -> list[Any]:
    return [pytest.param(path.read_text(encoding="utf-8"), id=path.stem) for path in paths]


def inputs(shape: tuple[int, ...]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Three models' task vectors of one parameter, and every extra."""
    generator = torch.Generator().manual_seed(7)
    vectors = {name: torch.randn(shape, generator=generator) for name in ("math", "code", "chat")}
    extras = {
        "name": "model.layers.1.mlp.up_proj.weight",
        "base": torch.randn(shape, generator=generator),
        "layer": 1,
        "num_layers": 4,
        "generator": torch.Generator().manual_seed(3),
    }
    return vectors, extras


def plain(source: str, shape: tuple[int, ...]) -> Any:
    """The program as ordinary Python with the real torch."""
    namespace: dict[str, Any] = {"__name__": "program"}
    torch.manual_seed(1)
    exec(compile(source, "<plain>", "exec", dont_inherit=True), namespace)  # noqa: S102
    function = namespace["merge_models"]
    named = inspect.signature(function).parameters
    vectors, extras = inputs(shape)
    torch.manual_seed(5)
    return function(vectors, torch.device("cpu"), **{key: extras[key] for key in extras if key in named})


def guarded(source: str, shape: tuple[int, ...] = (4,)) -> Any:
    """The program under guards."""
    torch.manual_seed(1)
    program = guards.load(source, profile="strict", torch=torch)
    vectors, extras = inputs(shape)
    torch.manual_seed(5)
    return program.merge(vectors, torch.device("cpu"), **extras)


def in_merge(*lines: str, top: str = "import torch") -> str:
    """A program whose merge_models has these lines and then returns its first input."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"{top}\n\ndef merge_models(model_dict, device):\n{body}    return next(iter(model_dict.values()))\n"
