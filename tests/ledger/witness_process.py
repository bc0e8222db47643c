"""A witness behind HTTP as a process of its own, started by the real command."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.ledger.cosignature import CosignerKey
from tests.commands import ROOT


@dataclass(frozen=True)
class Served:
    """Where it listens, its key, and the process."""

    url: str
    key: CosignerKey
    process: subprocess.Popen[str]


@contextmanager
def served(folder: Path, *trust: str, port: str = "0") -> Iterator[Served]:
    """Start `assay ledger witness-serve` on a port of this host (0: a free one); end it with SIGTERM."""
    arguments = ["--dir", str(folder), "--listen", f"127.0.0.1:{port}"]
    arguments += [argument for key in trust for argument in ("--trust", key)]
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "ledger", "witness-serve", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        key, address = process.stderr.readline().strip(), process.stderr.readline().strip()
        assert address.startswith("listening on "), key + address + process.stderr.read()
        yield Served(address.removeprefix("listening on "), CosignerKey.parse(key), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
