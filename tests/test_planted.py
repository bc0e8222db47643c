"""Secrets never enter a record: tokens planted in every place that text comes from are in no file that is made of it.

Real runs in real containers, each with a token of another form in each place, then every byte that they left is read.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.ledger import Entry, read
from tests.commands import ROOT, assay
from tests.lab_runs import smallest_config
from tests.planted import BODY, CANARIES, OWN

pytestmark = [pytest.mark.docker, pytest.mark.lab, pytest.mark.timeout(600)]

BEGIN = "import torch\n\ndef merge_models(model_dict, device):"  # as the lab's factory begins
OTHER = "wX9-value.Of_another%variable"
SECRETS = {"PLANTED_TOKEN": OWN, "OMP_PLANTED_PASSWORD": OTHER}  # the second is of the numeric knobs that are recorded
JOINED = "hf_" + BODY[::-1]  # stands in no source: a program makes it

WRITTEN: Mapping[str, str] = {
    "a_comment": f"\n    # {CANARIES['huggingface']}\n    return 0.3 * sum(model_dict.values())\n",
    "b_text": f'\n    """{CANARIES["private key"]}"""\n    note = "{CANARIES["slack"]}"\n'
    "    return 0.2 * sum(model_dict.values())\n",
    "c_own": f"\n    # {OWN} {OTHER}\n    return 0.25 * sum(model_dict.values())\n",
    "d_raises": f'\n    return model_dict["hf_" + "{BODY[::-1]}"]\n',
    "e_name": f"\n    {CANARIES['github']} = 0.1\n    return {CANARIES['github']} * sum(model_dict.values())\n",
    "f_refused": f"\n    import {CANARIES['huggingface']}\n    return open('{CANARIES['url']}')\n",
    "g_prose": f"\nSure! The key is {CANARIES['api key']} and the header {CANARIES['bearer']}\n",
    "h_long": "\n    return 0.15 * sum(model_dict.values())\n" + f"# {CANARIES['jwt']}\n" * 20,
}
LOUD = f'''
import sys
def merge_models(models, device):
    token = "hf_" + "{BODY[::-1]}"
    print(token)
    print(token, file=sys.stderr)
    raise RuntimeError("x" * 1990 + " " + token)
'''


def places_of(folder: Path) -> list[str]:
    """Return the files below a folder, names included, in which any of the tokens stands."""
    tokens = {token.replace("\n", "\\n") for token in CANARIES.values()} | {
        *CANARIES.values(),
        OWN,
        OTHER,
        JOINED,
        BODY,
    }
    found = []
    for path in sorted(folder.rglob("*")):
        data = str(path.relative_to(folder)).encode() + (path.read_bytes() if path.is_file() else b"")
        found += [f"{path.relative_to(folder)}: {token[:12]}" for token in tokens if token.encode() in data]
    return found


@pytest.fixture(scope="module")
def planted(tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that is made of a run whose factory, items and surroundings are full of tokens."""
    folder, made = tmp_path_factory.mktemp("planted"), tmp_path_factory.mktemp("made")
    (folder / "programs").mkdir()
    for name, text in WRITTEN.items():
        (folder / "programs" / f"{name}.py").write_text(BEGIN + text)
    items = [
        {"question": f"{number}? {CANARIES['gitlab']}", "answer": f"{CANARIES['google']} #### {number}"}
        for number in range(12)
    ]
    (folder / "items.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    config = smallest_config(
        folder,
        **{
            "programs = 10": f"programs = {len(WRITTEN)}",
            'task = "lab"': f'task = "gsm8k"\ndata = "{folder}/items.jsonl"',
            "dev_items = 60": "dev_items = 6",
            "test_items = 60": "test_items = 6",
            "lab:seed": str(tiny_models["seed"]),
            **{f"lab:expert-{name}": str(tiny_models[name]) for name in ("add", "sub", "mul")},
            "[generate]\n": f'[generate]\nbackend = "scripted"\nscripts = "{folder}/programs"\n',
        },
    )
    done = assay("run", config, "--run-dir", made / "run", cwd=folder, **SECRETS)
    assert done.code == 0, done.err
    return made


@pytest.fixture(scope="module")
def entries(planted: Path) -> tuple[Entry, ...]:
    return tuple(read(planted / "run" / "ledger.jsonl"))


def test_no_file_of_a_run_holds_a_token(planted: Path) -> None:
    names = {path.name for path in (planted / "run").rglob("*")}
    assert {"ledger.jsonl", "report.html", "checkpoint", "config.json", "log.jsonl", "blobs", "factory"} <= names
    assert places_of(planted) == []


def test_the_search_would_find_them(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for number, token in enumerate([*CANARIES.values(), OWN, OTHER, JOINED]):
        (tmp_path / "deep" / str(number)).write_bytes(b"\0" + token.encode() + b"\0")
    assert len({line.partition(":")[0] for line in places_of(tmp_path)}) == len(CANARIES) + 3


def test_what_was_taken_out_of_a_program_is_on_record(entries: tuple[Entry, ...]) -> None:
    said = {entry.data["program_sha256"]: entry.data["kinds"] for entry in entries if entry.type == "redaction.applied"}
    generated = {entry.data["program_sha256"] for entry in entries if entry.type == "candidate.generated"}
    assert said.keys() <= generated
    assert len(said) == len(WRITTEN) - 1  # one holds none, it makes it
    assert {"environment PLANTED_TOKEN": 1, "environment OMP_PLANTED_PASSWORD": 1} in said.values()
    profile = next(entry.data for entry in entries if entry.type == "determinism.profile")
    assert profile["environment"]["OMP_PLANTED_PASSWORD"].startswith("[redacted: ")
    assert profile["redacted"] == {"environment OMP_PLANTED_PASSWORD": 1}


def test_programs_whose_texts_were_cleaned_are_taken_through_all_stages(entries: tuple[Entry, ...]) -> None:
    scored = {entry.subject for entry in entries if entry.type == "eval.completed"}
    cleaned = {entry.subject for entry in entries if entry.type == "redaction.applied"}
    assert scored & cleaned
    assert any(entry.type == "dpo.trained" for entry in entries)
    assert any("[redacted: " in entry.data["detail"] for entry in entries if entry.type == "candidate.rejected")


def test_what_is_made_of_the_record_holds_none_either(planted: Path, tmp_path: Path) -> None:
    run, out = planted / "run", tmp_path / "out"
    out.mkdir()
    for name, command in {
        "replay": ("replay", run, "--programs", "all", "--json", out / "r.json", "--junit", out / "r.xml"),
        "bundle": ("bundle", run, "--weights", "-o", out / "b.assay"),
        "show": ("show", run, "i1-000"),
        "show json": ("show", run, "i1-003", "--format", "json"),
        "ledger show": ("ledger", "show", run),
        "tiles": ("ledger", "tiles", run, "--out", out / "tiles"),
        "report": ("report", run),
    }.items():
        done = assay(*command, cwd=tmp_path, **SECRETS)
        assert done.code == 0, (name, done.err)
        (out / f"{name}.txt").write_text(done.out + done.err)
    assert json.loads((out / "r.json").read_text())["class"] == "IDENTICAL"
    assert "redacted   [" in (out / "show.txt").read_text()
    assert places_of(out) == []
    assert places_of(planted) == []


def test_what_a_program_prints_and_raises_is_not_on_record_nor_in_its_replay(planted: Path, tmp_path: Path) -> None:
    program = tmp_path / f"{CANARIES['huggingface']}.py"
    program.write_text(LOUD)
    config, out = ROOT / "examples" / "exec.toml", tmp_path / "out"
    command = ("exec", program, "--config", config, "--no-policy", "--run-dir", out / "run")
    done = assay(*command, cwd=tmp_path)
    assert done.code == 1, done.err
    ended = [entry for entry in read(out / "run" / "ledger.jsonl") if entry.type == "candidate.rejected"]
    assert [entry.data["reason"] for entry in ended] == ["runtime_error"]
    results = ("--json", out / "r.json", "--junit", out / "r.xml")
    assert assay("replay", out / "run", "--programs", "all", *results, cwd=tmp_path).code == 0
    assert places_of(out) == []


def test_a_run_is_refused_whose_configuration_holds_one_and_nothing_is_left(planted: Path, tmp_path: Path) -> None:
    items = tmp_path / f"{CANARIES['huggingface']}.jsonl"
    shutil.copy(ROOT / "tests" / "fixtures" / "gsm8k.jsonl", items)
    config = smallest_config(tmp_path, **{'task = "lab"': f'task = "gsm8k"\ndata = "{items}"'})
    done = assay("run", config, "--run-dir", tmp_path / "run", cwd=tmp_path)
    assert (done.code, "evaluate.data" in done.err) == (2, True), done.err
    assert not (tmp_path / "run").exists()
    assert BODY not in done.err + done.out
