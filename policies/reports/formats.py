"""The formats of a check's report, by the names that command lines use. Imports nothing, so that they start at once."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How a check is reported."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


EXPLAINED = (Format.TEXT, Format.JSON)  # those that have a place for an explanation
