"""Content-addressed storage: whole or not at all, and checked on the way out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import blobs
from orchestrator.blobs import BlobError, BlobStore, MissingBlobError


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


@given(data=st.binary())
def test_bytes_come_back_under_their_digest(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    store = BlobStore(tmp_path_factory.mktemp("blobs"))
    digest = store.put_bytes(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert store.read(digest) == data


def test_pieces_are_one_blob(store: BlobStore) -> None:
    with store.writer() as blob:
        blob.write(b"a")
        blob.write(memoryview(b"b"))
        digest = blob.commit()
    assert store.read(digest) == b"ab"


def test_a_blob_that_is_not_committed_leaves_nothing(store: BlobStore) -> None:
    with store.writer() as blob:
        blob.write(b"half")
    assert list(store.root.iterdir()) == []


def test_an_interrupt_leaves_nothing(store: BlobStore) -> None:
    def interrupted() -> None:
        with store.writer() as blob:
            blob.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(store.root.iterdir()) == []


def test_the_same_content_twice_is_one_blob(store: BlobStore) -> None:
    assert store.put_bytes(b"x") == store.put_bytes(b"x")
    with store.writer() as blob:
        blob.write(b"x")
        blob.commit()
    assert len(list(store.root.iterdir())) == 1


def test_an_altered_blob_is_refused(store: BlobStore) -> None:
    path = store.path(store.put_bytes(b"true"))
    path.chmod(0o644)
    path.write_bytes(b"false")
    with pytest.raises(BlobError, match="do not have the digest"):
        store.read(path.name)


def test_a_link_in_a_blobs_place_is_not_followed(store: BlobStore, tmp_path: Path) -> None:
    path = store.path(store.put_bytes(b"true"))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BlobError, match="symbolic links"):
        store.read(path.name)


def test_a_dropped_blob_is_gone_and_dropping_again_is_no_error(store: BlobStore) -> None:
    digest = store.put_bytes(b"x")
    store.drop(digest)
    store.drop(digest)
    with pytest.raises(BlobError, match=digest):
        store.path(digest)


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_name_that_is_no_digest_is_refused(store: BlobStore, name: str) -> None:
    with pytest.raises(BlobError):
        store.path(name)


def test_checking_reads_the_bytes(store: BlobStore) -> None:
    path = store.path(store.put_bytes(b"weights"))
    store.check(path.name)
    path.chmod(0o644)
    path.write_bytes(b"weightz")
    with pytest.raises(BlobError, match="digest"):
        store.check(path.name)


def test_what_was_dropped_is_told_from_what_was_altered(store: BlobStore) -> None:
    digest = store.put_bytes(b"x")
    store.drop(digest)
    with pytest.raises(MissingBlobError):
        store.read(digest)


def test_a_store_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    BlobStore(tmp_path / "blobs", create=False)
    assert not (tmp_path / "blobs").exists()


def test_a_blob_that_is_too_large_for_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "MAX_READ_BYTES", 10)
    store = BlobStore(tmp_path)
    assert store.read(store.put_bytes(b"x" * 10)) == b"x" * 10
    with pytest.raises(BlobError, match="at most 10 bytes"):
        store.read(store.put_bytes(b"x" * 11))
