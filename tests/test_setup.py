"""Set-up's decisions, and the console that runs its commands; what needs root is tried by `.ci/run`.

Longer than others: each case sets up the same pretended machine, which is here.
"""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import socketserver
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from sandbox_image.source import source_digest
from scripts import base_image, client, engine, host, image, wheelhouse
from scripts.console import CommandError, Console, SetupError

ROOT = Path(__file__).resolve().parents[1]
NOTHING = engine.State(
    answers=False, chosen="", rootless="", socket_denied=False, installed=False, systemd=False, root=True
)


def state(**found: object) -> engine.State:
    return dataclasses.replace(NOTHING, **found)  # type: ignore[arg-type]


# -- engine: what to do ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "action"),
    [
        ({"answers": True, "root": False}, engine.Action.USE),
        ({"answers": True, "chosen": "tcp://elsewhere:2375"}, engine.Action.USE),
        ({}, engine.Action.INSTALL),
        ({"installed": True, "systemd": True}, engine.Action.START_SERVICE),
        ({"installed": True}, engine.Action.START_DAEMON),
    ],
)
def test_the_least_that_gives_an_engine_is_done(found: dict[str, object], action: engine.Action) -> None:
    assert engine.decide(state(**found)) is action


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        ({"chosen": "unix:///nowhere"}, "unset DOCKER_HOST"),
        ({"root": False, "installed": True}, "sudo make engine"),
        ({"root": False, "socket_denied": True}, "usermod -aG docker"),
        ({"rootless": "unix:///run/user/1/docker.sock"}, "export DOCKER_HOST=unix:///run/user/1/docker.sock"),
    ],
)
def test_where_no_engine_can_be_had_the_remedy_is_named(found: dict[str, object], remedy: str) -> None:
    with pytest.raises(SetupError) as caught:
        engine.decide(state(**found))
    assert remedy in caught.value.remedy


def test_an_engine_that_was_chosen_is_never_replaced_by_another() -> None:
    with pytest.raises(SetupError, match="DOCKER_HOST=tcp://elsewhere:2375"):
        engine.decide(state(chosen="tcp://elsewhere:2375", installed=True))


# -- engine: does it answer ------------------------------------------------------------------------


class _Pong(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_ping" else 404)
        self.end_headers()

    def address_string(self) -> str:  # a unix peer has none
        return "unix"

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def ponging(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "engine.sock"
    with socketserver.UnixStreamServer(str(path), _Pong) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


def test_an_engine_on_a_unix_socket_is_heard(ponging: str) -> None:
    assert engine.answers(ponging)


def test_a_socket_that_nobody_serves_is_no_engine(tmp_path: Path) -> None:
    assert not engine.answers(f"unix://{tmp_path / 'none.sock'}")


def test_a_port_that_nobody_serves_is_no_engine() -> None:
    assert not engine.answers("tcp://127.0.0.1:1")


# -- system packages -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("privileges", "remedy"),
    [
        (host.Privileges(root=True, apt=True, forbidden=True), "apt-get install docker.io"),
        (host.Privileges(root=False, apt=True, forbidden=False), "sudo apt-get install docker.io"),
        (host.Privileges(root=True, apt=False, forbidden=False), "package manager"),
    ],
)
def test_nothing_is_installed_without_leave(privileges: host.Privileges, remedy: str) -> None:
    with pytest.raises(SetupError) as caught:
        host.install(Console(io.StringIO()), ("docker.io",), "no engine is installed", privileges)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(("value", "forbidden"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_one_variable_forbids_installing(value: str, forbidden: bool) -> None:
    assert host.Privileges.found({"ASSAY_NO_SYSTEM_INSTALL": value}).forbidden is forbidden


# -- the mirror to make a base from ----------------------------------------------------------------

DEB822 = """\
Types: deb
URIs: https://tools.example/apt
Suites: nodistro
Components: main

Enabled: no
Types: deb
URIs: https://off.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
URIs: http://mirror.example/pub/deb
Suites: bookworm bookworm-updates
Components: main contrib
"""
ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://old.example/debian/ bullseye main  # similar
deb cdrom:[Debian]/ bookworm main
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_the_mirror_of_this_very_suite_is_taken(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    (apt / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert host.debian_mirror("bookworm", apt, {}) == "http://mirror.example/pub/deb"


def test_a_mirror_of_another_suite_serves_where_there_is_no_better(apt: Path) -> None:
    (apt / "sources.list").write_text(ONE_LINE)
    assert host.debian_mirror("bookworm", apt, {}) == "http://old.example/debian/"


def test_a_machine_that_is_not_debian_has_no_mirror(apt: Path) -> None:
    (apt / "sources.list").write_text("deb http://archive.example/ubuntu noble main universe\n")
    assert host.debian_mirror("bookworm", apt, {}) is None


def test_a_mirror_can_be_named(apt: Path) -> None:
    chosen = {"ASSAY_DEBIAN_MIRROR": "http://named.example/debian"}
    assert host.debian_mirror("bookworm", apt, chosen) == "http://named.example/debian"


@pytest.mark.parametrize(
    ("root", "mirror", "remedy"),
    [(False, "http://mirror.example/debian", "sudo make image"), (True, None, "ASSAY_DEBIAN_MIRROR")],
)
def test_where_no_base_can_be_made_the_remedy_is_named(root: bool, mirror: str | None, remedy: str) -> None:
    with pytest.raises(SetupError) as caught:
        base_image.check_makeable(root=root, mirror=mirror)
    assert remedy in caught.value.remedy


# -- the image's sources ---------------------------------------------------------------------------


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for package in ("sandbox_image", "policies"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f"# {package}\n")
    return tmp_path


def test_a_changed_source_changes_the_digest(sources: Path) -> None:
    before = source_digest(sources)
    (sources / "policies" / "__init__.py").write_text("# changed\n")
    assert source_digest(sources) != before


def test_a_renamed_source_changes_the_digest(sources: Path) -> None:
    before = source_digest(sources)
    (sources / "policies" / "__init__.py").rename(sources / "policies" / "other.py")
    assert source_digest(sources) != before


def test_content_cannot_move_between_files_unnoticed(sources: Path) -> None:
    (sources / "policies" / "a.py").write_text("xy")
    (sources / "policies" / "b.py").write_text("")
    before = source_digest(sources)
    (sources / "policies" / "a.py").write_text("x")
    (sources / "policies" / "b.py").write_text("y")
    assert source_digest(sources) != before


def test_bytecode_does_not_change_the_digest(sources: Path) -> None:
    before = source_digest(sources)
    (sources / "policies" / "__pycache__").mkdir()
    (sources / "policies" / "__pycache__" / "x.py").write_text("not a source")
    (sources / "policies" / "x.pyc").write_bytes(b"\0")
    assert source_digest(sources) == before


def test_the_build_sees_sources_and_wheels_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "torch-1.whl").write_bytes(b"wheel")
    stream = io.BytesIO()
    image.write_context(stream, tmp_path)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as archive:
        names = archive.getnames()
    top = {name.split("/")[0] for name in names}
    assert top == {"Dockerfile", "strip_root.py", "requirements.lock", "wheels", "sandbox_image", "policies"}
    assert "wheels/torch-1.whl" in names


def test_the_same_sources_give_the_same_context_whatever_the_umask(tmp_path: Path) -> None:
    wheel = tmp_path / "torch-1.whl"
    wheel.write_bytes(b"wheel")
    contexts = []
    for mode in (0o600, 0o755):
        wheel.chmod(mode)
        os.utime(wheel, (mode, mode))
        stream = io.BytesIO()
        image.write_context(stream, tmp_path)
        contexts.append(stream.getvalue())
    assert contexts[0] == contexts[1]


def test_another_base_or_other_wheels_rebuild_the_image() -> None:
    digests = {image.recipe_digest(base, Path(wheels)) for base in "ab" for wheels in ("x", "y")}
    assert len(digests) == 4


def test_the_dockerfile_s_default_base_is_the_one_that_set_up_pulls() -> None:
    assert f"ARG BASE={base_image.PUBLIC}\n" in image.DOCKERFILE.read_text()


def test_wheels_for_another_python_are_asked_for_by_platform() -> None:
    assert wheelhouse.foreign("3.11") == []
    assert "cp311" in wheelhouse.foreign("3.12")


def test_every_pin_of_the_image_is_exact() -> None:
    lines = [line for line in wheelhouse.LOCK.read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    assert [line for line in lines if "==" not in line] == []


# -- the console -----------------------------------------------------------------------------------


def test_a_command_that_fails_gives_its_last_lines() -> None:
    code = "print('first'); print('\\x1b[31mthe reason\\x1b[0m'); raise SystemExit(3)"
    with pytest.raises(CommandError, match="exited with 3") as caught:
        Console(io.StringIO()).run([sys.executable, "-c", code])
    assert caught.value.tail == ("first", "the reason")


def test_a_command_that_says_nothing_in_time_is_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(CommandError, match="gave no answer"):
        Console(io.StringIO()).run(["sleep", "60"], first_line_seconds=0.3)
    assert time.monotonic() - began < 10


def test_what_is_fed_arrives() -> None:
    tail = Console(io.StringIO()).run(["cat"], feed=lambda pipe: pipe.write(b"one\ntwo\n"))  # type: ignore[arg-type,return-value]
    assert tail == ["one", "two"]


def test_a_feed_that_breaks_off_is_a_failure_even_if_the_command_was_content() -> None:
    def broken(pipe: object) -> None:
        raise OSError("disk on fire")

    with pytest.raises(CommandError) as caught:
        Console(io.StringIO()).run(["cat"], feed=broken)
    assert caught.value.last_line == "disk on fire"


def test_plain_output_has_steps_with_numbers_and_seconds() -> None:
    stream = io.StringIO()
    console = Console(stream, clock=iter([10.0, 12.5, 12.5, 13.0]).__next__)
    console.plan(2)
    console.step("first")
    console.done("ready")
    assert stream.getvalue() == "[1/2] first: ready (2.5 s)\n"


INTERRUPTED = """
import io, sys
from scripts.console import Console
try:
    Console(io.StringIO()).run(["sh", "-c", "echo $$ > {pid}; sleep 600 & wait"])
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_an_interrupt_ends_the_command_and_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    setup = subprocess.Popen([sys.executable, "-c", INTERRUPTED.format(pid=pid)], cwd=ROOT)
    wait_for(lambda: pid.exists() and pid.read_text().strip() != "")
    setup.send_signal(signal.SIGINT)
    assert setup.wait(20) == 130
    wait_for(lambda: group_is_gone(int(pid.read_text())))


def test_a_second_set_up_waits_for_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path))
    order: list[str] = []

    def second() -> None:
        with host.one_at_a_time(Console(io.StringIO())):
            order.append("second")

    thread = threading.Thread(target=second)
    with host.one_at_a_time(Console(io.StringIO())):
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_cache_that_cannot_be_made_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "file" / "cache"))
    with (
        pytest.raises(SetupError, match="cannot be written") as caught,
        host.one_at_a_time(Console(io.StringIO())),
    ):
        pass
    assert "ASSAY_CACHE" in caught.value.remedy


def wait_for(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


# -- as a program ----------------------------------------------------------------------------------


def set_up(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.setup", *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_dead_engine_stops_set_up_with_one_sentence(tmp_path: Path) -> None:
    result = set_up("engine", DOCKER_HOST=f"unix://{tmp_path}/dead.sock", ASSAY_CACHE=str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [
        f"no container engine answers at DOCKER_HOST=unix://{tmp_path}/dead.sock",
        "  -> start that one, or run `unset DOCKER_HOST`",
    ]


def test_an_unknown_goal_is_a_usage_error() -> None:
    assert set_up("everything").returncode == 2


@pytest.mark.docker
def test_the_stand_in_for_the_docker_command_finds_the_same_image(monkeypatch: pytest.MonkeyPatch) -> None:
    found = client.inspect(image.NAME)
    monkeypatch.setattr(client, "docker", lambda: client.STAND_IN)
    assert found is not None
    assert (client.inspect(image.NAME) or {}).get("Id") == found["Id"]


@pytest.mark.docker
def test_the_stand_in_for_the_docker_command_reports_a_missing_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "docker", lambda: client.STAND_IN)
    assert client.inspect("assay-no-such-image") is None
