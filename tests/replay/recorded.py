"""Records for replay's tests: made by the real machinery, and rewritten where a test needs another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.execute import execute_programs
from orchestrator.ledger import FILE_NAME, Ledger, read

SOURCES = {
    "mean": "def merge_models(models, device):\n    total = None\n    for value in models.values():\n"
    "        total = value if total is None else total + value\n    return total / len(models)\n",
    "random": "import torch\ndef merge_models(models, device):\n    value = next(iter(models.values()))\n"
    "    return value * torch.bernoulli(torch.full_like(value, 0.5))\n",
    "refused": "import os\n",
    "raises": 'def merge_models(models, device):\n    return models["nobody"]\n',
}
MEAN, RANDOM, REFUSED, RAISES = (f"x-{number:03d}" for number in range(4))

Draft = tuple[str, str, dict[str, Any]]
Edit = Callable[[Draft], Draft | None]


def record(config: RunConfig, run_dir: Path, *, out: Path | None = None) -> Path:
    """Run the programs as `assay exec` does; return the run's directory."""
    programs = [(Path(f"{name}.py"), text.encode()) for name, text in SOURCES.items()]
    rows = list(execute_programs(config, programs, out=out, no_policy=False, run_dir=run_dir, say=lambda _: None))
    assert [row["verdict"] for row in rows] == ["verified", "verified", "rejected", "rejected"], rows
    return run_dir


def copied(run_dir: Path, target: Path) -> Path:
    """Copy a run's directory."""
    shutil.copytree(run_dir, target)
    return target


def rewritten(run_dir: Path, target: Path, edit: Edit) -> Path:
    """Copy a run with other events, in a ledger that holds by itself: what a forger with the writer's means does."""
    copied(run_dir, target)
    (target / FILE_NAME).unlink()
    entries = list(read(run_dir / FILE_NAME))
    with Ledger.create(
        target / FILE_NAME, source="assay/test", config_sha256=entries[0].data["config_sha256"]
    ) as ledger:
        for draft in _edited(((one.type, one.subject, dict(one.data)) for one in entries), edit):
            ledger.append(*draft)
    return target


def _edited(drafts: Iterable[Draft], edit: Edit) -> Iterable[Draft]:
    for draft in drafts:
        if not draft[0].startswith("log.") and (kept := edit(draft)) is not None:
            yield kept


def change(event_type: str, subject: str = "", **values: Any) -> Edit:
    """Return an edit that sets keys of the events of a type."""

    def edit(draft: Draft) -> Draft:
        name, about, data = draft
        if name == event_type and (not subject or about == subject):
            return name, about, {**data, **values}
        return draft

    return edit


def data_of(run_dir: Path, event_type: str, subject: str = "") -> Mapping[str, Any]:
    """Return the data of the first event of a type."""
    return next(
        one.data
        for one in read(run_dir / FILE_NAME)
        if one.type == event_type and (not subject or one.subject == subject)
    )
