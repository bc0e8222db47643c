"""`assay ledger witness` and what goes with it: cosignatures by a second key, and proofs between checkpoints.

Registered by `cli.py` under `assay ledger`. Parses, prints and exits. It changes no record: cosignatures go into the
checkpoint beside it.
"""

from __future__ import annotations

import contextlib
import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import TornTailError
from orchestrator.ledger.commit import Batch
from orchestrator.ledger.growth import Growth
from orchestrator.ledger.reading import batches_of
from orchestrator.ledger_cli import (
    EXIT_BAD,
    KeyOption,
    RunArgument,
    checkpoint_in,
    is_here,
    ledger_of,
    print_json,
    read_file,
    same_key,
    witness_key,
)
from orchestrator.text import printable

_MAX_PROOF_BYTES = 256 * 1024


class ProofForm(StrEnum):
    """How a consistency proof is printed."""

    JSON = "json"
    C2SP = "c2sp"


TrustOption = Annotated[
    list[str] | None,
    typer.Option("--trust", metavar="VKEY", help="A key whose logs it may cosign (`assay ledger key`); repeats."),
]


def witness(
    run: RunArgument,
    place: Annotated[str, typer.Option("--witness", metavar="DIR|URL", help="A witness's directory, or its URL.")],
    key: Annotated[str, typer.Option("--witness-key", metavar="VKEY", help="Insist on this key; a URL needs it.")] = "",
    plain_http: Annotated[bool, typer.Option("--plain-http", help="Permit http to other hosts than this one.")] = False,
) -> None:
    """Have a record's last checkpoint cosigned by a second key elsewhere, and put that beside the record.

    The witness cosigns only what goes on from all that it has seen of this log.

    Exit code: 0 cosigned, 1 the record is damaged, or not what the witness has seen, 2 usage, 3 it gave none.
    """
    from orchestrator.ledger.witnesses import WitnessError, cosign, cosigner, put_cosigned

    asked, ledger = cosigner(place, witness_key(key) if key else None, plain_http=plain_http), ledger_of(run)
    try:
        growth, last = _grown(ledger)
        found = cosign(asked, last.note, last.key, growth.consistency)
    except WitnessError:
        raise
    except LedgerError as error:
        typer.echo("assay: " + printable(str(error), keep="\n"), err=True)
        raise typer.Exit(EXIT_BAD) from error
    put_cosigned(ledger, last.note, [found.line])
    typer.echo(f"{found.checkpoint.origin}: {found.key} vouches for all {found.checkpoint.size} entries")


def witness_init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="On another disk or host than the runs.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Of the witness. [assay-witness/<key id>]")] = "",
    trust: TrustOption = None,
    rotated: Annotated[
        tuple[str, str] | None,
        typer.Option("--rotated", metavar="OLD NEW", help="The key NEW goes on with the logs that OLD has signed."),
    ] = None,
) -> None:
    """Make a witness: a directory with a key of its own; or have one that exists trust further keys. Print its key.

    Without --trust, whoever may write the directory may introduce logs, and each is pinned to its key. Over HTTP
    only logs of trusted keys are cosigned. A log stays with the key that signed it first, until --rotated names both.

    Exit code: 0 made, 2 usage, 3 it cannot be made.
    """
    from orchestrator.ledger.witness import initialize

    typer.echo(str(initialize(folder, name=name, trust=tuple(trust or ()), rotated=rotated).key))


def witness_serve(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="What `witness-init` made.")],
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Address; port 0 takes a free one.")
    ] = "127.0.0.1:7380",
    trust: TrustOption = None,
) -> None:
    """Answer `POST /add-checkpoint` (C2SP tlog-witness) for logs of trusted keys, until it is stopped.

    No TLS: put it behind a proxy that ends it, or into a tunnel, where others share the network.

    Exit code: 0 stopped, 2 usage, 3 the witness's files are damaged.
    """
    from orchestrator.ledger.witness import Witness
    from orchestrator.ledger.witness_server import serve

    host, colon, port = listen.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit()):
        raise UsageError(f"--listen {listen!r}: expected HOST:PORT, found another form", remedy="127.0.0.1:7380")
    served = Witness(folder, trust=tuple(trust or ()))
    if not served.trusts:
        raise UsageError(
            f"{folder}: expected a key whose logs it may cosign, found none",
            remedy="pass --trust with what `assay ledger key` prints on the host of the runs",
        )
    serve(host.strip("[]"), int(port), served, say=lambda line: typer.echo(printable(line), err=True))


def key() -> None:
    """Print the public half of the key that signs this user's records: what a witness has to trust.

    Exit code: 0 printed, 3 there is none and none can be made.
    """
    from orchestrator.ledger import keys
    from orchestrator.ledger.note import ED25519, encoded

    typer.echo(encoded(ED25519 + keys.current().public))


def prove_consistent(
    run: RunArgument,
    old: Annotated[str, typer.Argument(metavar="OLD", help="An old size, or the file of a checkpoint that was kept.")],
    new: Annotated[int | None, typer.Argument(metavar="[NEW_SIZE]", help="A later signed size. [the last]")] = None,
    form: Annotated[
        ProofForm, typer.Option("--format", help="JSON to check without the record, or C2SP's for a witness.")
    ] = ProofForm.JSON,
) -> None:
    """Print a proof that a record at an old size is the beginning of what it is now.

    Exit code: 0 printed, 1 the record does not go on from that checkpoint, or is damaged, 2 usage.
    """
    from orchestrator.ledger import consistency

    before = int(old) if old.isascii() and old.isdigit() else checkpoint_in(Path(old))
    try:
        proof = consistency.prove(ledger_of(run), before, new)
    except LedgerError as error:
        typer.echo("assay: " + printable(str(error), keep="\n"), err=True)
        raise typer.Exit(EXIT_BAD) from error
    if form is ProofForm.JSON:
        print_json(proof.as_json())
    else:
        typer.echo(proof.as_request().decode(), nl=False)


def check_consistency(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `assay ledger prove-consistent` printed.")],
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="FILE", help="The old checkpoint, as you kept it.")
    ] = None,
    asked: KeyOption = "",
) -> None:
    """Check without the record that its later checkpoint goes on from the earlier one.

    Exit code: 0 it holds, 1 it does not, 2 usage.
    """
    from orchestrator.ledger import consistency

    held = checkpoint_in(checkpoint) if checkpoint else None
    try:
        found = consistency.check(json.loads(read_file(file, _MAX_PROOF_BYTES)), held=held)
        if asked and not same_key(found.key, asked):
            raise LedgerError(f"expected the key {asked}, found {found.key}")
    except (LedgerError, ValueError, RecursionError) as error:
        typer.echo(f"does not hold: {printable(str(error))}")
        raise typer.Exit(EXIT_BAD) from error
    new = found.note.checkpoint
    typer.echo(f"holds: the first {found.old_size} of {new.size} entries of {new.origin} had the root")
    typer.echo(f"  {found.old_root.hex()}{'' if held else ' (compare it with the checkpoint that you kept)'}")
    typer.echo(f"signed by {found.key}{'' if is_here(found.key) else ' (not one of your keys)'}")


def _grown(ledger: Path) -> tuple[Growth, Batch]:
    """Verify a log and return its tree and its last batch; a writer at work, or killed, has acknowledged no more."""
    growth, last = Growth(), None
    with contextlib.suppress(TornTailError):
        for last in batches_of(ledger):
            for leaf in last.leaves:
                growth.append(leaf.hash)
    if last is None:
        raise LedgerError(f"{ledger}: expected a log, found nothing whole")
    return growth, last


def register(app: typer.Typer) -> None:
    """Add these commands to `assay ledger`."""
    app.command(epilog="Example:  assay ledger witness runs/lab --witness /mnt/other/witness")(witness)
    app.command(name="witness-init", epilog="Example:  assay ledger witness-init /mnt/other/witness")(witness_init)
    app.command(name="witness-serve", epilog="Example:  assay ledger witness-serve --dir w --trust VKEY")(witness_serve)
    app.command(epilog="Example:  assay ledger key")(key)
    app.command(name="prove-consistent", epilog="Example:  assay ledger prove-consistent runs/lab kept > proof.json")(
        prove_consistent
    )
    app.command(name="check-consistency", epilog="Example:  assay ledger check-consistency proof.json")(
        check_consistency
    )
