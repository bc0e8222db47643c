"""Imports point down only, and each heavy library has one door.

The order is CONTRIBUTING.md's: a module may import from its own layer's package or from a lower
layer. Stages never import each other; nothing below the pipeline imports the ledger.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Lowest first. The longest matching prefix decides a module's layer.
LAYERS = {
    "policies": 0,
    "sandbox_image": 0,
    "evals": 0,
    "orchestrator.errors": 1,
    "orchestrator.text": 1,
    "orchestrator.regular": 1,
    "orchestrator.gpu": 1,
    "orchestrator.credentials": 1,
    "orchestrator.cache": 1,
    "orchestrator.protection": 1,
    "orchestrator.candidate": 2,
    "orchestrator.config": 3,
    "orchestrator.models": 3,
    "orchestrator.weights": 3,
    "orchestrator.blobs": 3,
    "orchestrator.ledger": 3,
    "orchestrator.lab": 3,
    "orchestrator.sandbox": 4,
    "orchestrator.claim": 4,
    "orchestrator.state": 4,
    "orchestrator.restore": 4,
    "orchestrator.baselines": 5,
    "orchestrator.export": 5,
    "orchestrator.stages": 5,
    "orchestrator.live": 6,
    "orchestrator.logs": 6,
    "orchestrator.reporting": 6,
    "orchestrator.report": 6,
    "orchestrator.show": 6,
    "orchestrator.surplus": 6,
    "orchestrator.attest": 6,
    "orchestrator.attest_cli": 6,
    "orchestrator.doctor": 6,
    "orchestrator.policy_cli": 6,
    "orchestrator.ledger_cli": 6,
    "orchestrator.witness_cli": 6,
    "orchestrator.drafts": 7,
    "orchestrator.record": 7,
    "orchestrator.witnessed": 7,
    "orchestrator.brackets": 8,
    "orchestrator.session": 8,
    "orchestrator.containment": 9,
    "orchestrator.resume": 9,
    "orchestrator.trial": 9,
    "orchestrator.learning": 9,
    "orchestrator.pipeline": 10,
    "orchestrator.execute": 10,
    "orchestrator.bundle": 10,
    "orchestrator.replay": 10,
    "orchestrator.record_cli": 10,
    "orchestrator.cli": 11,
    "orchestrator.__main__": 12,
}
STAGES = ("check", "screen", "run", "verify", "evaluate", "generate", "learn")
DOORS = {
    "docker": "orchestrator.sandbox.engine",
    "trl": "orchestrator.stages.learn.dpo",
    "securesystemslib": "orchestrator.attest.envelope",
}


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in ("orchestrator", "policies", "sandbox_image", "evals"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found.append((name.removesuffix(".__init__"), path))
    return found


def imports_of(path: Path) -> set[str]:
    """Every module named by an import statement, at module level or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def layer(module: str) -> int | None:
    prefixes = [prefix for prefix in LAYERS if module == prefix or module.startswith(prefix + ".")]
    return LAYERS[max(prefixes, key=len)] if prefixes else None


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in {"orchestrator", "policies", "sandbox_image", "evals"}}


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_point_down(module: str, path: Path) -> None:
    if module == "orchestrator":
        return
    own = layer(module)
    assert own is not None, f"{module} has no layer: add it to LAYERS"
    for name in ours(imports_of(path)):
        other = layer(name)
        if name.split(".")[0] == module.split(".")[0] or other is None:
            assert other is None or other <= own, f"{module} imports {name}, which is above it"
        else:
            assert other < own or module.startswith("sandbox_image"), f"{module} imports {name}"


def test_stages_do_not_know_each_other() -> None:
    for module, path in modules():
        if not module.startswith("orchestrator.stages."):
            continue
        own = module.split(".")[2]
        for name in imports_of(path):
            parts = name.split(".")
            if parts[:2] == ["orchestrator", "stages"] and len(parts) > 2 and parts[2] in STAGES:
                assert parts[2] == own, f"{module} imports {name}"


def test_only_the_pipeline_and_the_readers_of_records_import_the_ledger() -> None:
    allowed = (
        "ledger",
        "claim",
        "learning",
        "restore",
        "resume",
        "state",
        "ledger_cli",
        "witness_cli",
        "witnessed",
        "record",
        "drafts",
        "session",
        "pipeline",
        "execute",
        "report",
        "reporting",
        "replay",
        "bundle",
        "show",
        "surplus",
        "attest",
        "attest_cli",
    )
    for module, path in modules():
        if any(f"{name}.".startswith("orchestrator.ledger.") for name in imports_of(path)):
            assert module.split(".")[1] in allowed, f"{module} imports the ledger"


def test_orchestrator_takes_only_the_protocol_and_the_source_digest_from_the_image() -> None:
    for module, path in modules():
        if module.startswith("orchestrator"):
            for name in ours(imports_of(path)):
                if name.startswith("sandbox_image."):
                    assert name.split(".")[1] in {"protocol", "source"}, f"{module} imports {name}"


def test_image_imports_only_itself_and_policies() -> None:
    for module, path in modules():
        if module.startswith("sandbox_image"):
            for name in ours(imports_of(path)):
                assert name.split(".")[0] in {"sandbox_image", "policies"}, f"{module} imports {name}"


@pytest.mark.parametrize("library", sorted(DOORS))
def test_a_heavy_library_has_one_door(library: str) -> None:
    users = {m for m, path in modules() if any(n.split(".")[0] == library for n in imports_of(path))}
    assert users == {DOORS[library]}
