"""What generates answers: one resident model into which merged tensors are swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class InferenceError(Exception):
    """The engine cannot do what was asked: the platform's fault, never a low score."""


class Engine(Protocol):
    """Keeps the seed model loaded; `swap` replaces the named tensors, everything else stays the seed's."""

    def swap(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Put merged tensors (parameter name -> tensor in the seed's dtype and shape) in place.

        Tensors that are not named go back to the seed's values; an empty mapping restores the seed.
        """
        ...

    def generate(self, prompts: Sequence[str], *, max_new_tokens: int, stop: Sequence[str]) -> list[str]:
        """Greedy decoding; returns the generated text after each prompt, in order."""
        ...
