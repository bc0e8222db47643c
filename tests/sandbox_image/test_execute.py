"""Loading and calling one program: the contract, named faults, seeds."""

from __future__ import annotations

import pytest
import torch

from policies import guards
from sandbox_image import execute
from sandbox_image.execute import ProgramError, call_program, call_seed, explain, load_program

NAME = "model.layers.1.mlp.up_proj.weight"
HEAD = "import torch\n"


def call(source: str, *, guarded: bool, seed: int = 0) -> torch.Tensor:
    vectors = {"a": torch.ones(2, 3), "b": 3 * torch.ones(2, 3)}
    program = load_program(HEAD + source, guarded=guarded, profile="strict")
    return call_program(program, vectors, torch.zeros(2, 3), name=NAME, num_layers=4, seed=seed)


def fault(source: str, *, guarded: bool) -> tuple[str, str]:
    with pytest.raises(BaseException) as caught:  # noqa: PT011  (whatever a program raises)
        call(source, guarded=guarded)
    return explain(caught.value)


both = pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "plain"])


@both
def test_the_result_is_the_programs(guarded: bool) -> None:
    result = call("def merge_models(model_dict, device):\n    return sum(model_dict.values()) / 2\n", guarded=guarded)
    assert torch.equal(result, 2 * torch.ones(2, 3))


@both
def test_extras_come_by_name(guarded: bool) -> None:
    source = (
        "def merge_models(model_dict, device, num_layers, name, *, layer, base, scale=1.0):\n"
        "    assert name.endswith('up_proj.weight')\n"
        "    return base + layer + num_layers\n"
    )
    assert torch.equal(call(source, guarded=guarded), torch.full((2, 3), 5.0))


@both
def test_randomness_repeats_with_the_seed_and_differs_without(guarded: bool) -> None:
    source = (
        "def merge_models(model_dict, device, generator):\n"
        "    return torch.rand(2, 3, generator=generator) + torch.rand(2, 3)\n"
    )
    assert torch.equal(call(source, guarded=guarded, seed=1), call(source, guarded=guarded, seed=1))
    assert not torch.equal(call(source, guarded=guarded, seed=1), call(source, guarded=guarded, seed=2))


@both
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return None", "wrong_dtype"),
        ("return model_dict", "wrong_dtype"),
        ("return model_dict['a'] > 0", "wrong_dtype"),
        ("return model_dict['a'].int()", "wrong_dtype"),
        ("return model_dict['a'].T", "wrong_shape"),
        ("return model_dict['a'].sum()", "wrong_shape"),
        ("return model_dict['a'] / 0", "not_finite"),
        ("return model_dict['c']", "runtime_error"),
        ("return model_dict['a'] @ model_dict['b']", "runtime_error"),
        ("return torch.ones(2**50)", "out_of_memory"),
    ],
)
def test_a_bad_result_has_a_name(body: str, reason: str, guarded: bool) -> None:
    assert fault(f"def merge_models(model_dict, device):\n    {body}\n", guarded=guarded)[0] == reason


@both
def test_an_error_names_its_type_and_line(guarded: bool) -> None:
    source = "def merge_models(model_dict, device):\n    x = 1\n    return model_dict['nope']\n"
    reason, detail = fault(source, guarded=guarded)
    assert reason == "runtime_error"
    assert detail == "KeyError: 'nope' (line 4)"


@pytest.mark.parametrize(
    "source",
    [
        "x = 1\n",
        "merge_models = 3\n",
        "def merge_models(model_dict):\n    return 1\n",
        "def merge_models(model_dict, device, extra):\n    return 1\n",
        "def merge_models(model_dict, device, *, temperature):\n    return 1\n",
    ],
)
def test_a_plain_program_that_cannot_be_called_breaks_the_contract(source: str) -> None:
    assert fault(source, guarded=False)[0] == "contract"


def test_a_guarded_program_never_meets_the_real_torch() -> None:
    source = "def merge_models(model_dict, device):\n    return torch.os.system('true')\n"
    assert fault(source, guarded=True)[0] == "policy"


def test_a_plain_program_that_is_no_python_says_where() -> None:
    reason, detail = fault("def merge_models(:\n", guarded=False)
    assert reason == "syntax"
    assert "line 2" in detail


def test_an_error_whose_text_raises_is_explained_all_the_same() -> None:
    source = (
        "class Sly(Exception):\n    def __str__(self):\n        raise SystemExit\n"
        "def merge_models(model_dict, device):\n    raise Sly\n"
    )
    assert fault(source, guarded=False) == ("runtime_error", "Sly: <no message> (line 6)")


def test_calls_of_different_parameters_have_different_seeds() -> None:
    assert call_seed(0, "digest", "a") != call_seed(0, "digest", "b")
    assert call_seed(0, "digest", "a") != call_seed(1, "digest", "a")
    assert call_seed(0, "digest", "a") == call_seed(0, "digest", "a")
    assert 0 <= call_seed(5, "x") < 2**63


def test_a_fault_keeps_its_reason() -> None:
    assert explain(ProgramError("wrong_shape", "so")) == ("wrong_shape", "so")


def test_a_sound_platform_proves_itself() -> None:
    execute.prove()


def test_a_broken_torch_is_noticed_before_any_program_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "stack", lambda tensors: torch.zeros(3, 2))
    monkeypatch.setattr(guards, "_modules", guards._modules.__wrapped__)  # else the stack of an earlier load is kept
    with pytest.raises(RuntimeError, match="known program gave"):
        execute.prove()


@pytest.mark.parametrize("source", ["x = '\0'\n", "x = " + "-" * 60_000 + "1\n", "x = " + "1+" * 100_000 + "1\n"])
def test_what_no_parser_takes_is_a_fault_of_syntax(source: str) -> None:
    assert fault(source, guarded=False)[0] == "syntax"
