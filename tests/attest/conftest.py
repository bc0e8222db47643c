"""What was verified by other tests, of logs of the same name, is not remembered here."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_memory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("held")
    monkeypatch.setenv("ASSAY_HELD", str(folder))
    return folder
