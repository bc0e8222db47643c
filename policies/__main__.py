"""`python -m policies FILE...`: the checker alone. Needs RestrictedPython and nothing else of what Assay needs.

Reports and exit codes are those of `assay check`.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from policies import profiles
from policies.dialect import dialect
from policies.reports.checked import Checked, check_file, read
from policies.reports.escape import printable
from policies.reports.formats import EXPLAINED, Format
from policies.reports.render import render

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Check files and print the report; returns the exit code."""
    options = _parser().parse_args(arguments)
    form = Format(options.format)
    try:
        if options.explain and form not in EXPLAINED:
            raise ValueError(f"--explain: expected --format text or json, found {form}; leave one out")
        profile = profiles.named(options.profile)
        dialect(profile)
        files = [_checked(path, profile) for path in options.files]
    except ValueError as error:
        print(f"policies: {printable(str(error))}", file=sys.stderr)
        return EXIT_USAGE
    for line in render(files, form, profile, explain=options.explain):
        print(line)
    return EXIT_OK if all(file.admitted for file in files) else EXIT_REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m policies",
        description="Say whether programs are within the policy, and if not why. Nothing is executed.",
        epilog="Exit code: 0 all admitted, 1 some refused, 2 usage.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="programs to check")
    parser.add_argument("--format", choices=[form.value for form in Format], default="text", help="[text]")
    parser.add_argument("--explain", action="store_true", help="show what every line may touch (text, json)")
    parser.add_argument(
        "--profile",
        default=profiles.STRICT,
        metavar="NAME|TOML",
        help=f"one of {', '.join(profiles.SHIPPED)}, or a custom profile's file [{profiles.STRICT}]",
    )
    return parser


def _checked(path: str, profile: str) -> Checked:
    try:
        return check_file(path, read(path), profile)
    except OSError as error:
        raise ValueError(f"{path!r}: cannot be read: {error.strerror}; pass readable .py files") from error


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough is no fault
    sys.exit(main())
