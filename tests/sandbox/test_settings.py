"""What is asked of the engine, and that every difference in what it grants is named."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import PreflightError
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.settings import (
    Order,
    container_request,
    differences,
    environment,
    recorded,
    require_engine,
    runtime_of,
    seccomp_digest,
    seccomp_profile,
)

FACTS = EngineFacts(
    reachable=True,
    runtimes=("runc",),
    default_runtime="runc",
    memory_limit=True,
    swap_limit=True,
    pids_limit=True,
    cpu_quota=True,
    security_options=("name=seccomp,profile=default",),
)
ORDER = Order(
    module="runner",
    image_id="sha256:abc",
    uid=1_500_000_000,
    inputs=((Path("/models/seed/model.safetensors"), "/inputs/seed/0.safetensors"),),
    output=Path("/run/output-1"),
    file_bytes=10_000,
    walls=True,
    labels={"assay.run": "test"},
)
FORBIDDEN_CALLS = """
ptrace process_vm_readv process_vm_writev pidfd_open name_to_handle_at open_by_handle_at socket socketpair connect
personality memfd_secret memfd_create mknod mknodat modify_ldt vmsplice splice tee shmget shmat msgget semget mq_open
sched_setattr statmount listmount userfaultfd io_uring_setup bpf keyctl add_key unshare setns mount umount2 pivot_root
chroot init_module kexec_load perf_event_open reboot swapon iopl ioperm setuid setgid setgroups capset link linkat
symlink symlinkat chmod fchmod chown setxattr execveat
"""
FILE_SYSTEM_COMMANDS = (
    0x40305828,  # FS_IOC_RESVSP
    0x4030582A,  # FS_IOC_RESVSP64
    0x4030582B,  # FS_IOC_UNRESVSP64, which punches holes
    0x40305839,  # FS_IOC_ZERO_RANGE
    0x40086602,  # FS_IOC_SETFLAGS
    0x401C5820,  # FS_IOC_FSSETXATTR
    0x40806685,  # FS_IOC_ENABLE_VERITY
    0x40049409,  # FICLONE
)
TERMINAL_INPUT = 0x5412  # TIOCSTI


def config(**container: Any) -> RunConfig:
    return parse_config(
        {"name": "t", "models": {"seed": "s", "candidates": {"a": "x"}}, "container": container}, source="test"
    )


def granted(request: dict[str, Any]) -> dict[str, Any]:
    """What an engine that grants all answers."""
    answer = copy.deepcopy(request)
    host = answer.pop("HostConfig")
    return {"HostConfig": host, "Config": answer, "Image": request["Image"]}


def test_what_was_asked_is_no_difference() -> None:
    request = container_request(ORDER, config(), FACTS)
    assert differences(request, granted(request)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Memory", 0),
        ("MemorySwap", -1),
        ("PidsLimit", None),
        ("NanoCpus", 0),
        ("CapDrop", []),
        ("CapAdd", ["SYS_ADMIN"]),
        ("Privileged", True),
        ("ReadonlyRootfs", False),
        ("NetworkMode", "bridge"),
        ("IpcMode", "shareable"),
        ("PidMode", "host"),
        ("CgroupnsMode", "host"),
        ("SecurityOpt", ["no-new-privileges:true"]),
        ("SecurityOpt", ["no-new-privileges:true", "seccomp=unconfined"]),
        ("Tmpfs", {"/tmp": "rw"}),  # noqa: S108
        ("Tmpfs", {**container_request(ORDER, config(), FACTS)["HostConfig"]["Tmpfs"], "/more": ""}),
        ("PortBindings", {"80/tcp": []}),
        ("Ulimits", []),
        ("Binds", ["/:/host"]),
        ("Devices", [{"PathOnHost": "/dev/mem"}]),
        ("MaskedPaths", []),
        ("Runtime", "other"),
        ("LogConfig", {"Type": "json-file", "Config": {}}),
        ("Init", False),
    ],
)
def test_every_protection_that_is_not_granted_is_named(field: str, value: object) -> None:
    request = container_request(ORDER, config(), FACTS)
    answer = granted(request)
    answer["HostConfig"][field] = value
    assert [line.partition(":")[0] for line in differences(request, answer)] == [f"HostConfig.{field}"]


def test_an_input_mounted_writable_is_named() -> None:
    request = container_request(ORDER, config(), FACTS)
    answer = granted(request)
    answer["HostConfig"]["Mounts"][0]["ReadOnly"] = False
    assert differences(request, answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [("User", "root"), ("Env", ["SECRET=1"]), ("Entrypoint", ["/bin/sh"]), ("Tty", True), ("Volumes", {"/x": {}})],
)
def test_a_changed_command_user_or_environment_is_named(field: str, value: object) -> None:
    request = container_request(ORDER, config(), FACTS)
    answer = granted(request)
    answer["Config"][field] = value
    assert [line.partition(":")[0] for line in differences(request, answer)] == [f"Config.{field}"]


def test_another_image_is_named() -> None:
    request = container_request(ORDER, config(), FACTS)
    assert differences(request, {**granted(request), "Image": "sha256:other"})[0].startswith("Image:")


def test_absent_values_may_be_spelt_in_any_way() -> None:
    request = container_request(ORDER, config(), FACTS)
    answer = granted(request)
    answer["HostConfig"].update(Binds=[], CapAdd=None, Privileged=False, PidMode="", Devices=[], DeviceRequests=None)
    assert differences(request, answer) == []


def test_only_the_output_can_be_written() -> None:
    mounts = container_request(ORDER, config(), FACTS)["HostConfig"]["Mounts"]
    assert [mount["Target"] for mount in mounts if not mount["ReadOnly"]] == ["/output"]


def test_files_cannot_grow_beyond_the_output() -> None:
    limits = {
        entry["Name"]: entry["Hard"] for entry in container_request(ORDER, config(), FACTS)["HostConfig"]["Ulimits"]
    }
    assert limits["fsize"] == ORDER.file_bytes
    assert limits["core"] == 0


def test_swap_adds_nothing_to_memory() -> None:
    host = container_request(ORDER, config(memory_mb=300), FACTS)["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 300 * 2**20


def test_apparmor_is_asked_for_only_where_there_is_one() -> None:
    assert "apparmor=docker-default" not in container_request(ORDER, config(), FACTS)["HostConfig"]["SecurityOpt"]
    confined = EngineFacts(reachable=True, security_options=("name=apparmor", "name=seccomp"))
    assert "apparmor=docker-default" in container_request(ORDER, config(), confined)["HostConfig"]["SecurityOpt"]


def test_nothing_of_the_hosts_environment_goes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    assert "hush" not in json.dumps(container_request(ORDER, config(), FACTS))
    assert "AWS_SECRET_ACCESS_KEY" not in environment(config())


@pytest.mark.parametrize(("walls", "said"), [(True, "1"), (False, "0")])
def test_the_container_is_told_whether_to_put_up_its_walls(walls: bool, said: str) -> None:
    request = container_request(replace(ORDER, walls=walls), config(), FACTS)
    assert f"ASSAY_WALLS={said}" in request["Env"]


def test_the_record_holds_the_profiles_digest_instead_of_its_text() -> None:
    record = recorded(granted(container_request(ORDER, config(), FACTS)))
    assert f"seccomp=sha256:{seccomp_digest()}" in record["SecurityOpt"]
    assert len(json.dumps(record)) < 16 * 1024


def test_the_record_holds_no_floats_and_no_environment_values() -> None:
    text = json.dumps(recorded(granted(container_request(ORDER, config(cpus=0.5), FACTS))))
    assert "PYTHONPATH" in text
    assert "/opt/assay/site" not in text
    assert not any(isinstance(value, float) for value in _leaves(json.loads(text)))


def test_the_filter_denies_by_default() -> None:
    profile = json.loads(seccomp_profile())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {rule["action"] for rule in profile["syscalls"]} == {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"}


@pytest.mark.parametrize("name", FORBIDDEN_CALLS.split())
def test_the_filter_does_not_allow(name: str) -> None:
    rules = json.loads(seccomp_profile())["syscalls"]
    assert name not in {call for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for call in rule["names"]}


def test_the_filter_allows_no_ioctl_that_changes_a_file_or_types_for_a_person() -> None:
    rules = [rule for rule in json.loads(seccomp_profile())["syscalls"] if "ioctl" in rule["names"]]
    conditions = [condition for rule in rules for condition in rule.get("args", [])]
    assert len(conditions) == len(rules)
    assert all(condition["index"] == 1 for condition in conditions)
    for command in (*FILE_SYSTEM_COMMANDS, TERMINAL_INPUT):
        for condition in conditions:
            if condition["op"] == "SCMP_CMP_MASKED_EQ":
                assert command & condition["value"] != condition["valueTwo"]
            else:
                assert condition["op"] == "SCMP_CMP_EQ"
                assert command != condition["value"]


@pytest.mark.parametrize("name", ["seccomp", "prctl", "landlock_create_ruleset", "landlock_restrict_self"])
def test_the_filter_lets_a_process_give_up_rights(name: str) -> None:
    rules = json.loads(seccomp_profile())["syscalls"]
    assert name in {call for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" for call in rule["names"]}


def test_clone_makes_no_namespaces() -> None:
    (rule,) = (rule for rule in json.loads(seccomp_profile())["syscalls"] if rule["names"] == ["clone"])
    assert rule["args"] == [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]


@pytest.mark.parametrize("field", ["memory_limit", "swap_limit", "pids_limit", "cpu_quota"])
def test_an_engine_without_a_limit_is_refused(field: str) -> None:
    with pytest.raises(PreflightError, match="cannot enforce"):
        require_engine(config(), replace(FACTS, **{field: False}))  # type: ignore[arg-type]


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(PreflightError, match="runsc"):
        require_engine(config(runtime="runsc"), FACTS)


def cuda(**container: Any) -> RunConfig:
    return config(**container).model_copy(update={"device": "cuda"})


def test_cuda_without_a_gpu_on_the_engine_is_refused_before_anything_starts() -> None:
    with pytest.raises(PreflightError, match="nvidia"):
        require_engine(cuda(), FACTS)


def test_cuda_asks_for_one_gpu_through_the_nvidia_runtime() -> None:
    facts = EngineFacts(reachable=True, runtimes=("nvidia", "runc"), default_runtime="runc", gpu_runtime=True)
    request = container_request(ORDER, cuda(gpu="GPU-1"), facts)
    assert runtime_of(cuda(), facts) == "nvidia"
    assert request["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == ["GPU-1"]
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in request["Env"]


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]
