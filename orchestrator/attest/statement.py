"""Entries -> in-toto Statements about a merged model. Pure: the same entries give the same bytes.

Only what the entries say goes in, and a `sha256` only where it is that of a file's bytes; other digests have
names of their own. What each field means, and what it does not claim: docs/attestations.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from orchestrator.attest.basis import Basis
from orchestrator.errors import LedgerError
from orchestrator.ledger import Entry, canonical

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
BUILD_TYPE = "urn:x-assay:merge:v1"
BUILDER = "urn:x-assay:orchestrator:v1"
WEAKENED_BUILDER = "urn:x-assay:orchestrator-weakened:v1"  # of a run that was told to do without a protection

CANONICAL_JSON = "assayJsonV1"  # sha256 of a value's canonical JSON, which need not be a file
ITEMS = "assayItemsV1"  # evals.splits.digest_of
POLICY = "assayPolicyV1"  # policies.policy_digest
BOUND = "assayBoundV1"  # of what bubblewrap binds

_HEX = re.compile(r"[0-9a-f]{64}")
_HEX_ID = re.compile(r"sha256:([0-9a-f]{64})")
_SAMPLING = ("iteration", "index", "model", "adapter_sha256", "prompt_sha256", "temperature", "top_p", "seed")
_RUN = ("seed", "iterations", "programs", "learn")
_MACHINE = ("python", "platform", "cpu", "threads", "environment")


def rendered(basis: Basis, predicate_type: str) -> bytes:
    """Return the canonical JSON of the statement of this type.

    Raises:
        LedgerError: an unknown type, or entries that lack something; those of a ledger of ours do not.
    """
    make = {PROVENANCE: provenance, TEST_RESULT: evaluation}.get(predicate_type)
    if make is None:
        raise LedgerError(f"expected the predicate type {PROVENANCE} or {TEST_RESULT}, found {predicate_type!r:.200}")
    try:
        return canonical(make(basis))
    except (KeyError, TypeError, AttributeError, ValueError) as error:  # maps and lists of others' entries
        raise LedgerError(
            f"the entries about {basis.program} do not have the form of a run's: {error!r:.200}"
        ) from error


def provenance(basis: Basis) -> dict[str, Any]:
    """Return the SLSA provenance (v1) of the merged weights.

    Raises:
        LedgerError: the basis has a result on test, which no provenance rests on.
    """
    if basis.test is not None:
        raise LedgerError(
            f"expected no result on test among the entries of a provenance, found entry {basis.test.index}"
        )
    return _statement(
        PROVENANCE, _weights(basis), {"buildDefinition": _definition(basis), "runDetails": _details(basis)}
    )


def evaluation(basis: Basis) -> dict[str, Any]:
    """Return the test result (v0.1) of the evaluation on test, where the basis has one, or else on dev.

    Every item is a test, by its place in the split. One wrong answer makes the whole FAILED: nobody who reads
    `PASSED` may be led to think that there was none.
    """
    entry = basis.test or basis.dev
    split, marks = entry.data["split"], entry.data["correct"]
    names = {mark: [f"{split}/{place}" for place, each in enumerate(marks) if each == mark] for mark in "01"}
    score = {"split": split, "items": len(marks), "correct": len(names["1"]), "accuracy": entry.data["accuracy"]}
    predicate = {
        "result": "FAILED" if names["0"] or not marks else "PASSED",
        "configuration": [_items(basis, split), _config(basis), *_packages(basis)],
        "passedTests": names["1"],
        "warnedTests": [],
        "failedTests": names["0"],
    }
    return _statement(TEST_RESULT, _weights(basis, **score), predicate)


def _statement(predicate_type: str, subject: Mapping[str, Any], predicate: Mapping[str, Any]) -> dict[str, Any]:
    return {"_type": STATEMENT, "subject": [subject], "predicateType": predicate_type, "predicate": predicate}


def _weights(basis: Basis, **more: object) -> dict[str, Any]:
    """Describe the file that the container wrote and the host checked: raw tensors, no safetensors."""
    data = basis.verified.data
    return {
        "name": f"{basis.run.data['run']}/{basis.program}/weights",
        "digest": _digest(data["output_sha256"]),
        "mediaType": "application/octet-stream",
        "annotations": {
            "program": basis.program,
            "bytes": data["output_bytes"],
            "layout_sha256": basis.inputs.data["tensors_sha256"],
            "tensors_sha256": data["tensors_sha256"],
            **more,
        },
    }


def _definition(basis: Basis) -> dict[str, Any]:
    run, generated, created = basis.run.data, basis.generated.data, basis.created.data
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "program": {"name": basis.program, "digest": _digest(generated["program_sha256"])},
            "sampling": {key: generated[key] for key in _SAMPLING},
            "run": {"name": run["run"], "config_sha256": run["config_sha256"], **{key: run[key] for key in _RUN}},
            "candidates": [each["name"] for each in basis.inputs.data["candidates"]],
        },
        "internalParameters": {
            "container": {
                "sandbox": _sandbox(basis),
                "weakened": basis.weakened,
                "runtime": created.get("runtime", run["sandbox"].get("runtime", "")),
                "seccomp_sha256": created.get("seccomp_sha256", run["sandbox"].get("seccomp_sha256", "")),
                "limits": run["sandbox"].get("limits", {}),
                "host_config": created.get("host_config", {}),
            },
            "machine": {key: basis.machine.data[key] for key in _MACHINE},
        },
        "resolvedDependencies": _dependencies(basis),
    }


def _dependencies(basis: Basis) -> list[dict[str, Any]]:
    inputs = basis.inputs.data
    models = [("seed", inputs["seed"]), *((each["name"], each) for each in inputs["candidates"])]
    return [
        {"name": "program", "digest": _digest(basis.generated.data["program_sha256"]), "mediaType": "text/x-python"},
        *(
            {"name": f"{model}/{file['name']}", "digest": _digest(file["sha256"])}
            for model, described in models
            for file in described["files"]
        ),
        _image(basis),
        {"name": "policy", "digest": _digest(basis.policy.data["policy_sha256"], POLICY)},
        _config(basis),
    ]


def _sandbox(basis: Basis) -> str:
    return str(basis.created.data.get("sandbox") or basis.run.data["sandbox"].get("sandbox") or "docker")


def _image(basis: Basis) -> dict[str, Any]:
    """Describe what programs ran in: an OCI image by its id, or what bubblewrap binds, which is no file."""
    image_id = str(basis.created.data.get("image_id") or basis.run.data["sandbox"]["image_id"])
    found = _HEX_ID.fullmatch(image_id)
    if found is None:
        return {"name": "sandbox-image", "annotations": {"image_id": image_id}}
    name = "sha256" if _sandbox(basis) == "docker" else BOUND
    return {"name": "sandbox-image", "digest": _digest(found[1], name), "annotations": {"image_id": image_id}}


def _config(basis: Basis) -> dict[str, Any]:
    return {"name": "config", "digest": _digest(basis.run.data["config_sha256"], CANONICAL_JSON)}


def _items(basis: Basis, split: str) -> dict[str, Any]:
    inputs = basis.inputs.data
    return {
        "name": f"{inputs['task']}/{split}",
        "digest": _digest(inputs[f"{split}_sha256"], ITEMS),
        "annotations": {"items": inputs[f"{split}_items"]},
    }


def _digest(value: str, name: str = "sha256") -> dict[str, str]:
    """Return a digest set of one; the record writes "" where there is no digest, which none can be."""
    if not _HEX.fullmatch(value):
        raise LedgerError(f"expected 64 lower-case hex digits for a {name}, found {value!r:.80}")
    return {name: value}


def _packages(basis: Basis) -> list[dict[str, Any]]:
    """Name the host's packages, which load, evaluate and judge; those of the container are the image's."""
    return [
        {"name": name, "uri": f"pkg:pypi/{re.sub('[-_.]+', '-', name).lower()}@{quote(str(version), safe='')}"}
        for name, version in sorted(basis.machine.data["packages"].items())
    ]


def _details(basis: Basis) -> dict[str, Any]:
    return {
        "builder": {"id": WEAKENED_BUILDER if basis.weakened else BUILDER, "builderDependencies": _packages(basis)},
        "metadata": {
            "invocationId": f"{basis.origin}#{basis.started.index}",
            "startedOn": basis.started.time,
            "finishedOn": basis.verified.time,
        },
        "byproducts": [
            {
                "name": "tensor-digests",
                "digest": _digest(basis.verified.data["tensors_sha256"]),
                "mediaType": "application/json",
            },
            *_streams(basis.exited),
        ],
    }


def _streams(exited: Entry) -> list[dict[str, Any]]:
    digests = {name: exited.data.get(f"{name}_sha256") for name in ("stdout", "stderr")}
    return [{"name": name, "digest": _digest(digest)} for name, digest in digests.items() if digest]
