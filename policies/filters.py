"""Compiles a system call profile into the classic BPF program that the kernel takes.

The profile is data in the form that container engines take (`seccomp.json`), so that one text serves the
engine, and those who install a filter themselves. Pure: installs nothing. What a profile permits is the
profile's business.

Steps of a compiled program: the architecture is the expected one, or the process is killed; the x32 entry
points do not exist; then the rules in order, the first that fits decides; else the default.
"""

from __future__ import annotations

import json
import platform
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

SELF = "self"  # as an argument's value: the process number of whoever installs the filter

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # linux/audit.h
_X32_BIT = 0x40000000
_ENOSYS = 38
_ALLOW = 0x7FFF0000  # linux/seccomp.h
_ERRNO = 0x00050000
_KILL_PROCESS = 0x80000000
_MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06  # linux/bpf_common.h: LD|W|ABS, ALU|AND|K, RET|K
_IF_EQUAL, _IF_AT_LEAST = 0x15, 0x35  # JMP|JEQ|K, JMP|JGE|K
_AT_NUMBER, _AT_ARCH, _AT_ARGUMENTS = 0, 4, 16  # struct seccomp_data, in bytes
_LOW = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


class FilterError(ValueError):
    """A profile that cannot be compiled: nothing is installed rather than half of it."""


def read_profile(name: str) -> dict[str, Any]:
    """Return a profile that lies beside this module, decoded: `seccomp.json` or `seccomp_inner.json`."""
    profile: dict[str, Any] = json.loads(resources.files("policies").joinpath(name).read_text(encoding="utf-8"))
    return profile


def compile_profile(profile: Mapping[str, Any], machine: str | None = None, pid: int | None = None) -> bytes:
    """Return the profile as `struct sock_filter[]` for a machine (default: this one).

    `pid` stands where an argument's value is "self". Names that the machine does not have are left out.

    Raises:
        FilterError: an unknown machine, system call, action or comparison; or a program too long.
    """
    machine = machine or platform.machine()
    if machine not in _AUDIT_ARCH:
        raise FilterError(f"machine: expected one of {sorted(_AUDIT_ARCH)}, found {machine!r}")
    default = _action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    program = [*_entry(machine)]
    for rule in profile["syscalls"]:
        verdict = _action(rule["action"], rule.get("errnoRet", profile.get("defaultErrnoRet")))
        for number in _numbers(rule["names"], machine):
            program += _rule(number, rule.get("args") or (), verdict, pid)
    program.append(_return(default))
    if len(program) > _MAX_INSTRUCTIONS:
        raise FilterError(f"program: expected at most {_MAX_INSTRUCTIONS} instructions, found {len(program)}")
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


@cache
def system_calls(machine: str) -> Mapping[str, int]:
    """Return name -> number of a machine's system calls (Linux 6.7; later ones are refused by default)."""
    tables: dict[str, dict[str, int]] = read_profile("syscalls.json")
    return tables[machine]


def _entry(machine: str) -> Iterator[Instruction]:
    yield (_LOAD, 0, 0, _AT_ARCH)
    yield (_IF_EQUAL, 1, 0, _AUDIT_ARCH[machine])
    yield _return(_KILL_PROCESS)
    yield (_LOAD, 0, 0, _AT_NUMBER)
    if machine == "x86_64":
        yield (_IF_AT_LEAST, 0, 1, _X32_BIT)
        yield _return(_ERRNO | _ENOSYS)


def _rule(number: int, arguments: Sequence[Mapping[str, Any]], verdict: int, pid: int | None) -> list[Instruction]:
    """Decide on one system call; with its number in the accumulator before and, where it does not fit, after."""
    tests = [test for argument in arguments for test in _tests(argument, pid)]
    if not tests:
        return [(_IF_EQUAL, 0, 1, number), _return(verdict)]
    body: list[Instruction] = []
    left = sum(len(test) for test in tests) + 1  # instructions up to the reload of the number
    for test in tests:
        left -= len(test)
        *before, (code, _, _, operand) = test
        body += [*before, (code, 0, left, operand)]
    return [(_IF_EQUAL, 0, len(body) + 2, number), *body, _return(verdict), (_LOAD, 0, 0, _AT_NUMBER)]


def _tests(argument: Mapping[str, Any], pid: int | None) -> Iterator[list[Instruction]]:
    """Yield the comparisons of one 64-bit argument, low half and high half."""
    offset = _AT_ARGUMENTS + 8 * int(argument["index"])
    operation = argument["op"]
    if operation == "SCMP_CMP_EQ":
        mask, wanted = (1 << 64) - 1, _value(argument["value"], pid)
    elif operation == "SCMP_CMP_MASKED_EQ":
        mask, wanted = int(argument["value"]), int(argument.get("valueTwo", 0))
    else:
        raise FilterError(f"comparison: expected SCMP_CMP_EQ or SCMP_CMP_MASKED_EQ, found {operation!r}")
    if wanted & ~mask:
        raise FilterError(f"comparison: {wanted:#x} has bits that the mask {mask:#x} takes away")
    for shift in (0, 32):
        half = (mask >> shift) & _LOW
        if half:
            masked = [(_AND, 0, 0, half)] if half != _LOW else []
            yield [(_LOAD, 0, 0, offset + shift // 8), *masked, (_IF_EQUAL, 0, 0, (wanted >> shift) & _LOW)]


def _value(value: int | str, pid: int | None) -> int:
    if value != SELF:
        return int(value)
    if pid is None:
        raise FilterError('an argument\'s value is "self": expected the process number, found none')
    return pid


def _numbers(names: Sequence[str], machine: str) -> Iterator[int]:
    known = set().union(*(system_calls(each) for each in _AUDIT_ARCH))
    for name in names:
        if name not in known:
            raise FilterError(f"system call: expected a name of linux/unistd.h, found {name!r}")
        if name in system_calls(machine):
            yield system_calls(machine)[name]


def _action(action: str, errno: int | None) -> int:
    if action == "SCMP_ACT_ALLOW":
        return _ALLOW
    if action == "SCMP_ACT_ERRNO" and errno is not None:
        return _ERRNO | errno
    raise FilterError(f"action: expected SCMP_ACT_ALLOW, or SCMP_ACT_ERRNO with a number, found {action!r}")


def _return(verdict: int) -> Instruction:
    return (_RETURN, 0, 0, verdict)
