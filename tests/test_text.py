"""The escape for hostile text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.text import printable


@given(st.text(st.characters()))
def test_the_result_prints_as_it_is(text: str) -> None:
    assert printable(text).isprintable()


@given(st.text(st.characters(), max_size=50))
def test_printable_text_is_untouched(text: str) -> None:
    clean = "".join(char for char in text if char.isprintable())
    assert printable(clean) == clean


def test_terminal_and_bidirectional_controls_become_visible() -> None:
    assert printable("a\x1b[2J\x9b\u202e\u2066\u200b\x7f\ud800\U000e0041") == (
        r"a\x1b[2J\x9b\u202e\u2066\u200b\x7f\ud800\U000e0041"
    )


def test_line_breaks_are_escaped_unless_kept() -> None:
    assert printable("a\r\n\tb\u2028") == r"a\r\n\tb\u2028"
    assert printable("a\r\n\tb\u2028", keep="\n\t") == "a\\r\n\tb\\u2028"
