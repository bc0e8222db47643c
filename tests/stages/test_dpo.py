"""Training on preference pairs: that it is real, exact and repeatable, and leaves nothing else behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from orchestrator.config import Dpo
from orchestrator.errors import EngineError
from orchestrator.models import weights_digest
from orchestrator.stages.generate.hf import HfGenerator
from orchestrator.stages.generate.prompts import Prompt
from orchestrator.stages.learn import dpo
from orchestrator.stages.learn.preferences import Pair
from tests.stages.test_preferences import pair, proposed
from tests.tiny import PROMPT, make_tiny, weights

LAB = Prompt(name="test", text=PROMPT, chat=False)
SETTINGS = Dpo(method="full", learning_rate=1e-3, beta=0.1, epochs=2, batch_size=2, lora_rank=4, max_length=200)
GOOD, BAD = "\n    return sum(model_dict.values())\n", "\n    import os\n    return None\n"


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module", params=["full", "lora"])
def trained(
    request: pytest.FixtureRequest, factory: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dpo.Trained, list[tuple[int, int]]]:
    steps: list[tuple[int, int]] = []
    result = train(
        [pair(chosen=GOOD, rejected=BAD)] * 4,
        factory,
        tmp_path_factory.mktemp("out") / "it1",
        method=request.param,
        steps=steps,
    )
    return result, steps


def train(
    pairs: list[Pair], factory: Path, out: Path, *, steps: list[tuple[int, int]] | None = None, **changes: object
) -> dpo.Trained:
    return dpo.train(
        pairs,
        factory=factory,
        prompt=LAB,
        settings=SETTINGS.model_copy(update=changes),
        seed=3,
        out=out,
        progress=lambda done, total: None if steps is None else steps.append((done, total)),
    )


def likelihood(folder: Path, text: str) -> float:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokens = torch.tensor([AutoTokenizer.from_pretrained(folder)(PROMPT + text)["input_ids"]])
    with torch.no_grad():
        return -float(AutoModelForCausalLM.from_pretrained(folder)(input_ids=tokens, labels=tokens).loss)


def test_training_moves_the_factory_towards_the_chosen(trained: tuple[dpo.Trained, object], factory: Path) -> None:
    folder = trained[0].checkpoint
    before = likelihood(factory, GOOD) - likelihood(factory, BAD)
    assert likelihood(folder, GOOD) - likelihood(folder, BAD) > before
    assert trained[0].loss_first == pytest.approx(0.693, abs=1e-3)  # ln 2: policy and reference are one at first
    assert trained[0].loss_last < trained[0].loss_first


def test_the_checkpoint_is_a_full_model_that_the_generator_adopts(
    trained: tuple[dpo.Trained, object], factory: Path
) -> None:
    result = trained[0]
    assert weights(result.checkpoint).keys() == weights(factory).keys()
    generator = HfGenerator(factory, prompt=LAB, seed=0, top_p=1.0, max_new_tokens=8, batch_size=1)
    generator.adopt(result.checkpoint)
    (after,) = generator.propose(1, 1, temperature=1.0, progress=lambda done, total: None)
    assert after.sampling is not None
    assert after.sampling.adapter == result.adapter_digest == weights_digest(result.checkpoint)
    assert result.adapter_digest != weights_digest(factory)


def test_progress_counts_optimiser_steps(trained: tuple[dpo.Trained, list[tuple[int, int]]]) -> None:
    result, steps = trained
    assert result.steps == 4
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(result.metrics) == 4


def test_nothing_but_the_checkpoint_is_left_behind(trained: tuple[dpo.Trained, object]) -> None:
    folder = trained[0].checkpoint
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert not (folder / "trainer").exists()


def test_training_is_repeatable(trained: tuple[dpo.Trained, object], factory: Path, tmp_path: Path) -> None:
    first = trained[0]
    method = "lora" if (first.checkpoint / dpo.ADAPTER_FOLDER).exists() else "full"
    again = train([pair(chosen=GOOD, rejected=BAD)] * 4, factory, tmp_path / "again", method=method)
    assert again.adapter_digest == first.adapter_digest
    assert again.metrics[0]["loss"] == first.metrics[0]["loss"]


def test_training_starts_from_an_earlier_checkpoint(trained: tuple[dpo.Trained, object], tmp_path: Path) -> None:
    second = train([pair(chosen=GOOD, rejected=BAD)] * 2, trained[0].checkpoint, tmp_path / "it2", epochs=1)
    assert second.loss_first == pytest.approx(0.693, abs=1e-3)  # the reference is the factory that was passed in


def test_the_trainer_s_tokens_are_those_of_the_whole_program(factory: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(factory)
    trainer, _ = dpo._make_trainer(
        [pair(chosen=GOOD, rejected=BAD)], factory, LAB, SETTINGS, 0, tmp_path, lambda done, total: None, "cpu"
    )
    row = trainer.train_dataset[0]
    for key, text in (("chosen_ids", GOOD), ("rejected_ids", BAD)):
        assert row["prompt_ids"] + row[key] == [*tokenizer(PROMPT + text)["input_ids"], tokenizer.eos_token_id]
    assert row["prompt_ids"] == tokenizer(PROMPT)["input_ids"]


def test_a_pair_longer_than_the_limit_is_dropped_and_counted_not_cut(factory: Path, tmp_path: Path) -> None:
    long = "\n    x = 1" * 60 + GOOD
    result = train([pair(chosen=GOOD, rejected=BAD), pair(chosen=long, rejected=BAD)], factory, tmp_path / "out")
    assert (result.pairs, result.dropped) == (2, 1)


def test_a_pair_that_merges_with_the_prompt_s_end_is_dropped(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "model", corpus=[PROMPT + GOOD, "::: ):: ):: ):: ):: ):: ):: )::"])
    result = train([pair(chosen=GOOD, rejected=BAD), pair(chosen=GOOD, rejected=": 1")], folder, tmp_path / "out")
    assert (result.pairs, result.dropped) == (2, 1)


def test_no_usable_pair_is_an_error_that_leaves_nothing_behind(factory: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="at least one of 1 to fit into 16 tokens"):
        train([pair(chosen=GOOD, rejected=BAD)], factory, tmp_path / "out", max_length=16)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_training_leaves_nothing_behind(factory: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dpo.train(
            [pair(chosen=GOOD, rejected=BAD)],
            factory=factory,
            prompt=LAB,
            settings=SETTINGS,
            seed=0,
            out=tmp_path / "out",
            progress=interrupt,
        )
    assert list(tmp_path.iterdir()) == []


def test_an_existing_directory_is_not_written_over(factory: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="expected no such path"):
        train([pair(chosen=GOOD, rejected=BAD)], factory, tmp_path)


def test_a_program_that_the_prompt_cannot_have_written_is_an_error(factory: Path, tmp_path: Path) -> None:
    foreign = Pair(
        id="p1-000",
        iteration=1,
        chosen=proposed(0, source="x = 1\n"),
        rejected=proposed(1),
        margin=0.1,
        rule="score",
    )
    with pytest.raises(EngineError, match="expected to begin with"):
        train([foreign], factory, tmp_path / "out")


CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.role == 'assistant' %}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def test_an_instruction_is_trained_in_the_model_s_own_chat_template(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = make_tiny(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    ask = Prompt(name="ask", text="Write merge_models.", chat=True)
    trainer, _ = dpo._make_trainer(
        [pair(chosen=GOOD, rejected=BAD)], folder, ask, SETTINGS, 0, tmp_path, lambda done, total: None, "cpu"
    )
    row = trainer.train_dataset[0]
    generator = HfGenerator(folder, prompt=ask, seed=0, top_p=1.0, max_new_tokens=8, batch_size=1)
    assert row["prompt_ids"] == generator._context  # trained on the context that it samples from
    assert tokenizer.decode(row["chosen_ids"]) == f"```python\n{PROMPT}{GOOD.rstrip()}\n```<eos>"
