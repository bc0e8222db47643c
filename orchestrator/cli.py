"""The command line: parses arguments, prints, and exits. It alone does so; all work is elsewhere.

Heavy modules (torch, transformers, docker) are imported inside the commands that need them, so that
`assay check` and `--help` start at once.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator import attest_cli, policy_cli, record_cli, witness_cli
from orchestrator.errors import AssayError, UsageError
from orchestrator.text import printable
from policies.reports.formats import EXPLAINED
from policies.reports.formats import Format as CheckFormat

if TYPE_CHECKING:
    from orchestrator.sandbox.leftovers import Collected, Leftover

EXIT_OK = 0
EXIT_PLATFORM = 3  # as errors.py has it
EXIT_REFUSED = 1  # at least one program was refused or rejected; doctor: something is missing
_SHOWN_DIGITS = 12  # of an id or a digest

app = typer.Typer(
    help="Runs model-written merging programs under containment, verifies what comes out, and scores it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(policy_cli.app, name="policy")
app.add_typer(attest_cli.app, name="ledger")  # `ledger_cli.app`, with what attest_cli adds
witness_cli.register(attest_cli.app)


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="Output for people (text) or programs (json).")]


@app.command(epilog="Example:  assay check --format json examples/programs/*.py")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Programs to check.")],
    output_format: Annotated[
        CheckFormat,
        typer.Option("--format", help="For people, programs, code scanning (SARIF 2.1.0) or GitHub Actions."),
    ] = CheckFormat.TEXT,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME|TOML", help="`strict`, `paper`, or a custom profile's file.")
    ] = "strict",
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every line with what it may touch and what bounds it (text, json).")
    ] = False,
) -> None:
    """Say whether programs are within the policy, and if not why. Nothing is executed.

    Exit code: 0 all admitted, 1 some refused, 2 usage.
    """
    from policies.reports.checked import check_file
    from policies.reports.render import render

    if explain and output_format not in EXPLAINED:
        raise UsageError(f"--explain: expected --format text or json, found {output_format}", remedy="leave one out")
    definition = _profile(profile)
    checked = [check_file(str(path), _read_program(path), definition) for path in files]
    for line in render(checked, output_format, definition, explain=explain):
        _say(line)
    raise typer.Exit(EXIT_OK if all(file.admitted for file in checked) else EXIT_REFUSED)


@app.command(name="exec", epilog="Example:  assay exec my_merge.py --config examples/exec.toml --out merged/")
def execute(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Programs to run.")],
    config: Annotated[Path, typer.Option("--config", metavar="TOML", help="Configuration that names the models.")],
    output_format: FormatOption = Format.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write each verified model to DIR/<file stem>/.")
    ] = None,
    no_policy: Annotated[
        bool,
        typer.Option("--no-policy", help="Leave out check and screen; the config must allow it. Tests the container."),
    ] = False,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", metavar="DIR", help="Where the record goes. [runs/<name>-exec-...]")
    ] = None,
) -> None:
    """Take programs through check, screen, run and verify on the config's models. No evaluation.

    Exit code: 0 all verified, 1 some rejected, 2 usage, 3 the platform failed.
    """
    from orchestrator.config import load_config

    settings = load_config(config)  # before torch is imported: a mistake in it is told at once
    programs = [(path, _read_program(path)) for path in files]
    _let_threads_sleep()
    from orchestrator.execute import execute_programs

    verified = True
    for row in execute_programs(settings, programs, out=out, no_policy=no_policy, run_dir=run_dir, say=_note):
        verified = verified and row["verdict"] == "verified"
        _say(json.dumps(row, ensure_ascii=True) if output_format is Format.JSON else _exec_line(row))
    raise typer.Exit(EXIT_OK if verified else EXIT_REFUSED)


@app.command(epilog="Example:  assay run examples/lab.toml --run-dir runs/first")
def run(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="TOML configuration of the run; with --resume, or its directory."),
    ],
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", metavar="DIR", help="Where the run's state goes. [runs/<name>]")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a run that was cut off, from its record; or begin it.")
    ] = False,
    accept_changes: Annotated[
        bool,
        typer.Option("--accept-changes", help="Resume although packages, processor or threads are others; recorded."),
    ] = False,
) -> None:
    """Run the whole loop: generate, check, screen, run, verify, evaluate, learn; then the report.

    A run that was killed, failed or was interrupted goes on with --resume, and ends as it would have: what is
    on record is not done again. A run is never started over in the directory of another.

    Exit code: 0 done, 2 usage, 3 the platform failed, 130 interrupted.
    """
    from orchestrator.config import load_config

    if accept_changes and not resume:
        raise UsageError("--accept-changes: expected --resume too, found neither", remedy="leave it out of a new run")
    if not resume:
        load_config(config)  # before torch is imported: a mistake in it is told at once
    _let_threads_sleep()
    from orchestrator.pipeline import run_pipeline
    from orchestrator.resume import accepted, plan_new, plan_resumed
    from orchestrator.session import determinism_profile

    plan = plan_resumed(config, run_dir) if resume else plan_new(load_config(config), run_dir)
    if plan.resumes:
        plan = accepted(plan, determinism_profile(plan.config), accept=accept_changes)
    _say(f"report: {run_pipeline(plan)}")


@app.command(epilog="Example:  assay report runs/lab --beside runs/lab-control")
def report(
    run_dir: Annotated[Path, typer.Argument(metavar="RUN_DIR", help="A run's directory.")],
    beside: Annotated[
        Path | None,
        typer.Option("--beside", metavar="DIR", help="Compare with this run: the control, or another seed."),
    ] = None,
) -> None:
    """Write RUN_DIR/report.html anew from the ledger, which is verified first.

    Exit code: 0 written, 2 usage or runs that cannot be compared, 3 a ledger is damaged.
    """
    from orchestrator.report import write_report

    _say(f"report: {write_report(run_dir, beside)}")


@app.command(epilog="Example:  assay doctor --config examples/lab.toml")
def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="TOML", help="Also check what this configuration needs.")
    ] = None,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Show what of engine, image, disk and protections is in order on this host; start one container to see.

    Exit code: 0 nothing that a run needs is missing, 1 something is, 2 usage.
    """
    from orchestrator.config import load_config
    from orchestrator.doctor import diagnose

    checks = diagnose(load_config(config) if config else None)
    if output_format is Format.JSON:
        _print_json([dataclasses.asdict(check) for check in checks])
    else:
        for item in checks:
            _say(f"{item.state:11} {item.name}: {item.found}")
            if item.remedy and item.state != "ok":
                _say(f"            -> {item.remedy}")
    raise typer.Exit(EXIT_REFUSED if any(item.fails for item in checks) else EXIT_OK)


@app.command(epilog="Example:  assay gc --dry-run runs/lab")
def gc(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN_DIR]...", help="Also merged weights in these runs that nothing needs any more."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Also untagged images that earlier `make image` builds left.")
    ] = False,
    output_format: FormatOption = Format.TEXT,
) -> None:
    """Remove what runs that died left behind: containers, output files, copied inputs, notes.

    A run is dead when its process is: what live runs use is left alone, however late it is. Every start of a run does
    the same first, but for --images. Records are never touched; of a run that is named, weights that are not among its
    best are removed.

    Exit code: 0 nothing is left, 2 usage, 3 something could not be removed.
    """
    from orchestrator.sandbox.leftovers import collect
    from orchestrator.surplus import collect_weights

    surplus = [collect_weights(run, dry_run=dry_run) for run in runs or ()]
    result = collect(dry_run=dry_run, images=images)
    for one in surplus:
        result = dataclasses.replace(result, found=result.found + one.found, failed=result.failed + one.failed)
    if output_format is Format.JSON:
        _print_json({"dry_run": dry_run, **asdict(result)})
    else:
        _print_leftovers(result, dry_run=dry_run)
    raise typer.Exit(EXIT_PLATFORM if result.failed or result.stranded else EXIT_OK)


app.command(epilog="Example:  assay replay runs/lab --programs best:3 --junit replay.xml")(record_cli.replay)
app.command(epilog="Example:  assay bundle runs/lab -o lab.assay")(record_cli.bundle)
app.command(epilog="Example:  assay show runs/lab i1-004")(record_cli.show)


def main() -> None:
    """Entry point: errors become one message and an exit code, never a traceback."""
    with _explained_errors():
        app(prog_name="assay")


@contextmanager
def _explained_errors() -> Iterator[None]:
    try:
        yield
    except AssayError as error:
        _note("assay: " + printable(str(error), keep="\n"))
        sys.exit(error.exit_code)


def _let_threads_sleep() -> None:
    """Have torch's idle threads sleep instead of spin: containers and evaluation share the cores.

    OpenMP reads these once, when torch is loaded. Spinning made steps 5 to 10 times slower on a shared host.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")


def _read_program(path: Path) -> bytes:
    """Return a program's bytes; deciding whether they are a program is the checker's work."""
    from policies.reports.checked import read

    try:
        return read(str(path))
    except OSError as error:
        raise UsageError(
            f"{printable(str(path))}: cannot be read: {error.strerror}", remedy="pass readable .py files"
        ) from error


def _profile(value: str) -> str:
    """Return a policy profile as the checker takes it."""
    from policies import profiles
    from policies.dialect import dialect

    try:
        definition = profiles.named(value)
        dialect(definition)
    except profiles.ProfileError as error:
        raise UsageError(str(error), remedy="docs/policy.md says how a profile is written") from error
    return definition


def _exec_line(row: dict[str, Any]) -> str:
    if row["verdict"] == "verified":
        return f"{printable(row['path'])}: verified sha256:{row['output_sha256'][:16]} in {row['wall_seconds']:.2f} s"
    return f"{printable(row['path'])}: rejected at {row['stage']}: {row['reason']}: {row['detail']}"


def _print_leftovers(result: Collected, *, dry_run: bool) -> None:
    failed = dict(result.failed)
    for item in result.found:
        fate = f"NOT removed: {failed[item]}" if item in failed else "found" if dry_run else "removed"
        _say(printable(f"{_leftover_line(item)}: {fate}"))
    gone = [item for item in result.found if item not in failed]
    size = sum(item.bytes for item in gone) / 2**20
    _say(f"{len(gone)} {'to remove' if dry_run else 'removed'}, {size:.1f} MiB" if result.found else "nothing is left")
    if result.unreachable:
        _note(f"containers were not looked at: {result.unreachable}")
    if result.stranded:
        _note(f"containers of dead runs that wait for their engine: {result.stranded}; start it and run this again")


def _leftover_line(item: Leftover) -> str:
    name = item.name if item.name.startswith("/") else item.name.removeprefix("sha256:")[:_SHOWN_DIGITS]
    about = [f"run {item.run}"] * bool(item.run) + [f"program {item.program[:_SHOWN_DIGITS]}"] * bool(item.program)
    size = [f"{item.bytes / 2**20:.1f} MiB"] * bool(item.bytes)
    return ", ".join((f"{item.kind} {name}", *about, *size))


def _print_json(value: object) -> None:
    _say(json.dumps(value, indent=2, ensure_ascii=True))


def _say(text: str) -> None:
    typer.echo(text)


def _note(text: str) -> None:
    typer.echo(text, err=True)
