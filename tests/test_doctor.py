"""What the doctor says of a machine: real facts where there is an engine, facts with one flaw each otherwise."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from orchestrator import doctor
from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import PreflightError
from orchestrator.protection import PROTECTIONS
from orchestrator.sandbox.engine import connect, engine_facts, facts_from_info
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.protections import ALWAYS, ALWAYS_ON_AN_ENGINE
from sandbox_image.source import source_digest

SOUND = EngineFacts(
    reachable=True,
    version="30.1.0",
    api_version="1.53",
    runtimes=("io.containerd.runc.v2", "runc", "runsc"),
    default_runtime="runc",
    cgroup_version="2",
    memory_limit=True,
    swap_limit=True,
    pids_limit=True,
    cpu_quota=True,
    security_options=("name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"),
    root_dir="/var/lib/docker",
    image_id="sha256:" + "1" * 64,
    image_source="digest",
    gpu_runtime=False,
)
MODELS = {"seed": "lab:seed", "candidates": {"a": "lab:a"}}


def flawed(**flaw: object) -> EngineFacts:
    return dataclasses.replace(SOUND, **flaw)  # type: ignore[arg-type]


def config(**sections: object) -> RunConfig:
    return parse_config({"name": "t", "models": MODELS, **sections}, source="test")


def judged(facts: EngineFacts, chosen: RunConfig | None = None) -> dict[str, doctor.Check]:
    return {
        check.name: check
        for check in [doctor.check_engine(facts), *doctor.judge_engine(facts, chosen, source="digest")]
    }


def test_a_sound_engine_has_nothing_to_mend() -> None:
    assert {check.state for check in judged(SOUND).values()} == {"ok"}


@pytest.mark.parametrize(
    ("flaw", "name", "state", "remedy"),
    [
        ({"version": "19.03.15"}, "engine", "missing", "20.10"),
        ({"version": "20.10.24+dfsg1"}, "engine", "warn", "security updates"),
        ({"version": ""}, "engine", "missing", "20.10"),
        ({"image_id": ""}, "image", "missing", "make image"),
        ({"image_source": "older"}, "image", "missing", "make image"),
        ({"security_options": ("name=apparmor",)}, "seccomp", "missing", "CONFIG_SECCOMP_FILTER"),
        ({"security_options": ("name=seccomp",)}, "apparmor", "warn", "apparmor=1"),
        ({"memory_limit": False}, "cgroups", "missing", "memory"),
        ({"pids_limit": False}, "cgroups", "missing", "pids"),
        ({"cpu_quota": False}, "cgroups", "missing", "cpu"),
        ({"swap_limit": False}, "cgroups", "warn", "swapaccount=1"),
    ],
)
def test_each_flaw_is_named_with_its_remedy(flaw: dict[str, object], name: str, state: str, remedy: str) -> None:
    check = judged(flawed(**flaw))[name]
    assert check.state == state
    assert remedy in check.remedy


def test_one_flaw_does_not_colour_the_other_checks() -> None:
    states = {name: check.state for name, check in judged(flawed(pids_limit=False)).items()}
    assert [name for name, state in states.items() if state != "ok"] == ["cgroups"]


def test_a_runtime_that_the_engine_lacks_is_missing() -> None:
    assert judged(SOUND, config(container={"runtime": "kata"}))["runtime"].state == "missing"


def test_a_runtime_that_the_engine_has_is_in_order() -> None:
    assert judged(SOUND, config(container={"runtime": "runsc"}))["runtime"].state == "ok"


def test_another_image_than_the_one_insisted_on_is_missing() -> None:
    check = judged(SOUND, config(image={"digest": "sha256:" + "2" * 64}))["image"]
    assert check.state == "missing"
    assert "2" * 64 in check.found


@pytest.mark.parametrize(
    ("device", "gpu", "state"),
    [("cuda", False, "missing"), ("cuda", True, "ok"), ("cpu", False, "ok")],
)
def test_a_gpu_is_missing_only_where_one_is_asked_for(device: str, gpu: bool, state: str) -> None:
    assert judged(flawed(gpu_runtime=gpu), config(device=device))["gpu"].state == state


def test_every_check_that_is_not_ok_says_how_to_mend_it() -> None:
    worst = flawed(version="1.0", security_options=(), memory_limit=False, image_id="", runtimes=())
    checks = judged(worst, config(device="cuda")).values()
    assert [check.name for check in checks if check.state != "ok" and not check.remedy] == []
    assert sum(check.state != "ok" for check in checks) >= 6


def test_without_an_engine_only_the_rest_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/dead.sock")
    checks = {check.name: check for check in doctor.diagnose(None)}
    assert checks["engine"].state == "missing"
    assert "DOCKER_HOST" in checks["engine"].remedy
    assert "seccomp" not in checks
    assert "disk: cache" in checks


def test_a_full_disk_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FREE_NEEDED", 1 << 62)
    monkeypatch.setattr(doctor, "FREE_WANTED", 1 << 62)
    assert doctor.check_disk("runs", tmp_path / "not" / "there" / "yet").state == "missing"


def test_a_cuda_run_needs_an_engine_s_gpu_from_either_way_of_giving_one() -> None:
    runtime = {"Runtimes": {"nvidia": {}, "runc": {}}}
    cdi = {"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]}
    neither = {"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"Source": "cdi", "ID": "vendor.com/net=0"}]}
    found = [
        facts_from_info(i, api_version="1", image_id="", image_source="").gpu_runtime for i in (runtime, cdi, neither)
    ]
    assert found == [True, True, False]


def test_what_an_engine_does_not_mention_counts_as_absent() -> None:
    facts = facts_from_info({}, api_version="", image_id="", image_source="")
    assert not any((facts.memory_limit, facts.pids_limit, facts.cpu_quota, facts.seccomp, facts.apparmor))


def test_a_lab_that_is_not_made_is_only_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    check = doctor.check_lab()
    assert check.state == "warn"
    assert "make lab" in check.remedy


@pytest.mark.parametrize("address", ["unix:///nowhere/engine.sock", "tcp://127.0.0.1:1", "nonsense://x"])
def test_an_engine_that_does_not_answer_is_one_message(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(PreflightError, match=f"no container engine answers at {address}") as caught:
        connect()
    assert "unset DOCKER_HOST" in caught.value.remedy


@pytest.mark.docker
def test_this_machine_s_engine_can_contain_programs() -> None:
    checks = {check.name: check for check in doctor.diagnose(None)}
    assert {name: checks[name].state for name in ("seccomp", "cgroups", "runtime")} == {
        "seccomp": "ok",
        "cgroups": "ok",
        "runtime": "ok",
    }


@pytest.fixture(scope="module")
def protections() -> dict[str, doctor.Check]:
    """What the doctor says of this machine's protections, for a configuration that requires two in vain."""
    required = config(require=["landlock", "gvisor", "rootless-engine"])
    checks = doctor.check_protections(engine_facts(required.image.name), required)
    return {check.name.removeprefix(doctor.PROTECTION): check for check in checks}


@pytest.mark.docker
def test_every_protection_has_a_row_and_what_is_not_in_effect_says_what_to_do(
    protections: dict[str, doctor.Check],
) -> None:
    assert list(protections) == list(PROTECTIONS)
    assert {check.state for check in protections.values()} <= {"in effect", "not offered", "missing"}
    assert [name for name, check in protections.items() if check.state != "in effect" and not check.remedy] == []


@pytest.mark.docker
def test_this_machine_s_engine_has_what_is_always_required(protections: dict[str, doctor.Check]) -> None:
    assert {protections[name].state for name in ALWAYS | ALWAYS_ON_AN_ENGINE} == {"in effect"}


@pytest.mark.docker
def test_a_protection_that_is_required_and_not_offered_fails_and_one_that_nobody_asked_for_does_not(
    protections: dict[str, doctor.Check],
) -> None:
    assert protections["rootless-engine"].state == "not offered"
    assert protections["rootless-engine"].fails
    assert protections["cdi"].state == "not offered"
    assert not protections["cdi"].fails


@pytest.mark.docker
def test_a_probe_that_cannot_be_started_is_one_row() -> None:
    facts = dataclasses.replace(engine_facts(), image_id="sha256:" + "0" * 64)
    (row,) = doctor.check_protections(facts, None)
    assert (row.name, row.state) == ("protections", "missing")
    assert row.fails


@pytest.mark.docker
def test_the_image_here_was_built_from_these_sources() -> None:
    assert engine_facts().image_source == source_digest(Path(__file__).resolve().parents[1])


@pytest.mark.docker
def test_the_image_holds_python_and_no_other_program() -> None:
    script = "import os, json; print(json.dumps(sorted(os.listdir('/usr/bin') + os.listdir('/usr/sbin'))))"
    assert set(json.loads(in_image(script))) <= {"python3", "python3.11"}


@pytest.mark.docker
def test_the_image_has_no_setuid_file_and_nothing_that_its_user_may_write() -> None:
    script = (
        "import os, json; found = []\n"
        "for folder, _, names in os.walk('/'):\n"
        "    if folder.startswith(('/proc', '/sys', '/dev')): continue\n"
        "    for path in (os.path.join(folder, n) for n in names):\n"
        "        s = os.lstat(path)\n"
        "        if not os.path.islink(path) and (s.st_mode & 0o6002 or s.st_uid): found.append(path)\n"
        "print(json.dumps(found))"
    )
    assert json.loads(in_image(script)) == []


@pytest.mark.docker
def test_the_image_s_sources_are_compiled_already() -> None:
    script = "import sandbox_image.protocol as p, os; print(os.path.exists(p.__cached__))"
    assert in_image(script).strip() == "True"


def in_image(script: str) -> str:
    """Run a script of ours in the sandbox image, without network, and return what it printed."""
    client = connect()
    try:
        output = client.containers.run(
            engine_facts().image_id, ["python3", "-B", "-c", script], network_mode="none", read_only=True, remove=True
        )
        return bytes(output).decode()
    finally:
        client.close()
