"""Builds the lab in a folder: two worker processes, one per half, each on one thread.

The workers are processes of their own because OpenMP reads its settings when torch is loaded: left to spin,
its threads made training 5 to 10 times slower on a busy machine. Each worker prints its progress as lines of
JSON. Whatever ends the parent ends the workers: it kills them on the way out, and should it die at once,
their stdin closes and they leave.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orchestrator.errors import EngineError
from orchestrator.lab.recipe import Recipe

FACTS = "lab.json"
HALVES = ("arithmetic", "factory")
# One thread, and no spinning while it waits: see above.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "PYTHONHASHSEED": "0",
}
_KILL_GRACE_SECONDS = 5.0
_ERROR_CHARS = 2_000

Progress = Callable[[str, int, int], None]  # (stage, done, total)


def build(recipe: Recipe, out: Path, progress: Progress) -> None:
    """Make everything of the lab under `out` (an existing empty folder); `lab.json` comes last.

    Raises:
        EngineError: a worker failed; its last words are in the message.
    """
    started = time.monotonic()
    halves = _run_workers(out, progress)
    facts = {
        "recipe": asdict(recipe),
        "recipe_digest": recipe.digest,
        "versions": _versions(),
        "build_seconds": round(time.monotonic() - started, 1),
        **halves,
        "sha256": digests(out),
        "note": "dev scores only: building the lab never reads the test split's answers. See docs/lab.md.",
    }
    (out / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def digests(root: Path) -> dict[str, str]:
    """Return path -> sha256 (hex) of every file under `root` but `lab.json`."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != FACTS)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _run_workers(out: Path, progress: Progress) -> dict[str, Any]:
    """Run both halves at once; return what each measured."""
    lines: queue.Queue[tuple[str, dict[str, Any] | None]] = queue.Queue()
    results: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        workers = {half: stack.enter_context(_worker(half, out)) for half in HALVES}
        for half, process in workers.items():
            threading.Thread(target=_listen, args=(half, process, lines), daemon=True).start()
        while len(results) < len(HALVES):
            half, message = lines.get()
            if message is None:
                if half not in results:
                    raise _failure(half, workers[half], out)
            elif "result" in message:
                results[half] = message["result"]
            else:
                progress(message["stage"], message["done"], message["total"])
    return results


@contextlib.contextmanager
def _worker(half: str, out: Path) -> Iterator[subprocess.Popen[str]]:
    """Start one worker in a session of its own, so that Ctrl-C reaches the parent alone."""
    with _log(out, half).open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 -- our own module, with our own arguments
            [sys.executable, "-P", "-m", "orchestrator.lab.worker", half, str(out)],
            env={**os.environ, **WORKER_ENVIRONMENT, "PYTHONPATH": _import_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)
        _log(out, half).unlink(missing_ok=True)


def _listen(half: str, process: subprocess.Popen[str], lines: queue.Queue[tuple[str, dict[str, Any] | None]]) -> None:
    """Pass a worker's messages on; None says that it ended."""
    for line in process.stdout or ():
        with contextlib.suppress(json.JSONDecodeError):  # a library that prints is no reason to stop
            if isinstance(message := json.loads(line), dict):
                lines.put((half, message))
    lines.put((half, None))


def _failure(half: str, process: subprocess.Popen[str], out: Path) -> EngineError:
    code = process.wait()
    words = _log(out, half).read_text(encoding="utf-8", errors="replace")[-_ERROR_CHARS:].strip()
    return EngineError(
        f"lab: the {half} worker ended with exit code {code} and no result: {words or 'it said nothing'}",
        remedy="free memory (each worker needs about 1 GiB) and run `python -m orchestrator.lab` again",
    )


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_KILL_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _log(out: Path, half: str) -> Path:
    return out / f".{half}.log"


def _import_path() -> str:
    """Let the worker import this very package, installed or not."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "tokenizers")}
