"""Prompts are read back as programs; sampling repeats, program by program, and adopts trained weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from orchestrator.candidate import Proposed, source_digest
from orchestrator.errors import UsageError
from orchestrator.stages.generate.hf import HfGenerator, SeededGumbel, program_seed
from orchestrator.stages.generate.prompts import LAB, NAMES, PAPER, Prompt, extract_program, prompt
from orchestrator.stages.generate.scripted import ScriptedGenerator
from policies.checker import check
from policies.teaching import section
from tests.tiny import PROMPT, make_tiny

TINY = Prompt(name="tiny", text=PROMPT, chat=False)


def silent(done: int, total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("factory")
    make_tiny(folder)
    return folder


def generator(folder: Path, **changes: Any) -> HfGenerator:
    settings: dict[str, Any] = {"prompt": TINY, "seed": 1, "top_p": 0.9, "max_new_tokens": 12, "batch_size": 4}
    return HfGenerator(folder, **{**settings, **changes})


def sources(proposed: Any) -> list[str]:
    return [item.source for item in proposed]


def test_a_completion_of_the_lab_prompt_is_a_module() -> None:
    program = LAB.program("\n    return sum(model_dict.values())\n")
    compile(program, "program", "exec")
    assert program.startswith("import torch\n")


@pytest.mark.parametrize("name", NAMES)
def test_completion_undoes_program(name: str) -> None:
    program = f"{LAB.text}\n    return sum(model_dict.values())\n"
    assert prompt(name).program(prompt(name).completion(program)) == program


def test_a_program_that_does_not_continue_the_prompt_is_named() -> None:
    with pytest.raises(ValueError, match="expected to begin with"):
        LAB.completion("def other(): pass\n")


def test_the_last_block_with_the_function_is_the_program() -> None:
    answer = (
        "First:\n```python\ndef merge_models(a, b):\n    return 1\n```\nBetter:\n"
        "```py\ndef merge_models(a, b):\n    return 2\n```\nUsage:\n```\nprint(merge_models)\n```\n"
    )
    assert extract_program(answer) == "def merge_models(a, b):\n    return 2\n"


def test_a_block_cut_off_by_the_token_limit_still_counts() -> None:
    assert extract_program("Here:\n```python\ndef merge_models(a, b):\n    ret") == "def merge_models(a, b):\n    ret\n"


def test_an_answer_without_a_fence_is_taken_whole() -> None:
    assert extract_program("  def merge_models(a, b): return a \n\n") == "def merge_models(a, b): return a\n"


def test_the_example_of_the_paper_prompt_keeps_its_own_contract() -> None:
    names: dict[str, Any] = {}
    exec(extract_program(prompt(PAPER).text), names)  # noqa: S102 -- our own example
    out = names["merge_models"]({"a": torch.ones(2, 3), "b": torch.ones(2, 3)}, "cpu")
    assert torch.equal(out, torch.full((2, 3), 0.6))


def test_prompts_have_digests_of_their_own() -> None:
    paper = prompt(PAPER)
    assert LAB.digest != paper.digest != Prompt(name="x", text=paper.text, chat=False).digest


def test_the_paper_prompt_says_what_the_profile_of_the_run_permits() -> None:
    assert section("strict") in prompt(PAPER).text
    assert section("paper") in prompt(PAPER, "paper").text
    assert prompt(PAPER).digest != prompt(PAPER, "paper").digest


def test_the_example_of_the_paper_prompt_is_within_the_narrowest_profile() -> None:
    assert check(extract_program(prompt(PAPER).text), "paper").verdict == "admitted"


def test_the_same_seed_gives_the_same_programs(factory: Path) -> None:
    first = generator(factory).propose(1, 6, temperature=1.0, progress=silent)
    assert first == generator(factory).propose(1, 6, temperature=1.0, progress=silent)


def test_a_program_does_not_depend_on_its_batch(factory: Path) -> None:
    small = generator(factory, batch_size=2).propose(1, 6, temperature=1.0, progress=silent)
    assert sources(small) == sources(generator(factory, batch_size=6).propose(1, 6, temperature=1.0, progress=silent))


def test_seed_iteration_and_index_each_change_the_program(factory: Path) -> None:
    base = sources(generator(factory).propose(1, 4, temperature=1.0, progress=silent))
    assert len(set(base)) > 1
    assert base != sources(generator(factory).propose(2, 4, temperature=1.0, progress=silent))
    assert base != sources(generator(factory, seed=2).propose(1, 4, temperature=1.0, progress=silent))


def test_a_proposal_says_how_it_was_sampled(factory: Path) -> None:
    item = generator(factory).propose(2, 3, temperature=0.8, progress=silent)[2]
    assert (item.id, item.iteration, item.index) == ("i2-002", 2, 2)
    assert item.digest == source_digest(item.source)
    assert item.sampling is not None
    assert (item.sampling.temperature, item.sampling.top_p, item.sampling.adapter) == (0.8, 0.9, "")
    assert item.sampling.seed == program_seed(1, 2, 2)
    assert 0 < item.sampling.tokens <= 12


def test_the_noise_samples_the_softmax() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0])
    draws = 4_000
    noised = SeededGumbel(range(draws))(torch.empty(draws, 0), logits.expand(draws, 3))
    found = torch.bincount(noised.argmax(-1), minlength=3) / draws
    assert torch.allclose(found, logits.softmax(-1), atol=0.03)


def test_adopted_weights_are_sampled_and_named(factory: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(factory)
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(tmp_path)
    writer = generator(factory)
    before = writer.propose(1, 4, temperature=1.0, progress=silent)
    writer.adopt(tmp_path)
    after = writer.propose(1, 4, temperature=1.0, progress=silent)
    assert sources(before) != sources(after)
    assert _adapters(after) == {writer.adapter}
    assert writer.adapter


def test_a_lora_adapter_is_put_on_the_factory(factory: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(factory), lora).save_pretrained(tmp_path)
    writer = generator(factory)
    before = sources(writer.propose(1, 4, temperature=1.0, progress=silent))
    writer.adopt(tmp_path)
    assert sources(writer.propose(1, 4, temperature=1.0, progress=silent)) != before


def test_a_directory_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a causal language model"):
        generator(tmp_path)


def test_scripts_are_dealt_in_name_order_and_in_turn(tmp_path: Path) -> None:
    for name in "bca":
        (tmp_path / f"{name}.py").write_text(f"# {name}\n")
    scripted = ScriptedGenerator(tmp_path, seed=0)
    first = scripted.propose(1, 2, temperature=1.0, progress=silent)
    second = scripted.propose(2, 2, temperature=1.0, progress=silent)
    assert sources(first) + sources(second) == ["# a\n", "# b\n", "# c\n", "# a\n"]
    assert [item.id for item in second] == ["i2-000", "i2-001"]


def test_an_empty_folder_of_scripts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a folder"):
        ScriptedGenerator(tmp_path, seed=0)


def _adapters(proposed: Any) -> set[str]:
    return {item.sampling.adapter for item in proposed if isinstance(item, Proposed) and item.sampling is not None}
