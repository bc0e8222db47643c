"""A run that was killed with SIGKILL and resumed, and everything that can be done with its record afterwards.

Real engine, real lab. What of a run is believed is its ledger and the blobs that it names (attack 20): each other
file is changed and removed. Programs that were really scored are judged again by their scores.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.blobs import BlobStore
from orchestrator.ledger import FILE_NAME, canonical, read, verify
from orchestrator.replay.again import replay
from orchestrator.replay.preparing import Request
from orchestrator.replay.results import ReplayResult
from orchestrator.report import write_report
from orchestrator.session import determinism_profile
from orchestrator.show import one_program, programs_table
from tests.commands import Done, assay
from tests.lab_runs import cut_off, smallest_config
from tests.replay.recorded import Draft, data_of, rewritten

pytestmark = [pytest.mark.docker, pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed while programs ran, and gone on with to its end."""
    folder = tmp_path_factory.mktemp("resumed")

    def running(kinds: list[str]) -> bool:
        return kinds.count("sandbox.started") >= 2 and kinds.count("eval.completed") >= 1

    cut_off(smallest_config(folder), folder / "run", running, signal.SIGKILL)
    done = assay("run", "--resume", folder / "run", cwd=folder)
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture(scope="module")
def best(resumed: Path) -> str:
    """The best program by dev: its merged weights are kept."""
    dev = [one for one in read(resumed / FILE_NAME) if one.type == "eval.completed" and one.data["split"] == "dev"]
    return max(dev, key=lambda one: float(one.data["accuracy"])).subject


PARTS = {
    "written": "candidate.generated",
    "policy": "policy.evaluated",
    "screen": "screen.completed",
    "container": "sandbox.created",
    "used": "sandbox.exited",
    "verified": "outputs.verified",
    "dev": "eval.completed",
    "test": "eval.completed",
    "pair": "dpo.pair_created",
    "rejected": "candidate.rejected",
}


def test_one_screen_shows_every_part_of_a_life_with_the_entry_behind_it(resumed: Path, best: str) -> None:
    entries, seen = tuple(read(resumed / FILE_NAME)), set()
    for row in programs_table(resumed)[0]["programs"]:
        value, lines = one_program(resumed, row["program"])
        for part, index in re.findall(r"^(\w+) +\[(\d+)\]", "\n".join(lines), re.MULTILINE):
            assert entries[int(index)].type == PARTS[part], (row["program"], part)
            assert row["program"] in (entries[int(index)].subject, *entries[int(index)].data.values())
            seen.add(part)
        assert value["source"] == BlobStore(resumed / "blobs").read(row["program_sha256"]).decode()
        assert lines[-1].startswith("entries ")
    assert seen == set(PARTS)


def test_what_was_asked_of_a_container_is_what_it_had(resumed: Path, best: str) -> None:
    asked, effective = (
        next(line for line in one_program(resumed, best)[1] if line.startswith(word)) for word in ("asked", "effective")
    )
    for part in ("768 MiB", "1 cpus", "32 processes", "256 files", "/tmp 16"):  # noqa: S108
        assert part in asked
        assert part in effective
    assert "NetworkMode none" in effective


def replayed(source: Path, folder: Path, *more: str) -> tuple[Done, dict[str, Any]]:
    done = assay("replay", source, *more, "--json", folder / "r.json", cwd=folder)
    return done, json.loads((folder / "r.json").read_text())


def test_every_program_of_it_replays_identically(resumed: Path, tmp_path: Path) -> None:
    assert any(entry.type == "run.resumed" for entry in read(resumed / FILE_NAME))
    done, value = replayed(resumed, tmp_path, "--programs", "all")
    assert len(value["programs"]) == 20
    differ = {one["id"]: one["why"] for one in value["programs"] if one["class"] != "IDENTICAL"}
    differ = {name: why for name, why in differ.items() if "the moment's" not in why}  # a busy machine
    assert (differ, done.code in (0, 7)) == ({}, True), done.err


def test_a_bundle_of_it_replays_and_shows_as_the_run_does(resumed: Path, best: str, tmp_path: Path) -> None:
    assert assay("bundle", resumed, "-o", "run.assay", cwd=tmp_path).code == 0
    done, value = replayed(tmp_path / "run.assay", tmp_path, "--programs", "best:2")
    assert (done.code, value["class"], len(value["programs"])) == (0, "IDENTICAL", 2), done.err
    of_run, of_bundle = (assay("show", source, best, cwd=tmp_path) for source in (resumed, tmp_path / "run.assay"))
    assert of_run.code == of_bundle.code == 0
    assert of_run.out == of_bundle.out


NOT_BELIEVED = ("checkpoint", "config.json", "log.jsonl", "report.html", "factory")


def spoiled(path: Path, how: str) -> None:
    """Change or remove a file, or all files of a folder."""
    for file in [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file()):
        file.chmod(0o644)
        data = file.read_bytes()
        file.unlink() if how == "removed" else file.write_bytes(data.replace(b"0", b"1").replace(b"lab", b"law") + b"9")


def said(run_dir: Path, program: str) -> tuple[Any, ...]:
    """Return what is made of a run's directory: verdict, table, one program's life, entries, report."""
    page = write_report(run_dir).read_text()
    entries = tuple(read(run_dir / FILE_NAME))
    return verify(run_dir / FILE_NAME), programs_table(run_dir), one_program(run_dir, program), entries, page


@pytest.mark.parametrize("how", ["changed", "removed"])
def test_20_nothing_of_a_run_is_believed_but_its_ledger_and_the_blobs_that_it_names(
    resumed: Path, best: str, tmp_path: Path, how: str
) -> None:
    there = {path.name for path in resumed.iterdir()}
    assert there == {FILE_NAME, "blobs", "work", *NOT_BELIEVED}, "is another file believed? say so here"
    before = said(shutil.copytree(resumed, tmp_path / "before"), best)
    other = shutil.copytree(resumed, tmp_path / "other")
    for name in NOT_BELIEVED:
        spoiled(other / name, how)
    assert said(other, best) == before
    done, value = replayed(other, tmp_path, "--programs", best)
    assert (done.code, value["class"]) == (0, "IDENTICAL"), done.err


def test_20_a_resumption_refuses_a_configuration_beside_the_record_and_does_without_it(
    resumed: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(resumed, tmp_path / "other")
    spoiled(other / "config.json", "changed")
    done = assay("run", "--resume", other, cwd=tmp_path)
    assert (done.code, "config.json" in done.err) == (2, True), done.err
    (other / "config.json").unlink()
    for name in ("checkpoint", "log.jsonl", "report.html"):
        spoiled(other / name, "removed")
    assert assay("run", "--resume", other, cwd=tmp_path).code == 0
    assert (other / "report.html").read_bytes() == (resumed / "report.html").read_bytes()


def test_20_a_trained_factory_that_was_changed_is_not_sampled_from(resumed: Path, tmp_path: Path) -> None:
    def until_trained(draft: Draft) -> Draft | None:
        return draft if draft[0] in kept and draft[2].get("iteration", 1) == 1 else None

    kinds = [entry.type for entry in read(resumed / FILE_NAME)]
    kept = set(kinds[: kinds.index("dpo.trained") + 1]) - {"run.resumed", "run.interrupted"}
    other = rewritten(resumed, tmp_path / "run", until_trained)
    weights = next((other / "factory").rglob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    done = assay("run", "--resume", other, cwd=tmp_path)
    assert done.code == 3
    assert "expected weights of sha256" in done.err, done.err


def off_by(
    resumed: Path, target: Path, program: str, step: int, edit: Callable[[Draft], Draft] = lambda one: one
) -> Path:
    """Return a record in which a program's output is another in its first number, by `step` neighbours, and is kept."""
    recorded, blobs = data_of(resumed, "outputs.verified", program), BlobStore(resumed / "blobs")
    output = bytearray(blobs.read(recorded["output_sha256"]))
    pairs = json.loads(blobs.read(recorded["tensors_sha256"]))
    layout = json.loads(blobs.read(data_of(resumed, "inputs.resolved")["tensors_sha256"]))
    output[:4] = (int.from_bytes(output[:4], "little") ^ step).to_bytes(4, "little")
    first = hashlib.sha256(output[layout[0]["offset"] :][: layout[0]["nbytes"]]).hexdigest()
    assert pairs[0][0] == layout[0]["name"]
    listed = canonical([[pairs[0][0], first], *pairs[1:]])
    digests = {
        "output_sha256": hashlib.sha256(output).hexdigest(),
        "tensors_sha256": hashlib.sha256(listed).hexdigest(),
    }

    def changed(draft: Draft) -> Draft:
        name, about, data = edit(draft)
        if about == program and name in ("outputs.verified", "eval.completed"):
            data = {**data, **{key: value for key, value in digests.items() if key in data}}
        return name, about, data

    other = rewritten(resumed, target, changed)
    for data in (bytes(output), listed):
        BlobStore(other / "blobs").put_bytes(data)
    return other


def elsewhere(run_dir: Path, program: str) -> ReplayResult:
    """Replay a program as on a machine with another processor."""
    profile = {**determinism_profile(), "cpu": "another processor (AVX2)"}
    request = Request(run_dir=run_dir, source=str(run_dir), programs=(program,), profile=profile)
    return replay(request, told=lambda _: None)


def test_a_scored_program_with_other_bits_elsewhere_is_within_tolerance_if_its_answers_are_the_same(
    resumed: Path, best: str, tmp_path: Path
) -> None:
    other = off_by(resumed, tmp_path / "run", best, 1)
    result = elsewhere(other, best)
    program = result.programs[0]
    assert (program.result.value, result.exit_code) == ("WITHIN_TOLERANCE", 0), program.why
    assert program.divergence
    assert program.divergence.greatest
    assert program.divergence.greatest.ulp == 1
    done, value = replayed(other, tmp_path, "--programs", best)
    assert (done.code, value["programs"][0]["class"]) == (1, "DIVERGED"), "here the same bits are owed"


def test_one_answer_that_is_another_than_on_record_is_a_divergence_and_named(
    resumed: Path, best: str, tmp_path: Path
) -> None:
    def one_other_answer(draft: Draft) -> Draft:
        name, about, data = draft
        if (name, about, data.get("split")) == ("eval.completed", best, "dev"):
            flipped = "10"[int(data["correct"][7])]
            data = {**data, "correct": data["correct"][:7] + flipped + data["correct"][8:]}
        return name, about, data

    program = elsewhere(off_by(resumed, tmp_path / "run", best, 1, one_other_answer), best).programs[0]
    assert program.result.value == "DIVERGED"
    assert program.why == "within bounds, but 1 of 60 dev items are judged otherwise, item 7 first"


def test_answers_to_other_items_are_not_compared(resumed: Path, best: str, tmp_path: Path) -> None:
    def other_items(draft: Draft) -> Draft:
        name, about, data = draft
        return (name, about, {**data, "dev_sha256": "1" * 64} if name == "inputs.resolved" else data)

    program = elsewhere(off_by(resumed, tmp_path / "run", best, 1, other_items), best).programs[0]
    assert program.result.value == "INPUT_UNAVAILABLE"
    assert "the dev items: expected 111" in program.why


def test_beyond_the_recorded_bound_answers_are_not_asked(resumed: Path, best: str, tmp_path: Path) -> None:
    program = elsewhere(off_by(resumed, tmp_path / "run", best, 1 << 31), best).programs[0]
    assert program.result.value == "DIVERGED"
    assert "ulp of a tensor's largest element" in program.why
