"""Bit patterns, not values: where two outputs differ, and by how much."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.replay.compare import Divergence, differing, measured
from sandbox_image.protocol import TensorSpec

WIDTHS = {"F64": ("d", 8), "F32": ("f", 4)}


def spec(name: str, count: int, *, offset: int = 0, dtype: str = "F32", width: int = 4) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=(count,), offset=offset, nbytes=count * width)


def compared(before: list[float], after: list[float], folder: Path, dtype: str = "F32") -> Divergence:
    code, width = WIDTHS[dtype]
    (folder / "a").write_bytes(struct.pack(f"<{len(before)}{code}", *before))
    (folder / "b").write_bytes(struct.pack(f"<{len(after)}{code}", *after))
    one = spec("w", len(before), dtype=dtype, width=width)
    return measured(["w"], folder / "a", ["w"], folder / "b", [one])


def test_names_come_in_the_order_of_the_output_and_missing_ones_last() -> None:
    record = [("a", "1"), ("gone", "2"), ("b", "3")]
    assert differing(record, [("b", "9"), ("a", "1"), ("new", "4")]) == ("b", "new", "gone")


def test_equal_digests_differ_nowhere() -> None:
    assert differing([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]) == ()


def test_the_farthest_element_is_named_with_its_bits(tmp_path: Path) -> None:
    found = compared([1.0, 2.0, 3.0], [1.0, 2.0000002384185791, 3.5], tmp_path)
    assert found.greatest
    assert (found.elements, found.greatest.element) == (2, 2)
    assert found.greatest.bits == ("40400000", "40600000")
    assert (found.greatest.ulp, found.greatest.absolute) == (0x200000, 0.5)
    assert found.greatest.relative == pytest.approx(1 / 6)


def test_neighbours_are_one_apart(tmp_path: Path) -> None:
    found = compared([1.0], [1.0000001192092896], tmp_path)
    assert found.greatest
    assert found.greatest.ulp == 1
    assert found.largest_ulp == {"F32": 1.0}


def test_zeros_of_unlike_sign_differ_in_bits_and_in_nothing_else(tmp_path: Path) -> None:
    found = compared([1.0, 0.0], [1.0, -0.0], tmp_path)
    assert found.greatest
    assert (found.elements, found.greatest.element, found.greatest.ulp, found.greatest.absolute) == (1, 1, 0, 0.0)
    assert found.greatest.bits == ("00000000", "80000000")
    assert found.largest_ulp == {"F32": 0.0}


def test_signs_count_through_zero(tmp_path: Path) -> None:
    smallest = 1.401298464324817e-45
    found = compared([smallest], [-smallest], tmp_path)
    assert found.greatest
    assert found.greatest.ulp == 2


def test_extremes_of_64_bits_do_not_overflow(tmp_path: Path) -> None:
    found = compared([1.7e308, 1.0], [-1.7e308, 1.0000000000000002], tmp_path, "F64")
    assert found.greatest
    assert (found.greatest.element, found.elements) == (0, 2)
    assert found.greatest.ulp > 2**62


@given(before=st.floats(-(2.0**99), 2.0**99, width=32), after=st.floats(-(2.0**99), 2.0**99, width=32))
def test_distance_is_zero_only_for_equal_values(
    before: float, after: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = compared([before], [after], tmp_path_factory.mktemp("pair"))
    assert found.greatest
    assert (found.greatest.ulp == 0) == (before == after)
    steps = torch.tensor(before, dtype=torch.float32)
    if 0 < found.greatest.ulp < 50:
        for _ in range(found.greatest.ulp):
            steps = torch.nextafter(steps, torch.tensor(after, dtype=torch.float32))
        assert float(steps) == after


def test_the_record_may_lie_in_another_order(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(struct.pack("<3f", 5, 1, 2))  # y, then x
    (tmp_path / "b").write_bytes(struct.pack("<3f", 1, 2, 6))  # x, then y
    specs = [spec("x", 2), spec("y", 1, offset=8)]
    found = measured(["y"], tmp_path / "a", ["y", "x"], tmp_path / "b", specs)
    assert found.greatest
    assert (found.greatest.tensor, found.greatest.absolute) == ("y", 1.0)


def test_half_precision_is_measured_in_its_own_steps(tmp_path: Path) -> None:
    before, after = torch.tensor([1.0], dtype=torch.bfloat16), torch.tensor([1.0078125], dtype=torch.bfloat16)
    for name, value in (("a", before), ("b", after)):
        (tmp_path / name).write_bytes(value.view(torch.int16).numpy().tobytes())
    found = measured(["w"], tmp_path / "a", ["w"], tmp_path / "b", [spec("w", 1, dtype="BF16", width=2)])
    assert found.greatest
    assert (found.greatest.ulp, found.greatest.bits, found.largest_ulp) == (1, ("3f80", "3f81"), {"BF16": 1.0})
