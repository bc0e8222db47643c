"""The names of the protections that a container can have, and what each one does.

Names are stable: configurations require by them (`require = [...]`), the ledger records by them. Whether one
is in effect is judged in `sandbox/protections.py`, from what is observed of a started container.
"""

from __future__ import annotations

from collections.abc import Mapping

PROTECTIONS: Mapping[str, str] = {
    "no-network": "a network namespace of its own, with no interface but loopback",
    "no-capabilities": "no Linux capability, and none to be had",
    "no-new-privileges": "no program can gain privileges by being executed",
    "seccomp": "our filter of system calls, deny by default, around the whole container",
    "inner-seccomp": "a second filter around the program: no exec, no new process, no socket, no opening for writing",
    "landlock": "a wall around the program that needs no privilege: it reads libraries and models, and writes nothing",
    "read-only-root": "the image cannot be changed",
    "read-only-inputs": "nothing of the host's disk can be written but the output file",
    "no-shm": "no /dev/shm",
    "private-ipc": "an IPC namespace of its own",
    "private-pid": "sees and signals its own processes only",
    "private-mount": "mounts of its own",
    "private-cgroup": "does not see where it stands in the host's cgroups",
    "private-uts": "a host name of its own",
    "unprivileged-uid": "runs as an ordinary user, not as root",
    "own-uid": "runs as a user that owns nothing else on the host: no account, no other container",
    "memory": "memory is bounded",
    "swap": "no swap beyond that bound",
    "pids": "processes and threads are bounded",
    "cpus": "CPU time per second is bounded",
    "cpu-seconds": "CPU time in all is bounded, should the orchestrator die",
    "nofile": "open files are bounded",
    "no-core": "no core dump, which could fill the host's disk",
    "file-size": "no file can grow beyond the size of the output",
    "tmpfs-bytes": "the temporary folder is bounded in bytes",
    "tmpfs-inodes": "the temporary folder is bounded in files",
    "tmpfs-noexec": "nothing in the temporary folder can be executed",
    "no-engine-log": "the engine keeps no log of the output, which could fill the host's disk",
    "no-devices": "no device of the host but the GPU that was asked for",
    "explicit-environment": "no environment variable but those that are written out",
    "image-by-digest": "exactly this image, whatever its name points to",
    "masked-proc": "the kernel's tables and settings under /proc and /sys are covered or read-only",
    "oom-score": "under memory pressure the host kills programs before anything of its own",
    "apparmor": "an AppArmor profile confines it, independently of the rest",
    "user-namespace": "its users are nobody on the host, even its root",
    "rootless-engine": "the engine itself does not run as root",
    "gvisor": "a kernel of its own (gVisor) between program and host",
    "cdi": "the GPU is handed in by CDI, which runs no hook with the container's libraries",
}
