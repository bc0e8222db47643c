"""SECURITY.md says of the attack programs what their docstrings say, which the suites hold to what happens."""

from __future__ import annotations

from tests.attacks.listing import SECURITY, listing, rewritten
from tests.attacks.programs import PASSED, Place, attacks


def test_security_page_lists_what_gets_through() -> None:
    text = SECURITY.read_text(encoding="utf-8")
    assert rewritten(text) == text, "run `python -m tests.attacks.listing`"


def test_every_program_that_gets_through_somewhere_is_listed() -> None:
    through = [
        attack.id
        for attack in (*attacks("container"), *attacks("cell"))
        if any(end.verdict in PASSED for place in Place for end in attack.expected(place))
    ]
    assert through
    assert [name for name in through if f"`{name}`" not in listing()] == []
