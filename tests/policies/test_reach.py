"""What the guards hand out, for every value that programs can get hold of and every name of it: judged by the value."""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from fuzz.invariant import Invariant
from fuzz.run import run
from policies.dialect import dialect
from policies.guards import Guards
from policies.meters import Printed
from policies.proxies import ModuleProxy, PolicyViolation
from tests.policies.programs import in_merge

DIALECT = dialect()


class World:
    """Guards, their invariant, and functions that a program defined under them."""

    def __init__(self) -> None:
        self.guards = Guards("strict", torch, Printed())
        self.namespace = self.guards.namespace()
        exec(OWN, self.namespace)  # noqa: S102
        self.invariant = Invariant(DIALECT, torch, self.guards, self.namespace)

    def take(self, value: Any, name: str) -> Iterator[Any]:
        """Yield the attribute where the guard gives it."""
        try:
            yield self.guards.getattr(value, name)
        except (PolicyViolation, Exception):  # noqa: BLE001
            return


OWN = """
def own(a, b=1):
    yield a
close = [1]
def closed():
    return close
lam = lambda x: x
"""


def raised() -> Iterator[Exception]:
    """Exceptions of many kinds, with whatever Python and torch put into them."""
    attempts = [
        lambda: (1).keys(), lambda: {}["a"], lambda: [][1], lambda: 1 / 0, lambda: int("x"), lambda: next(iter([])),
        lambda: torch.zeros(2) @ torch.zeros(3), lambda: torch.linalg.inv(torch.zeros(2, 2)), lambda: missing_name,  # type: ignore[attr-defined,name-defined]  # noqa: F821
        lambda: "\ud800".encode(), lambda: b"\xff".decode(), lambda: math.factorial(-1), lambda: __import__("no_such"),
        lambda: torch.zeros(2, device="cuda:99"), lambda: torch.zeros(-1), lambda: ast.parse("("),
        lambda: Path("/no").read_bytes(),
        lambda: (_ for _ in ()).throw(StopIteration(torch)), lambda: torch.tensor([object()]),
    ]  # fmt: skip
    for attempt in attempts:
        try:
            attempt()  # type: ignore[no-untyped-call]
        except Exception as error:  # noqa: BLE001
            yield error


def results() -> Iterator[Any]:
    """What permitted functions return."""
    x = torch.randn(3, 3)
    yield from (torch.sort(x), torch.svd(x), torch.linalg.svd(x), torch.max(x, 0), torch.topk(x, 1), x.shape, x.dtype)
    yield from (x.device, torch.finfo(x.dtype), torch.iinfo(torch.int8), torch.Generator(), torch.contiguous_format)
    yield from (x, x.T, x > 0, x.to(torch.complex64), x.split(1), x.unbind(), x.tolist(), torch.no_grad())
    yield from (torch.inference_mode(), torch.no_grad()(lambda: 1), torch.nn.Parameter(x, requires_grad=False))
    yield from (x.add, x.split, [].append, "".join, {}.get, dict.fromkeys, str.lower, list[int], int | str, torch.add)
    yield from (iter([1]), iter("a"), iter({1: 2}), enumerate([]), zip(), map(str, []), filter(None, []), reversed([]))
    yield from (
        Counter("ab"),
        OrderedDict(a=1),
        defaultdict(list),
        deque([1]),
        {}.keys(),
        {}.items(),
        slice(1),
        range(3),
    )
    yield from (
        1,
        1.5,
        1j,
        True,
        None,
        ...,
        NotImplemented,
        "text",
        (1,),
        [1],
        {1},
        frozenset(),
        {"a": 1},
        Exception("x"),
    )


def called(function: Any, arguments: tuple[Any, ...]) -> Iterator[Any]:
    """Yield the result where there is one."""
    try:
        yield function(*arguments)
    except (PolicyViolation, Exception):  # noqa: BLE001
        return


def pool(world: World) -> Iterator[Any]:
    """Whatever a program can get hold of."""
    for proxy in world.guards._modules.values():
        yield proxy
        yield from proxy.members.values()
    yield from world.namespace["__builtins__"].values()
    own, closed, lam = (world.namespace[name] for name in ("own", "closed", "lam"))
    yield from (own, closed, lam, own(1))
    yield from results()
    yield from raised()


# Names that a program might ask a value for: its own, and those that lead out of other values.
ELSEWHERE = [
    "__class__", "__dict__", "__globals__", "__self__", "__func__", "__wrapped__", "gi_frame", "cr_code",
    "tb_frame", "f_back", "f_globals", "obj", "name", "value", "with_traceback", "format_map", "data",
    "storage", "func", "args", "keywords", "cache_info", "cache_clear", "members", "origin", "title", "text",
    "left",
]  # fmt: skip


def test_no_attribute_of_any_value_is_anything_that_a_program_must_not_hold() -> None:
    world = World()
    taken = 0
    for value in pool(world):
        for name in {*dir(value), *ELSEWHERE}:
            for found in world.take(value, name):
                taken += 1
                assert world.invariant.problem(found) == "", f"{name} of {value!r:.80}"
    assert taken > 2_000


def test_no_attribute_of_any_attribute_is_anything_that_a_program_must_not_hold() -> None:
    world = World()
    for value in pool(world):
        for name in dir(value):
            for found in world.take(value, name):
                for inner in {*dir(found), *ELSEWHERE} if not isinstance(found, torch.Tensor) else ELSEWHERE:
                    for last in world.take(found, inner):
                        assert world.invariant.problem(last) == "", f"{name}.{inner} of {value!r:.80}"


def test_no_result_of_a_call_without_or_with_one_plain_argument_is_anything_that_a_program_must_not_hold() -> None:
    world = World()
    skipped = {"print", "device_count", "synchronize", "empty_cache"}
    for value in pool(world):
        if not callable(value) or getattr(value, "__name__", "") in skipped:
            continue
        for arguments in ((), (1,), ("a",), ([1],), (torch.ones(2, 2),), (list,), (ValueError("x"),), ({"a": 1},)):
            for result in called(value, arguments):
                assert world.invariant.problem(result) == "", f"{value!r:.80}{arguments}"


def test_no_underscore_is_ever_given() -> None:
    world = World()
    for value in pool(world):
        for name in dir(value):
            if name.startswith("_"):
                assert list(world.take(value, name)) == [], f"{name} of {value!r:.80}"


@pytest.mark.parametrize(
    "value", [math, torch, type, object, BaseException, open, eval, builtins.__import__, compile, getattr, vars,
              inspect.currentframe(), (lambda: 1).__code__, torch.load, torch.save, torch.empty, torch.jit.script,
              types.SimpleNamespace(), memoryview(b""), b"bytes", torch.UntypedStorage(1), PolicyViolation, globals,
              types.CellType(1)]
)  # fmt: skip
def test_the_invariant_knows_what_a_program_must_not_hold(value: Any) -> None:
    world = World()
    assert world.invariant.problem(value) != ""
    assert list(world.invariant.deep({"a": [(value,)]})) != []


def test_every_member_of_every_proxy_is_within_the_invariant_and_none_is_shared_and_changeable() -> None:
    world = World()
    for title, proxy in world.guards._modules.items():
        for name, value in proxy.members.items():
            assert world.invariant.problem(value) == "", f"{title}.{name}"
            assert not isinstance(value, list | dict | set | torch.Tensor | torch.Generator), f"{title}.{name}"
            assert not isinstance(value, types.ModuleType) or isinstance(value, ModuleProxy)


def test_an_instrumented_program_that_escapes_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guards, "getattr", lambda self, value, name: getattr(value, name))
    ran = run(in_merge("x = [].copy", "y = list(map(lambda v: v.append, [[]]))"), torch)
    assert ran.escapes == ()
    monkeypatch.setattr(Guards, "import_", lambda self, module, name="": math)
    assert any("module" in escape for escape in run(in_merge("pass"), torch).escapes)
