"""The same programs through a peer's sandbox: llm-sandbox from PyPI, its Docker back end, pooled.

It gets an environment of its own in the cache, and the sandbox image with the few commands that it needs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.plain import Rate, limits
from benchmarks.work import PARALLEL, Bench, plain_job
from orchestrator.cache import cache_dir
from orchestrator.sandbox.settings import seccomp_profile

VERSION = "0.3.46"
IMAGE = "assay-bench-peer"
_HERE = Path(__file__).parent
_SECONDS = 600.0
_STAND_BY = ["python3", "-c", "import signal; signal.pause()"]


def install() -> Path:
    """Return the Python of an environment that has the peer, made once."""
    folder = cache_dir() / "bench" / f"llm-sandbox-{VERSION}"
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)  # noqa: S603
        wanted = f"llm-sandbox[docker]=={VERSION}"
        subprocess.run([python, "-m", "pip", "install", "--quiet", wanted], check=True)  # noqa: S603
        (folder / "done").touch()
    return python


@contextmanager
def image(bench: Bench) -> Iterator[None]:
    """Put BusyBox (the host's, or Debian's package of it) on top of the sandbox image; remove that again."""
    context = bench.folder / "peer-image"
    context.mkdir()
    shutil.copy(_busybox(), context / "busybox")
    shutil.copy(_HERE / "peer.Dockerfile", context / "Dockerfile")
    command = ["docker", "build", "--quiet", "--network", "none", "--build-arg", f"IMAGE={bench.config.image.name}"]
    subprocess.run([*command, "--tag", IMAGE, context], check=True, capture_output=True)  # noqa: S603
    try:
        yield
    finally:
        subprocess.run(["docker", "image", "rm", IMAGE], check=False, capture_output=True)  # noqa: S603, S607


def measure(bench: Bench, kind: str, programs: Sequence[str], *, uses: int, look: bool) -> tuple[Rate, dict[str, Any]]:
    """Run the programs; `uses` bounds how many share a container, 0 does not. Also return what a program found."""
    text = (_HERE / "inside.py").read_text(encoding="utf-8")
    head, mark, rest = text.partition("import inspect\n")
    jobs = [plain_job(bench, kind, source, "/sandbox/output") for source in programs]
    result = bench.folder / "peer.json"
    order = {
        "image": IMAGE,
        "parallel": PARALLEL,
        "uses": uses,
        "fetch": kind == "run",
        "look": look,
        "runtime": runtime(bench),
        "codes": [f"{head}{mark}JOB = {job!r}\n{rest}" for job in jobs],
        "result": str(result),
    }
    command = [install(), _HERE / "peer_driver.py"]
    done = subprocess.run(  # noqa: S603
        command, input=json.dumps(order), text=True, capture_output=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"llm-sandbox failed: {done.stderr[-2000:]}")
    found = json.loads(result.read_text())
    result.unlink()
    return Rate(**{key: found[key] for key in ("count", "ok", "seconds", "error")}), found["seen"]


def runtime(bench: Bench) -> dict[str, Any]:
    """Return the limits as docker-py spells them, but two: its file copies need a root that can be written, and
    arrive as root's, so that only root (here without capabilities) can read them.
    """
    request = limits(bench)
    host = request["HostConfig"]
    return {
        "command": _STAND_BY,
        "user": "0:0",
        "tty": False,
        "init": True,
        "network_mode": "none",
        "ipc_mode": "none",
        "mem_limit": host["Memory"],
        "memswap_limit": host["MemorySwap"],
        "nano_cpus": host["NanoCpus"],
        "pids_limit": host["PidsLimit"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", f"seccomp={seccomp_profile()}"],
        "tmpfs": host["Tmpfs"],
        "ulimits": host["Ulimits"],
        "environment": [entry for entry in request["Env"] if not entry.startswith("ASSAY_")],
        "volumes": [f"{path}:{inside}:ro" for path, inside in bench.inputs.mounts],
    }


def _busybox() -> Path:
    if found := shutil.which("busybox"):
        return Path(found)
    folder = cache_dir() / "bench" / "busybox"
    binary = folder / "root" / "bin" / "busybox"
    if not binary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fetch = ["apt-get", "download", "--quiet", "busybox-static"]
        subprocess.run(fetch, cwd=folder, check=True, capture_output=True)  # noqa: S603
        package = next(folder.glob("busybox-static_*.deb"))
        subprocess.run(["dpkg-deb", "--extract", package, folder / "root"], check=True)  # noqa: S603, S607
    return binary
