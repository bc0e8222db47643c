"""`python -m orchestrator.lab`: make the lab if it is not there, and say where it is and what it measured."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from orchestrator.errors import AssayError
from orchestrator.lab import STAGES, Lab, ensure

INTERRUPTED = 130  # as a shell reports a command that SIGINT ended


def main() -> int:
    """Return the exit code."""
    try:
        lab = _ensure_watched()
    except AssayError as error:
        print(f"lab: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("lab: interrupted; nothing half-made is left, run it again at any time", file=sys.stderr)
        return INTERRUPTED
    facts = lab.facts
    dev = {name: score["all"] for name, score in facts["arithmetic"].items() if "all" in score}
    print(f"lab: {lab.root} (made in {facts['build_seconds']:.0f} s)")
    print("dev accuracy: " + ", ".join(f"{name} {score:.1%}" for name, score in dev.items()))
    return 0


def _ensure_watched() -> Lab:
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


if __name__ == "__main__":
    sys.exit(main())
