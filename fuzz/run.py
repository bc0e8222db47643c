"""Runs one admitted program under its guards with every result looked at. Judges nothing about its merge.

The tree is the one that is compiled otherwise, plus a call of `_seen_` around whatever a program gets to hold:
results of calls, items of iteration, caught exceptions, parameters. An audit hook listens while it runs.
"""

from __future__ import annotations

import ast
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from fuzz.invariant import Invariant
from policies.checker import check
from policies.contract import FUNCTION, extras
from policies.dialect import dialect
from policies.guards import Guards
from policies.meters import Printed
from policies.profiles import STRICT
from policies.source import FILENAME, parse
from policies.transformer import rewrite

MAX_SECONDS = 2.0  # of one program
MAX_STEPS = 20_000  # of one range, and turns of while loops: loops in C cannot be interrupted
_EVENTS = (
    "open", "exec", "compile", "import", "os.", "socket.", "subprocess.", "ctypes.", "shutil.", "tempfile.", "mmap.",
    "pty.", "urllib.", "sqlite3.", "pickle.", "marshal.", "code.__new__", "builtins.input", "builtins.breakpoint",
    "cpython.", "glob.", "sys.settrace", "sys.setprofile", "sys.addaudithook", "signal.", "syslog.",
)  # fmt: skip
# torch imports some of itself late; `import` names what is imported, all else within is the import's own doing.
_LATE = frozenset({"torch", "heapq", "opt_einsum", "sympy", "mpmath", "numpy"})


class OutOfTime(BaseException):
    """A program took more than the fuzzer gives it: no finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What became of one program. `escapes` must be empty."""

    admitted: bool
    ended: str  # empty, or the name of the exception
    escapes: tuple[str, ...]


class _Instrument(ast.NodeTransformer):
    """Wraps whatever yields a value into `_seen_`."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        return _seen(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        if node.name:
            node.body.insert(0, ast.Expr(_seen(ast.Name(node.name, ast.Load()))))
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body[:0] = [ast.Expr(_seen(name)) for name in _parameters(node.args)]
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self.generic_visit(node)
        values = ast.Tuple([*map(_seen, _parameters(node.args)), node.body], ast.Load())
        node.body = ast.Subscript(values, ast.UnaryOp(ast.USub(), ast.Constant(1)), ast.Load())
        return node


def _parameters(arguments: ast.arguments) -> list[ast.expr]:
    places = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return [ast.Name(place.arg, ast.Load()) for place in places if place is not None]


def _seen(node: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("_seen_", ast.Load()), [node], [])


class _Watch:
    """Collects escapes: forbidden values, and events of the interpreter while a program runs."""

    def __init__(self) -> None:
        self.active = False
        self.escapes: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.active and event.startswith(_EVENTS):
            self.active = False  # what looking at it causes does not count
            try:
                if not _is_known(event, arguments):
                    self.escapes.append(f"event {event} {str(arguments)[:120]}")
            finally:
                self.active = True


def _is_known(event: str, arguments: tuple[Any, ...]) -> bool:
    """Say whether an event is the start of the program itself, or part of an import that torch makes late."""
    if event == "exec" and getattr(arguments[0], "co_filename", "") == FILENAME:
        return True
    if event == "import":
        return str(arguments[0]).partition(".")[0] in _LATE | sys.stdlib_module_names and _within_torch()
    return any(name.startswith("<frozen importlib") for name in _callers()) and _within_torch()


def _callers() -> Iterator[str]:
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename != FILENAME:
        yield frame.f_code.co_filename
        frame = frame.f_back


def _within_torch() -> bool:
    return any(
        "/torch/" in name or name.endswith(("/policies/guards.py", "/collections/__init__.py")) for name in _callers()
    )


WATCH = _Watch()


def watch() -> None:
    """Listen to the interpreter's events, from now until the process ends."""
    if not getattr(watch, "installed", False):
        sys.addaudithook(WATCH)
        watch.installed = True  # type: ignore[attr-defined]


def run(source: str | bytes, torch: ModuleType) -> Ran:
    """Check a program twice, and run it where it is admitted.

    Raises:
        AssertionError: two checks disagree. Whatever checking raises comes out: it must not.
    """
    first, second = check(source), check(source)
    if first != second:
        raise AssertionError(f"check: two verdicts on the same program: {first} and {second}")
    if first.verdict == "refused":
        return Ran(admitted=False, ended="", escapes=())
    return _run_admitted(source, torch)


def _run_admitted(source: str | bytes, torch: ModuleType) -> Ran:
    of_profile = dialect(STRICT)
    parsed = parse(source)
    named = extras(parsed.tree)
    list(rewrite(parsed.tree, of_profile.keywords))
    tree = ast.fix_missing_locations(_Instrument().visit(parsed.tree))
    code = compile(tree, FILENAME, "exec", dont_inherit=True)
    guards = Guards(STRICT, torch, Printed())
    namespace = guards.namespace()
    _shorten(namespace["__builtins__"])
    invariant = Invariant(of_profile, torch, guards, namespace)
    guards.turns.left = MAX_STEPS
    escapes = WATCH.escapes = []
    _observe(namespace["__builtins__"], invariant, escapes)
    ended = _execute(code, namespace, named, torch)
    own = {name: value for name, value in namespace.items() if name not in {"__builtins__", "__name__"}}
    escapes += [f"in the namespace: {problem}" for problem in invariant.deep(own)]
    return Ran(admitted=True, ended=ended, escapes=tuple(escapes))


def _shorten(builtins: dict[str, Any]) -> None:
    """Put a small range in place of the large: loops in C cannot be interrupted."""
    ranges = builtins["range"]

    def small(*limits: Any) -> range:
        steps: range = ranges(*limits)
        if len(steps) > MAX_STEPS:
            raise OutOfTime
        return steps

    builtins["range"] = small


def _observe(builtins: dict[str, Any], invariant: Invariant, escapes: list[str]) -> None:
    """Put the observers beside the guards."""

    def seen(value: Any) -> Any:
        active, WATCH.active = WATCH.active, False
        if problem := invariant.problem(value):
            escapes.append(problem)
        WATCH.active = active
        return value

    builtins.update(_seen_=seen, _getiter_=lambda values: map(seen, values))


def _execute(code: Any, namespace: dict[str, Any], named: tuple[str, ...], torch: ModuleType) -> str:
    """Run module body and merge; return the name of what ended them."""
    supplied = _inputs(torch)
    old = signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, MAX_SECONDS)
    WATCH.active = True
    try:
        exec(code, namespace)  # noqa: S102
        namespace[FUNCTION](supplied["models"], torch.device("cpu"), **{name: supplied[name] for name in named})
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return type(error).__name__
    finally:
        WATCH.active = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        torch.set_grad_enabled(True)
    return ""


def _late(number: int, frame: object) -> None:
    raise OutOfTime


def _inputs(torch: ModuleType) -> dict[str, Any]:
    torch.manual_seed(0)
    models = {name: torch.randn(2, 3) for name in ("math", "code")}
    generator = torch.Generator().manual_seed(1)
    names = {"name": "model.layers.1.mlp.up_proj.weight", "base": torch.randn(2, 3), "layer": 1, "num_layers": 4}
    return {"models": models, "generator": generator, **names}
