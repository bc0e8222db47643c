"""Whose a container or a work folder is, and whether its owner is still there.

Containers carry labels that name the owning process; work folders are written down in the cache while
they are in use, since a run can die while it has no container. An owner that cannot be told to be dead
counts as alive: a process number means something only within the boot and the process namespace in which it
was given, and another boot is an earlier one only if it was this machine's (engines and caches can be shared by
several). What dead owners left is `leftovers.py`'s business.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cache import cache_dir
from orchestrator.errors import SandboxError
from orchestrator.sandbox.engine import APIError, Client, NotFound
from orchestrator.sandbox.inputs import INPUT_PREFIX
from orchestrator.sandbox.output import FILE_PREFIX

LABEL_OWNER = "assay.owner"
LABEL_RUN = "assay.run"
LABEL_INSTANCE = "assay.instance"  # one DockerSandbox object
LABEL_WORK = "assay.work"  # host path of the folder with output files and copied inputs
LABEL_PURPOSE = "assay.purpose"
LABEL_LIFETIME = "assay.lifetime"  # seconds at most that it may work, once it has been given something to do
_PROC = Path("/proc")
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_START_TIME_FIELD = 19  # of /proc/<pid>/stat, counted after the command's closing bracket


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process, told apart from any other that may later get its number."""

    boot: str
    namespace: str  # of process numbers
    pid: int
    start: str  # clock ticks after boot
    machine: str = ""  # which keeps its id when it boots; empty: unknown

    def encode(self) -> str:
        return f"{self.boot}:{self.namespace}:{self.pid}:{self.start}:{self.machine}"

    @staticmethod
    def decode(text: str) -> Owner | None:
        """Read a label, with the machine or, as older ones are, without; None if it is not one of ours."""
        parts = text.split(":")
        if len(parts) not in (4, 5) or not parts[2].isdigit():
            return None
        machine = parts[4] if len(parts) == 5 else ""
        return Owner(boot=parts[0], namespace=parts[1], pid=int(parts[2]), start=parts[3], machine=machine)


def this_process() -> Owner:
    """Return the owner that containers made here are labelled with."""
    pid = os.getpid()
    return Owner(boot=_boot(), namespace=_namespace(), pid=pid, start=_start_time(pid) or "", machine=_machine())


def is_dead(owner: Owner, *, start_time: Callable[[int], str | None] | None = None) -> bool:
    """Whether that process has certainly ended. An owner elsewhere (machine, process namespace) is left alone."""
    if owner.boot != _boot():
        return owner.machine != "" and owner.machine == _machine()
    if owner.namespace != _namespace():
        return False
    return (start_time or _start_time)(owner.pid) != owner.start


def remove_container(client: Client, container_id: str) -> None:
    """Remove a container whatever its state, with its anonymous volumes; one that is gone is no error."""
    try:
        client.api.remove_container(container_id, force=True, v=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # 409: its removal is already in progress
            raise


def register_work(instance: str, run_id: str, work_dir: Path, image_id: str) -> Path:
    """Write down who uses a work folder and an image; return the note, which goes when the folder has been cleared.

    Raises:
        SandboxError: the cache cannot be written.
    """
    note = _notes() / f"{instance}.json"
    said = {"owner": this_process().encode(), "run": run_id, "work_dir": str(work_dir), "image": image_id}
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(said))
    except OSError as error:
        raise SandboxError(f"{note}: cannot be written: {error.strerror}", remedy="set ASSAY_CACHE") from error
    return note


def work_notes() -> list[tuple[Path, dict[str, str]]]:
    """Return every note that can be read, with its file: keys `owner`, `run`, `work_dir`, `image`."""
    notes = []
    for path in sorted(_notes().glob("*.json")):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # being written, or not ours
            said = json.loads(path.read_text())
            notes.append((path, {key: str(said[key]) for key in ("owner", "run", "work_dir", "image")}))
    return notes


def clear_work(work_dir: Path) -> None:
    """Remove output files and copied inputs from a work folder; anything else in it is not ours."""
    if not work_dir.is_absolute():
        return
    for prefix in (FILE_PREFIX, INPUT_PREFIX):
        for path in work_dir.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                path.unlink()


def _notes() -> Path:
    return cache_dir() / "work"


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _machine() -> str:
    """Return this machine's id; empty where it has none (a word such as systemd's `uninitialized` is none)."""
    for path in _MACHINE_IDS:
        with contextlib.suppress(OSError, ValueError):
            text = path.read_text().strip()
            return f"{int(text, 16):032x}"
    return ""


def _namespace() -> str:
    return (_PROC / "self/ns/pid").readlink().name.removeprefix("pid:").strip("[]")


def _start_time(pid: int) -> str | None:
    """Return when a process started; None if there is none, or only its zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[_START_TIME_FIELD]
