"""Every program in `container/`, run as plain Python in real sandboxes: one rejection each, nothing left.

Each says in its docstring what it tries and how that must end (`programs.py`). All of them run three times:
with both walls, as in the product; with the outer wall alone; and in bubblewrap, where that is installed.
`make attacks` adds a fourth place: bubblewrap with nothing but its outer wall.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.blobs import BlobStore
from orchestrator.candidate import Proposed, Ran, Unchecked, source_digest
from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.sandbox.base import Sandbox
from orchestrator.sandbox.engine import connect
from orchestrator.sandbox.owner import LABEL_INSTANCE
from orchestrator.stages.run import run_program
from orchestrator.stages.verify import verify_output
from orchestrator.text import printable
from tests.attacks.conftest import Tally
from tests.attacks.places import PLACES, open_sandbox
from tests.attacks.programs import PASSED, Attack, Outcome, Place, attacks, unexplained, verdict_of

ATTACKS = attacks("container")
KILL_SECONDS = 2.0  # within which a program past its deadline is dead
KEPT_CHARS = 64 * 1024
FLOODS = ("messages/flood_stdout", "messages/flood_stderr", "messages/flood_and_leave", "messages/endless")


@dataclass(frozen=True, slots=True, kw_only=True)
class Battle:
    """What came of all programs in one place, and what the host looked like before and after."""

    place: Place
    work_dir: Path
    instance: str
    outcomes: dict[str, Outcome]
    before: Counter[str]
    after: Counter[str]


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Place:
    return Place(request.param)


@pytest.fixture(scope="module")
def battle(
    place: Place,
    request: pytest.FixtureRequest,
    attack_config: RunConfig,
    tiny_inputs: MergeInputs,
    tmp_path_factory: pytest.TempPathFactory,
    tally: Tally,
) -> Iterator[Battle]:
    """Run all programs (of those that were asked for), two at a time as in a run."""
    chosen = _chosen(request.session.items)
    blobs = BlobStore(tmp_path_factory.mktemp("blobs"))
    work_dir = tmp_path_factory.mktemp("sandbox") / "work"
    with open_sandbox(place, attack_config, tiny_inputs, work_dir) as sandbox:
        before = _host(work_dir)
        sandbox.expect(len(chosen))
        with ThreadPoolExecutor(attack_config.container.parallel) as threads:
            results = threads.map(lambda attack: _run(attack, sandbox, attack_config, tiny_inputs, blobs), chosen)
            outcomes = dict(zip((attack.id for attack in chosen), results, strict=True))
        for attack in chosen:
            verdict, _ = verdict_of(outcomes[attack.id])
            tally.setdefault((place, attack.family), Counter())[verdict] += 1
        yield Battle(
            place=place,
            work_dir=work_dir,
            instance=sandbox.instance,
            outcomes=outcomes,
            before=before,
            after=_host(work_dir),
        )


def _chosen(items: list[pytest.Item]) -> list[Attack]:
    """Return the programs that the selected tests name; all, if only tests of the whole were selected."""
    calls = [getattr(item, "callspec", None) for item in items]
    named = {call.params["attack"].id for call in calls if call is not None and "attack" in call.params}
    return [attack for attack in ATTACKS if not named or attack.id in named]


def _run(attack: Attack, sandbox: Sandbox, config: RunConfig, inputs: MergeInputs, blobs: BlobStore) -> Outcome:
    source = attack.source
    proposed = Proposed(id=attack.id, iteration=1, index=0, source=source, digest=source_digest(source))
    outcome = run_program(
        Unchecked(proposed=proposed),
        sandbox=sandbox,
        inputs=inputs,
        seed=0,
        device="cpu",
        profile="strict",
        observe=lambda *_: None,
    )
    if isinstance(outcome, Ran):
        return verify_output(outcome, inputs=inputs, bounds=config.verify, blobs=blobs)
    return outcome


def _host(work_dir: Path) -> Counter[str]:
    """Count what must not grow: this process's open files by kind, its children, files in the work folder."""
    counts: Counter[str] = Counter()
    for fd in os.listdir("/proc/self/fd"):
        path = Path("/proc/self/fd", fd)
        if path.is_symlink() and not (name := os.readlink(path)).startswith("socket:"):  # the engine's connections
            counts[name if name.startswith("/") else name.partition(":")[0]] += 1
    for thread in Path("/proc/self/task").iterdir():
        counts["children"] += len((thread / "children").read_text().split())
    counts["files"] = sum(1 for _ in work_dir.rglob("*"))
    return counts


def test_every_docstring_says_what_must_be_seen() -> None:
    assert unexplained(ATTACKS) == []


@pytest.mark.parametrize("whole", [Place.PRODUCT, Place.BUBBLEWRAP])
def test_both_walls_let_no_attack_through(whole: Place) -> None:
    assert [attack.id for attack in ATTACKS for end in attack.expected(whole) if end.verdict in PASSED] == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", PLACES, indirect=True, scope="module")
class TestPlaces:
    """What must hold in each place."""

    @pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
    def test_attack_ends_as_its_docstring_says(self, attack: Attack, battle: Battle) -> None:
        verdict, detail = verdict_of(battle.outcomes[attack.id])
        assert any(end.fits(verdict, detail) for end in attack.expected(battle.place)), f"{verdict}: {detail}"

    def test_no_attack_outlives_its_deadline(self, battle: Battle, attack_config: RunConfig) -> None:
        limit = attack_config.container.timeout_seconds + KILL_SECONDS
        for name, outcome in battle.outcomes.items():
            assert outcome.receipt is not None
            assert outcome.receipt.wall_seconds <= limit, name

    def test_no_attack_leaves_a_container_or_a_process(self, battle: Battle) -> None:
        if battle.place in (Place.PRODUCT, Place.OUTER):
            client = connect()
            try:
                label = f"{LABEL_INSTANCE}={battle.instance}"
                assert client.api.containers(all=True, filters={"label": [label]}) == []
            finally:
                client.close()
        ids = {outcome.receipt.container_id for outcome in battle.outcomes.values() if outcome.receipt}
        groups = [_text(path) for path in Path("/proc").glob("[0-9]*/cgroup")]
        assert not [text for text in groups if any(container in text for container in ids)]

    def test_no_attack_leaves_an_output_file_or_an_open_one(self, battle: Battle) -> None:
        assert list(battle.work_dir.glob("output-*")) == []
        assert not [name for name in battle.after if name.startswith(str(battle.work_dir))]

    def test_nothing_has_grown_on_the_host(self, battle: Battle) -> None:
        assert battle.after - battle.before == Counter()

    def test_kept_output_is_bounded_and_fit_to_look_at(self, battle: Battle) -> None:
        for name, outcome in battle.outcomes.items():
            assert outcome.receipt is not None
            for text in (outcome.receipt.stdout, outcome.receipt.stderr, verdict_of(outcome)[1]):
                assert len(text) <= KEPT_CHARS, name
                assert printable(text, keep="\n\t") == text, name
            if name in FLOODS:
                assert outcome.receipt.truncated, name


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
