"""The end of a container in the real bubblewrap: what a stop, a failure or a kill leaves; and who may contain."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.candidate import Ran
from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.models import MergeInputs
from orchestrator.sandbox.bubblewrap import BubblewrapSandbox
from orchestrator.sandbox.bubblewrap import container as container_module
from orchestrator.sandbox.bubblewrap import sandbox as sandbox_module
from orchestrator.sandbox.leftovers import reap
from orchestrator.sandbox.output import discard_output
from orchestrator.sandbox.settings import Order
from orchestrator.stages.run import discard
from tests.commands import ROOT
from tests.sandbox.wrapped import (
    MEAN,
    SLEEP,
    another,
    cgroups_left,
    children,
    run,
)

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: `make bubblewrap`")


@pytest.fixture(scope="module")
def sandbox(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BubblewrapSandbox]:
    with another(tiny_config, tiny_inputs, tmp_path_factory.mktemp("sandbox") / "work") as opened:
        yield opened


# -- nothing stays behind -----------------------------------------------------------------------------


def test_leaving_the_sandbox_removes_what_waits_for_work(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    before, files = children(), len(os.listdir("/proc/self/fd"))
    with another(tiny_config, tiny_inputs, tmp_path / "work") as sandbox:
        sandbox.expect(5)
        ran = run(MEAN, sandbox, tiny_inputs)
        assert isinstance(ran, Ran)
        discard_output(ran.output)
        assert children() > before
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) == files
    assert list((tmp_path / "work").iterdir()) == []
    assert [name for name in cgroups_left() if f".{os.getpid()}." in name] == []


def test_a_container_outlives_the_thread_that_asked_for_it(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    with another(tiny_config, tiny_inputs, tmp_path / "work") as sandbox:
        thread = threading.Thread(target=lambda: sandbox.look(tiny_inputs.tensors))
        thread.start()
        thread.join()
        ran = run(MEAN, sandbox, tiny_inputs)
        assert isinstance(ran, Ran)
        discard(ran)


def never(*_: Any, **__: Any) -> Any:
    raise subprocess.TimeoutExpired("x", 1.0)


def test_a_process_that_outlives_its_kill_is_the_sandboxs_failure_and_can_be_ended_later(
    sandbox: BubblewrapSandbox, tiny_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = idle(sandbox, tiny_config)
    with monkeypatch.context() as patched:
        patched.setattr(subprocess.Popen, "wait", never)
        with pytest.raises(SandboxError, match="outlived"):
            container.remove()
    with monkeypatch.context() as patched:
        patched.setattr(container, "_init_is_gone", lambda _: False)
        with pytest.raises(SandboxError, match="first process outlived"):
            container.remove()
    assert container._process is not None
    container.remove()
    assert container._process is None


def test_bounding_that_takes_too_long_is_the_sandboxs_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(SandboxError, match="not bounded within"):
        container_module.BubblewrapContainer._bound_from_outside({})


def test_leaving_waits_only_so_long_for_what_was_started(
    sandbox: BubblewrapSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_module, "KILL_SECONDS", 0.01)
    with subprocess.Popen(["sleep", "600"]) as process:
        monkeypatch.setattr(sandbox, "_started", {process})
        with monkeypatch.context() as patched:
            patched.setattr(process, "kill", lambda: None)
            with pytest.raises(SandboxError, match="outlived"):
                sandbox._remove_all()
        sandbox._remove_all()


@pytest.mark.parametrize("step", ["_held", "_spawn"])
def test_a_start_that_fails_leaks_no_descriptor(
    step: str, sandbox: BubblewrapSandbox, tiny_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise OSError("refused")

    monkeypatch.setattr(container_module if step == "_held" else sandbox, step, refuse)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(SandboxError, match="refused"):
        idle(sandbox, tiny_config)
    assert len(os.listdir("/proc/self/fd")) == before


def idle(sandbox: BubblewrapSandbox, config: RunConfig) -> container_module.BubblewrapContainer:
    """Start a container that has nothing to do."""
    order = Order(
        module="protocol",
        image_id=sandbox._image_id,
        uid=65534,
        inputs=(),
        output=None,
        file_bytes=0,
        walls=True,
        labels={},
    )
    return container_module.BubblewrapContainer.start(sandbox._host, order, config, sandbox._spawn)


def test_stopping_ends_a_run_at_once_and_blames_nobody(
    tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    errors: list[BaseException] = []
    started = threading.Event()

    def target() -> None:
        try:
            run(
                SLEEP,
                sandbox,
                tiny_inputs,
                observe=lambda kind, _: started.set() if kind == "sandbox.started" else None,
            )
        except BaseException as error:  # noqa: BLE001  (shown by the assertion)
            errors.append(error)

    with another(tiny_config, tiny_inputs, tmp_path / "work", timeout_seconds=300.0) as sandbox:
        thread = threading.Thread(target=target)
        thread.start()
        assert started.wait(60)
        begun = time.monotonic()
        sandbox.stop()
        thread.join(20)
        assert time.monotonic() - begun < 10
    assert [type(error) for error in errors] == [SandboxError], errors


SCRIPT = """
import os, signal, sys
from pathlib import Path
from orchestrator.candidate import Proposed, Unchecked, source_digest
from orchestrator.config import parse_config
from orchestrator.models import resolve_inputs
from orchestrator.sandbox.bubblewrap import BubblewrapSandbox
from orchestrator.stages.run import run_program

seed, other, work, source, end = sys.argv[1:]
config = parse_config({"name": "t", "models": {"seed": seed, "candidates": {"add": other}},
                       "container": {"memory_mb": 512, "timeout_seconds": 300}}, source="t")
inputs = resolve_inputs(Path(seed), {"add": Path(other)}, ("*.mlp.*",))

def observe(kind, data):
    if kind == "sandbox.started" and end == "killed":
        print(next(iter(sandbox._fleet._live)).pid, os.getpid(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

with BubblewrapSandbox(config, mounts=inputs.mounts, run_id="killed", work_dir=Path(work)) as sandbox:
    done = run_program(
        Unchecked(proposed=Proposed(id="x", iteration=1, index=0, source=source, digest=source_digest(source))),
        sandbox=sandbox, inputs=inputs, seed=0, device="cpu", profile="strict", observe=observe)
    print(type(done).__name__, sandbox.describe()["user"], getattr(done, "detail", ""))
"""


def test_what_a_killed_orchestrator_left_dies_with_it_and_is_removed_by_the_next(
    tiny_models: dict[str, Path], tiny_config: RunConfig, tiny_inputs: MergeInputs, tmp_path: Path
) -> None:
    work = tmp_path / "killed"
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tiny_models["seed"]), str(tiny_models["add"]), str(work), SLEEP, "killed"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert killed.returncode == -9, killed.stderr
    init, owner = map(int, killed.stdout.split())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{init}/root/proc").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{init}/root/proc").exists()
    assert list(work.glob("output-*"))
    with another(tiny_config, tiny_inputs, tmp_path / "alive") as sandbox:
        assert not list(work.glob("output-*"))
        assert [name for name in cgroups_left() if f".{owner}." in name] == []
        sandbox.look(tiny_inputs.tensors)
        mine = [name for name in cgroups_left() if f".{os.getpid()}." in name]
        reap(engine=False)
        assert [name for name in cgroups_left() if f".{os.getpid()}." in name] == mine


ORDINARY = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
prefix, uid, env = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
assert libc.unshare(0x20000) == 0
assert libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None) == 0
assert libc.mount(prefix.encode(), b"/mnt", None, 0x1000 | 0x4000, None) == 0
os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
os.execve("/mnt/bin/python3", ["/mnt/bin/python3", *sys.argv[4:]], env)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_can_contain_programs_too(
    tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With a Python that this user may read, as everybody's own is."""
    import torch

    if hidden := [str(path) for path in (ROOT, Path(torch.__file__)) if not readable(path)]:
        pytest.skip(f"other users may not walk to {', '.join(hidden)}")
    uid, folder = 54_321, Path("/var/tmp") / f"assay-test-{os.getpid()}"  # noqa: S108  (others must reach it)
    for name in ("seed", "add"):
        shutil.copytree(tiny_models[name], folder / name)
    subprocess.run(["chown", "-R", str(uid), str(folder)], check=True)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONHOME": "/mnt",
        "LD_LIBRARY_PATH": "/mnt/lib",
        "PYTHONPATH": f"{ROOT}:{Path(torch.__file__).parents[1]}",
        "OMP_NUM_THREADS": "1",
    }
    run_it = [*(str(folder / name) for name in ("seed", "add", "work")), MEAN.replace(" / 3", ""), "well"]
    try:
        done = subprocess.run(
            [sys.executable, "-c", ORDINARY, sys.base_prefix, str(uid), json.dumps(env), "-c", SCRIPT, *run_it],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd="/",
        )
    finally:
        shutil.rmtree(folder)
    assert done.stdout.startswith(f"Ran uid {uid}, the orchestrator's own"), done.stdout + done.stderr


def readable(path: Path) -> bool:
    """Whether others may walk there."""
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)
