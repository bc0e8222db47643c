"""One frozen `RunConfig` from one TOML file; recorded in full in every run.

The README's configuration reference is generated from these types: a field's description is its
documentation. Unknown keys are refused with the nearest known one. Nothing here looks at the machine.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from orchestrator.credentials import kinds, redacted
from orchestrator.errors import ConfigError
from orchestrator.protection import PROTECTIONS
from policies import profiles
from policies.dialect import dialect
from policies.profiles import STRICT


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Models(Section):
    """[models]: what is merged."""

    seed: Annotated[str, Field(description="Model directory (safetensors), or `lab:seed`.")]
    candidates: Annotated[
        dict[str, str],
        Field(min_length=1, description="Name -> model directory (or `lab:...`); same shapes as the seed."),
    ]
    include: Annotated[
        tuple[str, ...],
        Field(min_length=1, description="Glob patterns of the parameters to merge; the rest stay the seed's."),
    ] = ("*",)


class Generate(Section):
    """[generate]: the factory that writes programs."""

    backend: Annotated[Literal["hf", "scripted"], Field(description="`hf`: a transformer; `scripted`: files.")] = "hf"
    model: Annotated[str, Field(description="Factory model directory, or `lab:factory`.")] = "lab:factory"
    prompt: Annotated[
        Literal["lab", "paper"],
        Field(description="`lab`: the one line the lab's factory was trained on; `paper`: instructions and one shot."),
    ] = "lab"
    scripts: Annotated[str, Field(description="Folder of .py files, for `scripted`.")] = ""
    temperature: Annotated[float, Field(gt=0, le=5, description="T1, of the first iteration.")] = 1.2
    temperature_decay: Annotated[float, Field(ge=0, description="d in T_t = T1 / (1 + d (t - 1)).")] = 0.2
    top_p: Annotated[float, Field(gt=0, le=1, description="Nucleus sampling mass.")] = 0.95
    max_new_tokens: Annotated[int, Field(ge=1, description="Longest program, in tokens.")] = 200
    batch_size: Annotated[int, Field(ge=1, description="Programs sampled at once.")] = 32


class Image(Section):
    """[image]: the sandbox image."""

    name: Annotated[str, Field(description="Image that `make image` builds.")] = "assay-sandbox"
    digest: Annotated[
        str, Field(description="`sha256:...` image ID to insist on; empty takes what the name points to.")
    ] = ""


class Container(Section):
    """[container]: limits and settings of every container."""

    runtime: Annotated[str, Field(description="OCI runtime; empty is the engine's default (nvidia for cuda).")] = ""
    apparmor: Annotated[
        str,
        Field(description="AppArmor profile to insist on; empty asks for `docker-default` where the engine has any."),
    ] = ""
    gpu: Annotated[str, Field(description='GPU UUID or index for `device = "cuda"`.')] = "0"
    memory_mb: Annotated[int, Field(ge=64, description="Memory, swap included, in MiB.")] = 1024
    cpus: Annotated[float, Field(gt=0, description="CPU quota.")] = 1.0
    pids: Annotated[int, Field(ge=8, description="Processes and threads.")] = 32
    tmpfs_mb: Annotated[int, Field(ge=1, description="Size of /tmp in MiB (counts as memory).")] = 16
    nofile: Annotated[int, Field(ge=64, description="Open files.")] = 256
    timeout_seconds: Annotated[float, Field(gt=0, description="Wall clock from program handed over to killed.")] = 20.0
    startup_seconds: Annotated[float, Field(gt=0, description="Longest wait for a container to be ready.")] = 60.0
    parallel: Annotated[int, Field(ge=1, description="Containers running programs at once.")] = 2


class Screen(Section):
    """[screen]: the cheap trial on probe tensors."""

    timeout_seconds: Annotated[float, Field(gt=0, description="Wall clock per program.")] = 5.0
    programs_per_cell: Annotated[int, Field(ge=1, description="A cell is replaced after this many.")] = 64
    recheck: Annotated[
        float,
        Field(
            ge=0, le=1, description="Share of programs tried twice, the second time in fresh cells; see SECURITY.md."
        ),
    ] = 0.03


class Verify(Section):
    """[verify]: bounds on what may come out."""

    max_norm_ratio: Annotated[
        float, Field(gt=0, description="||merged task vector|| over the largest candidate's, at most.")
    ] = 10.0
    min_norm_ratio: Annotated[float, Field(ge=0, description="The same, at least.")] = 1e-6


class Evaluate(Section):
    """[evaluate]: what a merged model is scored on."""

    task: Annotated[Literal["lab", "gsm8k", "math500"], Field(description="Task whose items are asked.")] = "lab"
    data: Annotated[str, Field(description="JSONL file of the task's items; the lab brings its own.")] = ""
    dev_items: Annotated[int, Field(ge=1, description="Items that steer the search.")] = 800
    test_items: Annotated[int, Field(ge=1, description="Sealed items, opened once at the end.")] = 1000
    batch_size: Annotated[int, Field(ge=1, description="Prompts at once.")] = 256
    max_new_tokens: Annotated[int, Field(ge=1, description="Longest answer, in tokens.")] = 8
    shots: Annotated[int, Field(ge=0, description="Worked examples before each question.")] = 0
    finalists: Annotated[int, Field(ge=1, description="Best programs by dev score that see the test split.")] = 5
    grid: Annotated[
        tuple[float, ...], Field(min_length=1, description="Coefficients tried per model to tune task arithmetic.")
    ] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6)
    grid_points: Annotated[int, Field(ge=1, description="Most grid points evaluated.")] = 216


class Preferences(Section):
    """[preferences]: which scored programs become preference pairs (paper: 3 %, 10 %, 3)."""

    chosen_fraction: Annotated[float, Field(gt=0, le=1, description="Top share of the scored.")] = 0.03
    chosen_min: Annotated[int, Field(ge=1, description="At least this many chosen.")] = 3
    rejected_fraction: Annotated[float, Field(gt=0, le=1, description="Bottom share of the scored.")] = 0.10
    elite: Annotated[int, Field(ge=0, description="Best programs of each earlier iteration that join the chosen.")] = 3
    invalid_share: Annotated[
        float, Field(ge=0, le=1, description="Share of pairs whose rejected side failed before scoring (paper: 0).")
    ] = 0.0
    pairs: Annotated[int, Field(ge=1, description="Most pairs per iteration.")] = 96
    min_margin_se: Annotated[
        float, Field(ge=0, description="Pairs closer than this many standard errors of the difference are dropped.")
    ] = 1.0


class Dpo(Section):
    """[dpo]: TRL's DPOTrainer (paper: LoRA r 256, lr 1e-6, beta 0.01)."""

    method: Annotated[Literal["lora", "full"], Field(description="LoRA through peft, or all weights.")] = "lora"
    learning_rate: Annotated[float, Field(gt=0, description="AdamW peak rate.")] = 1e-6
    beta: Annotated[float, Field(gt=0, description="DPO temperature.")] = 0.01
    epochs: Annotated[float, Field(gt=0, description="Passes over the pairs.")] = 1.0
    batch_size: Annotated[int, Field(ge=1, description="Pairs per step.")] = 8
    lora_rank: Annotated[int, Field(ge=1, description="LoRA rank (alpha is the same).")] = 256
    max_length: Annotated[int, Field(ge=16, description="Tokens of prompt and program together.")] = 1024


_PUBLIC_CHARS = 44  # at the end of a verifier key: the base64 of its type and of the key alone


class LedgerSettings(Section):
    """[ledger]: who else vouches for the record while it is written (SECURITY.md)."""

    witnesses: Annotated[
        tuple[str, ...],
        Field(
            max_length=8,
            description="Directories (`assay ledger witness-init`; absolute paths) or URLs that cosign the record.",
        ),
    ] = ()
    witness_keys: Annotated[tuple[str, ...], Field(description="Their verifier keys, in the same order.")] = ()
    require_witness: Annotated[
        int,
        Field(ge=0, description="A run neither begins nor goes on nor completes unless so many vouch for its record."),
    ] = 0
    witness_every_s: Annotated[float, Field(gt=0, description="Seconds between two cosignatures.")] = 10.0
    witness_grace_s: Annotated[
        float, Field(gt=0, description="With `require_witness`: seconds without them after which a run is stopped.")
    ] = 60.0
    plain_http: Annotated[bool, Field(description="Permit http to witnesses on other hosts.")] = False

    @model_validator(mode="after")
    def _each_has_a_key(self) -> LedgerSettings:
        if len(self.witnesses) != len(self.witness_keys):
            raise ValueError(f"expected a key for each of {len(self.witnesses)} witnesses in witness_keys")
        if self.require_witness > len(self.witnesses):
            raise ValueError(f"require_witness = {self.require_witness}: expected as many in witnesses")
        if len({key[-_PUBLIC_CHARS:] for key in self.witness_keys}) < len(self.witness_keys):
            raise ValueError(
                "witness_keys: expected each key once, found one twice: it vouches once, whatever its name"
            )
        return self


class RunConfig(Section):
    """Top-level keys: what runs; sections: how."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Name of the run's folder.")]
    seed: Annotated[int, Field(ge=0, lt=2**31, description="All randomness of the run derives from it.")] = 0
    iterations: Annotated[int, Field(ge=1, description="Times that the factory writes, and then learns.")] = 3
    programs: Annotated[int, Field(ge=1, description="Programs sampled per iteration.")] = 100
    device: Annotated[Literal["cpu", "cuda"], Field(description="Where programs run.")] = "cpu"
    sandbox: Annotated[
        Literal["docker", "bubblewrap"],
        Field(
            description="What contains programs: an engine's containers, or `bubblewrap`, which is weaker "
            "(SECURITY.md) and needs no engine."
        ),
    ] = "docker"
    learn: Annotated[Literal["dpo", "none"], Field(description="`none` is the control without learning.")] = "dpo"
    allow_no_policy: Annotated[
        bool, Field(description="Permit `assay exec --no-policy`, which tests the container alone.")
    ] = False
    keep_best: Annotated[int, Field(ge=0, description="Merged weights kept after scoring, best first.")] = 15
    policy: Annotated[
        str,
        Field(
            description="Policy profile: `strict`, `paper` (narrower), or a TOML file that narrows one of them "
            "(docs/policy.md). What a file says becomes part of the record."
        ),
    ] = STRICT
    require: Annotated[
        tuple[str, ...],
        Field(
            description="Protections without which nothing is started, besides those that always are "
            "(`assay doctor` lists them and their state here)."
        ),
    ] = ()

    models: Models
    generate: Generate = Generate()
    image: Image = Image()
    container: Container = Container()
    screen: Screen = Screen()
    verify: Verify = Verify()
    evaluate: Evaluate = Evaluate()
    preferences: Preferences = Preferences()
    dpo: Dpo = Dpo()
    ledger: LedgerSettings = LedgerSettings()

    @field_validator("policy")
    @classmethod
    def _policy_is_a_profile(cls, value: str) -> str:
        """Put what a file says in the place of its name: the container and the record need the definition."""
        definition = profiles.named(value)
        dialect(definition)
        return definition

    @field_validator("require")
    @classmethod
    def _protections_are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in PROTECTIONS]:
            close = difflib.get_close_matches(unknown[0], PROTECTIONS, n=1, cutoff=0.5)
            meant = f"did you mean `{close[0]}`?" if close else f"known are {', '.join(PROTECTIONS)}"
            raise ValueError(f"unknown protection `{unknown[0]}`; {meant}")
        return names

    @model_validator(mode="after")
    def _finalists_are_kept(self) -> RunConfig:
        if self.keep_best < self.evaluate.finalists:
            raise ValueError(
                f"keep_best = {self.keep_best} is below [evaluate] finalists = {self.evaluate.finalists}: "
                "the finalists' weights would be gone before the test split is opened"
            )
        return self

    def temperature(self, iteration: int) -> float:
        """Sampling temperature of iteration t >= 1 (paper: T_t = T_1 / (1 + 0.2 (t - 1)))."""
        return self.generate.temperature / (1 + self.generate.temperature_decay * (iteration - 1))


def load_config(path: Path) -> RunConfig:
    """Read and validate a TOML file.

    Raises:
        ConfigError: unreadable, not TOML, or a key is missing, malformed or unknown (all are named).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}", remedy="pass a TOML file such as examples/lab.toml"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 (byte {error.start})", remedy="save it as UTF-8") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", remedy="mend the line that it names") from error
    return parse_config(raw, source=str(path))


def parse_config(raw: dict[str, Any], *, source: str) -> RunConfig:
    """Validate a decoded configuration; `source` names it in messages."""
    try:
        return RunConfig.model_validate(raw)
    except ValidationError as error:
        problems = [_explain(dict(item)) for item in error.errors()]
        raise ConfigError(
            f"{source}: " + "; ".join(problems), remedy="the README's configuration reference lists every key"
        ) from error


def require_no_credentials(config: RunConfig) -> None:
    """Refuse a configuration that holds a credential: its record would hold it, or could not be gone on from without.

    Raises:
        ConfigError: the key, and the kind of credential; not the value.
    """
    for key, value in _leaves(config.model_dump(mode="json"), ""):
        if found := kinds([key, value]):
            raise ConfigError(
                f"key `{redacted(key)}`: expected no credential, found {', '.join(sorted(found))}",
                remedy="what a run is told is recorded in full; put models and data where no credential is needed",
            )


def _leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Yield every value that is no map, with its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{at}.{key}" if at else key)
    else:
        yield at, value


def _explain(item: dict[str, Any]) -> str:
    """Turn one pydantic error into: key, what was expected, what was found, the nearest valid key."""
    location = tuple(str(part) for part in item["loc"])
    key = ".".join(location)
    if item["type"] == "extra_forbidden":
        return f"unknown key `{key}`{_nearest(location)}"
    if item["type"] == "missing":
        return f"missing key `{key}`"
    if not location:
        return str(item["msg"]).removeprefix("Value error, ")
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"key `{key}`: {message[0].lower()}{message[1:]}, found {item['input']!r:.80}"


def _nearest(location: tuple[str, ...]) -> str:
    keys = known_keys()
    known = [".".join(path) for path in keys] + sorted({path[0] for path in keys if len(path) > 1})
    key = ".".join(location)
    elsewhere = [path for path in known if path.split(".")[-1] == location[-1]]
    close = elsewhere or difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if not close:
        return ""
    place = " (at the top of the file, before the first [section])" if "." not in close[0] and "." in key else ""
    return f"; did you mean `{close[0]}`{place}?"


def known_keys() -> list[tuple[str, ...]]:
    """Return the path of every key that a configuration may hold."""
    keys: list[tuple[str, ...]] = []
    for name, field in RunConfig.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            keys.extend((name, inner) for inner in section.model_fields)
        else:
            keys.append((name,))
    return keys
