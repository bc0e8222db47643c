"""The keys that sign ledgers: files of the user, made on first use, never in a run directory.

`$ASSAY_KEYS`, or `$XDG_CONFIG_HOME/assay/keys`, or `~/.config/assay/keys`, holds `ledger.key` (the one in use)
and `ledger-<id>.key` (retired ones, which can still hand a log over). Whoever can read them can forge;
nothing here stops the user or root. Keys for other ends lie beside them, and are made and read in the same way:
`made_on_first_use`, `read_private`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from orchestrator.errors import LedgerError
from orchestrator.ledger.note import Signer, VerifierKey
from orchestrator.ledger.recovery import sync_directory

CURRENT = "ledger.key"
_RETIRED = "ledger-{}.key"
_MODE = 0o600
_FOLDER_MODE = 0o700
_ID_DIGITS = 16
_MAX_KEY_BYTES = 4096


def key_folder() -> Path:
    """Return where this user's keys lie."""
    if named := os.environ.get("ASSAY_KEYS"):
        return Path(named).absolute()
    config = os.environ.get("XDG_CONFIG_HOME") or ""
    base = Path(config) if config.startswith("/") else Path.home() / ".config"
    return base / "assay" / "keys"


def require_apart(folder: Path, run_dir: Path) -> None:
    """Refuse keys that lie within what they vouch for: whoever copies or edits the run would have them.

    Raises:
        LedgerError: the folder of keys is the run directory or inside it.
    """
    if folder.resolve().is_relative_to(run_dir.resolve()):
        raise LedgerError(
            f"{folder}: expected the keys outside of the run directory {run_dir}",
            remedy="set ASSAY_KEYS to a directory that only you can read",
        )


def current(folder: Path | None = None) -> Signer:
    """Return the key in use, made now if there is none.

    Raises:
        LedgerError: it cannot be made or read, or others than its owner may read it.
    """
    path = (folder or key_folder()) / CURRENT
    made_on_first_use(path, Ed25519PrivateKey.generate)
    return load(path)


def made_on_first_use(path: Path, make: Callable[[], PrivateKeyTypes]) -> None:
    """Write a new key to `path` if there is none; of processes that do so at once, the first decides.

    Raises:
        LedgerError: it cannot be written.
    """
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
            _place(path, make(), replace=False)
    except OSError as error:
        raise _unusable(path, error) from error


def users_key(run_dir: Path) -> Signer:
    """Return the key in use for a log in `run_dir`; raises as `require_apart` and `current`."""
    folder = key_folder()
    require_apart(folder, run_dir)
    return current(folder)


def former(key: VerifierKey | None, newest: Signer) -> Signer:
    """Return the private half of the key that has signed a log so far; `newest` itself where it is that one.

    Raises:
        LedgerError: it is not to be had here.
    """
    if key is None or newest.public == key.public:
        return newest
    if (found := held(key.public)) is None:
        raise LedgerError(
            f"{key.name}: expected the key {key_id(key.public)} that signed this log, found only others",
            remedy=f"put its file into {key_folder()}; without it the log can be read, but not gone on with",
        )
    return found


def rotate(folder: Path | None = None) -> Signer:
    """Retire the key in use and return a new one; logs are handed over when they are opened again."""
    folder = folder or key_folder()
    old, path = current(folder), folder / CURRENT
    try:
        with contextlib.suppress(FileExistsError):
            os.link(path, folder / _RETIRED.format(key_id(old.public)))
        _place(path, Ed25519PrivateKey.generate(), replace=True)
    except OSError as error:
        raise _unusable(path, error) from error
    return load(path)


def make(path: Path) -> Signer:
    """Return the key in a file of its own, made now if there is none; its folder must exist. Raises as `load`."""
    try:
        if not path.exists():
            _place(path, Ed25519PrivateKey.generate(), replace=False)
    except OSError as error:
        raise _unusable(path, error) from error
    return load(path)


def held(public: bytes, folder: Path | None = None) -> Signer | None:
    """Return the key in use or a retired one that has this public half, or None."""
    folder = folder or key_folder()
    for name in (CURRENT, _RETIRED.format(key_id(public))):
        path = folder / name
        if path.exists() and (signer := load(path)).public == public:
            return signer
    return None


def load(path: Path) -> Signer:
    """Read one key file of a ledger.

    Raises:
        LedgerError: as `read_private`, or no Ed25519 key.
    """
    key = read_private(path, kind="an Ed25519 key", renew="make a new one with `assay ledger rotate-key`")
    if not isinstance(key, Ed25519PrivateKey):
        raise LedgerError(f"{path}: expected an Ed25519 key, found a key of another kind")
    return Signer(key)


def read_private(path: Path, *, kind: str, renew: str) -> PrivateKeyTypes:
    """Read one key file; `kind` is for messages, `renew` says what to do with a key that others could read.

    Raises:
        LedgerError: unreadable, readable by others, a link, or no private key.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise _unusable(path, error) from error
    if mode & 0o077:
        raise LedgerError(
            f"{path}: expected a key that only its owner may read, found mode {mode:04o}",
            remedy=f"chmod 600 it; if others could read it, {renew}",
        )
    try:
        return load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LedgerError(f"{path}: expected {kind} in PEM, found something else") from error


def key_id(public: bytes) -> str:
    """Return the short name of a key, whatever log it signs."""
    return hashlib.sha256(public).hexdigest()[:_ID_DIGITS]


def _place(path: Path, key: PrivateKeyTypes, *, replace: bool) -> None:
    """Write a key file whole and durable; without `replace`, the one that another process made first stays."""
    fd, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.rename(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def _unusable(path: Path, error: OSError) -> LedgerError:
    return LedgerError(
        f"{path}: this key cannot be used: {error.strerror}",
        remedy="set ASSAY_KEYS to a directory that you may write and nobody else may read",
    )
