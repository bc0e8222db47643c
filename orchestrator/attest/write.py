"""A ledger -> a directory of signed attestations about its scored merges: whole, or nothing.

    <program>.provenance.json   <program>.dev.json   <program>.test.json   signer.pub

Nothing is signed before the whole ledger was verified. The ledger is not written to.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.attest.basis import basis_of
from orchestrator.attest.envelope import SigningKey, signing_key
from orchestrator.attest.gather import Based, Gathered, chosen
from orchestrator.attest.statement import PROVENANCE, TEST_RESULT, rendered
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import canonical
from orchestrator.ledger.payload import MOVED
from orchestrator.ledger.recovery import sync_directory

FORMAT = "assay-attestation/1"
MAX_BYTES = 64 * 1024 * 1024  # of one file
PUBLIC_NAME = "signer.pub"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", re.ASCII)  # of a program: it becomes a file's


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What an export came to."""

    programs: int
    statements: int
    others: int  # programs on record that nothing is attested of
    signer: str  # id of the key


def export(ledger: Path, out: Path, programs: Sequence[str] = ()) -> Written:
    """Write the attestations about these programs, or all scored ones, into a new or empty directory.

    1 the ledger is verified, 2 the programs are chosen, 3 each one's entries hold together, 4 statements are
    signed, 5 the directory appears.

    Raises:
        LedgerError: the ledger is damaged, a program's record has a gap, or the key cannot be used.
        UsageError: no such programs, or a directory that holds something or cannot be written.
    """
    _require_empty(out)
    gathered = Gathered(ledger)
    names = chosen(gathered, programs)
    key = signing_key(ledger.parent)
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.absolute().parent) as scratch:
            made = Path(scratch) / out.name
            made.mkdir()
            _put(made / PUBLIC_NAME, key.public.encode("ascii"))
            statements = 0
            for name in names:
                for kind, data in _attested(gathered, name, key):
                    _put(made / f"{name}.{kind}.json", data)
                    statements += 1
            sync_directory(made)
            if out.exists():
                made.chmod(stat.S_IMODE(out.stat().st_mode))  # who may look is as whoever made it wants it
            made.rename(out)
            sync_directory(out.absolute().parent)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be written: {error.strerror}", remedy="pass an --out that you may write"
        ) from error
    others = len(gathered.programs) + len(gathered.rejected) - len(names)
    return Written(programs=len(names), statements=statements, others=others, signer=key.id)


def _require_empty(out: Path) -> None:
    try:
        taken = out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir())))
    except OSError as error:
        raise UsageError(f"{out}: cannot be read: {error.strerror}", remedy="pass another --out") from error
    if taken:
        raise UsageError(f"{out}: expected a new or empty directory", remedy="pass another --out, or remove it")


def _attested(gathered: Gathered, program: str, key: SigningKey) -> Iterator[tuple[str, bytes]]:
    """Yield (kind, file) for each statement about a program."""
    if not _NAME.fullmatch(program):
        raise LedgerError(f"expected a program's id of letters, digits, `_` and `-`, found {program!r:.120}")
    dev, *test = gathered.bases(program)
    for kind, predicate_type, based in (
        ("provenance", PROVENANCE, dev),
        ("dev", TEST_RESULT, dev),
        *(("test", TEST_RESULT, each) for each in test),
    ):
        payload = rendered(basis_of(gathered.origin, based.entries, based.events), predicate_type)
        yield kind, _file(key.sign(payload), key, based, f"{program}.{kind}")


def _file(envelope: Mapping[str, Any], key: SigningKey, based: Based, name: str) -> bytes:
    """Return the envelope with what vouches for it beside its own keys, where DSSE's readers do not look."""
    beside = {"format": FORMAT, "public_key": key.public, "proofs": based.proofs, "moved": _moved(based)}
    data = json.dumps({**envelope, "assay": beside}, indent=1, ensure_ascii=True).encode("ascii") + b"\n"
    if len(data) > MAX_BYTES:
        raise LedgerError(f"{name}: expected at most {MAX_BYTES} bytes with its proofs, found {len(data)}")
    return data


def _moved(based: Based) -> dict[str, str]:
    """Return the values that were too large for their events' lines: digest -> canonical JSON."""
    return {
        reference["sha256"]: canonical(entry.data[name]).decode("utf-8")
        for entry, event in zip(based.entries, based.events, strict=True)
        for name, reference in event["data"].get(MOVED, {}).items()
    }


def _put(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
