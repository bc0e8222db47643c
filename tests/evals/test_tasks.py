"""The tasks read the official files, split them, show worked examples and judge their own answers as right."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evals.arithmetic import ArithmeticTask
from evals.gsm8k import Gsm8kTask
from evals.math500 import Math500Task
from evals.task import Item, TaskError
from tests.evals.data import FIXTURES, full_data


def write_lab(folder: Path, *, dev: int = 3, test: int = 2) -> Path:
    for split, size in (("dev", dev), ("test", test)):
        lines = [json.dumps({"id": f"{split}{n}", "prompt": f"{n} plus 1?", "answer": str(n + 1)}) for n in range(size)]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_the_lab_s_items_come_in_the_files_order(tmp_path: Path) -> None:
    task = ArithmeticTask(write_lab(tmp_path))
    assert task.items("dev")[1] == Item(id="dev1", prompt="1 plus 1?", answer="2")
    assert [item.id for item in task.items("test")] == ["test0", "test1"]


def test_the_lab_s_sizes_take_the_first_items(tmp_path: Path) -> None:
    task = ArithmeticTask(write_lab(tmp_path), dev_items=2, test_items=1)
    assert [item.id for item in task.items("dev")] == ["dev0", "dev1"]


def test_the_lab_s_first_number_counts(tmp_path: Path) -> None:
    task = ArithmeticTask(write_lab(tmp_path))
    item = task.items("dev")[1]
    assert task.correct(item, " 2 and 3")
    assert not task.correct(item, " 3 and 2")


def test_more_items_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"dev.jsonl: expected at least 9 items, found 3"):
        ArithmeticTask(write_lab(tmp_path), dev_items=9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json\n", "x.jsonl:1: expected a JSON object, found 'not json'"),
        ("[1]\n", "x.jsonl:1: expected a JSON object, found list"),
        ('{"question": "q", "answer": "#### 1"}\n{"question": 3, "answer": ""}\n', "x.jsonl:2: expected text under 'q"),
        ('{"question": "q", "answer": "no mark 1"}\n', "ends in `#### N`, found 'no mark 1'"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(TaskError) as caught:
        Gsm8kTask(path, dev_items=1, test_items=0)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"nowhere\.jsonl: cannot be read: No such file"):
        Math500Task(tmp_path / "nowhere.jsonl", dev_items=1, test_items=1)


def test_gsm8k_prompts_end_where_the_answer_begins() -> None:
    task = Gsm8kTask(FIXTURES / "gsm8k.jsonl", dev_items=3, test_items=3)
    item = task.items("dev")[0]
    assert item.prompt.startswith("Question: ")
    assert item.prompt.endswith("\nAnswer:")
    assert item.answer.lstrip("-").isdigit()


def test_worked_examples_are_of_neither_split_and_hold_no_calculator_marks() -> None:
    task = Gsm8kTask(FIXTURES / "gsm8k.jsonl", dev_items=3, test_items=2, shots=2)
    items = [*task.items("dev"), *task.items("test")]
    questions = {item.prompt.rsplit("Question: ", 1)[1] for item in items}
    for item in items:
        examples, _ = item.prompt.rsplit("Question: ", 1)
        assert examples.count("Question: ") == examples.count("#### ") == 2
        assert "<<" not in examples
        assert not any(question in examples for question in questions)


def test_more_shots_than_items_are_left_is_refused() -> None:
    with pytest.raises(TaskError, match="expected 9 items outside dev and test to show"):
        Math500Task(FIXTURES / "math500.jsonl", dev_items=2, test_items=2, shots=9)


def test_the_fixtures_own_answers_are_judged_right_and_others_wrong() -> None:
    gsm8k = Gsm8kTask(FIXTURES / "gsm8k.jsonl", dev_items=8, test_items=0)
    for item in gsm8k.items("dev"):
        assert gsm8k.correct(item, f"so the total is {item.answer}")
        assert not gsm8k.correct(item, f"so the total is 1{item.answer}")
    math = Math500Task(FIXTURES / "math500.jsonl", dev_items=6, test_items=0)
    for item in math.items("dev"):
        assert math.correct(item, f"Hence $\\boxed{{{item.answer}}}$.")
        assert not math.correct(item, "Hence $\\boxed{-987654321}$.")


def test_the_official_gsm8k_file_loads_whole() -> None:
    path = full_data("gsm8k/test.jsonl")
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith("3730d312f6e34405")
    task = Gsm8kTask(path, dev_items=800, test_items=500, shots=5)
    assert len({item.id for split in ("dev", "test") for item in task.items(split)}) == 1300


def test_every_official_gsm8k_solution_is_judged_right() -> None:
    path = full_data("gsm8k/test.jsonl")
    solutions = [json.loads(line)["answer"] for line in path.read_text().splitlines()]
    task = Gsm8kTask(path, dev_items=1319, test_items=0)
    answers = {item.prompt: item for item in task.items("dev")}
    questions = [json.loads(line)["question"] for line in path.read_text().splitlines()]
    for question, solution in zip(questions, solutions, strict=True):
        assert task.correct(answers[f"Question: {question}\nAnswer:"], " " + solution)


def test_every_official_math500_answer_equals_itself_and_few_equal_their_neighbour() -> None:
    task = Math500Task(full_data("math500/test.jsonl"), dev_items=100, test_items=400)
    items = task.items("dev")
    assert all(task.correct(item, f"We find $\\boxed{{{item.answer}}}$.") for item in items)
    shifted = [*items[1:], items[0]]
    equal = [
        (item.answer, other.answer)
        for item, other in zip(items, shifted, strict=True)
        if task.correct(item, f"We find $\\boxed{{{other.answer}}}$.")
    ]
    assert all(a == b for a, b in equal)
