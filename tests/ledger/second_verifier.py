"""A second verifier, written from docs/ledger-format.md alone: standard library, `cryptography`, no code of ours.

It answers what section 7 of that page asks: integrity with the first bad index, and whether the log goes on
from a checkpoint; and what sections 8 and 11 ask: consistency proofs and cosignatures. It leaves out the closed
list of types, as the page allows. Where it and the first verifier disagree, one of them or the page is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SAFE = 2**53 - 1
COMMIT = re.compile(
    rb'\{"\$commit":\{"root":"([A-Za-z0-9+/=]{44})","sig":"([A-Za-z0-9+/=]{88})","size":([1-9][0-9]{0,15})\}\}'
)
FORMS = {
    "id": r"[0-7][0-9A-HJKMNP-TV-Z]{25}",
    "monotonic_ns": r"0|[1-9][0-9]*",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z",
    "specversion": r"1\.0",
    "source": r"(?s:.*)",
    "subject": r"(?s:.*)",
    "type": r"(?s:.*)",
}
ENDS = ("run.completed", "run.failed", "run.interrupted")


class BadError(Exception):
    """Something does not hold, at this index."""

    def __init__(self, index: int, why: str) -> None:
        super().__init__(why)
        self.index = index


def verify(data: bytes, checkpoint: bytes = b"") -> tuple[int, str, int | None, str]:
    """Return (events that hold, root over them in hex, first bad index or None, why)."""
    log = Log(checkpoint)
    try:
        log.read(data)
        log.against_checkpoint()
    except BadError as bad:
        return log.size, log.root, bad.index, str(bad)
    return log.size, log.root, None, ""


class Log:
    """What was read so far, and the rules of section 6."""

    def __init__(self, checkpoint: bytes) -> None:
        self.size, self.root = 0, hashlib.sha256(b"").hexdigest()
        self.leaves: list[bytes] = []
        self.origin, self.key = "", b""
        self.keys: list[tuple[int, bytes]] = []  # (first size that it signs, public key)
        self.closed = self.ended = self.completed = False
        self.checkpoint = checkpoint

    def read(self, data: bytes) -> None:
        lines = data.split(b"\n")
        position = 0
        while position < len(lines) - 1 or lines[position]:
            position = self.batch(lines, position)
        if not self.size:
            raise BadError(0, "empty")

    def batch(self, lines: list[bytes], position: int) -> int:
        first, successor, key = len(self.leaves), b"", self.key
        try:
            while not (position < len(lines) - 1 and lines[position].startswith(b'{"$commit"')):
                need(position < len(lines) - 1, len(self.leaves), "a line without an end")
                need(len(self.leaves) - first < 4096, len(self.leaves), "too many events in a batch")
                need(not successor, len(self.leaves), "events after a rotation")
                successor = self.event(lines[position])
                position += 1
            self.commit(lines[position], first, key or self.key)
        except BadError as bad:
            if not any(line.startswith(b'{"$commit"') for line in lines[position:-1]):
                raise BadError(first, f"torn tail ({bad})") from bad
            raise
        if successor:
            self.key = successor
            self.keys.append((self.size + 1, successor))
        return position + 1

    def event(self, line: bytes) -> bytes:
        """Take one event; return the key that it hands over to, or nothing."""
        index = len(self.leaves)
        need(len(line) < 16384, index, "too long")
        event = canonical_object(line, index)
        need(list(event) == sorted(["actor", "data", "host", "seq", *FORMS]), index, "keys")
        need(all(isinstance(event[name], dict) for name in ("actor", "data", "host")), index, "kinds")
        for name, form in FORMS.items():
            need(isinstance(event[name], str) and re.fullmatch(form, event[name]) is not None, index, name)
        need(type(event["seq"]) is int and event["seq"] == index, index, "seq")
        need(not self.origin or event["source"] == self.origin, index, "source")
        moved(event["data"], index)
        successor = self.rules(event["type"], event["data"], event["source"], index)
        self.leaves.append(hashlib.sha256(b"\x00" + line).digest())
        return successor

    def rules(self, kind: str, data: dict[str, Any], source: str, index: int) -> bytes:
        successor = b""
        need((kind == "log.opened") == (index == 0), index, "log.opened")
        need(not self.closed or kind in ("log.recovered", "log.reopened"), index, "after log.closed")
        if kind == "log.opened":
            need(data.get("format") == "assay-ledger/2" and data.get("origin") == source, index, "opening")
            need(re.fullmatch(r"[!-*,-~]{1,200}", source) is not None, index, "origin")
            self.origin, self.key = source, public(data.get("vkey"), source, index)
            self.keys.append((1, self.key))
        if kind in ("log.recovered", "log.reopened", "log.key_rotated", "log.closed"):
            here = data.get("size") == index and type(data.get("size")) is int and data.get("root") == self.tree().hex()
            need(here, index, "seam")
        if kind == "log.key_rotated":
            need(public(data.get("old_vkey"), source, index) == self.key, index, "old key")
            successor = public(data.get("new_vkey"), source, index)
            need(successor != self.key, index, "new key")
        if kind == "log.reopened":
            self.closed, self.ended = False, self.completed
        if kind in ENDS:
            need(not self.ended, index, "second end")
            self.ended, self.completed = True, self.completed or kind == "run.completed"
        self.closed = self.closed or kind == "log.closed"
        return successor

    def commit(self, line: bytes, first: int, key: bytes) -> None:
        size, match = len(self.leaves), COMMIT.fullmatch(line)
        need(match is not None and size > first, first, "form of a commit")
        assert match is not None
        root, signature = (unbase64(match[part].decode(), first) for part in (1, 2))
        need(int(match[3]) == size, first, "size of a commit")
        need(root == self.tree() and len(signature) == 64, first, "root")
        text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
        need(signed(key, text, signature), first, "signature")
        self.size, self.root = size, root.hex()

    def tree(self) -> bytes:
        return tree(self.leaves)

    def against_checkpoint(self) -> None:
        if not self.checkpoint:
            return
        text, _, lines = self.checkpoint.decode().partition("\n\n")
        origin, digits, root = text.split("\n")
        size = int(digits)
        need(origin == self.origin and 0 < size <= self.size, -1, "another log, or a cut one")
        need(tree(self.leaves[:size]) == unbase64(root, -1), -1, "another history")
        key = [key for begin, key in self.keys if begin <= size][-1]
        for line in lines.splitlines():
            _, name, encoded = line.split(" ")
            raw = unbase64(encoded, -1)
            if name == origin and raw[:4] == key_id(origin, key):
                need(signed(key, (text + "\n").encode(), raw[4:]), -1, "signature of the checkpoint")
                return
        need(False, -1, "no signature by the log's key")


def need(condition: bool, index: int, why: str) -> None:
    if not condition:
        raise BadError(index, why)


def tree(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, bottom up."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = leaves
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def canonical_object(line: bytes, index: int) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"), parse_float=refuse, parse_constant=refuse)
        again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise BadError(index, "json") from error
    need(again == line and isinstance(value, dict), index, "not canonical")
    plain(value, index, 0)
    return value


def refuse(text: str) -> None:
    raise ValueError(text)


def plain(value: Any, index: int, depth: int) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        need(-SAFE <= value <= SAFE, index, "integer")
    if isinstance(value, dict | list):
        need(depth < 32, index, "depth")
        for key in value if isinstance(value, dict) else ():
            need(all(" " <= char <= "~" for char in key), index, "key")
        for item in value.values() if isinstance(value, dict) else value:
            plain(item, index, depth + 1)


def moved(data: dict[str, Any], index: int) -> None:
    """Section 6, rule 6."""
    if "moved" not in data:
        return
    need(isinstance(data["moved"], dict), index, "moved")
    total = 0
    for name, what in data["moved"].items():
        need(isinstance(what, dict) and list(what) == ["bytes", "sha256"], index, "moved")
        need(type(what["bytes"]) is int and what["bytes"] > 0, index, "moved")
        need(isinstance(what["sha256"], str), index, "moved")
        need(re.fullmatch(r"[0-9a-f]{64}", what["sha256"]) is not None, index, "moved")
        need(isinstance(data.get(name), str | list | dict) and not data[name], index, "moved")
        total += what["bytes"]
    need(total <= 16 * 2**20, index, "moved")


def unbase64(text: str, index: int) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadError(index, "base64") from error
    need(base64.b64encode(data).decode() == text, index, "base64")
    return data


def key_id(name: str, key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]


def public(vkey: Any, name: str, index: int) -> bytes:
    need(isinstance(vkey, str) and vkey.startswith(name + "+") and vkey.count("+") >= 2, index, "verifier key")
    digits, _, encoded = vkey[len(name) + 1 :].partition("+")
    raw = unbase64(encoded, index)
    need(len(raw) == 33 and raw[:1] == b"\x01" and digits == key_id(name, raw[1:]).hex(), index, "verifier key")
    return raw[1:]


def signed(key: bytes, text: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def consistent(file: Any, old_checkpoint: bytes = b"") -> tuple[int, int]:
    """Check a file of section 8 that says one size to be the beginning of another; return both."""
    kinds = {"format": str, "old_size": int, "old_root": str, "proof": list, "checkpoint": str, "vkey": str}
    need(isinstance(file, dict) and {key: type(value) for key, value in file.items()} == kinds, -1, "form")
    need(file["format"] == "assay-consistency/1" and len(file["proof"]) <= 64, -1, "form")
    need(all(isinstance(step, str) for step in file["proof"]), -1, "form")
    origin, size, root = checkpoint_lines(file["checkpoint"].encode())[:3]
    key = public(file["vkey"], origin, -1)
    text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()
    signatures = [raw for name, raw in checkpoint_lines(file["checkpoint"].encode())[3] if name == origin]
    need(any(raw[:4] == key_id(origin, key) and signed(key, text, raw[4:]) for raw in signatures), -1, "signature")
    old_size, old_root = file["old_size"], unbase64(file["old_root"], -1)
    if old_checkpoint:
        need(checkpoint_lines(old_checkpoint)[:3] == (origin, old_size, old_root), -1, "another checkpoint")
    proof = [unbase64(step, -1) for step in file["proof"]]
    need(0 < old_size <= size and all(len(step) == 32 for step in (old_root, *proof)), -1, "sizes")
    climbed = roots(old_size, size, True, proof, old_root)
    need(climbed == (old_root, root) and not proof, -1, "the proof does not lead there")
    return old_size, size


def roots(old: int, size: int, whole: bool, proof: list[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """RFC 6962 section 2.1.2, backwards: take hashes from the end, return the roots at the old size and at `size`."""
    if old == size:
        if whole:
            return old_root, old_root
        need(bool(proof), -1, "too short a proof")
        last = proof.pop()
        return last, last
    need(bool(proof), -1, "too short a proof")
    split, side = 1, proof.pop()
    while split * 2 < size:
        split *= 2
    if old <= split:
        before, after = roots(old, split, whole, proof, old_root)
        return before, hashlib.sha256(b"\x01" + after + side).digest()
    before, after = roots(old - split, size - split, False, proof, old_root)
    return hashlib.sha256(b"\x01" + side + before).digest(), hashlib.sha256(b"\x01" + side + after).digest()


def vouches(note: bytes, vkey: str) -> int:
    """Return the time of a witness's cosignature of a checkpoint (section 11), or refuse it."""
    origin, size, root, signatures = checkpoint_lines(note)
    name, digits, encoded = vkey.split("+", 2)
    raw = unbase64(encoded, -1)
    identity = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    need(len(raw) == 33 and raw[0] == 4 and identity.hex() == digits, -1, "verifier key of a witness")
    for signer, data in signatures:
        if signer == name and data[:4] == identity:
            need(len(data) == 76 and data[4] < 128, -1, "form of a cosignature")
            time = int.from_bytes(data[4:12], "big")
            text = f"cosignature/v1\ntime {time}\n{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
            need(signed(raw[1:], text.encode(), data[12:]), -1, "cosignature")
            return time
    raise BadError(-1, "no cosignature by this witness")


def checkpoint_lines(note: bytes) -> tuple[str, int, bytes, list[tuple[str, bytes]]]:
    """Return origin, size, root and the signatures (name, id and signature) of a checkpoint file."""
    text, blank, tail = note.decode().partition("\n\n")
    need(bool(blank) and tail.endswith("\n") and text.count("\n") == 2, -1, "form of a checkpoint")
    origin, digits, root = text.split("\n")
    need(re.fullmatch(r"0|[1-9][0-9]*", digits) is not None, -1, "size")
    lines = [line.split(" ") for line in tail[:-1].split("\n")]
    need(all(len(line) == 3 and line[0] == "\u2014" for line in lines), -1, "signature lines")
    return origin, int(digits), unbase64(root, -1), [(line[1], unbase64(line[2], -1)) for line in lines]
