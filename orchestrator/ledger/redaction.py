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
from orchestrator.ledger.events import EVENT_TYPES
from orchestrator.ledger.form import free, in_form

__all__ = ["REDACTED", "may_hold_secret", "taken_out"]

may_hold_secret = may_hold_credential


def taken_out(event_type: str, data: Mapping[str, Any], subject: str) -> tuple[Mapping[str, Any], str]:
    """Return an event's data and subject without credentials; where there were any, `data` says kind -> how many.

    Digests, keys, numbers and the names of the event's own keys stay as they are: their form is all that they have.

    Raises:
        LedgerError: what is left has not the form of its type.
    """
    found: Counter[str] = Counter()
    own = EVENT_TYPES[event_type].keys
    said = dict(data)
    for name, value in free(event_type, data).items():
        del said[name]
        said[name if name in own else net().redacted(name, found)] = net().redacted(value, found)
    about = net().redacted(subject, found)
    return (in_form(event_type, {**said, REDACTED: dict(found)}), about) if found else (data, subject)
