"""The README is what the code does: generated blocks are current, and its cheap commands run."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.commands import ROOT, assay

README = (ROOT / "README.md").read_text()
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("readme", ROOT / "scripts" / "readme.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["readme"] = module
    spec.loader.exec_module(module)
    return module


def sessions() -> list[tuple[str, str]]:
    """Every `$ command` of the README's first example, with the output it shows."""
    first = CONSOLE.search(README)
    assert first
    parts = re.split(r"^\$ ", first.group(1), flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def test_generated_blocks_are_current() -> None:
    assert generator().rewritten(README) == README, "run `python scripts/readme.py`"


def test_the_first_example_shows_the_file_as_it_is() -> None:
    command, output = sessions()[0]
    assert command.startswith("cat ")
    assert output == (ROOT / command.removeprefix("cat ")).read_text()


def test_the_first_example_checks_as_shown() -> None:
    command, output = sessions()[1]
    done = assay(*shlex.split(command)[1:], cwd=ROOT)
    assert (done.code, done.out) == (0, output)


@pytest.mark.docker
@pytest.mark.lab
def test_the_first_example_runs_and_its_model_loads(tmp_path: Path) -> None:
    command, _ = sessions()[2]
    arguments = shlex.split(command.replace("examples/", f"{ROOT}/examples/"))
    done = assay(*arguments[1:], cwd=tmp_path)
    assert done.code == 0, done.err
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "merged" / "half_mean").num_parameters() > 0
    assert AutoTokenizer.from_pretrained(tmp_path / "merged" / "half_mean").vocab_size > 0


def test_every_linked_file_exists() -> None:
    for document in ("README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/lab.md", "docs/events.md", "docs/replay.md"):
        path = ROOT / document
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{document} links to {target}"


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        word
        for text in (README, (ROOT / "CONTRIBUTING.md").read_text())
        for word in re.findall(r"`?make ([a-z-]+)", text)
    }
    assert named
    assert named <= targets
