"""Runs programs in containers of a Docker engine.

Settings are `settings.py`'s business, one container's life `engine_container.py`'s, and everything that is
the same on another platform `pooled.py`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.config import RunConfig
from orchestrator.errors import PreflightError, SandboxError
from orchestrator.sandbox.engine import Client, connect, engine_address, engine_facts
from orchestrator.sandbox.engine_container import EngineContainer, engine_errors
from orchestrator.sandbox.engine_life import EngineLife, wait_for_engine
from orchestrator.sandbox.facts import EngineFacts
from orchestrator.sandbox.leftovers import reap
from orchestrator.sandbox.owner import LABEL_INSTANCE, remove_container
from orchestrator.sandbox.pooled import PooledSandbox
from orchestrator.sandbox.settings import Order, require_engine, runtime_of

_REMAPPED = ("name=userns", "name=rootless")  # options of an engine whose containers' uids are others on the host


class DockerSandbox(PooledSandbox):
    """A `Sandbox` on a Docker engine; see `base.Sandbox` for what it promises."""

    kind = "docker"

    def __init__(
        self,
        config: RunConfig,
        *,
        image_id: str,
        mounts: Sequence[tuple[Path, str]],
        run_id: str,
        work_dir: Path,
        walls: bool = True,
    ) -> None:
        super().__init__(config, image_id=image_id, mounts=mounts, run_id=run_id, work_dir=work_dir, walls=walls)
        self._facts = engine_facts(config.image.name)
        self._client: Client | None = None
        self._life: EngineLife | None = None
        self._life_lock = threading.Lock()

    def _require(self) -> None:
        if not self._facts.reachable:
            raise PreflightError(self._facts.error, remedy=self._facts.remedy)
        require_engine(self._config, self._facts)
        reap()

    def _connect(self) -> None:
        self._client = connect()

    def _disconnect(self) -> None:
        if self._life is not None:
            self._life.close()
        if self._client is not None:
            self._client.close()

    def _recover(self, stopped: Callable[[], bool]) -> None:
        wait_for_engine(stopped)

    def _start(self, order: Order) -> EngineContainer:
        if self._client is None:
            raise SandboxError("the sandbox is closed")
        return EngineContainer.start(self._client, self._present_life(self._client), order, self._config, self._facts)

    def _present_life(self, client: Client) -> EngineLife:
        """Watch the engine's next life where the last one is over."""
        with self._life_lock, engine_errors("the engine cannot be watched"):
            if self._life is None or self._life.over:
                self._life = EngineLife(client)
            return self._life

    def _remove_all(self) -> None:
        """Find them by their label."""
        if self._client is None:
            return
        with engine_errors("leftover containers cannot be removed"):
            label = {"label": [f"{LABEL_INSTANCE}={self.instance}"]}
            for found in self._client.api.containers(all=True, filters=label):
                remove_container(self._client, str(found["Id"]))

    def _output_owner(self, uid: int) -> int | None:
        return None if self._remapped else uid

    @property
    def _remapped(self) -> bool:
        return any(option.startswith(_REMAPPED) for option in self._facts.security_options)

    @property
    def _address(self) -> str:
        return engine_address()

    @property
    def _runtime(self) -> str:
        return runtime_of(self._config, self._facts)

    @property
    def _engine(self) -> EngineFacts:
        return self._facts

    def _platform(self) -> Mapping[str, Any]:
        return {
            "engine_version": self._facts.version,
            "cgroup_version": self._facts.cgroup_version,
            "apparmor": self._facts.apparmor,
        }
