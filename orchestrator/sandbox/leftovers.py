"""What dead runs left behind: found, named, measured and removed. Nothing of a live run is touched.

A leftover's owner has certainly ended (`owner.is_dead`); how late it is does not matter. Found are containers,
by their labels; cgroups of containers that no engine made, by their names; output files and copied inputs, in
the folders that notes, labels and leases name; these notes and leases themselves, and half-written leases; and,
where asked for, the untagged images of earlier builds. Containers go first: one may still be writing. What only an
engine that does not answer could remove is left, with its lease, and counted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import PreflightError, SandboxError
from orchestrator.sandbox import leases, own_cgroup
from orchestrator.sandbox.engine import Client, DockerException, NotFound, connect, engine_address
from orchestrator.sandbox.facts import SOURCE_LABEL
from orchestrator.sandbox.inputs import INPUT_PREFIX
from orchestrator.sandbox.leases import Lease
from orchestrator.sandbox.output import FILE_PREFIX
from orchestrator.sandbox.owner import (
    LABEL_OWNER,
    LABEL_RUN,
    LABEL_WORK,
    Owner,
    is_dead,
    remove_container,
    work_notes,
)

KINDS = ("container", "cgroup", "output", "input", "lease", "draft", "note", "image")
_BLOCK_BYTES = 512  # the unit of st_blocks, whatever the file system's


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One thing that a dead run left."""

    kind: str  # of KINDS
    name: str  # a path, or an id
    run: str
    program: str = ""  # sha256, where a lease names it
    bytes: int = 0  # on disk; of an image, what it shares with others too


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What was found, and what became of it."""

    found: tuple[Leftover, ...]
    failed: tuple[tuple[Leftover, str], ...] = ()  # with why it could not be removed
    unreachable: str = ""  # why no engine could be asked
    stranded: int = 0  # containers of dead owners that only an engine that does not answer could remove


def collect(*, dry_run: bool, images: bool) -> Collected:
    """Find what dead runs left, and remove it unless this is a dry run. What fails is reported, not raised.

    Raises:
        SandboxError: the engine answered, and failed while it was asked for containers.
    """
    unreachable, client = "", None
    try:
        client = connect()
    except PreflightError as error:
        unreachable = error.what
    try:
        found = tuple(_find(client, images=images))
        failed = () if dry_run else tuple(_remove_all(found, client))
    except (DockerException, OSError) as error:
        raise SandboxError(f"leftovers cannot be listed: {error}", remedy="see `assay doctor`") from error
    finally:
        if client is not None:
            client.close()
    stranded = sum(not _reachable(lease, client) for lease in _dead_leases())
    return Collected(found=found, failed=failed, unreachable=unreachable, stranded=stranded)


def reap(*, engine: bool = True) -> int:
    """Remove what dead owners left, before a run starts; return how many containers.

    With `engine` False no engine is asked: containers are only processes of this machine then.

    Raises:
        SandboxError: the engine failed, or something cannot be removed.
        PreflightError: no engine answers.
    """
    client = connect() if engine else None
    try:
        found = tuple(_find(client, images=False))
        for leftover, why in _remove_all(found, client):
            raise SandboxError(f"leftover {leftover.kind} {leftover.name}: {why}", remedy="see `assay gc`")
        return sum(leftover.kind == "container" for leftover in found)
    except (DockerException, OSError) as error:
        raise SandboxError(f"leftovers cannot be removed: {error}", remedy="see `assay doctor`") from error
    finally:
        if client is not None:
            client.close()


def _find(client: Client | None, *, images: bool) -> Iterator[Leftover]:
    """Yield leftovers in the order in which they are to be removed."""
    dead = {lease.container: lease for lease in _dead_leases()}
    containers = _dead_containers(client) if client is not None else []
    yield from (Leftover(kind="cgroup", name=str(folder), run="") for folder in own_cgroup.leftovers())
    folders = {lease.work_dir: lease.run for lease in dead.values()}
    for container in containers:
        labels: Mapping[str, str] = container["Labels"]
        name, run = str(container["Id"]), labels.get(LABEL_RUN, "")
        folders[labels.get(LABEL_WORK, "")] = run
        yield Leftover(kind="container", name=name, run=run, program=dead[name].program if name in dead else "")
    notes = [(path, note) for path, note in work_notes() if _of_the_dead(note["owner"])]
    folders |= {note["work_dir"]: note["run"] for _, note in notes}
    yield from _files(folders)
    yield from (
        Leftover(kind="lease", name=name, run=lease.run, program=lease.program)
        for name, lease in dead.items()
        if _reachable(lease, client)
    )
    yield from (Leftover(kind="draft", name=str(path), run="") for path in leases.drafts_of_the_dead())
    yield from (Leftover(kind="note", name=str(path), run=note["run"]) for path, note in notes)
    if images and client is not None:
        yield from _untagged(client)


def _dead_containers(client: Client) -> list[dict[str, Any]]:
    listed = client.api.containers(all=True, filters={"label": [LABEL_OWNER]})
    return [found for found in listed if _of_the_dead(found["Labels"].get(LABEL_OWNER, ""))]


def _dead_leases() -> list[Lease]:
    return [lease for lease in leases.leases().values() if _of_the_dead(lease.owner)]


def _of_the_dead(owner: str) -> bool:
    decoded = Owner.decode(owner)
    return decoded is not None and is_dead(decoded)


def _reachable(lease: Lease, client: Client | None) -> bool:
    """Whether the container can be known to be gone: it was this machine's process, or is the present engine's."""
    return lease.engine == "" or (client is not None and lease.engine == engine_address())


def _files(folders: Mapping[str, str]) -> Iterator[Leftover]:
    """Yield our files in work folders, folder -> run; anything else there, and what live runs use, is not ours."""
    in_use = _in_use()
    for folder, run in sorted(folders.items()):
        if not Path(folder).is_absolute() or folder in in_use:
            continue
        for kind, prefix in (("output", FILE_PREFIX), ("input", INPUT_PREFIX)):
            for path in sorted(Path(folder).glob(f"{prefix}*")):
                with contextlib.suppress(FileNotFoundError):  # another removed it meanwhile
                    size = path.lstat().st_blocks * _BLOCK_BYTES
                    yield Leftover(kind=kind, name=str(path), run=run, bytes=size)


def _in_use() -> set[str]:
    """Return the work folders of owners that may be alive."""
    return {note["work_dir"] for _, note in work_notes() if not _of_the_dead(note["owner"])}


def _untagged(client: Client) -> Iterator[Leftover]:
    """Yield the images of earlier builds that no tag, no container and no live run holds."""
    used = {str(found["ImageID"]) for found in client.api.containers(all=True)}
    used |= {note["image"] for _, note in work_notes() if not _of_the_dead(note["owner"])}
    for image in client.api.images(filters={"dangling": True, "label": SOURCE_LABEL}):
        if image["Id"] not in used:
            yield Leftover(kind="image", name=str(image["Id"]), run="", bytes=int(image["Size"]))


def _remove_all(found: tuple[Leftover, ...], client: Client | None) -> Iterator[tuple[Leftover, str]]:
    """Remove them in order; yield what could not be removed, with why. A container that stays keeps its lease."""
    staying = set()
    for leftover in found:
        if leftover.kind == "lease" and leftover.name in staying:
            continue
        try:
            _remove(leftover, client)
        except (DockerException, OSError) as error:
            staying.add(leftover.name)
            yield leftover, str(error)


def _remove(leftover: Leftover, client: Client | None) -> None:
    if leftover.kind == "lease":
        leases.drop(leftover.name)
    elif leftover.kind == "cgroup":
        own_cgroup.remove(Path(leftover.name))
    elif leftover.kind in ("output", "input"):
        if str(Path(leftover.name).parent) not in _in_use():  # a run may have come since it was found
            Path(leftover.name).unlink(missing_ok=True)
    elif leftover.kind in ("note", "draft"):
        Path(leftover.name).unlink(missing_ok=True)
    elif client is not None and leftover.kind == "container":
        remove_container(client, leftover.name)
    elif client is not None:
        with contextlib.suppress(NotFound):  # gone since
            client.api.remove_image(leftover.name)
