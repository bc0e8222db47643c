"""Make hostile text harmless to look at: one escape for terminals, logs, details and reports.

Programs, their output and their exceptions may hold escape sequences, bidirectional overrides, line
separators or lone surrogates. Here they become visible ASCII escapes. This is no HTML escape (jinja2's
autoescape does that) and no parser: the text's meaning is not looked at.
"""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    r"""Return `text` with every character that does not print as itself written as `\x1b`, `\u202e`, ...

    What `str.isprintable` refuses is escaped: C0, DEL and C1 controls, bidirectional and zero-width
    characters, line and paragraph separators, lone surrogates, private and unassigned code points, and
    every space but U+0020. Characters in `keep` pass (for example `keep="\n\t"` for a block of source).
    A backslash that was in the text stays as it is, so the result is for people, not for decoding.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
