"""What the attack suites share: short deadlines, and a table of what was held at the end of the run."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestrator.config import RunConfig
from tests.attacks.programs import PASSED

TIMEOUT_SECONDS = 3.0

Tally = dict[tuple[str, str], Counter[str]]
_TALLY = pytest.StashKey[Tally]()


@pytest.fixture(scope="session")
def attack_config(tiny_config: RunConfig) -> RunConfig:
    """The tiny configuration with a deadline that attacks soon reach."""
    container = tiny_config.container.model_copy(update={"timeout_seconds": TIMEOUT_SECONDS})
    screen = tiny_config.screen.model_copy(update={"timeout_seconds": TIMEOUT_SECONDS, "programs_per_cell": 64})
    return tiny_config.model_copy(update={"container": container, "screen": screen})


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """(place, family) -> how often each verdict came out; shown when all is over."""
    return pytestconfig.stash.setdefault(_TALLY, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show programs, held and verdicts by place and family."""
    tally = config.stash.get(_TALLY, {})
    for place in dict.fromkeys(place for place, _ in tally):
        terminalreporter.section(f"attacks: {place}")
        families = {family: counts for (where, family), counts in tally.items() if where == place}
        for name, counts in [*families.items(), ("all", sum(families.values(), Counter()))]:
            held = counts.total() - sum(counts[verdict] for verdict in PASSED)
            reasons = ", ".join(f"{verdict} {count}" for verdict, count in counts.most_common())
            terminalreporter.write_line(f"{name:<11} {counts.total():>4} programs {held:>4} held   {reasons}")
