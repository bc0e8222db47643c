"""Whose fault was it, and what is it called? A pure function of what the host saw.

Steps, first match decides:
  1. never `started`      -> the platform's: the program had not been loaded
  2. interference         -> the platform's: it was seen to end the container, or to be ended itself
  3. OOM, own limit never reached -> the platform's: the host is short of memory, or a cgroup above is
  4. flooded              -> protocol
  5. past the deadline    -> timeout
  6. the kernel's OOM     -> out_of_memory (a child of the program counts too)
  7. exit by a signal     -> killed
  8. the runner's failure -> what it claims, if a container may claim it, else protocol
  9. another exit status  -> runtime_error
 10. messages out of order, unreadable, or processes left behind -> protocol
 11. exit 0               -> no fault yet: `verify` looks at the output

`platform_fault` is steps 1 to 3, `judge` the rest. What decides the platform's is seen from outside and out
of a program's reach: the engine's own account of the signals it sent, the kernel's of how the container's
first process ended, the cgroup's counters. Messages come from inside. They name a fault that the exit status
already shows, or add one; no message makes a fault go away.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass

from orchestrator.candidate import Reason
from orchestrator.credentials import shown
from orchestrator.sandbox.base import Fault
from sandbox_image.protocol import EXIT_FAILED, Message

MAX_DETAIL_CHARS = 2_000
_SIGNAL_BASE, _LAST_SIGNAL = 128, 64  # a shell's and docker-init's way to report a signal: 129 to 192

# What a container may say of its own program. Never: verdicts on the output file, or duplicates.
CLAIMABLE = frozenset(
    {
        Reason.SYNTAX,
        Reason.POLICY,
        Reason.CONTRACT,
        Reason.RUNTIME_ERROR,
        Reason.WRONG_SHAPE,
        Reason.WRONG_DTYPE,
        Reason.NOT_FINITE,
        Reason.OUT_OF_MEMORY,
    }
)
CELL_CLAIMABLE = CLAIMABLE | {Reason.NONDETERMINISTIC, Reason.TIMEOUT, Reason.KILLED, Reason.PROTOCOL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the host saw of a dead container, and what the container had said."""

    exit_code: int
    timed_out: bool
    oom_killed: bool
    flooded: bool
    leftover_processes: int  # alive beside the runner when it said that it was done
    messages: tuple[Message, ...]
    malformed: str
    timeout_seconds: float
    interference: str = ""  # what the platform was seen to do to a container that nobody here had ended
    starved_by_others: bool = False  # killed by the kernel for a memory limit that is not the container's


def platform_fault(facts: Facts) -> str:
    """Say what the platform did wrong; empty if the program had been loaded and anything after is its own."""
    kinds = [message.kind for message in facts.messages[:2]]
    if kinds != ["ready", "started"]:
        return f"the container ended with status {facts.exit_code} before the program was loaded (it had said {kinds})"
    if facts.interference:
        return facts.interference
    if facts.oom_killed and facts.starved_by_others:
        return "the kernel killed a program for memory although its container had not reached its own limit"
    return ""


def judge(facts: Facts) -> Fault | None:
    """Return the program's fault, or None if its output deserves a look. See the module's steps."""
    if facts.flooded:
        return _fault(Reason.PROTOCOL, "wrote more output than any program has a use for, and was killed")
    if facts.timed_out:
        return _fault(Reason.TIMEOUT, f"still running after {facts.timeout_seconds:g} s, and was killed")
    if facts.oom_killed:
        return _fault(Reason.OUT_OF_MEMORY, "went over the container's memory limit and was killed by the kernel")
    if _SIGNAL_BASE < facts.exit_code <= _SIGNAL_BASE + _LAST_SIGNAL:
        return _fault(Reason.KILLED, f"ended by {_signal_name(facts.exit_code - _SIGNAL_BASE)}")
    if facts.exit_code == EXIT_FAILED:
        return _claimed(facts)
    if facts.exit_code != 0:
        return _fault(Reason.RUNTIME_ERROR, f"ended its process with status {facts.exit_code}")
    return _out_of_order(facts)


def finished(facts: Facts) -> bool:
    """Whether the runner said that it was done. Easily forged, so it proves nothing; its absence does."""
    return [message.kind for message in facts.messages[2:]] == ["done"]


def claimed_fault(message: Message, allowed: frozenset[Reason] = CLAIMABLE) -> Fault:
    """Turn a `failed` message into a fault, if the reason is one that its sender may claim."""
    if message.reason not in {reason.value for reason in allowed}:
        return _fault(Reason.PROTOCOL, f"claimed a reason that is not its to claim: {message.reason!r:.80}")
    return _fault(Reason(message.reason), message.detail)


def _claimed(facts: Facts) -> Fault:
    said = facts.messages[2:]
    if facts.malformed or len(said) != 1 or said[0].kind != "failed":
        return _fault(Reason.PROTOCOL, f"exit status {EXIT_FAILED} without one readable `failed` message")
    return claimed_fault(said[0])


def _out_of_order(facts: Facts) -> Fault | None:
    said = [message.kind for message in facts.messages[2:]]
    if facts.malformed:
        return _fault(Reason.PROTOCOL, f"sent an unreadable message: {facts.malformed}")
    if said not in ([], ["done"]):
        return _fault(Reason.PROTOCOL, f"sent messages that a runner does not send: {said[:8]}")
    if facts.leftover_processes:
        return _fault(Reason.PROTOCOL, f"left {facts.leftover_processes} processes running when it was done")
    return None


def _fault(reason: Reason, detail: str) -> Fault:
    return Fault(reason=reason, detail=shown(detail, MAX_DETAIL_CHARS))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
