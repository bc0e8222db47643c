"""The output file: exact, poisoned, and only what was made counts."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.candidate import OwnedOutput
from orchestrator.errors import SandboxError
from orchestrator.sandbox.output import create_output, discard_output, never_written, read_tensor, shape_fault
from sandbox_image.protocol import TensorSpec

FIRST = TensorSpec(name="a", dtype="F32", shape=(4,), offset=0, nbytes=16)
SECOND = TensorSpec(name="b", dtype="BF16", shape=(3, 1), offset=16, nbytes=6)
EMPTY = TensorSpec(name="c", dtype="F32", shape=(0, 5), offset=22, nbytes=0)
SPECS = (FIRST, SECOND, EMPTY)


@pytest.fixture
def output(tmp_path: Path) -> Iterator[OwnedOutput]:
    made = create_output(tmp_path / "output-1", SPECS, owner=os.geteuid())
    yield made
    discard_output(made)


def test_the_file_has_its_size_from_the_start(output: OwnedOutput) -> None:
    assert (output.size, output.path.stat().st_size) == (22, 22)
    assert shape_fault(output) == ""


def test_its_blocks_exist(output: OwnedOutput) -> None:
    assert os.fstat(output.fd).st_blocks > 0


def test_only_its_owner_may_use_it(output: OwnedOutput) -> None:
    assert stat.S_IMODE(output.path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_it_belongs_to_the_containers_user(tmp_path: Path) -> None:
    made = create_output(tmp_path / "output-2", SPECS, owner=1_234_567_890)
    assert made.path.stat().st_uid == 1_234_567_890
    discard_output(made)


def test_an_unwritten_tensor_is_told_apart(output: OwnedOutput) -> None:
    assert never_written(output, FIRST)
    os.pwrite(output.fd, bytes(16), 0)
    assert not never_written(output, FIRST)
    assert never_written(output, SECOND)


def test_a_tensor_written_only_in_part_counts_as_unwritten(output: OwnedOutput) -> None:
    os.pwrite(output.fd, bytes(12), 0)
    assert never_written(output, FIRST)


def test_an_empty_tensor_has_nothing_to_write(output: OwnedOutput) -> None:
    assert not never_written(output, EMPTY)
    assert read_tensor(output, EMPTY) == b""


def test_bytes_are_read_from_their_place(output: OwnedOutput) -> None:
    os.pwrite(output.fd, b"abcdef", 16)
    assert read_tensor(output, SECOND) == b"abcdef"


@pytest.mark.parametrize("size", [0, 21, 23])
def test_another_size_is_a_fault(output: OwnedOutput, size: int) -> None:
    os.truncate(output.path, size)
    assert f"expected 22 bytes, found {size}" in shape_fault(output)


def test_a_second_link_is_a_fault(output: OwnedOutput, tmp_path: Path) -> None:
    os.link(output.path, tmp_path / "second")
    assert "2 links" in shape_fault(output)


def test_a_file_put_in_its_place_changes_nothing_that_is_read(output: OwnedOutput) -> None:
    os.pwrite(output.fd, b"abcdef", 16)
    output.path.rename(output.path.with_suffix(".old"))
    output.path.write_bytes(b"x" * 22)
    assert read_tensor(output, SECOND) == b"abcdef"


def test_what_lies_at_the_path_already_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"")
    (tmp_path / "output-1").symlink_to(tmp_path / "target")
    with pytest.raises(SandboxError, match="cannot be made"):
        create_output(tmp_path / "output-1", SPECS, owner=None)


def test_a_file_that_shrinks_while_it_is_read_is_the_platforms_fault(output: OwnedOutput) -> None:
    os.truncate(output.path, 18)
    with pytest.raises(SandboxError, match="shorter"):
        read_tensor(output, SECOND)


def test_no_space_is_the_platforms_fault(tmp_path: Path) -> None:
    huge = TensorSpec(name="h", dtype="F32", shape=(2**50,), offset=0, nbytes=2**52)
    with pytest.raises(SandboxError, match="cannot be made"):
        create_output(tmp_path / "output-1", (huge,), owner=None)
    assert list(tmp_path.iterdir()) == []


def test_discarding_leaves_no_file_and_no_descriptor(tmp_path: Path) -> None:
    made = create_output(tmp_path / "output-3", SPECS, owner=None)
    discard_output(made)
    assert not made.path.exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(made.fd)
