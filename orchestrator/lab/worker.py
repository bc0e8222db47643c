"""One half of the lab's build, as a process: `python -m orchestrator.lab.worker arithmetic|factory DIR`.

Started by `build.py`, which sets the environment that torch must find when it is loaded. Prints JSON lines:
progress at most a few times a second, then the result. Ends when its stdin closes: its parent is gone then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

PROGRESS_SECONDS = 0.25
ORPHANED = 1  # exit code that nobody is left to read


def main(half: str, out: Path) -> None:
    """Make one half under `out` and print what was measured."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    from orchestrator.lab import arithmetic_models, factory
    from orchestrator.lab.recipe import RECIPE

    torch.set_num_threads(1)
    clock = Clock()
    make = {"arithmetic": arithmetic_models.make, "factory": factory.make}[half]
    measured = make(RECIPE, out, clock.progress)
    _say({"result": {**measured, "seconds": clock.seconds()}})


class Clock:
    """Prints progress, not too often, and remembers how long each stage took."""

    def __init__(self) -> None:
        self._last = 0.0
        self._began: dict[str, float] = {}
        self._ended: dict[str, float] = {}

    def progress(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        self._began.setdefault(stage, now)
        self._ended[stage] = now
        if done == total or now - self._last >= PROGRESS_SECONDS:
            self._last = now
            _say({"stage": stage, "done": done, "total": total})

    def seconds(self) -> dict[str, float]:
        """Return stage -> seconds from its first to its last step."""
        return {stage: round(self._ended[stage] - began, 1) for stage, began in self._began.items()}


def _end_with_parent() -> None:
    os.read(0, 1)  # not sys.stdin: a thread that holds its lock would abort the interpreter at exit
    os._exit(ORPHANED)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    main(sys.argv[1], Path(sys.argv[2]))
