"""Rewrites the generated blocks of README.md: the commands' --help, the reasons and the configuration reference.

    python scripts/readme.py            # rewrite
    python scripts/readme.py --check    # exit 1 when README.md is out of date (what the test runs)

A block stands between `<!-- generated: NAME -->` and `<!-- end -->`. Nothing else of the file is touched.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from orchestrator import candidate, config, protection

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
COMMANDS = ("check", "exec", "run", "report", "show", "replay", "bundle", "doctor", "gc")
HELP_COLUMNS = "100"
BLOCK = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def help_blocks() -> str:
    """Return each command's real --help as a code block."""
    return "\n".join(f"```console\n$ assay {name} --help\n{help_text(name)}\n```\n" for name in COMMANDS)


def help_text(command: str) -> str:
    environment = {**os.environ, "COLUMNS": HELP_COLUMNS, "TERM": "dumb", "NO_COLOR": "1"}
    output = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "orchestrator", command, "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    ).stdout
    return "\n".join(line.rstrip() for line in output.strip("\n").splitlines())


def configuration() -> str:
    """Return one table per section of `RunConfig`."""
    top, sections = [], []
    for name, field in config.RunConfig.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, config.Section):
            rows = [row(key, inner) for key, inner in section.model_fields.items()]
            sections.append(table(f"`[{name}]`", rows))
        else:
            top.append(row(name, field))
    return "\n".join([table("top of the file", top), *sections])


def table(title: str, rows: list[str]) -> str:
    return f"**{title}**\n\n| key | type | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def row(key: str, field: FieldInfo) -> str:
    default = "required" if field.default is PydanticUndefined else f"`{show(field.default)}`"
    return f"| `{key}` | {type_name(field)} | {default} | {field.description} |"


def type_name(field: FieldInfo) -> str:
    text = str(field.annotation)
    if "Literal" in text:
        return " or ".join(f"`{value}`" for value in re.findall(r"'([^']*)'", text))
    text = getattr(field.annotation, "__name__", text) if "[" not in text else text
    limits = [
        f"{word} {getattr(meta, attribute)}"
        for meta in field.metadata
        for attribute, word in BOUNDS
        if hasattr(meta, attribute)
    ]
    return ", ".join(
        [text.replace("tuple[str, ...]", "list of str").replace("tuple[float, ...]", "list of float"), *limits]
    )


BOUNDS = (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))


def show(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(list(value)) if isinstance(value, tuple) else f'"{value}"' if isinstance(value, str) else str(value)


def reasons() -> str:
    """Return the closed list of rejection reasons with the comment that each has in the source."""
    source = (ROOT / "orchestrator" / "candidate.py").read_text()
    comments = dict(re.findall(r'^    [A-Z_]+ = "(\w+)"  # (.+)$', source, re.MULTILINE))
    rows = [f"| `{reason.value}` | {comments[reason.value]} |" for reason in candidate.Reason]
    return "| reason | when |\n|---|---|\n" + "\n".join(rows) + "\n"


def protections() -> str:
    """Return the names of all protections with what each does."""
    rows = [f"| `{name}` | {does} |" for name, does in protection.PROTECTIONS.items()]
    return "| protection | what it does |\n|---|---|\n" + "\n".join(rows) + "\n"


GENERATORS: dict[str, Callable[[], str]] = {
    "help": help_blocks,
    "configuration": configuration,
    "reasons": reasons,
    "protections": protections,
}


def rewritten(text: str) -> str:
    """Return README text with every generated block made anew."""
    return BLOCK.sub(lambda match: match.group(1) + GENERATORS[match.group("name")]() + match.group(3), text)


def main() -> int:
    old = README.read_text()
    new = rewritten(old)
    if "--check" in sys.argv[1:]:
        if old != new:
            print("README.md is out of date: run `python scripts/readme.py`", file=sys.stderr)
        return int(old != new)
    README.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main())
