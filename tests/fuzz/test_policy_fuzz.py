"""The fuzz target holds on both corpora and mutations of them, so that it cannot rot; guided where atheris is there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import torch

from fuzz.policy_fuzz import Escape, corpus, judge, mutated, over_seeds
from fuzz.run import watch

ROOT = Path(__file__).parents[2]


def test_nothing_escapes_from_either_corpus_nor_from_mutations_of_them() -> None:
    watch()
    ends = over_seeds(400, torch)
    assert ends["refused"] > 400
    assert ends["returned"] > 80
    assert ends["PolicyViolation"] > 50


def test_mutations_are_the_same_for_the_same_seed() -> None:
    programs = corpus()
    assert mutated(programs[0], programs, Random(3)) == mutated(programs[0], programs, Random(3))


def test_an_event_of_the_interpreter_while_a_program_runs_is_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    watch()
    monkeypatch.setattr("policies.operators.pow", lambda *numbers: Path(__file__).read_bytes(), raising=False)
    source = "def merge_models(model_dict, device):\n    return pow(2, 3, 5)\n"
    with pytest.raises(Escape, match="event open"):
        judge(source, torch)


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="needs atheris: pip install -e .[fuzz]")
def test_a_short_guided_run_finds_no_escape() -> None:
    command = [sys.executable, "-m", "fuzz.policy_fuzz", "--seconds", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
