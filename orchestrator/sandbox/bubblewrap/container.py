"""One container in bubblewrap: started as asked or not at all, followed through three pipes, ended, removed.

Its first process is bubblewrap's own init; outside waits bubblewrap's monitor, a child of ours. The kernel
ends everything inside when the init dies, the init when the monitor dies, and the monitor when we do.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.errors import SandboxError
from orchestrator.sandbox.bubblewrap import launch
from orchestrator.sandbox.bubblewrap.root import PYTHON, Root
from orchestrator.sandbox.bubblewrap.settings import (
    ADDRESS_SPACE,
    PROCESSES,
    Request,
    differences,
    found,
    recorded,
    request,
)
from orchestrator.sandbox.cgroup import Cgroup, Reading
from orchestrator.sandbox.container import DRAIN_SECONDS, KILL_SECONDS, Container, Exit, Heard
from orchestrator.sandbox.kernel import environment_of, look_at
from orchestrator.sandbox.own_cgroup import OwnCgroup, Place
from orchestrator.sandbox.settings import MIB, Order

Spawn = Callable[[Mapping[str, Any], Mapping[str, int]], subprocess.Popen[bytes]]
"""Starts `launch.py` with a spec and descriptors: stdin, stdout, stderr, seccomp, info."""

_READ_BYTES = 64 * 1024
_INFO_BYTES = 4096
_POLL_SECONDS = 0.005
_SIGNALLED = 128  # a shell's, and bubblewrap's, way to report a signal
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What all containers of a sandbox are made with."""

    bwrap: str
    root: Root
    place: Place | None  # of cgroups; None: rlimits alone
    as_root: bool
    filter: bytes  # the outer profile, compiled


class BubblewrapContainer(Container):
    """A `Container` in bubblewrap. Made by `start`; `remove` must follow, whatever happens."""

    def __init__(self, host: Host, order: Order, config: RunConfig, spawn: Spawn) -> None:
        """Start it. Use `start`, which waits for its first process and cleans up after a failure."""
        super().__init__(uuid.uuid4().hex)
        self._host, self._config = host, config
        self._inputs_bytes = sum(path.stat().st_size for path, _ in order.inputs)
        self._own = OwnCgroup(host.place, self.id, config.container) if host.place else None
        self._process: subprocess.Popen[bytes] | None = None
        self._stdin = self._stdout = self._stderr = -1
        self._poll = select.poll()
        self._request: Request | None = None
        self._gone: Exit | None = None
        try:
            entrances = self._own.entrances if self._own else ()
            self._request = request(
                order, config, host.root, bwrap=host.bwrap, as_root=host.as_root, entrances=entrances
            )
            self._launch(spawn)
        except BaseException:
            self.remove()
            raise

    @staticmethod
    def start(host: Host, order: Order, config: RunConfig, spawn: Spawn) -> BubblewrapContainer:
        """Start a container and get hold of its first process.

        Raises:
            SandboxError: it cannot be started.
        """
        try:
            return BubblewrapContainer(host, order, config, spawn)
        except OSError as error:
            raise SandboxError(f"a container cannot be started: {error}", remedy="see `assay doctor`") from error

    def wait_ready(self, seconds: float, *, walls: Sequence[str]) -> None:
        """As promised; then bound what only now can be, read back what the kernel made of all, and compare.

        Raises:
            SandboxError: not ready, or something is not in effect (the fields are named).
        """
        if not self._host.as_root:
            self.environment = self._first_environment(time.monotonic() + seconds)
        super().wait_ready(seconds, walls=walls)
        try:
            self._compare()
        except OSError as error:  # its files in /proc went with it
            raise SandboxError(f"container {self.id[:12]} ended although it said that it was ready: {error}") from error

    def _compare(self) -> None:
        """Bound what is left to be bounded, and hold what the kernel shows against what was asked."""
        pid = self.pid
        runner = _child_of(pid) if pid else None
        kernel = None
        if self._request is not None and pid is not None and runner is not None:
            asked = {**self._request.asked, **self._bound(runner)}
            kernel = look_at(pid, ())
        if pid is None or runner is None or kernel is None:
            raise SandboxError(f"container {self.id[:12]} ended although it said that it was ready")
        kernel = replace(kernel, environment=self.environment or kernel.environment)
        effective = found(kernel, as_root=self._host.as_root)
        effective["cgroup"] = dict(self._own.found(runner)) if self._own else {}
        if different := differences(asked, effective):
            raise SandboxError(
                f"the kernel did not grant what was asked: {'; '.join(different[:5])}",
                remedy="`assay doctor` says what this host cannot do",
            )
        effective["bounded_by"] = f"cgroup v{self._host.place.version}" if self._host.place else "rlimits"
        self.effective = recorded(effective)

    def check_trial(self, seconds: float) -> None:
        """Wait for one that has nothing to do but end.

        Raises:
            SandboxError: it does not, or ends otherwise than well.
        """
        deadline = time.monotonic() + seconds
        self.follow(deadline, lambda _: False)
        ended = self.wait_dead(deadline)
        if ended is None or ended.exit_code != 0:
            raise SandboxError(
                f"a container that has nothing to do did not end well ({ended.exit_code if ended else 'it hangs'}): "
                f"{self.streams.stderr.text.strip()[-500:]}"
            )

    def send(self, frame: bytes, deadline: float) -> None:
        view, poll = memoryview(frame), select.poll()
        poll.register(self._stdin, select.POLLOUT)
        while view:
            left = deadline - time.monotonic()
            try:
                if left <= 0 or not poll.poll(left * 1000):
                    raise SandboxError(f"container {self.id[:12]} does not read its job")
                view = view[os.write(self._stdin, view) :]
            except OSError as error:
                raise SandboxError(f"container {self.id[:12]} does not read its job: {error}") from error

    def close_stdin(self) -> None:
        self._stdin = _closed(self._stdin)

    def wait_dead(self, deadline: float) -> Exit | None:
        """Dead is: its monitor ended and was waited for, and its first process, the last of all inside, is gone."""
        if self._gone is None and self._process is not None:
            try:
                status = self._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                return None
            if not self._init_is_gone(deadline):
                return None
            self.measure()
            code = status if status >= 0 else _SIGNALLED - status
            self._gone = Exit(exit_code=code, oom_killed=self.reading.oom_kills > 0)
        return self._gone

    def measure(self) -> Reading:
        """As promised; processes are counted where the container itself would see them."""
        before = self.reading.processes
        super().measure()
        inside = self._processes()
        self.reading = replace(self.reading, processes=before if inside is None else inside)
        return self.reading

    def remove(self) -> None:
        for fd in (self._stdin, self._stdout, self._stderr):
            _closed(fd)
        self._stdin = self._stdout = self._stderr = -1
        if self._process is not None:
            self._kill_init()
            end(self._process, KILL_SECONDS)
            if not self._init_is_gone(time.monotonic() + KILL_SECONDS):
                raise SandboxError(f"container {self.id[:12]}: its first process outlived its kill by {KILL_SECONDS} s")
            self._process = None
        self._release_init()
        if self._own is not None:
            self._own.remove()

    def _launch(self, spawn: Spawn) -> None:
        """Start the process, keep our ends of the pipes, and find the container's first process."""
        if self._request is None:
            raise AssertionError("the request comes first")
        inside: dict[str, int] = {}
        info = -1
        try:
            inside["stdin"], self._stdin = os.pipe2(os.O_CLOEXEC)
            self._stdout, inside["stdout"] = os.pipe2(os.O_CLOEXEC)
            self._stderr, inside["stderr"] = os.pipe2(os.O_CLOEXEC)
            info, inside["info"] = os.pipe2(os.O_CLOEXEC)
            inside["seccomp"] = _held(self._host.filter)
            self._process = spawn(self._request.spec, inside)
            while inside:  # while we held one, its pipe would not end
                os.close(inside.popitem()[1])
            os.set_blocking(self._stdin, False)
            for fd in (self._stdout, self._stderr):
                os.set_blocking(fd, False)
                self._poll.register(fd, select.POLLIN)
            self._find(info)
        finally:
            for fd in (info, *inside.values()):
                _closed(fd)
        self._cgroup = Cgroup.at(self._own.memory, unified=self._own.unified) if self._own else None

    def _find(self, info: int) -> None:
        """Hold on to the container's first process, whose number bubblewrap tells."""
        deadline = time.monotonic() + self._config.container.startup_seconds
        said = b""
        while not said.rstrip().endswith(b"}"):
            ready, _, _ = select.select([info], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(info, _INFO_BYTES) if ready else b""
            if not part:
                self._listen(DRAIN_SECONDS)
                raise SandboxError(
                    f"bubblewrap started no container: {self.streams.stderr.text.strip()[-500:] or 'it said nothing'}",
                    remedy="does this host let ordinary users make user namespaces? `assay doctor` looks",
                )
            said += part
        pid = int(json.loads(said)["child-pid"])
        self._init = os.pidfd_open(pid)
        if self._process is None or _parent_of(pid) != self._process.pid:  # the number is another's by now
            raise SandboxError(f"container {self.id[:12]} ended while it was started")

    def _first_environment(self, deadline: float) -> Mapping[str, str] | None:
        """Return what the runner began with, before it hides itself, which it does from its own user too."""
        while time.monotonic() < deadline and (pid := self.pid) is not None:
            runner = _child_of(pid)
            with contextlib.suppress(OSError):
                if runner is not None and (_PROC / str(runner) / "cmdline").read_bytes().startswith(PYTHON.encode()):
                    return environment_of(runner)
            time.sleep(_POLL_SECONDS)
        return None

    def _bound(self, runner: int) -> dict[str, Any]:
        """Without a cgroup, bound processes and address space from here on; return what must now be in effect."""
        if self._request is None or self._own is not None:
            return {"cgroup": dict(self._own.asked()) if self._own else {}}
        limits = self._config.container
        space = _address_space(runner) + limits.memory_mb * MIB + self._inputs_bytes
        values = {"RLIMIT_NPROC": limits.pids, "RLIMIT_AS": space}
        self._bound_from_outside({"bound": runner, "uid": self._request.spec["uid"], "rlimits": values})
        for child in _children_of(runner):  # a cell's first is there already; the others begin with its bounds
            self._bound_from_outside({"bound": child, "uid": self._request.spec["uid"], "rlimits": values})
        more = {PROCESSES: str(limits.pids), ADDRESS_SPACE: str(space)}
        return {"cgroup": {}, "limits": {**self._request.asked["limits"], **more}}

    @staticmethod
    def _bound_from_outside(spec: Mapping[str, Any]) -> None:
        command = [sys.executable, "-I", "-S", launch.__file__, json.dumps(spec)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=KILL_SECONDS)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"a container was not bounded within {KILL_SECONDS} s") from error
        if done.returncode != 0:
            raise SandboxError(f"a container cannot be bounded: {done.stderr.strip()[-500:]}")

    def _processes(self) -> int | None:
        """Count the processes that the container's own /proc lists; None where it cannot be read any more."""
        pid = self.pid
        if pid is None:
            return None
        with contextlib.suppress(OSError):
            return sum(name.isdigit() for name in os.listdir(_PROC / str(pid) / "root/proc"))
        return None

    def _init_is_gone(self, deadline: float) -> bool:
        if self._init is None:
            return True
        ready, _, _ = select.select([self._init], [], [], max(0.0, deadline - time.monotonic()))
        return bool(ready)

    def _kill_init(self) -> None:
        """Kill the first process by itself: for one just made, bubblewrap has not yet tied it to its monitor's life."""
        if self._init is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init, signal.SIGKILL)

    def _signal_kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()

    def _hang_up(self) -> None:
        for fd in (self._stdout, self._stderr):
            self._drop(fd)

    def _listen(self, seconds: float) -> Heard:
        if self._stdout < 0 and self._stderr < 0:
            return Heard.END
        heard = Heard.NOTHING
        for fd, _ in self._poll.poll(seconds * 1000):
            data = os.read(fd, _READ_BYTES)
            if not data:
                self._drop(fd)
            elif fd == self._stdout:
                self.streams.take_stdout(data)
            else:
                self.streams.take_stderr(data)
            heard = Heard.SOMETHING
        return heard

    def _drop(self, fd: int) -> None:
        """Stop listening to a stream that has ended."""
        if fd < 0:
            return
        self._poll.unregister(fd)
        if fd == self._stdout:
            self._stdout = _closed(fd)
        else:
            self._stderr = _closed(fd)


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Kill a child and wait for it.

    Raises:
        SandboxError: the kernel does not end it in time.
    """
    process.kill()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"process {process.pid} outlived its kill by {seconds:g} s") from error


def _closed(fd: int) -> int:
    """Close a descriptor, if it is one; return what stands for none."""
    if fd >= 0:
        os.close(fd)
    return -1


def _held(data: bytes) -> int:
    """Return a descriptor of a file in memory that holds these bytes, to be read from its beginning."""
    fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    try:
        os.write(fd, data)
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError:
        os.close(fd)
        raise
    return fd


def _parent_of(pid: int) -> int:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _child_of(pid: int) -> int | None:
    return next(iter(_children_of(pid)), None)


def _children_of(pid: int) -> list[int]:
    """Return the children of a process; the kernel need not keep lists of them."""
    numbers = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [number for number in numbers if _parent_of(number) == pid]


def _address_space(pid: int) -> int:
    return int((_PROC / str(pid) / "statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
