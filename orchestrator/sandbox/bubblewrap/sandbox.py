"""Runs programs in bubblewrap: for hosts without a container engine, and only where a configuration says so.

Weaker than an engine's containers (SECURITY.md says in what); every record of it says "bubblewrap".
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.errors import PreflightError, SandboxError
from orchestrator.sandbox.bubblewrap import launch
from orchestrator.sandbox.bubblewrap.container import BubblewrapContainer, Host, end
from orchestrator.sandbox.bubblewrap.root import make_root
from orchestrator.sandbox.bubblewrap.settings import INFO_FD, SECCOMP_FD
from orchestrator.sandbox.container import KILL_SECONDS
from orchestrator.sandbox.leftovers import reap as reap_files
from orchestrator.sandbox.own_cgroup import Place, places
from orchestrator.sandbox.pooled import PooledSandbox, is_root
from orchestrator.sandbox.settings import Order
from policies.filters import compile_profile, read_profile

PACKAGE = "bubblewrap"  # Debian's
_ANSWER_SECONDS = 10.0
_PASSED = ("LD_LIBRARY_PATH",)  # some Pythons do not start without; containers never see it


class BubblewrapSandbox(PooledSandbox):
    """A `Sandbox` in bubblewrap; see `base.Sandbox` for what it promises."""

    kind = "bubblewrap"

    def __init__(
        self,
        config: RunConfig,
        *,
        mounts: Sequence[tuple[Path, str]],
        run_id: str,
        work_dir: Path,
        walls: bool = True,
    ) -> None:
        """Find what containers are made of.

        Raises:
            PreflightError: bubblewrap, or something that programs need, is not here.
        """
        self._bwrap, self._version = require_bubblewrap(config)
        root = make_root()
        super().__init__(config, image_id=root.digest, mounts=mounts, run_id=run_id, work_dir=work_dir, walls=walls)
        self._host = Host(
            bwrap=self._bwrap,
            root=root,
            place=None,
            as_root=is_root(),
            filter=compile_profile(read_profile("seccomp.json")),
        )
        self._starter: ThreadPoolExecutor | None = None
        self._started: set[subprocess.Popen[bytes]] = set()

    def _require(self) -> None:
        if self._config.image.digest not in ("", self._image_id):
            raise PreflightError(
                f"what programs would see in bubblewrap: expected {self._config.image.digest}, found {self._image_id}",
                remedy="set [image] digest to the one that you trust, or restore what it was taken of",
            )
        reap_files(engine=False)

    def _connect(self) -> None:
        """Start the thread that starts containers, and find out by trial what this host can enforce.

        The kernel ends a container when the thread that started it ends, so it is always the same one.
        """
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bubblewrap")
        self._host = replace(self._host, place=self._find_place())

    def _disconnect(self) -> None:
        if self._starter is not None:
            self._starter.shutdown()

    def _start(self, order: Order) -> BubblewrapContainer:
        return BubblewrapContainer.start(self._host, order, self._config, self._spawn)

    def _remove_all(self) -> None:
        with contextlib.ExitStack() as steps:  # each, whatever became of the others
            for process in self._started:
                steps.callback(end, process, KILL_SECONDS)

    def _output_owner(self, uid: int) -> int | None:
        return uid

    @property
    def _runtime(self) -> str:
        return f"bubblewrap {self._version}"

    def _platform(self) -> Mapping[str, Any]:
        place = self._host.place
        return {
            "engine_version": "",
            "cgroup_version": place.version if place else "",
            "apparmor": False,
            "limits_by": f"cgroup v{place.version}, rlimits" if place else "rlimits alone",
            "bound": dict(self._host.root.bound),
        }

    def _find_place(self) -> Place | None:
        """Return the first place for cgroups that works; None where only rlimits are left.

        Raises:
            PreflightError: no container can be started here at all.
        """
        for place in places():
            with contextlib.suppress(OSError, SandboxError):
                self._try(replace(self._host, place=place))
                return place
        try:
            self._try(replace(self._host, place=None))
        except SandboxError as error:
            raise PreflightError(
                f"bubblewrap cannot contain programs on this host: {error.what}",
                remedy=error.remedy or "let ordinary users make user namespaces, or use an engine (`make engine`)",
            ) from error
        return None

    def _try(self, host: Host) -> None:
        """Start a container that has nothing to do, and remove it."""
        order = Order(
            module="protocol",  # imports the standard library, does nothing, ends
            image_id=self._image_id,
            uid=os.geteuid() or launch.NOBODY,
            inputs=(),
            output=None,
            file_bytes=0,
            walls=True,
            labels={},
        )
        container = BubblewrapContainer.start(host, order, self._config, self._spawn)
        try:
            container.check_trial(_ANSWER_SECONDS)
        finally:
            container.remove()

    def _spawn(self, spec: Mapping[str, Any], fds: Mapping[str, int]) -> subprocess.Popen[bytes]:
        if self._starter is None:
            raise SandboxError("the sandbox is closed")
        return self._starter.submit(self._spawn_here, spec, fds).result()

    def _spawn_here(self, spec: Mapping[str, Any], fds: Mapping[str, int]) -> subprocess.Popen[bytes]:
        """Runs in the starter's thread alone."""
        given = {SECCOMP_FD: fds["seccomp"], INFO_FD: fds["info"]}
        text = json.dumps({**spec, "parent": os.getpid(), "descriptors": {str(fd): at for at, fd in given.items()}})
        process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", launch.__file__, text],
            stdin=fds["stdin"],
            stdout=fds["stdout"],
            stderr=fds["stderr"],
            pass_fds=tuple(given.values()),
            env={name: os.environ[name] for name in _PASSED if name in os.environ},
            cwd="/",
        )
        self._started = {one for one in self._started if one.returncode is None} | {process}
        return process


def require_bubblewrap(config: RunConfig) -> tuple[str, str]:
    """Return bubblewrap's path and version.

    Raises:
        PreflightError: it is not here, does not answer, or cannot do what the configuration asks for.
    """
    if config.device != "cpu":
        raise PreflightError(
            f'device = "{config.device}": bubblewrap hands no GPU in',
            remedy='set sandbox = "docker", or device = "cpu"',
        )
    path = shutil.which("bwrap")
    if path is None:
        raise PreflightError(
            'sandbox = "bubblewrap": the program bwrap is not installed',
            remedy=f"run `make bubblewrap`, or `sudo apt-get install {PACKAGE}`",
        )
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise PreflightError(f"{path} does not run: {error}", remedy=f"reinstall the package {PACKAGE}") from error
    return path, said.stdout.split()[-1]
