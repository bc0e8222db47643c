"""The check before a run: what holds is recorded, what does not refuses the start, and nothing is run."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.config import RunConfig
from orchestrator.containment import (
    CANARIES,
    HELD,
    Canary,
    require_containment,
    require_protections,
    smallest,
    try_canary,
)
from orchestrator.errors import PreflightError
from orchestrator.execute import execute_programs
from orchestrator.ledger import Entry, read
from orchestrator.ledger.events import EVENT_TYPES
from orchestrator.models import MergeInputs
from orchestrator.protection import PROTECTIONS
from orchestrator.sandbox import settings
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.session import Session, open_session
from tests.test_doctor import SOUND

BY_NAME = {canary.name: canary for canary in CANARIES}
FOLDER = Path(settings.__file__).parent / "canaries"
ANYTHING = json.dumps({"defaultAction": "SCMP_ACT_ALLOW"})


def entries(run_dir: Path) -> list[Entry]:
    return list(read(run_dir / "ledger.jsonl"))


@pytest.fixture
def session(tiny_config: RunConfig, tmp_path: Path) -> Iterator[Session]:
    """A session on the real engine, with the tiny models."""
    with open_session(tiny_config, tmp_path / "run") as opened:
        yield opened


@pytest.fixture
def weak(session: Session, tmp_path: Path) -> Iterator[Session]:
    """The same, without the walls inside the container."""
    with DockerSandbox(
        session.config,
        image_id=engine_facts(session.config.image.name).image_id,
        mounts=session.inputs.mounts,
        run_id="weak",
        work_dir=tmp_path / "weak",
        walls=False,
    ) as sandbox:
        yield dataclasses.replace(session, sandbox=sandbox)


def refusal(name: str, session: Session) -> PreflightError:
    with pytest.raises(PreflightError, match=f"canary {name}") as caught:
        try_canary(BY_NAME[name], session, smallest(session.inputs))
    return caught.value


@pytest.mark.docker
def test_a_sound_sandbox_holds_every_canary_and_the_record_says_how(session: Session) -> None:
    require_containment(session)
    written = entries(session.run_dir)
    (looked,) = [entry for entry in written if entry.type == "sandbox.protections"]
    (held,) = [entry for entry in written if entry.type == "canaries.held"]
    assert [row["name"] for row in looked.data["protections"]] == list(PROTECTIONS)
    assert [row["name"] for row in held.data["canaries"]] == list(BY_NAME)
    assert all("held: " in row["found"] for row in held.data["canaries"] if BY_NAME[row["name"]].detail == HELD)
    assert {entry.subject for entry in written if entry.type == "sandbox.started"} == {
        f"canary-{name}" for name in BY_NAME
    }
    for entry in (looked, held):
        assert set(entry.data) == set(EVENT_TYPES[entry.type].keys)


@pytest.mark.docker
def test_a_sandbox_without_inner_walls_is_refused_before_any_program(weak: Session) -> None:
    with pytest.raises(PreflightError, match="protection inner-seccomp: expected in effect, found missing"):
        require_containment(weak)
    kinds = [entry.type for entry in entries(weak.run_dir)]
    assert "sandbox.protections" in kinds
    assert not {"sandbox.started", "canaries.held"} & set(kinds)


@pytest.mark.docker
def test_without_inner_walls_a_canary_starts_a_process_and_is_caught(weak: Session) -> None:
    error = refusal("processes", weak)
    assert 'expected run runtime_error saying "RuntimeError: held: ..."' in error.what
    assert "got through: fork" in error.what
    assert "assay doctor" in error.remedy


@pytest.mark.docker
@pytest.mark.parametrize(("name", "through"), [("network", "stream socket"), ("reading", "")])
def test_without_any_filter_a_canary_gets_through(
    weak: Session, monkeypatch: pytest.MonkeyPatch, name: str, through: str
) -> None:
    monkeypatch.setattr(settings, "seccomp_profile", lambda: ANYTHING)
    assert f"got through: {through}" in refusal(name, weak).what


@pytest.mark.docker
def test_without_a_bound_on_files_a_canary_overruns_its_output(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ulimits", lambda order, config: {"core": 0})
    assert "got through: write beyond the end" in refusal("overrun", session).what


@pytest.mark.docker
def test_with_a_writable_model_a_canary_gets_through(
    weak: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def writable(order: settings.Order) -> list[dict[str, object]]:
        return [{**mount, "ReadOnly": False} for mount in mounts(order)]

    mounts = settings._mounts
    for path, inside in weak.inputs.mounts:
        copy = tmp_path / inside.replace("/", "-")
        copy.write_bytes(path.read_bytes())
        copy.chmod(0o666)
    weak.sandbox._mounts = tuple(  # type: ignore[attr-defined]
        (tmp_path / inside.replace("/", "-"), inside) for _, inside in weak.inputs.mounts
    )
    monkeypatch.setattr(settings, "_mounts", writable)
    assert "got through: /inputs/seed/0.safetensors can be written" in refusal("writing", weak).what


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Told(Canary):
    """A canary with another source."""

    text: str

    @property
    def source(self) -> str:
        return self.text


@pytest.mark.docker
@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_broken_canary_is_not_taken_for_one_that_held(session: Session, name: str) -> None:
    fields = {field.name: getattr(BY_NAME[name], field.name) for field in dataclasses.fields(Canary)}
    broken = Told(**fields, text="import nothing_of_the_kind\n" + BY_NAME[name].source)
    with pytest.raises(PreflightError, match="ModuleNotFoundError"):
        try_canary(broken, session, smallest(session.inputs))


@pytest.mark.docker
def test_a_canary_whose_output_is_verified_got_through(session: Session) -> None:
    honest = "def merge_models(model_dict, device):\n    return sum(model_dict.values()) / len(model_dict)\n"
    with pytest.raises(PreflightError, match="its output was verified"):
        try_canary(Told(name="overrun", text=honest), session, smallest(session.inputs))
    assert list((session.run_dir / "blobs").rglob("*")) == [] or not any(
        path.is_file() for path in (session.run_dir / "blobs").rglob("*")
    )


@pytest.mark.docker
def test_a_required_protection_that_is_not_offered_refuses_run_and_exec(tiny_config: RunConfig, tmp_path: Path) -> None:
    strict = tiny_config.model_copy(update={"require": ("landlock", "rootless-engine")})
    program = tmp_path / "p.py"
    with pytest.raises(
        PreflightError, match=r"protection rootless-engine \(in `require`\): expected in effect"
    ) as caught:
        list(
            execute_programs(
                strict, [(program, b"x")], out=None, no_policy=True, run_dir=tmp_path / "run", say=lambda _: None
            )
        )
    assert "rootless engine" in caught.value.remedy
    kinds = [entry.type for entry in entries(tmp_path / "run")]
    assert kinds[-3:] == ["sandbox.protections", "run.failed", "log.closed"]
    assert not {"candidate.generated", "sandbox.started"} & set(kinds)


@pytest.mark.docker
def test_looking_at_a_container_uses_none_up(session: Session) -> None:
    require_protections(session)
    first = session.sandbox.look(session.inputs.tensors)
    again = session.sandbox.look(session.inputs.tensors)
    assert first.kernel is not None
    assert again.kernel is not None
    assert first.kernel.status["Pid"] == again.kernel.status["Pid"]


def test_a_profile_asked_of_an_engine_without_apparmor_is_refused(tiny_config: RunConfig) -> None:
    container = tiny_config.container.model_copy(update={"apparmor": "mine"})
    facts = dataclasses.replace(SOUND, security_options=("name=seccomp,profile=default",), runtimes=("runc",))
    with pytest.raises(PreflightError, match=r"\[container\] apparmor = 'mine': .* no AppArmor in use"):
        settings.require_engine(tiny_config.model_copy(update={"container": container}), facts)


def test_canaries_merge_nothing_but_the_smallest_tensor(tiny_inputs: MergeInputs) -> None:
    (spec,) = smallest(tiny_inputs).tensors
    assert spec.nbytes == min(spec.nbytes for spec in tiny_inputs.tensors)
    assert spec.offset == 0


def test_every_program_in_the_folder_is_a_canary_that_says_what_it_tries_and_what_must_be_seen() -> None:
    files = {path.stem: path for path in FOLDER.glob("[a-z]*.py")}
    assert set(files) == set(BY_NAME)
    for path in files.values():
        said = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert "Tried: " in said, path.name
        assert "Must be seen: " in said, path.name
