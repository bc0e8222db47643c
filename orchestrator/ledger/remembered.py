"""The newest checkpoint of each log that this user has verified, kept outside of any run.

`$ASSAY_HELD`, or `held` in the folder of keys, holds one signed note per log, named by the SHA-256 of its origin and
of the verifier key that it begins under. A log that was cut, put back or rewritten since it was last verified here is
then found without a file kept by hand. A log under another name, or that begins under another key, is another log:
nothing is remembered of that one. Else a stranger's log of the same name, verified once, would stand in the way of
the right one; that there are two of one name is said (`namesakes`).
"""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger import keys
from orchestrator.ledger.canonical import sha256_of
from orchestrator.ledger.note import MAX_NOTE_BYTES, SignedCheckpoint, VerifierKey, parse
from orchestrator.ledger.recovery import put_durably
from orchestrator.regular import read_regular

_FOLDER = "held"
_FOLDER_MODE = 0o700


def place_of(opening: VerifierKey) -> Path:
    """Return the file that holds what is remembered of the log that begins under this key, whose name is the log's."""
    folder = Path(named) if (named := os.environ.get("ASSAY_HELD")) else keys.key_folder() / _FOLDER
    return folder.absolute() / f"{_named(opening)}{sha256_of(str(opening).encode())}"


def namesakes(opening: VerifierKey) -> tuple[Path, ...]:
    """Return what is remembered of logs that have this one's name and begin under another key."""
    own = place_of(opening)
    return tuple(sorted(path for path in own.parent.glob(f"{_named(opening)}*") if path != own))


def recall(opening: VerifierKey) -> SignedCheckpoint | None:
    """Return the newest checkpoint that was verified of the log that begins under this key; None if none was.

    Raises:
        LedgerError: the file is there and cannot be read, or holds something else.
    """
    path, origin = place_of(opening), opening.name
    try:
        found = parse(read_regular(path, MAX_NOTE_BYTES + 1))
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


def remember(opening: VerifierKey, note: SignedCheckpoint) -> None:
    """Keep a checkpoint of the log that begins under this key, durably, unless a newer one is kept.

    Raises:
        LedgerError: it cannot be written, or what is kept is damaged.
    """
    known = recall(opening)
    if known is not None and known.checkpoint.size >= note.checkpoint.size:
        return
    path = place_of(opening)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        put_durably(path, note.render())
    except OSError as error:
        raise LedgerError(f"{path}: cannot be written: {error.strerror}") from error


def _named(opening: VerifierKey) -> str:
    return f"{sha256_of(opening.name.encode())}-"
