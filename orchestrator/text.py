"""Make hostile text harmless to look at: one escape for terminals, logs, details and reports.

It is the policy's own, which escapes what it reports of programs and may be used without the rest.
"""

from __future__ import annotations

from policies.reports.escape import printable

__all__ = ["printable"]
