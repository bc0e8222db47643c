"""The newest checkpoint of each log that this user has verified, kept outside of any run.

`$ASSAY_HELD`, or `held` in the folder of keys, holds one signed note per log, named by the SHA-256 of its origin. A
log that was cut, put back or rewritten since it was last verified here is then found without a file kept by hand. A
log under another name is another log: nothing is remembered of that one.
"""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger import keys
from orchestrator.ledger.canonical import sha256_of
from orchestrator.ledger.note import MAX_NOTE_BYTES, SignedCheckpoint, parse
from orchestrator.ledger.recovery import put_durably

_FOLDER = "held"
_FOLDER_MODE = 0o700


def place_of(origin: str) -> Path:
    """Return the file that holds what is remembered of a log."""
    folder = Path(named) if (named := os.environ.get("ASSAY_HELD")) else keys.key_folder() / _FOLDER
    return folder.absolute() / sha256_of(origin.encode())


def recall(origin: str) -> SignedCheckpoint | None:
    """Return the newest checkpoint that was verified of a log; None if none was.

    Raises:
        LedgerError: the file is there and cannot be read, or holds something else.
    """
    path = place_of(origin)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            found = parse(file.read(MAX_NOTE_BYTES + 1))
        if found.checkpoint.origin != origin:
            raise LedgerError(f"a checkpoint of {found.checkpoint.origin}")
    except FileNotFoundError:
        return None
    except (OSError, LedgerError) as error:
        raise LedgerError(
            f"{path}: expected the checkpoint that was remembered of {origin}, found it damaged ({error})",
            remedy="remove it to forget it: earlier cuts are then not found; or leave it out with --no-remember",
        ) from error
    return found


def remember(note: SignedCheckpoint) -> None:
    """Keep a checkpoint, durably, unless a newer one of its log is kept.

    Raises:
        LedgerError: it cannot be written, or what is kept is damaged.
    """
    known = recall(note.checkpoint.origin)
    if known is not None and known.checkpoint.size >= note.checkpoint.size:
        return
    path = place_of(note.checkpoint.origin)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        put_durably(path, note.render())
    except OSError as error:
        raise LedgerError(f"{path}: cannot be written: {error.strerror}") from error
