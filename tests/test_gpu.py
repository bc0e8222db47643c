"""Which GPU is on record, read from the driver's files as they are on a host that has one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from orchestrator.gpu import gpu_named
from orchestrator.replay.machine import environment
from orchestrator.session import determinism_profile

VERSION = """\
NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024
GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)
"""
CARD = "Model: \t\t {model}\nIRQ:   \t\t 123\nGPU UUID: \t {uuid}\nVideo BIOS: \t 96.00\nBus Type: \t PCIe\n"
ONE, TWO = "GPU-11111111-1111-1111-1111-111111111111", "GPU-22222222-2222-2222-2222-222222222222"


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    (tmp_path / "version").write_text(VERSION)
    for bus, model, uuid in (("0000:81:00.0", "NVIDIA L4", TWO), ("0000:01:00.0", "NVIDIA H100 80GB HBM3", ONE)):
        (tmp_path / "gpus" / bus).mkdir(parents=True)
        (tmp_path / "gpus" / bus / "information").write_text(CARD.format(model=model, uuid=uuid))
    return tmp_path


@pytest.mark.parametrize(
    ("which", "model"),
    [("0", "NVIDIA H100 80GB HBM3"), ("1", "NVIDIA L4"), (ONE, "NVIDIA H100 80GB HBM3"), (TWO, "NVIDIA L4")],
)
def test_a_gpu_is_named_by_index_or_uuid(driver: Path, which: str, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_named(which, driver) == f"{model}, driver 550.54.15"


def test_its_capability_is_added_where_torch_sees_one_of_that_model(
    driver: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: ("NVIDIA L4", "NVIDIA H100 80GB HBM3")[index])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: ((8, 9), (9, 0))[index])
    assert gpu_named("0", driver) == "NVIDIA H100 80GB HBM3, driver 550.54.15, capability 9.0"


def test_what_cannot_be_known_is_said_to_be_unknown(driver: Path, tmp_path: Path) -> None:
    assert gpu_named("7", driver).startswith("unknown, driver 550.54.15")
    assert gpu_named("0", tmp_path / "none").startswith("unknown, driver unknown")


def test_a_run_on_the_cpu_records_none() -> None:
    assert determinism_profile()["gpu"] == ""


def test_another_gpu_is_another_class_of_environment() -> None:
    sandbox = {"image_id": "sha256:1"}
    record, here = (environment(sandbox, {"cpu": "x", "gpu": gpu}, device="cuda") for gpu in ("NVIDIA L4", "NVIDIA T4"))
    assert here.differs(record) == ("gpu",)
    assert here.differs(here) == ()


def test_a_record_from_before_gpus_were_recorded_is_of_no_known_class() -> None:
    record = environment({}, {"cpu": "x"}, device="cuda")
    assert environment({}, {"cpu": "x", "gpu": "NVIDIA L4"}, device="cuda").differs(record) == ("gpu",)
    assert (
        environment({}, {"cpu": "x", "gpu": ""}, device="cpu").differs(environment({}, {"cpu": "x"}, device="cpu"))
        == ()
    )
