"""The platform's faults, for real: an engine of the tests' own is killed, stopped, filled up, starved.

Whatever happens to it, a program is tried again and never blamed. Where the platform does not recover, the
run ends with what happened and what to do.

Longer than others: what breaks an engine, and what each case expects of it, are read together.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.candidate import Proposed, Ran, Reason, Rejection, Unchecked, source_digest
from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.ledger.form import require_form
from orchestrator.models import MergeInputs
from orchestrator.sandbox.base import ScreenResult
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.engine_life import wait_for_engine
from orchestrator.sandbox.leases import leases
from orchestrator.stages.run import discard, run_program
from sandbox_image.protocol import ScreenJob
from tests.engine import PrivateEngine

pytestmark = [
    pytest.mark.docker,
    # docker-py leaves a socket to the garbage collector wherever it finds nobody listening.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

MEAN = "def merge_models(model_dict, device):\n    return sum(model_dict.values()) / 3\n"
SLOW = "import time\n\n\ndef begin():\n    time.sleep(1.5)\n\n\nbegin()\n\n\n" + MEAN
HUNGRY = "import torch\n\nkept = torch.ones({megabytes} * 2**18)\n\n\n" + MEAN
SPARE_BYTES = 32 * 2**20  # of a host that is short of memory
UNDER_WAY_SECONDS = 0.6  # after a program was handed over it is asleep, and stays so
SECONDS = 20.0
EXIT_INFO_SINCE = (6, 15)  # Linux: how a process ended, for whoever holds a pidfd

Event = tuple[str, Mapping[str, Any]]


class Bench:
    """One sandbox on the tests' own engine, programs to run in it, and what it told its observer."""

    def __init__(self, sandbox: DockerSandbox, inputs: MergeInputs, propose: Callable[[str], Proposed]) -> None:
        self.sandbox = sandbox
        self.events: list[Event] = []
        self.on: dict[str, Callable[[], None]] = {}  # event type -> what to do when it comes first
        self._inputs = inputs
        self._propose = propose

    def run(self, source: str) -> Ran | Rejection:
        return run_program(
            Unchecked(proposed=self._propose(source)),
            sandbox=self.sandbox,
            inputs=self._inputs,
            seed=0,
            device="cpu",
            profile="strict",
            observe=self._observe,
        )

    def runs(self, source: str) -> None:
        """Run it, and see it merge."""
        outcome = self.run(source)
        assert isinstance(outcome, Ran), outcome
        discard(outcome)

    def screen(self, sources: Sequence[str]) -> list[ScreenResult]:
        jobs = [
            ScreenJob(
                id=f"x-{number}",
                source=source,
                program_digest=source_digest(source),
                profile="strict",
                seed=0,
                candidate_names=("add", "sub", "mul"),
                timeout_seconds=SECONDS,
                guarded=False,
            )
            for number, source in enumerate(sources)
        ]
        return list(self.sandbox.screen(jobs, self._observe))

    @property
    def faults(self) -> list[str]:
        return [data["what"] for kind, data in self.events if kind == "sandbox.faulted"]

    def _observe(self, kind: str, data: Mapping[str, Any]) -> None:
        require_form(kind, data)
        self.events.append((kind, data))
        if (act := self.on.pop(kind, None)) is not None:
            act()

    def under_way(self, act: Callable[[], None]) -> None:
        """Do this while the next program is at work."""
        timer = threading.Timer(UNDER_WAY_SECONDS, act)
        timer.daemon = True
        self.on["sandbox.started"] = timer.start


Open = Callable[..., contextlib.AbstractContextManager[Bench]]


@pytest.fixture
def opened(
    own_engine: PrivateEngine,
    tiny_config: RunConfig,
    tiny_inputs: MergeInputs,
    propose: Callable[[str], Proposed],
    tmp_path: Path,
) -> Open:
    """Open a bench; container settings as keywords."""

    @contextlib.contextmanager
    def one(*, image_id: str = "", **settings: Any) -> Iterator[Bench]:
        container = tiny_config.container.model_copy(update={"timeout_seconds": SECONDS, **settings})
        with DockerSandbox(
            tiny_config.model_copy(update={"container": container}),
            image_id=image_id or engine_facts(tiny_config.image.name).image_id,
            mounts=tiny_inputs.mounts,
            run_id="faults",
            work_dir=tmp_path / "work",
        ) as sandbox:
            yield Bench(sandbox, tiny_inputs, propose)

    return one


def nothing_is_left(engine: PrivateEngine, tmp_path: Path) -> bool:
    return engine.containers() == [] and leases() == {} and list((tmp_path / "work").iterdir()) == []


# -- an engine that ends ---------------------------------------------------------------------------


def test_a_program_whose_engine_was_killed_is_run_again(
    own_engine: PrivateEngine, opened: Open, tmp_path: Path
) -> None:
    def kill_and_start() -> None:
        own_engine.signal(signal.SIGKILL)
        own_engine.wait()
        own_engine.start()

    with opened() as bench:
        bench.under_way(kill_and_start)
        bench.runs(SLOW)
    assert len(bench.faults) == 1
    assert nothing_is_left(own_engine, tmp_path)


def test_a_program_whose_container_a_stopping_engine_ended_is_not_called_killed(
    own_engine: PrivateEngine, opened: Open, tmp_path: Path
) -> None:
    def stop_and_start() -> None:
        own_engine.signal(signal.SIGTERM)
        own_engine.wait()
        own_engine.start()

    with opened() as bench:
        bench.under_way(stop_and_start)
        bench.runs(SLOW)
    assert len(bench.faults) == 1
    assert nothing_is_left(own_engine, tmp_path)


def test_a_container_that_a_killed_engine_left_behind_does_not_work_on(own_engine: PrivateEngine, opened: Open) -> None:
    with opened() as bench:
        first: list[int] = []

        def kill() -> None:
            first.append(own_engine.first_process(own_engine.containers()[0]))
            own_engine.signal(signal.SIGKILL)

        def start() -> None:
            assert ends(first[0])
            own_engine.wait()
            own_engine.start()

        bench.under_way(kill)
        bench.on["sandbox.faulted"] = start
        bench.runs(SLOW)
        assert first


def test_waiting_for_an_engine_ends_at_once_with_the_run(own_engine: PrivateEngine, opened: Open) -> None:
    stopped: list[float] = []

    def run() -> None:
        with opened() as bench:

            def stop() -> None:
                stopped.append(time.monotonic())
                bench.sandbox.stop()

            bench.under_way(lambda: own_engine.signal(signal.SIGKILL))
            bench.on["sandbox.faulted"] = threading.Timer(1.0, stop).start
            bench.run(SLOW)

    with pytest.raises(SandboxError, match="the sandbox is closed"):
        run()
    assert time.monotonic() - stopped[0] < 1


def test_an_engine_that_stays_away_ends_the_run_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(SandboxError, match=r"for 0\.3 s, no container engine answers") as caught:
        wait_for_engine(lambda: False, seconds=0.3)
    assert caught.value.remedy


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_screen_whose_engine_ends_goes_on_in_a_new_cell(
    number: signal.Signals, own_engine: PrivateEngine, opened: Open, tmp_path: Path
) -> None:
    def end_and_start() -> None:
        own_engine.signal(number)
        own_engine.wait()
        own_engine.start()

    with opened() as bench:
        bench.under_way(end_and_start)
        results = bench.screen([SLOW, MEAN])
    assert [result.fault for result in results] == [None, None]
    assert len(bench.faults) == 1
    assert nothing_is_left(own_engine, tmp_path)


def test_a_cell_that_an_operator_ended_is_no_fault_of_the_program_in_it(
    own_engine: PrivateEngine, opened: Open
) -> None:
    with opened() as bench:
        bench.under_way(lambda: kill_by_engine(own_engine, signal.SIGKILL))
        results = bench.screen([SLOW, MEAN])
    assert [result.fault for result in results] == [None, None]
    assert len(bench.faults) == 1


def test_a_host_short_of_memory_is_no_fault_of_a_program_in_a_cell(own_engine: PrivateEngine, opened: Open) -> None:
    with opened(memory_mb=1024) as bench:
        bench.on["sandbox.started"] = lambda: own_engine.limit_memory(SPARE_BYTES)
        bench.on["sandbox.faulted"] = lambda: own_engine.limit_memory(None)
        results = bench.screen([HUNGRY.format(megabytes=150), MEAN])
    assert [result.fault for result in results] == [None, None]
    assert len(bench.faults) == 1


# -- an engine that refuses ------------------------------------------------------------------------


def test_an_image_that_was_removed_between_programs_is_the_platforms_fault(
    own_engine: PrivateEngine, tiny_config: RunConfig, opened: Open
) -> None:
    with own_engine.client() as client:
        made = client.containers.create(tiny_config.image.name)
        image_id = str(made.commit().id)
        made.remove()
        with opened(image_id=image_id) as bench:
            bench.runs(MEAN)
            client.images.remove(image_id, force=True)
            with pytest.raises(SandboxError, match="is not on the engine any more") as caught:
                bench.run(MEAN)
    assert "make image" in caught.value.remedy
    assert len(bench.faults) == 3


def test_a_full_disk_of_the_engine_is_waited_out(own_engine: PrivateEngine, opened: Open, tmp_path: Path) -> None:
    with opened() as bench:
        own_engine.fill_disk()
        bench.on["sandbox.faulted"] = own_engine.clear_disk
        bench.runs(MEAN)
        assert len(bench.faults) == 1
        own_engine.fill_disk()
        with pytest.raises(SandboxError, match="in 3 attempts") as caught:
            bench.run(MEAN)
        assert "disk" in caught.value.remedy
    own_engine.clear_disk()
    assert nothing_is_left(own_engine, tmp_path)


def test_a_container_that_the_runtime_does_not_start_is_the_platforms_fault(
    own_engine: PrivateEngine, opened: Open, tmp_path: Path
) -> None:
    with opened(runtime="broken") as bench, pytest.raises(SandboxError, match="cannot be started"):
        bench.run(MEAN)
    assert len(bench.faults) == 3
    assert nothing_is_left(own_engine, tmp_path)


# -- containers that others end --------------------------------------------------------------------


def test_containers_that_died_while_they_waited_are_replaced(own_engine: PrivateEngine, opened: Open) -> None:
    with opened() as bench:
        bench.sandbox.expect(4)
        bench.runs(MEAN)
        waiting = ready(own_engine, 2)
        kill_all(own_engine)
        bench.runs(MEAN)
        used = {data["container_id"] for kind, data in bench.events if kind == "sandbox.started"}
        assert not used & set(waiting)
    assert bench.faults == []


def test_a_container_that_dies_as_it_is_handed_its_program_is_replaced(own_engine: PrivateEngine, opened: Open) -> None:
    with opened() as bench:
        bench.on["sandbox.started"] = lambda: kill_all(own_engine)
        bench.runs(MEAN)
    assert len(bench.faults) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_container_that_an_operator_ended_is_no_fault_of_its_program(
    number: signal.Signals, own_engine: PrivateEngine, opened: Open
) -> None:
    with opened() as bench:
        bench.under_way(lambda: kill_by_engine(own_engine, number))
        bench.runs(SLOW)
    assert len(bench.faults) == 1


@pytest.mark.skipif(
    tuple(map(int, platform.release().split(".")[:2])) < EXIT_INFO_SINCE,
    reason="before Linux 6.15 nobody but the parent learns how a process ended",
)
def test_a_container_that_was_killed_past_the_engine_is_no_fault_of_its_program(
    own_engine: PrivateEngine, opened: Open
) -> None:
    with opened() as bench:
        bench.under_way(lambda: kill_all(own_engine))
        bench.runs(SLOW)
    assert bench.faults == ["a container's first process was killed from outside"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_that_ends_itself_is_blamed_for_it(number: signal.Signals, opened: Open) -> None:
    with opened() as bench:
        outcome = bench.run(f"import os\n\n\nos.kill(os.getpid(), {int(number)})\n\n\n{MEAN}")
        assert isinstance(outcome, Rejection)
        assert outcome.reason is Reason.KILLED
    assert bench.faults == []


# -- memory ----------------------------------------------------------------------------------------


def test_a_host_short_of_memory_is_no_fault_of_the_program_that_it_kills(
    own_engine: PrivateEngine, opened: Open
) -> None:
    with opened(memory_mb=1024) as bench:
        bench.on["sandbox.started"] = lambda: own_engine.limit_memory(SPARE_BYTES)
        bench.on["sandbox.faulted"] = lambda: own_engine.limit_memory(None)
        bench.runs(HUNGRY.format(megabytes=150))
    assert len(bench.faults) == 1
    assert "had not reached its own limit" in bench.faults[0]


def test_a_program_that_goes_over_its_own_limit_is_blamed_for_it(opened: Open) -> None:
    with opened(memory_mb=512) as bench:
        outcome = bench.run(HUNGRY.format(megabytes=600))
        assert isinstance(outcome, Rejection)
        assert outcome.reason is Reason.OUT_OF_MEMORY
    assert bench.faults == []


# -- helpers ---------------------------------------------------------------------------------------


def ends(pid: int) -> bool:
    """Whether a process is dead within a second, reaped or not."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def kill_by_engine(engine: PrivateEngine, number: signal.Signals) -> None:
    with engine.client() as client:
        client.api.kill(engine.containers()[0], number)


def kill_all(engine: PrivateEngine) -> None:
    pids = [engine.first_process(container_id) for container_id in engine.containers()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert all(ends(pid) for pid in pids)


def ready(engine: PrivateEngine, count: int) -> list[str]:
    """Wait until that many containers wait for a program, with torch imported."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        waiting = [name for name in engine.containers() if (lease := leases().get(name)) and not lease.program]
        if len(waiting) >= count:
            time.sleep(1.5)  # to be ready is to have imported torch; nothing outside tells
            return waiting
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} containers wait")
