"""`assay ledger`: verify a run's record, look into it, take proofs and checkpoints out of it. Prints and exits.

It changes no record. Text from events is escaped for terminals: others wrote it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import FILE_NAME, Entry, Verification, ahead, read
from orchestrator.ledger import verify as verify_log
from orchestrator.ledger.cosignature import CosignerKey
from orchestrator.ledger.note import MAX_NOTE_BYTES, SignedCheckpoint, VerifierKey, parse
from orchestrator.ledger.standing import Standing, standing
from orchestrator.ledger.store import CHECKPOINT_NAME
from orchestrator.regular import read_regular
from orchestrator.text import printable

EXIT_GOOD = 0
EXIT_BAD = 1  # tampered with, or incomplete
_SHOWN_CHARS = 200
_MAX_PROOF_BYTES = 256 * 1024
_LAST_SECOND = 253_402_300_799  # of the year 9999: a witness's clock may say anything

app = typer.Typer(
    help="Verify a run's record, look into it, and take proofs out of it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="Output for people (text) or programs (json).")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's directory, or its ledger.jsonl.")]
KeyOption = Annotated[
    str, typer.Option("--key", metavar="VKEY", help="Insist on this key: a verifier key, or its last part alone.")
]


@app.command(epilog="Example:  assay ledger verify runs/lab --checkpoint kept")
def verify(
    run: RunArgument,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", metavar="FILE", help="A checkpoint kept elsewhere: the log must go on from it."),
    ] = None,
    key: KeyOption = "",
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", metavar="VKEY", help="Say how far this witness vouches for the log; repeats."),
    ] = None,
    require_witness: Annotated[
        int, typer.Option("--require-witness", metavar="N", min=0, help="N of them have to vouch for all of it.")
    ] = 0,
    no_remember: Annotated[
        bool, typer.Option("--no-remember", help="Neither look at what was verified here before, nor remember this.")
    ] = False,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Say whether a record was tampered with, and whether everything that began has an end in it.

    What was verified is remembered by its checkpoint, beside the keys: a later copy that was cut, put back or
    rewritten fails.

    Exit code: 0 good, 1 tampered with or incomplete, 2 usage.
    """
    ledger, witnesses = ledger_of(run), [witness_key(text) for text in witness or ()]
    if require_witness > len(witnesses):
        raise UsageError(
            f"--require-witness {require_witness}: expected as many --witness VKEY, found {len(witnesses)}",
            remedy="name the witnesses by the keys that they print",
        )
    if require_witness and len({each.public for each in witnesses}) < len(witnesses):
        raise UsageError("--witness: expected each key once, found one twice: it vouches once, whatever its name")
    found = standing(
        ledger,
        checkpoint=checkpoint_in(checkpoint) if checkpoint else None,
        memory=not no_remember,
        witnesses=witnesses,
        require=require_witness,
        beside=_beside(ledger),
        voucher=ahead.for_file(ledger),
    )
    problem = found.problem or _wrong_key(found.result, key)
    if not problem and not no_remember:
        _remember(found.result)
    report = _report(replace(found, problem=problem), checkpoint)
    print_json(report) if output_format is Format.JSON else _print_verdict(report)
    raise typer.Exit(EXIT_GOOD if report["complete"] else EXIT_BAD)


@app.command(epilog="Example:  assay ledger show runs/lab --program i2-017;  assay ledger show runs/lab --type eval.")
def show(
    run: RunArgument,
    event_type: Annotated[
        str, typer.Option("--type", metavar="TYPE", help="Only this type, or types that begin so (`sandbox.`).")
    ] = "",
    program: Annotated[str, typer.Option("--program", metavar="ID", help="Only events about this program.")] = "",
    stage: Annotated[
        str, typer.Option("--stage", metavar="STAGE", help="Only what was recorded while this stage was at work.")
    ] = "",
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Print events, each verified before it is shown: one line per event.

    Exit code: 0 all shown, 1 the record is damaged after the last one shown, 2 usage.
    """
    try:
        for entry in _during(read(ledger_of(run)), stage):
            if entry.subject != program and program:
                continue
            if entry.type.startswith(event_type) if event_type.endswith(".") else event_type in ("", entry.type):
                typer.echo(_json_line(entry) if output_format is Format.JSON else _text_line(entry))
    except LedgerError as error:
        typer.echo("assay: " + printable(str(error), keep="\n"), err=True)
        raise typer.Exit(EXIT_BAD) from error


@app.command(epilog="Example:  assay ledger prove runs/lab 17 > proof.json")
def prove(
    run: RunArgument, index: Annotated[int, typer.Argument(metavar="INDEX", help="Of the event, from 0.")]
) -> None:
    """Print a proof that an event is in the record: JSON that can be checked without the record.

    Exit code: 0 printed, 2 usage, 3 the record is damaged or has no such event.
    """
    from orchestrator.ledger import proof

    print_json(proof.prove(ledger_of(run), index))


@app.command(name="check-proof", epilog="Example:  assay ledger check-proof proof.json")
def check_proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `assay ledger prove` printed.")],
    key: KeyOption = "",
) -> None:
    """Check a proof without the record, and print the event that it holds for.

    Exit code: 0 it holds, 1 it does not, 2 usage.
    """
    from orchestrator.ledger import proof

    try:
        found = proof.check(json.loads(read_file(file, _MAX_PROOF_BYTES)))
        if key and not same_key(found.key, key):
            raise LedgerError(f"expected the key {key}, found {found.key}")
    except (LedgerError, ValueError, RecursionError) as error:
        typer.echo(f"does not hold: {printable(str(error))}")
        raise typer.Exit(EXIT_BAD) from error
    typer.echo(f"holds: event {found.event['seq']} of {found.note.checkpoint.size} in {found.note.checkpoint.origin}")
    typer.echo(f"signed by {found.key}{'' if is_here(found.key) else ' (not one of your keys)'}")
    typer.echo(json.dumps(found.event, indent=2, ensure_ascii=True))


@app.command(epilog="Example:  assay ledger checkpoint runs/lab > kept")
def checkpoint(run: RunArgument) -> None:
    """Print the signed checkpoint over the whole record: keep it elsewhere, and verify against it later.

    Exit code: 0 printed, 1 the record is damaged, 2 usage.
    """
    result = verify_log(ledger_of(run))
    if result.note is None or not result.intact:
        typer.echo(f"assay: {printable(result.problem)}", err=True)
        raise typer.Exit(EXIT_BAD)
    typer.echo(result.note.render().decode(), nl=False)


@app.command(epilog="Example:  assay ledger tiles runs/lab --out public/lab")
def tiles(
    run: RunArgument, out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty directory.")]
) -> None:
    """Write the record as static tiles (C2SP tlog-tiles), for other tools and servers.

    Exit code: 0 written, 2 usage, 3 the record is damaged.
    """
    from orchestrator.ledger.tiles import export

    typer.echo(f"{export(ledger_of(run), out)} entries in {out}")


@app.command(name="rotate-key", epilog="Example:  assay ledger rotate-key")
def rotate_key() -> None:
    """Make a new signing key; the old one is kept, and hands a record over when its run is resumed.

    Exit code: 0 made, 3 it cannot be made.
    """
    from orchestrator.ledger import keys

    signer = keys.rotate()
    typer.echo(f"new key {keys.key_id(signer.public)} in {keys.key_folder() / keys.CURRENT}")


def ledger_of(run: Path) -> Path:
    """Return the ledger of a run's directory.

    Raises:
        UsageError: there is none that can be read.
    """
    path = run / FILE_NAME if run.is_dir() else run
    if not path.is_file() or not os.access(path, os.R_OK):
        raise UsageError(f"{run}: expected a run directory with a {FILE_NAME}, found none", remedy="pass runs/<name>")
    return path


def checkpoint_in(path: Path) -> SignedCheckpoint:
    """Return the checkpoint in a file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        return parse(read_file(path, 64 * 1024))
    except LedgerError as error:
        raise UsageError(f"{path}: {error.what}", remedy="pass what `assay ledger checkpoint` printed") from error


def witness_key(text: str) -> CosignerKey:
    """Return a witness's verifier key; raises `UsageError` if the text is none."""
    try:
        return CosignerKey.parse(text)
    except LedgerError as error:
        raise UsageError(error.what, remedy="pass what `assay ledger witness-init` printed") from error


def read_file(path: Path, limit: int) -> bytes:
    """Return a file's bytes; raises `UsageError` if it cannot be read or has more than `limit`."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise UsageError(f"{path}: expected at most {limit} bytes, found more")
    return data


def same_key(key: VerifierKey, asked: str) -> bool:
    """Say whether a log's key is the one that was asked for: its text, or the last part of any with this key."""
    last = str(key).split("+", 2)[2]  # base64, which may hold further plus signs
    return asked in (str(key), last) or asked.endswith(f"+{last}")


def _wrong_key(result: Verification, asked: str) -> str:
    if not asked or (result.keys and same_key(result.keys[0], asked)):
        return ""
    return f"expected the log to begin under the key {asked}, found {result.keys[0] if result.keys else 'none'}"


def is_here(key: VerifierKey) -> bool:
    """Say whether this user holds the private half of a log's key."""
    from orchestrator.ledger import keys

    try:
        return keys.held(key.public) is not None
    except LedgerError:
        return False


def _during(entries: Iterator[Entry], stage: str) -> Iterator[Entry]:
    """Yield what was recorded from a stage's start to its end; everything where no stage is named."""
    at_work: set[tuple[Any, Any]] = set()
    for entry in entries:
        bracket = (entry.data.get("iteration"), entry.data.get("stage"))
        if entry.type == "stage.started" and entry.data["stage"] == stage:
            at_work.add(bracket)
        if at_work or not stage:
            yield entry
        if entry.type == "stage.completed":
            at_work.discard(bracket)
        if entry.type == "log.reopened":
            at_work.clear()


def _text_line(entry: Entry) -> str:
    said = json.dumps(entry.data, ensure_ascii=False, separators=(", ", ": "))
    short = said if len(said) <= _SHOWN_CHARS else said[:_SHOWN_CHARS] + " ..."
    return printable(f"{entry.index:6} {entry.time} {entry.type:22} {entry.subject:8} {short}")


def _json_line(entry: Entry) -> str:
    fields: Mapping[str, Any] = {
        "index": entry.index,
        "hash": entry.hash,
        "type": entry.type,
        "subject": entry.subject,
        "time": entry.time,
        "data": entry.data,
    }
    return json.dumps(fields, ensure_ascii=True)


def _beside(ledger: Path) -> SignedCheckpoint | None:
    """Return the note beside a ledger, for its cosignatures; what is no note, or of another log, counts for nothing."""
    try:
        return parse(read_regular(ledger.with_name(CHECKPOINT_NAME), MAX_NOTE_BYTES + 1))
    except (LedgerError, OSError):
        return None


def _remember(result: Verification) -> None:
    """Keep the checkpoint of what was verified; that it cannot be kept is no fault of the record."""
    from orchestrator.ledger.remembered import remember

    try:
        if result.note is not None:
            remember(result.keys[0], result.note)
    except LedgerError as error:
        typer.echo(f"assay: not remembered: {printable(str(error), keep=chr(10))}", err=True)


def _report(found: Standing, checkpoint: Path | None) -> dict[str, Any]:
    result = found.result
    return {
        "origin": result.origin,
        "entries": result.size,
        "root": result.root,
        "keys": [str(each) for each in result.keys],
        "key_is_here": bool(result.keys) and is_here(result.keys[-1]),
        "integrity": not found.problem,
        "problem": found.problem,
        "bad_index": result.bad_index,
        "bad_last": result.bad_last,
        "torn_bytes": result.torn_bytes,
        "complete": not found.problem and not result.missing,
        "missing": list(result.missing),
        "checkpoint": str(checkpoint) if checkpoint else "",
        "remembered": found.remembered.checkpoint.size if found.remembered else None,
        "namesakes": [str(path) for path in found.namesakes],
        "witnesses": [{"key": str(one.key), "entries": one.size, "time": one.time} for one in found.vouched],
    }


def _print_verdict(report: Mapping[str, Any]) -> None:
    say = [f"{report['origin'] or 'no log'}: {report['entries']} intact entries, root {report['root']}"]
    if report["keys"]:
        whose = "one of your keys" if report["key_is_here"] else "not one of your keys: compare it with one you know"
        say.append(f"signed by {report['keys'][-1]} ({whose})")
    say.append("integrity: holds" if report["integrity"] else f"integrity: FAILS: {report['problem']}")
    if report["bad_index"] is not None:
        say.append(f"first bad index: {_range(report['bad_index'], report['bad_last'])}")
    if report["checkpoint"] and report["integrity"]:
        say.append(f"checkpoint {report['checkpoint']}: the log goes on from it")
    if report["remembered"] is not None and report["integrity"]:
        say.append(
            f"remembered: the log goes on from the {report['remembered']} entries that were verified here before"
        )
    say.extend(
        f"WARNING: a log of this name that begins under another key was verified here before ({path}): "
        "compare the key with one you know"
        for path in report["namesakes"]
    )
    say.extend(_voice(each, report["entries"]) for each in report["witnesses"])
    if report["complete"]:
        say.append("completeness: everything that began has its end")
    elif report["integrity"]:
        say.append(f"completeness: FAILS: {len(report['missing'])} without an end")
        say.extend(f"  {item}" for item in report["missing"])
    for line in say:
        typer.echo(printable(line))


def _range(first: int, last: int) -> str:
    """Say where the first bad entry is: a signature covers a batch, and not each of its entries."""
    return str(first) if last == first else f"{first} (or a later one, to {last}: one signature covers them all)"


def _voice(witness: Mapping[str, Any], entries: int) -> str:
    if not witness["entries"]:
        return f"witness {witness['key']}: no cosignature"
    how_far = f"all {entries}" if witness["entries"] == entries else f"the first {witness['entries']} of {entries}"
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(witness["time"], _LAST_SECOND)))
    return f"witness {witness['key']}: vouches for {how_far} entries since {when}"


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True))
