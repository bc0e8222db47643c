"""What the checker reports: rules with stable ids in three families, and findings that name one of them.

The family is the part before the dot and equals a rejection's reason: `syntax`, `policy` or `contract`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

RULES: Mapping[str, str] = MappingProxyType(
    {
        "syntax.encoding": "the source is UTF-8 text without null bytes or hidden direction marks",
        "syntax.size": "the source is short enough to read",
        "syntax.nesting": "expressions and blocks are not nested without end",
        "syntax.parse": "the source is Python",
        "policy.node": "every construct is on the dialect's list",
        "policy.name": "names of the machinery (_x_, __x__) are not used",
        "policy.unknown-name": "every name is the program's own or a permitted builtin",
        "policy.builtin": "builtins that reach beyond values are not used",
        "policy.import": "imports name permitted modules and members",
        "policy.member": "members of modules are on the list of their module",
        "policy.attribute": "attributes of values are on the list of their type",
        "policy.attribute-write": "attributes are read, never set or deleted",
        "policy.keyword": "keyword arguments of foreign functions are on the list",
        "policy.constructor": "tensors are made with every element defined",
        "policy.context": "with blocks and decorators only switch gradient recording",
        "policy.finally": "finally blocks do not swallow what ends the program",
        "policy.format": "format fields name arguments, never their attributes or items",
        "policy.literal": "literals are of ordinary size and kind",
        "policy.work": "work that can be seen in the source is bounded",
        "policy.rewrite": "the program can be rewritten under guards",
        "contract.missing": "the program defines merge_models at module level",
        "contract.parameters": "merge_models takes model_dict, device and what the platform can supply",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reason to refuse a program. `line` and `column` (in characters) count from 1; the message ends with the
    remedy."""

    rule: str  # a key of RULES
    line: int
    column: int
    message: str

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"finding: expected one of the rules, found {self.rule!r}")

    @property
    def reason(self) -> str:
        """The family: `syntax`, `policy` or `contract`."""
        return self.rule.partition(".")[0]

    def __str__(self) -> str:
        return f"line {self.line}:{self.column}: {self.rule}: {self.message}"
