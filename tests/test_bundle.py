"""Bundles: the same bytes for the same record, whole or refused, and nothing in them that leads elsewhere."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.bundle import MANIFEST, BundleError, opened, unpack, write_bundle
from orchestrator.errors import AssayError, LedgerError, StorageError, UsageError
from orchestrator.ledger import canonical, read
from tests.commands import assay
from tests.synthetic_run import SyntheticRun


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SyntheticRun:
    """A run whose best program's weights were kept."""
    run = SyntheticRun(tmp_path_factory.mktemp("runs") / "lab", programs=6, iterations=1)
    run.begin()
    run.iterate(1)
    output = run.blobs.put_bytes(b"weights of the best")
    name, program, _, _ = run.scored[0]
    verified = {
        "program_sha256": program,
        "container_id": "c",
        "output_sha256": output,
        "output_bytes": 19,
        "tensors_sha256": "",
        "norm_ratio": "1",
    }
    run.event("outputs.verified", verified, name)
    run.finish()
    run.ledger.close()
    (run.run_dir / "report.html").write_text("<html></html>")
    (run.run_dir / "log.jsonl").write_text("private\n")
    (run.run_dir / "secret.key").write_text("key")
    run.blobs.put_bytes(b"of nobody")
    return run


@pytest.fixture
def bundle(run: SyntheticRun, tmp_path: Path) -> Path:
    write_bundle(run.run_dir, tmp_path / "a.assay", weights=False)
    return tmp_path / "a.assay"


def names(bundle: Path) -> list[str]:
    with tarfile.open(bundle) as archive:
        return archive.getnames()


def test_what_the_ledger_names_goes_in_and_nothing_else(run: SyntheticRun, bundle: Path) -> None:
    programs = {entry.data["program_sha256"] for entry in read(run.run_dir / "ledger.jsonl") if entry.subject}
    blobs = sorted(f"blobs/{one}" for one in programs)
    assert names(bundle) == [MANIFEST, *blobs, "checkpoint", "ledger.jsonl", "report.html"]


def test_weights_go_in_if_they_are_asked_for(run: SyntheticRun, tmp_path: Path) -> None:
    write_bundle(run.run_dir, tmp_path / "a", weights=True)
    assert f"blobs/{hashlib.sha256(b'weights of the best').hexdigest()}" in names(tmp_path / "a")


def test_values_that_were_moved_out_of_the_ledger_go_along(tmp_path: Path) -> None:
    run = SyntheticRun(tmp_path / "lab", programs=2, iterations=1)
    run.begin()
    run.event("dpo.skipped", {"iteration": 1, "pairs": 0, "why": "long " * 5000})
    run.finish()
    run.ledger.close()
    write_bundle(run.run_dir, tmp_path / "a", weights=False)
    with opened(tmp_path / "a") as (folder, _):
        assert list(read(folder / "ledger.jsonl")) == list(read(run.run_dir / "ledger.jsonl"))


def test_the_same_record_gives_the_same_bytes_whenever_and_wherever(run: SyntheticRun, bundle: Path) -> None:
    for path in run.run_dir.rglob("*"):
        path.touch()
    (run.run_dir / "report.html").chmod(0o600)
    write_bundle(run.run_dir, bundle.with_name("b"), weights=False)
    assert bundle.read_bytes() == bundle.with_name("b").read_bytes()


def test_unpacked_it_is_the_run_s_files(run: SyntheticRun, bundle: Path) -> None:
    with opened(bundle) as (folder, is_bundle):
        assert is_bundle
        for path in folder.rglob("*"):
            if path.is_file():
                assert path.read_bytes() == (run.run_dir / path.relative_to(folder)).read_bytes()
    assert not folder.exists()


def test_a_run_directory_is_opened_as_it_is(run: SyntheticRun) -> None:
    with opened(run.run_dir) as found:
        assert found == (run.run_dir, False)


def test_a_damaged_record_is_not_passed_on(tmp_path: Path) -> None:
    run_dir = SyntheticRun(tmp_path / "lab", programs=2, iterations=1).write().run_dir
    data = (run_dir / "ledger.jsonl").read_bytes()
    (run_dir / "ledger.jsonl").write_bytes(data.replace(b'"seed":7', b'"seed":8', 1))
    with pytest.raises(LedgerError):
        write_bundle(run_dir, tmp_path / "a", weights=False)
    assert not (tmp_path / "a").exists()


def test_an_existing_file_is_not_replaced(run: SyntheticRun, bundle: Path) -> None:
    before = bundle.read_bytes()
    with pytest.raises(UsageError, match="new file"):
        write_bundle(run.run_dir, bundle, weights=False)
    assert bundle.read_bytes() == before
    assert [path.name for path in bundle.parent.iterdir()] == [bundle.name]


def refused(data: bytes, folder: Path) -> AssayError:
    """Return what a bundle of these bytes is refused with; nothing may be written beside the folder for it."""
    bundle, target = folder / "bad.assay", folder / "deep" / "target"
    target.mkdir(parents=True)
    bundle.write_bytes(data)
    with pytest.raises((BundleError, UsageError)) as caught:
        unpack(bundle, target)
    assert {path.name for path in folder.iterdir()} <= {"bad.assay", "deep", "a.assay"}
    assert [path.name for path in (folder / "deep").iterdir()] == ["target"]
    assert not any(path.is_symlink() for path in target.rglob("*"))
    return caught.value


def test_every_single_bit_of_headers_and_manifest_counts(bundle: Path, tmp_path: Path) -> None:
    data = bundle.read_bytes()
    end = 1024 + int(data[124:135], 8)
    for at in range(0, end, 7):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        (tmp_path / "bad").write_bytes(changed)
        folder = tmp_path / f"out-{at}"
        folder.mkdir()
        with pytest.raises((BundleError, UsageError)):
            unpack(tmp_path / "bad", folder)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 0.999])
def test_a_cut_bundle_is_refused(bundle: Path, tmp_path: Path, share: float) -> None:
    data = bundle.read_bytes()
    refused(data[: int(len(data) * share)], tmp_path)


def test_what_follows_the_end_is_refused(bundle: Path, tmp_path: Path) -> None:
    assert "end" in str(refused(bundle.read_bytes() + b"\0", tmp_path))


def test_a_changed_file_is_named(bundle: Path, tmp_path: Path) -> None:
    data = bytearray(bundle.read_bytes())
    at = data.index(b'"type":"run.started"')
    data[at + 9] ^= 1
    error = refused(bytes(data), tmp_path)
    assert isinstance(error, BundleError)
    assert "ledger.jsonl" in error.what


def archive(*members: tuple[tarfile.TarInfo, bytes], listed: list[dict[str, object]] | None = None) -> bytes:
    """Return a tar archive with a manifest that lists its members as plain files."""
    files = listed or [
        {"path": one.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for one, data in members
    ]
    manifest = canonical({"format": "assay-bundle/1", "files": files})
    head = tarfile.TarInfo(MANIFEST)
    head.size = len(manifest)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member, data in ((head, manifest), *members):
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def member(
    name: str, data: bytes = b"x", *, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, 0 if link else len(data)
    return info, b"" if link else data


LEDGER = member("ledger.jsonl", b"{}\n")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "blobs/../../evil",
        "blobs",
        "blobs/evil",
        "a/b",
        "",
        ".",
        "..",
        ".hidden",
        "bundle.json",
        "nul\0byte",
        "blobs/" + "A" * 64,
        "x" * 300,
    ],
)
def test_names_that_no_run_has_are_refused(name: str, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    listed: list[dict[str, object]] = [
        {"path": "ledger.jsonl", "bytes": 3, "sha256": hashlib.sha256(b"{}\n").hexdigest()},
        {"path": name, "bytes": 1, "sha256": digest},
    ]
    assert isinstance(refused(archive(LEDGER, member("x"), listed=listed), tmp_path), BundleError)


@pytest.mark.parametrize(
    "make",
    [
        lambda: member("report.html", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        lambda: member("report.html", kind=tarfile.LNKTYPE, link="ledger.jsonl"),
        lambda: member("report.html", kind=tarfile.FIFOTYPE),
        lambda: member("report.html", kind=tarfile.CHRTYPE),
        lambda: member("report.html", kind=tarfile.DIRTYPE),
        lambda: member("report.html", kind=tarfile.GNUTYPE_SPARSE),
    ],
)
def test_what_is_no_plain_file_is_refused(make: Callable[[], tuple[tarfile.TarInfo, bytes]], tmp_path: Path) -> None:
    assert isinstance(refused(archive(LEDGER, make()), tmp_path), BundleError)


def test_a_file_twice_is_refused(tmp_path: Path) -> None:
    assert isinstance(refused(archive(LEDGER, member("report.html"), member("report.html")), tmp_path), BundleError)


def test_a_file_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    listed: list[dict[str, object]] = [
        {"path": "ledger.jsonl", "bytes": 3, "sha256": hashlib.sha256(b"{}\n").hexdigest()}
    ]
    assert isinstance(refused(archive(LEDGER, member("extra"), listed=listed), tmp_path), BundleError)


@pytest.mark.parametrize("size", [-1, 2**60, "1", 1.5, None, True])
def test_sizes_that_cannot_be_are_refused_before_anything_is_written(size: object, tmp_path: Path) -> None:
    text = json.dumps(
        {"files": [{"bytes": size, "path": "ledger.jsonl", "sha256": "0" * 64}], "format": "assay-bundle/1"},
        separators=(",", ":"),
    ).encode()
    refused(with_manifest(text), tmp_path)
    assert not list((tmp_path / "deep" / "target").iterdir())


def with_manifest(text: bytes) -> bytes:
    """Return the beginning of a bundle with this manifest."""
    head = tarfile.TarInfo(MANIFEST)
    head.size = len(text)
    return head.tobuf(tarfile.GNU_FORMAT) + text + bytes(-len(text) % 512)


@pytest.mark.parametrize("many", [b"[],", b"{},", b"0,", b'{"a":[[]]},'])
def test_a_manifest_of_millions_is_refused_before_it_takes_memory(many: bytes, tmp_path: Path) -> None:
    text = b'{"files":[' + many * 2_000_000 + b'0],"format":"assay-bundle/1"}'
    tracemalloc.start()
    error = refused(with_manifest(text), tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(error, BundleError)
    assert peak < 4 * len(text)


def test_what_is_listed_and_not_there_takes_no_room(tmp_path: Path) -> None:
    text = json.dumps(
        {"files": [{"bytes": 2**35, "path": "ledger.jsonl", "sha256": "0" * 64}], "format": "assay-bundle/1"},
        separators=(",", ":"),
    ).encode()
    assert "end" in str(refused(with_manifest(text), tmp_path))
    assert not list((tmp_path / "deep" / "target").iterdir())


def test_a_sparse_bundle_larger_than_the_disk_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = {"files": [{"bytes": 2**30, "path": "ledger.jsonl", "sha256": "0" * 64}], "format": "assay-bundle/1"}
    head = with_manifest(canonical(listed))
    with (tmp_path / "sparse").open("wb") as file:
        file.write(head)
        file.truncate(len(head) + 512 + 2**30 + 1024)
    (tmp_path / "out").mkdir()
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**30 - 1))
    with pytest.raises(StorageError, match="free"):
        unpack(tmp_path / "sparse", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_blob_under_another_s_name_is_refused(tmp_path: Path) -> None:
    assert isinstance(refused(archive(LEDGER, member(f"blobs/{'0' * 64}")), tmp_path), BundleError)


def test_the_record_of_one_run_with_the_blobs_of_another_replays_nothing(bundle: Path, tmp_path: Path) -> None:
    other = SyntheticRun(tmp_path / "other", programs=6, iterations=1, chance=5).write()
    with tarfile.open(bundle) as tar:
        ours = [one for one in tar.getmembers() if one.name.startswith("blobs/")]
        blobs = [member(one.name, tar.extractfile(one).read()) for one in ours]  # type: ignore[union-attr]
    theirs = (other.run_dir / "ledger.jsonl").read_bytes()
    (tmp_path / "mixed").write_bytes(bytes_of(sorted([*blobs, member("ledger.jsonl", theirs)], key=name_of)))
    done = assay("replay", tmp_path / "mixed", "--programs", "all", "--json", "r.json", "--weakened", cwd=tmp_path)
    classes = {one["class"] for one in json.loads((tmp_path / "r.json").read_text())["programs"]}
    assert (classes, done.code) == ({"INPUT_UNAVAILABLE"}, 6), done.err


def name_of(one: tuple[tarfile.TarInfo, bytes]) -> str:
    return one[0].name


def bytes_of(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Return a whole bundle of these files, as `write_bundle` lays it out."""
    listed = [
        {"path": one.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for one, data in members
    ]
    body = with_manifest(canonical({"format": "assay-bundle/1", "files": listed}))
    for one, data in members:
        plain = tarfile.TarInfo(one.name)
        plain.size = len(data)
        body += plain.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512)
    return body + bytes(1024)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04" + bytes(600), bytes(2048), b"\x1f\x8b" + bytes(1000)])
def test_another_file_is_the_user_s_mistake(data: bytes, tmp_path: Path) -> None:
    assert isinstance(refused(data, tmp_path), UsageError)


def test_a_damaged_bundle_is_an_invalid_log_for_replay(bundle: Path, tmp_path: Path) -> None:
    data = bytearray(bundle.read_bytes())
    data[data.index(b'"type":"run.started"') + 9] ^= 1
    bundle.write_bytes(data)
    done = assay("replay", bundle, "--junit", "r.xml", cwd=tmp_path)
    assert (done.code, "LOG_INVALID" in done.out) == (4, True), done.err
    assert 'errors="1"' in (tmp_path / "r.xml").read_text()


def test_the_commands_bundle_and_show(run: SyntheticRun, tmp_path: Path) -> None:
    done = assay("bundle", run.run_dir, "-o", "run.assay", cwd=tmp_path)
    assert done.code == 0, done.err
    assert hashlib.sha256((tmp_path / "run.assay").read_bytes()).hexdigest() in done.out
    shown = assay("show", "run.assay", cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert len(shown.out.splitlines()) == 1 + run.programs
