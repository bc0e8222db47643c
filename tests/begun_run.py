"""Begins a run's record as `assay run` does, and no more; for tests that kill it in the middle.

`python -m tests.begun_run RUN_DIR`: like `assay run CONFIG --run-dir RUN_DIR` up to the first entry, or refused.
"""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.claim import begin
from orchestrator.config import RunConfig, parse_config
from orchestrator.errors import AssayError

CONFIG_SHA256 = "0" * 64
REFUSED = 7  # exit status


def config(name: str = "begun") -> RunConfig:
    return parse_config({"name": name, "models": {"seed": "a", "candidates": {"b": "c"}}}, source="test")


def main(run_dir: Path) -> int:
    try:
        ledger = begin(config(), run_dir, config_sha256=CONFIG_SHA256, weakened=())
    except AssayError as error:
        sys.stderr.write(str(error))
        return REFUSED
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    ledger._release()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
