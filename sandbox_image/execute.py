"""Loads one program and calls it per parameter, as the contract says. Shared by runner and cell.

Checks what comes back so that a fault has a name and a line; none of these checks is trusted by the host.
"""

from __future__ import annotations

import hashlib
import inspect
import random
import sys
import traceback
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, Protocol

import torch

from policies import guards
from policies.proxies import PolicyViolation
from sandbox_image.protocol import MAX_DETAIL_CHARS, layer_of

PROGRAM_FILENAME = guards.FILENAME
EXTRAS = ("name", "base", "layer", "num_layers", "generator")
_SEED_BITS = 63
_KNOWN_PROGRAM = """\
import torch

def merge_models(model_dict, device, generator):
    mask = torch.rand(2, generator=generator, device=device) < 2.0
    scale = torch.linalg.matrix_norm(torch.eye(2, device=device) @ torch.eye(2, device=device), ord=2)
    return torch.where(mask, torch.stack(list(model_dict.values())).mean(dim=0) * scale, 0.0)
"""


class ProgramError(Exception):
    """The program broke the contract in a way that has a name; `reason` is a `candidate.Reason` value."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Program(Protocol):
    """A loaded program."""

    @property
    def output(self) -> str: ...

    def merge(
        self,
        model_dict: Mapping[str, Any],
        device: Any,
        *,
        name: str,
        base: Any,
        layer: int | None,
        num_layers: int,
        generator: Any,
    ) -> object: ...


class PlainProgram:
    """A program executed as ordinary Python with the real torch: contained by nothing but the container."""

    output = ""

    def __init__(self, source: str) -> None:
        namespace: dict[str, Any] = {"__name__": "program", "torch": torch}
        exec(_compiled(source), namespace)  # noqa: S102
        function = namespace.get("merge_models")
        if not callable(function):
            raise ProgramError("contract", "expected a function merge_models(model_dict, device), found none")
        self._function: Callable[..., Any] = function
        self._extras = _extras(function)

    def merge(self, model_dict: Mapping[str, torch.Tensor], device: Any, **extras: Any) -> Any:
        """Call it with the extras that its signature names."""
        return self._function(model_dict, device, **{name: extras[name] for name in self._extras})


def _compiled(source: str) -> CodeType:
    try:
        return compile(source, PROGRAM_FILENAME, "exec", dont_inherit=True)
    except (ValueError, RecursionError, MemoryError) as error:  # NUL characters; nesting that no parser takes
        raise ProgramError("syntax", f"cannot be compiled: {type(error).__name__}: {error}") from error


def load_program(source: str, *, guarded: bool, profile: str) -> Program:
    """Compile and execute a program's module level; whatever it raises comes out."""
    if not guarded:
        return PlainProgram(source)
    program: Program = guards.load(source, profile=profile, torch=torch)
    return program


def call_program(
    program: Program,
    task_vectors: dict[str, torch.Tensor],
    base: torch.Tensor,
    *,
    name: str,
    num_layers: int,
    seed: int,
) -> torch.Tensor:
    """Call it for one parameter and return the merged task vector: same shape, floating, finite.

    Raises:
        ProgramError: the result is none of that. Whatever the program raises comes out as it is.
    """
    shape, device = base.shape, base.device
    _seed(seed, device)
    random.seed(seed)
    result = program.merge(
        task_vectors,
        device,
        name=name,
        base=base,
        layer=layer_of(name),
        num_layers=num_layers,
        generator=torch.Generator(device).manual_seed(seed),
    )
    return _checked(result, shape, name)


def _seed(seed: int, device: torch.device) -> None:
    """Seed torch's generator of the device. `torch.manual_seed` asks about five kinds of device each time."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def prove(device: str = "cpu") -> None:
    """Take a known program through all of the above, before any other is accepted.

    A torch or a policy that is broken here is the platform's fault; without this it would look like the
    fault of every program.

    Raises:
        RuntimeError: the known program did not give the known result; or whatever broke on the way.
    """
    vectors = {"a": torch.tensor([1.0, 2.0], device=device), "b": torch.tensor([3.0, 4.0], device=device)}
    program = load_program(_KNOWN_PROGRAM, guarded=True, profile="strict")
    base = torch.zeros(2, device=device)
    result = call_program(program, vectors, base, name="known", num_layers=1, seed=1)
    if result.tolist() != [2.0, 3.0]:
        raise RuntimeError(f"the known program gave {result.tolist()}, expected [2.0, 3.0]")


def call_seed(seed: int, *parts: str) -> int:
    """Derive the seed of one call from the run's seed and what tells the call apart."""
    text = "\0".join((str(seed), *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - _SEED_BITS)


def explain(error: BaseException) -> tuple[str, str]:
    """Return (reason, detail) for whatever a program raised."""
    if isinstance(error, ProgramError):
        return error.reason, error.detail[:MAX_DETAIL_CHARS]
    line = _line(error)
    where = f" (line {line})" if line else ""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  (the program's own __str__ may raise anything)
        text = "<no message>"
    return _reason(error, text), f"{type(error).__name__}: {text}"[: MAX_DETAIL_CHARS - len(where)] + where


def _reason(error: BaseException, text: str) -> str:
    if isinstance(error, PolicyViolation):
        return "policy"
    if isinstance(error, SyntaxError):
        return "syntax"
    # torch's CPU allocator has no exception type of its own
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in text[:200]:
        return "out_of_memory"
    return "runtime_error"


def _line(error: BaseException) -> int | None:
    """Return the innermost line of the program that the error passed through."""
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == PROGRAM_FILENAME), None)


def _extras(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the extras that a signature names; refuse one that cannot be called."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise ProgramError("contract", f"merge_models has no readable signature: {error}") from error
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(places) < 2 and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        raise ProgramError("contract", "expected merge_models(model_dict, device, ...), found fewer parameters")
    rest = [*places[2:], *(p for p in parameters if p.kind is p.KEYWORD_ONLY)]
    for parameter in rest:
        by_name = parameter.name in EXTRAS and parameter.kind is not parameter.POSITIONAL_ONLY
        if not by_name and parameter.default is parameter.empty:
            raise ProgramError(
                "contract",
                f"merge_models: parameter {parameter.name!r} cannot be supplied; known are {', '.join(EXTRAS)}",
            )
    return tuple(parameter.name for parameter in rest if parameter.name in EXTRAS)


def _checked(result: Any, shape: torch.Size, name: str) -> torch.Tensor:
    if not isinstance(result, torch.Tensor):
        raise ProgramError("wrong_dtype", f"{name}: expected a tensor, found {type(result).__name__}")
    if not result.is_floating_point():
        raise ProgramError("wrong_dtype", f"{name}: expected a floating tensor, found {result.dtype}")
    if result.shape != shape:
        raise ProgramError("wrong_shape", f"{name}: expected shape {list(shape)}, found {list(result.shape)}")
    require_finite(result, name)
    return result


def require_finite(tensor: torch.Tensor, name: str) -> None:
    """Raise a `ProgramError` that says how many elements are NaN or infinite."""
    if bad := int((~torch.isfinite(tensor)).sum()):
        raise ProgramError("not_finite", f"{name}: {bad} of {tensor.numel()} elements are NaN or infinite")


def flush(program: Program | None) -> None:
    """Put what the program printed under guards on stdout."""
    if program is not None and program.output:
        sys.stdout.write(program.output)
    sys.stdout.flush()
