"""Makes a machine ready for Assay, one numbered step after the other. Standard library only.

    python3 -m scripts.setup [environment|engine|bubblewrap|image|all]

Every step looks first whether it is done; all of it can be interrupted and repeated.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11) or sys.version_info >= (3, 13):
    found = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"Python 3.11 or 3.12 is needed, found {found}\n  -> run `make PYTHON=/path/to/python3.11 ...`")

import signal
from types import FrameType

from scripts import base_image, bubblewrap, engine, environment, host, image, wheelhouse
from scripts.console import CommandError, Console, SetupError

GOALS = ("environment", "engine", "bubblewrap", "image", "all")
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Reach one goal; 0 when it is reached, 1 with a sentence when it cannot be."""
    goal = arguments[0] if arguments else "all"
    if len(arguments) > 1 or goal not in GOALS:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console()
    try:
        with host.one_at_a_time(console):
            reach(goal, console)
    except SetupError as problem:
        print(f"\n{problem.what}\n  -> {problem.remedy}", file=sys.stderr)
        return 1
    except CommandError as failure:
        print("\n".join(["", *failure.tail, str(failure)]), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    return 0


def reach(goal: str, console: Console) -> None:
    """Do the steps that a goal needs, in order."""
    console.plan({"environment": 1, "engine": 1, "bubblewrap": 2}.get(goal, 5))
    if goal != "engine":
        console.step("virtual environment")
        environment.prepare(console)
    if goal == "bubblewrap":
        console.step("bubblewrap")
        bubblewrap.prepare(console)
    elif goal != "environment":
        console.step("container engine")
        engine.prepare(console)
    if goal in ("image", "all"):
        make_image(console)


def make_image(console: Console) -> None:
    """Get the parts of the sandbox image, then build it."""
    console.step("base image")
    base = base_image.prepare(console)
    console.step("wheels for the image")
    wheels = wheelhouse.prepare(console)
    console.step("sandbox image")
    image.prepare(console, base, wheels)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
