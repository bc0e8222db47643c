"""The Merkle tree: the public roots of RFC 6962's reference implementation, and proofs that lead nowhere else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import LedgerError
from orchestrator.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    require_consistent,
    root_from_inclusion,
    root_of,
)

# Inputs and roots of certificate-transparency's merkletree tests, used by every implementation since.
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
# From the same tests: (leaf, tree size) -> path.
PATHS = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (0, 1): [],
}
CONSISTENT = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert root_of([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    assert [step.hex() for step in inclusion_proof(LEAVES[:size], index)] == PATHS[index, size]


@pytest.mark.parametrize(("first", "second"), CONSISTENT)
def test_consistency_proofs_are_the_published_ones(first: int, second: int) -> None:
    assert [step.hex() for step in consistency_proof(LEAVES[:second], first)] == CONSISTENT[first, second]


@given(st.data())
def test_every_leaf_is_proved_and_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(leaves, index), root_of(leaves)
    assert root_from_inclusion(leaves[index], index, size, proof) == root
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != index)) if size > 1 else None
    if other is not None:
        assert leads_elsewhere(leaves[index], other, size, proof, root)
        assert leads_elsewhere(leaves[other], index, size, proof, root)
        at = data.draw(st.integers(0, len(proof) - 1))
        assert leads_elsewhere(leaves[index], index, size, [*proof[:at], bytes(32), *proof[at + 1 :]], root)
    assert leads_elsewhere(leaves[index], index, size, [*proof, bytes(32)], root)


def leads_elsewhere(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    try:
        return root_from_inclusion(leaf, index, size, proof) != root
    except LedgerError:
        return True


@given(st.integers(1, 60), st.integers(1, 60))
def test_every_beginning_is_proved(first: int, second: int) -> None:
    first, second = sorted((first, second))
    leaves = [leaf_hash(bytes([number])) for number in range(second)]
    proof = consistency_proof(leaves, first)
    require_consistent(first, root_of(leaves[:first]), second, root_of(leaves), proof)
    changed = [leaf_hash(b"another"), *leaves[1:]]
    for wrong in (root_of(changed[:first]), bytes(32)):
        with pytest.raises(LedgerError):
            require_consistent(first, wrong, second, root_of(leaves), proof)
    for bad in ([*proof, bytes(32)], proof[:-1], [step[:-1] for step in proof] or [b"x"]):
        if bad != proof:
            with pytest.raises(LedgerError):
                require_consistent(first, root_of(leaves[:first]), second, root_of(leaves), bad)


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (0, 0), (3, 2)])
def test_a_proof_for_no_leaf_is_refused(index: int, size: int) -> None:
    with pytest.raises(LedgerError, match="index below"):
        root_from_inclusion(LEAVES[0], index, size, [])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 8), (8, 7), (-1, 8)])
def test_nothing_is_consistent_with_nothing(first: int, second: int) -> None:
    """An empty tree vouches for nothing: a proof from it would say nothing."""
    with pytest.raises(LedgerError, match="sizes with"):
        require_consistent(first, EMPTY_ROOT, second, bytes(32), [])


def test_an_inner_node_cannot_pass_for_a_leaf() -> None:
    forged = LEAVES[0] + LEAVES[1]
    assert leaf_hash(forged) != node_hash(LEAVES[0], LEAVES[1])


def test_a_huge_proof_is_refused_before_anything_is_hashed() -> None:
    with pytest.raises(LedgerError, match="3 hashes"):
        root_from_inclusion(LEAVES[0], 0, 8, [bytes(32)] * 1_000_000)


def test_a_copy_of_a_frontier_grows_on_its_own() -> None:
    frontier = Frontier()
    frontier.append(LEAVES[0])
    twin = frontier.copy()
    twin.append(LEAVES[1])
    assert (frontier.size, twin.size) == (1, 2)
    assert frontier.root().hex() == ROOTS[0]
