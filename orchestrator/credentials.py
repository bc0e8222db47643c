"""What counts as a credential: the forms of tokens that common services issue, and this process's own secrets.

A net with known holes, and the last one. It knows forms, private keys in PEM, passwords in URLs, and the values
of environment variables that are named like secrets. What has no form and is not in the environment passes; so does
what was cut, encoded or spelled otherwise. Guessing from randomness is left out, as digests look just so; that, and its
pace (files and lines of source, not every event), is why no scanner's library does this.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.text import printable

REDACTED = "redacted"

# (kind, form, what every match holds: a text without any of these is not searched, which is much faster)
_FORMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("huggingface token", r"hf_[A-Za-z0-9]{20,}", ("hf_",)),
    (
        "github token",
        r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    ("gitlab token", r"glpat-[A-Za-z0-9_-]{20,}", ("glpat-",)),
    (
        "api key",  # no `task-...`; an escaped newline may stand before it, and no words alone make one
        r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))sk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}"
        r"|[sr]k_live_[A-Za-z0-9]{16,}|nvapi-[A-Za-z0-9_-]{20,}",
        ("sk-", "k_live_", "nvapi-"),
    ),
    ("aws key id", r"(?:AKIA|ASIA)[A-Z0-9]{16}\b", ("AKIA", "ASIA")),
    ("google api key", r"AIza[A-Za-z0-9_-]{35}", ("AIza",)),
    ("slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,}", ("xox",)),
    ("json web token", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", ("eyJ",)),
    (
        "private key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
        ("PRIVATE KEY",),
    ),
    ("bearer token", r"(?:[Bb]earer|BEARER) [A-Za-z0-9._~+/-]{20,}=*", ("earer ", "EARER ")),
    ("password in a url", r"(?<=://)[^\s/:@]{0,100}:[^\s/@]{1,200}(?=@)", ("://",)),
)  # fmt: skip
_NAMED_SECRET = re.compile(
    r"(?:.*_)?(?:TOKEN|KEY|APIKEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|PWD|PAT|CREDENTIALS?)S?(?:_[A-Z0-9]+)?",
    re.IGNORECASE,
)
_NAMED_ELSE = re.compile(r".*_(?:PATH|FILE|DIR|SOCK|NAME|TYPE|ID|URL|HOST|PORT)|(?:OLD)?PWD", re.IGNORECASE)
MIN_SECRET_CHARS = 8
_LONG_CHARS = 16  # shorter values count as whole words only, and only with a letter and a digit in them


@dataclass(frozen=True, slots=True)
class Net:
    """The forms and values that are searched for."""

    pattern: re.Pattern[str]
    kinds: tuple[str, ...]  # of the pattern's groups f0, f1, ...
    mark: re.Pattern[bytes]  # found in all canonical JSON that holds a credential; quick, as most has none

    def redacted(self, value: Any, found: Counter[str]) -> Any:
        """Return a JSON value, keys included, with each credential replaced by its kind; count kinds in `found`."""
        if isinstance(value, str):
            return self.pattern.sub(functools.partial(self._named, found), value)
        if isinstance(value, dict):
            return {self.redacted(key, found): self.redacted(item, found) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.redacted(item, found) for item in value]
        return value

    def _named(self, found: Counter[str], match: re.Match[str]) -> str:
        kind = self.kinds[int((match.lastgroup or "f0")[1:])]
        found[kind] += 1
        return f"[{REDACTED}: {kind}]"


def net_of(environment: Mapping[str, str]) -> Net:
    """Return the net for a process with this environment."""
    secrets = sorted(_secrets(environment), key=lambda pair: -len(pair[1]))  # of two, the one that holds the other
    forms = [*((f"environment {name}", _form(value), (value,)) for name, value in secrets), *_FORMS]
    marks = [
        json.dumps(mark, ensure_ascii=False)[1:-1].encode("utf-8", "replace") for *_, each in forms for mark in each
    ]
    groups = (f"(?P<f{number}>{form})" for number, (_, form, _) in enumerate(forms))
    return Net(
        re.compile("|".join(groups), re.DOTALL),
        tuple(kind for kind, *_ in forms),
        re.compile(b"|".join(map(re.escape, marks))),
    )


@functools.cache
def net() -> Net:
    """Return the net of this process; its environment is read when this is first called."""
    return net_of(os.environ)


def may_hold_credential(data: bytes) -> bool:
    """Say whether a look at the strings of canonical JSON, of one event or of many, is worth its while."""
    return net().mark.search(data) is not None


def kinds(value: Any) -> Counter[str]:
    """Return what kinds of credentials are in a JSON value, and how many of each."""
    found: Counter[str] = Counter()
    net().redacted(value, found)
    return found


def redacted(value: Any) -> Any:
    """Return a JSON value with every credential in its strings and keys replaced by its kind in brackets."""
    return net().redacted(value, Counter())


def shown(text: str, most: int | None = None, *, keep: str = "") -> str:
    """Return text fit to be recorded and shown: no credential, nothing that acts, so many characters at most.

    In this order: a token that was cut is no longer known for one.
    """
    return printable(str(redacted(text)), keep=keep)[:most]


def _secrets(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        if _NAMED_SECRET.fullmatch(name) and not _NAMED_ELSE.fullmatch(name) and _is_secret(value):
            yield name, value


def _is_secret(value: str) -> bool:
    """Say whether a value can be told from ordinary text: a word or a number would be replaced everywhere."""
    if len(value) < MIN_SECRET_CHARS or value.isdecimal() or _is_path(value):
        return False
    if len(value) < _LONG_CHARS:
        return _has(value, str.isalpha) and _has(value, str.isdecimal)
    return not value.isalpha() or not value.islower()


def _is_path(value: str) -> bool:
    """Say whether it is the place of a key, which is no secret, and not base64 that happens to begin so."""
    root, first, *rest = (*value.split("/"), "", "")
    return root == "" and bool(rest) and Path("/", first).is_dir()


def _has(value: str, what: Callable[[str], bool]) -> bool:
    return any(map(what, value))


def _form(value: str) -> str:
    form = re.escape(value)
    return form if len(value) >= _LONG_CHARS else rf"(?<![A-Za-z0-9]){form}(?![A-Za-z0-9])"
