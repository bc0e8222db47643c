"""Every number of the lab in one place, and the digest that names a build of it.

The digest covers these numbers and the code that makes the models (docstrings and layout aside), so that a
changed recipe never meets models of an older one. What a build measured is in its `lab.json`.
"""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

# The modules whose code decides what the models and splits are.
_MAKERS = (
    "recipe.py",
    "arithmetic_world.py",
    "arithmetic_models.py",
    "grammar.py",
    "factory.py",
    "tokenizers.py",
    "train.py",
)
_DIGEST_CHARS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of one Llama."""

    hidden: int
    layers: int
    intermediate: int
    heads: int
    positions: int
    # Five times transformers' default, which is meant for far wider models: with 0.02 the arithmetic took over
    # twice the steps, and at times did not converge.
    initial_std: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast to train."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The whole lab. Shares are of questions, or of matrix entries for `damage_share`."""

    seed: int = 7
    dev_items: int = 800
    test_items: int = 1200
    held_out_rare: float = 0.7

    arithmetic: Shape = Shape(hidden=96, layers=3, intermediate=256, heads=4, positions=64)
    expressions: Schedule = Schedule(steps=400, batch=64, learning_rate=2e-3)
    words: Schedule = Schedule(steps=500, batch=64, learning_rate=2e-3)
    words_expressions: float = 0.1
    words_rare: float = 0.15

    # The seed is the base made worse: trained on a few questions of which half are answered wrongly.
    spoiling: Schedule = Schedule(steps=90, batch=64, learning_rate=2e-3, warmup=20)
    spoiling_items: int = 1500
    spoiling_rare: float = 0.5
    spoiling_wrong: float = 0.6

    # Each expert is the undamaged base, struck in a few entries of its own, and tuned on one skill.
    expert: Schedule = Schedule(steps=130, batch=64, learning_rate=1e-3, warmup=20)
    expert_rare: float = 0.7
    damage_share: float = 0.02
    damage_std: float = 0.4

    factory: Shape = Shape(hidden=160, layers=4, intermediate=448, heads=5, positions=512)
    writing: Schedule = Schedule(steps=450, batch=16, learning_rate=2.5e-3)
    programs: int = 6000

    @property
    def digest(self) -> str:
        """Hex digits that name this recipe, numbers and code."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode())
        for name in _MAKERS:
            digest.update(f"\0{name}\0{_code(Path(__file__).with_name(name))}".encode())
        return digest.hexdigest()[:_DIGEST_CHARS]


RECIPE = Recipe()


def _code(file: Path) -> str:
    """Return a module's syntax tree as text, without docstrings, comments and layout."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
