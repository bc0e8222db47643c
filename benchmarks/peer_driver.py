"""Runs programs through llm-sandbox's Docker pool. Its own process, in the peer's own virtual environment.

One job as JSON on stdin, one result as JSON in the file that the job names; knows nothing of Assay.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from llm_sandbox.pool import PoolConfig, create_pool_manager
from llm_sandbox.pool.session import PooledSandboxSession

_OUTPUT = "/sandbox/output"
_WARM_SECONDS = 60.0
_LOOK = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
def writes(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    os.unlink(path)
    return True
def reads(*paths):
    for path in paths:
        if os.path.exists(path):
            return open(path).read().strip()
    return ""
print(json.dumps({
    "user": os.getuid(),
    "capabilities": status["CapEff"].strip(),
    "no new privileges": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(), "seccomp filters": status.get("Seccomp_filters", "").strip(),
    "root can be written": writes("/opt/assay/x"),
    "memory limit": reads("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"),
    "process limit": reads("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"),
    "interfaces": os.listdir("/sys/class/net"),
}))
"""


def main() -> None:
    """Open a pool, wait until it is warm, run the job, write the result."""
    job = json.load(sys.stdin)
    config = PoolConfig(
        min_pool_size=job["parallel"],
        max_pool_size=2 * job["parallel"],
        max_container_uses=job["uses"] or None,
        acquisition_timeout=120.0,
    )
    runtime = {"runtime_configs": job["runtime"], "skip_environment_setup": True, "image": job["image"]}
    with create_pool_manager(config=config, lang="python", **runtime) as pool:
        deadline = time.monotonic() + _WARM_SECONDS
        while pool.get_stats()["total_size"] < job["parallel"] and time.monotonic() < deadline:
            time.sleep(0.05)
        with ThreadPoolExecutor(job["parallel"]) as threads:
            start = time.monotonic()
            errors = list(threads.map(lambda code: _one(pool, code, fetch=job["fetch"]), job["codes"]))
            seconds = time.monotonic() - start
        seen = _look(pool) if job["look"] else {}
    failed = [error for error in errors if error]
    result = {"count": len(errors), "ok": len(errors) - len(failed), "seconds": seconds, "error": "".join(failed[:1])}
    Path(job["result"]).write_text(json.dumps({**result, "seen": seen}))


def _one(pool: Any, code: str, *, fetch: bool) -> str:
    with PooledSandboxSession(pool_manager=pool) as session:
        done = session.run(code)
        if done.exit_code == 0 and fetch:
            with tempfile.TemporaryDirectory() as folder:
                session._backend_session.copy_from_runtime(_OUTPUT, f"{folder}/output")
        return "" if done.exit_code == 0 else (done.stderr or done.stdout or f"exit code {done.exit_code}")[-300:]


def _look(pool: Any) -> dict[str, Any]:
    """Say what a program finds around it, and whether one that is late is ended."""
    with PooledSandboxSession(pool_manager=pool) as session:
        seen: dict[str, Any] = json.loads(session.run(_LOOK).stdout)
    with PooledSandboxSession(pool_manager=pool) as session:
        container = session._backend_session.container
        try:
            session.run("while True:\n    pass\n", timeout=1.0)
        except Exception as error:  # noqa: BLE001  (whatever it raises then is the finding)
            seen["a late program"] = type(error).__name__
        time.sleep(2.0)
        try:
            left = [row[-1] for row in container.top()["Processes"]]
            seen["a late program runs on"] = any(".sandbox-venv/bin/python" in row for row in left)
        except Exception as error:  # noqa: BLE001
            seen["a late program runs on"] = f"no: {type(error).__name__}"
    return seen


if __name__ == "__main__":
    main()
