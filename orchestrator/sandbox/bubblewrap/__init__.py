"""Programs in bubblewrap, for hosts without a container engine. Weaker than an engine, and recorded as such.

sandbox.py    the `Sandbox`: what is required of the host, and what is recorded
root.py       the files that a container sees, and their digest
settings.py   what is asked for one container, and its comparison with what the kernel shows
launch.py     the small process that stages all of it and becomes bubblewrap
container.py  one container from started to removed
cgroups.py    a container's own cgroup, where this user may make one
"""

from orchestrator.sandbox.bubblewrap.sandbox import BubblewrapSandbox, require_bubblewrap

__all__ = ["BubblewrapSandbox", "require_bubblewrap"]
