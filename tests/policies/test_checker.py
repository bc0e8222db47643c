"""What the checker promises of its own: no crash, stable results, places, remedies, speed and start-up."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.checker import check, policy_digest
from policies.findings import RULES, Finding
from policies.limits import MAX_FINDINGS, MAX_SOURCE_BYTES
from policies.profiles import UnknownProfileError
from tests.policies.programs import BENIGN, in_merge

MERGE = "def merge_models(model_dict, device):\n    return model_dict['a']\n"
BAD_INPUT = {
    "empty": ("", "contract.missing"),
    "binary": (bytes(range(256)), "syntax.encoding"),
    "latin-1": ("# café\n".encode("latin-1") + MERGE.encode(), "syntax.encoding"),
    "null byte": (MERGE + "x = 1\0", "syntax.encoding"),
    "lone surrogate": (MERGE + "# \ud800", "syntax.encoding"),
    "utf-7 cookie": ("# coding: utf-7\n" + MERGE, "syntax.encoding"),
    "ten megabytes": ("#" * 10_000_000, "syntax.size"),
    "multi-byte over the limit": ("# " + "é" * MAX_SOURCE_BYTES, "syntax.size"),
    "many parentheses": ("(" * 30_000, "syntax.parse"),
    "matched parentheses": ("x = " + "(" * 30_000 + ")" * 30_000, "syntax.parse"),
    "many minus signs": ("x = " + "-" * 60_000 + "1", "syntax.nesting"),
    "long sum": ("x = " + "1+" * 30_000 + "1", "syntax.nesting"),
    "long attribute chain": ("x = a" + ".b" * 30_000, "syntax.nesting"),
    "long comparison": ("x = " + "1<" * 30_000 + "1", "syntax.size"),
    "nested lambdas": ("x = " + "lambda:" * 9_000 + "1", "syntax.nesting"),
    "nested lists": ("x = " + "[" * 150 + "]" * 150, "syntax.nesting"),
    "nested not": ("x = " + "not " * 15_000 + "1", "syntax.nesting"),
    "nested subscripts": ("x = a" + "[0]" * 20_000, "syntax.nesting"),
    "nested calls": ("x = a" + "()" * 30_000, "syntax.nesting"),
    "nested f-strings": ('x = f"{a:' + "{a:" * 2_000, "syntax.parse"),
    "many nodes": ("x = 1\n" * 10_000, "syntax.size"),
    "huge decimal": ("x = " + "9" * 60_000, "syntax.parse"),
    "huge hexadecimal": (MERGE + "x = 0x" + "f" * 60_000, "policy.literal"),
    "many elifs": (
        "def merge_models(model_dict, device):\n    if 1:\n        pass\n" + "    elif 1:\n        pass\n" * 500,
        "syntax.nesting",
    ),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_a_finding_within_a_second(name: str) -> None:
    source, rule = BAD_INPUT[name]
    started = time.perf_counter()
    result = check(source)
    assert (result.verdict, result.findings[0].rule) == ("refused", rule)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_a_finding_in_a_thread_too(name: str) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(check, BAD_INPUT[name][0]).result().verdict == "refused"


@pytest.mark.parametrize(
    "source",
    [MERGE.replace("\n", "\r\n"), MERGE.encode(), b"\xef\xbb\xbf" + MERGE.encode(), "\ufeff" + MERGE, MERGE.strip()],
    ids=["crlf", "bytes", "bom in bytes", "bom in text", "no final newline"],
)
def test_harmless_variants_of_text_are_admitted(source: str | bytes) -> None:
    assert check(source).verdict == "admitted"


@given(st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_result(text: str) -> None:
    assert check(text).verdict == "refused"


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_a_result(raw: bytes) -> None:
    assert check(raw).verdict == "refused"


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_cut_program_gives_a_result(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from([path.read_text() for path in BENIGN]))
    assert check(source[: data.draw(st.integers(0, len(source)))]).verdict in {"admitted", "refused"}


def test_digest_of_program_ignores_comments_layout_and_docstrings() -> None:
    other = '# a comment\ndef merge_models( model_dict,device ):\n  """Doc."""\n  return (model_dict["a"])\n'
    assert check(MERGE).ast_digest == check(other).ast_digest


def test_digest_of_program_tells_programs_apart() -> None:
    assert check(MERGE).ast_digest != check(MERGE.replace("'a'", "'b'")).ast_digest


def test_digest_of_policy_is_stable_and_of_the_profile() -> None:
    assert policy_digest("strict") == policy_digest("strict") == check(MERGE).policy_digest
    assert len(policy_digest("strict")) == 64


def test_unknown_profile_is_an_error() -> None:
    with pytest.raises(UnknownProfileError, match="strict"):
        check(MERGE, "lenient")


def test_finding_has_line_column_and_remedy() -> None:
    (finding,) = check(in_merge("x = torch.empty_like(model_dict['a'])")).findings
    assert (finding.rule, finding.line, finding.column) == ("policy.member", 4, 9)
    assert "torch.zeros_like" in finding.message


@pytest.mark.parametrize(
    ("line", "marked"),
    [
        ("s = 'äö\N{GRINNING FACE}'; y = open('f')", "open"),  # told by a node
        ("s = 'äö\N{GRINNING FACE}'; y = (", "("),  # told by the parser
        ("s = 'äö\N{GRINNING FACE}'; break", "break"),  # told by the compiler
        ("s = 'äö\N{GRINNING FACE}'; y = 1 # \u202e", "\u202e"),  # told before parsing
        ("s = 'äö\x0c'; y = open('f')", "open"),  # a form feed ends no line
    ],
)
def test_columns_count_characters(line: str, marked: str) -> None:
    source = in_merge(line)
    finding = check(source).findings[0]
    assert finding.line == 4
    assert source.split("\n")[3][finding.column - 1 :].startswith(marked)


def test_unknown_function_gets_the_nearest_permitted_one() -> None:
    (finding,) = check(in_merge("x = torch.meann(model_dict['a'])")).findings
    assert "torch.meann" in finding.message
    assert "did you mean mean?" in finding.message


def test_numpy_is_refused_with_what_to_use() -> None:
    findings = check("import numpy as np\n" + MERGE).findings
    assert findings[0].rule == "policy.import"
    assert "torch" in findings[0].message


def test_all_findings_are_reported_in_source_order() -> None:
    findings = check(in_merge("x = eval('1')", "y = open('f')", top="import os")).findings
    assert [(f.line, f.rule) for f in findings] == [
        (1, "policy.import"),
        (4, "policy.builtin"),
        (5, "policy.builtin"),
    ]


def test_findings_are_capped() -> None:
    assert len(check(in_merge(*["x = eval('1')"] * 500)).findings) == MAX_FINDINGS


def test_every_rule_is_of_a_known_family() -> None:
    assert {rule.partition(".")[0] for rule in RULES} == {"syntax", "policy", "contract"}


def test_finding_of_unknown_rule_cannot_be_made() -> None:
    with pytest.raises(ValueError, match=r"policy\.nothing"):
        Finding(rule="policy.nothing", line=1, column=1, message="")


def test_main_block_is_ignored_and_its_else_is_not() -> None:
    block = MERGE + 'if __name__ == "__main__":\n    import argparse\n    argparse.ArgumentParser()\n'
    assert check(block).verdict == "admitted"
    assert check(block + "else:\n    import os\n").verdict == "refused"


def test_checker_imports_no_torch_and_starts_quickly() -> None:
    script = (
        "import sys, time; t = time.perf_counter(); from policies.checker import check; "
        f"check({MERGE!r}); seconds = time.perf_counter() - t; "
        "assert 'torch' not in sys.modules; print(seconds)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True) for _ in range(3)
    ]
    assert min(float(run.stdout) for run in runs) < 0.4


def test_typical_program_is_checked_in_milliseconds() -> None:
    source = next(path for path in BENIGN if path.stem == "ties").read_text()
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        check(source)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.02  # about 2 ms alone on a core


# Runs `assay check` on a file, and says at last how much memory it had at most.
WATCHED = """
import atexit, re, runpy, sys
status = lambda: re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1)
atexit.register(lambda: print(status(), file=sys.stderr))
sys.argv = ["assay", "check", sys.argv[1]]
runpy.run_module("orchestrator", run_name="__main__")
"""
MAX_KIB = 200 * 1024
ON_DISK: dict[str, str | bytes] = {
    **{name: BAD_INPUT[name][0] for name in ("matched parentheses", "long comparison", "many nodes", "binary")},
    "ten megabytes of code": "x = 1\n" * 1_700_000,
    "a hundred thousand parentheses": "(" * 100_000,
    "the largest program": MERGE + "# " + "x" * (MAX_SOURCE_BYTES - len(MERGE) - 2),
}


@pytest.mark.parametrize("name", ON_DISK)
def test_a_file_costs_little_memory_whatever_is_in_it(name: str, tmp_path: Path) -> None:
    text, path = ON_DISK[name], tmp_path / "program.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = subprocess.run([sys.executable, "-c", WATCHED, path], capture_output=True, text=True, check=False)
    assert done.returncode == (0 if name == "the largest program" else 1), done.stderr
    assert int(done.stderr.splitlines()[-1]) < MAX_KIB
