"""Statements say what the entries say, in the form that in-toto and SLSA give it, and claim no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement

from orchestrator.attest.statement import PROVENANCE, TEST_RESULT, rendered
from orchestrator.errors import LedgerError
from tests.attest.written import PROGRAM, basis, changed, ledger_with, run_drafts, scored, sha, small_run

MESSAGES = {PROVENANCE: provenance_pb2.Provenance, TEST_RESULT: test_result_pb2.TestResult}
HEX = "0123456789abcdef"


def stated(ledger: Path, kind: str = PROVENANCE) -> dict[str, Any]:
    found = json.loads(rendered(basis(ledger, on_test=kind == TEST_RESULT), kind))
    assert isinstance(found, dict)
    return found


def digests(value: object) -> list[tuple[str, str]]:
    """Every digest set's members, wherever it stands."""
    found = []
    if isinstance(value, dict):
        found += list(value["digest"].items()) if isinstance(value.get("digest"), dict) else []
        value = list(value.values())
    if isinstance(value, list):
        found += [each for inner in value for each in digests(inner)]
    return found


@pytest.mark.parametrize("kind", [PROVENANCE, TEST_RESULT])
def test_statements_hold_by_the_specification_s_own_messages(tmp_path: Path, kind: str) -> None:
    text = rendered(basis(small_run(tmp_path, test="11"), on_test=kind == TEST_RESULT), kind)
    message = json_format.Parse(text, statement_pb2.Statement())  # unknown fields are refused
    Statement.copy_from_pb(message).validate()
    predicate = json_format.ParseDict(json.loads(text)["predicate"], MESSAGES[kind]())
    for descriptor in [*message.subject, *getattr(predicate, "configuration", [])]:
        assert descriptor.name or descriptor.uri or descriptor.digest


def test_provenance_names_what_went_in_and_came_out(tmp_path: Path) -> None:
    statement = stated(small_run(tmp_path))
    (subject,) = statement["subject"]
    assert subject["digest"] == {"sha256": sha("output of " + PROGRAM)}
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["candidates"] == ["sub", "add"]  # in order: it matters to a merge
    assert definition["externalParameters"]["program"]["digest"]["sha256"] == sha("def merge_models(): ...")
    dependencies = {each["name"]: each["digest"] for each in definition["resolvedDependencies"]}
    assert dependencies == {
        "program": {"sha256": sha("def merge_models(): ...")},
        "seed/model.safetensors": {"sha256": sha("weights")},
        "sub/model.safetensors": {"sha256": sha("weights")},
        "add/model.safetensors": {"sha256": sha("weights")},
        "sandbox-image": {"sha256": sha("image")},
        "policy": {"assayPolicyV1": sha("policy")},
        "config": {"assayJsonV1": sha("config")},
    }


def test_provenance_says_when_and_as_which_entry(tmp_path: Path) -> None:
    found = basis(small_run(tmp_path))
    metadata = json.loads(rendered(found, PROVENANCE))["predicate"]["runDetails"]["metadata"]
    assert metadata == {
        "invocationId": f"{found.origin}#{found.started.index}",
        "startedOn": found.started.time,
        "finishedOn": found.verified.time,
    }


def test_host_packages_are_the_builder_s_by_their_package_urls(tmp_path: Path) -> None:
    builder = stated(small_run(tmp_path))["predicate"]["runDetails"]["builder"]
    assert builder["id"] == "urn:x-assay:orchestrator:v1"
    assert [each["uri"] for each in builder["builderDependencies"]] == [
        "pkg:pypi/restrictedpython@9.0",
        "pkg:pypi/torch@2.13.0%2Bcpu",
    ]


def test_only_digests_of_files_are_called_sha256(tmp_path: Path) -> None:
    """The items' and the policy's digests are over no file's bytes, and have names of their own."""
    run = small_run(tmp_path, test="11")
    names = {(name, value) for kind in (PROVENANCE, TEST_RESULT) for name, value in digests(stated(run, kind))}
    assert {name for name, _ in names} == {"sha256", "assayJsonV1", "assayItemsV1", "assayPolicyV1"}
    of_no_file = {sha("policy"), sha("config"), sha("dev"), sha("test")}
    assert not of_no_file & {value for name, value in names if name == "sha256"}
    assert all(len(value) == 64 and set(value) <= set(HEX) for _, value in names)


def test_what_bubblewrap_binds_is_no_image(tmp_path: Path) -> None:
    drafts = changed(
        [*run_drafts(), *scored()], "sandbox.created", sandbox="bubblewrap", image_id="sha256:" + sha("bound")
    )
    dependencies = stated(ledger_with(tmp_path, drafts))["predicate"]["buildDefinition"]["resolvedDependencies"]
    (image,) = [each for each in dependencies if each["name"] == "sandbox-image"]
    assert image["digest"] == {"assayBoundV1": sha("bound")}


def test_an_image_id_that_is_no_digest_is_passed_on_as_it_is(tmp_path: Path) -> None:
    drafts = changed([*run_drafts(), *scored()], "sandbox.created", image_id="an image")
    dependencies = stated(ledger_with(tmp_path, drafts))["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {"name": "sandbox-image", "annotations": {"image_id": "an image"}} in dependencies


def test_what_a_container_printed_is_a_byproduct(tmp_path: Path) -> None:
    drafts = changed([*run_drafts(), *scored()], "sandbox.exited", stdout_sha256=sha("said"), stderr_sha256="")
    byproducts = stated(ledger_with(tmp_path, drafts))["predicate"]["runDetails"]["byproducts"]
    assert [each["name"] for each in byproducts] == ["tensor-digests", "stdout"]


@pytest.mark.parametrize(
    ("marks", "result"), [("0110", "FAILED"), ("1111", "PASSED"), ("1110", "FAILED"), ("", "FAILED")]
)
def test_an_evaluation_passed_only_if_every_answer_was_right(tmp_path: Path, marks: str, result: str) -> None:
    predicate = stated(small_run(tmp_path, marks=marks), TEST_RESULT)["predicate"]
    assert predicate["result"] == result
    assert predicate["passedTests"] == [f"dev/{place}" for place, mark in enumerate(marks) if mark == "1"]
    assert predicate["failedTests"] == [f"dev/{place}" for place, mark in enumerate(marks) if mark == "0"]
    assert predicate["warnedTests"] == []


def test_an_evaluation_names_its_items_and_its_score(tmp_path: Path) -> None:
    statement = stated(small_run(tmp_path, test="01"), TEST_RESULT)
    items = statement["predicate"]["configuration"][0]
    assert items == {"name": "lab/test", "digest": {"assayItemsV1": sha("test")}, "annotations": {"items": 2}}
    annotations = statement["subject"][0]["annotations"]
    assert (annotations["split"], annotations["items"], annotations["correct"]) == ("test", 2, 1)


def test_what_a_run_gave_up_has_a_builder_of_its_own(tmp_path: Path) -> None:
    """Who trusts the builder's name must not trust a run that was told to do without a protection."""
    from orchestrator.ledger import Ledger

    path = tmp_path / "ledger.jsonl"
    with Ledger.create(
        path, source="assay/small", config_sha256=sha("config"), weakened=("sandbox=bubblewrap",)
    ) as ledger:
        for draft in [*run_drafts(), *scored()]:
            ledger.append(*draft)
    predicate = stated(path)["predicate"]
    assert predicate["runDetails"]["builder"]["id"] == "urn:x-assay:orchestrator-weakened:v1"
    assert predicate["buildDefinition"]["internalParameters"]["container"]["weakened"] == ["sandbox=bubblewrap"]


def test_the_same_entries_give_the_same_bytes(tmp_path: Path) -> None:
    run = small_run(tmp_path)
    assert rendered(basis(run), PROVENANCE) == rendered(basis(run), PROVENANCE)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("policy.evaluated", {"policy_sha256": ""}),
        ("inputs.resolved", {"seed": {"path": "/models/seed", "files": [{"name": "a"}]}}),
        ("inputs.resolved", {"candidates": ["add"]}),
        ("run.started", {"sandbox": {}}),
    ],
)
def test_entries_that_lack_something_make_no_statement(tmp_path: Path, kind: str, values: dict[str, Any]) -> None:
    ledger = ledger_with(tmp_path, changed([*run_drafts(), *scored()], kind, **values))
    with pytest.raises(LedgerError, match=r"expected 64|do not have the form"):
        stated(ledger)


def test_a_provenance_rests_on_no_result_on_test(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="expected no result on test"):
        rendered(basis(small_run(tmp_path, test="11"), on_test=True), PROVENANCE)


def test_other_predicate_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="expected the predicate type"):
        stated(small_run(tmp_path), "https://slsa.dev/provenance/v0.2")
