"""Functions of torch whose kernels trust what they are given, behind the checks that they lack. Found by trying."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from policies.proxies import PolicyViolation


def kernels(torch: ModuleType) -> Mapping[tuple[str, str], Callable[..., Any]]:
    """Return what a program gets for (module, member)."""

    def eigvals(A: Any, **named: Any) -> Any:  # noqa: N803  (torch's name)
        """LAPACK reads outside the matrix where it holds NaN or infinity (torch 2.13: the process dies)."""
        if isinstance(A, torch.Tensor) and A.numel() and not bool(torch.isfinite(A).all()):
            raise RuntimeError(
                "torch.linalg.eigvals: input tensor should not contain infs or NaNs."
            )  # as torch.linalg.eig
        return torch.linalg.eigvals(A, **named)

    def lstsq(A: Any, B: Any, *arguments: Any, **named: Any) -> Any:  # noqa: N803
        """Of an empty matrix the rank is whatever was in memory (torch 2.13)."""
        if any(isinstance(matrix, torch.Tensor) and not matrix.numel() for matrix in (A, B)):
            raise PolicyViolation("torch.linalg.lstsq: expected matrices with elements; test numel() first")
        return torch.linalg.lstsq(A, B, *arguments, **named)

    return {("torch.linalg", "eigvals"): eigvals, ("torch.linalg", "lstsq"): lstsq}
