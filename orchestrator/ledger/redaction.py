"""Takes what looks like a credential out of an event before it is appended: what is in a log stays there.

What counts as one is `credentials.py`'s business. An event says for itself what was taken out of it. Blobs are not
looked at here: values that are moved into one come from events, and a program's text has been cleaned before
anything is made of it (`candidate.cleaned`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from orchestrator.credentials import REDACTED, may_hold_credential, net

__all__ = ["REDACTED", "may_hold_secret", "taken_out"]

may_hold_secret = may_hold_credential


def taken_out(data: Mapping[str, Any], subject: str) -> tuple[Mapping[str, Any], str]:
    """Return an event's data and subject without credentials; where there were any, `data` says kind -> how many."""
    found: Counter[str] = Counter()
    said, about = net().redacted(dict(data), found), net().redacted(subject, found)
    return ({**said, REDACTED: dict(found)}, about) if found else (data, subject)
