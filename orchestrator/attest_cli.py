"""`assay ledger export` and `check-export`: attestations for other tools. Parses, prints and exits.

Registered on `ledger_cli.app`. securesystemslib is imported inside the commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger.cosignature import CosignerKey, cosigned_by
from orchestrator.ledger_cli import (
    EXIT_BAD,
    Format,
    FormatOption,
    KeyOption,
    RunArgument,
    app,
    is_here,
    ledger_of,
    print_json,
    read_file,
    same_key,
    witness_key,
)
from orchestrator.text import printable

if TYPE_CHECKING:
    from orchestrator.attest.check import Checked

__all__ = ["app"]


class Attestation(StrEnum):
    """The form of attestations."""

    IN_TOTO = "in-toto"


@app.command(epilog="Example:  assay ledger export runs/lab --format in-toto --out attestations --program i2-017")
def export(
    run: RunArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty directory.")],
    attestation: Annotated[
        Attestation, typer.Option("--format", help="in-toto: SLSA provenance and test results, DSSE-signed.")
    ] = Attestation.IN_TOTO,
    programs: Annotated[
        list[str] | None,
        typer.Option("--program", metavar="ID", help="Only these; commas or repeats. [every verified, scored merge]"),
    ] = None,
) -> None:
    """Write signed statements about merged models: how each was made, and how it was scored (docs/attestations.md).

    Exit code: 0 written, 2 usage or no such program, 3 the record is damaged or the key cannot be used.
    """
    from orchestrator.attest.write import PUBLIC_NAME
    from orchestrator.attest.write import export as write

    done = write(ledger_of(run), out, programs or ())
    typer.echo(f"{done.statements} statements about {done.programs} merged models in {out}")
    if done.others:
        typer.echo(f"nothing about {done.others} other programs on record")
    typer.echo(f"signed by {done.signer}: {out / PUBLIC_NAME}, to be handed out on another way")


@app.command(name="check-export", epilog="Example:  assay ledger check-export attestations/i2-017.dev.json")
def check_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A statement that `assay ledger export` wrote.")],
    key: KeyOption = "",
    signer: Annotated[
        Path | None, typer.Option("--signer", metavar="PEM", help="Insist on this public key of the envelope's.")
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", metavar="VKEY", help="Insist on this witness's cosignature of the log; repeats."),
    ] = None,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Check a statement without the record: signature, proofs, and that it says what the proven entries say.

    Exit code: 0 it holds, 1 it does not, 2 usage.
    """
    from orchestrator.attest.check import check
    from orchestrator.attest.write import MAX_BYTES

    insisted, witnesses = _public(signer) if signer else "", [witness_key(text) for text in witness or ()]
    data = read_file(file, MAX_BYTES)
    try:
        found = check(data)
        if key and not same_key(found.key, key):
            raise LedgerError(f"expected a log under the key {key}, found {found.key}")
        if insisted and insisted != found.public:
            raise LedgerError(f"expected a signature by the key in {signer}, found one by {found.signer}")
        _require_witnesses(found, witnesses)
    except LedgerError as error:
        typer.echo(f"does not hold: {printable(str(error))}")
        raise typer.Exit(EXIT_BAD) from error
    print_json(_report(found)) if output_format is Format.JSON else _print_text(found)


def _require_witnesses(found: Checked, witnesses: Sequence[CosignerKey]) -> None:
    for key in witnesses:
        if cosigned_by(found.note, key) is None:
            raise LedgerError(f"expected a cosignature by the witness {key}, found none")


def _public(path: Path) -> str:
    from orchestrator.attest.envelope import MAX_KEY_CHARS, public_key

    try:
        return public_key(read_file(path, MAX_KEY_CHARS).decode("ascii"))
    except (LedgerError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a P-256 public key in PEM, found something else") from error


def _report(found: Checked) -> dict[str, Any]:
    from orchestrator.attest import envelope

    return {
        "predicate_type": found.statement["predicateType"],
        "program": found.program,
        "subject": found.statement["subject"][0]["digest"],
        "signer": found.signer,
        "signer_is_here": envelope.is_here(found.public),
        "origin": found.note.checkpoint.origin,
        "size": found.note.checkpoint.size,
        "root": found.note.checkpoint.root.hex(),
        "key": str(found.key),
        "key_is_here": is_here(found.key),
        "entries": list(found.indices),
    }


def _print_text(found: Checked) -> None:
    said = _report(found)
    yours, stranger = "one of your keys", "not one of your keys: compare it with one you know"
    for line in (
        f"holds: {said['predicate_type']} of {said['program']}",
        f"subject sha256 {said['subject']['sha256']}",
        f"envelope signed by {said['signer']} ({yours if said['signer_is_here'] else stranger})",
        f"rests on the entries {', '.join(map(str, said['entries']))} of {said['size']} in {said['origin']}",
        f"log signed by {said['key']} ({yours if said['key_is_here'] else stranger})",
    ):
        typer.echo(printable(line))
