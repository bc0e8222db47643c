"""The closed list of events that a ledger may hold, with each one's meaning and data keys.

One table, from which `docs/events.md` is generated. `form.py` holds what is written and read against it.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.ledger.kinds import EventType, Key, Kind


def _event(meaning: str, /, **keys: tuple[Kind, str]) -> EventType:
    """Build a row of the table; a meaning that begins with `?` marks an optional key."""
    return EventType(
        meaning=meaning,
        keys={
            name: Key(kind=kind, meaning=text.removeprefix("?").strip(), required=not text.startswith("?"))
            for name, (kind, text) in keys.items()
        },
    )


_T, _D, _N, _I, _L, _M = Kind.TEXT, Kind.DIGEST, Kind.DECIMAL, Kind.INT, Kind.LIST, Kind.MAP
_PROGRAM = (_D, "sha256 of the program's UTF-8 source; the source is a blob")
_ITERATION = (_I, "counted from 1")
_CONTAINER = (_T, "the engine's id of the container")
_BITS = (Kind.BITS, "one character per item of the split, in order: 1 is right")
_ACCURACY = (_N, "ones over items")

EVENT_TYPES: Mapping[str, EventType] = {
    "log.opened": _event(
        "First entry of every ledger.",
        origin=(Kind.NAME, "the log's own name: `assay/<run name>/<ULID>`, the `source` of all its events"),
        format=(_T, "`assay-ledger/2` (docs/ledger-format.md)"),
        vkey=(Kind.VKEY, "verifier key (C2SP signed note) of the first commits: `<origin>+<key id>+<key>`"),
        config_sha256=(_D, "of the resolved configuration, canonical JSON"),
    ),
    "run.started": _event(
        "The run begins; everything that was asked for.",
        command=(_T, "?`run` or `exec`"),
        run=(_T, "name of the run"),
        seed=(_I, "the run's seed"),
        iterations=(_I, "planned"),
        programs=(_I, "planned per iteration"),
        learn=(_T, "`dpo`, or `none` for the control"),
        config=(_M, "the resolved configuration, floats as decimals"),
        candidates=(_L, "?names of the candidate models in order, which a map does not keep"),
        config_sha256=(_D, "the same digest as in `log.opened`"),
        policy_sha256=(_D, "of the policy's rules"),
        sandbox=(_M, "`Sandbox.describe()`: sandbox, image_id, runtime, engine_version, seccomp_sha256, limits"),
    ),
    "run.resumed": _event(
        "Another process goes on with the run. What was recorded as done stands; what is named here is begun anew.",
        after=(_T, "how the process before ended: a terminal type, or empty for one that was killed"),
        stages=(_L, '{"iteration", "stage"} of each that was begun and not ended: its seconds are not known'),
        programs=(_L, "ids of the programs that had been handed to a container and had no verdict"),
        containers=(_L, "ids of the containers that were not seen to end; `sandbox.lost` follows for each"),
        changed=(_L, "?of packages, processor and threads, what is not as before and was accepted: `key: then, now`"),
    ),
    "determinism.profile": _event(
        "What the numbers depend on besides programs and models.",
        python=(_T, "version"),
        platform=(_T, "`platform.platform()`"),
        cpu=(_T, "model name and capability"),
        gpu=(_T, "?model, driver and capability of the GPU that the configuration names; empty on the CPU"),
        instructions=(_T, "?the processor's vector and matrix instructions, as the kernel names them"),
        threads=(_I, "of torch in the orchestrator"),
        packages=(_M, "name -> version"),
        environment=(_M, "name -> value of numeric knobs that are set (OMP_*, MKL_*, ...)"),
    ),
    "sandbox.protections": _event(
        "A container was started as for a program, looked at, and nothing that is needed was missing, or the run ends.",
        protections=(_L, 'one {"name", "state", "needed", "found"} each; states: `in effect not offered missing`'),
    ),
    "canaries.held": _event(
        "Attack programs of our own were run in the sandbox, and each ended as it must; before any other program.",
        canaries=(_L, 'one {"name", "program_sha256", "found"} each'),
        seconds=(_N, "wall clock of all"),
    ),
    "inputs.resolved": _event(
        "Models and items are opened and digested; the layout of every merged result is fixed.",
        seed=(_M, '{"path", "files": [{"name", "sha256"}]}'),
        candidates=(_L, 'one {"name", "path", "files": [{"name", "sha256"}]} each, in order'),
        tensors=(_I, "number of merged tensors"),
        tensors_sha256=(_D, "of the canonical JSON of their specs (blob)"),
        output_bytes=(_I, "exact length of every output"),
        num_layers=(_I, "decoder layers"),
        task=(_T, "name of the evaluation task; empty where nothing is scored (`assay exec`), as are the next four"),
        dev_items=(_I, "items of dev"),
        dev_sha256=(_D, "of the dev items' canonical JSON"),
        test_items=(_I, "items of test; sealed"),
        test_sha256=(_D, "of the test items' canonical JSON"),
        tokenizer_sha256=(_D, "?of the seed's tokenizer and settings, by which answers are made"),
        factory_sha256=(_D, "?of what writes the first programs: weights, tokenizer and settings, or the scripts"),
        prompt_sha256=(_D, "?of what it is asked (blob)"),
    ),
    "baseline.completed": _event(
        "A model that no program made was scored: the seed, a candidate, tuned task arithmetic.",
        name=(_T, "`seed`, `task_arithmetic`, or `candidate:<name>`"),
        split=(_T, "`dev` or `test`"),
        items=(_I, "of the split"),
        correct=_BITS,
        accuracy=_ACCURACY,
        seconds=(_N, "wall clock, tuning included"),
        parameters=(_M, "candidate name -> coefficient (decimal); empty for the seed"),
        points=(_I, "grid points tried to find the parameters; 0 where nothing was tuned"),
    ),
    "iteration.started": _event(
        "The factory is about to write.",
        iteration=_ITERATION,
        programs=(_I, "to be sampled"),
        temperature=(_N, "T_t"),
        top_p=(_N, "nucleus mass"),
        adapter_sha256=(_D, "of the trained factory weights in use; empty for the untrained factory"),
    ),
    "iteration.completed": _event(
        "All programs of the iteration have an outcome; learning, if any, comes next.",
        iteration=_ITERATION,
        generated=(_I, "programs"),
        scored=(_I, "programs with a dev score"),
        best=(_T, "program id of the best dev score of this iteration, or empty"),
        best_accuracy=(_N, "its dev accuracy"),
    ),
    "stage.started": _event(
        "A stage is about to work; what a killed run was doing is read here.",
        iteration=(_I, "counted from 1; 0 outside the iterations"),
        stage=(_T, "`setup baseline generate check screen run verify evaluate learn final`"),
        total=(_I, "programs (or steps) that enter"),
    ),
    "stage.completed": _event(
        "A stage returned. Exactly one for every `stage.started`, but for those that `run.resumed` names.",
        iteration=(_I, "as in `stage.started`"),
        stage=(_T, "as in `stage.started`"),
        passed=(_I, "programs that go on; of a stage that was begun anew, those that were left"),
        rejected=(_I, "programs that end here, likewise"),
        seconds=(_N, "wall clock"),
    ),
    "candidate.generated": _event(
        "A program exists as text. Its id is the subject, here and of every later event about it.",
        iteration=_ITERATION,
        index=(_I, "within the iteration, from 0"),
        program_sha256=_PROGRAM,
        bytes=(_I, "length of the source"),
        model=(_T, "of the factory; empty for a file"),
        adapter_sha256=(_D, "of the trained factory weights; empty for the untrained factory or a file"),
        prompt_sha256=(_D, "of the prompt (blob); empty for a file"),
        temperature=(_N, "empty for a file"),
        top_p=(_N, "empty for a file"),
        seed=(_I, "of this sample; 0 for a file"),
        tokens=(_I, "generated; 0 for a file"),
    ),
    "redaction.applied": _event(
        "What looked like a credential was taken out of a program's text, before anything else was done with it: this "
        "is not what the factory wrote, letter by letter.",
        program_sha256=_PROGRAM,
        what=(_T, "`source`"),
        kinds=(_M, "kind of credential -> how many; `[redacted: <kind>]` stands in their places"),
    ),
    "policy.evaluated": _event(
        "The policy's verdict on the source.",
        program_sha256=_PROGRAM,
        verdict=(_T, "`admitted`, `refused`, or `skipped` (`--no-policy`)"),
        profile=(_T, "?name of the profile; its definition is in `run.started`'s config"),
        policy_sha256=(_D, "of the policy's rules and the profile"),
        ast_sha256=(_D, "of the checked tree; empty unless admitted"),
        findings=(_L, 'the first 20, {"rule", "line", "column", "message"} each'),
        findings_total=(_I, "how many there were"),
        capabilities=(
            _M,
            "?of an admitted program, what is written in it: `torch tensor builtins standard random conversions` "
            "(name -> times), `loops branches size` (what -> number), `dtypes constants helpers recursive extras` "
            "(names, numbers as text); each at most 48 names of 48 characters, cut ones named under `truncated`",
        ),
    ),
    "screen.completed": _event(
        "The trial on probe tensors.",
        program_sha256=_PROGRAM,
        verdict=(_T, "`passed`, `rejected`, or `skipped` (`--no-policy`)"),
        fingerprint=(_T, "functional fingerprint; empty where there is none"),
        duplicate_of=(_T, "id of the earlier program that computes the same, or empty"),
    ),
    "screen.rechecked": _event(
        "A share of the screen's verdicts was repeated in fresh cells.",
        programs=(_L, "their ids"),
        disagreed=(_L, 'where the verdicts differed: {"program", "said", "fresh", "blamed"}; `program` or `cell`'),
    ),
    "sandbox.created": _event(
        "A container exists and its effective settings were read back; nothing has run in it.",
        container_id=_CONTAINER,
        purpose=(_T, "`run` or `screen`; a screening cell has the subject empty"),
        program_sha256=(_D, "for `run`; empty for a cell or while the container is kept ready"),
        sandbox=(_T, "?what made it: `docker`, or `bubblewrap`, which is weaker (SECURITY.md)"),
        image_id=(_T, "?`sha256:...`; of bubblewrap, the digest of what is bound (`run.started`'s `sandbox.bound`)"),
        runtime=(_T, "?OCI runtime, or bubblewrap and its version"),
        seccomp_sha256=(_D, "?of the profile"),
        host_config=(_M, "?effective settings, the seccomp profile replaced by its digest"),
    ),
    "sandbox.started": _event(
        "The program is about to be handed to the container.",
        container_id=_CONTAINER,
        purpose=(_T, "as in `sandbox.created`"),
        program_sha256=(_D, "for `run`; empty for a cell"),
    ),
    "sandbox.exited": _event(
        "The container is dead and removed; what the host saw of it.",
        container_id=_CONTAINER,
        purpose=(_T, "as in `sandbox.created`"),
        program_sha256=(_D, "for `run`; empty for a cell"),
        exit_code=(Kind.INT_OR_NULL, "null where there was none to read"),
        oom_killed=(Kind.BOOL, "by the memory cgroup"),
        timed_out=(Kind.BOOL, "killed by the host's deadline"),
        wall_seconds=(_N, "?from program handed over to dead"),
        startup_seconds=(_N, "?from create to ready"),
        peak_memory_bytes=(_I, "?of the cgroup; 0 for unknown"),
        stdout_sha256=(_D, "?of the captured bytes"),
        stderr_sha256=(_D, "?of the captured bytes"),
        truncated=(Kind.BOOL, "?output was cut at its cap"),
    ),
    "sandbox.lost": _event(
        "The process that watched a container was killed. The container is removed; nothing is known of its end.",
        container_id=_CONTAINER,
        purpose=(_T, "as in `sandbox.created`"),
        program_sha256=(_D, "for `run`; empty for a cell"),
    ),
    "sandbox.faulted": _event(
        "The platform failed a program, which is nobody's score: it is tried again, or the run ends.",
        purpose=(_T, "as in `sandbox.created`"),
        program_sha256=(_D, "of the program that was at hand; empty for a cell"),
        attempt=(_I, "which of its attempts this was, from 1"),
        what=(_T, "what the host saw, escaped"),
    ),
    "outputs.verified": _event(
        "The host read the output after the container's death, and it held.",
        program_sha256=_PROGRAM,
        container_id=(_T, "of the container that wrote it"),
        output_sha256=(_D, "of the raw output bytes"),
        output_bytes=(_I, "length"),
        tensors_sha256=(_D, "of the canonical JSON list of [name, sha256] (blob)"),
        norm_ratio=(_N, "norm of the merged task vector over the largest candidate's"),
        tolerance=(
            _M,
            "?dtype -> how far a replay on another class of machine may be off, in units in the last place of a "
            "tensor's largest element",
        ),
    ),
    "eval.completed": _event(
        "A verified program's model was scored on one split.",
        program_sha256=_PROGRAM,
        output_sha256=(_D, "as in `outputs.verified`"),
        iteration=_ITERATION,
        split=(_T, "`dev` or `test`"),
        items=(_I, "of the split"),
        correct=_BITS,
        accuracy=_ACCURACY,
        seconds=(_N, "wall clock"),
    ),
    "candidate.rejected": _event(
        "The end of a program that is not scored.",
        program_sha256=_PROGRAM,
        iteration=_ITERATION,
        stage=(_T, "a `candidate.Stage`"),
        reason=(_T, "a `candidate.Reason`"),
        detail=(_T, "a sentence for people, escaped, at most 2,000 characters"),
    ),
    "split.opened": _event(
        "A sealed split is about to be read: written before the first item is asked.",
        split=(_T, "`test`"),
        items=(_I, "of the split"),
        items_sha256=(_D, "as in `inputs.resolved`"),
        programs=(_L, "ids of the programs that will see it, best by dev first"),
    ),
    "dpo.pair_created": _event(
        "A preference pair, with the entries that it rests on.",
        iteration=(_I, "whose programs were learnt from"),
        pair=(_I, "within the iteration, from 0"),
        chosen=(_T, "program id"),
        rejected=(_T, "program id"),
        chosen_sha256=(_D, "program digest"),
        rejected_sha256=(_D, "program digest"),
        chosen_entries=(_L, "the indices that `require_chain` returned"),
        rejected_entries=(_L, "the same; for an unscored program, its history"),
        margin=(_N, "difference of dev accuracies"),
        prompt_sha256=(_D, "of the prompt that both answer"),
    ),
    "dpo.trained": _event(
        "The factory was trained; the next iteration samples from it.",
        iteration=(_I, "whose programs were learnt from"),
        pairs=(_I, "how many"),
        pairs_sha256=(_D, "of the canonical JSON list of the pair entries' hashes, in training order"),
        method=(_T, "`lora` or `full`"),
        base_sha256=(_D, "of the weights that training began from"),
        adapter_sha256=(_D, "of the weights that came out"),
        steps=(_I, "optimiser steps"),
        seconds=(_N, "wall clock"),
        metrics=(_M, "TRL's name -> last value (decimal): loss, rewards/accuracies, rewards/margins, ..."),
        history=(_L, '?at most 100 of {"step": int, "loss": decimal, "accuracy": decimal, "margin": decimal}'),
    ),
    "dpo.skipped": _event(
        'No training after this iteration: too few pairs, the last iteration, or `learn = "none"`.',
        iteration=_ITERATION,
        pairs=(_I, "that there were"),
        why=(_T, "a sentence for people"),
    ),
    "run.completed": _event(
        "The run reached its end.",
        programs=(_I, "generated in all"),
        scored=(_I, "with a dev score"),
        best=(_T, "program id of the best dev score, or empty"),
        best_accuracy=(_N, "its dev accuracy"),
        seconds=(_N, "wall clock"),
    ),
    "run.failed": _event(
        "The platform failed; what was recorded until here stands.",
        error=(_T, "name of the exception's class"),
        message=(_T, "what happened, escaped"),
        stage=(_T, "?that was at work"),
    ),
    "run.interrupted": _event(
        "Somebody stopped the run.",
        signal=(_T, "`SIGINT`, `SIGTERM` or `SIGHUP`"),
        stage=(_T, "?that was at work"),
    ),
    "report.written": _event(
        "The report exists. It covers the entries up to the run's end, so that writing it again gives the same bytes.",
        sha256=(_D, "of report.html"),
        bytes=(_I, "its length"),
    ),
    "checkpoint.witnessed": _event(
        "A witness has cosigned a checkpoint of this log: it has seen it grow to there, and no other way.",
        size=(_I, "entries that it vouches for"),
        root=(_D, "of the tree over them"),
        witness=(Kind.VKEY, "the witness's verifier key, `<name>+<key id>+<key>`"),
        time=(_I, "seconds since 1970, by the witness's clock"),
        cosignature=(Kind.BASE64, "as in the checkpoint's signature line (docs/ledger-format.md, section 11)"),
    ),
    "witness.failed": _event(
        "A witness gave no cosignature where it had before, or at the start. Written once until it gives one again.",
        witness=(Kind.VKEY, "the witness's verifier key"),
        where=(_T, "its directory or URL, as configured"),
        why=(_T, "what it or the network said"),
        size=(_I, "entries that it vouches for so far, as this process knows"),
    ),
    "log.recovered": _event(
        "A process died while it wrote: what it had not acknowledged was cut from the file and kept beside it.",
        size=(_I, "entries before this one"),
        root=(_D, "of the tree over them"),
        torn_bytes=(_I, "that were cut off"),
        torn_sha256=(_D, "of these bytes"),
        kept=(_T, "name of the file beside the ledger that keeps them"),
    ),
    "log.key_rotated": _event(
        "Another key signs from the next commit on. The commit that holds this entry is signed by the old one.",
        size=(_I, "entries before this one"),
        root=(_D, "of the tree over them"),
        old_vkey=(Kind.VKEY, "that signed until here"),
        new_vkey=(Kind.VKEY, "that signs what follows"),
    ),
    "log.reopened": _event(
        "Another process took the log up again: the run goes on. What is recorded from here on is its work.",
        size=(_I, "entries before this one"),
        root=(_D, "of the tree over them"),
        closed=(Kind.BOOL, "whether the process before it had closed the log; false: it was killed"),
    ),
    "log.closed": _event(
        "The process that wrote the log has put it away. Nothing follows, unless the log is reopened.",
        size=(_I, "entries before this one"),
        root=(_D, "of the tree over them"),
    ),
}

TERMINAL_TYPES = frozenset({"run.completed", "run.failed", "run.interrupted"})
"""The types that end a run. At most one of them between two `log.reopened`, and none after `run.completed`."""

REOPENING_TYPES = frozenset({"log.recovered", "log.reopened"})
"""What alone may follow `log.closed`."""


def reference() -> str:
    """Return the event table as Markdown: the generated part of `docs/events.md`."""
    sections = []
    for name, event in EVENT_TYPES.items():
        rows = [
            f"| `{key}` | {spec.kind}{'' if spec.required else ', optional'} | {spec.meaning} |"
            for key, spec in event.keys.items()
        ]
        table = "\n".join(["| key | kind | meaning |", "|---|---|---|", *rows])
        sections.append(f"### `{name}`\n\n{event.meaning}\n\n{table}\n")
    return "\n".join(sections)
