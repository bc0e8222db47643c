"""`python -m orchestrator.lab`: make the lab if it is not there, and say where it is and what it measured."""

from __future__ import annotations

import sys

from orchestrator.errors import AssayError
from orchestrator.lab.watch import ensure_watched

INTERRUPTED = 130  # as a shell reports a command that SIGINT ended


def main() -> int:
    """Return the exit code."""
    try:
        lab = ensure_watched()
    except AssayError as error:
        print(f"lab: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("lab: interrupted; nothing half-made is left, run it again at any time", file=sys.stderr)
        return INTERRUPTED
    facts = lab.facts
    dev = {name: score["all"] for name, score in facts["arithmetic"].items() if "all" in score}
    print(f"lab: {lab.root} (made in {facts['build_seconds']:.0f} s)")
    print("dev accuracy: " + ", ".join(f"{name} {score:.1%}" for name, score in dev.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
