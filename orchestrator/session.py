"""Opens everything that a run needs, in one order, and puts it away in the opposite one.

Nothing is started before all of it is known to be possible: models, engine, image, device and disk are
looked at first. Whatever ends the session (the end, a fault, Ctrl-C) is recorded, and no container and
no output file stays behind. A run that was cut off is opened again by the same steps; what is on record of
it comes with the session. What is done in between is `pipeline.py`'s and `execute.py`'s business.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

from safetensors import SafetensorError

from orchestrator import lab
from orchestrator.blobs import BlobStore
from orchestrator.claim import WORK_NAME, begin
from orchestrator.config import RunConfig, require_no_credentials
from orchestrator.credentials import shown
from orchestrator.errors import AssayError, Interrupted, PreflightError, StorageError
from orchestrator.gpu import gpu_named
from orchestrator.lab.watch import ensure_watched
from orchestrator.ledger import FILE_NAME, Ledger, canonical, sha256_of
from orchestrator.logs import log_to
from orchestrator.models import MergeInputs, resolve_inputs
from orchestrator.record import Recorder, resolved
from orchestrator.restore import Past
from orchestrator.sandbox.base import Sandbox
from orchestrator.sandbox.bubblewrap import BubblewrapSandbox, require_bubblewrap
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.inputs import copied_bytes
from orchestrator.state import RunState, fold
from orchestrator.witnessed import Witnessing
from policies import guards
from policies.checker import policy_digest
from policies.profiles import ProfileError, profile
from sandbox_image.source import source_digest

SPARE_DISK_BYTES = 512 * 1024 * 1024  # ledger, blobs, report, and not the host's last block
PROFILED_PACKAGES = ("torch", "transformers", "tokenizers", "trl", "peft", "safetensors", "RestrictedPython", "docker")
_NUMERIC_KNOBS = ("OMP_", "GOMP_", "MKL_", "ATEN_", "ONEDNN_", "CUBLAS_", "PYTHONHASHSEED")
_INSTRUCTIONS = re.compile("sse4|avx|fma|f16c|amx|asimd|sve|sme(?!p)|bf16|i8mm")  # that sums may be made with
_ROOT = Path(__file__).resolve().parents[1]
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a run works with, opened and in order."""

    config: RunConfig
    run_dir: Path
    inputs: MergeInputs
    sandbox: Sandbox
    blobs: BlobStore
    ledger: Ledger
    recorder: Recorder
    witnessing: Witnessing
    state: RunState = field(default_factory=RunState)  # of a run that is resumed: how far it came

    @property
    def past(self) -> Past:
        """What the stages returned before the run was cut off; nothing, of a new one."""
        return Past(self.state, self.blobs, self.inputs)


@contextmanager
def open_session(
    config: RunConfig, run_dir: Path, *, resume: bool = False, changed: Sequence[str] = (), go_on: str = ""
) -> Iterator[Session]:
    """Check, claim the run directory, open the ledger, start the sandbox; record how it ended.

    With `resume`, the directory is that of a run that was cut off, and `config` is what it was started with.
    `changed` is what of the host is not as it was, and was accepted. `go_on` is what to do after it was cut off
    (again), for messages.

    Raises:
        UsageError: the run directory is in use, or the models do not fit.
        PreflightError: this machine lacks something that the configuration asks for.
        LedgerError: another process writes the record, or it is damaged.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP, after everything was put away.
    """
    witnessing = Witnessing(config.ledger, run_dir)
    inputs, facts = _preflight(config, run_dir, resume=resume)
    with ExitStack() as stack:
        stack.enter_context(terminable())
        state = RunState()
        if resume:
            held = witnessing.require_past(run_dir / FILE_NAME)
            ledger = Ledger.open(run_dir / FILE_NAME, weakened=weakened(config), held=held)
        else:
            digest = sha256_of(canonical(resolved(config)))
            ledger = begin(config, run_dir, config_sha256=digest, weakened=weakened(config))
        stack.callback(witnessing.seal, ledger)  # when it is closed
        stack.enter_context(ledger)
        if resume:
            state = fold(ledger.entries())
        recorder = Recorder(ledger, BlobStore(run_dir / "blobs", create=False))
        with _recorded_end(recorder, go_on, witnessing), witnessing.during(ledger):
            stack.enter_context(log_to(run_dir / "log.jsonl"))
            blobs = BlobStore(run_dir / "blobs")
            if resume:
                recorder.resumed(state, changed)
                blobs.sweep()
            sandbox = stack.enter_context(_sandbox(config, facts, inputs, run_dir))
            recorder.lost(state.open_containers)  # the sandbox has removed them
            yield Session(
                config=config,
                run_dir=run_dir,
                inputs=inputs,
                sandbox=sandbox,
                blobs=blobs,
                ledger=ledger,
                recorder=recorder,
                witnessing=witnessing,
                state=state,
            )


def _preflight(config: RunConfig, run_dir: Path, *, resume: bool) -> tuple[MergeInputs, EngineFacts | None]:
    """Look at everything that can be known beforehand; start nothing (but make the lab, if it is asked for)."""
    require_no_credentials(config)
    try:
        inputs = merge_inputs(config)
        facts = engine_facts(config.image.name) if config.sandbox == "docker" else None
    except KeyboardInterrupt:
        raise Interrupted("interrupted before anything was started") from None
    require_policy(config)
    if facts is None:
        require_bubblewrap(config)
    else:
        require_machine(facts, config)
    require_disk(run_dir, inputs, config, resume=resume)
    return inputs, facts


def weakened(config: RunConfig) -> tuple[str, ...]:
    """Return what a configuration gives up on purpose: every event of the run repeats it."""
    contained = ("sandbox=bubblewrap",) if config.sandbox == "bubblewrap" else ()
    return (*contained, *(f"policy allows {name}" for name in profile(config.policy).widens))


def require_policy(config: RunConfig) -> None:
    """Refuse a profile that allows what this torch does not have, or what can never be handed out."""
    if profile(config.policy).widens:
        import torch

        try:
            guards.require(config.policy, torch)
        except ProfileError as error:
            raise PreflightError(str(error), remedy="mend the profile's file") from error


def _sandbox(config: RunConfig, facts: EngineFacts | None, inputs: MergeInputs, run_dir: Path) -> Sandbox:
    """Return the sandbox that the configuration names, not yet entered; `facts` are an engine's, where it names one."""
    run_id, work_dir = run_dir.name, run_dir / WORK_NAME
    if facts is None:
        return BubblewrapSandbox(config, mounts=inputs.mounts, run_id=run_id, work_dir=work_dir)
    return DockerSandbox(config, image_id=facts.image_id, mounts=inputs.mounts, run_id=run_id, work_dir=work_dir)


def merge_inputs(config: RunConfig) -> MergeInputs:
    """Resolve `lab:` references (making the lab if it is not there, in view) and open the models."""
    references = (config.models.seed, *config.models.candidates.values())
    if any(reference.startswith(lab.PREFIX) for reference in references):
        ensure_watched()
    candidates = {name: lab.resolve(reference) for name, reference in config.models.candidates.items()}
    return resolve_inputs(lab.resolve(config.models.seed), candidates, config.models.include)


def require_machine(facts: EngineFacts, config: RunConfig) -> None:
    """Refuse an engine, image or device that is not what the configuration asks for."""
    if not facts.reachable:
        raise PreflightError(facts.error, remedy=facts.remedy)
    if not facts.image_id:
        raise PreflightError(f"the sandbox image {config.image.name} is not on this engine", remedy="run `make image`")
    if config.image.digest and facts.image_id != config.image.digest:
        raise PreflightError(
            f"the sandbox image {config.image.name}: expected {config.image.digest}, found {facts.image_id}",
            remedy="rebuild the recorded image, or set [image] digest to the one that you trust",
        )
    if facts.image_source != source_digest(_ROOT):
        raise PreflightError(
            f"the sandbox image {config.image.name} was not built from the sandbox_image/ and policies/ here",
            remedy="run `make image`",
        )
    if config.device == "cuda" and not facts.gpu_runtime:
        raise PreflightError(
            'device = "cuda": the engine offers no nvidia runtime and no CDI device',
            remedy='install the NVIDIA container toolkit and restart the engine, or set device = "cpu"',
        )


def require_disk(run_dir: Path, inputs: MergeInputs, config: RunConfig, *, resume: bool = False) -> None:
    """Refuse to start where outputs, kept weights and spare room do not fit."""
    outputs = 2 * config.container.parallel + config.keep_best + 2
    copies = copied_bytes(inputs.mounts)
    needed = outputs * inputs.output_bytes + copies + SPARE_DISK_BYTES
    place = next(path for path in (run_dir.absolute(), *run_dir.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        raise PreflightError(
            f"disk of {place}: expected {needed / 2**20:.0f} MiB free ({outputs} outputs of "
            f"{inputs.output_bytes / 2**20:.0f} MiB, copies of {copies / 2**20:.0f} MiB of models that only their "
            f"owner may read, and spare room), found {free / 2**20:.0f} MiB",
            remedy="free some" if resume else "free some, pass --run-dir on another disk, or lower keep_best",
        )


def record_start(session: Session, command: str = "run") -> None:
    """Record what was asked for: the first thing that `run` and `exec` do with a session.

    Of a run that is resumed that is on record; only the numbers' surroundings are recorded anew.
    """
    if session.state.started is None:
        _record_what_was_asked(session, command)
    session.recorder.event("determinism.profile", determinism_profile(session.config))


def _record_what_was_asked(session: Session, command: str) -> None:
    values = resolved(session.config)
    config = session.config
    session.recorder.event(
        "run.started",
        {
            "command": command,
            "run": config.name,
            "seed": config.seed,
            "iterations": config.iterations,
            "programs": config.programs,
            "learn": config.learn,
            "config": values,
            "candidates": list(config.models.candidates),
            "config_sha256": sha256_of(canonical(values)),
            "policy_sha256": policy_digest(config.policy),
            "sandbox": dict(session.sandbox.describe()),
        },
    )


def determinism_profile(config: RunConfig | None = None) -> dict[str, Any]:
    """Return what a run's numbers depend on besides programs and models; without a configuration, of one on the CPU."""
    import torch

    model = _cpu_fact("model name") or platform.processor() or "unknown"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": f"{model} ({torch.backends.cpu.get_cpu_capability()})",
        "gpu": gpu_named(config.container.gpu) if config and config.device == "cuda" else "",
        "instructions": " ".join(filter(_INSTRUCTIONS.match, _cpu_fact("flags", "Features").split())),
        "threads": torch.get_num_threads(),
        "packages": {name: metadata.version(name) for name in PROFILED_PACKAGES},
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(_NUMERIC_KNOBS)},
    }


def _cpu_fact(*names: str) -> str:
    """Return what the kernel says of the first processor under one of these names."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() in names), "")


@contextmanager
def _recorded_end(recorder: Recorder, go_on: str = "", witnessing: Witnessing | None = None) -> Iterator[None]:
    """Write how the session ended before anything is put away; add to the message what to do then."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if witnessing is not None and (error := witnessing.lost) is not None:
            raise _failed(recorder, error, go_on) from None
        name = interrupt.args[0] if interrupt.args else "SIGINT"
        _record_failure(recorder, "run.interrupted", {"signal": name})
        raise Interrupted(
            f"interrupted by {name}",
            remedy=f"containers are removed and the record is kept; {go_on or 'start again with another --run-dir'}",
        ) from None
    except AssayError as error:
        _failed(recorder, error, go_on)
        raise
    except (OSError, SafetensorError) as error:
        what = f"{getattr(error, 'filename', None) or 'a file of the run'}: {getattr(error, 'strerror', None) or error}"
        _record_failure(recorder, "run.failed", {"error": type(error).__name__, "message": shown(what, 2000)})
        raise StorageError(
            what, remedy=_then("free disk or mend permissions; the record is kept", go_on or "start again")
        ) from error
    except Exception as error:
        _record_failure(recorder, "run.failed", {"error": type(error).__name__, "message": shown(repr(error), 2000)})
        raise


def _failed(recorder: Recorder, error: AssayError, go_on: str) -> AssayError:
    """Record an error of ours, and add to it what to do then."""
    error.remedy = _then(error.remedy, go_on)
    _record_failure(recorder, "run.failed", {"error": type(error).__name__, "message": shown(str(error), 2000)})
    return error


def _then(remedy: str, go_on: str) -> str:
    """Return a remedy and what to do after it."""
    return f"{remedy}; then {go_on}" if remedy and go_on else remedy or go_on


def _record_failure(recorder: Recorder, event_type: str, data: Mapping[str, Any]) -> None:
    try:
        recorder.event(event_type, data)
    except AssayError:
        return  # the ledger itself is what failed: the error on its way says so


@contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM and SIGHUP end the session as Ctrl-C does: a stopped service and a lost terminal leave nothing.

    A signal that is ignored stays so: `nohup` asked for it.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    endings = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]
    before = [(number, signal.signal(number, interrupt)) for number in endings]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def free_run_dir(base: Path) -> Path:
    """Return `base`, or `base-2`, `base-3`, ...: the first that does not exist."""
    candidate, number = base, 1
    while candidate.exists():
        number += 1
        candidate = base.with_name(f"{base.name}-{number}")
    return candidate
