"""What dead runs left is found, named and removed; nothing of a live run is, however late it is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cache import cache_dir
from orchestrator.config import RunConfig
from orchestrator.sandbox import leases, leftovers, owner
from orchestrator.sandbox.leases import Lease
from orchestrator.sandbox.leftovers import Leftover, collect, reap
from orchestrator.sandbox.owner import LABEL_OWNER, register_work, this_process, work_notes
from tests.engine import PrivateEngine

DEAD = replace(this_process(), start="1")
NOWHERE = "unix:///nowhere/docker.sock"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder with an output file, a copied input and somebody's own note; no engine, an empty cache."""
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("output-1", "input-0", "note.txt"):
        (folder / name).write_bytes(b"x" * 5000)
    return folder


def noted_by_the_dead(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as patched:
        patched.setattr(owner, "this_process", lambda: DEAD)
        return register_work("dead", "gone", work, "sha256:0")


def lease(work: Path, **changes: str) -> Lease:
    made = Lease(
        container="c1",
        engine="",
        run="gone",
        instance="i",
        owner=DEAD.encode(),
        purpose="run",
        work_dir=str(work),
        output=str(work / "output-1"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_work_folder_of_a_dead_run_is_cleared_of_what_is_ours(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = noted_by_the_dead(work, monkeypatch)
    assert reap(engine=False) == 0
    assert names(work) == ["note.txt"]
    assert not note.exists()


def test_the_work_folder_of_a_live_run_is_left_alone(work: Path) -> None:
    note = register_work("alive", "here", work, "sha256:0")
    reap(engine=False)
    assert len(names(work)) == 3
    assert note.exists()


def test_a_folder_that_a_live_run_shares_with_a_dead_one_is_left_alone(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted_by_the_dead(work, monkeypatch)
    register_work("alive", "here", work, "sha256:0")
    reap(engine=False)
    assert len(names(work)) == 3
    assert [path.stem for path, _ in work_notes()] == ["alive"]


def test_the_lease_of_a_dead_run_names_its_folder_and_goes(work: Path) -> None:
    leases.write(lease(work))
    reap(engine=False)
    assert leases.leases() == {}
    assert names(work) == ["note.txt"]


def test_a_live_run_that_is_past_its_deadline_is_its_own_business(work: Path) -> None:
    late = lease(work, owner=this_process().encode(), program="p", deadline=leases.utc(0.0))
    leases.write(late)
    result = collect(dry_run=False, images=True)
    assert result.found == ()
    assert leases.leases() == {"c1": late}
    assert len(names(work)) == 3


def test_an_owner_in_another_process_namespace_is_left_alone(work: Path) -> None:
    leases.write(lease(work, owner=replace(DEAD, namespace="1").encode()))
    assert collect(dry_run=False, images=True).found == ()


def test_a_dry_run_says_what_and_how_much_and_removes_nothing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = noted_by_the_dead(work, monkeypatch)
    leases.write(lease(work, program="p"))
    result = collect(dry_run=True, images=False)
    assert [(item.kind, Path(item.name).name, item.run) for item in result.found] == [
        ("output", "output-1", "gone"),
        ("input", "input-0", "gone"),
        ("lease", "c1", "gone"),
        ("note", note.name, "gone"),
    ]
    assert [item.bytes >= 5000 for item in result.found] == [True, True, False, False]
    assert result.found[2].program == "p"
    assert len(names(work)) == 3
    assert "c1" in leases.leases()


def test_a_container_on_an_engine_that_does_not_answer_keeps_its_lease(work: Path) -> None:
    leases.write(lease(work, engine=NOWHERE))
    result = collect(dry_run=False, images=False)
    assert result.stranded == 1
    assert NOWHERE in result.unreachable
    assert "c1" in leases.leases()
    assert names(work) == ["note.txt"]


def test_what_cannot_be_removed_is_said_and_the_rest_goes(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted_by_the_dead(work, monkeypatch)
    (work / "output-1").unlink()
    (work / "output-1").mkdir()
    result = collect(dry_run=False, images=False)
    assert [item.kind for item, _ in result.failed] == ["output"]
    assert names(work) == ["note.txt", "output-1"]


def test_a_leftover_that_another_removes_meanwhile_refuses_nothing(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted_by_the_dead(work, monkeypatch)
    glob = Path.glob

    def late(folder: Path, pattern: str) -> list[Path]:
        found = list(glob(folder, pattern))
        if pattern == "output-*":
            (work / "output-1").unlink()
        return found

    monkeypatch.setattr(Path, "glob", late)
    assert reap(engine=False) == 0
    assert names(work) == ["note.txt"]


def test_a_run_that_comes_after_the_search_keeps_its_files(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted_by_the_dead(work, monkeypatch)
    search = leftovers._find

    def late(client: Any, *, images: bool) -> Iterator[Leftover]:
        yield from search(client, images=images)
        register_work("alive", "here", work, "sha256:0")

    monkeypatch.setattr(leftovers, "_find", late)
    reap(engine=False)
    assert names(work) == ["input-0", "note.txt", "output-1"]
    assert [path.stem for path, _ in work_notes()] == ["alive"]


def test_half_written_leases_of_the_dead_go_and_others_stay(work: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    leases.write(lease(work, owner=this_process().encode()))
    folder = cache_dir() / "leases"
    for name in (f"c2.{ended.pid}", f"c3.lent.{ended.pid}", f"c4.{os.getpid()}"):
        (folder / name).touch()
        os.utime(folder / name, (0, 0))
    (folder / f"c5.{ended.pid}").touch()  # young: a process of another namespace may be writing it
    reap(engine=False)
    assert names(folder) == sorted(["c1.json", f"c4.{os.getpid()}", f"c5.{ended.pid}"])


@pytest.mark.docker
def test_untagged_images_go_when_asked_for_but_for_those_in_use(
    own_engine: PrivateEngine, tiny_config: RunConfig, tmp_path: Path
) -> None:
    with own_engine.client() as client:

        def build(text: str) -> str:
            made = client.containers.create(tiny_config.image.name)
            image_id = str(made.commit(message=text).id)
            made.remove()
            return image_id

        forgotten, held, noted = build("forgotten"), build("held"), build("noted")
        client.containers.create(held)
        register_work("alive", "here", tmp_path, noted)
        assert collect(dry_run=False, images=False).found == ()
        result = collect(dry_run=False, images=True)
        assert [(item.kind, item.name) for item in result.found] == [("image", forgotten)]
        assert result.found[0].bytes > 0
        left = {str(image.id) for image in client.images.list()}
        assert {held, noted} <= left
        assert forgotten not in left
        assert any(tiny_config.image.name in tag for image in client.images.list() for tag in image.tags)


@pytest.mark.docker
def test_a_container_of_a_dead_run_is_removed_and_others_are_not(own_engine: PrivateEngine) -> None:
    with own_engine.client() as client:
        image = client.images.list()[0]

        def make(owner: str) -> str:
            return str(client.containers.create(image, labels={LABEL_OWNER: owner}).id)

        dead, alive = make(DEAD.encode()), make(this_process().encode())
        elsewhere, unreadable = make(replace(DEAD, namespace="1").encode()), make("somebody")
        assert reap() == 1
        assert set(own_engine.containers()) == {alive, elsewhere, unreadable}
        assert dead not in own_engine.containers()
