"""`assay policy`: what the policy permits, and how an installed torch differs from what it knows. Prints and exits.

It shows what `policies/` holds and decides nothing. torch is imported by `diff` alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.errors import PreflightError, UsageError

if TYPE_CHECKING:
    from policies.surface import Difference, Unknown

EXIT_SAME = 0
EXIT_DIFFERENT = 1

app = typer.Typer(
    help="Show the policy's rules, what it says of a name, and what a new torch adds to it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


class TableFormat(StrEnum):
    """How the table is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


FormatOption = Annotated[Format, typer.Option("--format", help="Output for people (text) or programs (json).")]


@app.command(epilog="Example:  assay policy table --format markdown > docs/torch-table.md")
def table(
    output_format: Annotated[
        TableFormat, typer.Option("--format", help="Output for people (text, markdown) or programs (json).")
    ] = TableFormat.TEXT,
) -> None:
    """Print every public name of torch that was looked at: permitted or denied, and why. Does not need torch.

    Exit code: 0 printed, 2 usage.
    """
    from policies import table as names
    from policies.reasons import made_for

    if output_format is TableFormat.MARKDOWN:
        typer.echo(names.markdown(), nl=False)
    elif output_format is TableFormat.JSON:
        _print_json({"torch": made_for(), "names": [asdict(entry) for entry in names.table()]})
    else:
        for entry in names.table():
            typer.echo(f"{entry.namespace}.{entry.name}: {entry.verdict}: {entry.reason}")


@app.command(name="list", epilog="Example:  assay policy list")
def list_rules(output_format: FormatOption = Format.TEXT) -> None:
    """List the rules, one line each.

    Exit code: 0, 2 usage.
    """
    from policies.reports import rules
    from policies.rulebook import rulebook

    book = rulebook().values()
    if output_format is Format.JSON:
        _print_json(rules.list_json(book))
    else:
        _print_lines(rules.list_text(book))


@app.command(epilog="Example:  assay policy show policy.member;  assay policy show Tensor.numpy")
def show(
    name: Annotated[
        list[str],
        typer.Argument(metavar="RULE|NAME", help="A rule's id, or a name: torch.load, Tensor.numpy, builtin eval."),
    ],
    output_format: FormatOption = Format.TEXT,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME|TOML", help="`strict`, `paper`, or a custom profile's file.")
    ] = "strict",
) -> None:
    """Explain a rule, with an example and what to write instead; or say whether a name is permitted, and why.

    Exit code: 0, 2 usage.
    """
    from policies.lookup import look_up
    from policies.profiles import ProfileError, named
    from policies.reports import rules
    from policies.rulebook import rulebook

    asked = " ".join(name)
    rule = rulebook().get(asked)
    if rule is None and asked.startswith(("syntax.", "policy.", "contract.")):
        raise UsageError(f"{asked!r} is no rule", remedy="`assay policy list` names them")
    if rule is not None:
        _print_json(rules.rule_json(rule)) if output_format is Format.JSON else _print_lines(rules.rule_text(rule))
        return
    try:
        found = look_up(asked, named(profile))
    except ProfileError as error:
        raise UsageError(str(error), remedy="docs/policy.md says how a profile is written") from error
    if output_format is Format.JSON:
        _print_json(rules.names_json(found))
    else:
        _print_lines(rules.names_text(found))


@app.command(epilog="Example:  assay policy diff --format json")
def diff(output_format: FormatOption = Format.TEXT) -> None:
    """Say which public names of the installed torch the policy's table does not know, and which are gone.

    Exit code: 0 no difference, 1 a difference, 2 usage, 3 torch is not installed.
    """
    from policies.reasons import made_for
    from policies.surface import difference, look

    torch = _import_torch()
    found = difference(torch)
    unknown = [look(torch, name) for name in found.new]
    if output_format is Format.JSON:
        _print_json(
            {
                "table": made_for(),
                "installed": torch.__version__,
                "new": [asdict(one) for one in unknown],
                "gone": found.gone,
                "contradictory": found.contradictory,
            }
        )
    else:
        _print_difference(found, unknown, table=made_for(), installed=torch.__version__)
    raise typer.Exit(EXIT_DIFFERENT if found else EXIT_SAME)


def _import_torch() -> ModuleType:
    try:
        import torch
    except ImportError as error:
        raise PreflightError(
            f"torch cannot be imported: {error}",
            remedy="install the torch to compare with (pip install torch) in the environment of this command",
        ) from error
    return torch


def _print_difference(found: Difference, unknown: list[Unknown], *, table: str, installed: str) -> None:
    typer.echo(f"table: torch {table}; installed: torch {installed}")
    for one in unknown:
        about = "; ".join(filter(None, (one.summary, *one.look_at)))
        typer.echo(f"new: {one.name} ({one.kind}){': ' * bool(about)}{about}")
    for title, names in (("gone", found.gone), ("in two places", found.contradictory)):
        for name in names:
            typer.echo(f"{title}: {name}")
    if found:
        typer.echo(
            f"{len(found.new)} new, {len(found.gone)} gone, {len(found.contradictory)} in two places: look at each, "
            "put it into one group of policies/data (denied.toml, or torch.toml and tensor.toml), take out what is gone"
        )
    else:
        typer.echo("no difference: the table knows every public name")


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True))
