"""`python -m tests.clock_set_back run ...`: the `assay` command in a process whose clock is two days behind.

Only what Python code sees is set back (the host's clock is everybody's): the record's times and `time.time`.
"""

from __future__ import annotations

import datetime
import time

from orchestrator.cli import main
from orchestrator.ledger.line import SystemClock

BEHIND = datetime.timedelta(days=2)

if __name__ == "__main__":
    now, seconds = SystemClock.now, time.time
    SystemClock.now = lambda self: now(self) - BEHIND  # type: ignore[method-assign]
    time.time = lambda: seconds() - BEHIND.total_seconds()
    main()
