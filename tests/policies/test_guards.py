"""What the guards promise at run time: Python's semantics for the harmless, an end for the rest."""

from __future__ import annotations

import io
import types
from contextlib import redirect_stdout
from typing import Any

import pytest
import torch

from policies import guards
from policies.checker import check
from policies.dialect import dialect
from policies.guards import Guards, Printed, load
from policies.limits import MAX_PRINT_BYTES
from policies.proxies import ModuleProxy, PolicyViolation
from tests.policies.programs import guarded, in_merge, inputs, plain

DIALECT = dialect()


def run(*lines: str, top: str = "import torch") -> str:
    """Run lines under guards and return what they printed."""
    program = load(in_merge(*lines, top=top), torch=torch)
    vectors, extras = inputs((4,))
    program.merge(vectors, torch.device("cpu"), **extras)
    return program.output


def plainly(*lines: str, top: str = "import torch") -> str:
    text = io.StringIO()
    with redirect_stdout(text):
        plain(in_merge(*lines, top=top), (4,))
    return text.getvalue()


TOP = "import functools\nimport itertools\nimport torch\nfrom torch import nn"
SEMANTICS = {
    "chained targets evaluate once": ["n = []", "a = (b, c) = (n.append(1), 2)", "print(a, b, c, n)"],
    "item augmented once": ["n = []", "d = {0: 1}", "def k():", "    n.append(1)", "    return 0", "d[k()] += 5",
                            "print(d, n)"],
    "slices": ["x = list(range(10))", "x[2:4] = [0]", "x[::2]", "del x[0]", "print(x, x[-1], x[1:3])"],
    "tensor items": ["x = torch.arange(6).view(2, 3)", "x[0, 1:] *= 3", "x[1][0] = -1", "print(x.tolist())"],
    "nested unpacking": ["for i, (a, *b) in enumerate([(1, 2, 3)]):", "    print(i, a, b)"],
    "comprehension scopes": ["i = 'kept'", "print([i for i in range(3)], {j: k for j, k in [(1, 2)]}, i)"],
    "generators": ["def g():", "    x = yield 1", "    yield from [2, 3]", "print(list(g()), sum(v for v in g()))"],
    "closures": ["n = 0", "def f():", "    nonlocal n", "    n += 1", "    return n", "f()", "print(f(), n)"],
    "defaults": ["def f(a, b=2, *c, d=4, **e):", "    return a, b, c, d, e", "print(f(1), f(1, 3, 5, d=6, x=7))"],
    "bare except": ["try:", "    1 / 0", "except:", "    print('caught')", "else:", "    print('no')"],
    "exception text": ["try:", "    {}['k']", "except (KeyError, ValueError) as e:", "    print(repr(e), e.args)"],
    "finally": ["try:", "    pass", "finally:", "    print('done')"],
    "missing attribute": ["try:", "    (1).keys()", "except AttributeError as e:", "    print('no keys')"],
    "walrus": ["print((y := 3) + y, [z := 1, z])"],
    "operators": ["print(7 % 3, 2 ** 10, 2 ** -1, 1 << 4, 'ab' * 2, [0] * 2, 3 * 1.5, 7 // 2, True * 2)"],
    "in place": ["x = [1]", "y = x", "x *= 2", "x += (3,)", "s = 'a'", "s *= 3", "print(x, y, s)"],
    "tensors in place": ["x = torch.ones(2)", "y = x", "x *= 3", "x **= 2", "x %= 4", "print(y.tolist())"],
    "percent format": ["print('%s %5.2f %d%% %r' % ('a', 1.5, 3, None), '%(a)s' % {'a': 1})"],
    "format": ["print('{} {:>5} {x!r:<6}|{{}}'.format(1, 'a', x='b'), '{0}{1}{0}'.format(1, 2))"],
    "f-strings": ["w = 8", "print(f'{w:>{w}} {w!r} {w=} {3.14159:.2f} {{}}')"],
    "pow and round": ["print(pow(2, 3), pow(2, 10, 7), round(2.567, 2), round(3.5), abs(-2))"],
    "padding": ["print('a'.ljust(3) + '|', '7'.zfill(3), 'x'.center(5, '-'))"],
    "str methods from the class": ["print(list(map(str.upper, ['a', 'b'])), str.join(',', ['x', 'y']))"],
    "isinstance": [
        "print(isinstance(model_dict['math'], torch.Tensor), isinstance(1, (int, float)), isinstance([], list))",
        "print(isinstance(1, int | str), isinstance(device, torch.device), isinstance(range(2), range))",
    ],
    "hasattr": ["print(hasattr([], 'append'), hasattr([], 'keys'), getattr(1, 'keys', None))"],
    "starred calls": ["print(max(*[1, 2]), dict(**{'a': 1}), [*range(2), *'ab'], {**{'a': 1}})"],
    "any keywords for a function out of a table": [
        "def f(*a, **k):", "    return a, k", "table = {'f': f}",
        "print(table['f'](1, zeta=2), (lambda **k: k)(eta=3))",
    ],
    "sorting": ["print(sorted(model_dict.items(), key=lambda kv: kv[0], reverse=True)[0][0])"],
    "sets": ["a = {1, 2}", "a |= {3}", "print(a - {1}, a & {2}, {1} <= a)"],
    "while else": ["i = 0", "while i < 2:", "    i += 1", "else:", "    print(i)"],
    "ternary and chains": ["s = 1", "print(1 if 0 < 1 < 2 else 2, not None, s is not None, 2 in [2])"],
    "print options": ["print(1, 2, sep='-', end='!', flush=True)"],
    "lambda default": ["f = lambda x, k=2: x * k", "print(f(3))"],
    "docstring and ellipsis": ["def f():", "    ...", "print(f())"],
    "tensor type as constructor": ["print(torch.Tensor([1.0, 2.0]).tolist(), torch.FloatTensor([1]).tolist())"],
    "tensor method from the class": ["print(torch.Tensor.sum(torch.ones(3)).item())"],
    "return types": ["r = torch.sort(torch.tensor([2, 1]))",
                     "print(r.values.tolist(), r.indices.tolist(), r[0].tolist())"],
    "finfo": ["print(torch.finfo(torch.float32).eps, torch.iinfo(torch.int8).max)"],
    "sizes": ["s = model_dict['math'].shape", "print(s.numel(), tuple(s), len(s), s[0], s == torch.Size([4]))"],
    "constants keep their items": [
        "for held in ((1, 2), 'ab', 5, None):",
        "    try:", "        held[0] = 3", "    except TypeError as e:", "        print(e)",
    ],
    "names of functions and classes": [
        "def f(): pass", "kind, g = type(f()), torch.mean",
        "print(f.__name__, (1).__class__.__name__, model_dict.__class__.__name__, kind.__name__, g.__name__)",
        "try:", "    n = 5", "    n.__name__", "except AttributeError as e:", "    print(e)",
    ],
    "types as text": ["print(type(torch.ones(1)), torch.FloatTensor, type(torch.Size([1])), type({}), type(device))"],
    "decorator of an own value": [
        "def register(name):", "    def take(f):", "        return lambda: (name, f())", "    return take",
        "tag = register('a')", "@tag", "def f():", "    return 1", "print(f())",
    ],
    "modules without state": [
        "x = torch.linspace(-1, 1, 5)",
        "print([m(x).tolist() for m in (nn.Sigmoid(), nn.Tanh(), nn.GELU(), nn.SiLU(), nn.ELU(0.5), nn.Softplus(),",
        "    nn.LeakyReLU(0.1), nn.LogSoftmax(dim=0), nn.Identity(), nn.Softmax(0), nn.ReLU())])",
        "print(nn.MSELoss(reduction='sum')(x, -x), nn.L1Loss()(x, x * 2), nn.HuberLoss(delta=0.5)(x, -x))",
        "print(nn.CosineSimilarity(dim=0)(x, x + 1), nn.KLDivLoss(reduction='sum')(x, x.abs()))",
        "print(nn.Dropout(p=0.4)(x))",
    ],
    "parameter": [
        "p = nn.Parameter(torch.ones(2))",
        "print(isinstance(p, nn.Parameter), isinstance(torch.ones(1), nn.Parameter), (p * 2).tolist())",
    ],
    "remembered results": [
        "@functools.lru_cache(maxsize=None)", "def f(n):", "    print('worked out', n)",
        "    return 1 if n < 2 else f(n - 1) + f(n - 2)",
        "print(f(6), f.__name__)", "@functools.cache", "def g(*, k=1):", "    return k", "print(g(), g(k=2))",
        "@functools.lru_cache", "@torch.no_grad()", "def h(n):", "    print('once')", "    return n",
        "print(h(1) + h(1))",
    ],
    "wraps": [
        "def loud(f):", "    @functools.wraps(f)", "    def inner(*a, **k):", "        print('calling', f.__name__)",
        "        return f(*a, **k)", "    return inner", "@loud", "def g(x):", "    return x",
        "print(g(2), g.__name__)",
    ],
    "endless iterators that are left": [
        "print(list(zip(itertools.count(1), 'ab')), list(itertools.repeat(7, 2)))",
        "print(list(zip('abc', itertools.cycle([0, 1]))), list(itertools.cycle([])))",
        "print(list(zip('ab', itertools.repeat(5))), list(itertools.islice(itertools.count(0.5, 0.1), 3)))",
        "try:", "    itertools.count('a')", "except TypeError as e:", "    print(e)",
    ],
    "keywords of its own functions": ["@torch.no_grad()", "def f(out, **file):", "    return out, file",
                                      "print(f(out=1, file=2), f(**{'out': 3}), dict(a=1, b=2), '{c}'.format(c=3))"],
    "keywords of dicts": ["d = {}", "d.update(a=1)", "d.update(**{'b': 2})", "print(d)"],
    "joining and replacing": ["print('-'.join(c for c in 'abc'), 'aXbX'.replace('X', 'yy', 1), 'ab'.replace('', '.'))",
                              "print(list(map(str.join, ',', [['a', 'b']])), str.replace('a', 'a', 'b'))"],
    "loops that are left": ["i = 0", "while True:", "    i += 1", "    if i > 5:", "        break", "print(i)"],
    "products": ["import math", "print(math.prod([2, 3.5]), math.prod(range(1, 20), start=2), math.lcm(4, 6))"],
    "unbound tensor method in Python": ["print([t.tolist() for t in torch.Tensor.split(torch.arange(4), 2)])"],
    "generator object": ["g = torch.Generator().manual_seed(1)", "print(torch.rand(2, generator=g).tolist())"],
}  # fmt: skip


@pytest.mark.parametrize("name", SEMANTICS)
def test_guarded_python_means_what_plain_python_means(name: str) -> None:
    lines = SEMANTICS[name]
    assert run(*lines, top=TOP) == plainly(*lines, top=TOP)
    assert run(*lines, top=TOP)  # every case prints something


IMPORTS = [
    "import torch as t",
    "import torch.nn.functional as F",
    "import torch.nn.functional",
    "import torch.nn as nn, math",
    "from torch import Tensor, nn",
    "from torch.nn import functional as F",
    "from torch.linalg import svd as decompose, norm",
    "import torch.linalg as LA",
    "from typing import Dict, Optional, Callable",
    "from functools import reduce",
    "import functools",
    "from itertools import combinations, product",
    "from collections import OrderedDict, defaultdict, Counter, deque",
    "import collections.abc",
    "from collections.abc import Iterable, Mapping",
    "from math import sqrt, pi",
]


@pytest.mark.parametrize("statement", IMPORTS)
def test_permitted_import_works(statement: str) -> None:
    assert run("print('ok')", top=statement) == "ok\n"


def test_types_of_typing_may_be_used_as_values() -> None:
    top = "import torch\nfrom typing import *\n".replace("*", "Dict, List, Optional, Union, Callable, Tuple")
    aliases = "A = Dict[str, torch.Tensor]\nB = Optional[Union[A, List[int]]]\nC = torch.Tensor | None\n"
    assert run("print(isinstance({}, Dict), isinstance([], (List, Tuple)))", top=top + aliases) == "True True\n"


def test_every_name_of_the_data_is_there_in_the_installed_torch() -> None:
    namespace = Guards("strict", torch, Printed()).namespace()  # building the proxies takes every member
    assert namespace["__name__"] == "program"
    missing = [name for name in DIALECT.types["Tensor"] if not hasattr(torch.Tensor, name)]
    assert missing == []


def test_dialect_covers_what_merging_code_uses() -> None:
    modules = ("torch", "torch.linalg", "torch.nn.functional")
    assert sum(len(DIALECT.modules[name]) for name in modules) + len(DIALECT.types["Tensor"]) >= 250


DENIED = {
    "save", "load", "from_file", "compile", "jit", "ops", "classes", "hub", "library", "backends", "utils", "fx",
    "package", "export", "onnx", "distributed", "multiprocessing", "overrides", "profiler", "serialization", "os",
    "sys", "builtins", "ctypes", "importlib", "inspect", "functools", "glob", "platform", "threading", "set_rng_state",
    "set_default_dtype", "set_default_device", "set_num_threads", "use_deterministic_algorithms", "seed", "empty",
    "empty_like", "empty_strided", "empty_permuted", "as_strided", "from_numpy", "frombuffer", "from_dlpack", "asarray",
    "vmap", "cond", "while_loop", "lobpcg", "storage", "UntypedStorage", "default_generator", "set_printoptions",
}  # fmt: skip
DENIED_TENSOR = {
    "data_ptr", "const_data_ptr", "storage", "untyped_storage", "set_", "resize_", "resize_as_", "share_memory_",
    "pin_memory", "numpy", "map_", "map2_", "apply_", "register_hook", "register_post_accumulate_grad_hook",
    "record_stream", "is_shared", "module_load", "grad_fn", "data", "backward", "requires_grad_", "new", "new_empty",
    "new_empty_strided", "as_strided", "grad", "retain_grad", "volatile", "to_sparse", "layout", "names", "name",
}  # fmt: skip


def test_what_the_annex_denies_is_on_no_list() -> None:
    assert DENIED & DIALECT.modules["torch"] == set()
    assert DENIED_TENSOR & DIALECT.types["Tensor"] == set()
    assert not any(name.startswith("_") for name in DIALECT.attributes.union(*DIALECT.modules.values()))


def reachable(value: Any) -> list[Any]:
    """Everything that a program can take from a proxy by attribute, at any depth."""
    if not isinstance(value, ModuleProxy):
        return [value]
    return [inner for member in value.members.values() for inner in reachable(member)]


def test_no_proxy_leads_to_a_module() -> None:
    proxies = Guards("strict", torch, Printed())._modules
    found = [value for proxy in proxies.values() for value in reachable(proxy)]
    assert len(found) > 400
    assert [value for value in found if isinstance(value, types.ModuleType)] == []


def test_imports_made_by_c_code_give_nothing_back() -> None:
    assert guards.import_for_extensions("os") is None


@pytest.mark.parametrize(
    "value", [torch, torch.add, lambda: None, (x for x in ()), len, type, object(), ValueError, Guards, torch.jit]
)
def test_values_outside_the_lists_have_no_attributes(value: Any) -> None:
    guard = Guards("strict", torch, Printed())
    for name in dir(value):
        with pytest.raises(PolicyViolation):
            guard.getattr(value, name)


@pytest.mark.parametrize(
    "value", [torch.ones(1), "text", {}, [], 1, 1.0, ValueError("x"), torch.float32, torch.Generator()]
)
def test_values_have_no_private_attributes(value: Any) -> None:
    guard = Guards("strict", torch, Printed())
    for name in dir(value):
        if name.startswith("_"):
            with pytest.raises(PolicyViolation):
                guard.getattr(value, name)


@pytest.mark.parametrize("name", ["__getattr__", "members", "title", "x"])
def test_proxies_cannot_be_changed(name: str) -> None:
    proxy = ModuleProxy("torch", {"pi": 3})
    with pytest.raises(PolicyViolation):
        setattr(proxy, name, None)
    with pytest.raises(PolicyViolation):
        delattr(proxy, name)
    with pytest.raises(TypeError):
        proxy.members["pi"] = 4  # type: ignore[index]


def test_violation_cannot_be_caught_by_a_program() -> None:
    assert not issubclass(PolicyViolation, Exception)


def test_refused_program_is_not_executed() -> None:
    with pytest.raises(PolicyViolation, match=r"policy\.import"):
        load("import os\nprint('ran')\ndef merge_models(model_dict, device):\n    return None\n", torch=torch)


def test_printed_text_is_captured_and_capped(capsys: pytest.CaptureFixture[str]) -> None:
    text = run("for i in range(2000):", "    print('é' * 100)")
    assert 0 < len(text.encode()) <= MAX_PRINT_BYTES
    assert capsys.readouterr().out == ""


def test_only_named_extras_are_supplied() -> None:
    source = "def merge_models(model_dict, device, *, layer, name='x'):\n    print(layer, name)\n    return 1\n"
    program = load(source, torch=torch)
    vectors, extras = inputs((4,))
    program.merge(vectors, "cpu", **extras)
    assert program.output == "1 model.layers.1.mlp.up_proj.weight\n"


@pytest.mark.parametrize(
    "signature",
    [
        "models, dev",
        "model_dict, device, base, layer",
        "model_dict, device, /, name",
        "*args",
        "m, d, alpha=1, *, base",
    ],
)
def test_signature_that_can_be_supplied_is_called(signature: str) -> None:
    assert guarded(f"def merge_models({signature}):\n    return 1\n") == 1


def test_own_error_of_a_program_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(in_merge("1 / 0"))
    with pytest.raises(RecursionError):
        guarded(in_merge("def f():", "    return f()", "f()"))


def test_error_names_the_line_of_the_program() -> None:
    with pytest.raises(ValueError, match="here") as caught:
        guarded(in_merge("x = 1", "raise ValueError('here')"))
    frames = [frame for frame in caught.traceback if str(frame.path) == guards.FILENAME]
    assert frames[-1].lineno + 1 == 5


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what this test is about
def test_violation_that_a_dropped_generator_loses_ends_the_program() -> None:
    generator = ["def leak():", "    try:", "        yield 1", "    finally:", "        [torch][0].clear()"]
    with pytest.raises(PolicyViolation, match="went on"):
        run(*generator, "kept = leak()", "next(kept)", "kept = None")


def test_finding_quotes_no_text_that_is_not_a_name() -> None:
    findings = check(in_merge("getattr(model_dict, '__\\x1b[31m')")).findings
    assert [finding.rule for finding in findings] == ["policy.builtin"]
    assert "\x1b" not in str(findings[0])


def test_a_generator_left_waiting_in_inference_mode_leaves_the_process_as_it_was() -> None:
    waiting = "kept = []\n\ndef gen():\n    with torch.inference_mode():\n        yield 1\n"
    program = load(in_merge("kept.append(gen())", "next(kept[0])", top=f"import torch\n{waiting}"), torch=torch)
    vectors, extras = inputs((4,))
    program.merge(vectors, torch.device("cpu"), **extras)
    assert not torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()


def test_eigenvalues_of_what_is_not_finite_are_an_ordinary_error() -> None:
    lines = [
        "try:",
        "    torch.linalg.eigvals(torch.full((2, 2), float('nan')))",
        "except RuntimeError:",
        "    print('caught')",
    ]
    assert run(*lines) == "caught\n"


ENDLESS = {
    "plain": ["while True:", "    pass"],
    "condition": ["while model_dict:", "    pass"],
    "caught": ["while 1:", "    try:", "        1 / 0", "    except:", "        continue"],
    "nested": ["while True:", "    i = 0", "    while i < 9:", "        i += 1"],
    "generator": ["def gen():", "    while True:", "        yield 1", "sum(gen())"],
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_loop_is_admitted_and_ended_by_the_count_of_its_turns(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "MAX_TURNS", 1_000)
    source = in_merge(*ENDLESS[name])
    assert check(source).verdict == "admitted"
    with pytest.raises(PolicyViolation, match="while: expected at most"):
        guarded(source)


def test_turns_of_loops_are_counted_for_each_call_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "MAX_TURNS", 1_000)
    lines = ["i = 0", "while i < 600:", "    i += 1"]
    program = load(in_merge(*lines), torch=torch)
    vectors, extras = inputs((4,))
    for _ in range(2):
        program.merge(vectors, torch.device("cpu"), **extras)
    with pytest.raises(PolicyViolation, match="while"):
        guarded(in_merge(*lines, *lines))


def test_print_holds_no_more_than_its_cap() -> None:
    assert len(run("print(*['x' * 10_000] * 100, sep='')").encode()) == MAX_PRINT_BYTES
