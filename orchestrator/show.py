"""`assay show`: what the record of a run says of one program, or of all, as JSON values and lines of text.

The ledger is verified as it is read. Text that came from programs is escaped: nothing shown here can move a
terminal's cursor. It judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from orchestrator.blobs import BlobError, BlobStore
from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger import FILE_NAME, Entry, TornTailError, read
from orchestrator.reporting.facts import spans
from orchestrator.reporting.life import life, marks, table
from orchestrator.text import printable

Shown = tuple[dict[str, Any], list[str]]
_WIDTH = 100  # items per line
_DIGITS = 12  # of a digest, where people read it
_MIB = 1024 * 1024
_SIZE = re.compile(r"(?:^|,)size=(\w+)")
_NO_SEED = "the seed was not scored on these items"


def programs_table(run_dir: Path) -> Shown:
    """Return a row per program.

    Raises:
        UsageError: no run directory.
        LedgerError: the record is damaged.
    """
    entries = tuple(_entries(run_dir))
    rows = table(entries)
    lines = [f"{'program':12} {'outcome':28} {'dev':>8} {'test':>8}  {'digest':{_DIGITS}}  entries"]
    lines += [
        printable(
            f"{row['program']:12} {row['outcome']:28} {_percent(row['dev']):>8} {_percent(row['test']):>8}  "
            f"{row['program_sha256'][:_DIGITS]}  {spans(row['entries'])}"
        )
        for row in rows
    ]
    return {"programs": rows, "entries": len(entries)}, lines


def one_program(run_dir: Path, program: str) -> Shown:
    """Return one program's life.

    Raises:
        UsageError: no run directory, or no such program.
        LedgerError: the record is damaged.
    """
    found = life(_entries(run_dir), program)
    if found is None:
        raise UsageError(
            f"no program {program!r:.80} is on record", remedy=f"`assay show {run_dir}` lists the programs"
        )
    try:
        blobs = BlobStore(run_dir / "blobs", create=False)
        found["source"] = blobs.read(found["generated"]["program_sha256"]).decode("utf-8", "backslashreplace")
    except BlobError as error:
        found["source"], found["source_missing"] = None, error.what
    return found, [printable(line) for line in _lines(found)]


def _entries(run_dir: Path) -> Iterator[Entry]:
    """Yield the entries; the torn last line of a killed run is left out."""
    ledger = run_dir / FILE_NAME
    if not ledger.is_file():
        raise UsageError(
            f"{run_dir}: expected a run directory with a {FILE_NAME}, or a bundle, found none",
            remedy="pass runs/<name>",
        )
    try:
        yield from read(ledger)
    except TornTailError:
        return
    except LedgerError as error:
        raise LedgerError(f"{ledger}: {error.what}", remedy=error.remedy) from error


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the screen, part by part."""
    yield from _head(found)
    for one in found["redactions"]:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in sorted(one["kinds"].items()))
        yield f"redacted   [{one['entry']}] in its {one['what']}: {kinds}"
    yield from _source(found)
    yield from _policy(found)
    yield from _screen(found)
    yield from _asked(found)
    for container in found["containers"]:
        yield from _container(container)
    for fault in found["faults"]:
        yield f"fault of the platform   [{fault['entry']}] attempt {fault['attempt']}: {fault['what']}"
    yield from _verified(found)
    for score in found["scores"]:
        yield from _score(score)
    for pair in found["pairs"]:
        yield (
            f"pair       [{pair['entry']}] {pair['side']} against {pair['other']}, margin {pair['margin'] or 'none'}, "
            f"iteration {pair['iteration']}, pair {pair['pair']}"
        )
    if rejected := found.get("rejected"):
        yield f"rejected   [{rejected['entry']}] at {rejected['stage']}: {rejected['reason']}: {rejected['detail']}"
    yield "entries    " + ", ".join(f"{entry['index']} {entry['type']}" for entry in found["entries"])


def _head(found: Mapping[str, Any]) -> Iterator[str]:
    data = found["generated"]
    yield f"program    {found['program']}, sha256 {data['program_sha256']}"
    written = f"by {data['model']}" if data["model"] else "from a file"
    sampled = f", temperature {data['temperature']}, top_p {data['top_p']}, seed {data['seed']}" * bool(data["model"])
    yield (
        f"written    [{data['entry']}] {written}, iteration {data['iteration']}, index {data['index']}, "
        f"{data['bytes']} bytes{sampled}"
    )


def _source(found: Mapping[str, Any]) -> Iterator[str]:
    if found["source"] is None:
        yield f"source     not there: {found['source_missing']}"
        return
    text = found["source"].removesuffix("\n")
    for number, line in enumerate(text.split("\n"), 1):
        yield f"{number:6} | {line}"


def _policy(found: Mapping[str, Any]) -> Iterator[str]:
    if not (data := found.get("policy")):
        return
    profile = f", profile {data['profile']}" if "profile" in data else ""
    yield f"policy     [{data['entry']}] {data['verdict']}{profile}, policy {data['policy_sha256'][:_DIGITS]}"
    for one in data["findings"]:
        yield f"           line {one['line']}:{one['column']}: {one['rule']}: {one['message']}"
    if data["findings_total"] > len(data["findings"]):
        yield f"           and {data['findings_total'] - len(data['findings'])} more"


def _screen(found: Mapping[str, Any]) -> Iterator[str]:
    if data := found.get("screen"):
        same = f", computes what {data['duplicate_of']} computes" if data["duplicate_of"] else ""
        mark = f", fingerprint {data['fingerprint'][:_DIGITS]}" if data["fingerprint"] else ""
        yield f"screen     [{data['entry']}] {data['verdict']}{same}{mark}"


def _asked(found: Mapping[str, Any]) -> Iterator[str]:
    """Show what the configuration asked for, where a container of its own followed."""
    asked = found["asked"].get("container")
    if asked and found["containers"]:
        image = found["asked"].get("image", {}).get("name", "")
        yield (
            f"asked      {found['asked'].get('sandbox', 'docker')}, image {image}, {asked['memory_mb']} MiB, "
            f"{asked['cpus']} cpus, {asked['pids']} processes, {asked['nofile']} files, /tmp {asked['tmpfs_mb']} MiB, "
            f"{asked['timeout_seconds']} s"
        )


def _container(container: Mapping[str, Any]) -> Iterator[str]:
    created, exited = container.get("created", {}), container.get("exited", {})
    identity, runtime = container["container_id"][:_DIGITS], created.get("runtime", "")
    yield f"container  [{created.get('entry', '-')}] {identity}, {runtime}"
    if effective := created.get("host_config"):
        yield f"effective  {_effective(effective)}"
        seccomp, image = created.get("seccomp_sha256", ""), created.get("image_id", "")
        yield f"           seccomp {seccomp[:_DIGITS]}, image {image[:19]}"
    if exited:
        flags = [name for name in ("oom_killed", "timed_out", "truncated") if exited.get(name)]
        wall, start = exited.get("wall_seconds") or "?", exited.get("startup_seconds") or "?"
        peak = f"{exited.get('peak_memory_bytes', 0) / _MIB:.1f} MiB"
        used = f"exit {exited['exit_code']}, {wall} s (start {start} s), peak {peak}"
        yield ", ".join((f"used       [{exited['entry']}] {used}", *flags))


def _effective(settings: Mapping[str, Any]) -> str:
    """Return the settings that bound a program, as they were read back; all of them are in the JSON form."""
    parts = []
    if memory := settings.get("Memory"):
        parts.append(f"{memory // _MIB} MiB")
    if cpus := settings.get("NanoCpus"):
        parts.append(f"{cpus / 1e9:g} cpus")
    if pids := settings.get("PidsLimit"):
        parts.append(f"{pids} processes")
    limits = {one["Name"]: one.get("Soft", 0) for one in settings.get("Ulimits") or ()}
    if files := limits.get("nofile"):
        parts.append(f"{files} files")
    parts += [f"{place} {size[0]}" for place, how in _tmpfs(settings) if (size := _SIZE.findall(how))]
    parts += [f"{key} {settings[key]}" for key in ("NetworkMode", "IpcMode", "User") if key in settings]
    parts += [f"{key} {','.join(settings[key])}" for key in ("CapDrop",) if key in settings]
    parts += ["read-only root"] * bool(settings.get("ReadonlyRootfs"))
    parts += ["no new privileges"] * any("no-new-privileges" in one for one in settings.get("SecurityOpt", ()))
    return ", ".join(parts) or f"{len(settings)} settings (--format json)"


def _tmpfs(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted((settings.get("Tmpfs") or {}).items())


def _verified(found: Mapping[str, Any]) -> Iterator[str]:
    if data := found.get("verified"):
        yield (
            f"verified   [{data['entry']}] output sha256 {data['output_sha256']}, {data['output_bytes']} bytes, "
            f"norm ratio {float(data['norm_ratio'] or 0):.4g}"
        )


def _score(score: Mapping[str, Any]) -> Iterator[str]:
    beside = score["seed"]
    text = f"{score['split']:10} [{score['entry']}] {_percent(score['accuracy'])} of {score['items']} items"
    if beside is None:
        yield f"{text}; {_NO_SEED}"
        return
    yield (
        f"{text}; seed [{beside['entry']}] {_percent(beside['accuracy'])}; both right {beside['both']}, program alone "
        f"{beside['only_program']} (+), seed alone {beside['only_seed']} (-), neither {beside['neither']} (.)"
    )
    line = marks(score["correct"], beside["correct"])
    for start in range(0, len(line), _WIDTH):
        yield f"{start:10} {line[start : start + _WIDTH]}"


def _percent(decimal: str) -> str:
    return f"{float(decimal):.1%}" if decimal else ""
