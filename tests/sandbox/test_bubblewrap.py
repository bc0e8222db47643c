"""The sandbox in the real bubblewrap: what a program gets, how it is bounded, and that nothing stays behind."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.candidate import Ran, Reason, Rejection, source_digest
from orchestrator.config import RunConfig
from orchestrator.errors import PreflightError, SandboxError
from orchestrator.ledger.events import EVENT_TYPES
from orchestrator.models import MergeInputs
from orchestrator.sandbox.bubblewrap import BubblewrapSandbox, require_bubblewrap
from orchestrator.sandbox.bubblewrap import container as container_module
from orchestrator.sandbox.bubblewrap import sandbox as sandbox_module
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.output import read_tensor
from orchestrator.session import open_session
from orchestrator.stages.run import discard
from sandbox_image.protocol import ScreenJob
from tests.sandbox.wrapped import (
    FORKS,
    HOG,
    MEAN,
    SEEDED,
    SLEEP,
    another,
    run,
    told,
)

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: `make bubblewrap`")


@pytest.fixture(scope="module")
def sandbox(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BubblewrapSandbox]:
    with another(tiny_config, tiny_inputs, tmp_path_factory.mktemp("sandbox") / "work") as opened:
        yield opened


@pytest.fixture(scope="module")
def outer(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BubblewrapSandbox]:
    """The outer wall alone: what bubblewrap itself shows and permits."""
    with another(tiny_config, tiny_inputs, tmp_path_factory.mktemp("outer") / "work", walls=False) as opened:
        yield opened


@pytest.fixture
def rlimits(monkeypatch: pytest.MonkeyPatch, tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path) -> Any:
    """One whose user may make no cgroup; without the inner wall, which would stop a program before a limit does."""
    monkeypatch.setattr(sandbox_module, "places", lambda: iter(()))
    with another(tiny_config, tiny_inputs, tmp_path / "work", walls=False) as opened:
        yield opened


# -- a run --------------------------------------------------------------------------------------------


def test_a_run_ends_with_a_receipt_of_what_the_host_saw(sandbox: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    ran = run(MEAN, sandbox, tiny_inputs)
    assert isinstance(ran, Ran)
    receipt = ran.receipt
    assert (receipt.exit_code, receipt.timed_out, receipt.oom_killed, receipt.truncated) == (0, False, False, False)
    assert 0 < receipt.wall_seconds < 5
    assert receipt.stdout.startswith("hello \\x1b[31m\n")
    discard(ran)


@pytest.mark.docker
def test_the_same_program_gives_the_same_bytes_as_on_the_engine(
    sandbox: BubblewrapSandbox, docker_sandbox: DockerSandbox, tiny_inputs: MergeInputs
) -> None:
    written = []
    for place in (sandbox, docker_sandbox):
        ran = run(SEEDED, place, tiny_inputs)
        assert isinstance(ran, Ran)
        written.append([bytes(read_tensor(ran.output, spec)) for spec in tiny_inputs.tensors])
        discard(ran)
    assert written[0] == written[1]


def test_every_record_says_bubblewrap_and_fits_the_ledger(sandbox: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    events: list[tuple[str, Mapping[str, Any]]] = []
    ran = run(MEAN, sandbox, tiny_inputs, observe=lambda kind, data: events.append((kind, data)))
    assert isinstance(ran, Ran)
    discard(ran)
    assert [kind for kind, _ in events] == ["sandbox.created", "sandbox.started", "sandbox.exited"]
    assert events[0][1]["sandbox"] == sandbox.describe()["sandbox"] == "bubblewrap"
    for kind, data in events:
        assert set(data) <= set(EVENT_TYPES[kind].keys)
        json.dumps(data, allow_nan=False)
        assert not any(isinstance(leaf, float) for leaf in leaves(data))
    assert not any(isinstance(leaf, float) for leaf in leaves(sandbox.describe()))


def test_the_digest_is_that_of_what_the_record_says_is_bound(sandbox: BubblewrapSandbox) -> None:
    described = sandbox.describe()
    text = json.dumps(described["bound"], sort_keys=True, separators=(",", ":"))
    assert described["image_id"] == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert described["bound"]["packages"].keys() >= {"torch", "RestrictedPython"}


# -- what a program sees ------------------------------------------------------------------------------


def test_the_program_sees_none_of_the_hosts_environment(
    sandbox: BubblewrapSandbox, tiny_inputs: MergeInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_CANARY", "canary-value")
    seen = told("dict(__import__('os').environ)", sandbox, tiny_inputs)
    assert "PYTHONPATH" in seen
    assert "canary" not in seen


def test_each_container_has_a_user_of_its_own(sandbox: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    seen = {told("__import__('os').getuid()", sandbox, tiny_inputs) for _ in range(2)}
    assert len(seen) == (2 if os.geteuid() == 0 else 1)


def test_the_root_holds_python_our_two_packages_and_nothing_of_the_host(
    outer: BubblewrapSandbox, tiny_inputs: MergeInputs
) -> None:
    expression = "[sorted(__import__('os').listdir(p)) for p in ('/', '/opt/assay', '/usr', '/usr/local/bin', '/dev')]"
    seen = told(expression, outer, tiny_inputs)
    top = ["dev", "inputs", "lib", "lib64", "opt", "output", "proc", "tmp", "usr"]
    assert str(top) in seen
    assert "['policies', 'sandbox_image', 'site'], ['lib', 'local'], ['python3']" in seen
    assert "['full', 'null', 'random', 'urandom', 'zero']" in seen


def test_nothing_but_tmp_and_the_output_can_be_written(outer: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    source = """import os
def merge_models(model_dict, device):
    made = []
    for folder, _, _ in os.walk('/'):
        try:
            os.close(os.open(folder + '/x', os.O_CREAT | os.O_WRONLY))
            made.append(folder)
        except OSError:
            pass
    raise ValueError(made)
"""
    outcome = run(source, outer, tiny_inputs)
    assert isinstance(outcome, Rejection)
    assert "ValueError: ['/tmp']" in outcome.detail


def test_no_descriptor_of_ours_comes_along(outer: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    own = "sorted(p.split(':')[0] for p in [__import__('os').path.realpath('/proc/self/fd/' + f) for f in __import__('os').listdir('/proc/self/fd')])"  # noqa: E501
    seen = told(own, outer, tiny_inputs)
    assert "seccomp" not in seen
    assert seen.count("pipe") <= 3


# -- limits -------------------------------------------------------------------------------------------


def test_the_deadline_is_the_hosts(
    sandbox: BubblewrapSandbox, tiny_inputs: MergeInputs, tiny_config: RunConfig
) -> None:
    outcome = run(SLEEP, sandbox, tiny_inputs)
    assert isinstance(outcome, Rejection)
    assert outcome.reason is Reason.TIMEOUT
    assert outcome.receipt is not None
    limit = tiny_config.container.timeout_seconds
    assert limit <= outcome.receipt.wall_seconds <= limit + 2


def test_more_memory_than_allowed_is_out_of_memory(outer: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    outcome = run(HOG, outer, tiny_inputs)
    assert isinstance(outcome, Rejection)
    assert outcome.reason is Reason.OUT_OF_MEMORY


def test_a_daemon_is_counted_and_gone(outer: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    daemon = (
        "import os, time\n\n\ndef merge_models(model_dict, device):\n    if os.fork() == 0:\n        time.sleep(600)\n"
    )
    outcome = run(daemon + "    return sum(model_dict.values()) / 3\n", outer, tiny_inputs)
    assert isinstance(outcome, Rejection)
    assert outcome.reason is Reason.PROTOCOL
    assert "processes running" in outcome.detail


def test_without_a_cgroup_the_record_says_that_only_rlimits_bound(rlimits: BubblewrapSandbox) -> None:
    described = rlimits.describe()
    assert (described["limits_by"], described["cgroup_version"]) == ("rlimits alone", "")


@pytest.mark.parametrize(("source", "reason"), [(HOG, Reason.OUT_OF_MEMORY), (FORKS, Reason.RUNTIME_ERROR)])
def test_rlimits_bound_a_program_where_no_cgroup_does(
    source: str, reason: Reason, rlimits: BubblewrapSandbox, tiny_inputs: MergeInputs
) -> None:
    outcome = run(source, rlimits, tiny_inputs)
    assert isinstance(outcome, Rejection)
    assert outcome.reason is reason


def test_a_cell_screens_where_only_rlimits_bound(rlimits: BubblewrapSandbox) -> None:
    """Its first child is there before the bounds are set, and must have them all the same."""
    job = ScreenJob(
        id="x",
        source=MEAN,
        program_digest=source_digest(MEAN),
        profile="strict",
        guarded=False,
        seed=0,
        candidate_names=("add", "sub", "mul"),
        timeout_seconds=4.0,
    )
    (result,) = rlimits.screen([job], lambda *_: None)
    assert (result.fault, len(result.fingerprint)) == (None, 64)


def test_a_daemon_is_counted_without_a_cgroup(rlimits: BubblewrapSandbox, tiny_inputs: MergeInputs) -> None:
    test_a_daemon_is_counted_and_gone(rlimits, tiny_inputs)


# -- asked is effective -------------------------------------------------------------------------------


def leave_out(*arguments: str) -> Callable[[dict[str, Any]], None]:
    def change(spec: dict[str, Any]) -> None:
        command = spec["command"]
        size = len(arguments)
        at = next(at for at in range(len(command)) if command[at : at + size] == list(arguments))
        del command[at : at + size]

    return change


def writable_inputs(spec: dict[str, Any]) -> None:
    command = spec["command"]
    at = next(index for index, word in enumerate(command) if word.startswith("/inputs/"))
    command[at - 2] = "--bind"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (leave_out("--seccomp", "3"), "filters: asked [1, 2], effective [0, 1]"),
        (leave_out("--remount-ro", "/dev"), "writable_mounts"),
        (lambda spec: spec["command"].__setitem__(slice(1, 2), ["--unshare-all", "--share-net"]), "own_namespaces"),
        (leave_out("--hostname", "sandbox"), ""),
        (writable_inputs, "/inputs/"),
        (lambda spec: spec["rlimits"].pop("RLIMIT_NOFILE"), "limits.Max open files"),
        (lambda spec: spec["cgroups"].clear(), "cgroup.pids.max"),
        (lambda spec: spec.update(tmpfs="size=64m,mode=1777"), "tmp"),
    ],
    ids=["seccomp", "dev", "network", "nothing", "inputs", "nofile", "cgroup", "tmpfs"],
)
def test_what_is_not_in_effect_is_named_and_refuses_the_start(
    change: Callable[[dict[str, Any]], None],
    field: str,
    sandbox: BubblewrapSandbox,
    tiny_inputs: MergeInputs,
    monkeypatch: pytest.MonkeyPatch,
    tiny_config: RunConfig,
    tmp_path: Path,
) -> None:
    if field.startswith("cgroup") and not sandbox.describe()["cgroup_version"]:
        pytest.skip("this user may make no cgroup: run as root, or with a delegated one")
    original = container_module.request

    def tampered(order: Any, *arguments: Any, **named: Any) -> Any:
        made = original(order, *arguments, **named)
        spec = json.loads(json.dumps(made.spec))
        if order.module == "runner":
            change(spec)
        return dataclasses.replace(made, spec=spec)

    with another(tiny_config, tiny_inputs, tmp_path / "work") as fresh:
        monkeypatch.setattr(container_module, "request", tampered)
        if not field:  # the control: what makes no difference refuses nothing
            assert fresh.look(tiny_inputs.tensors).kernel is not None
            return
        with pytest.raises(SandboxError, match="did not grant") as refused:
            fresh.look(tiny_inputs.tensors)
        assert field in str(refused.value)
    assert list((tmp_path / "work").iterdir()) == []


# -- refused beforehand -------------------------------------------------------------------------------


def test_a_machine_without_bubblewrap_is_refused_with_the_remedy(
    tiny_config: RunConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError, match="make bubblewrap"):
        require_bubblewrap(tiny_config)


def test_a_gpu_is_refused(tiny_config: RunConfig) -> None:
    with pytest.raises(PreflightError, match="hands no GPU in"):
        require_bubblewrap(tiny_config.model_copy(update={"device": "cuda"}))


def test_another_digest_than_the_one_insisted_on_is_refused(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    image = tiny_config.image.model_copy(update={"digest": "sha256:" + "0" * 64})
    config = tiny_config.model_copy(update={"image": image})
    with pytest.raises(PreflightError, match="expected sha256:0000"):
        another(config, tiny_inputs, tmp_path / "work").__enter__()


def test_a_host_that_refuses_user_namespaces_is_named(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = tmp_path / "bin" / "bwrap"
    refusing.parent.mkdir()
    refusing.write_text("#!/bin/sh\n[ $1 = --version ] && echo bubblewrap 0 && exit\necho no namespaces >&2; exit 1\n")
    refusing.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        if not folder.stat().st_mode & 0o001:
            monkeypatch.setattr(sandbox_module, "is_root", lambda: False)
    monkeypatch.setenv("PATH", f"{refusing.parent}:{os.environ['PATH']}")
    with pytest.raises(PreflightError, match="cannot contain programs on this host"):
        another(tiny_config, tiny_inputs, tmp_path / "work").__enter__()


def test_a_session_without_any_engine_runs_in_bubblewrap(
    tiny_config: RunConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    config = tiny_config.model_copy(update={"sandbox": "bubblewrap"})
    with open_session(config, tmp_path / "run") as session:
        assert isinstance(session.sandbox, BubblewrapSandbox)
        ran = run(MEAN, session.sandbox, session.inputs)
        assert isinstance(ran, Ran)
        discard(ran)


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value
