"""The paper's loop, and the only module that knows the order of its stages.

    generate -> check -> screen -> run -> verify -> evaluate -> learn

1. score the seed, each candidate and tuned task arithmetic on dev
2. per iteration: the factory writes programs; `trial.py` takes them to verified weights; the resident
   model scores those on dev; preference pairs train the factory that writes the next iteration
3. open the sealed test split once, for the best programs by dev, the seed and task arithmetic
4. write the report

Everything is recorded before the next step starts. Only programs whose whole chain of records stands in
the ledger reach the trainer. (Self-Developing, Ishibashi et al., arXiv 2410.15639, section 2.)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.engines.hf import HfEngine
from evals.splits import DEV, TEST, OnOpen, Sealed
from evals.task import Item, TaskError
from orchestrator import lab
from orchestrator.baselines import Tuned, merge, tune_task_arithmetic
from orchestrator.brackets import Stages
from orchestrator.candidate import Proposed, Rejection, Score, Scored, Screened, Stage, Verified
from orchestrator.config import RunConfig
from orchestrator.containment import require_containment
from orchestrator.errors import ConfigError
from orchestrator.ledger import decimal, require_chain
from orchestrator.live import Reporter, choose
from orchestrator.models import weights_digest
from orchestrator.report import write_report
from orchestrator.session import Session, open_session, record_start
from orchestrator.stages.evaluate import CanaryEngine, evaluate_model, merged_tensors, open_task, score_split
from orchestrator.stages.generate.base import Generator
from orchestrator.stages.generate.hf import HfGenerator
from orchestrator.stages.generate.prompts import Prompt, prompt
from orchestrator.stages.generate.scripted import ScriptedGenerator
from orchestrator.stages.learn.dpo import train
from orchestrator.stages.learn.preferences import preference_pairs
from orchestrator.trial import Trial

if TYPE_CHECKING:
    import torch

CANARY_EVERY = 50  # swaps between two proofs that the resident model is restored exactly
CANARY_PROMPTS = 32


def run_pipeline(config: RunConfig, run_dir: Path) -> Path:
    """Run the loop of `config` in `run_dir`; return the path of its report.

    Raises:
        AssayError: the platform or the configuration; the record says what and when.
    """
    with open_session(config, run_dir) as session, choose() as reporter:
        reporter.run_started(config.name, config.iterations)
        record_start(session)
        Loop(session, reporter).run()
        report = write_report(run_dir)
        session.recorder.report_written(report)
        reporter.finished(f"{run_dir}: done")
    return report


class Loop:
    """One run of the loop. State grows by iteration and is never rewritten."""

    def __init__(self, session: Session, reporter: Reporter) -> None:
        self._session = session
        self._config = session.config
        self._record = session.recorder
        self._reporter = reporter
        self._stages = Stages(session.recorder, reporter)
        self._trial = Trial(session, self._stages, deduplicate=True)
        self._scored: list[Scored] = []
        self._generated = 0
        self._started = time.monotonic()

    def run(self) -> None:
        """Follow the steps of the module's docstring."""
        with self._stages.one("setup", 0):
            require_containment(self._session)
            self._open()
        with self._stages.one("baseline", 0):
            tuned = self._baselines()
        for iteration in range(1, self._config.iterations + 1):
            scored, rejections = self._iteration(iteration)
            self._learn(iteration, scored, rejections)
        with self._stages.one("final", 0):
            self._final(tuned)
        self._complete()

    def _open(self) -> None:
        """Load the task, the resident model and the factory; record what they are."""
        config, inputs = self._config, self._session.inputs
        self._task = open_sealed(config, on_open=self._opened)
        self._record.inputs(inputs, self._task)
        self._engine = CanaryEngine(
            HfEngine(inputs.seed.path, device=config.device, batch_size=config.evaluate.batch_size),
            [item.prompt for item in self._task.dev[:CANARY_PROMPTS]],
            every=CANARY_EVERY,
            max_new_tokens=config.evaluate.max_new_tokens,
        )
        self._prompt = prompt(config.generate.prompt, config.policy)
        self._session.blobs.put_bytes(self._prompt.content)
        self._factory = lab.resolve(config.generate.model)
        self._generator = open_generator(config, self._factory, self._prompt)

    def _baselines(self) -> Tuned:
        """Score what needs no program: the seed, each candidate alone, and tuned task arithmetic."""
        inputs = self._session.inputs
        self._baseline("seed", {}, DEV, self._task.dev)
        for index, model in enumerate(inputs.candidates):
            point = tuple(float(index == other) for other in range(len(inputs.candidates)))
            self._baseline(
                f"candidate:{model.name}", merge(inputs, point), DEV, self._task.dev, parameters={model.name: 1.0}
            )
        started = time.monotonic()
        tuned = tune_task_arithmetic(
            self._engine,
            inputs,
            self._task.search,
            self._task.dev,
            self._config.evaluate.grid,
            self._config.evaluate.grid_points,
            self._stages.progress("baseline", 0),
            max_new_tokens=self._config.evaluate.max_new_tokens,
        )
        seconds = time.monotonic() - started
        self._record.baseline(
            "task_arithmetic", tuned.dev, seconds=seconds, parameters=dict(tuned.coefficients), points=tuned.evaluated
        )
        self._reporter.baseline("task_arithmetic", tuned.dev.accuracy)
        return tuned

    def _baseline(
        self,
        name: str,
        tensors: Mapping[str, torch.Tensor],
        split: str,
        items: Sequence[Item],
        *,
        parameters: Mapping[str, float] | None = None,
    ) -> None:
        """Score and record a model that no program made."""
        started = time.monotonic()
        score = self._score(tensors, split, items)
        self._record.baseline(name, score, seconds=time.monotonic() - started, parameters=parameters)
        if split == DEV:
            self._reporter.baseline(name, score.accuracy)

    def _iteration(self, iteration: int) -> tuple[list[Scored], list[Rejection]]:
        """Let the factory write, and take what it wrote as far as it goes."""
        programs = self._generate(iteration)
        with self._stages.one("check", iteration, len(programs)):
            admitted, refused = self._trial.check(programs)
        with self._stages.one("screen", iteration, len(admitted)):
            screened, dropped = self._trial.screen(admitted)
        scored, failed = self._run_and_score(iteration, screened)
        best = min(scored, key=rank, default=None)
        self._record.event(
            "iteration.completed",
            {
                "iteration": iteration,
                "generated": len(programs),
                "scored": len(scored),
                "best": best.proposed.id if best else "",
                "best_accuracy": decimal(best.dev.accuracy if best else 0.0),
            },
        )
        return scored, [*refused, *dropped, *failed]

    def _generate(self, iteration: int) -> Sequence[Proposed]:
        config, temperature = self._config, self._config.temperature(iteration)
        self._record.event(
            "iteration.started",
            {
                "iteration": iteration,
                "programs": config.programs,
                "temperature": decimal(temperature),
                "top_p": decimal(config.generate.top_p),
                "adapter_sha256": self._generator.adapter,
            },
        )
        with self._stages.one("generate", iteration, config.programs):
            programs = self._generator.propose(
                iteration,
                config.programs,
                temperature=temperature,
                progress=self._stages.progress("generate", iteration),
            )
            for proposed in programs:
                self._record.generated(proposed)
                self._stages.passed(Stage.GENERATE, shown=False)
        self._generated += len(programs)
        return programs

    def _run_and_score(self, iteration: int, programs: Sequence[Screened]) -> tuple[list[Scored], list[Rejection]]:
        """Run, verify and evaluate; the three overlap, so their seconds are what this thread spent on each."""
        scored: list[Scored] = []
        rejected: list[Rejection] = []
        with self._stages.overlapping(("run", "verify", "evaluate"), iteration, len(programs)):
            for verdict in self._trial.run(programs):
                if isinstance(verdict, Rejection):
                    rejected.append(verdict)
                    continue
                with self._stages.spending(Stage.EVALUATE):
                    scored.append(self._evaluate(verdict))
        return scored, rejected

    def _evaluate(self, verified: Verified) -> Scored:
        scored = evaluate_model(
            verified,
            engine=self._engine,
            task=self._task.search,
            items=self._task.dev,
            max_new_tokens=self._config.evaluate.max_new_tokens,
        )
        self._record.scored(scored)
        self._scored.append(scored)
        self._stages.passed(Stage.EVALUATE)
        self._reporter.best(min(self._scored, key=rank).dev.accuracy)
        self._drop_weights()
        return scored

    def _drop_weights(self) -> None:
        """Keep the merged weights of the best only; the digests of the others stay in the ledger."""
        ranked = sorted(self._scored, key=rank)
        kept = {one.verified.output_sha256 for one in ranked[: self._config.keep_best]}
        for one in ranked[self._config.keep_best :]:
            if one.verified.output_sha256 not in kept:
                self._session.blobs.drop(one.verified.output_sha256)

    def _learn(self, iteration: int, scored: list[Scored], rejections: list[Rejection]) -> None:
        """Turn verified scores into preference pairs, and pairs into the next factory."""
        if self._config.learn == "none":
            self._skip_learning(iteration, 0, 'learn = "none"')
        elif iteration == self._config.iterations:
            self._skip_learning(iteration, 0, "the last iteration: nothing samples from the factory any more")
        else:
            with self._stages.one("learn", iteration):
                self._train(iteration, scored, rejections)

    def _train(self, iteration: int, scored: list[Scored], rejections: list[Rejection]) -> None:
        ledger = self._session.ledger
        evidence = {
            one.proposed.id: require_chain(ledger.history(one.proposed.id), one.proposed.id) for one in self._scored
        }
        earlier = [one for one in self._scored if one.proposed.iteration < iteration]
        pairs = preference_pairs(
            scored, rejections, earlier, rules=self._config.preferences, rng_seed=self._config.seed + iteration
        )
        if not pairs:
            self._skip_learning(iteration, 0, "no two programs differ by more than the evaluation's error")
            return
        pairs_digest = self._record.pairs(
            iteration,
            pairs,
            prompt_sha256=self._prompt.digest,
            entries=lambda program: evidence.get(program) or [entry.index for entry in ledger.history(program)],
        )
        base = weights_digest(self._factory)
        trained = train(
            pairs,
            factory=self._factory,
            prompt=self._prompt,
            settings=self._config.dpo,
            seed=self._config.seed + iteration,
            out=self._session.run_dir / "factory" / f"iteration-{iteration}",
            progress=self._stages.progress("learn", iteration),
            device=self._config.device,
        )
        self._record.trained(iteration, trained, pairs_sha256=pairs_digest, method=self._config.dpo.method, base=base)
        self._generator.adopt(trained.checkpoint)
        self._factory = trained.checkpoint

    def _skip_learning(self, iteration: int, pairs: int, why: str) -> None:
        self._record.event("dpo.skipped", {"iteration": iteration, "pairs": pairs, "why": why})
        self._reporter.note(f"no training after iteration {iteration}: {why}")

    def _final(self, tuned: Tuned) -> None:
        """Open the sealed split once, for the best by dev, the seed and tuned task arithmetic."""
        self._finalists = sorted(self._scored, key=rank)[: self._config.evaluate.finalists]
        items = self._task.open("final evaluation of the best programs by dev score")
        self._baseline("seed", {}, TEST, items)
        self._baseline("task_arithmetic", tuned.tensors, TEST, items, parameters=dict(tuned.coefficients))
        for one in self._finalists:
            started = time.monotonic()
            with merged_tensors(one.verified) as tensors:
                score = self._score(tensors, TEST, items)
            self._record.scored(one, score, seconds=time.monotonic() - started)

    def _opened(self, reason: str, digest: str, opening: int) -> None:
        """Record the opening of the sealed split; called before its first item is handed out."""
        self._record.event(
            "split.opened",
            {
                "split": "test",
                "items": self._task.test_size,
                "items_sha256": digest,
                "programs": [one.proposed.id for one in self._finalists],
                "reason": reason,
                "opening": opening,
            },
        )

    def _score(self, tensors: Mapping[str, torch.Tensor], split: str, items: Sequence[Item]) -> Score:
        return score_split(
            self._engine,
            self._task.search,
            items,
            tensors=tensors,
            split=split,
            max_new_tokens=self._config.evaluate.max_new_tokens,
        )

    def _complete(self) -> None:
        best = min(self._scored, key=rank, default=None)
        self._record.event(
            "run.completed",
            {
                "programs": self._generated,
                "scored": len(self._scored),
                "best": best.proposed.id if best else "",
                "best_accuracy": decimal(best.dev.accuracy if best else 0.0),
                "seconds": decimal(time.monotonic() - self._started),
            },
        )


def rank(scored: Scored) -> tuple[float, str]:
    """Sort key: highest dev score first; of equals the earlier program."""
    return (-scored.dev.accuracy, scored.proposed.id)


def open_sealed(config: RunConfig, *, on_open: OnOpen) -> Sealed:
    """Open the configured task with its test split sealed.

    Raises:
        ConfigError: the items are missing or malformed, or the splits share one.
    """
    lab_items = lab.ensure().root if config.evaluate.task == "lab" and not config.evaluate.data else Path()
    try:
        return Sealed(open_task(config.evaluate, lab_items=lab_items), on_open=on_open)
    except TaskError as error:
        raise ConfigError(f"[evaluate] {error}", remedy="set data, dev_items and test_items to fit") from error


def open_generator(config: RunConfig, factory: Path, prompt: Prompt) -> Generator:
    """Load the factory, or the folder of programs that stands in for one."""
    settings = config.generate
    if settings.backend == "scripted":
        return ScriptedGenerator(Path(settings.scripts), config.seed)
    return HfGenerator(
        factory,
        prompt=prompt,
        seed=config.seed,
        top_p=settings.top_p,
        max_new_tokens=settings.max_new_tokens,
        batch_size=settings.batch_size,
        device=config.device,
    )
