"""A second container engine, of the tests' own: to be killed, stopped, filled up and misled.

It has its own storage (a file mounted as a disk of limited size), sockets, containerd, mount namespace and
cgroup, and no network, so that nothing of it reaches the machine's engine, and all of it can be found and
taken away again: by its processes' command lines, which hold its folder, and by its cgroup. Needs root and
loop devices; where they are not to be had, the tests that ask for it skip with the reason.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import psutil
import pytest
from docker.errors import DockerException

from orchestrator.sandbox.owner import Owner, is_dead, this_process

DISK_BYTES = 4 * 2**30  # at most; the file is sparse, and the image takes about 1 GiB of it
ANSWER_SECONDS = 30.0
END_SECONDS = 30.0
_PREFIX = "assay-engine-"
_CGROUPS = Path("/sys/fs/cgroup")
_PROGRAMS = ("dockerd", "unshare", "nsenter", "setpriv", "mkfs.ext4", "mount")


class PrivateEngine:
    """One engine and its disk. `start` and `stop` may alternate; `destroy` must follow."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        (self.folder / "owner").write_text(this_process().encode())
        self.address = f"unix://{self.folder}/docker.sock"
        self.cgroup = self.folder.name
        self.disk = self.folder / "disk"
        self._mounter: subprocess.Popen[bytes] | None = None  # keeps the disk mounted while no engine runs
        self._engine: subprocess.Popen[bytes] | None = None
        self._options: tuple[str, ...] = ()
        # The daemon ends with the thread that started it (setpriv): one that lives as long as this object.
        self._starter = ThreadPoolExecutor(max_workers=1)

    # -- life ------------------------------------------------------------------------------------

    def make_disk(self) -> None:
        """Mount an empty disk, where only the engines of this object see it."""
        self.disk.mkdir()
        image = self.folder / "disk.img"
        with image.open("wb") as file:
            file.truncate(DISK_BYTES)
        subprocess.run(
            ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", image], check=True, capture_output=True
        )
        self._mounter = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sh", "-c"),
                'mount -o loop "$0" "$1" && echo mounted && exec cat',
                *(str(image), str(self.disk)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._mounter.stdout
        said = self._mounter.stdout.readline()
        if said != b"mounted\n":
            raise OSError(f"no disk of our own: {(said + self._mounter.stdout.read()).decode().strip()}")

    def start(self, *options: str) -> None:
        """Start the engine and wait until it answers; without options, with those of the last start."""
        assert self._mounter
        self._options = options or self._options
        for stale in ("pid", "exec/containerd/containerd.pid"):  # a killed daemon's; its number may be a zombie's
            (self.folder / stale).unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._engine = self._starter.submit(
                subprocess.Popen,
                [
                    *("setpriv", "--pdeathsig", "KILL"),
                    *("nsenter", f"--mount=/proc/{self._mounter.pid}/ns/mnt", "dockerd"),
                    *("--data-root", str(self.disk / "data"), "--exec-root", str(self.folder / "exec")),
                    *("--pidfile", str(self.folder / "pid"), "-H", self.address, "--cgroup-parent", f"/{self.cgroup}"),
                    *("--exec-opt", "native.cgroupdriver=cgroupfs"),
                    *("--bridge=none", "--iptables=false", "--ip6tables=false", *self._options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            ).result()
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self.answers():
            if self._engine.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"no engine of our own: {self.log()[-500:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as knocking:  # docker-py leaks its own where nobody listens
                knocking.connect(str(self.folder / "docker.sock"))
            with self.client() as client:
                return bool(client.ping())
        except (DockerException, OSError):
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send the engine's daemon a signal, and return at once."""
        assert self._engine
        self._engine.send_signal(number)

    def wait(self) -> None:
        """Wait until the daemon has ended, and its containerd, which the next one would take for its own."""
        assert self._engine
        self._engine.wait(END_SECONDS)
        deadline = time.monotonic() + END_SECONDS
        while any("containerd.toml" in " ".join(command) for _, command in _commands(self.folder)):
            assert time.monotonic() < deadline, "containerd outlives its engine"
            time.sleep(0.02)

    def stop(self) -> None:
        """End the daemon with its containers. No error if it has ended."""
        if self._engine is None:
            return
        if self._engine.poll() is None:
            self._engine.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._engine.wait(END_SECONDS)
        end_processes(self.folder)

    def restart(self, *options: str) -> None:
        self.stop()
        self.start(*options)

    def make_good(self) -> None:
        """Undo what a test did: room on the disk, memory, a daemon that answers, no containers."""
        self.clear_disk()
        self.limit_memory(None)
        if not self.answers():
            self.restart()
        with self.client() as client:
            for found in client.api.containers(all=True):
                client.api.remove_container(found["Id"], force=True)

    def destroy(self) -> None:
        """Take away processes, mounts, cgroups and files, whatever state they are in."""
        if self._engine is not None and self._engine.poll() is None:
            self._engine.kill()
            self._engine.wait()
        end_processes(self.folder)
        if self._mounter is not None:
            self._mounter.kill()
            self._mounter.communicate()
        self._starter.shutdown()
        remove_remains(self.folder)

    # -- what tests do with it -------------------------------------------------------------------

    @contextlib.contextmanager
    def client(self) -> Iterator[docker.DockerClient]:
        client = docker.DockerClient(base_url=self.address, version="1.41", timeout=60)
        try:
            yield client
        finally:
            client.close()

    def load(self, image: str) -> None:
        """Copy an image from the machine's engine."""
        main = docker.from_env(timeout=120)
        try:
            with self.client() as client:
                client.images.load(main.api.get_image(image))
        finally:
            main.close()

    def containers(self) -> list[str]:
        with self.client() as client:
            return [str(found["Id"]) for found in client.api.containers(all=True)]

    def first_process(self, container_id: str) -> int:
        with self.client() as client:
            return int(client.api.inspect_container(container_id)["State"]["Pid"])

    def fill_disk(self) -> None:
        """Leave no block free."""
        self._on_disk('fallocate -l "$(($(stat -f -c "%a * %S" .)))" full; cat /dev/zero > rest; true')

    def clear_disk(self) -> None:
        self._on_disk("rm -f full rest")

    def _on_disk(self, script: str) -> None:
        assert self._mounter
        enter = ["nsenter", f"--mount=/proc/{self._mounter.pid}/ns/mnt", "sh", "-c"]
        subprocess.run([*enter, f'cd "$0" && {script}', str(self.disk)], check=True, capture_output=True)

    def limit_memory(self, spare: int | None) -> None:
        """Leave all containers together that many bytes more than they use, as a host does that is short of memory.

        None lifts the bound.
        """
        unified = (_CGROUPS / "cgroup.controllers").exists()
        folder = _CGROUPS / self.cgroup if unified else _CGROUPS / "memory" / self.cgroup
        folder.mkdir(exist_ok=True)
        limit, used = ("max", "current") if unified else ("limit_in_bytes", "usage_in_bytes")
        unbounded = "max" if unified else "-1"
        bound = unbounded if spare is None else str(int(_read(folder / f"memory.{used}")) + spare)
        (folder / f"memory.{limit}").write_text(bound)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def end_processes(folder: Path) -> None:
    """Kill whatever runs for the engine in that folder: daemon, containerd, shims, and all containers."""
    deadline = time.monotonic() + END_SECONDS
    while running := [*(pid for pid, _ in _commands(folder)), *_contained(folder.name)]:
        if time.monotonic() > deadline:
            raise OSError(f"still running: {running}")
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def remove_remains(folder: Path) -> None:
    """Remove cgroups and files of an engine without processes; its mounts went with its mount namespace."""
    for cgroup in _cgroups(folder.name):
        with contextlib.suppress(OSError):
            cgroup.rmdir()
    shutil.rmtree(folder, ignore_errors=True)


def _commands(folder: Path) -> list[tuple[int, list[str]]]:
    """Processes with the folder in their command line, but for the one that holds the mount."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command[:1] not in (["cat"], ["sh"]) and any(f"{folder}/" in word for word in command):
                found.append((process.pid, command))
    return found


def _contained(cgroup: str) -> list[int]:
    return [int(pid) for path in _cgroups(cgroup) for pid in _read(path / "cgroup.procs").split()]


def _cgroups(name: str) -> list[Path]:
    """Every directory of that cgroup, in each hierarchy, innermost first."""
    tops = [path for path in (_CGROUPS / name, *_CGROUPS.glob(f"*/{name}")) if path.is_dir()]
    inner = [path for top in tops for path in top.rglob("*") if path.is_dir()]
    return sorted({*tops, *inner}, key=lambda path: -len(path.parts))


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def clear_after_the_dead() -> None:
    """Take away engines of test processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = Owner.decode(_read(folder / "owner"))
        if owner is not None and is_dead(owner):
            end_processes(folder)
            remove_remains(folder)


@contextlib.contextmanager
def private_engine(image: str, *options: str) -> Iterator[PrivateEngine]:
    """An engine that has one image, running; skips where none can be made."""
    if os.geteuid() != 0:
        pytest.skip("a second engine needs root: run as root")
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"a second engine needs {', '.join(missing)}: `make engine` as root installs them")
    clear_after_the_dead()
    engine = PrivateEngine()
    try:
        try:
            engine.make_disk()
        except OSError as error:
            pytest.skip(str(error))
        engine.start(*options)
        engine.load(image)
        yield engine
    finally:
        engine.destroy()
