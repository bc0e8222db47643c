"""Takes what looks like a credential out of an event before it is appended: what is in a log stays there.

A net with known holes, and the last one: it knows the forms of tokens that common services issue, private
keys in PEM, and passwords in URLs; a secret without a form passes. Blobs and digests are left alone: programs
are recorded byte for byte, and are written by a model that is shown no secrets.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "redacted"

_FORMS: tuple[tuple[str, str], ...] = (
    ("huggingface token", r"\bhf_[A-Za-z0-9]{20,}"),
    ("github token", r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"),
    ("gitlab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("api key", r"\bsk-[A-Za-z0-9_-]{20,}"),
    ("aws key id", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    ("google api key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    ("json web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ("private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("bearer token", r"\b(?:[Bb]earer|BEARER) [A-Za-z0-9._~+/-]{20,}=*"),
    ("password in a url", r"(?<=://)[^\s/:@]{0,100}:[^\s/@]{1,200}(?=@)"),
)
_ANY = re.compile("|".join(f"(?P<f{number}>{form})" for number, (_, form) in enumerate(_FORMS)), re.DOTALL)
# A line without any of these has nothing that `_ANY` finds: searching for fixed bytes is much faster.
_MARKS = (
    b"hf_", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"sk-", b"AKIA", b"ASIA", b"AIza",
    b"xox", b"eyJ", b"PRIVATE KEY", b"earer ", b"EARER ", b"://",
)  # fmt: skip


def may_hold_secret(line: bytes) -> bool:
    """Say whether a look at every string of the event is worth its while."""
    for mark in _MARKS:  # noqa: SIM110 - twice as fast as `any`, for every event
        if mark in line:
            return True
    return False


def redacted(value: Any) -> Any:
    """Return a JSON value with every credential in its strings, keys left alone, replaced by its kind in brackets."""
    if isinstance(value, str):
        return _ANY.sub(_named, value)
    if isinstance(value, dict):
        return {key: redacted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value


def _named(match: re.Match[str]) -> str:
    kind = _FORMS[int((match.lastgroup or "f0")[1:])][0]
    return f"[{REDACTED}: {kind}]"
