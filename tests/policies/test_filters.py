"""The compiler of system call filters: against libseccomp's answers, by running both programs, and for real."""

from __future__ import annotations

import ctypes
import json
import os
import random
import struct
from collections.abc import Mapping
from typing import Any

import pytest

from policies.filters import FilterError, compile_profile, read_profile, system_calls

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
PROFILES = ("seccomp.json", "seccomp_inner.json")


def judge(program: bytes, number: int, arguments: tuple[int, ...] = (0,) * 6, arch: int = 0xC000003E) -> int:
    """Run a classic BPF program on one call, as the kernel would."""
    data = struct.pack("=IIQ6Q", number, arch, 0, *arguments)
    instructions = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at = 0, 0
    while True:
        code, yes, no, operand = instructions[at]
        at += 1
        if code == 0x20:
            accumulator = struct.unpack_from("=I", data, operand)[0]
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x15:
            at += yes if accumulator == operand else no
        elif code == 0x35:
            at += yes if accumulator >= operand else no
        else:
            assert code == 0x06
            return operand


def profile(*rules: Mapping[str, Any]) -> dict[str, Any]:
    return {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": list(rules)}


def allow(name: str, **argument: Any) -> dict[str, Any]:
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [argument] if argument else []}


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_a_call_is_permitted_exactly_if_a_rule_permits_it(name: str, machine: str) -> None:
    text = read_profile(name)
    program = compile_profile(text, machine, pid=7)
    unconditional = {each for rule in text["syscalls"] if not rule.get("args") for each in rule["names"]}
    conditional = {each for rule in text["syscalls"] if rule.get("args") for each in rule["names"]}
    for call, number in system_calls(machine).items():
        verdict = judge(program, number, arch=ARCHITECTURES[machine])
        if call in unconditional:
            assert verdict == (ERRNO | 38 if call == "clone3" else ALLOW), call
        elif call not in conditional:
            assert verdict == ERRNO | 1, call


def test_numbers_that_nobody_knows_yet_are_refused() -> None:
    program = compile_profile(read_profile("seccomp.json"), "x86_64")
    assert {judge(program, number) for number in range(451, 1024)} == {ERRNO | 1}


def test_another_architecture_is_killed_and_x32_does_not_exist() -> None:
    program = compile_profile(profile(allow("read")), "x86_64")
    assert judge(program, 0, arch=0x40000003) == KILL
    assert judge(program, 0x40000000) == ERRNO | 38
    assert judge(program, 0) == ALLOW


@pytest.mark.parametrize(
    ("arguments", "permitted"),
    [((0, 5), True), ((0, 6), False), ((0, 5 + (1 << 32)), False), ((5, 0), False)],
)
def test_an_equal_argument_is_compared_in_all_64_bits(arguments: tuple[int, int], permitted: bool) -> None:
    program = compile_profile(profile(allow("ioctl", index=1, value=5, op="SCMP_CMP_EQ")), "x86_64")
    assert (judge(program, 16, (*arguments, 0, 0, 0, 0)) == ALLOW) is permitted


@pytest.mark.parametrize(("flags", "permitted"), [(0, True), (4, True), (8, False), (12, False), (1 << 40, True)])
def test_a_masked_argument_is_compared_under_its_mask(flags: int, permitted: bool) -> None:
    rule = allow("seccomp", index=1, value=8, valueTwo=0, op="SCMP_CMP_MASKED_EQ")
    assert (judge(compile_profile(profile(rule), "x86_64"), 317, (0, flags, 0, 0, 0, 0)) == ALLOW) is permitted


def test_of_two_rules_for_one_call_either_may_permit_it_and_later_calls_are_still_told_apart() -> None:
    rules = [allow("ioctl", index=1, value=value, op="SCMP_CMP_EQ") for value in (1, 2)]
    program = compile_profile(profile(*rules, allow("read")), "x86_64")
    verdicts = [judge(program, 16, (0, value, 0, 0, 0, 0)) for value in (0, 1, 2, 3)]
    assert verdicts == [ERRNO | 1, ALLOW, ALLOW, ERRNO | 1]
    assert judge(program, 0) == ALLOW


def test_self_is_the_process_number_and_nothing_without_one() -> None:
    rules = profile(allow("kill", index=0, value="self", op="SCMP_CMP_EQ"))
    program = compile_profile(rules, "x86_64", pid=42)
    assert judge(program, 62, (42, 9, 0, 0, 0, 0)) == ALLOW
    assert judge(program, 62, (1, 9, 0, 0, 0, 0)) == ERRNO | 1
    with pytest.raises(FilterError, match="process number"):
        compile_profile(rules, "x86_64")


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (profile(allow("no_such_call")), "no_such_call"),
        (profile(allow("read", index=0, value=1, op="SCMP_CMP_GT")), "SCMP_CMP_GT"),
        (profile({"names": ["read"], "action": "SCMP_ACT_LOG"}), "SCMP_ACT_LOG"),
        (profile(allow("read", index=0, value=1, valueTwo=2, op="SCMP_CMP_MASKED_EQ")), "mask"),
    ],
)
def test_what_cannot_be_compiled_is_refused(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(FilterError, match=message):
        compile_profile(rules, "x86_64")


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(FilterError, match="riscv64"):
        compile_profile(profile(allow("read")), "riscv64")


def libseccomp() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError:
        pytest.skip("no libseccomp.so.2 to compare with: install libseccomp2")


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_numbers_are_libseccomps(machine: str) -> None:
    resolve = libseccomp().seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    for name, number in system_calls(machine).items():
        assert resolve(ARCHITECTURES[machine], name.encode()) == number, name


class _Comparison(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def from_libseccomp(text: Mapping[str, Any], pid: int) -> bytes:
    """Compile a profile with libseccomp, for x86_64."""
    library = libseccomp()
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.POINTER(_Comparison),
    )
    library.seccomp_export_bpf.argtypes = (ctypes.c_void_p, ctypes.c_int)
    context = library.seccomp_init(ERRNO | text["defaultErrnoRet"])
    for rule in text["syscalls"]:
        verdict = ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else ERRNO | rule["errnoRet"]
        comparisons = [
            _Comparison(
                arg=each["index"],
                op={"SCMP_CMP_EQ": 4, "SCMP_CMP_MASKED_EQ": 7}[each["op"]],
                a=pid if each["value"] == "self" else each["value"],
                b=each.get("valueTwo", 0),
            )
            for each in rule.get("args") or ()
        ]
        array = (_Comparison * len(comparisons))(*comparisons)
        for name in rule["names"]:
            if name in system_calls("x86_64"):
                added = library.seccomp_rule_add_array(
                    context, verdict, system_calls("x86_64")[name], len(comparisons), array
                )
                assert added == 0, (name, added)
    file = os.memfd_create("filter")
    assert library.seccomp_export_bpf(context, file) == 0
    return os.pread(file, 1 << 20, 0)


@pytest.mark.parametrize("name", PROFILES)
def test_libseccomps_program_and_ours_agree_on_every_call(name: str) -> None:
    text, chance = read_profile(name), random.Random(0)
    ours, theirs = compile_profile(text, "x86_64", pid=7), from_libseccomp(text, pid=7)
    interesting = [0, 1, 2, 7, 9, 64, 1 << 16, 1 << 32, *(each["value"] for each in _arguments(text))]
    for number in range(460):
        for _ in range(40):
            arguments = tuple(
                chance.choice(interesting) | chance.choice((0, 0, 1 << chance.randrange(64))) for _ in "abcdef"
            )
            assert _loose(judge(ours, number, arguments)) == _loose(_judge_any(theirs, number, arguments)), (
                number,
                arguments,
            )


def _arguments(text: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [each for rule in text["syscalls"] for each in rule.get("args") or ()]
    return [each for each in json.loads(json.dumps(found)) if each["value"] != "self"]


def _loose(verdict: int) -> str:
    return "permitted" if verdict == ALLOW else "refused"


def _judge_any(program: bytes, number: int, arguments: tuple[int, ...]) -> int:
    """As `judge`, with the other jumps and loads that libseccomp emits."""
    data = struct.pack("=IIQ6Q", number, 0xC000003E, 0, *arguments)
    instructions = [struct.unpack_from("=HBBI", program, at) for at in range(0, len(program), 8)]
    accumulator, at, scratch = 0, 0, [0] * 16
    while True:
        code, yes, no, operand = instructions[at]
        at += 1
        match code:
            case 0x20:
                accumulator = struct.unpack_from("=I", data, operand)[0]
            case 0x54:
                accumulator &= operand
            case 0x15:
                at += yes if accumulator == operand else no
            case 0x25:
                at += yes if accumulator > operand else no
            case 0x35:
                at += yes if accumulator >= operand else no
            case 0x05:
                at += operand
            case 0x02:
                scratch[operand] = accumulator
            case 0x60:
                accumulator = scratch[operand]
            case 0x06:
                return operand
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")
