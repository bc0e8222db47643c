"""One program's trial, in this process: what the fingerprint tells apart, and which faults count."""

from __future__ import annotations

import pytest

from sandbox_image.cell import _attempt
from sandbox_image.protocol import Message, ScreenJob

NAMES = ("add", "sub", "mul")


def trial(body: str, *, head: str = "import torch\n", ranks: tuple[int, ...] = (1, 2)) -> Message:
    source = head + "def merge_models(model_dict, device):\n    " + body.replace("\n", "\n    ") + "\n"
    return _attempt(
        ScreenJob(
            id="x",
            source=source,
            program_digest="",
            profile="strict",
            seed=0,
            candidate_names=NAMES,
            timeout_seconds=5.0,
            ranks=ranks,
        )
    )


MEAN = "return sum(model_dict.values()) / 3"


@pytest.mark.parametrize(
    "same",
    [
        "total = 0\nfor t in model_dict.values():\n    total = total + t / 3\nreturn total",
        "return torch.stack(list(model_dict.values())).mean(dim=0)",
        "return (model_dict['mul'] + model_dict['add'] + model_dict['sub']) * (1.0 / 3.0)",
    ],
)
def test_programs_that_compute_the_same_share_a_fingerprint(same: str) -> None:
    assert trial(MEAN).fingerprint == trial(same).fingerprint != ""


@pytest.mark.parametrize(
    "other",
    [
        "return sum(model_dict.values()) / 3.01",
        "return sum(model_dict.values()) / -3",
        "return model_dict['add']",
        "return next(iter(model_dict.values()))",
        "return torch.stack(list(model_dict.values())).median(dim=0).values",
    ],
)
def test_programs_that_compute_something_else_do_not(other: str) -> None:
    message = trial(other)
    assert message.kind == "screened", message.detail
    assert message.fingerprint != trial(MEAN).fingerprint


def test_the_order_of_the_models_shows_in_the_fingerprint() -> None:
    assert trial("return model_dict['add']").fingerprint != trial("return next(iter(model_dict.values()))").fingerprint


def test_dividing_by_a_norm_is_no_fault_although_zeros_have_none() -> None:
    message = trial("t = sum(model_dict.values())\nreturn t / t.norm()")
    assert message.kind == "screened", message.detail


def test_nan_on_ordinary_tensors_is_a_fault() -> None:
    assert trial("return torch.log(model_dict['add'])").reason == "not_finite"


def test_a_fault_on_vectors_counts_only_where_vectors_are_merged() -> None:
    body = "return model_dict['add'] @ torch.eye(model_dict['add'].shape[1])"
    assert trial(body, ranks=(1, 2)).reason == "runtime_error"
    assert trial(body, ranks=(2,)).kind == "screened"


def test_seeded_randomness_passes() -> None:
    message = trial("return torch.rand_like(model_dict['add'])")
    assert message.kind == "screened", message.detail


def test_state_that_outlives_a_call_does_not_make_two_passes_differ() -> None:
    head = "import torch\nseen = []\n"
    message = trial("seen.append(1)\nreturn model_dict['add'] * len(seen)", head=head)
    assert message.kind == "screened", message.detail


def test_a_fault_names_line_and_reason() -> None:
    message = trial("return model_dict['nope']")
    assert (message.kind, message.reason, message.detail) == ("failed", "runtime_error", "KeyError: 'nope' (line 3)")


def test_a_name_that_is_not_a_candidate_is_the_programs_fault() -> None:
    assert trial("return model_dict['code']").reason == "runtime_error"


def test_what_the_policy_refuses_is_refused_here_too() -> None:
    assert trial("return torch.load('/etc/passwd')").reason == "policy"
