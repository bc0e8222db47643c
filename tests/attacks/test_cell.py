"""Programs in `cell/` against those that share their cell: run as plain Python, an honest one after each.

A cell's child begins as a copy of its parent, so an attack that reaches the parent would reach every
program. Each docstring says how it must end (`programs.py`); the honest program must not notice any of it.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from orchestrator.candidate import source_digest
from orchestrator.config import RunConfig
from orchestrator.models import MergeInputs
from orchestrator.sandbox.base import Sandbox, ScreenResult
from orchestrator.sandbox.engine import connect
from orchestrator.sandbox.owner import LABEL_INSTANCE
from sandbox_image.protocol import ScreenJob
from tests.attacks.conftest import Tally
from tests.attacks.places import PLACES, open_sandbox
from tests.attacks.programs import PASSED, SCREENED, Attack, Place, attacks, unexplained

ATTACKS = attacks("cell")
HONEST = """\
def merge_models(model_dict, device):
    return sum(model_dict.values()) / len(model_dict)
"""
ROWS = 2  # side by side, each with one cell at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Siege:
    """What came of all programs in one place: an attack's result, and that of the honest program after it."""

    place: Place
    instance: str
    alone: str  # the honest program's fingerprint before any attack
    results: dict[str, ScreenResult]
    after: dict[str, ScreenResult]


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest) -> Place:
    return Place(request.param)


@pytest.fixture(scope="module")
def siege(
    place: Place,
    attack_config: RunConfig,
    tiny_inputs: MergeInputs,
    tmp_path_factory: pytest.TempPathFactory,
    tally: Tally,
) -> Iterator[Siege]:
    """Screen in each of two cells: an honest program, then attacks with an honest one after each."""
    one_cell = attack_config.container.model_copy(update={"parallel": 1})
    config = attack_config.model_copy(update={"container": one_cell})
    with open_sandbox(place, config, tiny_inputs, tmp_path_factory.mktemp("sandbox") / "work") as sandbox:
        with ThreadPoolExecutor(ROWS) as threads:
            rows = list(threads.map(lambda row: _row(ATTACKS[row::ROWS], sandbox, config), range(ROWS)))
        found = {result.id: result for row in rows for result in row}
        for attack in ATTACKS:
            tally.setdefault((place, "cell"), Counter())[_verdict(found[attack.id])] += 1
        yield Siege(
            place=place,
            instance=sandbox.instance,
            alone=rows[0][0].fingerprint,
            results={attack.id: found[attack.id] for attack in ATTACKS},
            after={attack.id: found[f"after {attack.id}"] for attack in ATTACKS},
        )


def _row(chosen: Sequence[Attack], sandbox: Sandbox, config: RunConfig) -> list[ScreenResult]:
    def job(name: str, source: str) -> ScreenJob:
        return ScreenJob(
            id=name,
            source=source,
            program_digest=source_digest(source),
            profile="strict",
            guarded=False,
            seed=0,
            candidate_names=("add", "sub", "mul"),
            timeout_seconds=config.screen.timeout_seconds,
        )

    jobs = [job("alone", HONEST)]
    for attack in chosen:
        # What `find_earlier` looks for; it does not know the number.
        secret = f'{HONEST}\nSECRET = "earlier-secret-{secrets.token_hex(16)}"\n'
        jobs += [job(f"before {attack.id}", secret), job(attack.id, attack.source), job(f"after {attack.id}", HONEST)]
    return list(sandbox.screen(jobs, lambda *_: None))


def _verdict(result: ScreenResult) -> str:
    return SCREENED if result.fault is None else f"screen {result.fault.reason.value}"


def test_every_docstring_says_what_must_be_seen() -> None:
    assert unexplained(ATTACKS) == []


@pytest.mark.parametrize("whole", [Place.PRODUCT, Place.BUBBLEWRAP])
def test_both_walls_let_no_attack_through(whole: Place) -> None:
    assert [attack.id for attack in ATTACKS for end in attack.expected(whole) if end.verdict in PASSED] == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", PLACES, indirect=True, scope="module")
class TestCells:
    """What must hold of a cell, with its children behind the second wall and without."""

    @pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.id)
    def test_attack_ends_as_its_docstring_says(self, attack: Attack, siege: Siege) -> None:
        result = siege.results[attack.id]
        detail = result.fault.detail if result.fault else ""
        assert any(end.fits(_verdict(result), detail) for end in attack.expected(siege.place)), (
            f"{_verdict(result)}: {detail}"
        )

    def test_the_next_program_notices_nothing(self, siege: Siege) -> None:
        assert len(siege.alone) == 64
        disturbed = {name: result for name, result in siege.after.items() if result.fingerprint != siege.alone}
        assert disturbed == {}

    def test_no_cell_is_left(self, siege: Siege) -> None:
        if siege.place in (Place.BUBBLEWRAP, Place.BARE):
            pytest.skip("a cell is a child of this process there; see the test of a whole run")
        client = connect()
        try:
            label = f"{LABEL_INSTANCE}={siege.instance}"
            assert client.api.containers(all=True, filters={"label": [label]}) == []
        finally:
            client.close()
