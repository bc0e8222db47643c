"""Makes the lab where somebody waits for it: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from orchestrator.lab import STAGES, Lab, ensure


def ensure_watched() -> Lab:
    """Return the lab; if it has to be made, show progress on stderr. Raises as `ensure`."""
    columns = (TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                if not tasks and stage in STAGES:
                    bars.console.print("making the lab: 5 small models, a few minutes on 2 cores, once")
                tasks[stage] = bars.add_task(stage, total=total)
                if not bars.console.is_terminal:
                    bars.console.print(f"lab: {stage} ({total} steps)")
            bars.update(tasks[stage], completed=done)

        return ensure(progress=show)
