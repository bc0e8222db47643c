"""Leases: what a container is there for, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.sandbox import leases
from orchestrator.sandbox.leases import Lease

LEASE = Lease(
    container="c1", engine="", run="r", instance="i", owner="o", purpose="run", work_dir="/w", output="/w/output-1"
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    return tmp_path


def test_a_lease_is_read_back_as_it_was_written() -> None:
    leases.write(LEASE)
    assert leases.leases() == {"c1": LEASE}


def test_a_lease_with_a_program_takes_the_place_of_the_one_without() -> None:
    lent = replace(LEASE, program="p", deadline=leases.utc(1.0))
    leases.write(LEASE)
    leases.write(lent)
    leases.write(LEASE)
    assert leases.leases() == {"c1": lent}
    assert lent.deadline == "1970-01-01T00:00:01Z"


def test_a_dropped_lease_leaves_no_file(cache: Path) -> None:
    leases.write(LEASE)
    leases.write(replace(LEASE, program="p"))
    leases.drop("c1")
    leases.drop("c1")
    assert [path for path in cache.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "null", '{"container": "c2"}'])
def test_a_file_that_is_no_lease_is_left_out(text: str, cache: Path) -> None:
    leases.write(LEASE)
    (cache / "leases" / "c2.json").write_text(text)
    assert set(leases.leases()) == {"c1"}
