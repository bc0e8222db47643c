"""A log and its witness for tests: real keys, real directories, and the tree that proofs come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestrator.ledger import Ledger
from orchestrator.ledger.cosignature import Cosigned
from orchestrator.ledger.growth import Growth
from orchestrator.ledger.note import Checkpoint, SignedCheckpoint, Signer, VerifierKey, signed_by
from orchestrator.ledger.tree import leaf_hash
from orchestrator.ledger.witness import Witness, initialize
from orchestrator.ledger.witness_protocol import Answer, Request
from orchestrator.ledger.witnesses import FileWitness, cosign
from tests.ledger.written import skipped

ORIGIN = "assay/test/00000000000000000000000000"
NOW = 1_700_000_000


class Log:
    """A log of numbered leaves, as sizes and roots alone: what a witness sees."""

    def __init__(self, leaves: int, *, tag: str = "", signer: Signer | None = None, origin: str = ORIGIN) -> None:
        self.signer = signer or Signer(Ed25519PrivateKey.generate())
        self.key = VerifierKey(name=origin, public=self.signer.public)
        self.tree = Growth()
        self.add(leaves, tag=tag)

    def add(self, leaves: int, *, tag: str = "") -> Log:
        for number in range(leaves):
            self.tree.append(leaf_hash(f"{tag}{self.tree.size}:{number}".encode()))
        return self

    def fork(self, *, keep: int, leaves: int) -> Log:
        """Return another history under the same key, which parts after `keep` entries (built alike)."""
        other = Log(keep, signer=self.signer, origin=self.key.name)
        return other.add(leaves, tag="fork")

    def note(self, size: int = 0) -> SignedCheckpoint:
        size = size or self.tree.size
        checkpoint = Checkpoint(origin=self.key.name, size=size, root=self.tree.root(size))
        return signed_by(checkpoint, self.key, self.signer.sign(checkpoint.text()))

    def request(self, old: int, *, proof: Sequence[bytes] | None = None, size: int = 0) -> bytes:
        if proof is None:
            proof = self.tree.consistency(old, size or None) if 0 < old <= self.tree.size else ()
        return Request(old=old, proof=tuple(proof), note=self.note(size).render()).render()


def ask(witness: Witness, log: Log, old: int = 0, *, size: int = 0) -> Answer:
    return witness.add_checkpoint(log.request(old, size=size), introduced=log.key)


def make_witness(folder: Path, *trust: str, name: str = "") -> Witness:
    initialize(folder, trust=trust, name=name)
    return Witness(folder, now=lambda: NOW)


def cosign_file(path: Path, witness: Path) -> Cosigned:
    """Have a real log's last checkpoint cosigned by a witness's directory, as `assay ledger witness` does."""
    from orchestrator.ledger.reading import batches_of

    tree, last = Growth(), None
    for last in batches_of(path):
        for leaf in last.leaves:
            tree.append(leaf.hash)
    assert last is not None
    return cosign(FileWitness(witness), last.note, last.key, tree.consistency)


def go_on(path: Path, text: str) -> None:
    with Ledger.open(path) as ledger:
        ledger.append("dpo.skipped", "", skipped(text))
