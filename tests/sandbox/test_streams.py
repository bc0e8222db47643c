"""Taking a container's output apart: however it is cut, whatever it holds, never more than the caps."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.sandbox.streams import FLOOD_BYTES, KEPT_BYTES, MAX_MESSAGES, Streams
from sandbox_image.protocol import MAX_MESSAGE_BYTES, MESSAGE_PREFIX, Message, encode_message

READY = encode_message(Message(kind="ready"))
DONE = encode_message(Message(kind="done"))


def frame(payload: bytes, stream: int = 1) -> bytes:
    """One frame as the engine sends it."""
    return bytes([stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def fed(*chunks: bytes) -> Streams:
    streams = Streams()
    for chunk in chunks:
        streams.feed(chunk)
    streams.finish()
    return streams


def kinds(streams: Streams) -> list[str]:
    return [message.kind for message in streams.messages]


def test_messages_and_text_are_told_apart() -> None:
    streams = fed(frame(READY + b"hello\n" + DONE + b"bye"), frame(b"oops", 2))
    assert kinds(streams) == ["ready", "done"]
    assert streams.stdout.text == "hello\nbye"
    assert streams.stderr.text == "oops"


@given(
    text=st.binary(max_size=200).filter(lambda data: b"\x1e" not in data),
    cuts=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=30),
)
def test_where_the_bytes_are_cut_makes_no_difference(text: bytes, cuts: list[int]) -> None:
    whole = frame(READY) + frame(text) + frame(b"err", 2) + frame(DONE)
    pieces, rest = [], whole
    while rest:
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(rest[:size])
        rest = rest[size:]
    cut, uncut = fed(*pieces), fed(whole)
    assert kinds(cut) == kinds(uncut) == ["ready", "done"]
    assert (cut.stdout.text, cut.stderr.text) == (uncut.stdout.text, uncut.stderr.text)
    assert cut.stdout.sha256 == uncut.stdout.sha256 == hashlib.sha256(READY + text + DONE).hexdigest()


def test_streams_that_come_apart_read_as_those_that_come_in_frames() -> None:
    framed, apart = fed(frame(READY), frame(b"oops", 2), frame(b"hello\n")), Streams()
    apart.take_stdout(READY[:7])
    apart.take_stderr(b"oops")
    apart.take_stdout(READY[7:] + b"hello\n")
    apart.finish()
    assert kinds(apart) == kinds(framed) == ["ready"]
    assert (apart.stdout.text, apart.stderr.text) == (framed.stdout.text, framed.stderr.text)
    assert apart.stdout.sha256 == framed.stdout.sha256


def test_a_message_after_a_line_without_an_end_is_seen() -> None:
    streams = fed(frame(b"no newline"), frame(DONE))
    assert kinds(streams) == ["done"]
    assert streams.stdout.text == "no newline"


def test_a_prefix_in_the_middle_of_a_line_is_text() -> None:
    assert kinds(fed(frame(b"x" + DONE.removeprefix(b"\n")))) == []


def test_an_unreadable_message_is_remembered_as_such() -> None:
    streams = fed(frame(MESSAGE_PREFIX + b"{}\n" + DONE))
    assert streams.malformed
    assert kinds(streams) == ["done"]


def test_a_message_without_end_is_not_kept() -> None:
    streams = fed(frame(MESSAGE_PREFIX), *(frame(b"x" * 1000) for _ in range(MAX_MESSAGE_BYTES // 1000 + 1)))
    assert streams.malformed
    assert kinds(streams) == []


def test_kept_text_is_capped_and_all_of_it_counted() -> None:
    streams = fed(*(frame(b"y" * 1000, 2) for _ in range(100)))
    assert len(streams.stderr.text) == KEPT_BYTES
    assert streams.stderr.total == 100_000
    assert streams.truncated
    assert not streams.flooded


@pytest.mark.parametrize("stream", [1, 2])
def test_a_flood_is_a_flood_on_either_stream(stream: int) -> None:
    assert fed(frame(b"z" * (FLOOD_BYTES + 1), stream)).flooded


def test_messages_without_number_are_a_flood() -> None:
    assert fed(frame(DONE * (MAX_MESSAGES + 1))).flooded


def test_control_characters_become_visible() -> None:
    streams = fed(frame("a\x1b[31m\u202eb\r\x07\u2028c\td\n".encode() + b"\xff\x00"))
    assert streams.stdout.text == "a\\x1b[31m\\u202eb\\r\\x07\\u2028c\td\n\\xff\\x00"


def test_escaping_does_not_lift_the_cap() -> None:
    assert len(fed(frame(b"\x1b" * KEPT_BYTES)).stdout.text) == KEPT_BYTES
