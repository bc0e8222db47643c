"""What `assay exec` refuses before any stage."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.candidate import Proposed, Reason
from orchestrator.execute import _unreadable
from policies.limits import MAX_SOURCE_BYTES


def test_a_program_that_was_read_only_in_part_is_too_large(propose: Callable[[str], Proposed]) -> None:
    rejection = _unreadable(propose("x"), b"#" * (MAX_SOURCE_BYTES + 1))
    assert rejection is not None
    assert rejection.reason is Reason.SYNTAX
    assert str(MAX_SOURCE_BYTES) in rejection.detail


def test_a_program_of_the_largest_size_is_readable(propose: Callable[[str], Proposed]) -> None:
    assert _unreadable(propose("x"), b"#" * MAX_SOURCE_BYTES) is None


def test_the_byte_that_is_no_text_is_named(propose: Callable[[str], Proposed]) -> None:
    rejection = _unreadable(propose("x"), b"x = '\xff'")
    assert rejection is not None
    assert "0xff at 5" in rejection.detail
