"""The lean import of torch, each in a Python of its own: what it leaves out, and that nothing asked for is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def contained(body: str) -> str:
    """Run Python as in a container; return what it printed."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ASSAY_CONTAINED": "1"}
    head = "import sandbox_image\nimport torch, sys\nfrom sandbox_image import limits, lean\nlimits.pin()\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", head + body],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


DEFERRED = "print(isinstance(sys.modules.get({!r}), lean._Deferred))"


@pytest.mark.parametrize("module", ["torch.fx", "torch.export", "torch._higher_order_ops", "torch.distributions"])
def test_what_merging_does_not_need_is_not_loaded(module: str) -> None:
    assert contained(DEFERRED.format(module)) == "True"


@pytest.mark.parametrize(
    "use",
    [
        "torch.tensor([1.0])",
        "torch.where(torch.ones(2) > 0, 1.0, 2.0)",
        "str(torch.ones(2))",
        "torch.linalg.svd(torch.eye(3))",
        "torch.nn.functional.normalize(torch.ones(2, 2))",
        "torch.svd_lowrank(torch.ones(4, 4), q=2)",
        "torch.fft.rfft(torch.ones(4))",
    ],
)
def test_what_programs_do_loads_none_of_it(use: str) -> None:
    assert contained(f"{use}\n" + DEFERRED.format("torch.fx")) == "True"


@pytest.mark.parametrize(
    ("use", "result"),
    [
        ("torch.vmap(lambda x: x * 2)(torch.ones(2)).tolist()", "[2.0, 2.0]"),
        ("torch.fx.symbolic_trace(torch.nn.Identity()).graph is not None", "True"),
        ("torch.distributions.Normal(0.0, 1.0).mean.item()", "0.0"),
        ("torch.optim.SGD.__name__", "SGD"),
        ("torch.sparse.mm.__name__", "_sparse_mm"),
        ("torch.distributed.is_available()", "False"),
    ],
)
def test_what_is_asked_for_is_loaded_then(use: str, result: str) -> None:
    assert contained(f"print({use})") == result


def test_outside_a_container_torch_is_whole() -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    body = "import sandbox_image, torch, sys; print('torch.fx.proxy' in sys.modules, torch.distributed.is_available())"
    done = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "True True"
