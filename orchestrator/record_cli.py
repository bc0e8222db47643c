"""`assay replay`, `bundle` and `show`: what can be done with the record of a run. Parses, prints and exits.

Registered by `cli.py`. Heavy modules are imported inside the commands that need them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.errors import StorageError, UsageError

if TYPE_CHECKING:
    from orchestrator.replay.results import ProgramResult, ReplayResult


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="Output for people (text) or programs (json).")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's directory, or a bundle.")]


def replay(
    run: RunArgument,
    programs: Annotated[
        list[str] | None,
        typer.Option(
            "--programs",
            metavar="WHICH",
            help="best:N (by dev score), verified, rejected, all, or ids; commas or repeats. [best:5]",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="NAME=DIR", help="Where a recorded model is on this machine; repeats."),
    ] = None,
    image: Annotated[
        str, typer.Option("--image", metavar="NAME", help="Compare with what this image makes, not the recorded one.")
    ] = "",
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the result as JSON (docs/replay.md).")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", metavar="FILE", help="A checkpoint kept elsewhere that the ledger must go on from."
        ),
    ] = None,
    work: Annotated[
        Path | None, typer.Option("--work-dir", metavar="DIR", help="Where outputs go meanwhile. [a temporary folder]")
    ] = None,
    weakened: Annotated[
        bool, typer.Option("--weakened", help="Accept a bundle whose record gives up protection.")
    ] = False,
) -> None:
    """Run recorded programs again in the recorded image, and compare every tensor. Writes nothing into RUN.

    Exit code: 0 identical, equivalent or within tolerance, 1 diverged, 2 usage, 3 the platform failed, 4 the record is
    invalid and nothing was run, 5 the recorded image or machine is not here, 6 an input is not, 7 inconclusive, 130
    interrupted.
    """
    from orchestrator.bundle import BundleError, opened
    from orchestrator.replay import results
    from orchestrator.replay.again import replay as run_again
    from orchestrator.replay.classes import ReplayClass
    from orchestrator.replay.original import held_checkpoint
    from orchestrator.replay.preparing import Request

    try:
        with opened(run) as (run_dir, is_bundle):
            request = Request(
                run_dir=run_dir,
                source=str(run),
                programs=tuple(programs or ["best:5"]),
                models=_models(model or []),
                image=image,
                work=work,
                stranger=is_bundle,
                accept_weakened=weakened,
                held=held_checkpoint(checkpoint) if checkpoint else None,
            )
            result = run_again(request, told=_tell)
    except BundleError as error:
        result = results.ReplayResult(source=str(run), whole=ReplayClass.LOG_INVALID, why=str(error))
    _write_results(result, junit=junit, json_file=json_file)
    raise typer.Exit(result.exit_code)


def bundle(
    run: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A run's directory.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Where the bundle goes; a new file.")],
    weights: Annotated[bool, typer.Option("--weights", help="Also the merged weights that the run kept.")] = False,
) -> None:
    """Put a run's record into one file: ledger, programs, report, digests. The same run gives the same bytes.

    Exit code: 0 written, 2 usage, 3 the record is damaged, or the file cannot be written.
    """
    from orchestrator.bundle import write_bundle

    made = write_bundle(run, out, weights=weights)
    typer.echo(f"bundle: {out} ({made.files} files, {made.bytes / 2**20:.1f} MiB, sha256 {made.sha256})")


def show(
    run: RunArgument,
    program: Annotated[str, typer.Argument(metavar="[PROGRAM]", help="Id of a program; without, all in a table.")] = "",
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Show one program's whole life as the record has it, or a table of the programs.

    Exit code: 0 shown, 2 usage, 3 the record is damaged.
    """
    from orchestrator.bundle import opened
    from orchestrator.show import one_program, programs_table

    with opened(run) as (run_dir, _):
        value, lines = one_program(run_dir, program) if program else programs_table(run_dir)
    if output_format is Format.JSON:
        typer.echo(json.dumps(value, indent=2, ensure_ascii=True))
    else:
        for line in lines:
            typer.echo(line)


def _models(pairs: Sequence[str]) -> dict[str, Path]:
    found = {}
    for pair in pairs:
        name, equals, place = pair.partition("=")
        if not (name and equals and Path(place).is_dir()):
            raise UsageError(
                f"--model {pair}: expected NAME=DIR with a directory that exists",
                remedy="for example seed=/models/seed",
            )
        found[name] = Path(place)
    return found


def _tell(program: ProgramResult) -> None:
    from orchestrator.replay.results import details, line

    for text in (line(program), *details(program)):
        typer.echo(text)


def _write_results(result: ReplayResult, *, junit: Path | None, json_file: Path | None) -> None:
    from orchestrator.replay import results

    for text in results.summary(result):
        typer.echo(text)
    if junit is not None:
        _write(junit, results.junit(result))
    if json_file is not None:
        _write(json_file, json.dumps(results.as_json(result), indent=2, ensure_ascii=True) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written: {error.strerror}", remedy="pass a path that you may write"
        ) from error
