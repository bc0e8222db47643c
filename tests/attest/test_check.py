"""An attestation holds as it was written, and not with any part of it changed, whoever signed the change."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.attest import check as checking
from orchestrator.attest import envelope
from orchestrator.attest.check import check
from orchestrator.attest.write import export
from orchestrator.errors import LedgerError
from orchestrator.ledger import canonical
from tests.attest.written import PROGRAM, ledger_with, payload_of, run_drafts, scored, sha, small_run

BIT_FLIPS = 400
Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two programs' attestations; the first program has a result on test, the second a large value."""
    folder = tmp_path_factory.mktemp("exported")
    drafts = [*run_drafts(), *scored(test="01"), *scored("i1-001", marks="01" * 10_000)]
    export(ledger_with(folder / "run", drafts), folder / "out")
    return {path.name: path.read_bytes() for path in (folder / "out").glob("*.json")}


@pytest.fixture
def provenance(exported: dict[str, bytes]) -> dict[str, Any]:
    return parsed(exported[f"{PROGRAM}.provenance.json"])


def parsed(data: bytes) -> dict[str, Any]:
    found = json.loads(data)
    assert isinstance(found, dict)
    return found


def checked(file: dict[str, Any]) -> checking.Checked:
    return check(json.dumps(file).encode())


def is_refused(file: dict[str, Any] | bytes) -> bool:
    try:
        check(file if isinstance(file, bytes) else json.dumps(file).encode())
    except LedgerError:
        return True
    return False


def signed_again(file: dict[str, Any], statement: object, tmp_path: Path) -> dict[str, Any]:
    """Put another statement into a file, and sign it with a good key: who holds one can write what he likes."""
    key = envelope.signing_key(tmp_path / "run")
    beside = {**file["assay"], "public_key": key.public}
    return {**key.sign(canonical(statement)), "assay": beside}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON value that holds a text or a number."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def parts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member of every map and list."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from parts(inner, (*path, key))


def holder(file: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        file = file[key]
    return file


def other(value: str | int, chance: random.Random) -> str | int:
    if isinstance(value, int):
        return value + 1
    place = chance.randrange(len(value))
    return value[:place] + chance.choice([c for c in "AZ09az" if c != value[place]]) + value[place + 1 :]


def test_every_kind_holds_as_it_was_written(exported: dict[str, bytes]) -> None:
    assert len(exported) == 5
    for data in exported.values():
        assert check(data).statement == payload_of(data)


def test_another_layout_of_the_same_json_holds(provenance: dict[str, Any]) -> None:
    """Other tools may have written the file again."""
    assert checked(provenance).program == PROGRAM


def test_no_text_or_number_can_be_changed(exported: dict[str, bytes]) -> None:
    chance = random.Random(1)
    for name, data in exported.items():
        for path in leaves(parsed(data)):
            file = parsed(data)
            place = holder(file, path)
            place[path[-1]] = other(place[path[-1]], chance)
            assert is_refused(file), f"{name}: {path} was changed"


def test_no_part_can_be_left_out(exported: dict[str, bytes]) -> None:
    data = exported["i1-001.dev.json"]
    for path in parts(parsed(data)):
        file = parsed(data)
        del holder(file, path)[path[-1]]
        assert is_refused(file), f"{path} was left out"


@pytest.mark.parametrize("value", [None, 7, "text", [], {}, [7], {"a": 1}])
def test_no_part_can_be_of_another_kind(provenance: dict[str, Any], value: object) -> None:
    for path in parts(provenance):
        file = json.loads(json.dumps(provenance))
        place = holder(file, path)
        if place[path[-1]] == value:
            continue
        place[path[-1]] = value
        assert is_refused(file), f"{path} was replaced"


def test_flipped_bits_are_found(exported: dict[str, bytes]) -> None:
    data = exported[f"{PROGRAM}.test.json"]
    chance = random.Random(2)
    for _ in range(BIT_FLIPS):
        changed = bytearray(data)
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        changed[place] ^= 1 << bit
        assert is_refused(bytes(changed)), f"bit {bit} of byte {place}"


def test_a_cut_file_is_found(exported: dict[str, bytes]) -> None:
    data = exported[f"{PROGRAM}.provenance.json"]
    for length in range(0, len(data) - 1, 499):
        with pytest.raises(LedgerError):
            check(data[:length])


def set_subject(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = sha("other weights")


def add_subject(statement: dict[str, Any]) -> None:
    statement["subject"].append({"name": "more", "digest": {"sha256": sha("more")}})


def set_program(statement: dict[str, Any]) -> None:
    statement["predicate"]["buildDefinition"]["externalParameters"]["program"]["digest"]["sha256"] = sha("other")


def set_builder(statement: dict[str, Any]) -> None:
    statement["predicate"]["runDetails"]["builder"]["id"] = "https://example.com/slsa3"


def set_type(statement: dict[str, Any]) -> None:
    statement["_type"] = "https://in-toto.io/Statement/v0.1"


def set_predicate_type(statement: dict[str, Any]) -> None:
    statement["predicateType"] = "https://in-toto.io/attestation/test-result/v0.1"


def set_predicate_type_to_a_list(statement: dict[str, Any]) -> None:
    statement["predicateType"] = ["https://slsa.dev/provenance/v1"]


def add_field(statement: dict[str, Any]) -> None:
    statement["predicate"]["more"] = True


@pytest.mark.parametrize(
    "change",
    [
        set_subject,
        add_subject,
        set_program,
        set_builder,
        set_type,
        set_predicate_type,
        set_predicate_type_to_a_list,
        add_field,
    ],
)
def test_a_signed_statement_says_nothing_but_what_its_entries_say(
    provenance: dict[str, Any], tmp_path: Path, change: Change
) -> None:
    statement = payload_of(json.dumps(provenance).encode())
    assert checked(signed_again(provenance, statement, tmp_path)).program == PROGRAM
    change(statement)
    with pytest.raises(LedgerError, match=r"expected the statement that the proven entries|predicate type"):
        checked(signed_again(provenance, statement, tmp_path))


@pytest.mark.parametrize("statement", [[], "text", 7, None])
def test_a_payload_that_is_no_statement_is_refused(
    provenance: dict[str, Any], tmp_path: Path, statement: object
) -> None:
    with pytest.raises(LedgerError):
        checked(signed_again(provenance, statement, tmp_path))


def test_a_result_cannot_be_flattered(exported: dict[str, bytes], tmp_path: Path) -> None:
    file = parsed(exported[f"{PROGRAM}.dev.json"])
    statement = payload_of(json.dumps(file).encode())
    statement["predicate"] |= {"result": "PASSED", "failedTests": []}
    with pytest.raises(LedgerError, match="expected the statement that the proven entries"):
        checked(signed_again(file, statement, tmp_path))


def test_another_spelling_of_the_statement_is_refused(provenance: dict[str, Any], tmp_path: Path) -> None:
    """Two readers of a key that stands twice could take different ones."""
    key = envelope.signing_key(tmp_path / "run")
    payload = json.dumps(payload_of(json.dumps(provenance).encode())).encode()
    with pytest.raises(LedgerError, match="expected canonical JSON"):
        checked({**key.sign(payload), "assay": {**provenance["assay"], "public_key": key.public}})


def test_proofs_of_another_program_are_refused(exported: dict[str, bytes], provenance: dict[str, Any]) -> None:
    """Each of them holds by itself, in the same log."""
    second = parsed(exported["i1-001.provenance.json"])
    assert len(second["assay"]["proofs"]) == len(provenance["assay"]["proofs"])
    for place in range(len(provenance["assay"]["proofs"])):
        file = json.loads(json.dumps(provenance))
        if file["assay"]["proofs"][place] == second["assay"]["proofs"][place]:
            continue
        file["assay"]["proofs"][place] = second["assay"]["proofs"][place]
        with pytest.raises(LedgerError):
            checked(file)
    whole = {**provenance, "assay": {**second["assay"], "moved": {}}}
    with pytest.raises(LedgerError):
        checked(whole)
    with pytest.raises(LedgerError, match=r"that the proven entries about i1-001 make"):
        checked({**provenance, "assay": second["assay"]})


def test_swapped_doubled_or_added_proofs_are_refused(exported: dict[str, bytes], provenance: dict[str, Any]) -> None:
    proofs = provenance["assay"]["proofs"]
    test = parsed(exported[f"{PROGRAM}.test.json"])["assay"]["proofs"]
    assert len(test) == len(proofs) + 1
    for changed in ([proofs[1], proofs[0], *proofs[2:]], [proofs[0], *proofs], test, proofs * 2, [proofs]):
        with pytest.raises(LedgerError):
            checked({**provenance, "assay": {**provenance["assay"], "proofs": changed}})


def test_proofs_under_several_checkpoints_are_refused(provenance: dict[str, Any], tmp_path: Path) -> None:
    """Another log of the same name and key: two histories cannot vouch for one statement."""
    export(small_run(tmp_path / "run", test="11"), tmp_path / "out")
    fork = parsed((tmp_path / "out" / f"{PROGRAM}.provenance.json").read_bytes())["assay"]["proofs"]
    proofs = [*provenance["assay"]["proofs"][:-1], fork[-1]]
    with pytest.raises(LedgerError, match="expected all proofs under one checkpoint"):
        checked({**provenance, "assay": {**provenance["assay"], "proofs": proofs}})


def test_large_values_are_those_that_the_entries_name(exported: dict[str, bytes]) -> None:
    file = parsed(exported["i1-001.dev.json"])
    (digest,) = file["assay"]["moved"]
    for moved in ({}, {digest: '"1111"'}, {digest: "\ud800"}, {**file["assay"]["moved"], sha("x"): '"x"'}, {digest: 7}):
        with pytest.raises(LedgerError, match="expected"):
            checked({**file, "assay": {**file["assay"], "moved": moved}})


def test_a_key_that_stands_twice_is_refused(exported: dict[str, bytes]) -> None:
    data = exported[f"{PROGRAM}.provenance.json"]
    assert data.count(b'"payloadType"') == 1
    with pytest.raises(LedgerError, match="expected each key of an object once"):
        check(data.replace(b'"payloadType"', b'"payload": "e30=", "payloadType"', 1))


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b"7" * 5000, b"{}"])
def test_what_is_no_attestation_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        check(data)


def test_a_file_beyond_the_bound_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MAX_BYTES", 8)
    with pytest.raises(LedgerError, match="expected at most 8 bytes, found 9"):
        check(b"[" * 9)
