"""What each container is there for, written down beside it: run, owner, program, output file, deadline.

A container's labels are fixed when it is created, which is before anybody knows what program it will get. So
a lease is a small file in the cache: written when the container exists, a second one beside it before a program
is handed over, and both removed once the container has been. (A file that replaces another is flushed to disk
by some file systems, which took 4 ms; a new one is not.) It informs whoever finds a leftover; whether its owner lives,
and nothing else, decides whether it is one (`leftovers.py`): a program that is late is its own run's business.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from orchestrator.cache import cache_dir
from orchestrator.errors import SandboxError
from orchestrator.sandbox.owner import LABEL_INSTANCE, LABEL_OWNER, LABEL_PURPOSE, LABEL_RUN, LABEL_WORK

_WAITING, _LENT = ".json", ".lent.json"
_DRAFT_SECONDS = 3600.0  # writing one takes milliseconds
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One container's purpose. Program, and deadline, are empty while it waits for one."""

    container: str = ""  # its id
    engine: str  # where it is: the engine's address; empty for a container that is only processes of this machine
    run: str
    instance: str  # the sandbox object that made it
    owner: str  # as `Owner.encode` writes it
    purpose: str  # `run` or `screen`
    work_dir: str
    output: str  # the one file that it may write; empty for a cell
    program: str = ""  # sha256 of the source
    deadline: str = ""  # UTC, RFC 3339: when whoever handed the program over kills it

    @property
    def labels(self) -> dict[str, str]:
        """What is known before the container exists, as it is labelled."""
        return {
            LABEL_OWNER: self.owner,
            LABEL_RUN: self.run,
            LABEL_INSTANCE: self.instance,
            LABEL_PURPOSE: self.purpose,
            LABEL_WORK: self.work_dir,
        }


def utc(seconds: float) -> str:
    """Return a Unix time as a lease holds it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write(lease: Lease) -> None:
    """Write a lease, with a program beside the one without: a reader finds each whole or not at all.

    Raises:
        SandboxError: the cache cannot be written.
    """
    path = _folder() / (lease.container + (_LENT if lease.program else _WAITING))
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(asdict(lease)))
        draft.replace(path)
    except OSError as error:
        raise SandboxError(f"{path}: cannot be written: {error.strerror}", remedy="set ASSAY_CACHE") from error


def drop(container: str) -> None:
    """Remove a container's lease, after the container. One that is gone is no error."""
    for kind in (_WAITING, _LENT):
        (_folder() / (container + kind)).unlink(missing_ok=True)


def leases() -> dict[str, Lease]:
    """Return every container's lease, with the program where it has one; files that cannot be read are left out."""
    found = {}
    for kind in (_WAITING, _LENT):
        for path in _folder().glob(f"*{kind}"):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):  # gone since, or not ours
                lease = _read(path)
                if not lease.program or kind == _LENT:
                    found[lease.container] = lease
    return found


def drafts_of_the_dead() -> list[Path]:
    """Return the files of leases that were being written by processes of which none with that number is left.

    A cache that several machines or process namespaces share does not tell whose numbers they are: there, a draft
    is young while it is somebody's.
    """
    drafts = [path for path in _folder().glob("*.*") if path.suffix[1:].isdigit()]
    return sorted(path for path in drafts if not _PROC.joinpath(path.suffix[1:]).exists() and _is_old(path))


def _is_old(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):  # it became a lease meanwhile
        return time.time() - path.lstat().st_mtime > _DRAFT_SECONDS
    return False


def _read(path: Path) -> Lease:
    said = json.loads(path.read_text())
    return Lease(**{field.name: str(said[field.name]) for field in fields(Lease)})


def _folder() -> Path:
    return cache_dir() / "leases"
