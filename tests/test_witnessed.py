"""A run's record, cosigned while it is written: what is recorded, what stops the run, and what does not."""

from __future__ import annotations

import fcntl
import functools
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator import session, witnessed
from orchestrator.blobs import BlobStore
from orchestrator.config import LedgerSettings, RunConfig, parse_config
from orchestrator.errors import ConfigError, LedgerError, UsageError
from orchestrator.execute import execute_programs
from orchestrator.ledger import Entry, Ledger, read, verify
from orchestrator.ledger.cosignature import CosignerKey, cosigned_by
from orchestrator.ledger.note import SignedCheckpoint, parse
from orchestrator.ledger.reading import HeldError
from orchestrator.ledger.standing import standing
from orchestrator.ledger.witness import Witness
from orchestrator.ledger.witnesses import cosign
from orchestrator.record import Recorder
from orchestrator.report import write_report
from orchestrator.witnessed import Witnessing
from tests.ledger.witness_process import served
from tests.ledger.witnessed import cosign_file, go_on, make_witness
from tests.ledger.written import create, skipped, small_log

SOON = 0.02
ONE_KEY = [str(CosignerKey(name=name, public=bytes(32))) for name in ("w", "other")]


def settings(*witnesses: Witness, require: int = 0, grace: float = 60.0, every: float = SOON) -> LedgerSettings:
    return LedgerSettings(
        witnesses=tuple(str(each.folder) for each in witnesses),
        witness_keys=tuple(str(each.key) for each in witnesses),
        require_witness=require,
        witness_every_s=every,
        witness_grace_s=grace,
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run" / "ledger.jsonl"


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return make_witness(tmp_path / "witness")


@contextmanager
def running(path: Path, chosen: LedgerSettings, stop: Callable[[], None] = lambda: None) -> Iterator[Any]:
    """Write a log under its witnesses as a session does."""
    witnessing = Witnessing(chosen, path.parent, stop_main=stop)
    ledger = create(path) if not path.exists() else Ledger.open(path, held=witnessing.require_past(path))
    with ledger, witnessing.during(ledger):
        yield witnessing, ledger
    witnessing.seal(ledger)


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(SOON)


def of(path: Path, kind: str) -> list[Entry]:
    return [entry for entry in read(path) if entry.type == kind]


def away(witness: Witness) -> Path:
    """Unmount it."""
    return witness.folder.rename(witness.folder.with_name("unmounted"))


def test_the_record_is_cosigned_as_it_grows_and_as_it_was_put_away(run: Path, witness: Witness) -> None:
    with running(run, settings(witness)) as (_, ledger):
        for number in range(3):
            ledger.append("dpo.skipped", "", skipped(str(number)))
            until(functools.partial(lambda before: len(of(run, "checkpoint.witnessed")) > before, number + 1))
    sizes = [entry.data["size"] for entry in of(run, "checkpoint.witnessed")]
    assert sizes[0] == 1
    assert sizes == sorted(set(sizes))
    kept = parse((run.parent / "checkpoint").read_bytes())
    assert kept.checkpoint.size == verify(run).size
    assert cosigned_by(kept, witness.key) is not None
    found = standing(run, witnesses=[witness.key], require=1, beside=kept)
    assert found.problem == ""
    assert found.result.complete


def test_its_own_events_are_nothing_new(run: Path, witness: Witness) -> None:
    with running(run, settings(witness)) as (_, ledger):
        until(lambda: of(run, "checkpoint.witnessed"))
        time.sleep(20 * SOON)
        assert ledger.size == 2


def test_two_witnesses_vouch_each_for_itself(run: Path, witness: Witness, tmp_path: Path) -> None:
    other = make_witness(tmp_path / "other")
    with running(run, settings(witness, other, require=2)):
        pass
    found = standing(
        run, witnesses=[witness.key, other.key], require=2, beside=parse((run.parent / "checkpoint").read_bytes())
    )
    assert found.problem == ""


def test_a_witness_over_http_is_one(run: Path, witness: Witness) -> None:
    with create(run) as ledger:
        key = str(ledger.key)
    run.unlink()
    with served(witness.folder, key) as process:
        chosen = settings(witness, require=1).model_copy(update={"witnesses": (process.url,)})
        with running(run, chosen):
            pass
    assert of(run, "checkpoint.witnessed")


def test_appending_does_not_wait_for_a_witness_that_hangs(run: Path, witness: Witness) -> None:
    with running(run, settings(witness)) as (_, ledger), (witness.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        begun = time.monotonic()
        for number in range(20):
            ledger.append("dpo.skipped", "", skipped(str(number)))
            time.sleep(SOON)
        assert time.monotonic() - begun < 5


def test_a_witness_that_is_gone_is_recorded_once_and_complained_of_and_forgiven(run: Path, witness: Witness) -> None:
    with running(run, settings(witness)) as (witnessing, ledger):
        gone = away(witness)
        ledger.append("dpo.skipped", "", skipped())
        until(lambda: of(run, "witness.failed"))
        assert "is its disk mounted" not in of(run, "witness.failed")[0].data["where"]
        assert [line for line in witnessing.complaints if str(witness.folder) in line]
        time.sleep(5 * SOON)
        assert len(of(run, "witness.failed")) == 1
        gone.rename(witness.folder)
        until(lambda: not witnessing.complaints)
    assert [entry.data["size"] for entry in of(run, "witness.failed")] == [1]
    assert of(run, "checkpoint.witnessed")[-1].index > of(run, "witness.failed")[0].index


def test_a_witness_that_somebody_else_showed_more_is_no_fault(
    run: Path, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def late(asker: Any, note: SignedCheckpoint, *others: Any, **options: Any) -> Any:
        asked.append(note.checkpoint.size)
        if len(asked) == 2:  # of a run under way: meanwhile it grows, and `assay ledger witness` is faster
            opened[0].append("dpo.skipped", "", skipped("meanwhile"))
            cosign_file(run, witness.folder)
        return cosign(asker, note, *others, **options)

    opened: list[Ledger] = []
    monkeypatch.setattr(witnessed, "cosign", late)
    with running(run, settings(witness, require=1)) as (witnessing, ledger):
        opened.append(ledger)
        ledger.append("dpo.skipped", "", skipped())
        until(lambda: len(of(run, "checkpoint.witnessed")) >= 2)
        assert witnessing.lost is None
    assert asked[2] == asked[1] + 1
    assert verify(run).complete


def test_without_requiring_it_a_run_goes_on_and_completes(run: Path, witness: Witness) -> None:
    away(witness)
    with running(run, settings(witness)) as (witnessing, ledger):
        witnessing.settle(ledger)
        assert witnessing.lost is None
    assert len(of(run, "witness.failed")) == 1
    assert verify(run).complete


def test_a_run_that_requires_one_does_not_begin_without(run: Path, witness: Witness) -> None:
    away(witness)
    with (
        pytest.raises(LedgerError, match="expected 1 witnesses to vouch for the record, found 0"),
        running(run, settings(witness, require=1)),
    ):
        pytest.fail("it began")


def test_a_run_that_requires_one_is_not_taken_up_again_without(run: Path, witness: Witness) -> None:
    small_log(run)
    away(witness)
    before = run.read_bytes()
    with pytest.raises(LedgerError, match="found 0"), running(run, settings(witness, require=1)):
        pytest.fail("it went on")
    assert run.read_bytes() == before


def test_a_run_that_requires_one_is_stopped_when_it_was_gone_for_too_long(run: Path, witness: Witness) -> None:
    stopped = threading.Event()
    with running(run, settings(witness, require=1, grace=0.2), stopped.set) as (witnessing, ledger):
        away(witness)
        ledger.append("dpo.skipped", "", skipped())
        assert stopped.wait(20)
        assert "within 0.2 s" in str(witnessing.lost)


def test_a_run_that_requires_one_survives_a_short_absence(run: Path, witness: Witness) -> None:
    stopped = threading.Event()
    with running(run, settings(witness, require=1), stopped.set) as (witnessing, ledger):
        gone = away(witness)
        ledger.append("dpo.skipped", "", skipped())
        until(lambda: witnessing.complaints)
        gone.rename(witness.folder)
        until(lambda: not witnessing.complaints)
        witnessing.settle(ledger)
    assert not stopped.is_set()


def test_a_run_that_requires_one_does_not_complete_without(run: Path, witness: Witness) -> None:
    with running(run, settings(witness, require=1)) as (witnessing, ledger):
        away(witness)
        ledger.append("dpo.skipped", "", skipped())
        with pytest.raises(LedgerError, match="found 0"):
            witnessing.settle(ledger)


def test_an_old_copy_does_not_go_on(run: Path, witness: Witness, tmp_path: Path) -> None:
    small_log(run)
    with running(run, settings(witness)):
        pass
    shutil.copytree(run.parent, tmp_path / "old")
    with running(run, settings(witness)) as (_, ledger):
        ledger.append("dpo.skipped", "", skipped())
    shutil.rmtree(run.parent)
    shutil.copytree(tmp_path / "old", run.parent)
    before = run.read_bytes()
    with pytest.raises(HeldError, match="LOG_TRUNCATED"), running(run, settings(witness)):
        pytest.fail("it went on")
    assert run.read_bytes() == before


def test_a_run_that_was_killed_goes_on_under_its_witness(run: Path, witness: Witness) -> None:
    with running(run, settings(witness)):
        pass
    with run.open("ab") as file:
        file.write(b'{"actor":{')
    with running(run, settings(witness, require=1)):
        pass
    assert of(run, "log.recovered")
    assert verify(run).complete


def test_a_fork_that_its_witness_knows_ends_the_run_even_where_none_is_required(
    run: Path, witness: Witness, tmp_path: Path
) -> None:
    stopped = threading.Event()
    small_log(run)
    with running(run, settings(witness, every=0.2), stopped.set) as (witnessing, ledger):
        shutil.copytree(run.parent, tmp_path / "copy")
        copied = tmp_path / "copy" / "ledger.jsonl"
        go_on(copied, "the other side")
        note = verify(copied).note
        assert note is not None
        cosign_file(copied, witness.folder)
        ledger.append("dpo.skipped", "", skipped("this side"))
        assert stopped.wait(20)
        assert "LOG_" in str(witnessing.lost)


def test_a_file_that_is_changed_below_its_writer_ends_the_run(run: Path, witness: Witness) -> None:
    stopped = threading.Event()
    with running(run, settings(witness, every=0.5), stopped.set) as (witnessing, ledger):
        ledger.append("dpo.skipped", "", skipped("reason 2"))
        run.write_bytes(run.read_bytes().replace(b"reason 2", b"reason 9"))
        assert stopped.wait(20)
        assert "another process changed the file" in str(witnessing.lost)


def a_session_that_loses(witness: Witness, run: Path) -> None:
    witnessing = Witnessing(settings(witness, require=1, grace=0.2), run.parent)
    ledger = create(run)
    recorder = Recorder(ledger, BlobStore(run.parent / "blobs"))
    with (
        session.terminable(),
        ledger,
        session._recorded_end(recorder, "go on with X", witnessing),
        witnessing.during(ledger),
    ):
        away(witness)
        ledger.append("dpo.skipped", "", skipped())
        time.sleep(20)


def test_a_lost_witness_ends_a_session_with_its_reason_on_record(run: Path, witness: Witness) -> None:
    with pytest.raises(LedgerError, match="expected 1 witnesses") as caught:
        a_session_that_loses(witness, run)
    assert "then go on with X" in caught.value.remedy
    (failed,) = of(run, "run.failed")
    assert "expected 1 witnesses to vouch" in failed.data["message"]
    assert not of(run, "run.interrupted")


def test_nothing_is_recorded_after_it_was_said_that_the_run_completes(run: Path, witness: Witness) -> None:
    with running(run, settings(witness)) as (witnessing, ledger):
        witnessing.complete(ledger)
        size = ledger.size
        ledger.append("dpo.skipped", "", skipped())
        time.sleep(10 * SOON)
        witnessing._round(ledger)  # as a thread that was waiting for its answer all the while
        assert ledger.size == size + 1


@pytest.mark.docker
def test_a_real_session_is_witnessed_to_its_end(tiny_config: RunConfig, witness: Witness, tmp_path: Path) -> None:
    chosen = settings(witness, require=1).model_dump(mode="json")
    config = parse_config({**tiny_config.model_dump(mode="json"), "ledger": chosen}, source="test")
    programs = [(Path("half.py"), b"def merge_models(m, d):\n    return next(iter(m.values())) * 0.5\n")]
    place = tmp_path / "real"
    list(execute_programs(config, programs, out=None, no_policy=False, run_dir=place, say=print))
    found = standing(
        place / "ledger.jsonl", witnesses=[witness.key], require=1, beside=parse((place / "checkpoint").read_bytes())
    )
    assert found.problem == ""
    page = write_report(place).read_text()
    assert str(witness.key) in page


def test_without_witnesses_nothing_is_asked_and_nothing_is_recorded(run: Path) -> None:
    with running(run, LedgerSettings()) as (witnessing, ledger):
        witnessing.settle(ledger)
        assert threading.active_count() < 20
    assert [entry.type for entry in read(run)] == ["log.opened", "log.closed"]


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"witnesses": ["/w"]}, "a key for each of 1"),
        ({"witness_keys": ["x"]}, "a key for each of 0"),
        ({"require_witness": 1}, "expected as many in witnesses"),
        ({"witnesses": ("/a", "/b"), "witness_keys": ONE_KEY[:1] * 2}, "each key once"),
        ({"witnesses": ("/a", "/b"), "witness_keys": ONE_KEY}, "each key once"),
        ({"witness_every_s": 0}, "witness_every_s"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused(section: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        parse_config({"name": "x", "models": {"seed": "a", "candidates": {"b": "c"}}, "ledger": section}, source="t")


def test_a_bad_key_a_bad_address_and_a_witness_within_its_run_are_mistakes(tmp_path: Path, witness: Witness) -> None:
    good = settings(witness)
    for update in (
        {"witness_keys": ("nonsense",)},
        {"witnesses": ("http://10.0.0.1",)},
        {"witnesses": (str(tmp_path / "run" / "w"),)},
    ):
        with pytest.raises(UsageError):
            Witnessing(good.model_copy(update=update), tmp_path / "run")


def test_the_default_stop_is_a_signal_that_runs_end_on() -> None:
    assert signal.SIGTERM in session._ENDINGS
