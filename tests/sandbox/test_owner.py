"""Whose a container is: dead owners are certain, all others are left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.sandbox import owner
from orchestrator.sandbox.owner import Owner, is_dead, reap, register_work, this_process


def test_this_process_is_alive() -> None:
    assert not is_dead(this_process())


def test_an_owner_is_read_back_from_its_label() -> None:
    assert Owner.decode(this_process().encode()) == this_process()


@pytest.mark.parametrize("label", ["", "x", "a:b:c:d", "a:b:1", "a:b:1:2:3"])
def test_another_label_names_no_owner(label: str) -> None:
    assert Owner.decode(label) is None


def test_a_number_given_anew_is_another_process() -> None:
    assert is_dead(replace(this_process(), start="1"))


def test_a_process_that_ended_is_dead() -> None:
    assert is_dead(this_process(), start_time=lambda _: None)


def test_an_owner_from_before_the_last_boot_is_dead() -> None:
    assert is_dead(replace(this_process(), boot="another"))


def test_an_owner_in_another_process_namespace_is_left_alone() -> None:
    assert not is_dead(replace(this_process(), namespace="1", start="1"))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A work folder with an output file, a copied input and somebody's own note."""
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("output-1", "input-0", "note.txt"):
        (folder / name).write_bytes(b"x")
    return folder


@pytest.mark.docker
def test_the_work_folder_of_a_dead_run_without_containers_is_cleared(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(owner, "this_process", lambda: replace(this_process(), start="1"))
        note = register_work("instance", "run", work)
    reap()
    assert [path.name for path in work.iterdir()] == ["note.txt"]
    assert not note.exists()


@pytest.mark.docker
def test_the_work_folder_of_a_live_run_is_left_alone(work: Path) -> None:
    note = register_work("instance", "run", work)
    reap()
    assert len(list(work.iterdir())) == 3
    assert note.exists()
