"""From a record to what it takes to run its programs again here: configuration, models, sandbox. Runs no program.

A bundle may come from a stranger, and its configuration with it: what gives up protection there is refused
unless the caller accepts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import lab
from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import ConfigError, ModelError, PreflightError, UsageError
from orchestrator.lab.watch import ensure_watched
from orchestrator.ledger.note import SignedCheckpoint
from orchestrator.models import MergeInputs, ModelFiles, resolve_inputs
from orchestrator.replay.classes import ReplayClass
from orchestrator.replay.original import SKIPPED, Original, Recorded, ReplayError
from orchestrator.sandbox.base import Sandbox
from orchestrator.sandbox.bubblewrap import BubblewrapSandbox
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.session import require_policy, weakened


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be replayed, and how."""

    run_dir: Path  # of the record; of a bundle, where it was unpacked
    source: str  # what the user named
    programs: Sequence[str] = ("best:5",)
    models: Mapping[str, Path] = field(default_factory=dict)  # name -> directory, in place of the recorded one
    image: str = ""  # image to use in place of the recorded one
    work: Path | None = None  # folder for outputs; the system's temporary one if None
    stranger: bool = False  # the record comes from elsewhere
    accept_weakened: bool = False
    held: SignedCheckpoint | None = None  # a checkpoint of the ledger that was kept elsewhere
    profile: Mapping[str, Any] | None = None  # determinism profile of this machine, where it is not to be looked at


def require_accepted(request: Request, original: Original, programs: Sequence[Recorded]) -> None:
    """Refuse to run a stranger's programs with less protection than usual, unless that was accepted.

    Raises:
        UsageError: what is given up, and the flag.
    """
    if not request.stranger or request.accept_weakened:
        return
    config = adapted_or_none(request, original) or _refuse_unknown()
    given_up = [*weakened(config), *_chosen(config)]
    if any(program.policy == SKIPPED for program in programs):
        given_up.append("programs that no policy has checked")
    if given_up:
        raise UsageError(
            f"{request.source}: its record gives up protection: {', '.join(given_up)}",
            remedy="pass --weakened if you accept that",
        )


def _chosen(config: RunConfig) -> list[str]:
    """Return what a record chooses among what this host has: nobody here said that it is as good."""
    chosen = {"runtime": config.container.runtime, "apparmor": config.container.apparmor}
    return [f"[container] {key} = {value!r}" for key, value in chosen.items() if value]


def adapted_or_none(request: Request, original: Original) -> RunConfig | None:
    """Return the configuration, or None where this version does not understand it."""
    try:
        return adapted(request, original)
    except ReplayError:
        return None


def adapted(request: Request, original: Original) -> RunConfig:
    """Return the recorded configuration with this machine's places of models and image.

    Raises:
        ReplayError: the record is of another version.
    """
    raw: dict[str, Any] = {**original.started["config"]}
    recorded = str(original.sandbox.get("image_id", ""))
    places = _places(request, original, raw)
    raw["models"] = {**raw["models"], "seed": places.pop("seed"), "candidates": places}
    raw["image"] = {"name": request.image or recorded, "digest": "" if request.image else recorded}
    try:
        return parse_config(raw, source="the record")
    except ConfigError as error:
        raise ReplayError(
            ReplayClass.ENV_MISMATCH,
            f"this version does not know the recorded configuration: {error.what}",
            remedy="replay it with the version that made it",
        ) from error


def _places(request: Request, original: Original, raw: Mapping[str, Any]) -> dict[str, str]:
    """Return name -> directory, `seed` first, the candidates in the order in which they were merged.

    The recorded configuration names candidates in the order of the alphabet; programs see the order of
    `inputs.resolved`, on which sums depend.
    """
    if original.inputs is None:
        raise ReplayError(
            ReplayClass.INPUT_UNAVAILABLE, "the record does not say which models were merged: it has no inputs.resolved"
        )
    written = {"seed": raw["models"]["seed"], **raw["models"]["candidates"]}
    resolved = {"seed": original.inputs["seed"], **{one["name"]: one for one in original.inputs["candidates"]}}
    if unknown := sorted(request.models.keys() - resolved.keys()):
        raise UsageError(f"--model {unknown[0]}: the record knows {', '.join(resolved)}", remedy="name one of these")
    places = {}
    for name, model in resolved.items():
        there = Path(model["path"])
        found = request.models.get(name) or (there if there.is_dir() else None)
        places[name] = str(found) if found else str(written[name])
    return places


def opened_inputs(request: Request, original: Original, config: RunConfig) -> MergeInputs:
    """Open the models and compare every file with its digest on record.

    Raises:
        ReplayError: INPUT_UNAVAILABLE; the first model that is not what it was is named.
    """
    references = (config.models.seed, *config.models.candidates.values())
    if any(reference.startswith(lab.PREFIX) for reference in references):
        ensure_watched()
    candidates = {name: lab.resolve(reference) for name, reference in config.models.candidates.items()}
    try:
        inputs = resolve_inputs(lab.resolve(config.models.seed), candidates, config.models.include)
    except ModelError as error:
        raise ReplayError(
            ReplayClass.INPUT_UNAVAILABLE, error.what, remedy="pass --model NAME=DIR with the recorded model"
        ) from error
    recorded = original.inputs or {}
    for model, files in zip(
        (inputs.seed, *inputs.candidates), (recorded["seed"], *recorded["candidates"]), strict=True
    ):
        _require_digests(model, files)
    return inputs


def _require_digests(model: ModelFiles, recorded: Mapping[str, Any]) -> None:
    """Compare in order; files' names do not matter, which may be those of a cache."""
    expected = [file["sha256"] for file in recorded["files"]]
    for number, (before, now) in enumerate(zip(expected, model.sha256, strict=False)):
        if before != now:
            raise ReplayError(
                ReplayClass.INPUT_UNAVAILABLE,
                f"model {model.name}: {model.files[number]}: expected sha256 {before}, found {now}",
                remedy="pass --model NAME=DIR with the recorded model",
            )
    if len(expected) != len(model.sha256):
        raise ReplayError(
            ReplayClass.INPUT_UNAVAILABLE,
            f"model {model.name}: expected {len(expected)} files, found {len(model.sha256)} in {model.path}",
        )


def sandbox_for(config: RunConfig, inputs: MergeInputs, folder: Path) -> Sandbox:
    """Return the recorded kind of sandbox, not yet entered.

    Raises:
        PreflightError: the engine or the image is not here.
    """
    require_policy(config)
    run_id, work = f"replay-{config.name}", folder / "work"
    if config.sandbox == "bubblewrap":
        here = config.model_copy(update={"image": config.image.model_copy(update={"name": ""})})
        return BubblewrapSandbox(here, mounts=inputs.mounts, run_id=run_id, work_dir=work)
    facts = engine_facts(config.image.name)
    if not facts.reachable:
        raise PreflightError(facts.error, remedy=facts.remedy)
    if not facts.image_id:
        raise PreflightError(
            f"the sandbox image {config.image.name} is not on this engine",
            remedy="load the recorded image (`docker load`), or pass --image NAME to compare with another one",
        )
    return DockerSandbox(config, image_id=facts.image_id, mounts=inputs.mounts, run_id=run_id, work_dir=work)


def _refuse_unknown() -> RunConfig:
    raise UsageError(
        "the record's configuration is not understood by this version, so that what it gives up is unknown",
        remedy="replay it with the version that made it",
    )
