"""A program's source as harmless HTML: escaped, numbered by line, coloured where that is cheap.

The text is hostile. Controls become visible escapes first (`printable`), pygments escapes the markup, and
nothing of it is ever a template.
"""

from __future__ import annotations

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from orchestrator.text import printable

MAX_CHARS = 20_000  # a lexer is a pile of regular expressions; longer texts are shown cut
MAX_LINES = 400


def source_html(source: str) -> Markup:
    """Return one `<span class="line">` per line of the source; cut texts say so in their last line."""
    clean = printable(source[:MAX_CHARS].replace("\r\n", "\n"), keep="\n\t").expandtabs(4).rstrip("\n")
    coloured = highlight(clean, PythonLexer(stripnl=False, ensurenl=False), HtmlFormatter(nowrap=True))
    lines = coloured.rstrip("\n").split("\n")
    shown = [Markup('<span class="line">{}</span>').format(Markup(line)) for line in lines[:MAX_LINES]]  # noqa: S704
    if len(lines) > MAX_LINES or len(source) > MAX_CHARS:
        shown.append(Markup('<span class="cut">The rest is not shown.</span>'))
    return Markup("\n").join(shown)
