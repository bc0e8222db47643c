"""A run directory as a run leaves it, written through the real ledger and blob store, with invented outcomes.

The shape is the lab's: a weak seed, a good tuned task arithmetic, programs of which half fail and a few
are hostile to whoever looks at them. Nothing in it was measured. `python -m tests.synthetic_run DIR`
writes one with its report, to look at.
"""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrator.blobs import BlobStore
from orchestrator.ledger import Ledger, canonical, decimal, digest, sha256_of
from orchestrator.report import write_report
from policies.capabilities import capabilities
from tests.synthetic_programs import HOSTILE_SOURCE, REJECTIONS, WEIGHTS, written

_BEGAN = datetime(2026, 3, 4, 9, 0, 0, tzinfo=UTC)


class SteadyClock:
    """Moves a fifth of a second at each look, so that a run of 2,000 events takes some minutes."""

    def __init__(self) -> None:
        self._looks = 0

    def now(self) -> datetime:
        self._looks += 1
        return _BEGAN + timedelta(milliseconds=200 * self._looks)

    def monotonic_ns(self) -> int:
        return 200_000_000 * self._looks


class SyntheticRun:
    """Writes the events of a run in the order of docs/events.md."""

    def __init__(
        self, run_dir: Path, *, programs: int = 100, iterations: int = 3, learn: str = "dpo", chance: int = 11
    ) -> None:
        run_dir.mkdir(parents=True)
        self.run_dir, self.programs, self.iterations, self.learn = run_dir, programs, iterations, learn
        self.random = random.Random(chance)
        self.blobs = BlobStore(run_dir / "blobs")
        self.config = {"name": "lab", "seed": 7, "iterations": iterations, "dpo": {"beta": "0.1"}}
        self.ledger = Ledger.create(
            run_dir / "ledger.jsonl",
            source="assay/lab",
            config_sha256=digest(self.config),
            actor="uid:0",
            clock=SteadyClock(),
            entropy=self.random.randbytes,
        )
        self.scored: list[tuple[str, str, str, float]] = []  # (id, digest, output, accuracy)

    def event(self, event_type: str, data: Mapping[str, Any], subject: str = "") -> None:
        self.ledger.append(event_type, subject, data)

    def write(self) -> SyntheticRun:
        """Write a run that came to its end; the ledger is closed."""
        self.begin()
        for iteration in range(1, self.iterations + 1):
            self.iterate(iteration)
        self.finish()
        self.ledger.close()
        return self

    def begin(self) -> None:
        """Write everything up to the first iteration."""
        sandbox = {
            "image_id": "sha256:" + _sha("image"),
            "runtime": "runc",
            "engine_version": "20.10.24",
            "seccomp_sha256": _sha("seccomp"),
        }
        self.event(
            "run.started",
            {
                "run": "lab",
                "seed": 7,
                "iterations": self.iterations,
                "programs": self.programs,
                "learn": self.learn,
                "config": self.config,
                "config_sha256": digest(self.config),
                "policy_sha256": _sha("policy"),
                "sandbox": sandbox,
            },
        )
        self.event(
            "determinism.profile",
            {
                "python": "3.11.2",
                "platform": "Linux-6.1-x86_64",
                "cpu": "a processor, AVX2",
                "threads": 1,
                "packages": {"torch": "2.13.0+cpu", "transformers": "5.19.0"},
                "environment": {"OMP_NUM_THREADS": "1"},
            },
        )
        files = [{"name": "model.safetensors", "sha256": _sha("weights")}]
        self.event(
            "inputs.resolved",
            {
                "seed": {"path": "/models/seed", "files": files},
                "candidates": [
                    {"name": name, "path": f"/models/{name}", "files": files} for name in ("add", "sub", "mul")
                ],
                "tensors": 29,
                "tensors_sha256": _sha("layout"),
                "output_bytes": 1_400_000,
                "num_layers": 3,
                "task": "lab",
                "dev_items": 800,
                "dev_sha256": _sha("dev"),
                "test_items": 1000,
                "test_sha256": _sha("test"),
            },
        )
        self.event("stage.started", {"iteration": 0, "stage": "baseline", "total": 217})
        self.baselines("dev", 800)
        self.stage_ended("baseline", 0, 217, 0, 21.5)

    def baselines(self, split: str, items: int) -> None:
        weights = {"add": "0.2", "sub": "0.3", "mul": "0.2"}
        for name, share, parameters in (
            ("seed", 0.62, {}),
            ("candidate:add", 0.64, {}),
            ("task_arithmetic", 0.85, weights),
        ):
            bits = self.bits(share, items)
            self.event(
                "baseline.completed",
                {
                    "name": name,
                    **_score(split, bits),
                    "seconds": "4.2",
                    "parameters": parameters,
                    "points": 216 if parameters else 0,
                },
            )

    def iterate(self, iteration: int) -> None:
        """Write one iteration with its programs, pairs and training."""
        self.event(
            "iteration.started",
            {
                "iteration": iteration,
                "programs": self.programs,
                "temperature": decimal(1.2 / (1 + 0.2 * (iteration - 1))),
                "top_p": "0.95",
                "adapter_sha256": "" if iteration == 1 or self.learn == "none" else _sha(f"adapter {iteration - 1}"),
            },
        )
        before = len(self.scored)
        self.event("stage.started", {"iteration": iteration, "stage": "generate", "total": self.programs})
        self.stage_ended("generate", iteration, self.programs, 0, 14.0)
        for index in range(self.programs):
            self.program(iteration, index)
        for stage, seconds in (("check", 1.1), ("screen", 9.0), ("run", 55.0), ("verify", 2.0), ("evaluate", 31.0)):
            self.event("stage.started", {"iteration": iteration, "stage": stage, "total": self.programs})
            self.stage_ended(stage, iteration, len(self.scored) - before, 0, seconds + iteration)
        fresh = sorted(self.scored[before:], key=lambda one: -one[3])
        best = fresh[0] if fresh else ("", "", "", 0.0)
        self.event(
            "iteration.completed",
            {
                "iteration": iteration,
                "generated": self.programs,
                "scored": len(fresh),
                "best": best[0],
                "best_accuracy": decimal(best[3]),
            },
        )
        self.learn_from(iteration, fresh)

    def program(self, iteration: int, index: int) -> None:
        """Write one program's life."""
        name = f"i{iteration}-{index:03d}"
        source = HOSTILE_SOURCE + f"# {name}\n" if (iteration, index) == (1, 0) else written(self.random)
        program = self.blobs.put_bytes(source.encode())
        self.event(
            "candidate.generated",
            {
                "iteration": iteration,
                "index": index,
                "program_sha256": program,
                "bytes": len(source),
                "model": "lab:factory",
                "adapter_sha256": "",
                "prompt_sha256": _sha("prompt"),
                "temperature": "1.2",
                "top_p": "0.95",
                "seed": index,
                "tokens": 90,
            },
            name,
        )
        fails = self.random.random() < 0.52 - 0.07 * iteration and (iteration, index) != (1, 0)
        ending = self.random.choices(REJECTIONS, WEIGHTS)[0] if fails else None
        stage = ending[0] if ending else ""
        self.event(
            "policy.evaluated",
            {
                "program_sha256": program,
                "verdict": "refused" if stage == "check" else "admitted",
                "policy_sha256": _sha("policy"),
                "ast_sha256": "" if stage == "check" else _sha(source),
                "findings": [],
                "findings_total": 0,
                **({} if stage == "check" else {"capabilities": _capabilities(source)}),
            },
            name,
        )
        if stage != "check":
            self.event(
                "screen.completed",
                {
                    "program_sha256": program,
                    "verdict": "rejected" if stage == "screen" else "passed",
                    "fingerprint": "" if stage == "screen" else _sha(source)[:16],
                    "duplicate_of": "i1-001" if ending and ending[1] == "duplicate" else "",
                },
                name,
            )
        if stage not in ("check", "screen"):
            self.container(name, program, oom=stage == "run")
        if ending:
            self.event(
                "candidate.rejected",
                {
                    "program_sha256": program,
                    "iteration": iteration,
                    "stage": stage,
                    "reason": ending[1],
                    "detail": ending[2],
                },
                name,
            )
        else:
            self.verified(iteration, name, program)

    def container(self, name: str, program: str, *, oom: bool) -> None:
        run = {"container_id": _sha(name), "purpose": "run", "program_sha256": program}
        self.event("sandbox.created", {**run, "image_id": "sha256:" + _sha("image")}, name)
        self.event("sandbox.started", run, name)
        self.event(
            "sandbox.exited", {**run, "exit_code": 137 if oom else 0, "oom_killed": oom, "timed_out": False}, name
        )

    def verified(self, iteration: int, name: str, program: str) -> None:
        output = _sha("output of " + name)
        self.event(
            "outputs.verified",
            {
                "program_sha256": program,
                "container_id": _sha(name),
                "output_sha256": output,
                "output_bytes": 1_400_000,
                "tensors_sha256": _sha("tensors of " + name),
                "norm_ratio": decimal(round(self.random.uniform(0.1, 2), 4)),
            },
            name,
        )
        share = min(0.87, max(0.02, self.random.gauss(0.55 + 0.07 * iteration, 0.2)))
        share = 0.89 if name == "i1-000" else share  # the hostile one is on show
        bits = self.bits(share, 800)
        self.event("eval.completed", {**_evaluation(iteration, program, output), **_score("dev", bits)}, name)
        self.scored.append((name, program, output, bits.count("1") / len(bits)))

    def learn_from(self, iteration: int, fresh: list[tuple[str, str, str, float]]) -> None:
        if self.learn == "none" or iteration == self.iterations or len(fresh) < 4:
            why = 'learn = "none"' if self.learn == "none" else "the last iteration has nobody to teach"
            self.event("dpo.skipped", {"iteration": iteration, "pairs": 0, "why": why})
            return
        for pair in range(24):
            chosen, rejected = fresh[pair % 3], fresh[-1 - pair % min(10, len(fresh))]
            self.event(
                "dpo.pair_created",
                {
                    "iteration": iteration,
                    "pair": pair,
                    "chosen": chosen[0],
                    "rejected": rejected[0],
                    "chosen_sha256": chosen[1],
                    "rejected_sha256": rejected[1],
                    "chosen_entries": [],
                    "rejected_entries": [],
                    "margin": decimal(chosen[3] - rejected[3]),
                    "prompt_sha256": _sha("prompt"),
                },
            )
        history = [
            {
                "step": step,
                "loss": decimal(round(0.69 * 0.95**step, 4)),
                "accuracy": decimal(round(1 - 0.5 * 0.9**step, 4)),
                "margin": decimal(round(0.05 * step, 4)),
            }
            for step in range(1, 25)
        ]
        self.event(
            "dpo.trained",
            {
                "iteration": iteration,
                "pairs": 24,
                "pairs_sha256": _sha("pairs"),
                "method": "lora",
                "base_sha256": _sha("base"),
                "adapter_sha256": _sha(f"adapter {iteration}"),
                "steps": 24,
                "seconds": "38.5",
                "metrics": {"loss": "0.201", "rewards/accuracies": "0.96", "rewards/margins": "1.2"},
                "history": history,
            },
        )
        self.event("stage.started", {"iteration": iteration, "stage": "learn", "total": 24})
        self.stage_ended("learn", iteration, 24, 0, 38.5)

    def finish(self) -> None:
        """Open the test split for the five best and end the run."""
        ranked = sorted(self.scored, key=lambda one: -one[3])
        finalists = ranked[:5]
        self.event(
            "split.opened",
            {"split": "test", "items": 1000, "items_sha256": _sha("test"), "programs": [one[0] for one in finalists]},
        )
        for name, program, output, share in finalists:
            data = _evaluation(int(name[1]), program, output)
            self.event("eval.completed", {**data, **_score("test", self.bits(share - 0.015, 1000))}, name)
        self.baselines("test", 1000)
        self.event(
            "run.completed",
            {
                "programs": self.programs * self.iterations,
                "scored": len(self.scored),
                "best": ranked[0][0] if ranked else "",
                "best_accuracy": decimal(ranked[0][3]) if ranked else "",
                "seconds": "361.2",
            },
        )

    def stage_ended(self, stage: str, iteration: int, passed: int, rejected: int, seconds: float) -> None:
        self.event(
            "stage.completed",
            {
                "iteration": iteration,
                "stage": stage,
                "passed": passed,
                "rejected": rejected,
                "seconds": decimal(seconds),
            },
        )

    def bits(self, share: float, items: int) -> str:
        """Draw results that models share: an item is easy or hard for all of them."""
        hardness = random.Random(items)
        draws = (0.7 * hardness.random() + 0.3 * self.random.random() for _ in range(items))
        cut = 0.15 + 0.7 * share
        return "".join("01"[draw < cut] for draw in draws)


def _score(split: str, bits: str) -> dict[str, Any]:
    accuracy = decimal(bits.count("1") / len(bits))
    return {"split": split, "items": len(bits), "correct": bits, "accuracy": accuracy}


def _evaluation(iteration: int, program: str, output: str) -> dict[str, Any]:
    return {"program_sha256": program, "output_sha256": output, "iteration": iteration, "seconds": "0.4"}


def _capabilities(source: str) -> dict[str, Any]:
    found = capabilities(source)
    return found.as_json() if found else {}


def _sha(text: str) -> str:
    return sha256_of(canonical(text)) if text else hashlib.sha256().hexdigest()


if __name__ == "__main__":
    run = SyntheticRun(Path(sys.argv[1])).write()
    print(write_report(run.run_dir))
