"""Judging one output: exact on numbers, forgiving on LaTeX's spelling, never raising, never hanging."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorers import MathJudge, final_number, final_number_is, first_number_is, numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$1,234.50 and 07", ["1234.5", "7"]),
        ("10-4=6", ["10", "4", "6"]),
        ("it is -4 or \u22124", ["-4", "-4"]),
        ("18.00", ["18"]),
        ("1,2,3", ["1", "2", "3"]),
        ("-0", ["0"]),
        (".5", ["0.5"]),
        ("The answer is 18.", ["18"]),
        ("\u0661\u0662", []),  # digits of other scripts are no answer
    ],
)
def test_numbers_are_normalised(text: str, expected: list[str]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize(
    ("output", "right"), [(" 19", True), ("19 20", True), ("20 19", False), ("190", False), ("", False)]
)
def test_the_first_number_counts_in_the_lab(output: str, right: bool) -> None:
    assert first_number_is("19", output) is right


@pytest.mark.parametrize(
    ("output", "right"),
    [
        ("16-3-4=9 eggs, 9*2=$18", True),
        ("#### 18", True),
        ("#### 18\nNow 7 more", True),  # the mark decides
        ("18 dollars, or 17", False),
        ("so 18.0", True),
        ("eighteen", False),
        ("#### none of the 18", True),
    ],
)
def test_the_final_number_counts_in_gsm8k(output: str, right: bool) -> None:
    assert final_number_is("18", output) is right


def test_numbers_too_long_for_python_s_integers_are_judged_and_not_raised() -> None:
    digits = "9" * 10_000
    assert first_number_is(digits, digits + ".0")
    assert not final_number_is("9", digits)


@given(st.text())
def test_no_output_makes_the_number_scorers_raise(output: str) -> None:
    first_number_is("7", output)
    final_number(output)


@pytest.fixture(scope="module")
def judge() -> Iterator[MathJudge]:
    judge = MathJudge()
    yield judge
    judge.close()


@pytest.mark.parametrize(
    ("answer", "output", "right"),
    [
        (r"\frac{14}{3}", r"The answer is $\boxed{\dfrac{14}{3}}$.", True),
        (r"\frac{1}{2}", "So we get $0.5$", True),
        ("9", "There are 9 divisors.", True),
        ("9", "There are 8 divisors.", False),
        (r"\left( 3, \frac{\pi}{2} \right)", r"\boxed{(3, \pi/2)}", True),
        (r"\text{Evelyn}", r"\boxed{Evelyn}", True),
        (r"\text{Evelyn}", r"\boxed{Carla}", False),
        ("p - q", r"first \boxed{1}, then \boxed{-q+p}", True),
        ("x", "", False),
        ("x", r"\boxed{", False),
        ("5", r"\boxed{" * 500, False),
    ],
)
def test_equal_latex_is_equal(judge: MathJudge, answer: str, output: str, right: bool) -> None:
    assert judge.equal(answer, output) is right


def test_latex_is_judged_off_the_main_thread_too(judge: MathJudge) -> None:
    verdicts: list[bool] = []
    thread = threading.Thread(target=lambda: verdicts.append(judge.equal(r"\frac12", "$0.5$")))
    thread.start()
    thread.join()
    assert verdicts == [True]


def test_an_answer_that_no_alarm_interrupts_is_wrong_and_the_next_one_is_judged() -> None:
    judge = MathJudge(seconds=1.0)
    assert judge.equal("4", "4")
    started = time.monotonic()
    assert not judge.equal("4", r"\boxed{9^{9^{9^{9}}}}")
    assert time.monotonic() - started < 10
    assert judge.equal("4", "4")
    judge.close()


def test_a_judge_whose_process_died_starts_another() -> None:
    judge = MathJudge()
    assert judge.equal("4", "4")
    assert judge._child is not None
    judge._child.kill()
    judge._child.wait()
    judge.equal("4", "4")
    assert judge.equal("4", "4")
    judge.close()
