"""bubblewrap: what contains programs where no container engine can be had. Installed where it is missing, and tried.

Weaker than an engine (SECURITY.md), so nothing but `make demo` falls back to it, and that says so.
"""

from __future__ import annotations

import shutil

from scripts import host
from scripts.console import CommandError, Console, SetupError

PACKAGES = ("bubblewrap",)  # Debian's
PROGRAM = "bwrap"
TRIAL = (PROGRAM, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--", "/bin/true")


def prepare(console: Console) -> None:
    """See to it that bubblewrap is here and can contain something.

    Raises:
        SetupError: it is not, and cannot be installed; or this host does not let it.
    """
    if shutil.which(PROGRAM) is None:
        host.install(console, PACKAGES, "bubblewrap is not installed")
    try:
        console.run(TRIAL)
    except (CommandError, FileNotFoundError) as error:
        said = error.last_line if isinstance(error, CommandError) else str(error)
        raise SetupError(
            f"bubblewrap cannot contain anything on this host: {said}",
            "let ordinary users make user namespaces (sysctl user.max_user_namespaces,"
            " kernel.apparmor_restrict_unprivileged_userns), or use a container engine",
        ) from error
    console.done("bubblewrap works here")
