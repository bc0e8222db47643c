"""The commands as a user meets them: output, exit codes, and one clear message for every mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.commands import ROOT, assay

GOOD = "import torch\n\ndef merge_models(model_dict, device):\n    return sum(model_dict.values()) / len(model_dict)\n"
BAD = "import os\n\ndef merge_models(model_dict, device):\n    return os.listdir('/')\n"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.py"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.py"
    path.write_text(BAD)
    return path


def test_check_admits_with_exit_code_0(good: Path) -> None:
    done = assay("check", good, cwd=good.parent)
    assert (done.code, done.out.strip()) == (0, f"{good}: admitted")


def test_check_refuses_with_exit_code_1_and_a_place(good: Path, bad: Path) -> None:
    done = assay("check", good, bad, "--format", "json", cwd=bad.parent)
    assert done.code == 1
    admitted, refused = done.json
    assert admitted.items() >= {"path": str(good), "verdict": "admitted", "findings": []}.items()
    assert refused["verdict"] == "refused"
    assert {"rule", "line", "column", "message"} == refused["findings"][0].keys()
    assert refused["findings"][0]["line"] == 1


def test_check_shows_the_line_that_it_refuses(bad: Path) -> None:
    done = assay("check", "bad.py", cwd=bad.parent)
    assert done.code == 1
    assert done.out.splitlines()[2:4] == ["     1 | import os", "       | ^"]


def test_check_writes_sarif(good: Path, bad: Path) -> None:
    done = assay("check", "good.py", "bad.py", "--format", "sarif", cwd=bad.parent)
    assert (done.code, done.json["version"]) == (1, "2.1.0")
    assert {result["ruleId"] for result in done.json["runs"][0]["results"]} == {"policy.import"}


def test_check_writes_workflow_commands(good: Path, bad: Path) -> None:
    done = assay("check", "good.py", "bad.py", "--format", "github", cwd=bad.parent)
    assert done.code == 1
    assert done.out.splitlines()[0].startswith("::error file=bad.py,line=1,col=1,title=policy.import::import os")
    assert assay("check", "good.py", "--format", "github", cwd=good.parent).code == 0


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_check_of_hostile_names_reaches_no_terminal(tmp_path: Path, form: str) -> None:
    (tmp_path / "\x1b]0;x\x07\u202e\n.py").write_text("x = '\x1b[2J' + open\n")
    done = assay("check", *(path.name for path in tmp_path.iterdir()), "--format", form, cwd=tmp_path)
    assert done.code == 1
    assert all(line.isprintable() for line in done.out.splitlines())


def test_check_of_a_pipe_that_nobody_writes_to_ends(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.py")
    done = assay("check", "p.py", cwd=tmp_path)
    assert done.code == 1
    assert "contract.missing" in done.out


def test_check_takes_a_profile_by_name_and_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("def merge_models(a, b):\n    print(1)\n    return next(iter(a.values()))\n")
    (tmp_path / "ours.toml").write_text('name = "ours"\n[remove]\nbuiltins = "print"\n')
    assert assay("check", "p.py", "--profile", "paper", cwd=tmp_path).code == 0
    done = assay("check", "p.py", "--profile", "ours.toml", cwd=tmp_path)
    assert done.code == 1
    assert "the profile ours leaves it out" in done.out


@pytest.mark.parametrize("text", [None, "name = 3", 'name = "x"\n[remove]\ntorch = "ad"\n'])
def test_check_with_a_profile_that_cannot_be_used_is_a_usage_error(good: Path, text: str | None) -> None:
    if text is not None:
        (good.parent / "ours.toml").write_text(text)
    done = assay("check", good, "--profile", "ours.toml", cwd=good.parent)
    assert done.code == 2
    assert "policy profile" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("name", ["absent\x1b[2J\u202e.py", "absent\n.py"])
def test_message_about_a_hostile_name_reaches_no_terminal(tmp_path: Path, name: str) -> None:
    done = assay("check", name, cwd=tmp_path)
    assert done.code == 2
    assert all(line.isprintable() for line in done.err.splitlines())
    assert len(done.err.splitlines()) == 2


def test_check_explains_line_by_line(good: Path, bad: Path) -> None:
    done = assay("check", "--explain", "good.py", "bad.py", cwd=good.parent)
    assert done.code == 1
    assert "     4 |     return sum(model_dict.values()) / len(model_dict)" in done.out
    assert "uses sum, .values, len" in done.out
    assert "REFUSED at column 1: policy.import" in done.out
    as_json = assay("check", "--explain", "--format", "json", "good.py", cwd=good.parent).json
    assert as_json[0]["lines"][3]["uses"] == ["sum", ".values", "len"]
    assert assay("check", "--explain", "--format", "sarif", "good.py", cwd=good.parent).code == 2


def test_check_of_a_missing_file_is_a_usage_error(good: Path) -> None:
    done = assay("check", good, "absent.py", cwd=good.parent)
    assert done.code == 2
    assert "absent.py" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("latin1.py", "x = 'ä'".encode("latin-1")),
        ("null.py", b"x = 1\0\n"),
        ("empty.py", b""),
        ("large.py", b"#" * 11_000_000),
        ("deep.py", b"(" * 100_000),
        ("escape.py", b"\x1b]0;owned\x07 = 1"),
    ],
)
def test_check_of_what_is_no_program_is_a_finding(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    done = assay("check", name, cwd=tmp_path)
    assert done.code == 1
    assert "refused" in done.out
    assert "Traceback" not in done.err
    assert "\x1b" not in done.out


def test_unknown_command_is_a_usage_error(tmp_path: Path) -> None:
    assert assay("asay", cwd=tmp_path).code == 2


@pytest.mark.parametrize("command", ["check", "exec", "run", "report", "doctor"])
def test_help_shows_an_example(tmp_path: Path, command: str) -> None:
    done = assay(command, "--help", cwd=tmp_path)
    assert done.code == 0
    assert f"Example:  assay {command} " in done.out


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('name = "x"\n', "missing key `models`"),
        ('name = "x"\n[models]\nseed = "a"\n[models.candidates]\nb = "b"\n[contaner]\ncpus = 1\n', "`container`"),
        ('name = "x"\nmodels = 3\n', "`models`"),
        (
            'name = "x"\n[models]\nseed = "a"\nallow_no_policy = true\n[models.candidates]\nb = "b"\n',
            "at the top of the file",
        ),
        (
            'name = "x"\n[models]\nseed = "a"\n[models.candidates]\nb = "b"\n[container]\ncpus = "many"\n',
            "container.cpus",
        ),
        ("name = ", "not TOML"),
    ],
)
def test_a_config_mistake_names_the_key(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    done = assay("run", "c.toml", cwd=tmp_path)
    assert done.code == 2
    assert named in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "runs").exists()


def test_models_that_are_not_there_are_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "seed").mkdir()
    (tmp_path / "c.toml").write_text('name = "x"\n[models]\nseed = "seed"\n[models.candidates]\nb = "seed"\n')
    done = assay("run", "c.toml", cwd=tmp_path)
    assert done.code == 2
    assert "no *.safetensors" in done.err
    assert not (tmp_path / "runs").exists()


def test_no_policy_needs_the_configs_permission(good: Path) -> None:
    text = (ROOT / "examples" / "exec.toml").read_text().replace("allow_no_policy = true", "")
    (good.parent / "c.toml").write_text(text)
    done = assay("exec", good, "--config", "c.toml", "--no-policy", cwd=good.parent)
    assert done.code == 2
    assert "allow_no_policy = true" in done.err


def test_a_dead_engine_is_named_with_its_remedy(good: Path) -> None:
    done = assay(
        "exec",
        good,
        "--config",
        ROOT / "examples" / "exec.toml",
        cwd=good.parent,
        DOCKER_HOST="unix:///nonexistent.sock",
    )
    assert done.code == 3
    assert "unix:///nonexistent.sock" in done.err
    assert "->" in done.err
    assert "Traceback" not in done.err


def test_report_of_what_is_no_run_is_a_usage_error(tmp_path: Path) -> None:
    done = assay("report", ".", cwd=tmp_path)
    assert done.code == 2
    assert "ledger.jsonl" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything; run as another user to see this")
def test_an_unreadable_program_is_a_usage_error(good: Path) -> None:
    good.chmod(0)
    assert assay("check", good, cwd=good.parent).code == 2
