"""Whose a container is: dead owners are certain, all others count as alive."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.sandbox import owner
from orchestrator.sandbox.owner import Owner, is_dead, this_process


def test_this_process_is_alive() -> None:
    assert not is_dead(this_process())


def test_an_owner_is_read_back_from_its_label() -> None:
    assert Owner.decode(this_process().encode()) == this_process()


@pytest.mark.parametrize("label", ["", "x", "a:b:c:d", "a:b:1", "a:b:1:2:3:4"])
def test_another_label_names_no_owner(label: str) -> None:
    assert Owner.decode(label) is None


def test_a_number_given_anew_is_another_process() -> None:
    assert is_dead(replace(this_process(), start="1"))


def test_a_process_that_ended_is_dead() -> None:
    assert is_dead(this_process(), start_time=lambda _: None)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with this machine's id, which can be written."""
    path = tmp_path / "machine-id"
    path.write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setattr(owner, "_MACHINE_IDS", (tmp_path / "absent", path))
    return path


@pytest.mark.usefixtures("machine")
def test_an_owner_from_before_this_machine_s_last_boot_is_dead() -> None:
    assert is_dead(replace(this_process(), boot="another"))


@pytest.mark.usefixtures("machine")
def test_another_boot_of_another_or_unknown_machine_cannot_be_told_to_be_over() -> None:
    assert not is_dead(replace(this_process(), boot="another", machine="f" * 32))
    old = Owner.decode("another:1:2:3")
    assert old is not None
    assert not is_dead(old)


@pytest.mark.parametrize("text", ["", "uninitialized\n"])
def test_a_machine_without_an_id_knows_the_dead_of_this_boot_and_no_others(text: str, machine: Path) -> None:
    machine.write_text(text)
    mine = this_process()
    assert mine.machine == ""
    assert Owner.decode(mine.encode()) == mine
    assert is_dead(replace(mine, start="1"))
    assert not is_dead(replace(mine, boot="another"))


def test_an_owner_in_another_process_namespace_is_left_alone() -> None:
    assert not is_dead(replace(this_process(), namespace="1", start="1"))
