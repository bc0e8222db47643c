"""Frames and messages: what is written is read back, and nothing else is read."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_image.protocol import (
    MAX_DETAIL_CHARS,
    MAX_FRAME_BYTES,
    MAX_MESSAGE_BYTES,
    MESSAGE_PREFIX,
    Message,
    ProtocolError,
    RunJob,
    ScreenJob,
    TensorSpec,
    decode_frame,
    decode_message,
    encode_frame,
    encode_message,
    layer_of,
)

SPEC = TensorSpec(name="model.layers.0.mlp.up_proj.weight", dtype="BF16", shape=(2, 3), offset=8, nbytes=12)
RUN = RunJob(
    source="def merge_models(model_dict, device): ...",
    program_digest="ab",
    guarded=True,
    profile="strict",
    seed=7,
    device="cpu",
    seed_files=("/inputs/seed/0.safetensors",),
    candidate_files=(("a", ("/inputs/a/0.safetensors",)), ("b", ())),
    tensors=(SPEC,),
    num_layers=2,
)
SCREEN = ScreenJob(
    id="i1-000",
    source="x",
    program_digest="cd",
    profile="strict",
    seed=0,
    candidate_names=("a", "b"),
    timeout_seconds=2.0,
    ranks=(2,),
)


def framed(body: bytes) -> io.BytesIO:
    return io.BytesIO(b"assay %d\n" % len(body) + body)


def changed(job: RunJob | ScreenJob, **changes: object) -> io.BytesIO:
    """A frame whose job has other values, or (with None) lacks keys."""
    envelope = json.loads(encode_frame(job).partition(b"\n")[2])
    envelope["job"].update(changes)
    envelope["job"] = {key: value for key, value in envelope["job"].items() if value is not None}
    return framed(json.dumps(envelope).encode())


@pytest.mark.parametrize("job", [RUN, SCREEN])
def test_a_job_is_read_back_as_it_was(job: RunJob | ScreenJob) -> None:
    assert decode_frame(io.BytesIO(encode_frame(job))) == job


def test_frames_follow_each_other() -> None:
    stream = io.BytesIO(encode_frame(SCREEN) + encode_frame(RUN))
    assert [decode_frame(stream), decode_frame(stream), decode_frame(stream)] == [SCREEN, RUN, None]


@given(st.text())
def test_any_source_survives_the_frame(source: str) -> None:
    job = ScreenJob(**{**_values(SCREEN), "source": source})
    assert decode_frame(io.BytesIO(encode_frame(job))) == job


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(encode_frame(RUN)[:-1]),
        io.BytesIO(b"assay x\n{}"),
        io.BytesIO(b"assay -1\n{}"),
        io.BytesIO(b"assay 2"),
        io.BytesIO(b"GET / HTTP/1.1\n"),
        io.BytesIO(b"assay %d\n" % (MAX_FRAME_BYTES + 1)),
        framed(b"[]"),
        framed(b"{"),
        framed(b'{"version": 1, "kind": "run"}'),
        framed(b'{"version": 2, "kind": "run", "job": {}}'),
        framed(b'{"version": 1, "kind": "walk", "job": {}}'),
        changed(RUN, extra=1),
        changed(RUN, seed=None),
        changed(RUN, seed=True),
        changed(RUN, seed_files=[1]),
        changed(RUN, candidate_files=[["a"]]),
        changed(RUN, tensors=[{}]),
        changed(SCREEN, timeout_seconds=2),
        changed(SCREEN, ranks=["1"]),
    ],
)
def test_anything_else_is_no_frame(stream: io.BytesIO) -> None:
    with pytest.raises(ProtocolError):
        decode_frame(stream)


@pytest.mark.parametrize("change", [{"nbytes": 11}, {"dtype": "I8"}, {"offset": -1}, {"shape": [-2, -3]}])
def test_a_tensor_whose_numbers_disagree_is_refused(change: dict[str, object]) -> None:
    spec = {"name": "x", "dtype": "F32", "shape": [2, 3], "offset": 0, "nbytes": 24, **change}
    with pytest.raises(ProtocolError):
        decode_frame(changed(RUN, tensors=[spec]))


@given(st.builds(Message, kind=st.sampled_from(["ready", "failed"]), detail=st.text(max_size=MAX_DETAIL_CHARS)))
def test_a_message_is_read_back_as_it_was(message: Message) -> None:
    assert decode_message(encode_message(message).removeprefix(b"\n")) == message


def test_the_longest_detail_fits_into_a_message() -> None:
    encode_message(Message(kind="failed", detail="\U0001f600" * MAX_DETAIL_CHARS))


def test_a_message_is_one_line() -> None:
    line = encode_message(Message(kind="failed", detail="a\nb\r\u2028c"))
    assert line.count(b"\n") == 2
    assert line.isascii()


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"nonsense",
        b'{"kind":"ready"}',
        b'{"kind":"verified","id":"","reason":"","detail":"","fingerprint":""}',
        b'{"kind":"done","id":1,"reason":"","detail":"","fingerprint":""}',
        b'{"kind":"done","kind":"failed","id":"","reason":"","detail":"","fingerprint":""}',
        b'{"kind":"done","id":"","reason":"","detail":"","fingerprint":"","more":""}',
        b'{"kind":"done","id":"","reason":"","detail":NaN,"fingerprint":""}',
        b"[" * 100_000,
        b'"' + b"x" * MAX_MESSAGE_BYTES + b'"',
    ],
)
def test_anything_else_is_no_message(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_message(MESSAGE_PREFIX + body + b"\n")


def test_layers_are_read_from_names() -> None:
    assert layer_of("model.layers.11.mlp.up_proj.weight") == 11
    assert layer_of("model.embed_tokens.weight") is None


def _values(job: ScreenJob) -> dict[str, object]:
    return {name: getattr(job, name) for name in ScreenJob.__dataclass_fields__}
