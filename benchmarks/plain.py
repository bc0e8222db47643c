"""The plain way: one `docker run --rm` per program, with Assay's own limits, environment and filter."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.work import Bench, plain_job
from orchestrator.sandbox.engine import engine_facts
from orchestrator.sandbox.settings import Order, container_request, seccomp_profile

_INSIDE = Path(__file__).with_name("inside.py")
_OUTPUT = "/output"
_CPU = """
import json, resource, sys, time
def used():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime
start, clock = used(), time.monotonic()
{statement}
print(json.dumps([start, used() - start, time.monotonic() - clock]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How fast one way was, over `count` programs of which `ok` ended well."""

    count: int
    ok: int
    seconds: float
    error: str = ""

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


def measure(bench: Bench, kind: str, programs: Sequence[str], parallel: int) -> Rate:
    """Run each program in a container of its own, that many at a time."""
    profile = bench.folder / "seccomp.json"
    profile.write_text(seccomp_profile())
    with ThreadPoolExecutor(parallel) as pool:
        start = time.monotonic()
        errors = list(pool.map(lambda source: _one(bench, kind, source, profile), programs))
        seconds = time.monotonic() - start
    failed = [error for error in errors if error]
    return Rate(count=len(errors), ok=len(errors) - len(failed), seconds=seconds, error=failed[0] if failed else "")


def import_seconds(bench: Bench, statement: str) -> dict[str, float]:
    """Return what the interpreter's start and one import statement cost in a container: CPU, and the clock's."""
    profile = bench.folder / "seccomp.json"
    profile.write_text(seccomp_profile())
    command = [*_options(bench, profile, []), "python3", "-B", "-c", _CPU.format(statement=statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    python, cpu, clock = json.loads(done.stdout)
    return {"python_cpu": python, "import_cpu": cpu, "import_clock": clock}


def _one(bench: Bench, kind: str, source: str, profile: Path) -> str:
    """Run one; return what went wrong, or nothing."""
    mounts = [(_INSIDE, "/inside.py", True)]
    output = bench.folder / f"plain-{uuid.uuid4().hex}"
    if kind == "run":
        output.touch(mode=0o666)
        output.chmod(0o666)
        mounts += [*((host, inside, True) for host, inside in bench.inputs.mounts), (output, _OUTPUT, False)]
    command = [*_options(bench, profile, mounts), "python3", "-B", "/inside.py"]
    job = json.dumps(plain_job(bench, kind, source, _OUTPUT))
    try:
        done = subprocess.run(command, input=job, capture_output=True, text=True, check=False)  # noqa: S603
    finally:
        output.unlink(missing_ok=True)
    return "" if done.returncode == 0 else (done.stderr or done.stdout)[-300:]


def limits(bench: Bench) -> dict[str, Any]:
    """Return the request of Assay's own for a container: what the other ways are given too."""
    order = Order(
        module="runner",
        image_id=bench.image_id,
        uid=os.getuid() or 65534,
        inputs=(),
        output=None,
        file_bytes=1 << 20,
        walls=True,
        labels={},
    )
    return container_request(order, bench.config, engine_facts(bench.config.image.name))


def _options(bench: Bench, profile: Path, mounts: Sequence[tuple[Path, str, bool]]) -> list[str]:
    request = limits(bench)
    host = request["HostConfig"]
    command = ["docker", "run", "--rm", "-i", "--init", "--network", "none", "--ipc", "none", "--log-driver", "none"]
    command += ["--memory", str(host["Memory"]), "--memory-swap", str(host["MemorySwap"])]
    command += ["--cpus", str(bench.config.container.cpus), "--pids-limit", str(host["PidsLimit"])]
    command += ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"]
    command += ["--security-opt", f"seccomp={profile}", "--user", request["User"]]
    command += [f"--tmpfs={path}:{options}" for path, options in host["Tmpfs"].items()]
    command += [f"--ulimit={one['Name']}={one['Soft']}:{one['Hard']}" for one in host["Ulimits"]]
    # Without the mark that has the image's package make the import cheaper.
    command += [f"--env={entry}" for entry in request["Env"] if not entry.startswith("ASSAY_")]
    for source, target, read_only in mounts:
        command.append(f"--mount=type=bind,source={source},target={target}{',readonly' if read_only else ''}")
    return [*command, bench.image_id]
