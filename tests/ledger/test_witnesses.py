"""The log's side: what it asks, what it believes, and what it takes a refusal for."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger.cosignature import CosignerKey, cosigned_by, with_lines
from orchestrator.ledger.note import SignedCheckpoint, VerifierKey, parse
from orchestrator.ledger.reading import HeldError
from orchestrator.ledger.witness import Witness
from orchestrator.ledger.witness_protocol import Answer
from orchestrator.ledger.witnesses import (
    MAX_ANSWER_BYTES,
    FileWitness,
    HttpWitness,
    WitnessError,
    cosign,
    cosigner,
    put_cosigned,
)
from tests.ledger.witness_process import served
from tests.ledger.witnessed import Log, make_witness
from tests.ledger.written import small_log

KEY = CosignerKey(name="w", public=bytes(32))


class Scripted:
    """Answers what it was told to, in turn."""

    def __init__(self, *answers: Answer, key: CosignerKey = KEY) -> None:
        self.where, self.key, self.asked = "scripted", key, list[bytes]()
        self.authentic = False
        self._answers = list(answers)

    def add_checkpoint(self, body: bytes, log_key: VerifierKey) -> Answer:
        self.asked.append(body)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def take(witness: FileWitness | HttpWitness | Scripted, log: Log, thought: int = 0) -> int:
    return cosign(witness, log.note(), log.key, log.tree.consistency, thought=thought).checkpoint.size


def test_a_directory_and_a_process_cosign_alike(tmp_path: Path) -> None:
    for name in ("file", "http"):
        make_witness(tmp_path / name)
    log = Log(5)
    with served(tmp_path / "http", str(log.key)) as running:
        for witness in (FileWitness(tmp_path / "file"), HttpWitness(running.url, running.key)):
            assert take(witness, log) == 5
        log.add(4)
        for witness in (FileWitness(tmp_path / "file"), HttpWitness(running.url, running.key)):
            assert take(witness, log) == 9  # it thought that nothing was held, and was told
            assert take(witness, log, thought=9) == 9


@pytest.mark.parametrize("thought", [0, 2, 9])
def test_an_old_copy_is_known_for_what_it_is(tmp_path: Path, thought: int) -> None:
    make_witness(tmp_path / "w")
    log = Log(9)
    take(FileWitness(tmp_path / "w"), log)
    old = log.fork(keep=5, leaves=0)
    with pytest.raises(HeldError, match=r"LOG_TRUNCATED: the witness .* vouches for 9 entries, the log has 5"):
        take(FileWitness(tmp_path / "w"), old, thought)


@pytest.mark.parametrize("leaves", [3, 7])
def test_another_history_is_known_for_what_it_is(tmp_path: Path, leaves: int) -> None:
    make_witness(tmp_path / "w")
    log = Log(9)
    take(FileWitness(tmp_path / "w"), log)
    with pytest.raises(HeldError, match="LOG_REWRITTEN"):
        take(FileWitness(tmp_path / "w"), log.fork(keep=6, leaves=leaves))


def test_over_http_it_is_known_by_what_the_witness_shows(tmp_path: Path) -> None:
    make_witness(tmp_path / "w")
    log = Log(9)
    with served(tmp_path / "w", str(log.key)) as running:
        witness = HttpWitness(running.url, running.key)
        take(witness, log)
        for thought in (0, 2):
            with pytest.raises(HeldError, match="LOG_TRUNCATED"):
                take(witness, log.fork(keep=5, leaves=0), thought)
        for leaves in (3, 7):
            with pytest.raises(HeldError, match="LOG_REWRITTEN"):
                take(witness, log.fork(keep=6, leaves=leaves))


@pytest.mark.parametrize(
    ("status", "body"), [(409, b"999\n"), (409, b"3\n"), (422, b"no\n")], ids=["more", "other", "unproven"]
)
def test_a_refusal_that_anybody_may_have_made_is_no_statement_about_the_log(
    tmp_path: Path, status: int, body: bytes
) -> None:
    witness, other = make_witness(tmp_path / "w"), make_witness(tmp_path / "other")
    log = Log(5)
    longer = log.fork(keep=5, leaves=4)

    def shown(note: SignedCheckpoint, by: Witness) -> bytes:
        return with_lines(note, (by.key.cosign(by._signer, note.checkpoint, 5),)).render()

    foreign = Log(9, origin="assay/other/x").note()
    worthless = [b"", b"nonsense", longer.note().render(), shown(longer.note(), other), shown(foreign, witness)]
    for vouching in (*worthless, shown(log.note(3), witness), shown(log.note(), witness)):
        script = Scripted(Answer(status=status, body=body, vouching=vouching), key=witness.key)
        with pytest.raises(WitnessError, match="over http anybody may have said that"):
            take(script, log, 3)
    for good in (shown(longer.note(), witness), shown(log.fork(keep=2, leaves=2).note(), witness)):
        with pytest.raises(HeldError):
            take(Scripted(Answer(status=status, body=body, vouching=good), key=witness.key), log, 3)


def test_who_cannot_be_another_is_believed_without_showing_it() -> None:
    witness = Scripted(Answer(status=409, body=b"999\n"))
    witness.authentic = True
    with pytest.raises(HeldError, match="vouches for 999"):
        take(witness, Log(5))
    assert HttpWitness("https://witness.example", KEY).authentic
    assert not HttpWitness("http://127.0.0.1:1", KEY).authentic


def test_a_key_that_is_not_trusted_says_nothing_about_the_log(tmp_path: Path) -> None:
    make_witness(tmp_path / "w", str(Log(1).key))
    with pytest.raises(WitnessError, match="status 404") as caught:
        take(FileWitness(tmp_path / "w"), Log(5))
    assert not isinstance(caught.value, HeldError)
    assert "assay ledger key" in caught.value.remedy


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (Answer(status=200, body=b""), "another form"),
        (Answer(status=200, body="\u2014 w AAAAAAAA\n".encode()), "expected a cosignature by w"),
        (Answer(status=200, body=b"\xff"), "other bytes"),
        (Answer(status=302, body=b""), "status 302"),
        (Answer(status=409, body=b"many\n"), "status 409"),
        (Answer(status=422, body=b"why \x1b[0m"), "status 422"),
        (Answer(status=500, body=b"\xff" * 999), "status 500"),
    ],
)
def test_an_answer_out_of_form_is_the_witness_s_fault(answer: Answer, named: str) -> None:
    with pytest.raises(WitnessError, match=named):
        take(Scripted(answer), Log(5))


def test_a_cosignature_by_another_key_is_not_believed(tmp_path: Path) -> None:
    witness = make_witness(tmp_path / "w")
    log = Log(5)
    good = witness.add_checkpoint(log.request(0), introduced=log.key)
    assert take(Scripted(good, key=witness.key), log) == 5
    with pytest.raises(WitnessError, match="found none"):
        take(Scripted(good, key=CosignerKey(name=witness.key.name, public=bytes(32))), log)
    with pytest.raises(WitnessError, match="does not hold"):
        take(Scripted(good, key=witness.key), Log(6))


def test_a_witness_that_names_another_size_each_time_is_given_up() -> None:
    answers = [Answer(status=409, body=b"%d\n" % size) for size in (1, 2, 3, 4, 5)]
    witness = Scripted(*answers)
    with pytest.raises(WitnessError, match="settle on a size"):
        take(witness, Log(9))
    assert [body.split(b"\n")[0] for body in witness.asked] == [b"old 0", b"old 1", b"old 2", b"old 3"]


def test_another_witness_in_the_directory_is_refused(tmp_path: Path) -> None:
    make_witness(tmp_path / "w")
    with pytest.raises(WitnessError, match="expected the witness w\\+"):
        FileWitness(tmp_path / "w", KEY)
    with pytest.raises(WitnessError, match="is its disk mounted"):
        FileWitness(tmp_path / "gone")


@pytest.mark.parametrize(
    "url",
    [
        "http://witness.example",
        "http://10.0.0.1/w",
        "http://127.0.0.1.example",
        "ftp://127.0.0.1",
        "https://user:secret@witness.example",
        "https://witness.example/?x=1",
        "https://witness.example/#x",
        "https://",
        "https://witness.example/\r\nX: y",
        "https://[::1",
        "https://witness.example:port",
    ],
)
def test_an_address_that_is_not_safe_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(UsageError):
        HttpWitness(url, KEY)


@pytest.mark.parametrize(
    "url", ["https://witness.example/w", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost"]
)
def test_https_and_this_host_are_taken(url: str) -> None:
    HttpWitness(url, KEY)


def test_plain_http_to_another_host_has_to_be_permitted() -> None:
    HttpWitness("http://witness.example", KEY, plain_http=True)


def test_a_url_needs_a_key() -> None:
    with pytest.raises(UsageError, match="verifier key beside its URL"):
        cosigner("https://witness.example", None)


@contextmanager
def answering(*chunks: bytes, pause: float = 0.0) -> Iterator[str]:
    """Answer one connection with these bytes, whatever it asks."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.recv(65536)
                for chunk in chunks:
                    try:
                        connection.sendall(chunk)
                    except OSError:
                        return
                    time.sleep(pause)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_redirect_is_not_followed() -> None:
    with (
        answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as url,
        pytest.raises(WitnessError, match="status 302"),
    ):
        take(HttpWitness(url, KEY), Log(5))


def test_an_answer_without_end_is_cut_off() -> None:
    with (
        answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_ANSWER_BYTES + 9)) as url,
        pytest.raises(WitnessError, match="expected at most"),
    ):
        take(HttpWitness(url, KEY), Log(5))


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_an_answer_that_drips_ends_with_the_deadline(head: bytes) -> None:
    begun = time.monotonic()
    with answering(head, *[b"x"] * 30, pause=0.1) as url:
        with pytest.raises(WitnessError):
            take(HttpWitness(url, KEY, timeout=0.5), Log(5))
        assert time.monotonic() - begun < 2


def test_nobody_there_is_one_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(WitnessError, match="no answer"):
        take(HttpWitness(f"http://127.0.0.1:{port}", KEY), Log(5))


@pytest.mark.parametrize("noise", [b"", b"\x00\xff\r\n\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_something_that_is_no_http_is_one_message(noise: bytes) -> None:
    with answering(noise) as url, pytest.raises(WitnessError):
        take(HttpWitness(url, KEY), Log(5))


def test_cosignatures_are_put_beside_the_log_and_gather_there(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    note = parse((tmp_path / "checkpoint").read_bytes())
    witnesses = [make_witness(tmp_path / name) for name in ("a", "b")]
    for witness in witnesses:
        put_cosigned(path, note, [witness.key.cosign(witness._signer, note.checkpoint, 5)])
    kept = parse((tmp_path / "checkpoint").read_bytes())
    assert [cosigned_by(kept, witness.key) is not None for witness in witnesses] == [True, True]
    assert kept.signatures[0] == note.signatures[0]


@pytest.mark.parametrize("name", ["checkpoint", ".checkpoint.part"])
def test_what_is_put_beside_a_stranger_s_log_follows_no_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    path, precious = tmp_path / "run" / "ledger.jsonl", tmp_path / "bashrc"
    small_log(path)
    note = parse((tmp_path / "run" / "checkpoint").read_bytes())
    (tmp_path / "run" / "checkpoint").unlink()
    precious.write_text("mine")
    (tmp_path / "run" / name).symlink_to(precious)
    put_cosigned(path, note, [])
    assert precious.read_text() == "mine"
    assert parse((tmp_path / "run" / "checkpoint").read_bytes()) == note


def test_a_damaged_checkpoint_beside_the_log_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    small_log(path)
    note = parse((tmp_path / "checkpoint").read_bytes())
    (tmp_path / "checkpoint").write_bytes(b"nonsense")
    assert put_cosigned(path, note, []) == note
    assert parse((tmp_path / "checkpoint").read_bytes()) == note


def test_a_witness_error_is_no_statement_about_the_log() -> None:
    assert not issubclass(WitnessError, HeldError)
    assert issubclass(WitnessError, LedgerError)
