"""Says what a run is to do and how much of it is done: a new one, or one that was cut off.

A run that goes on takes its configuration from its record. What was recorded then and is different now (a
key, a policy, an image, a model's bytes) is named and refused: the results would not be one run's. Nothing
is started here, and nothing written but the entry about the inputs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evals.splits import Sealed
from orchestrator.claim import CONFIG_NAME, begun, go_on, read_config, require_new
from orchestrator.config import RunConfig, load_config, parse_config
from orchestrator.credentials import REDACTED, redacted
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import FILE_NAME, Entry, TornTailError, canonical, read, sha256_of
from orchestrator.ledger.recovery import require_free
from orchestrator.record import resolved
from orchestrator.session import Session
from orchestrator.state import RunState, fold
from policies.checker import policy_digest

_SHOWN_KEYS = 8
_SHOWN_CHARS = 60
_MISSING = "nothing"
_ORDER = "models.candidates, in order"

# Of a determinism profile, what is recorded for people and decides no result of the orchestrator. The kernel
# schedules; the number of threads is compared as such, however it was set; the engine's client only asks.
_NO_NUMBERS = frozenset({"platform", REDACTED})
_NO_NUMBERS_SET = frozenset(
    {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "PYTHONHASHSEED"}
)
_NO_NUMBERS_IN = frozenset({"docker"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run: its configuration, its place, and how far it came before."""

    config: RunConfig
    run_dir: Path
    state: RunState = field(default_factory=RunState)
    resumes: bool = False
    changed: tuple[str, ...] = ()  # of the host it computes on, accepted


def plan_new(config: RunConfig, run_dir: Path | None) -> Plan:
    """Return the plan of a run that begins; raises as `claim.require_new`."""
    place = run_dir or place_of(config)
    require_new(place)
    return Plan(config=config, run_dir=place)


def plan_resumed(what: Path, run_dir: Path | None) -> Plan:
    """Return the plan of a run that was cut off, from its directory or from the file that it was started with.

    A run that has recorded nothing yet begins.

    Raises:
        UsageError: there is no run, or the file or `config.json` does not say what the record says.
        LedgerError: the record is damaged, or another process is writing it.
    """
    if what.is_dir():
        if run_dir is not None and run_dir.resolve() != what.resolve():
            raise UsageError(f"{what}: expected one run directory, found --run-dir {run_dir} too", remedy="pass one")
        return _taken_up(what)
    asked = load_config(what)
    place = run_dir or place_of(asked)
    require_free(place / FILE_NAME)
    if not begun(place):
        return plan_new(asked, place)
    plan = _taken_up(place, asked)
    if changed := differences(_comparable(plan.config), _comparable(asked)):
        raise UsageError(
            f"{what}: expected the configuration of {place}, as recorded; it differs in {_shown(changed)}",
            remedy=f"go on as it was begun: `{go_on(place)}`; or begin another run: --run-dir",
        )
    return plan


def place_of(config: RunConfig) -> Path:
    """Return where a run goes that is told no other place."""
    return Path("runs") / config.name


def _taken_up(run_dir: Path, asked: RunConfig | None = None) -> Plan:
    ledger = run_dir / FILE_NAME
    require_free(ledger)
    if not begun(run_dir):
        return plan_new(_config_to_begin_with(run_dir), run_dir)
    state = fold(_until_torn(ledger))
    config = _config_on_record(state.started, ledger) if state.started else _config_beside(run_dir, state, asked)
    _require_same_file(run_dir, config)
    return Plan(config=config, run_dir=run_dir, state=state, resumes=True)


def _config_to_begin_with(run_dir: Path) -> RunConfig:
    """Return what a run was to do that was cut off before its first entry."""
    try:
        return read_config(run_dir)
    except (OSError, ValueError, UsageError) as error:
        raise UsageError(
            f"{run_dir}: expected the directory of a run that was cut off, found nothing on record",
            remedy=f"begin it: `assay run CONFIG --run-dir {shlex.quote(str(run_dir))}`",
        ) from error


def _until_torn(ledger: Path) -> Iterator[Entry]:
    """Yield what is on record; a torn last line was acknowledged to nobody, and is cut when the ledger is opened."""
    whole = 0
    try:
        for entry in read(ledger):
            whole += 1
            yield entry
    except TornTailError:
        if not whole:
            raise


def _config_on_record(started: Entry, ledger: Path) -> RunConfig:
    """Return the configuration that `run.started` holds."""
    if (command := started.data.get("command", "run")) != "run":
        raise UsageError(
            f"{ledger}: expected the record of `assay run`, found that of `assay {command}`",
            remedy=f"call `assay {command}` again: each of its programs stands alone",
        )
    recorded = started.data["config"]
    models = recorded["models"]
    order = started.data.get("candidates") or list(models["candidates"])
    models = {**models, "candidates": {name: models["candidates"][name] for name in order}}
    config = parse_config({**recorded, "models": models}, source=f"{ledger}: entry {started.index}")
    if changed := differences(recorded, resolved(config)):
        raise UsageError(
            f"{ledger}: entry {started.index}: this version of Assay reads its configuration otherwise: "
            f"{_shown(changed)}",
            remedy="go on with the version that began the run",
        )
    return config


def _config_beside(run_dir: Path, state: RunState, asked: RunConfig | None) -> RunConfig:
    """Return what was asked for, of a run that was cut off before it recorded its configuration in full."""
    path = run_dir / CONFIG_NAME
    try:
        config = asked or read_config(run_dir)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: cannot be read: {error}",
            remedy=f"pass the file that the run was started with: `assay run --resume CONFIG --run-dir {run_dir}`",
        ) from error
    expected = state.opened.data["config_sha256"] if state.opened else ""
    if sha256_of(canonical(resolved(config))) != expected:
        raise UsageError(
            f"{path}: expected the configuration of digest {expected}, found another",
            remedy="begin the run anew in another --run-dir: nothing was done yet",
        )
    return config


def _require_same_file(run_dir: Path, config: RunConfig) -> None:
    """Refuse a `config.json` that says something else than the record; that it is gone does not matter."""
    path = run_dir / CONFIG_NAME
    try:
        beside = dict(json.loads(path.read_text(encoding="utf-8")))
        order = list(dict(beside.get("models", {})).get("candidates", {}))
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", remedy="remove it: the ledger says the same") from error
    if changed := differences(
        {**config.model_dump(mode="json"), _ORDER: list(config.models.candidates)}, {**beside, _ORDER: order}
    ):
        raise UsageError(
            f"{path}: expected what the ledger's run.started says; it differs in {_shown(changed)}",
            remedy="put the file back as it was, or remove it: the ledger says the same",
        )


def _comparable(config: RunConfig) -> dict[str, Any]:
    """Return everything that a configuration says; the order of the candidates is part of it."""
    return {**resolved(config), _ORDER: list(config.models.candidates)}


def accepted(plan: Plan, profile: Mapping[str, Any], *, accept: bool) -> Plan:
    """Return the plan of a run that goes on here, where `profile` is what numbers are made with.

    Raises:
        UsageError: packages, processor or threads are not those of the process before, and that was not accepted.
    """
    known = plan.state.profile
    if known is None or plan.state.completed or not (changed := _other_numbers(known.data, profile)):
        return plan
    if accept:
        return replace(plan, changed=tuple(_line(*one) for one in changed))
    threads = f", with OMP_NUM_THREADS={known.data['threads']} where threads differ" if _threads(changed) else ""
    raise UsageError(
        f"entry {known.index} (determinism.profile): expected to go on with the packages, processor and threads that "
        f"the results so far were made with; it differs in {_shown(changed)}",
        remedy=f"go on where it was begun{threads}; or accept that its results rest on both, on record: "
        f"`{go_on(plan.run_dir)} --accept-changes`",
    )


def _other_numbers(known: Mapping[str, Any], found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Compare what decides numbers, as far as it was recorded."""
    names, found = known.keys() - _NO_NUMBERS, redacted(dict(found))  # as it would be on record
    packages = known["packages"].keys() - _NO_NUMBERS_IN
    expected, now = ({name: _numeric(name, side.get(name), packages) for name in names} for side in (known, found))
    return differences(expected, now)


def _numeric(name: str, value: object, packages: Set[str]) -> object:
    if name == "packages" and isinstance(value, Mapping):
        return {key: value.get(key, _MISSING) for key in packages}
    if name == "environment" and isinstance(value, Mapping):
        return {key: value[key] for key in value.keys() - _NO_NUMBERS_SET}
    return value


def _threads(changed: list[tuple[str, str, str]]) -> bool:
    return any(key == "threads" for key, _, _ in changed)


def require_same_platform(session: Session) -> None:
    """Refuse to go on under another policy or in another image than the run began with.

    Raises:
        UsageError: what differs, by name.
    """
    if (known := session.state.started) is None:
        return
    image = {"image_id": session.sandbox.describe().get("image_id")}
    recorded = {key: known.data["sandbox"].get(key) for key in image}
    if changed := differences(
        {"policy_sha256": known.data["policy_sha256"], "sandbox": recorded},
        {"policy_sha256": policy_digest(session.config.policy), "sandbox": image},
    ):
        raise _changed(known, changed)


def record_inputs(session: Session, task: Sealed, digests: Mapping[str, str]) -> None:
    """Record what a run works on and with, or see that it is what is on record; raises as `require_as_recorded`."""
    if (known := session.state.inputs) is None:
        session.recorder.inputs(session.inputs, task, digests)
    else:
        require_as_recorded(known, session.recorder.describe_inputs(session.inputs, task, digests))


def require_as_recorded(known: Entry, found: Mapping[str, Any]) -> None:
    """Refuse inputs, or anything else that an entry describes, that are not those on record.

    Raises:
        UsageError: what differs, by name.
    """
    expected = {key: known.data[key] for key in known.data if key in found}
    changed = differences(expected, redacted({key: found[key] for key in expected}))  # as they would be on record
    if changed := [one for one in changed if not one[0].endswith(".path")]:  # where they lie does not matter
        raise _changed(known, changed)


def _changed(known: Entry, changed: list[tuple[str, str, str]]) -> UsageError:
    return UsageError(
        f"entry {known.index} ({known.type}): expected the same as when the run began; it differs in {_shown(changed)}",
        remedy="put back what the run began with, or begin another run",
    )


def require_same_opening(known: Entry, found: Mapping[str, Any]) -> None:
    """Refuse to show the test split to other programs than those it was opened for.

    Raises:
        LedgerError: other items, or other programs.
    """
    for key in ("items_sha256", "programs"):
        if known.data[key] != found[key]:
            raise LedgerError(
                f"entry {known.index} (split.opened): expected {key} {known.data[key]!r:.200}, "
                f"found {found[key]!r:.200}",
                remedy="the test split is opened once; begin another run to look at others",
            )


def differences(expected: object, found: object, at: str = "") -> list[tuple[str, str, str]]:
    """Return (key, expected, found) of every place where two JSON values differ, in order."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            difference
            for key in sorted(expected.keys() | found.keys())
            for difference in differences(
                expected.get(key, _MISSING), found.get(key, _MISSING), f"{at}.{key}" if at else str(key)
            )
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            difference
            for index, both in enumerate(zip(expected, found, strict=True))
            for difference in differences(*both, f"{at}[{index}]")
        ]
    return [] if expected == found else [(at, _short(expected), _short(found))]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _shown(changed: list[tuple[str, str, str]]) -> str:
    shown = "; ".join(_line(*one) for one in changed[:_SHOWN_KEYS])
    rest = len(changed) - _SHOWN_KEYS
    return shown + (f" (and {rest} more)" if rest > 0 else "")


def _line(key: str, expected: str, found: str) -> str:
    return f"`{key}`: {expected} then, {found} now"
