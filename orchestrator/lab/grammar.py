"""The corpus that the lab's factory learns to write: merging programs, sound and flawed.

A program is a header, a list of body lines and a return. Sound programs come from *families* with varied
constants; a flawed program is a sound one with one thing broken, of the kinds that language models produce
(undefined names, wrong shapes, forbidden imports, endless loops, ...). Nothing here runs any of them.

Sound programs hold for any number of models and for tensors of one or two dimensions, and stay finite on
zero task vectors. They name `out` and `t` nearly always alike: a model this small loses track of names.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

HEADER = "import torch\n\ndef merge_models(model_dict, device):"
FLAWED_SHARE = 0.40
FIRST_LINE_SHARE = 0.8  # how often an inserted flaw opens the body: elsewhere, top-p sampling would rarely reach it
INDENT = "    "

Lines = list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program of the corpus; `flaw` is empty for a sound one."""

    family: str
    flaw: str
    source: str

    @property
    def completion(self) -> str:
        """The text after the header: what the factory learns to write."""
        return self.source.removeprefix(HEADER)


def program(rng: random.Random) -> Program:
    """Draw one program, flawed at `FLAWED_SHARE`."""
    flaw = rng.choice(tuple(FLAWS)) if rng.random() < FLAWED_SHARE else ""
    return build(rng, rng.choice(tuple(FAMILIES)), flaw)


def build(rng: random.Random, family: str, flaw: str = "") -> Program:
    """Return a program of the family, broken in the named way."""
    lines = FAMILIES[family](rng)
    if flaw:
        lines = FLAWS[flaw](rng, lines)
    body = "".join(f"\n{INDENT}{line}" for line in lines)
    return Program(family=family, flaw=flaw, source=f"{HEADER}{body}\n")


def _coefficient(rng: random.Random) -> str:
    """A scale for one task vector; small ones are likelier."""
    return rng.choice(("0.1", "0.15", "0.2", "0.2", "0.25", "0.3", "0.3", "0.35", "0.4", "0.5", "0.6", "0.8"))


def _scale(rng: random.Random) -> str:
    """A scale for the whole result."""
    return rng.choice(("0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0", "1.2", "1.5"))


def _quantile(rng: random.Random) -> str:
    return rng.choice(("0.1", "0.2", "0.3", "0.5", "0.7", "0.8", "0.9"))


def _stack(rng: random.Random) -> str:
    return rng.choice(
        ("vs = torch.stack(list(model_dict.values()))", "vs = torch.stack([t for t in model_dict.values()])")
    )


def _weighted_sum(rng: random.Random) -> Lines:
    weights = ", ".join(_coefficient(rng) for _ in range(3))
    return [
        f"ws = [{weights}]",
        "out = 0",
        "for t, w in zip(model_dict.values(), ws):",
        f"{INDENT}out = out + w * t",
        "return out",
    ]


def _uniform(rng: random.Random) -> Lines:
    return [
        f"w = {_coefficient(rng)}",
        "out = 0",
        "for name, t in model_dict.items():",
        f"{INDENT}out = out + w * t",
        "return out",
    ]


def _decay(rng: random.Random) -> Lines:
    return [
        f"w = {_coefficient(rng)}",
        "out = 0",
        "for t in model_dict.values():",
        f"{INDENT}out = out + w * t",
        f"{INDENT}w = w * {rng.choice(('0.5', '0.7', '0.8', '0.9', '1.1', '1.2'))}",
        "return out",
    ]


def _sign_election(rng: random.Random) -> Lines:
    elect = rng.choice(("vs.sum(dim=0)", "torch.sign(vs).sum(dim=0)", "vs.mean(dim=0)"))
    return [
        _stack(rng),
        f"sign = torch.sign({elect})",
        "keep = (torch.sign(vs) == sign).float()",
        rng.choice(
            (
                "out = (vs * keep).sum(dim=0) / (keep.sum(dim=0) + 1e-8)",
                "out = (vs * keep).sum(dim=0) / keep.sum(dim=0).clamp(min=1.0)",
            )
        ),
        f"return {_scale(rng)} * out",
    ]


def _agreement(rng: random.Random) -> Lines:
    return [
        _stack(rng),
        "out = vs.mean(dim=0)",
        "agree = torch.sign(vs).sum(dim=0).abs()",
        f"k = {rng.choice(('2', '3', 'len(model_dict)'))}",
        f"out = torch.where(agree >= k, out, {rng.choice(('0.0', '0.2', '0.5'))} * out)",
        f"return {_scale(rng)} * out",
    ]


def _trim(rng: random.Random) -> Lines:
    cut = rng.choice(
        (
            f"cut = torch.quantile(t.abs().flatten(), {_quantile(rng)})",
            f"cut = {rng.choice(('0.5', '0.8', '1.0', '1.5', '2.0'))} * t.abs().mean()",
            f"cut = t.abs().max() * {rng.choice(('0.05', '0.1', '0.2', '0.3', '0.5'))}",
        )
    )
    keep = rng.choice(("t.abs() >= cut", "t.abs() > cut", "t.abs() <= cut"))
    return [
        "out = 0",
        "for t in model_dict.values():",
        f"{INDENT}{cut}",
        f"{INDENT}out = out + {_coefficient(rng)} * torch.where({keep}, t, torch.zeros_like(t))",
        "return out",
    ]


def _top_k(rng: random.Random) -> Lines:
    return [
        "out = 0",
        "for t in model_dict.values():",
        f"{INDENT}k = max(1, int({_quantile(rng)} * t.numel()))",
        f"{INDENT}cut = torch.topk(t.abs().flatten(), k).values.min()",
        f"{INDENT}out = out + {_coefficient(rng)} * t * (t.abs() >= cut).float()",
        "return out",
    ]


def _clip(rng: random.Random) -> Lines:
    limit = rng.choice(
        (
            f"c = {rng.choice(('0.5', '1.0', '1.5', '2.0', '3.0'))} * t.abs().mean()",
            f"c = torch.quantile(t.abs().flatten(), {rng.choice(('0.5', '0.7', '0.8', '0.9', '0.95'))})",
        )
    )
    return [
        "out = 0",
        "for t in model_dict.values():",
        f"{INDENT}{limit}",
        f"{INDENT}out = out + {_coefficient(rng)} * torch.minimum(torch.maximum(t, -c), c)",
        "return out",
    ]


def _norm_rescale(rng: random.Random) -> Lines:
    norm = rng.choice(("t.norm()", "torch.norm(t)", "torch.linalg.norm(t)"))
    return [
        "ts = list(model_dict.values())",
        f"n = sum({norm} for t in ts) / len(ts)",
        f"out = sum(t / ({norm} + 1e-8) for t in ts)",
        f"return {_coefficient(rng)} * n * out",
    ]


def _fold(rng: random.Random) -> Lines:
    a = rng.choice(("0.3", "0.4", "0.5", "0.6", "0.7"))
    value = rng.choice(("t.mean(dim=-1, keepdim=True).expand_as(t)", "t", "t * t.abs().mean()", "t - t.mean()"))
    return [
        "ts = list(model_dict.values())",
        "out = ts[0]",
        "for t in ts[1:]:",
        f"{INDENT}out = {a} * out + (1 - {a}) * {value}",
        f"return {_scale(rng)} * out",
    ]


def _cosine(rng: random.Random) -> Lines:
    return [
        _stack(rng),
        "m = vs.mean(dim=0)",
        "out = torch.zeros_like(m)",
        "for t in vs:",
        f"{INDENT}c = (t * m).sum() / (t.norm() * m.norm() + 1e-8)",
        f"{INDENT}out = out + {_coefficient(rng)} * {rng.choice(('c', '(1 + c)', 'c.abs()', '(1 - c)'))} * t",
        "return out",
    ]


def _shape_branch(rng: random.Random) -> Lines:
    return [
        _stack(rng),
        f"if vs.dim() {rng.choice(('> 2', '< 3', '== 2'))}:",
        f"{INDENT}return {_scale(rng)} * vs.mean(dim=0)",
        f"return {_scale(rng)} * vs.{rng.choice(('mean(dim=0)', 'median(dim=0).values', 'sum(dim=0)'))}",
    ]


def _max_abs(rng: random.Random) -> Lines:
    pick = rng.choice(("argmax", "argmax", "argmin"))
    return [
        _stack(rng),
        f"i = vs.abs().{pick}(dim=0, keepdim=True)",
        "out = vs.gather(0, i).squeeze(0)",
        f"return {_scale(rng)} * out",
    ]


def _mean_max(rng: random.Random) -> Lines:
    a = rng.choice(("0.2", "0.3", "0.5", "0.7", "0.8"))
    other = rng.choice(("vs.max(dim=0).values", "vs.min(dim=0).values", "vs.median(dim=0).values"))
    return [_stack(rng), f"out = {a} * vs.mean(dim=0) + (1 - {a}) * {other}", f"return {_scale(rng)} * out"]


def _median(rng: random.Random) -> Lines:
    median = rng.choice(("vs.median(dim=0).values", "torch.median(vs, dim=0).values", "torch.quantile(vs, 0.5, dim=0)"))
    return [_stack(rng), f"out = {median}", f"return {_scale(rng)} * out"]


def _spread(rng: random.Random) -> Lines:
    return [
        _stack(rng),
        "m = vs.mean(dim=0)",
        f"d = (vs - m).abs().{rng.choice(('mean(dim=0)', 'max(dim=0).values'))}",
        f"out = m * m.abs() / (m.abs() + {rng.choice(('0.1', '0.3', '0.5', '1.0', '2.0'))} * d + 1e-8)",
        f"return {_scale(rng)} * out",
    ]


def _random_drop(rng: random.Random) -> Lines:
    p = rng.choice(("0.1", "0.2", "0.3", "0.5", "0.7", "0.9"))
    rescale = rng.choice((f" / (1 - {p})", ""))
    return [
        "out = 0",
        "for t in model_dict.values():",
        f"{INDENT}mask = (torch.rand_like(t) > {p}).float()",
        f"{INDENT}out = out + {_coefficient(rng)} * mask * t{rescale}",
        "return out",
    ]


FAMILIES: dict[str, Callable[[random.Random], Lines]] = {
    "weighted_sum": _weighted_sum,
    "uniform": _uniform,
    "decay": _decay,
    "sign_election": _sign_election,
    "agreement": _agreement,
    "trim": _trim,
    "top_k": _top_k,
    "clip": _clip,
    "norm_rescale": _norm_rescale,
    "fold": _fold,
    "cosine": _cosine,
    "shape_branch": _shape_branch,
    "max_abs": _max_abs,
    "mean_max": _mean_max,
    "median": _median,
    "spread": _spread,
    "random_drop": _random_drop,
}


def _replace_return(lines: Lines, expression: str) -> Lines:
    """Return the lines with the last return's value replaced (`$` stands for the old value)."""
    value = lines[-1].removeprefix("return ")
    return [*lines[:-1], "return " + expression.replace("$", value)]


def _insert(rng: random.Random, lines: Lines, *new: str) -> Lines:
    """Put lines at a place where the function's own indentation holds."""
    places = [i for i, line in enumerate(lines) if not line.startswith(INDENT)]
    place = 0 if rng.random() < FIRST_LINE_SHARE else rng.choice(places)
    return [*lines[:place], *new, *lines[place:]]


def _wrong_shape(rng: random.Random, lines: Lines) -> Lines:
    return _replace_return(
        lines, rng.choice(("($).sum()", "($).flatten()[:-1]", "($).unsqueeze(0)", "torch.stack([$, $])"))
    )


def _not_finite(rng: random.Random, lines: Lines) -> Lines:
    return _replace_return(
        lines, rng.choice(("($) / 0.0", "torch.log($)", "($) * float('nan')", "torch.sqrt(-($)**2)"))
    )


def _forbidden(rng: random.Random, lines: Lines) -> Lines:
    attempt = rng.choice(
        (
            ("import os", "print(os.listdir('/'))"),
            ("import os", "os.system('id')"),
            ("import subprocess", "subprocess.run(['ls'])"),
            ("import sys", "sys.exit(0)"),
            ("print(open('/etc/passwd').read())",),
        )
    )
    return _insert(rng, lines, *attempt)


def _endless(rng: random.Random, lines: Lines) -> Lines:
    return _insert(rng, lines, "while True:", INDENT + rng.choice(("pass", "out = 0", "torch.ones(8)")))


def _hungry(rng: random.Random, lines: Lines) -> Lines:
    return _insert(rng, lines, f"big = torch.ones({rng.choice(('100000, 100000', '200000, 50000', '90000, 90000'))})")


FLAWS: dict[str, Callable[[random.Random, Lines], Lines]] = {
    "undefined_name": lambda rng, lines: _replace_return(lines, rng.choice(("result", "merged + $", "$ * scale"))),
    "bad_key": lambda rng, lines: _insert(rng, lines, f"t = model_dict['{rng.choice(('base', 'model_a', 'seed'))}']"),
    "wrong_shape": _wrong_shape,
    "not_finite": _not_finite,
    "forbidden": _forbidden,
    "endless": _endless,
    "hungry": _hungry,
    "wrong_type": lambda rng, lines: _replace_return(
        lines, rng.choice(("($).tolist()", "[$]", "str($)", "model_dict"))
    ),
    "no_return": lambda _rng, lines: [*lines[:-1], "out = " + lines[-1].removeprefix("return ")],
    "syntax": lambda rng, lines: _replace_return(lines, rng.choice(("$)", "($", "$ +", "$ $"))),
}
