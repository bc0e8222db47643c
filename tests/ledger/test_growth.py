"""The tree that keeps its nodes agrees with the one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.ledger.growth import Growth
from orchestrator.ledger.tree import consistency_proof, leaf_hash, root_of
from tests.ledger.written import create, skipped, small_log

LEAVES = [leaf_hash(bytes([number])) for number in range(67)]


def grown(size: int) -> Growth:
    tree = Growth()
    for leaf in LEAVES[:size]:
        tree.append(leaf)
    return tree


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 67])
def test_every_earlier_root_is_the_tree_s(size: int) -> None:
    tree = grown(size)
    assert [tree.root(before) for before in range(1, size + 1)] == [
        root_of(LEAVES[:before]) for before in range(1, size + 1)
    ]


@pytest.mark.parametrize("second", [1, 2, 3, 7, 8, 9, 33, 64, 66, 67])
def test_every_consistency_proof_is_the_tree_s(second: int) -> None:
    tree = grown(67)
    for first in range(1, second + 1):
        assert tree.consistency(first, second) == consistency_proof(LEAVES[:second], first)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (6, 5), (1, 68), (-1, 5)])
def test_no_proof_for_sizes_that_are_not_there(first: int, second: int) -> None:
    with pytest.raises(LedgerError, match="expected a size from 1"):
        grown(67).consistency(first, second)


def test_a_file_is_followed_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    tree = Growth()
    with create(path) as ledger:
        for number in range(5):
            ledger.append_many([("dpo.skipped", "", skipped(str(number)))] * (number + 1))
            tree.follow(path, ledger.checkpoint)
            assert (tree.size, tree.root(tree.size).hex()) == (ledger.size, ledger.root)


def test_a_file_that_was_changed_below_its_writer_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    with Ledger.open(path) as ledger:
        path.write_bytes(path.read_bytes().replace(b"reason 1", b"reason 9"))
        with pytest.raises(LedgerError, match="another process changed the file"):
            Growth().follow(path, ledger.checkpoint)
