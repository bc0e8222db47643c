"""What the container engine of this machine can do, as plain facts. Says nothing of whether that is enough.

`engine.engine_facts` finds them; `doctor.diagnose` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass

SANDBOX_IMAGE = "assay-sandbox"  # what `make image` tags
SOURCE_LABEL = "assay.source"  # image label: digest of sandbox_image/ and policies/ (sandbox_image/source.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFacts:
    """One look at the engine and one image. With `reachable` false, only `error` and `remedy` mean anything."""

    reachable: bool
    error: str = ""
    remedy: str = ""
    version: str = ""
    api_version: str = ""
    runtimes: tuple[str, ...] = ()
    default_runtime: str = ""
    cgroup_version: str = ""  # "1" or "2"
    memory_limit: bool = False
    swap_limit: bool = False
    pids_limit: bool = False
    cpu_quota: bool = False
    security_options: tuple[str, ...] = ()  # as the engine lists them: "name=seccomp,profile=default", ...
    root_dir: str = ""  # on the engine's own host
    image_id: str = ""  # "sha256:..."; empty where the image is missing
    image_source: str = ""  # its SOURCE_LABEL; empty where the label is missing
    gpu_runtime: bool = False  # a runtime named nvidia, or CDI with an nvidia device

    @property
    def seccomp(self) -> bool:
        """Whether the engine can filter system calls."""
        return any(option.startswith("name=seccomp") for option in self.security_options)

    @property
    def apparmor(self) -> bool:
        """Whether the engine confines containers by AppArmor."""
        return any(option.startswith("name=apparmor") for option in self.security_options)
