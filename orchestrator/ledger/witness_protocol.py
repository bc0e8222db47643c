"""What a log and a witness say to each other: https://c2sp.org/tlog-witness, the call `add-checkpoint`. Pure.

A request is `old N`, the hashes of a consistency proof from that size, an empty line and the checkpoint. An answer
is a status of HTTP and a text; a witness that is a directory answers in the same words.

| status | means | body |
|---:|---|---|
| 200 | cosigned; what the witness holds was durable before | the cosignature's line |
| 400 | no request of this form, or `old` is beyond the checkpoint | why |
| 403 | no signature by a key that is trusted for this log | why |
| 404 | an unknown log, and no signature by a key that is trusted for new ones | why |
| 409 | `old` is not the size that the witness holds, or the roots at that size differ | the size that it holds |
| 422 | the proof does not lead from what the witness holds to the checkpoint | why |

With 409 and 422 our witness gives the checkpoint that it holds, cosigned, so that the refusal can be believed on a
channel where others speak too; over HTTP in base64 under `Assay-Held`, which other witnesses and logs know nothing of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.errors import LedgerError
from orchestrator.ledger.note import MAX_NOTE_BYTES, MAX_SIZE, decoded, encoded
from orchestrator.ledger.tree import HASH_BYTES

CALL = "/add-checkpoint"
MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = 32 + MAX_PROOF_LINES * 45 + MAX_NOTE_BYTES
MAX_ANSWER_BYTES = 16 * 1024
HELD_HEADER = "Assay-Held"
SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"

COSIGNED = 200
MALFORMED = 400
UNTRUSTED = 403
UNKNOWN = 404
CONFLICT = 409
UNPROVEN = 422
BROKEN = 500

_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})", re.ASCII)
_HELD = re.compile(rb"(0|[1-9][0-9]{0,15})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A checkpoint to cosign, and the proof that it goes on from the size `old`; 0: never cosigned."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def render(self) -> bytes:
        """Return the request's bytes; law: `parse(render(r)) == r`."""
        lines = [f"old {self.old}", *(encoded(step) for step in self.proof), "", ""]
        return "\n".join(lines).encode() + self.note


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A witness's answer, as HTTP would carry it. Nothing in it is believed before it is checked."""

    status: int
    body: bytes
    content_type: str = TEXT_TYPE
    vouching: bytes = b""  # a checkpoint file with the witness's cosignature: what it holds; empty: not said

    @property
    def held(self) -> int | None:
        """The size that the witness holds, where it says so."""
        found = _HELD.fullmatch(self.body) if self.status == CONFLICT else None
        return int(found[1]) if found else None


def refused(status: int, why: str, vouching: bytes = b"") -> Answer:
    """Return a refusal with its reason."""
    body = why.encode("utf-8", "backslashreplace")[: MAX_ANSWER_BYTES - 1] + b"\n"
    return Answer(status=status, body=body, vouching=vouching)


def conflict(held: int, vouching: bytes = b"") -> Answer:
    """Return the size that the witness holds, to one who thought it another."""
    return Answer(status=CONFLICT, body=b"%d\n" % held, content_type=SIZE_TYPE, vouching=vouching)


def parse_request(data: bytes) -> Request:
    """Read a request strictly; its checkpoint is not looked into.

    Raises:
        LedgerError: too long, or another form.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise LedgerError(f"expected a request of at most {MAX_REQUEST_BYTES} bytes, found {len(data)}")
    head, blank, note = data.partition(b"\n\n")
    try:
        first, *proof = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise LedgerError("expected `old N` and base64 before the checkpoint, found other bytes") from error
    found = _OLD.fullmatch(first)
    if not blank or found is None or int(found[1]) > MAX_SIZE:
        raise LedgerError(f"expected `old N`, a proof, an empty line and a checkpoint, found {first!r:.60}")
    if len(proof) > MAX_PROOF_LINES:
        raise LedgerError(f"expected at most {MAX_PROOF_LINES} hashes, found {len(proof)}")
    steps = tuple(decoded(step, HASH_BYTES, what="a proof") for step in proof)
    return Request(old=int(found[1]), proof=steps, note=note)
