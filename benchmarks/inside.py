"""One program, tried or run the plain way: a fresh interpreter, the ordinary `import torch`, the program, the end.

Runs in a container (of the plain way, or of a peer's sandbox) and never on the host. It checks nothing and
guards nothing; that is what makes it the yardstick. The job comes as JSON on stdin, or as `JOB` before this text.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import torch  # the ordinary import, before anything of ours could make it cheaper

from sandbox_image import probes, tensors
from sandbox_image.protocol import TensorSpec, layer_of

_NUM_LAYERS = 2


def main(job: dict[str, Any]) -> None:
    """Do one job and print one line of JSON: the fingerprint, or the number of tensors."""
    torch.set_num_threads(1)
    merge = _load(job["source"])
    done = _screen(merge, job) if job["kind"] == "screen" else _run(merge, job)
    print(json.dumps({"done": done}), flush=True)


def _load(source: str) -> Callable[..., torch.Tensor]:
    namespace: dict[str, Any] = {"__name__": "program", "torch": torch}
    exec(compile(source, "program", "exec"), namespace)  # noqa: S102
    function = namespace["merge_models"]
    extras = set(list(inspect.signature(function).parameters)[2:])

    def merge(vectors: dict[str, torch.Tensor], name: str, base: torch.Tensor, num_layers: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        given = {"name": name, "base": base, "layer": layer_of(name), "num_layers": num_layers, "generator": generator}
        result: torch.Tensor = function(
            vectors, torch.device("cpu"), **{key: given[key] for key in given if key in extras}
        )
        if result.shape != base.shape or not bool(torch.isfinite(result).all()):
            raise ValueError(f"{name}: expected {tuple(base.shape)}, finite, found {tuple(result.shape)}")
        return result

    return merge


def _screen(merge: Callable[..., torch.Tensor], job: dict[str, Any]) -> str:
    """Call it on the same probes as a cell does, and return the fingerprint."""
    found = []
    for probe in probes.probes(job["names"], (1, 2)):
        try:
            result = merge(probe.task_vectors, probe.name, probe.base, probes.NUM_LAYERS)
            found.append((probe.label, probes.summary(result)))
        except Exception as error:
            if probe.ordinary:
                raise
            found.append((probe.label, [type(error).__name__]))
    return probes.fingerprint(found)


def _run(merge: Callable[..., torch.Tensor], job: dict[str, Any]) -> int:
    """Merge every tensor of the manifest into the output file, as the runner does."""
    seed = tensors.Model(job["seed_files"], "cpu")
    candidates = {name: tensors.Model(files, "cpu") for name, files in job["candidate_files"]}
    output = os.open(job["output"], os.O_WRONLY | os.O_CREAT, 0o644)
    for fields in job["tensors"]:
        spec = TensorSpec(**{**fields, "shape": tuple(fields["shape"])})
        base = seed.read(spec.name)
        task_vector = merge(tensors.task_vectors(base, candidates, spec.name), spec.name, base.clone(), _NUM_LAYERS)
        tensors.write_tensor(output, spec, tensors.merged(base, task_vector, spec.dtype))
    os.close(output)
    return len(job["tensors"])


if __name__ == "__main__":
    main(globals().get("JOB") or json.load(sys.stdin))
