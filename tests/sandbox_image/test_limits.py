"""The limits of a cell's child, set in a process of its own: they can only be lowered."""

from __future__ import annotations

import subprocess
import sys

import pytest

BOUND = """
import resource
from sandbox_image import limits
resource.setrlimit(resource.RLIMIT_CPU, ({hard}, {hard}))
limits.bound_child(10.0)
print(resource.getrlimit(resource.RLIMIT_CPU))
"""


@pytest.mark.parametrize(("hard", "bound"), [(5, 5), (600, 11)])
def test_the_host_may_have_set_a_lower_limit(hard: int, bound: int) -> None:
    command = [sys.executable, "-c", BOUND.format(hard=hard)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str((bound, bound))
