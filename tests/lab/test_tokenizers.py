"""The lab's tokenizers give back what they were given, and cut where the recipe needs it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from orchestrator.lab.arithmetic_world import SKILLS, worded
from orchestrator.lab.grammar import HEADER, program
from orchestrator.lab.tokenizers import END, arithmetic_tokenizer, program_tokenizer


@pytest.fixture(scope="module")
def programs() -> list[str]:
    rng = random.Random(0)
    return [program(rng).source for _ in range(300)]


@pytest.fixture(scope="module")
def code(programs: list[str]) -> Any:
    return program_tokenizer(programs)


@pytest.fixture(scope="module")
def sums() -> Any:
    rng = random.Random(0)
    return arithmetic_tokenizer(worded(rng, skill, rare_share=0.7).prompt for skill in SKILLS for _ in range(200))


def test_any_text_survives_the_program_tokenizer(code: Any) -> None:
    text = "def f():\n\treturn 'Grüße 你好 \U0001f9ea'  # ~`|\\ \r\n"
    assert code.decode(code.encode(text)) == text


def test_the_prompt_is_a_token_prefix_of_every_program(code: Any, programs: list[str]) -> None:
    start = code.encode(HEADER)
    assert all(code.encode(source)[: len(start)] == start for source in programs)


def test_digits_are_tokens_of_their_own(sums: Any) -> None:
    assert sums.tokenize(" has 123") == [" has", " 1", "2", "3"]


def test_questions_survive_the_arithmetic_tokenizer(sums: Any) -> None:
    prompt = worded(random.Random(1), "mul", rare_share=0.5).prompt
    assert sums.decode(sums.encode(prompt)) == prompt


def test_a_saved_tokenizer_loads_alike(code: Any, programs: list[str], tmp_path: Path) -> None:
    code.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.encode(programs[0]) == code.encode(programs[0])
    assert loaded.decode(loaded.encode(programs[0])) == programs[0]
    assert loaded.eos_token == END
