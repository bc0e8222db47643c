"""`report.html`: one self-contained page on a run, made from its directory alone.

The record is verified as it is read: damage stops the report, with the first bad entry named. A run that
did not end is reported as far as it went, and the page says so. The page covers the entries up to the
run's end, so that writing it again gives the same bytes. It judges nothing that the record does not say.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from orchestrator.blobs import BlobError, BlobStore
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import FILE_NAME, Entry, TornTailError, read
from orchestrator.reporting.beside import Beside, compare, incomparable
from orchestrator.reporting.facts import RunFacts, gather
from orchestrator.reporting.page import SOURCES_SHOWN, render

REPORT_NAME = "report.html"
_MODE = 0o644


def write_report(run_dir: Path, beside: Path | None = None) -> Path:
    """Write the report of a run, finished or not; return its path.

    1 read and verify the ledger, 2 fold it into facts, 3 the same for the run that it is put beside, if any,
    4 read the best programs' sources, 5 render, 6 put the page in place whole.

    Raises:
        UsageError: no run directory, it cannot be written, or the two runs cannot be compared.
        LedgerError: a ledger is damaged (a torn last line of a killed run is not: the page says so).
    """
    facts, torn_bytes = _facts(run_dir)
    comparison = _beside(run_dir, facts, beside) if beside else None
    page = render(facts, _sources(run_dir, facts), torn_bytes=torn_bytes, beside=comparison)
    return _put(run_dir / REPORT_NAME, page)


def _beside(run_dir: Path, facts: RunFacts, other_dir: Path) -> Beside:
    """Compare with another run, which may have been killed but not damaged."""
    other, _ = _facts(other_dir)
    if why := incomparable(facts, other):
        raise UsageError(
            f"{other_dir}: cannot stand beside {run_dir}: {why}",
            remedy="compare runs on the same models and items; seed and settings may differ",
        )
    return compare(facts, other)


def _facts(run_dir: Path) -> tuple[RunFacts, int]:
    """Return what a run's ledger says, and how many bytes of a torn last line were left out."""
    ledger = run_dir / FILE_NAME
    if not ledger.is_file():
        raise UsageError(
            f"{run_dir}: expected a run directory with a {FILE_NAME}, found none", remedy="pass runs/<name>"
        )
    tail = _Tail()
    try:
        return gather(_until_torn(ledger, tail)), tail.torn_bytes
    except LedgerError as error:
        what = error.what if str(ledger) in error.what else f"{ledger}: {error.what}"
        raise LedgerError(what, remedy=error.remedy) from error


class _Tail:
    """What was found after the last whole line."""

    torn_bytes = 0


def _until_torn(ledger: Path, tail: _Tail) -> Iterator[Entry]:
    try:
        yield from read(ledger)
    except TornTailError as error:
        tail.torn_bytes = error.torn_bytes


def _sources(run_dir: Path, facts: RunFacts) -> dict[str, str]:
    """Read the sources that the page shows; one whose blob is gone or altered is left out."""
    if not (run_dir / "blobs").is_dir():
        return {}
    blobs, sources = BlobStore(run_dir / "blobs"), {}
    for program in (facts.finalists or facts.ranking)[:SOURCES_SHOWN]:
        try:
            sources[program.digest] = blobs.read(program.digest).decode("utf-8", "backslashreplace")
        except BlobError:
            continue
    return sources


def _put(path: Path, page: str) -> Path:
    """Replace the file in one step: a reader sees the old page or the new one."""
    try:
        fd, name = tempfile.mkstemp(prefix=".report-", dir=path.parent)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror}", remedy="make the directory writable"
        ) from error
    temporary = Path(name)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), _MODE)
        temporary.rename(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}", remedy="free some disk space") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path
