"""Whose a container is: dead owners are certain, all others count as alive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.sandbox.owner import Owner, is_dead, this_process


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
