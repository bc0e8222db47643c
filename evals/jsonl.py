"""Reads the JSONL files of benchmarks: one object per line, with named text fields.

What a field means is the task's business; here only its presence and type are checked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from evals.task import TaskError


def read_records(path: Path, fields: Sequence[str]) -> list[dict[str, str]]:
    """Return the text `fields` of every non-empty line, in file order.

    Raises:
        TaskError: the file cannot be read, or a line is not an object with those text fields (line named).
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise TaskError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TaskError(f"{path}: expected UTF-8, found byte {error.start} that is not") from error
    return [_record(line, fields, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _record(line: str, fields: Sequence[str], where: str) -> dict[str, str]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise TaskError(f"{where}: expected a JSON object, found {line[:60]!r}") from error
    if not isinstance(record, dict):
        raise TaskError(f"{where}: expected a JSON object, found {type(record).__name__}")
    for field in fields:
        if not isinstance(record.get(field), str):
            raise TaskError(f"{where}: expected text under {field!r}, found {record.get(field)!r:.60}")
    return {field: record[field] for field in fields}
