"""Screened -> Ran | Rejection, on the real engine, with guards and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.candidate import Admitted, Proposed, Ran, Reason, Rejection, Screened, Stage, Unchecked
from orchestrator.models import MergeInputs
from orchestrator.sandbox.docker import DockerSandbox
from orchestrator.stages.run import discard, run_program

pytestmark = pytest.mark.docker

Propose = Callable[[str], Proposed]
HEAD = "import torch\n\n\ndef merge_models(model_dict, device):\n"


@pytest.fixture
def run(docker_sandbox: DockerSandbox, tiny_inputs: MergeInputs) -> Callable[[Screened | Unchecked], Ran | Rejection]:
    def one(program: Screened | Unchecked) -> Ran | Rejection:
        return run_program(
            program,
            sandbox=docker_sandbox,
            inputs=tiny_inputs,
            seed=0,
            device="cpu",
            profile="strict",
            observe=lambda *_: None,
        )

    return one


Runner = Callable[[Screened | Unchecked], Ran | Rejection]


def screened(proposed: Proposed) -> Screened:
    return Screened(admitted=Admitted(proposed=proposed, policy_digest="", ast_digest=""), fingerprint="")


def test_a_good_program_leaves_an_output(run: Runner, propose: Propose, tiny_inputs: MergeInputs) -> None:
    ran = run(screened(propose(HEAD + "    print('seen')\n    return sum(model_dict.values()) / 3\n")))
    assert isinstance(ran, Ran)
    assert ran.output.size == tiny_inputs.output_bytes
    assert ran.receipt.stdout == "seen\n" * len(tiny_inputs.tensors)
    discard(ran)


def test_a_screened_program_runs_behind_guards(run: Runner, propose: Propose) -> None:
    outcome = run(screened(propose(HEAD + "    return torch.load('/etc/passwd')\n")))
    assert isinstance(outcome, Rejection)
    assert outcome.reason is Reason.POLICY


def test_an_unchecked_program_is_plain_python(run: Runner, propose: Propose) -> None:
    outcome = run(Unchecked(proposed=propose(HEAD + "    raise ValueError(__import__('sys').argv[0][-9:])\n")))
    assert isinstance(outcome, Rejection)
    assert outcome.detail == "ValueError: runner.py (line 5)"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("    return model_dict['nope']\n", Reason.RUNTIME_ERROR),
        ("    return model_dict['add'].sum()\n", Reason.WRONG_SHAPE),
        ("    return None\n", Reason.WRONG_DTYPE),
        ("    return model_dict['add'] / 0\n", Reason.NOT_FINITE),
        ("    while True:\n        pass\n", Reason.TIMEOUT),
    ],
)
def test_a_fault_comes_back_as_a_value(run: Runner, propose: Propose, body: str, reason: Reason) -> None:
    proposed = propose(HEAD + body)
    outcome = run(screened(proposed))
    assert isinstance(outcome, Rejection)
    assert (outcome.proposed, outcome.stage, outcome.reason) == (proposed, Stage.RUN, reason)
    assert outcome.receipt is not None
