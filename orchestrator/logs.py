"""The run's log file: structlog JSON lines in `runs/<name>/log.jsonl`. The only place that configures structlog.

The log is for people who look for a fault. It is not the record: nothing reads it back, and the ledger
alone says what happened. Text from programs belongs in neither; what is logged is escaped all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import structlog

from orchestrator.credentials import shown
from orchestrator.errors import UsageError

FILE_NAME = "log.jsonl"
_MAX_VALUE_CHARS = 2_000


def logger() -> Any:
    """Return the logger; it writes nowhere outside `log_to`."""
    return structlog.get_logger()


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Send the log to a file, one JSON object per line, for the length of the context.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        stream = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written: {error.strerror}", remedy="choose a run directory that can be written"
        ) from error
    with stream:
        _configure(stream)
        try:
            yield
        finally:
            _configure(None)


def _configure(stream: TextIO | None) -> None:
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _harmless,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=stream) if stream else _Silence,
        cache_logger_on_first_use=False,
    )


def _harmless(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {key: shown(value, _MAX_VALUE_CHARS) if isinstance(value, str) else value for key, value in event.items()}


class _Silence:
    """Takes log lines before a run directory exists, and drops them."""

    def __init__(self, *args: object) -> None:
        """Take what structlog passes to a logger factory."""

    def msg(self, message: str) -> None:
        """Drop a line."""

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


_configure(None)
