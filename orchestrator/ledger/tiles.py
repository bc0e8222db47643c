"""Writes a log as static tiles, as https://c2sp.org/tlog-tiles has them, for servers and tools that read these.

Derived from the log, which is verified on the way, and never read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import LedgerError, UsageError
from orchestrator.ledger.reading import batches_of
from orchestrator.ledger.tree import node_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_GROUP = 1000


def export(path: Path, out: Path) -> int:
    """Write the tiles of a log into a new or empty directory; return the log's size.

    Raises:
        LedgerError: the log is damaged.
        UsageError: the directory holds something, or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: expected a new or empty directory", remedy="pass another --out, or remove it")
    leaves: list[bytes] = []
    bundle: list[bytes] = []
    note = None
    try:
        for batch in batches_of(path):
            note = batch.note
            for leaf in batch.leaves:
                leaves.append(leaf.hash)
                bundle.append(leaf.line)
                if len(bundle) == TILE_WIDTH:
                    _put(out / "tile" / "entries", len(leaves) // TILE_WIDTH - 1, _entries(bundle), TILE_WIDTH)
                    bundle = []
        if bundle:
            _put(out / "tile" / "entries", len(leaves) // TILE_WIDTH, _entries(bundle), len(bundle))
        _hash_tiles(leaves, out / "tile")
        if note is None:
            raise LedgerError(f"{path}: expected a log, found nothing")
        (out / "checkpoint").write_bytes(note.render())
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be written: {error.strerror}", remedy="pass an --out that you may write"
        ) from error
    return len(leaves)


def _hash_tiles(hashes: Sequence[bytes], folder: Path) -> None:
    level = 0
    while hashes:
        for number, start in enumerate(range(0, len(hashes), TILE_WIDTH)):
            tile = hashes[start : start + TILE_WIDTH]
            _put(folder / str(level), number, b"".join(tile), len(tile))
        hashes, level = _above(hashes), level + 1


def _above(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the roots of the full tiles: the hashes of the next level."""
    for _ in range(TILE_HEIGHT):
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes) - 1, 2)]
    return list(hashes)


def _entries(lines: Sequence[bytes]) -> bytes:
    return b"".join(len(line).to_bytes(2, "big") + line for line in lines)


def _put(folder: Path, number: int, data: bytes, width: int) -> None:
    path = folder / tile_name(number, width)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def tile_name(number: int, width: int) -> str:
    """Return a tile's path below its level: `x001/x234/067`, and `.p/<width>` after it while it is not full."""
    groups = [f"{number % _GROUP:03}"]
    while number >= _GROUP:
        number //= _GROUP
        groups.insert(0, f"x{number % _GROUP:03}")
    return "/".join(groups) + (f".p/{width}" if width < TILE_WIDTH else "")
