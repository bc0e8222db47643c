"""The process in which math-verify judges answers: JSON lines in, `1` or `0` out.

Started by `scorers.MathJudge` as a script, so that a computation that no alarm interrupts can be
killed. It imports nothing of ours. It bounds its own memory and processor time, because its parent may
be killed while it computes.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import warnings
from typing import TextIO

MAX_MEMORY_BYTES = 4 * 1024**3
MAX_CPU_SECONDS = 60  # per answer; past it the kernel ends this process

_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")


def last_boxed(text: str) -> str | None:
    r"""Return what the last `\boxed{...}` holds, braces balanced; None if there is none."""
    starts = [match.end() for match in _BOXED.finditer(text)]
    if not starts:
        return None
    depth = 1
    for position in range(starts[-1], len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[starts[-1] : position]
    return None


def same_text(answer: str, found: str) -> bool:
    r"""Whether two LaTeX answers are the same but for spaces, `\text`, `$` and sizing commands."""
    return _plain(answer) == _plain(found) != ""


def _plain(latex: str) -> str:
    without = re.sub(r"\\(?:text|mathrm|textbf|mbox)\s*\{([^{}]*)\}", r"\1", latex)
    without = re.sub(r"\\(?:left|right|!|,|;|:|\s)|\$|\s", "", without)
    return without.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").rstrip(".")


def judge(answer: str, output: str) -> bool:
    """Whether the output's final answer equals the reference; False for whatever cannot be parsed."""
    from math_verify import parse, verify

    boxed = last_boxed(output)
    if boxed is not None and same_text(answer, boxed):
        return True
    gold = parse(f"\\boxed{{{answer}}}")
    found = parse(f"\\boxed{{{boxed}}}" if boxed is not None else output)
    return bool(gold and found and verify(gold, found))


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer requests until the parent closes the pipe."""
    answers.write("ready\n")
    answers.flush()
    for line in requests:
        _allow_cpu_seconds(MAX_CPU_SECONDS)
        request = json.loads(line)
        try:
            verdict = judge(request["answer"], request["output"])
        except Exception:  # noqa: BLE001  (whatever a hostile answer raises in sympy: it is not equal)
            verdict = False
        answers.write("1\n" if verdict else "0\n")
        answers.flush()


def _allow_cpu_seconds(seconds: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def main() -> None:
    """Keep stdout for verdicts: whatever a library prints goes nowhere."""
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    import math_verify  # noqa: F401  (paid here, before "ready", not by the first answer)

    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
