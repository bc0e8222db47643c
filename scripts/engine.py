"""The container engine: used where one answers, else started, else installed and started.

Never stops, restarts or reconfigures an engine that runs.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.cache import cache_dir
from scripts import host
from scripts.console import CommandError, Console, SetupError, last_line, quiet

DEFAULT_HOST = "unix:///var/run/docker.sock"
PACKAGES = ("docker.io",)  # Debian's; brings containerd, runc, tini and iptables
PING_SECONDS = 10.0
START_SECONDS = 60.0
SYSTEMD_START_SECONDS = 15.0
GRACE_SECONDS = 3.0
# Containers here have no network, so the engine needs neither a bridge nor firewall rules, which
# also lets it start where neither can be made.
DAEMON = ("dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false")


class Action(StrEnum):
    """What to do next to get an engine."""

    USE = "use"
    INSTALL = "install"
    START_SERVICE = "start_service"
    START_DAEMON = "start_daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What was found of an engine."""

    answers: bool
    chosen: str  # DOCKER_HOST, or empty
    rootless: str  # a socket of the user's own engine that answers, as a DOCKER_HOST value, or empty
    socket_denied: bool  # the default socket is there, and this user may not use it
    installed: bool
    systemd: bool
    root: bool


def decide(state: State) -> Action:
    """Return the next action.

    Raises:
        SetupError: no engine, and none can be started here; names the command or setting that helps.
    """
    if state.answers:
        return Action.USE
    if state.chosen:
        raise SetupError(
            f"no container engine answers at DOCKER_HOST={state.chosen}", "start that one, or run `unset DOCKER_HOST`"
        )
    if state.rootless:
        raise SetupError("the engine of this user is not the default one", f"run `export DOCKER_HOST={state.rootless}`")
    if state.socket_denied:
        raise SetupError(
            "the container engine's socket is there, and this user may not use it",
            "run `sudo usermod -aG docker $USER` and log in again",
        )
    if not state.root:
        raise SetupError(
            "no container engine runs, and only root may start one",
            "run `sudo make engine && sudo usermod -aG docker $USER`, log in again, and repeat"
            " (or set DOCKER_HOST to an engine elsewhere)",
        )
    if not state.installed:
        return Action.INSTALL
    return Action.START_SERVICE if state.systemd else Action.START_DAEMON


def prepare(console: Console) -> None:
    """See to it that an engine answers.

    Raises:
        SetupError: none does, and none can be started.
    """
    action = decide(look())
    if action is Action.INSTALL:
        host.install(console, PACKAGES, "no container engine is installed")
        wait_for_answer(SYSTEMD_START_SECONDS if _systemd() else PING_SECONDS / 2)  # the package may start it
        action = decide(look())
    if action is Action.START_SERVICE:
        _start_service(console)
    elif action is Action.START_DAEMON:
        _start_daemon(console)
    console.done(f"answers at {engine_host()}" + ("" if action is Action.USE else ", just started"))


def look(environ: Mapping[str, str] = os.environ) -> State:
    """Find out what there is."""
    default = Path(urlsplit(DEFAULT_HOST).path)
    own = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}") / "docker.sock"
    rootless = f"unix://{own}" if own.exists() and answers(f"unix://{own}") else ""
    return State(
        answers=answers(engine_host(environ)),
        chosen=environ.get("DOCKER_HOST", ""),
        rootless=rootless,
        socket_denied=default.exists() and not os.access(default, os.R_OK | os.W_OK),
        installed=shutil.which("dockerd", path=_daemon_path(environ)) is not None,
        systemd=_systemd(),
        root=os.geteuid() == 0,
    )


def engine_host(environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of the engine that Assay uses: DOCKER_HOST, or the local socket."""
    return environ.get("DOCKER_HOST") or DEFAULT_HOST


def answers(address: str) -> bool:
    """Whether an engine answers at a unix, tcp or other address (the last asked through the docker command)."""
    url = urlsplit(address)
    if url.scheme not in ("unix", "tcp", "http") or os.environ.get("DOCKER_TLS_VERIFY"):
        return quiet(["docker", "version", "--format", "{{.Server.Version}}"], env={"DOCKER_HOST": address}) is not None
    connection = http.client.HTTPConnection(url.hostname or "localhost", url.port or 2375, timeout=PING_SECONDS)
    with contextlib.closing(connection):
        try:
            if url.scheme == "unix":
                connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.sock.settimeout(PING_SECONDS)
                connection.sock.connect(url.path)
            connection.request("GET", "/_ping")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False


def wait_for_answer(seconds: float, process: subprocess.Popen[bytes] | None = None) -> bool:
    """Wait until the engine answers; false when the time is over, or soon after the daemon has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers(engine_host()):
            return True
        if process and process.poll() is not None:
            deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
            process = None  # it ended, perhaps because another one is just starting
        time.sleep(0.25)
    return False


def _start_service(console: Console) -> None:
    console.say("starting the engine: systemctl start docker")
    try:
        console.run(["systemctl", "start", "docker"])
    except CommandError as error:
        raise SetupError(f"systemd could not start docker: {error.last_line}", "see `journalctl -u docker`") from error
    if not wait_for_answer(START_SECONDS):
        raise SetupError("docker was started by systemd and does not answer", "see `journalctl -u docker`")


def _start_daemon(console: Console) -> None:
    """Start dockerd by hand, to go on running after this program ends."""
    if not _cgroups_mounted():
        _mount_cgroups(console)
    log = cache_dir() / "dockerd.log"
    console.say(f"starting the engine: {' '.join(DAEMON)} (log: {log})")
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603
            DAEMON,
            env={**os.environ, "PATH": _daemon_path(os.environ)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd="/",
        )
    try:
        up = wait_for_answer(START_SECONDS, process)
    except KeyboardInterrupt:
        process.terminate()
        raise
    if not up:
        process.terminate()
        raise SetupError(
            f"dockerd did not start: {last_line(log)}", f"see {log}, or set DOCKER_HOST to an engine elsewhere"
        )


def _mount_cgroups(console: Console) -> None:
    """Do by Debian's own script what an init system would have done."""
    if shutil.which("cgroupfs-mount", path=_daemon_path(os.environ)) is None:
        host.install(console, ("cgroupfs-mount",), "the engine needs cgroup file systems, and none is mounted")
    console.say("mounting cgroup file systems: cgroupfs-mount")
    try:
        console.run(["cgroupfs-mount"], env={"PATH": _daemon_path(os.environ)})
    except CommandError as error:
        raise SetupError(f"cgroup file systems could not be mounted: {error.last_line}", "mount them") from error


def _systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _cgroups_mounted() -> bool:
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return any(line.split()[2] in ("cgroup", "cgroup2") for line in mounts)


def _daemon_path(environ: Mapping[str, str]) -> str:
    """Debian keeps dockerd in /usr/sbin, which is not on every PATH."""
    return f"{environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
