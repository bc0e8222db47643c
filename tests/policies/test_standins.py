"""Members that are not the real thing do what the real one does, but for what would do harm."""

from __future__ import annotations

import pytest
import torch

from tests.policies.programs import guarded, in_merge


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_eigenvalues_of_what_is_not_finite_raise_where_torch_would_crash(value: str) -> None:
    with pytest.raises(RuntimeError, match="infs or NaNs"):
        guarded(in_merge(f"x = torch.linalg.eigvals(torch.full((3, 3), float('{value}')))"))


def test_eigenvalues_are_those_of_torch() -> None:
    source = (
        "import torch\ndef merge_models(model_dict, device):\n    return torch.linalg.eigvals(model_dict['math'])\n"
    )
    program = guarded(source, shape=(5, 5))
    generator = torch.Generator().manual_seed(7)
    assert torch.equal(program, torch.linalg.eigvals(torch.randn(5, 5, generator=generator)))
