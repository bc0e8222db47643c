"""A few words of the docker command, spoken through docker-py: for machines with an engine and no command.

    python -m scripts.docker_py version | image inspect NAME | pull NAME | import - NAME | build OPTIONS -

Only what set-up uses. Runs in the virtual environment.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterable
from typing import Any

from orchestrator.errors import AssayError
from orchestrator.sandbox.engine import DockerException, connect


def main(arguments: list[str]) -> int:
    """Run one word; the exit status is the docker command's."""
    try:
        with contextlib.closing(connect()) as client:
            return _dispatch(client.api, arguments)
    except (AssayError, DockerException) as error:
        print(error, file=sys.stderr)
        return 1


def _dispatch(api: Any, arguments: list[str]) -> int:
    match arguments:
        case ["version", *_]:
            print(api.version()["Version"])
        case ["image", "inspect", name]:
            print(json.dumps([api.inspect_image(name)]))
        case ["pull", name]:
            return _show(api.pull(name, stream=True, decode=True))
        case ["import", "-", name]:
            repository, _, tag = name.partition(":")
            answer = api.import_image_from_data(sys.stdin.buffer, repository=repository, tag=tag or "latest")
            return _show(json.loads(line) for line in answer.splitlines())
        case ["build", *options]:
            return _build(api, options)
        case _:
            print(f"not understood: {arguments}", file=sys.stderr)
            return 2
    return 0


def _build(api: Any, options: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--network")
    parser.add_argument("--target")
    parser.add_argument("--tag")
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--label", action="append", default=[])
    parser.add_argument("context", choices=["-"])
    chosen = parser.parse_args(options)
    events = api.build(
        fileobj=sys.stdin.buffer,
        custom_context=True,
        rm=True,
        decode=True,
        tag=chosen.tag,
        target=chosen.target,
        network_mode=chosen.network,
        buildargs=dict(pair.split("=", 1) for pair in chosen.build_arg),
        labels=dict(pair.split("=", 1) for pair in chosen.label),
    )
    return _show(events)


def _show(events: Iterable[dict[str, Any]]) -> int:
    """Print the engine's progress; 1 if it reported an error."""
    failed = 0
    for event in events:
        if text := str(event.get("error") or event.get("stream") or event.get("status") or "").strip():
            print(text, flush=True)
        failed |= "error" in event
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
