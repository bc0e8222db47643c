"""Tokens to plant: none of them is anybody's, each has a form that services issue or is in our own environment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orchestrator.candidate import Proposed, source_digest
from orchestrator.credentials import net

BODY = "A1b2C3d4E5f6G7h8J9k0LmNoPqRsTuVwXyZ01"
OWN = "Zq7-plain.Value_of%nobody"  # no form: known from the environment alone
CANARIES = {
    "huggingface": f"hf_{BODY}",
    "github": f"ghp_{BODY}",
    "github, fine": f"github_pat_{BODY}",
    "gitlab": f"glpat-{BODY}",
    "api key": f"sk-proj-{BODY}",
    "live key": f"sk_live_{BODY}",
    "inference key": f"nvapi-{BODY}",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "google": f"AIza{BODY[:35]}",
    "slack": f"xoxb-{BODY}",
    "jwt": f"eyJ{BODY}.eyJ{BODY}.{BODY}",
    "private key": f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----",
    "private key, cut": f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}",
    "bearer": f"Authorization: Bearer {BODY}",
    "url": f"https://user:{BODY}@host/path",
}


@contextmanager
def own_secret() -> Iterator[None]:
    """Have a secret of our own in the environment, and a net that knows it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANTED_TOKEN", OWN)
        net.cache_clear()
        yield
    net.cache_clear()


def planted_program(name: str, token: str) -> Proposed:
    """Return a program with a token in a comment and in a text."""
    source = f'# {token}\ndef merge_models(models, device):\n    """{token}"""\n'
    return Proposed(id=name, iteration=1, index=0, source=source, digest=source_digest(source))
