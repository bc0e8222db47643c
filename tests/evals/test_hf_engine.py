"""The resident model: swapping leaves no trace, and answers depend on prompts and weights alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from evals.engines.base import InferenceError
from evals.engines.hf import HfEngine
from tests.tiny import make_tiny, make_variant, weights

PROMPTS = [
    "what is 12 plus 7?",
    "return",
    "what is 6 times 9? 54 what is 30 minus 4?",
    "def merge",
    "for t in model_dict",
    "names",
    "what is 30 minus 4?",
]


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("models") / "seed")


@pytest.fixture(scope="module")
def other(seed: Path) -> Path:
    return make_variant(seed, seed.parent / "other", seed=1)


@pytest.fixture
def engine(seed: Path) -> HfEngine:
    return HfEngine(seed, batch_size=3)


def answers(engine: HfEngine, prompts: list[str] = PROMPTS) -> list[str]:
    return engine.generate(prompts, max_new_tokens=8, stop=())


def one_by_one(folder: Path, prompt: str) -> str:
    """Greedy decoding without padding, cache or batches."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokens = tokenizer(prompt)["input_ids"]
    start = len(tokens)
    with torch.no_grad():
        for _ in range(8):
            best = int(model(input_ids=torch.tensor([tokens])).logits[0, -1].argmax())
            if best == tokenizer.eos_token_id:
                break
            tokens.append(best)
    text: str = tokenizer.decode(tokens[start:], skip_special_tokens=True)
    return text


def test_answers_are_those_of_plain_greedy_decoding_one_prompt_at_a_time(engine: HfEngine, seed: Path) -> None:
    assert answers(engine) == [one_by_one(seed, prompt) for prompt in PROMPTS]


def test_the_prompts_order_plays_no_part(engine: HfEngine) -> None:
    backwards = answers(engine, PROMPTS[::-1])
    assert backwards[::-1] == answers(engine)


def test_a_swapped_model_answers_as_if_it_were_loaded(engine: HfEngine, other: Path) -> None:
    engine.swap(weights(other))
    assert answers(engine) == answers(HfEngine(other, batch_size=3))


def test_answers_differ_between_models(engine: HfEngine, other: Path) -> None:
    before = answers(engine)
    engine.swap(weights(other))
    assert answers(engine) != before


def test_an_empty_swap_restores_the_seed_bit_by_bit(engine: HfEngine, seed: Path, other: Path) -> None:
    engine.swap(weights(other))
    engine.swap({})
    for name, tensor in weights(seed).items():
        assert torch.equal(engine._parameters[name], tensor)


def test_what_the_next_swap_does_not_name_goes_back_to_the_seed(engine: HfEngine, seed: Path, other: Path) -> None:
    merged, original = weights(other), weights(seed)
    first, second = sorted(merged)[:2]
    engine.swap({first: merged[first]})
    engine.swap({second: merged[second]})
    assert torch.equal(engine._parameters[first], original[first])
    assert torch.equal(engine._parameters[second], merged[second])


def test_only_what_was_swapped_is_kept_twice(engine: HfEngine, other: Path) -> None:
    name = "model.layers.0.mlp.up_proj.weight"
    engine.swap({name: weights(other)[name]})
    assert set(engine._seed) == {name}


def test_a_tied_head_follows_the_embedding_though_the_file_lacks_it(engine: HfEngine, seed: Path, other: Path) -> None:
    assert "lm_head.weight" not in weights(seed)
    embedding = weights(other)["model.embed_tokens.weight"]
    engine.swap({"model.embed_tokens.weight": embedding})
    assert torch.equal(engine._model.get_output_embeddings().weight, embedding)


def test_of_two_names_of_one_parameter_the_model_s_first_counts(engine: HfEngine, other: Path) -> None:
    embedding = weights(other)["model.embed_tokens.weight"]
    engine.swap({"lm_head.weight": embedding + 1, "model.embed_tokens.weight": embedding})
    assert torch.equal(engine._model.get_input_embeddings().weight, embedding)
    engine.swap({})
    assert not torch.equal(engine._model.get_input_embeddings().weight, embedding)


def test_names_may_leave_out_the_base_model_s_prefix(engine: HfEngine, other: Path) -> None:
    tensor = weights(other)["model.norm.weight"]
    engine.swap({"norm.weight": tensor})
    assert torch.equal(engine._parameters["model.norm.weight"], tensor)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("model.nothing.weight", (2,), "tensor model.nothing.weight: the loaded model LlamaForCausalLM has no param"),
        ("model.norm.weight", (3,), r"tensor model.norm.weight: expected shape \[32\], found \[3\]"),
    ],
)
def test_a_swap_that_does_not_fit_changes_nothing(
    engine: HfEngine, other: Path, name: str, shape: tuple[int, ...], message: str
) -> None:
    before = answers(engine)
    with pytest.raises(InferenceError, match=message):
        engine.swap({**weights(other), name: torch.zeros(shape)})
    assert answers(engine) == before


def test_an_answer_ends_before_its_stop_string(engine: HfEngine) -> None:
    whole = answers(engine)
    stop = whole[0][1]
    cut = engine.generate(PROMPTS, max_new_tokens=8, stop=(stop,))
    assert cut == [text.split(stop, 1)[0] for text in whole]


def test_rows_stop_generating_once_all_hold_their_stop_string(
    engine: HfEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = answers(engine, PROMPTS[:1])[0]
    steps = []
    forward = engine._model.forward
    monkeypatch.setattr(engine._model, "forward", lambda *a, **k: steps.append(1) or forward(*a, **k))
    engine.generate(PROMPTS[:1], max_new_tokens=8, stop=(text[0],))
    assert len(steps) == 1


def test_a_prompt_longer_than_the_context_is_refused(engine: HfEngine) -> None:
    with pytest.raises(InferenceError, match="expected at most 256 together"):
        answers(engine, ["plus " * 300])


def test_an_empty_prompt_is_refused(engine: HfEngine) -> None:
    with pytest.raises(InferenceError, match="holds no token"):
        answers(engine, [""])


def test_no_prompts_give_no_answers(engine: HfEngine) -> None:
    assert answers(engine, []) == []


def test_a_directory_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match=str(tmp_path)):
        HfEngine(tmp_path, batch_size=1)


def test_sampling_settings_of_the_directory_are_ignored(seed: Path, engine: HfEngine, tmp_path: Path) -> None:
    folder = make_variant(seed, tmp_path / "sampling", seed=0, scale=0.0)
    (folder / "generation_config.json").write_text('{"do_sample": true, "temperature": 9.0, "repetition_penalty": 5.0}')
    assert answers(HfEngine(folder, batch_size=3)) == answers(engine)
