"""What a resumed run is told to do: as it was begun, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.blobs import BlobStore
from orchestrator.config import RunConfig, parse_config
from orchestrator.credentials import REDACTED, redacted
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import Entry, Ledger, canonical, sha256_of
from orchestrator.record import Recorder, resolved
from orchestrator.resume import (
    Plan,
    accepted,
    differences,
    plan_new,
    plan_resumed,
    require_as_recorded,
    require_same_opening,
)
from orchestrator.session import determinism_profile
from orchestrator.state import RunState
from tests.planted import CANARIES

TOML = """
name = "lab"
seed = 3

[models]
seed = "models/seed"

[models.candidates]
sub = "models/sub"
add = "models/add"

[dpo]
learning_rate = 2e-4
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    path.write_text(TOML)
    return path


def config(**changes: Any) -> RunConfig:
    candidates = {"sub": "models/sub", "add": "models/add"}
    base: dict[str, Any] = {"name": "lab", "seed": 3, "models": {"seed": "models/seed", "candidates": candidates}}
    return parse_config({**base, "dpo": {"learning_rate": 2e-4}, **changes}, source="test")


def begun(run_dir: Path, *, started: bool = True, asked: RunConfig | None = None, command: str = "run") -> Path:
    """Write a run directory as a run leaves it that was killed at once."""
    asked = asked or config()
    run_dir.mkdir(parents=True)
    (run_dir / "config.json").write_text(json.dumps(asked.model_dump(mode="json"), indent=2))
    values = resolved(asked)
    digest = sha256_of(canonical(values))
    ledger = Ledger.create(run_dir / "ledger.jsonl", source="assay/lab", config_sha256=digest)
    if started:
        asked_for = {"run": "lab", "seed": 3, "iterations": 3, "programs": 100, "learn": "dpo", "policy_sha256": ""}
        order = list(asked.models.candidates)
        more = {"command": command, "config": values, "candidates": order, "config_sha256": digest, "sandbox": {}}
        ledger.append("run.started", "", {**asked_for, **more})
    ledger._release()
    return run_dir


def test_a_new_run_goes_into_the_folder_of_its_name(tmp_path: Path) -> None:
    assert plan_new(config(), None).run_dir == Path("runs/lab")
    assert plan_new(config(), tmp_path) == Plan(config=config(), run_dir=tmp_path)


@pytest.mark.parametrize("started", [True, False])
def test_the_configuration_comes_from_the_record(tmp_path: Path, started: bool) -> None:
    run_dir = begun(tmp_path / "run", started=started)
    plan = plan_resumed(run_dir, None)
    assert plan.config == config()
    assert plan.resumes


def test_the_order_of_the_candidates_is_kept_without_config_json(tmp_path: Path) -> None:
    run_dir = begun(tmp_path / "run")
    (run_dir / "config.json").unlink()
    assert list(plan_resumed(run_dir, None).config.models.candidates) == ["sub", "add"]


def test_the_file_that_the_run_was_started_with_resumes_it(tmp_path: Path, toml: Path) -> None:
    run_dir = begun(tmp_path / "run")
    assert plan_resumed(toml, run_dir).config == config()


def test_a_file_whose_run_has_recorded_nothing_begins_it(tmp_path: Path, toml: Path) -> None:
    plan = plan_resumed(toml, tmp_path / "none")
    assert not plan.resumes
    assert plan.config == config()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed = 3", "seed = 4", "`seed`: 3 then, 4 now"),
        ("2e-4", "1e-4", "`dpo.learning_rate`: 0.0002 then, 0.0001 now"),
        ('add = "models/add"', 'add = "models/mul"', "`models.candidates.add`"),
        ('sub = "models/sub"\nadd = "models/add"', 'add = "models/add"\nsub = "models/sub"', "in order"),
    ],
)
def test_a_file_that_says_something_else_is_refused_by_key(
    tmp_path: Path, toml: Path, old: str, new: str, named: str
) -> None:
    run_dir = begun(tmp_path / "run")
    assert old in TOML
    toml.write_text(TOML.replace(old, new))
    with pytest.raises(UsageError) as caught:
        plan_resumed(toml, run_dir)
    assert named in str(caught.value)


@pytest.mark.parametrize("started", [True, False])
def test_a_config_json_that_was_changed_is_refused(tmp_path: Path, started: bool) -> None:
    run_dir = begun(tmp_path / "run", started=started)
    path = run_dir / "config.json"
    path.write_text(path.read_text().replace('"seed": 3', '"seed": 5'))
    with pytest.raises(UsageError, match="seed" if started else "expected the configuration of digest"):
        plan_resumed(run_dir, None)


def test_config_json_may_not_reorder_the_candidates(tmp_path: Path) -> None:
    run_dir = begun(tmp_path / "run")
    values = json.loads((run_dir / "config.json").read_text())
    values["models"]["candidates"] = dict(sorted(values["models"]["candidates"].items()))
    (run_dir / "config.json").write_text(json.dumps(values))
    with pytest.raises(UsageError, match="in order"):
        plan_resumed(run_dir, None)


def test_a_directory_without_a_record_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing on record"):
        plan_resumed(tmp_path, None)


def test_files_that_were_executed_are_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="assay exec"):
        plan_resumed(begun(tmp_path / "run", command="exec"), None)


def test_one_run_is_resumed_not_two(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one run directory"):
        plan_resumed(begun(tmp_path / "run"), tmp_path / "other")


def test_a_torn_last_line_does_not_matter(tmp_path: Path) -> None:
    run_dir = begun(tmp_path / "run")
    with (run_dir / "ledger.jsonl").open("ab") as file:
        file.write(b'{"actor":')
    assert plan_resumed(run_dir, None).config == config()


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    run_dir = begun(tmp_path / "run")
    path = run_dir / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"id":"uid:', b'"id":"uix:', 1))
    with pytest.raises(LedgerError):
        plan_resumed(run_dir, None)


def entry(event_type: str, **data: Any) -> Entry:
    return Entry(index=7, hash="", type=event_type, subject="", time="", data=data)


def test_other_inputs_than_those_on_record_are_named() -> None:
    known = entry("inputs.resolved", seed={"files": [{"name": "a", "sha256": "1"}]}, dev_items=3, more="x")
    require_as_recorded(known, {"seed": {"files": [{"name": "a", "sha256": "1"}]}, "dev_items": 3})
    with pytest.raises(UsageError, match=r"`seed\.files\[0\]\.sha256`: 1 then, 2 now"):
        require_as_recorded(known, {"seed": {"files": [{"name": "a", "sha256": "2"}]}, "dev_items": 3})


def test_where_the_same_models_lie_does_not_matter() -> None:
    known = entry("inputs.resolved", seed={"path": "/old", "files": []}, candidates=[{"path": "/old/a", "files": []}])
    require_as_recorded(known, {"seed": {"path": "/new", "files": []}, "candidates": [{"path": "/new/a", "files": []}]})


def test_what_an_earlier_version_did_not_record_is_not_compared() -> None:
    require_as_recorded(entry("inputs.resolved", dev_items=3), {"dev_items": 3, "factory_sha256": "1"})


PROFILE: dict[str, Any] = {
    "python": "3.11.7",
    "platform": "Linux-6.1",
    "cpu": "a processor (AVX2)",
    "threads": 2,
    "packages": {"torch": "2.13.0", "docker": "7.2.0"},
    "environment": {"MKL_CBWR": "COMPATIBLE", "OMP_WAIT_POLICY": "PASSIVE"},
}


def goes_on(tmp_path: Path, recorded: dict[str, Any] = PROFILE) -> Plan:
    state = RunState(profile=entry("determinism.profile", **recorded))
    return Plan(config=config(), run_dir=tmp_path, state=state, resumes=True)


@pytest.mark.parametrize(
    "found",
    [
        PROFILE,
        {**PROFILE, "platform": "Linux-6.2"},
        {**PROFILE, "packages": {"torch": "2.13.0", "docker": "8.0.0", "numpy": "2.0.0"}},
        {**PROFILE, "environment": {"MKL_CBWR": "COMPATIBLE", "OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "0"}},
        {**PROFILE, "instructions": "avx2"},
    ],
    ids=["same", "kernel", "client", "waiting", "not-recorded-then"],
)
def test_a_host_that_counts_alike_is_gone_on_with(tmp_path: Path, found: dict[str, Any]) -> None:
    assert accepted(goes_on(tmp_path), found, accept=False).changed == ()


CHANGES = [
    ({"python": "3.12.0"}, "`python`: 3.11.7 then, 3.12.0 now"),
    ({"cpu": "a processor (AVX512)"}, "`cpu`: a processor (AVX2) then, a processor (AVX512) now"),
    ({"threads": 1}, "`threads`: 2 then, 1 now"),
    ({"packages": {"torch": "2.14.0"}}, "`packages.torch`: 2.13.0 then, 2.14.0 now"),
    ({"packages": {}}, "`packages.torch`: 2.13.0 then, nothing now"),
    ({"environment": {}}, "`environment.MKL_CBWR`: COMPATIBLE then, nothing now"),
]


@pytest.mark.parametrize(("change", "named"), CHANGES)
def test_a_host_that_may_count_otherwise_is_refused_by_name(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        accepted(goes_on(tmp_path), {**PROFILE, **change}, accept=False)
    assert named in caught.value.what
    assert f"`assay run --resume {tmp_path} --accept-changes`" in caught.value.remedy
    assert ("OMP_NUM_THREADS=2" in caught.value.remedy) == ("threads" in change)


@pytest.mark.parametrize(("change", "named"), CHANGES)
def test_a_host_that_may_count_otherwise_is_recorded_where_it_is_accepted(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    plan = accepted(goes_on(tmp_path), {**PROFILE, **change}, accept=True)
    assert plan.changed == (named,)
    with Ledger.create(tmp_path / "ledger.jsonl", source="assay/lab", config_sha256="") as ledger:
        Recorder(ledger, BlobStore(tmp_path / "blobs")).resumed(plan.state, plan.changed)
        assert [one.data.get("changed") for one in ledger.entries()] == [None, [named]]


def test_a_run_that_is_done_is_shown_on_any_host(tmp_path: Path) -> None:
    plan = goes_on(tmp_path)
    plan.state.ended = entry("run.completed")
    assert accepted(plan, {**PROFILE, "threads": 1}, accept=False) == plan


def test_what_this_host_counts_with_does_not_change_by_itself(tmp_path: Path) -> None:
    assert accepted(goes_on(tmp_path, determinism_profile()), determinism_profile(), accept=False).changed == ()


@pytest.mark.parametrize("key", ["items_sha256", "programs"])
def test_the_test_split_is_not_shown_to_others_than_it_was_opened_for(key: str) -> None:
    opening = {"items_sha256": "1", "programs": ["i1-000"]}
    require_same_opening(entry("split.opened", **opening), opening)
    with pytest.raises(LedgerError, match=key):
        require_same_opening(entry("split.opened", **opening), {**opening, key: "other"})


def test_every_difference_is_found_where_it_is() -> None:
    assert differences({"a": 1, "b": {"c": [1, 2]}}, {"a": 1, "b": {"c": [1, 3]}, "d": 4}) == [
        ("b.c[1]", "2", "3"),
        ("d", "nothing", "4"),
    ]


def test_a_secret_among_the_numeric_knobs_is_compared_as_it_is_on_record(tmp_path: Path) -> None:
    found = {**PROFILE, "environment": {"OMP_SOME_TOKEN": CANARIES["huggingface"]}}
    recorded = {**redacted(found), REDACTED: {"huggingface token": 1}}
    assert accepted(goes_on(tmp_path, recorded), found, accept=False).changed == ()
