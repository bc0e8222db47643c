"""Fuzzes checker and guards: what is admitted never gets hold of anything outside the allowlist when it runs.

Guided by coverage where atheris is installed (`pip install -e .[fuzz]`), else by seeds alone:

    python -m fuzz.policy_fuzz --seconds 60     # guided
    python -m fuzz.policy_fuzz --seeds 500      # the same function over both corpora and mutations of them

An escape is printed with its program and ends the process. Arguments after `--` go to libFuzzer.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import ModuleType

from fuzz.mutate import reshape, splice, spoil
from fuzz.run import Ran, run, watch

ROOT = Path(__file__).parents[1]
MAX_MEMORY_BYTES = 2**30  # of address space beyond what torch takes: programs may ask for large tensors
MAX_PROGRAM_BYTES = 16 * 1024
_FOLDERS = ("tests/fixtures/programs", "tests/attacks/policy")


class Escape(Exception):  # noqa: N818  (a finding, not an error of ours)
    """An admitted program got hold of what it must not, or checking failed. Holds the program."""


def corpus() -> list[str]:
    """Return the harmless and the hostile programs."""
    paths = [path for folder in _FOLDERS for path in sorted((ROOT / folder).glob("*.py"))]
    return [path.read_text(encoding="utf-8") for path in paths]


def judge(source: str | bytes, torch: ModuleType) -> Ran:
    """Check and run one program.

    Raises:
        Escape: the invariant does not hold.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ran = run(source, torch)
    except Exception as error:
        raise Escape(f"{type(error).__name__}: {error}\n{source!r}") from error
    if ran.escapes:
        text = source if isinstance(source, str) else source.decode("utf-8", "replace")
        raise Escape("\n".join(sorted(set(ran.escapes))) + "\n\n" + text)
    return ran


def mutated(source: str, programs: Sequence[str], chance: Random) -> str:
    """Return one of the mutations of a program."""
    kind = chance.randrange(10)
    try:
        if kind == 0:
            return spoil(source, chance)[0]
        if kind == 1:
            return reshape(source, chance)
    except (SyntaxError, ValueError):
        return chance.choice(programs)
    return splice(source, programs, chance)


def limit_memory() -> None:
    """Bound what this process may still allocate."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MAX_MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def start(torch: ModuleType) -> None:
    """Prepare this process for judging."""
    torch.set_num_threads(1)
    limit_memory()
    watch()


def over_seeds(count: int, torch: ModuleType, first: int = 0) -> Counter[str]:
    """Judge both corpora, then `count` mutations; return how many ended how.

    Raises:
        Escape: the invariant does not hold.
    """
    programs, ends = corpus(), Counter[str]()
    for source in programs:
        ends[_end(judge(source, torch))] += 1
    for seed in range(first, first + count):
        chance = Random(seed)
        source = chance.choice(programs)
        for _ in range(chance.randrange(1, 4)):
            source = mutated(source, programs, chance)
        ends[_end(judge(source, torch))] += 1
    return ends


def _end(ran: Ran) -> str:
    return (ran.ended or "returned") if ran.admitted else "refused"


def guided(seconds: int, arguments: Sequence[str], folder: str) -> None:
    """Fuzz with atheris, which ends the process. The corpus is kept in `folder`."""
    import atheris  # type: ignore[import-untyped,unused-ignore]

    with atheris.instrument_imports(include=["policies", "RestrictedPython"]):
        for name in [
            name for name in sys.modules if name.partition(".")[0] in {"policies", "RestrictedPython", "fuzz"}
        ]:
            if name not in {"fuzz", "__main__"}:
                del sys.modules[name]
        import fuzz.policy_fuzz as instrumented
    import torch

    programs = corpus()
    instrumented.start(torch)
    ends: Counter[str] = Counter()
    began = time.monotonic()

    def target(data: bytes) -> None:
        ends[instrumented._end(instrumented.judge(data, torch))] += 1
        if sum(ends.values()) % 5000 == 0:
            print(f"{time.monotonic() - began:.0f} s: {dict(ends)}", file=sys.stderr)

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        chance = Random(seed)
        if chance.random() < 0.1:
            return bytes(atheris.Mutate(data, max_size))
        text = mutated(data.decode("utf-8", "replace"), programs, chance).encode("utf-8", "replace")
        return text if len(text) <= max_size else chance.choice(programs).encode()[:max_size]

    for number, source in enumerate(programs):
        Path(folder, str(number)).write_text(source, encoding="utf-8")
    options = [f"-max_total_time={seconds}", f"-max_len={MAX_PROGRAM_BYTES}", "-timeout=60", "-rss_limit_mb=0"]
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={folder}/", *arguments, folder], target, custom_mutator=mutator
    )
    atheris.Fuzz()


def in_child(seconds: int, arguments: Sequence[str]) -> int:
    """Fuzz in a process of its own, and return its exit status: 0 where nothing escaped."""
    with tempfile.TemporaryDirectory() as folder:
        child = os.fork()
        if child == 0:
            guided(seconds, arguments, folder)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> int:
    """Run the target; return 0 where nothing escaped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, help="fuzz with atheris for so long")
    parser.add_argument("--seeds", type=int, default=300, help="without atheris: how many mutations")
    parser.add_argument("--first", type=int, default=0, help="without atheris: the first seed")
    parser.add_argument("rest", nargs="*", help="for libFuzzer")
    options = parser.parse_args()
    if options.seconds is not None:
        if importlib.util.find_spec("atheris") is None:
            print("fuzz: atheris is not installed; pip install -e .[fuzz], or use --seeds", file=sys.stderr)
            return 2
        return in_child(options.seconds, options.rest)
    import torch

    start(torch)
    try:
        print(dict(over_seeds(options.seeds, torch, options.first)))
    except Escape as escape:
        print(f"escaped: {escape}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
