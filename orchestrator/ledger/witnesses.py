"""The log's side: asks a witness, a directory or a URL, to cosign a checkpoint, and believes only its key.

1 offer the checkpoint with the size that the witness is thought to hold, 2 where it holds another, prove from that
one, 3 check the cosignature that comes back. A witness that holds more than the log has, or another history, says
that this log was cut, put back or rewritten (`HeldError`); any other refusal says nothing about the log. Nor does that
one over http, where anybody on the way can say it, unless what the witness holds comes with it, cosigned.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger.cosignature import Cosigned, CosignerKey, cosigned_by, require_cosigned, with_lines
from orchestrator.ledger.note import MAX_NOTE_BYTES, Checkpoint, SignedCheckpoint, VerifierKey, parse
from orchestrator.ledger.reading import HeldError
from orchestrator.ledger.recovery import put_beside
from orchestrator.ledger.store import CHECKPOINT_NAME
from orchestrator.ledger.tree import require_consistent
from orchestrator.ledger.witness import Witness
from orchestrator.ledger.witness_protocol import (
    CALL,
    COSIGNED,
    HELD_HEADER,
    MAX_ANSWER_BYTES,
    TEXT_TYPE,
    UNPROVEN,
    Answer,
    Request,
)
from orchestrator.regular import read_regular

MAX_ROUNDS = 4  # another process of the same log may have been faster, a few times
TIMEOUT_SECONDS = 10.0  # for the whole of one request
_SHOWN_CHARS = 300


class WitnessError(LedgerError):
    """A witness cannot be reached, does not answer as witnesses do, or does not trust the log's key."""


class Cosigner(Protocol):
    """Whoever can be asked for a cosignature."""

    @property
    def where(self) -> str:
        """For messages: a path or a URL."""

    @property
    def key(self) -> CosignerKey:
        """The key that it has to answer with."""

    @property
    def authentic(self) -> bool:
        """Whether nobody but the witness can have given an answer: it is a directory, or speaks TLS."""

    def add_checkpoint(self, body: bytes, log_key: VerifierKey) -> Answer:
        """Hand one request over.

        Raises:
            WitnessError: there is no answer.
        """


class FileWitness:
    """A witness whose directory this process may write: on another disk, or another host's."""

    authentic = True

    def __init__(self, folder: Path, key: CosignerKey | None = None) -> None:
        """Open it, and insist on its key where one is given.

        Raises:
            UsageError: there is no witness.
            WitnessError: it is another one, or damaged.
        """
        try:
            self._witness = Witness(folder)
        except (UsageError, LedgerError) as error:
            raise WitnessError(error.what, remedy=error.remedy) from error
        self.where, self.key = str(folder), key or self._witness.key
        if self._witness.key != self.key:
            raise WitnessError(f"{folder}: expected the witness {self.key}, found {self._witness.key}")

    def add_checkpoint(self, body: bytes, log_key: VerifierKey) -> Answer:
        return self._witness.add_checkpoint(body, introduced=log_key)


class HttpWitness:
    """A witness on another host. No redirects, no credentials, no proxies; one deadline for each request."""

    def __init__(
        self,
        url: str,
        key: CosignerKey,
        *,
        plain_http: bool = False,
        timeout: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Look at the URL; nothing is sent. `plain_http` permits http to hosts other than this one.

        Raises:
            UsageError: no https URL, or one with credentials, a query or a fragment.
        """
        self.where, self.key = url, key
        self._parts = _required(url, plain_http=plain_http)
        self.authentic = self._parts.scheme == "https"
        self._timeout = timeout
        self._tls = tls

    def add_checkpoint(self, body: bytes, log_key: VerifierKey) -> Answer:
        connection = self._connection()
        opened: list[socket.socket] = []  # http.client lets go of it when the answer begins
        hang_up = threading.Timer(self._timeout, _hang_up, [connection, opened])
        hang_up.daemon = True
        hang_up.start()
        try:
            connection.connect()
            opened.append(connection.sock)
            connection.request(
                "POST", self._parts.path.rstrip("/") + CALL, body, {"Content-Type": TEXT_TYPE, "Connection": "close"}
            )
            response = connection.getresponse()
            text = response.read(MAX_ANSWER_BYTES + 1)
            kind, vouching = response.headers.get("Content-Type", ""), response.headers.get(HELD_HEADER, "")
        except (OSError, http.client.HTTPException, AttributeError, ValueError) as error:
            # AttributeError and ValueError: the deadline closed the connection under http.client's hands.
            raise WitnessError(
                f"witness {self.where}: no answer within {self._timeout:.0f} s: {error or type(error).__name__}",
                remedy="check its address, and that it runs: `assay ledger witness-serve`",
            ) from error
        finally:
            hang_up.cancel()
            connection.close()
        if len(text) > MAX_ANSWER_BYTES:
            raise WitnessError(f"witness {self.where}: expected at most {MAX_ANSWER_BYTES} bytes, found more")
        return Answer(status=response.status, body=text, content_type=kind, vouching=_bytes(vouching))

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            tls = self._tls or ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)


def cosigner(where: str, key: CosignerKey | None, *, plain_http: bool = False) -> Cosigner:
    """Return the witness at a URL or in a directory; a URL needs the key that it has to answer with.

    Raises:
        UsageError: no witness's address, or a URL without a key.
        WitnessError: a directory that holds no witness, or another one.
    """
    if "://" not in where:
        return FileWitness(Path(where), key)
    if key is None:
        raise UsageError(
            f"{where}: expected the witness's verifier key beside its URL, found none",
            remedy="`assay ledger witness-init` and `witness-serve` print it; pass it with --witness-key",
        )
    return HttpWitness(where, key, plain_http=plain_http)


def cosign(
    witness: Cosigner,
    note: SignedCheckpoint,
    log_key: VerifierKey,
    proof_from: Callable[[int], Sequence[bytes]],
    *,
    thought: int = 0,
) -> Cosigned:
    """Have a checkpoint cosigned; `proof_from(n)` proves it to go on from size n, `thought` is what it may hold.

    Raises:
        HeldError: the witness has seen more of this log, or another history of it.
        WitnessError: it cannot be reached, refuses the key, or answers wrongly.
    """
    size = note.checkpoint.size
    old = min(thought, size)
    for _ in range(MAX_ROUNDS):
        proof = tuple(proof_from(old)) if old else ()
        answer = witness.add_checkpoint(Request(old=old, proof=proof, note=note.render()).render(), log_key)
        if answer.status == COSIGNED:
            return _cosigned(witness, note, answer)
        held = answer.held
        if held is None and not (answer.status == UNPROVEN and old):
            raise _refusal(witness, note, answer)
        if held is None or held == old or held > size:
            if not (witness.authentic or _is_shown(witness.key, answer, note.checkpoint, proof_from)):
                raise _unbelieved(witness, answer)
            raise _cut(witness, held, size) if held is not None and held > size else _rewritten(witness, old)
        old = held
    raise WitnessError(f"witness {witness.where}: expected it to settle on a size, found another each time")


def put_cosigned(ledger: Path, note: SignedCheckpoint, lines: Sequence[tuple[str, bytes]]) -> SignedCheckpoint:
    """Write a checkpoint with these cosignatures beside its ledger; those that it has there already stay. Return it."""
    path = ledger.with_name(CHECKPOINT_NAME)
    whole = with_lines(note, tuple(lines))
    with contextlib.suppress(OSError, LedgerError):
        known = parse(read_regular(path, MAX_NOTE_BYTES + 1))
        if known.checkpoint == note.checkpoint:
            whole = with_lines(known, whole.signatures)
    put_beside(path, whole.render())
    return whole


def _cosigned(witness: Cosigner, note: SignedCheckpoint, answer: Answer) -> Cosigned:
    """Return the cosignature by the witness's key; others' lines are ignored, as the protocol asks."""
    try:
        lines = parse(note.checkpoint.text() + b"\n" + answer.body).signatures
        mine = [line for line in lines if line[0] == witness.key.name and line[1].startswith(witness.key.id)]
        if not mine:
            raise LedgerError(f"expected a cosignature by {witness.key}, found none")
        return require_cosigned(note.checkpoint, mine[0], witness.key)
    except LedgerError as error:
        raise WitnessError(
            f"witness {witness.where}: {error.what}", remedy="compare its key with the one that it prints"
        ) from error


def _is_shown(key: CosignerKey, answer: Answer, ours: Checkpoint, proof_from: Callable[[int], Sequence[bytes]]) -> bool:
    """Say whether a refusal shows, by the witness's cosignature, a checkpoint that this log does not go on from."""
    try:
        found = cosigned_by(parse(answer.vouching), key)
    except LedgerError:
        return False
    if found is None or found.checkpoint.origin != ours.origin or not found.checkpoint.size:
        return False
    seen = found.checkpoint
    if seen.size > ours.size:
        return True
    try:
        require_consistent(seen.size, seen.root, ours.size, ours.root, tuple(proof_from(seen.size)))
    except LedgerError:
        return True
    return False


def _unbelieved(witness: Cosigner, answer: Answer) -> WitnessError:
    return WitnessError(
        f"witness {witness.where}: refused (status {answer.status}) as if it held another history of this log, and did "
        "not show it: over http anybody may have said that",
        remedy="use https, or ask the witness's directory itself",
    )


def _cut(witness: Cosigner, held: int, size: int) -> HeldError:
    return HeldError(
        f"LOG_TRUNCATED: the witness {witness.key.name} vouches for {held} entries, the log has {size}",
        remedy="entries were cut off, or an older copy of the run directory was put back",
    )


def _refusal(witness: Cosigner, note: SignedCheckpoint, answer: Answer) -> WitnessError:
    why = answer.body.decode("utf-8", "replace").strip()[:_SHOWN_CHARS]
    return WitnessError(
        f"witness {witness.where}: refused to cosign {note.checkpoint.origin} at size {note.checkpoint.size} "
        f"(status {answer.status}): {why or 'no reason given'}",
        remedy="have its operator trust the log's key (`assay ledger key`), or mend it, as it says",
    )


def _rewritten(witness: Cosigner, held: int) -> HeldError:
    return HeldError(
        f"LOG_REWRITTEN: the witness {witness.key.name} vouches for {held} entries, which are not this log's first",
        remedy="keep this copy and the witness's directory: together they show that the log was changed or forked",
    )


def _required(url: str, *, plain_http: bool) -> SplitResult:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url!r:.200}: expected a URL, found none ({error})") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f"{url!r:.200}: expected https://HOST[:PORT][/PREFIX], without credentials, query or fragment")
    if any(not "!" <= char <= "~" for char in url):
        raise UsageError(f"{url!r:.200}: expected a URL of printable ASCII")
    if parts.scheme == "http" and not plain_http and not _is_here(host):
        raise UsageError(
            f"{url}: expected https, found http to another host",
            remedy="use https or a tunnel; or permit it: --plain-http, [ledger] plain_http = true (others can then "
            "silence the witness, which stops a run that requires it, and not forge it)",
        )
    return parts


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""  # which is no checkpoint


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hang_up(connection: http.client.HTTPConnection, opened: list[socket.socket]) -> None:
    """End a request that takes too long, however slowly its bytes drip."""
    for each in opened or filter(None, [connection.sock]):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
