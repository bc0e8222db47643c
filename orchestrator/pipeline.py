"""The paper's loop, and the only module that knows the order of its stages.

    generate -> check -> screen -> run -> verify -> evaluate -> learn

1. score the seed, each candidate and tuned task arithmetic on dev
2. per iteration: the factory writes programs; `trial.py` takes them to verified weights; the resident
   model scores those on dev; preference pairs train the factory that writes the next iteration
3. open the sealed test split once, for the best programs by dev, the seed and task arithmetic
4. write the report

Everything is recorded before the next step starts. A run that was cut off goes through the same steps again:
each looks first whether it is on record, and then returns what it returned (docs/adr/0011). (Self-Developing,
Ishibashi et al., arXiv 2410.15639, section 2.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from evals.engines.hf import HfEngine
from evals.splits import DEV, TEST, OnOpen, Sealed
from evals.task import Item, TaskError
from orchestrator import lab
from orchestrator.baselines import Tuned, merge, restored, tune_task_arithmetic
from orchestrator.blobs import BlobStore
from orchestrator.brackets import Stages
from orchestrator.candidate import Proposed, Rejection, Score, Scored, Screened, Stage, Verified, cleaned
from orchestrator.claim import go_on
from orchestrator.config import RunConfig
from orchestrator.containment import require_containment
from orchestrator.errors import ConfigError
from orchestrator.learning import Learning
from orchestrator.ledger import FILE_NAME, Ledger, decimal
from orchestrator.live import Reporter, choose
from orchestrator.models import WORDS, Watch, folder_digest
from orchestrator.record import Recorder
from orchestrator.report import REPORT_NAME, write_report
from orchestrator.restore import score_of
from orchestrator.resume import Plan, record_inputs, require_same_opening, require_same_platform
from orchestrator.session import Session, open_session, record_start, weakened
from orchestrator.stages.evaluate import CanaryEngine, evaluate_model, merged_tensors, open_task, score_split
from orchestrator.stages.generate.base import Generator
from orchestrator.stages.generate.hf import HfGenerator
from orchestrator.stages.generate.prompts import Prompt, prompt
from orchestrator.stages.generate.scripted import ScriptedGenerator
from orchestrator.trial import Trial
from orchestrator.witnessed import Witnessing

if TYPE_CHECKING:
    import torch

_T = TypeVar("_T")

CANARY_EVERY = 50  # swaps between two proofs that the resident model is restored exactly
CANARY_PROMPTS = 32


def run_pipeline(plan: Plan) -> Path:
    """Run the loop of a plan, or what is left of it; return the path of its report.

    Raises:
        AssayError: the platform or the configuration; the record says what and when.
    """
    config, run_dir = plan.config, plan.run_dir
    if plan.state.completed:
        return _reported(plan)
    then = f"go on with `{go_on(run_dir)}`"
    with (
        open_session(config, run_dir, resume=plan.resumes, changed=plan.changed, go_on=then) as session,
        choose() as reporter,
    ):
        reporter.run_started(config.name, config.iterations)
        require_same_platform(session)
        record_start(session)
        Loop(session, reporter).run()
        report = write_report(run_dir)
        session.recorder.report_written(report)
        reporter.finished(f"{run_dir}: done")
    return report


def _reported(plan: Plan) -> Path:
    """Return the report of a run that came to its end; only the report itself may still be missing."""
    report = plan.run_dir / REPORT_NAME
    if plan.state.reported and report.is_file():
        return report
    witnessing, path = Witnessing(plan.config.ledger, plan.run_dir), plan.run_dir / FILE_NAME
    held = witnessing.require_past(path)
    with Ledger.open(path, weakened=weakened(plan.config), held=held) as ledger:
        report = write_report(plan.run_dir)
        Recorder(ledger, BlobStore(plan.run_dir / "blobs")).report_written(report)
    witnessing.seal(ledger)
    return report


class Loop:
    """One run of the loop. State grows by iteration and is never rewritten."""

    # Opened for each process: the engines, and the proof that programs are contained here.
    _ANEW = frozenset({(0, "setup")})

    def __init__(self, session: Session, reporter: Reporter) -> None:
        self._session = session
        self._config = session.config
        self._record = session.recorder
        self._reporter = reporter
        self._past = session.past
        self._stages = Stages(session.recorder, reporter, done=session.state.done_stages - self._ANEW)
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
            rejections = self._iteration(iteration)
            if why := self._learning.after(iteration, self._scored, rejections):
                self._reporter.note(f"no training after iteration {iteration}: {why}")
        with self._stages.one("final", 0):
            self._final(tuned)
        self._complete()

    def _open(self) -> None:
        """Load the task, the resident model and the factory; record what they are."""
        config, inputs = self._config, self._session.inputs
        self._task = open_sealed(config, on_open=self._opened)
        self._prompt = prompt(config.generate.prompt, config.policy)
        self._session.blobs.put_bytes(self._prompt.content)
        factory = lab.resolve(config.generate.model)
        self._generator = open_generator(config, factory, self._prompt)
        self._learning = Learning(self._session, self._stages, factory=factory, prompt=self._prompt)
        self._sampled_from = factory
        digests = {
            "tokenizer_sha256": folder_digest(inputs.seed.path, WORDS),
            "factory_sha256": self._generator.origin,
            "prompt_sha256": self._prompt.digest,
        }
        record_inputs(self._session, self._task, digests)
        self._engine = CanaryEngine(
            HfEngine(inputs.seed.path, device=config.device, batch_size=config.evaluate.batch_size),
            [item.prompt for item in self._task.dev[:CANARY_PROMPTS]],
            every=CANARY_EVERY,
            max_new_tokens=config.evaluate.max_new_tokens,
        )
        Watch(inputs).require()  # what was loaded is what was digested

    def _baselines(self) -> Tuned:
        """Score what needs no program: the seed, each candidate alone, and tuned task arithmetic."""
        inputs = self._session.inputs
        self._baseline("seed", {}, DEV, self._task.dev)
        for index, model in enumerate(inputs.candidates):
            point = tuple(float(index == other) for other in range(len(inputs.candidates)))
            self._baseline(
                f"candidate:{model.name}", merge(inputs, point), DEV, self._task.dev, parameters={model.name: 1.0}
            )
        if known := self._past.state.baselines.get(("task_arithmetic", DEV)):
            return restored(inputs, score_of(known), known.data["parameters"], known.data["points"])
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
        """Score and record a model that no program made, unless that is on record."""
        if (name, split) in self._past.state.baselines:
            return
        started = time.monotonic()
        score = self._score(tensors, split, items)
        self._record.baseline(name, score, seconds=time.monotonic() - started, parameters=parameters)
        if split == DEV:
            self._reporter.baseline(name, score.accuracy)

    def _iteration(self, iteration: int) -> list[Rejection]:
        """Let the factory write, and take what it wrote as far as it goes; return what was rejected."""
        programs = self._generate(iteration)
        with self._stages.one("check", iteration, left(programs, self._past.checked)):
            admitted, refused = self._trial.check(programs)
        with self._stages.one("screen", iteration, left(admitted, self._past.screened)):
            screened, dropped = self._trial.screen(admitted)
        scored, failed = self._run_and_score(iteration, screened)
        if self._past.iteration(iteration).completed is None:
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
        return [*refused, *dropped, *failed]

    def _generate(self, iteration: int) -> Sequence[Proposed]:
        known = self._past.proposed(iteration)
        self._generated += self._config.programs
        if len(known) == self._config.programs:
            return [known[index] for index in sorted(known)]
        if self._learning.factory != self._sampled_from:
            self._sampled_from = self._learning.factory
            self._generator.adopt(self._sampled_from)
        temperature = self._config.temperature(iteration)
        if self._past.iteration(iteration).started is None:
            self._begin(iteration, temperature)
        with self._stages.one("generate", iteration, self._config.programs):
            # All of them, also where some are on record: what is sampled together is sampled together again.
            written = self._generator.propose(
                iteration,
                self._config.programs,
                temperature=temperature,
                progress=self._stages.progress("generate", iteration),
            )
            programs = [cleaned(proposed) for proposed in written]
            self._record.generated(*(proposed for proposed in programs if proposed.index not in known))
            for _ in programs:
                self._stages.passed(Stage.GENERATE, shown=False)
        return [known.get(proposed.index, proposed) for proposed in programs]

    def _begin(self, iteration: int, temperature: float) -> None:
        self._record.event(
            "iteration.started",
            {
                "iteration": iteration,
                "programs": self._config.programs,
                "temperature": decimal(temperature),
                "top_p": decimal(self._config.generate.top_p),
                "adapter_sha256": self._generator.adapter,
            },
        )

    def _run_and_score(self, iteration: int, programs: Sequence[Screened]) -> tuple[list[Scored], list[Rejection]]:
        """Run, verify and evaluate; the three overlap, so their seconds are what this thread spent on each."""
        scored: list[Scored] = []
        rejected: list[Rejection] = []
        with self._stages.overlapping(("run", "verify", "evaluate"), iteration, left(programs, self._past.verdict)):
            for verdict in self._trial.run(programs):
                if isinstance(verdict, Rejection):
                    rejected.append(verdict)
                elif (known := self._past.scored(verdict)) is not None:
                    scored.append(known)
                    self._scored.append(known)
                else:
                    with self._stages.spending(Stage.EVALUATE):
                        scored.append(self._evaluate(verdict))
        return scored, rejected

    def _evaluate(self, verified: Verified) -> Scored:
        scored = evaluate_model(
            self._present(verified),
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

    def _present(self, verified: Verified) -> Verified:
        """Return a verified program with its merged weights, made again if they are gone."""
        return verified if verified.weights.is_file() else self._trial.remake(verified)

    def _drop_weights(self) -> None:
        """Keep the merged weights of the best only; the digests of the others stay in the ledger."""
        ranked = sorted(self._scored, key=rank)
        kept = {one.verified.output_sha256 for one in ranked[: self._config.keep_best]}
        for one in ranked[self._config.keep_best :]:
            if one.verified.output_sha256 not in kept:
                self._session.blobs.drop(one.verified.output_sha256)

    def _final(self, tuned: Tuned) -> None:
        """Open the sealed split once, for the best by dev, the seed and tuned task arithmetic."""
        self._drop_weights()  # also what a process left that was killed between scoring and dropping
        self._finalists = sorted(self._scored, key=rank)[: self._config.evaluate.finalists]
        items = self._task.open("final evaluation of the best programs by dev score")
        self._baseline("seed", {}, TEST, items)
        self._baseline("task_arithmetic", tuned.tensors, TEST, items, parameters=dict(tuned.coefficients))
        for one in self._finalists:
            if self._past.tested(one.proposed.id):
                continue
            started = time.monotonic()
            with merged_tensors(self._present(one.verified)) as tensors:
                score = self._score(tensors, TEST, items)
            self._record.scored(one, score, seconds=time.monotonic() - started)

    def _opened(self, reason: str, digest: str, opening: int) -> None:
        """Record the opening of the sealed split, once; called before its first item is handed out."""
        opened = {
            "split": "test",
            "items": self._task.test_size,
            "items_sha256": digest,
            "programs": [one.proposed.id for one in self._finalists],
            "reason": reason,
            "opening": opening,
        }
        if self._past.state.split is None:
            self._record.event("split.opened", opened)
        else:
            require_same_opening(self._past.state.split, opened)

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
        self._session.witnessing.complete(self._session.ledger)
        for line in self._session.witnessing.complaints:
            self._reporter.note(line)
        self._record.event(
            "run.completed",
            {
                "programs": self._generated,
                "scored": len(self._scored),
                "best": best.proposed.id if best else "",
                "best_accuracy": decimal(best.dev.accuracy if best else 0.0),
                "seconds": decimal(self._past.state.spent + time.monotonic() - self._started),
            },
        )


def left(programs: Sequence[_T], known: Callable[[_T], object]) -> int:
    """Return of how many programs a stage's outcome is not on record."""
    return sum(known(program) is None for program in programs)


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
