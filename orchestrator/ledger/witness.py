"""A witness: a second key, kept elsewhere, that cosigns a log's checkpoints as long as the log only grows.

Of each log it holds the newest checkpoint that it cosigned, and never cosigns one that is not a continuation of it:
not a smaller one, not another of that size, none without proof. What it holds is on disk before a cosignature is
given. It sees sizes and roots, no events: it cannot say that a log is true or complete, only that there is one.

A witness is a directory:

    witness.json        its verifier key, the keys that it trusts for logs which it has not seen, and which key
                        goes on with the logs of which other
    witness.key         its private key, mode 0600
    lock                taken for each checkpoint: several processes may share the directory
    logs/<sha256>       by the SHA-256 of a log's origin: the checkpoint that it holds, and the log's key
    equivocation-*      two checkpoints of one log, signed by its key, of one size and two roots: proof of a fork
    unproven-*          two checkpoints of which no proof came that one goes on from the other: a reason to ask

Trust: a log that is held is followed under the key that signed before, and under no other that is trusted: who is
trusted for a log of his own has no say in another's. Only the operator lets a rotated key in, by naming it as the one
that goes on for the old one (`rotated`). A log that was never seen needs a key in `witness.json`; where that names
none, the caller of a directory may introduce a log's key, which is then pinned. Over HTTP nothing can be introduced.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import keys
from orchestrator.ledger.canonical import sha256_of
from orchestrator.ledger.cosignature import COSIGNATURE_V1, CosignerKey
from orchestrator.ledger.note import (
    ED25519,
    KEY_ID_BYTES,
    PUBLIC_BYTES,
    Checkpoint,
    SignedCheckpoint,
    VerifierKey,
    decoded,
    encoded,
    parse,
    require_name,
    signed_by,
)
from orchestrator.ledger.recovery import put_durably, sync_directory
from orchestrator.ledger.tree import require_consistent
from orchestrator.ledger.witness_protocol import (
    BROKEN,
    COSIGNED,
    MALFORMED,
    UNKNOWN,
    UNPROVEN,
    UNTRUSTED,
    Answer,
    Request,
    conflict,
    parse_request,
    refused,
)
from orchestrator.regular import read_regular

FORMAT = "assay-witness/1"
SETTINGS, KEY, LOCK, LOGS = "witness.json", "witness.key", "lock", "logs"
MAX_EVIDENCE_FILES = 256
MAX_TRUSTED = 256
LOCK_SECONDS = 10.0
_LOCK_POLL_SECONDS = 0.02
_MAX_FILE_BYTES = 128 * 1024
_FOLDER_MODE = 0o700
_VKEY_PARTS = 3
_LAST_PART_CHARS = 44  # base64 of a type and a key; it may hold `+` itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a witness holds of one log: the newest checkpoint that it cosigned, and the key that signed it."""

    note: SignedCheckpoint
    key: VerifierKey


def initialize(
    folder: Path, *, name: str = "", trust: tuple[str, ...] = (), rotated: tuple[str, str] | None = None
) -> Witness:
    """Make a witness's directory and key, or tell one that exists to trust further keys.

    `rotated` are two keys of logs: the second goes on with what the first has signed, and is trusted where that is.

    Raises:
        UsageError: it has another name, or a key is none.
        LedgerError: the directory cannot be written.
    """
    trusted = {_public_text(text) for text in trust}
    heirs = {_public_text(rotated[0]): _public_text(rotated[1])} if rotated else {}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        (folder / LOGS).mkdir(exist_ok=True, mode=_FOLDER_MODE)
        signer = keys.make(folder / KEY)
        known = _settings(folder) if (folder / SETTINGS).exists() else {}
        own = known.get("vkey") or str(CosignerKey(name=_name(name, signer.public), public=signer.public))
        if name and CosignerKey.parse(own).name != name:
            raise UsageError(f"{folder}: expected the witness {name}, found {own}", remedy="leave --name out")
        trusted |= set(known.get("trust", ()))
        trusted |= {new for old, new in heirs.items() if old in trusted}
        heirs = {**known.get("rotated", {}), **heirs}
        if max(len(trusted), len(heirs)) > MAX_TRUSTED:
            raise UsageError(f"{folder}: expected at most {MAX_TRUSTED} keys, found {max(len(trusted), len(heirs))}")
        settings = {"format": FORMAT, "vkey": own, "trust": sorted(trusted), "rotated": heirs}
        put_durably(folder / SETTINGS, _json(settings))
        sync_directory(folder.parent)
    except OSError as error:
        raise LedgerError(f"{folder}: cannot hold a witness: {error.strerror}") from error
    return Witness(folder)


class Witness:
    """A witness's directory, opened. Any number of processes and threads may use it at once."""

    def __init__(self, folder: Path, *, now: Callable[[], float] = time.time, trust: tuple[str, ...] = ()) -> None:
        """Open it; `trust` names further keys for as long as this object lives.

        Raises:
            UsageError: there is no witness.
            LedgerError: its files are damaged, or its key is not to be had.
        """
        if not (folder / SETTINGS).is_file() or not (folder / LOGS).is_dir():
            raise UsageError(
                f"{folder}: expected a witness's directory with {SETTINGS} and {LOGS}/, found none",
                remedy=f"is its disk mounted? a new one is made by `assay ledger witness-init {folder}`",
            )
        self.folder = folder
        settings = _settings(folder)
        self.key = CosignerKey.parse(settings["vkey"])
        self._signer = keys.load(folder / KEY)
        if self._signer.public != self.key.public:
            raise LedgerError(f"{folder}: expected the private key of {self.key} in {KEY}, found another")
        self._trusted = frozenset(trusted_key(text) for text in (*settings["trust"], *trust))
        self._heirs = {trusted_key(old): trusted_key(new) for old, new in settings.get("rotated", {}).items()}
        self._now = now

    @property
    def trusts(self) -> int:
        """How many keys it trusts for logs that it has not seen."""
        return len(self._trusted)

    def add_checkpoint(self, body: bytes, introduced: VerifierKey | None = None) -> Answer:
        """Answer one request: 1 form, 2 the log's signature, 3 size, 4 proof, 5 hold it, 6 cosign.

        `introduced` is a key that the caller, who has the log, says to be the log's.
        """
        try:
            request = parse_request(body)
            note = parse(request.note)
        except LedgerError as error:
            return refused(MALFORMED, error.what)
        if not request.old <= note.checkpoint.size or not note.checkpoint.size:
            return refused(MALFORMED, f"expected a size from {max(1, request.old)}, found {note.checkpoint.size}")
        try:
            with self._locked():
                return self._judge(request, note, introduced)
        except OSError as error:
            return refused(BROKEN, f"the witness cannot hold it: {error.strerror}")
        except LedgerError as error:
            return refused(BROKEN, error.what)

    def held(self, origin: str) -> Held | None:
        """Return what it holds of a log, or None.

        Raises:
            LedgerError: the file is damaged: the witness then knows nothing, and must not begin anew.
        """
        path = self._state(origin)
        try:
            raw = json.loads(read_regular(path, _MAX_FILE_BYTES))
            found = Held(note=parse(raw["note"].encode()), key=VerifierKey.parse(raw["vkey"]))
            if raw["format"] != FORMAT or found.note.require_signed(found.key).origin != origin:
                raise LedgerError("another log")
        except FileNotFoundError:
            return None
        except (OSError, LedgerError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LedgerError(
                f"{path}: expected the checkpoint that this witness holds of {origin}, found it damaged ({error})",
                remedy="a witness that lost what it held is retired: make another one",
            ) from error
        return found

    def _judge(self, request: Request, note: SignedCheckpoint, introduced: VerifierKey | None) -> Answer:
        offered = note.checkpoint
        held = self.held(offered.origin)
        key = self._signer_of(note, held, introduced)
        if key is None and held is None:
            return refused(UNKNOWN, f"unknown log {offered.origin}: {_remedy(self.folder, 'its key')}")
        if key is None:
            return refused(
                UNTRUSTED,
                f"{offered.origin}: no signature by {held.key if held else ''}; if it was rotated, have the witness's "
                f"operator name both: `assay ledger witness-init {self.folder.name} --rotated OLD_VKEY NEW_VKEY`",
            )
        signed = _reduced(note, key)
        if held is not None:
            before = held.note.checkpoint
            if before.size == offered.size and before.root != offered.root:
                self._keep("equivocation" if key == held.key else "unproven", held, signed, request)
                return conflict(before.size, self._vouching(before))
            if request.old != before.size:
                return conflict(before.size, self._vouching(before))
            try:
                require_consistent(before.size, before.root, offered.size, offered.root, request.proof)
            except LedgerError as error:
                self._keep("unproven", held, signed, request)
                return refused(UNPROVEN, error.what, self._vouching(before))
        elif request.old:
            return conflict(0)
        elif request.proof:
            return refused(UNPROVEN, "expected no proof from size 0, found one")
        put_durably(
            self._state(offered.origin), _json({"format": FORMAT, "note": signed.render().decode(), "vkey": str(key)})
        )
        return self._cosigned(offered)

    def _cosigned(self, checkpoint: Checkpoint) -> Answer:
        return Answer(status=COSIGNED, body=self._vouching(checkpoint).partition(b"\n\n")[2])

    def _vouching(self, checkpoint: Checkpoint) -> bytes:
        """Return the checkpoint that it holds with its cosignature: a refusal that a stranger cannot make up."""
        line = self.key.cosign(self._signer, checkpoint, int(self._now()))
        return SignedCheckpoint(checkpoint=checkpoint, signatures=(line,)).render()

    def _signer_of(
        self, note: SignedCheckpoint, held: Held | None, introduced: VerifierKey | None
    ) -> VerifierKey | None:
        """Return the key of the log that signed the note, if it may."""
        if held is not None:
            candidates = self._followed(held.key.public)
        elif self._trusted:
            candidates = sorted(self._trusted)
        else:
            candidates = [introduced.public] if introduced is not None else []
        for public in candidates:
            key = VerifierKey(name=note.checkpoint.origin, public=public)
            try:
                note.require_signed(key)
            except LedgerError:
                continue
            return key if public != self.key.public else None  # nobody vouches for himself
        return None

    def _followed(self, public: bytes) -> list[bytes]:
        """Return a key, and those that go on with its logs one after another; it may have been rotated twice."""
        found = [public]
        while (heir := self._heirs.get(found[-1])) is not None and heir not in found:
            found.append(heir)
        return found

    def _keep(self, kind: str, held: Held, offered: SignedCheckpoint, request: Request) -> None:
        """Keep what was refused beside what is held; as much of it as there is room for."""
        about = sha256_of(held.note.render() + offered.checkpoint.text())[:16]
        path = self.folder / f"{kind}-{about}.json"
        if path.exists() or len(list(self.folder.glob(f"{kind}-*"))) >= MAX_EVIDENCE_FILES:
            return
        put_durably(
            path,
            _json(
                {
                    "format": f"assay-{kind}/1",
                    "held": held.note.render().decode(),
                    "offered": offered.render().decode(),
                    "proof": [encoded(step) for step in request.proof],
                    "vkey": str(held.key),
                }
            ),
        )

    def _state(self, origin: str) -> Path:
        return self.folder / LOGS / sha256_of(origin.encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes and threads out: reading what is held, and holding another, is one step."""
        fd = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            end = time.monotonic() + LOCK_SECONDS
            while not _try_lock(fd):
                if time.monotonic() > end:
                    raise LedgerError(f"{self.folder}: another process has held the witness for {LOCK_SECONDS:.0f} s")
                time.sleep(_LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(fd)


def trusted_key(text: str) -> bytes:
    """Return the public key in a log's verifier key, or in its last part alone.

    Raises:
        UsageError: it is none, or a witness's.
    """
    try:
        last = text if text.count("+") < _VKEY_PARTS - 1 or len(text) == _LAST_PART_CHARS else text.split("+", 2)[2]
        raw = decoded(last, 1 + PUBLIC_BYTES, what="a log's key")
        if raw[:1] == ED25519 and (last == text or VerifierKey.parse(text)):
            return raw[1:]
        found = "a witness's key" if raw[:1] == COSIGNATURE_V1 else "a key of another type"
        raise LedgerError(f"expected a log's key, found {found}")
    except LedgerError as error:
        raise UsageError(error.what, remedy="pass what `assay ledger key` prints") from error


def _public_text(text: str) -> str:
    return encoded(ED25519 + trusted_key(text))


def _settings(folder: Path) -> Mapping[str, Any]:
    path = folder / SETTINGS
    try:
        found = json.loads(read_regular(path, _MAX_FILE_BYTES))
        CosignerKey.parse(found["vkey"])
        for key in (*found["trust"], *(both for pair in found.get("rotated", {}).items() for both in pair)):
            trusted_key(key)
        if found["format"] == FORMAT:
            return dict(found)
    except OSError as error:
        raise LedgerError(f"{path}: cannot be read: {error.strerror}") from error
    except (UsageError, LedgerError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise LedgerError(f"{path}: expected a witness's settings of the format {FORMAT}, found something else")


def _name(asked: str, public: bytes) -> str:
    return require_name(asked or f"assay-witness/{keys.key_id(public)}")


def _reduced(note: SignedCheckpoint, key: VerifierKey) -> SignedCheckpoint:
    """Return the note with the one signature that was checked."""
    line = next(data for name, data in note.signatures if name == key.name and data.startswith(key.id))
    return signed_by(note.checkpoint, key, line[KEY_ID_BYTES:])


def _remedy(folder: Path, what: str) -> str:
    return f"have the witness's operator trust {what}: `assay ledger witness-init {folder.name} --trust VKEY`"


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=True).encode() + b"\n"


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
