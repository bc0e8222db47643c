"""`assay exec`: single programs through check, screen, run and verify on the config's models. No evaluation.

Each program is taken on its own: two that compute the same are both verified. With `no_policy`, check and
screen are left out, on the record, to test what the container alone withstands.
"""

from __future__ import annotations

import datetime
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from orchestrator.brackets import Stages
from orchestrator.candidate import (
    Proposed,
    Reason,
    Rejection,
    Screened,
    Stage,
    Unchecked,
    Verified,
    cleaned,
    source_digest,
)
from orchestrator.config import RunConfig
from orchestrator.containment import require_protections
from orchestrator.errors import UsageError
from orchestrator.export import write_model
from orchestrator.ledger import decimal
from orchestrator.live import PlainLog
from orchestrator.session import Session, free_run_dir, open_session, record_start
from orchestrator.trial import Trial
from policies.limits import MAX_SOURCE_BYTES

_BATCH = 32  # programs checked and screened before the first of them runs, so that results come early


def execute_programs(
    config: RunConfig,
    programs: Sequence[tuple[Path, bytes]],
    *,
    out: Path | None,
    no_policy: bool,
    run_dir: Path | None,
    say: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    """Yield one result per program, in order, as the JSON object of `assay exec --format json`.

    Raises:
        UsageError: `no_policy` without `allow_no_policy`, or outputs that would collide; nothing was started.
        AssayError: the platform failed.
    """
    if no_policy and not config.allow_no_policy:
        raise UsageError(
            "--no-policy: the configuration does not allow it",
            remedy="add `allow_no_policy = true` at the top of the TOML file, before the first [section]",
        )
    targets = _targets([path for path, _ in programs], out)
    place = run_dir or free_run_dir(Path("runs") / f"{config.name}-exec-{_stamp()}")
    started = time.monotonic()
    with open_session(config, place) as session:
        record_start(session, "exec")
        session.recorder.inputs(session.inputs, None)
        say(f"record: {place}")
        require_protections(session)
        course = _Course(session, no_policy=no_policy)
        for start in range(0, len(programs), _BATCH):
            batch = programs[start : start + _BATCH]
            for (path, _), outcome in zip(batch, course.take(batch, start), strict=True):
                target = targets.get(path)
                if isinstance(outcome, Verified) and target is not None:
                    write_model(outcome, inputs=session.inputs, out=target)
                if isinstance(outcome, Verified):
                    session.blobs.drop(outcome.output_sha256)
                yield result_row(path, outcome)
        session.witnessing.complete(session.ledger)
        for line in session.witnessing.complaints:
            say(line)
        session.recorder.event(
            "run.completed",
            {
                "programs": len(programs),
                "scored": 0,
                "best": "",
                "best_accuracy": decimal(0.0),
                "seconds": decimal(time.monotonic() - started),
            },
        )


class _Course:
    """The way of a batch of files through the trial."""

    def __init__(self, session: Session, *, no_policy: bool) -> None:
        self._session = session
        self._stages = Stages(session.recorder, PlainLog(Console(quiet=True)))
        self._trial = Trial(session, self._stages, deduplicate=False)
        self._no_policy = no_policy

    def take(self, batch: Sequence[tuple[Path, bytes]], first: int) -> Iterator[Verified | Rejection]:
        """Yield the outcome of each file, in order."""
        proposed = [self._propose(data, first + index) for index, (_, data) in enumerate(batch)]
        ended: dict[str, Rejection] = {}
        for (_, data), program in zip(batch, proposed, strict=True):
            if (rejection := _unreadable(program, data)) is not None:
                self._session.recorder.rejected(rejection)
                ended[program.id] = rejection
        runnable = self._runnable([program for program in proposed if program.id not in ended], ended)
        with self._stages.overlapping(("run", "verify"), 0, len(runnable)):
            outcomes = iter(self._trial.run(runnable))
            for program in proposed:
                yield ended[program.id] if program.id in ended else next(outcomes)

    def _propose(self, data: bytes, index: int) -> Proposed:
        source = data.decode("utf-8", "replace")
        name, digest = f"x-{index:03d}", source_digest(source)
        program = cleaned(Proposed(id=name, iteration=0, index=index, source=source, digest=digest))
        self._session.recorder.generated(program)
        return program

    def _runnable(self, programs: list[Proposed], ended: dict[str, Rejection]) -> list[Screened | Unchecked]:
        """Check and screen, or record that they were left out; rejections go into `ended`."""
        if self._no_policy:
            return [self._trial.skip_to_run(program) for program in programs]
        with self._stages.one("check", 0, len(programs)):
            admitted, refused = self._trial.check(programs)
        with self._stages.one("screen", 0, len(admitted)):
            screened, dropped = self._trial.screen(admitted)
        ended.update({rejection.proposed.id: rejection for rejection in (*refused, *dropped)})
        return list(screened)


def result_row(path: Path, outcome: Verified | Rejection) -> dict[str, Any]:
    """Return the JSON object that stands for one program's outcome."""
    receipt = outcome.receipt
    verified = isinstance(outcome, Verified)
    return {
        "path": str(path),
        "verdict": "verified" if verified else "rejected",
        "stage": Stage.VERIFY.value if isinstance(outcome, Verified) else outcome.stage.value,
        "reason": None if isinstance(outcome, Verified) else outcome.reason.value,
        "detail": "" if isinstance(outcome, Verified) else outcome.detail,
        "output_sha256": outcome.output_sha256 if isinstance(outcome, Verified) else None,
        "wall_seconds": round(receipt.wall_seconds, 3) if receipt else 0.0,
        "peak_memory_bytes": receipt.peak_memory_bytes if receipt else 0,
        "exit_code": receipt.exit_code if receipt else None,
        "stdout": receipt.stdout if receipt else "",
        "stderr": receipt.stderr if receipt else "",
    }


def _unreadable(program: Proposed, data: bytes) -> Rejection | None:
    """Refuse what no stage can take: too large (no more than that was read), or no text."""
    if len(data) > MAX_SOURCE_BYTES:
        detail = f"expected at most {MAX_SOURCE_BYTES} bytes, found more; shorten the program"
        return Rejection(proposed=program, stage=Stage.CHECK, reason=Reason.SYNTAX, detail=detail)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        digest = hashlib.sha256(data).hexdigest()
        return Rejection(
            proposed=program,
            stage=Stage.CHECK,
            reason=Reason.SYNTAX,
            detail=f"expected UTF-8, found byte 0x{data[error.start]:02x} at {error.start} (file sha256 {digest})",
        )
    return None


def _targets(paths: Sequence[Path], out: Path | None) -> dict[Path, Path]:
    """Return where each program's model goes; refuse names that collide or exist before anything starts."""
    if out is None:
        return {}
    targets: dict[Path, Path] = {}
    for path in paths:
        target = out / path.stem
        if target in targets.values():
            raise UsageError(f"--out: two programs are named {path.stem}", remedy="rename one, or run them separately")
        if target.exists():
            raise UsageError(f"--out: {target} exists", remedy="remove it or pass another --out")
        targets[path] = target
    return targets


def _stamp() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
