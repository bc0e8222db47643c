"""Every exception that Assay raises on purpose, drawn as one tree by boundary.

A program's fault is never an exception: it is a `candidate.Rejection`, a value. What is raised here
is the user's mistake or the platform's fault, is never scored and never becomes training signal.

    AssayError                  anything that we can explain in one message; exit code 3
    |-- UsageError              the user's input: a config key, a path, a flag; exit code 2
    |   |-- ConfigError         a key that is missing, malformed or unknown
    |   `-- ModelError          model directories that cannot be merged
    |-- PreflightError          this machine lacks something that the run asked for
    |-- SandboxError            engine, image, container start: the platform's, not the program's
    |-- StorageError            a file of the run could not be read or written: disk full, read-only, gone
    |-- LedgerError             the record is damaged, or cannot be written
    |-- EngineError             generation, evaluation or training failed for our own reasons
    `-- Interrupted             Ctrl-C, SIGTERM or SIGHUP, after everything was put away; exit code 130

The command line alone turns these into exit codes and text (`cli.py`).
"""


class AssayError(Exception):
    """Base of all errors raised on purpose: `what` happened, and the `remedy` in one sentence."""

    exit_code = 3

    def __init__(self, what: str, *, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  -> {self.remedy}" if self.remedy else self.what


class UsageError(AssayError):
    """The user's input is wrong; nothing was started."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration key is missing, malformed or unknown."""


class ModelError(UsageError):
    """Model directories are missing, unreadable, or do not fit each other."""


class PreflightError(AssayError):
    """A protection or resource that was asked for is not to be had on this machine."""


class SandboxError(AssayError):
    """The engine, the image or a container failed for reasons of the platform."""


class StorageError(AssayError):
    """A file of the run could not be read or written."""


class LedgerError(AssayError):
    """The ledger is damaged or cannot be written."""


class EngineError(AssayError):
    """Generation, evaluation or training failed for reasons of the platform."""


class Interrupted(AssayError):  # noqa: N818 - it is no error of anybody
    """The user (or the service manager) ended the run; containers are removed and the record is kept."""

    exit_code = 130  # 128 + SIGINT, as shells expect
