"""A writer that says what was acknowledged, on its standard output, for tests that kill it or break its disk.

`python -m tests.ledger.killed_writer LEDGER create|open`: appends until it is stopped or an append fails.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger

APPENDS = 6
FAILED = 7  # exit status where an append or the opening was refused


def main(path: Path, mode: str) -> int:
    try:
        ledger = opened(path, mode)
        say(f"size {ledger.size}")
        for number in range(APPENDS):
            said = {"iteration": 1, "pairs": 0, "why": f"{os.getpid()} {number}"}
            entries = ledger.append_many([("dpo.skipped", "", said)] * (1 + number % 3))
            say("".join(f"ack {entry.index} {entry.hash}\n" for entry in entries).strip())
        ledger.close()
        say(f"closed {ledger.size}")
    except (LedgerError, OSError) as error:
        say(f"failed {error}".splitlines()[0])
        return FAILED
    return 0


def opened(path: Path, mode: str) -> Ledger:
    return Ledger.open(path) if mode == "open" else Ledger.create(path, source="assay/killed", config_sha256="")


def say(text: str) -> None:
    os.write(1, (text + "\n").encode())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
