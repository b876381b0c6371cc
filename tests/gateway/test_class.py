"""A class: JupyterHub with its proxy, PostgreSQL, students, and a gateway as `luma-gateway init` sets it up.

Their kernels run ``%%luma`` cells. The demo service plays both vendors. Where the Hub or its proxy is missing, these
tests are skipped with the reason, unless ``LUMA_DATABASE_TESTS=required``.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest
from PIL import Image

from luma_jupyter.demo.server import DemoService, InjectedReply, RequestInfo, start
from luma_jupyter.gateway.command import hub_configuration
from tests.support.gateway_process import GatewayProcess
from tests.support.jupyterhub import Hub, running_hub
from tests.support.postgres import PostgresServer, missing
from tests.support.processes import free_port
from tests.support.students import Student
from tests.support.waiting import until

pytestmark = pytest.mark.slow

GROUP = ("ada", "ben")
CLIP_SECONDS = 1.0
AWAY_SECONDS = 4.0
CAPS = ("class", "--in-all", "1000")
# A server of kernels alone starts in half the time.
NOT_NEEDED = ("jupyter_lsp", "jupyter_server_terminals", "jupyterlab", "notebook", "notebook_shim")
MORE_FOR_HUB = f"""
c.JupyterHub.load_groups = {{"films": {list(GROUP)}}}
c.Spawner.args.extend({[f"--ServerApp.jpserver_extensions={name}=False" for name in NOT_NEEDED]})
"""
MORE = ("replicas = 2", "workers = 2", "acedata_price = 0.4", "runapi_price = 0.5")
VENDORS = ("acedata_base_url", "acedata_platform_url", "runapi_base_url")


def _without_prices(request: RequestInfo) -> InjectedReply | None:
    """The demo costs nothing; where it tells no price, the gateway's own setting counts."""
    silent = {
        "/api/v1/apis/": InjectedReply(200, b'{"count": 0, "items": []}'),
        "/api/v1/price_quotes": InjectedReply(404),
    }
    return silent.get(request.path)


@dataclass
class Class:
    """All that runs: ``conninfo`` is the gateway's database."""

    hub: Hub
    gateway: GatewayProcess
    vendors: DemoService
    conninfo: str
    students: dict[str, Student]

    @property
    def url(self) -> str:
        """The gateway's address, as students know it."""
        return f"{self.hub.url}/services/luma"

    def query(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query to the ledger."""
        with psycopg.connect(self.conninfo) as connection:
            return connection.execute(query, values).fetchall()  # type: ignore[arg-type]

    def secrets(self) -> list[str]:
        """What must never leave the gateway: the vendors' keys, its own, that of its database."""
        lines = [line.partition(" = ") for line in self.gateway.config.read_text().splitlines()]
        secret = [value.strip('"') for name, _, value in lines if name.endswith(("_token", "_key"))]
        assert len(secret) == 5
        return secret


@pytest.fixture(scope="module")
def lesson(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    """A class whose students' servers run."""
    home, port = tmp_path_factory.mktemp("class"), free_port()
    conninfo = postgres.conninfo(postgres.create())
    texts: list[str] = []

    def pasted(hub: Hub) -> str:
        text = hub_configuration(hub.url, "luma", "films", "teacher")
        text = text.replace(":8070", f":{port}").replace(":8081", f":{hub.hub_port}")
        for_hub, _, rest = text.partition("# 2. ")
        texts.append(f"# {rest.partition('# 3. ')[0]}")
        return f"{for_hub}\n{MORE_FOR_HUB}"

    environ = {"JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp", "IPYTHONDIR": str(home / "ipython")}
    with closing(_vendors()) as vendors, running_hub(home, environ, missing, pasted) as hub:
        students = {name: Student(hub, name) for name in (*GROUP, "eve")}
        for student in students.values():
            student.begin()
        config = home / "luma-gateway.toml"
        config.write_text(_filled_in(texts[0], vendors, conninfo, home))
        gateway = GatewayProcess(config, home / "gateway-log")
        try:
            gateway.command("cap", *CAPS)
            for student in students.values():
                student.arrive()
            yield Class(hub, gateway, vendors, conninfo, students)
        finally:
            for student in students.values():
                student.leave()
            gateway.end()
            gateway.close()


def _vendors() -> DemoService:
    return start(CLIP_SECONDS, hook=_without_prices, film_seconds=0.1)


def _filled_in(text: str, vendors: DemoService, conninfo: str, home: Path) -> str:
    """The gateway's file as a teacher fills it in."""
    keys = {
        "acedata_token": vendors.token,
        "acedata_platform_token": vendors.platform_token,
        "runapi_key": vendors.token,
        "database": conninfo,
        "media": (home / "media").as_uri(),
    }
    lines = [line.partition(" = ") for line in text.splitlines()]
    told = [f'{name} = "{keys[name]}"' if name in keys else f"{name}{equals}{old}" for name, equals, old in lines]
    more = [
        *(f'{name} = "{vendors.url}"' for name in VENDORS),
        "replicas = 2",
        "workers = 2",
        "acedata_price = 0.4",
        "runapi_price = 0.5",
    ]
    return "\n".join([*told, *more])


@pytest.fixture
def ada(lesson: Class) -> Student:
    """A student of the class."""
    return lesson.students["ada"]


@pytest.fixture
def ben(lesson: Class) -> Student:
    """A classmate."""
    return lesson.students["ben"]


def test_student_makes_films_with_the_class_key_alone(lesson: Class, ada: Student) -> None:
    """Generate from a picture, extend and modify: the kernel has one address, its own token, and no key."""
    Image.new("RGB", (640, 360), "navy").save(ada.folder / "night.png")
    assert ada.run("import os; print(os.environ['LUMA_JUPYTER_GATEWAY'])").printed.strip() == lesson.url
    for cell in (
        "%%luma -o boat --start-image night.png\nA boat at night",
        "%%luma extend boat -o storm\nA storm comes up",
        "%%luma modify boat -o snow\nIn snow",
    ):
        assert not ada.run(cell).error
    waited = ada.run("%luma wait")
    assert waited.error == ""
    ends = ada.value("[(clip.status, str(clip.path), clip.provider) for clip in (boat, storm, snow)]")
    assert [status for status, _, _ in ends] == ["completed"] * 3
    assert [provider for _, _, provider in ends] == ["acedata", "acedata", "runapi"]
    for _, path, _ in ends:
        assert (ada.folder / path).read_bytes()[4:8] == b"ftyp"
    shown = ada.run("%luma show boat").page
    assert "class gateway" in shown


def test_student_sees_price_balance_and_health(ada: Student) -> None:
    """`%luma price`, `balance` and `doctor` and a dry run speak of the class gateway."""
    assert ada.run("%luma price").printed.count("class gateway $") == 3
    assert "class gateway: $" in ada.run("%luma balance").printed
    assert "through the class gateway" in ada.run("%%luma --dry-run\nA heron").printed
    doctor = ada.run("%luma doctor")
    assert not doctor.error
    assert "class gateway" in doctor.printed + doctor.page


def test_teacher_sees_that_all_works(lesson: Class) -> None:
    """`doctor` asks the database, the Hub, both vendors, the store and the address; `status` finds the books right."""
    report = lesson.gateway.command("doctor")
    assert "✗" not in report
    assert report.count("✓") == 7
    report = lesson.gateway.command("status")
    assert [len(lesson.gateway.children(kind)) for kind in ("replica", "worker")] == [2, 2]
    assert "wallets: equal to the clips" in report


def test_cap_refuses_with_a_card_that_says_whom_to_ask(lesson: Class, ben: Student) -> None:
    """The kernel sees it in the balance, and the gateway itself refuses where the kernel does not look."""
    lesson.gateway.command("cap", "student", "ben", "--in-all", "0.01")
    budget = "Your budget does not cover this video: $0.01 is left of the $0.01 set by your teacher."
    words = ["The balance at the class gateway is $0.01", budget]
    for number, checks in enumerate(("True", "False")):
        cell = f"%%luma -o dear --wait --again\nA castle of gold, number {number}"
        ben.run(f"import luma_jupyter as luma; luma.configure(check_balance={checks})")
        output = ben.run(cell)
        shown = output.page + output.error
        assert words[number] in shown
        assert "Ask your teacher" in shown
        assert all(part.count("Ask your teacher") <= 1 for part in (output.page, output.error)), shown
        assert ben.value("dear.status") == "failed"
    ben.run("luma.configure(check_balance=None)")
    lesson.gateway.command("cap", "student", "ben", "--in-all", "none")
    assert lesson.query("SELECT count(*) FROM submissions WHERE owner = 'ben'") == [(0,)]


def test_classmate_sees_nothing_of_anothers(lesson: Class, ben: Student) -> None:
    """Neither the task by its id nor in a list, nor the video without its signed address."""
    ((number, task_id),) = lesson.query(
        "SELECT id, task_id FROM submissions WHERE owner = 'ada' AND vendor = 'acedata' ORDER BY id LIMIT 1"
    )
    adopted = ben.run(f"%luma adopt {task_id} --provider acedata")
    assert "No service whose key is set knows a task" in adopted.error
    ask = f"""
import httpx, json, os
headers = {{"Authorization": "Bearer " + os.environ["JUPYTERHUB_API_TOKEN"]}}
with httpx.Client(headers=headers, trust_env=False) as client:
    one = client.post({lesson.url + "/luma/tasks"!r}, json={{"action": "retrieve", "id": {task_id!r}}})
    all_ = client.post({lesson.url + "/luma/tasks"!r}, json={{"action": "retrieve_batch"}})
    video = client.get({f"{lesson.url}/media/{number}.mp4"!r})
print(json.dumps([one.status_code, all_.json()["count"], video.status_code]))"""
    assert ben.run(ask).printed.strip() == "[404, 0, 403]"


def test_student_who_is_in_no_class_is_told_so_in_a_line(lesson: Class) -> None:
    """The Hub knows eve, whose token is good for nothing here; nothing was sent."""
    eve = lesson.students["eve"]
    output = eve.run("%%luma -o mine --wait\nA dragon")
    assert "You are not in a class that makes videos here. Your teacher can add you" in output.page + output.error
    assert eve.value("mine.status") == "failed"
    assert "You are not in a class" in eve.run("%luma doctor").page
    assert lesson.query("SELECT count(*) FROM submissions WHERE owner = 'eve'") == [(0,)]


UNCHANGED = """
import os, sys, subprocess
code = '''
import luma_jupyter as luma
sea = luma.generate("A quiet sea", start_image="night.png").wait()
fog = sea.modify("Fog").wait()
print(sea.status, fog.status, sea.provider, fog.provider)
'''
ours = {name: value for name, value in os.environ.items() if not name.startswith("LUMA_")}
token, url = os.environ["JUPYTERHUB_API_TOKEN"], os.environ["LUMA_JUPYTER_GATEWAY"]
vendors = ("ACEDATACLOUD_API_BASE_URL", "ACEDATACLOUD_PLATFORM_BASE_URL", "RUNAPI_BASE_URL")
keys = ("ACEDATACLOUD_API_TOKEN", "ACEDATACLOUD_PLATFORM_TOKEN", "RUNAPI_API_KEY")
env = {**ours, **dict.fromkeys(vendors, url), **dict.fromkeys(keys, token)}
done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
print(done.stdout.splitlines()[-1] if done.stdout else done.stderr)
"""


def test_client_that_knows_no_gateway_works_too(ada: Student) -> None:
    """With the vendors' own variables: their addresses are the gateway's, their keys the server's token."""
    assert ada.run(UNCHANGED).printed.strip() == "completed completed acedata runapi"


def test_processes_are_replaced_in_the_middle_and_nothing_is_lost(lesson: Class, ada: Student, ben: Student) -> None:
    """Clips that are under way, waited for and sent meanwhile are completed, each paid once."""
    before = {child.pid for child in lesson.gateway.children()}
    for number in range(3):
        for student in (ada, ben):
            assert not student.run(f"%%luma -o clip{number}\nA lighthouse, number {number} of {student.name}").error
    lesson.gateway.process.send_signal(signal.SIGHUP)
    number = 3
    while "All processes are new." not in lesson.gateway.log.read_text():
        assert number < 100
        assert not ada.run(f"%%luma -o clip{number} --wait\nA lighthouse, number {number} of ada").error
        number += 1
    for student, count in ((ada, number), (ben, 3)):
        assert not student.run("%luma wait").error
        assert student.value(f"[globals()[f'clip{{n}}'].status for n in range({count})]") == ["completed"] * count
    assert not before & {child.pid for child in lesson.gateway.children()}
    _assert_paid_once(lesson, "A lighthouse%", number + 3)


def test_postgresql_goes_away_and_comes_back_and_nothing_is_lost(
    lesson: Class, postgres: PostgresServer, ada: Student
) -> None:
    """What is under way goes on, what is sent meanwhile waits; workers that have ended are started again."""
    assert not ada.run("%%luma -o before\nA mill, before").error
    postgres.stop(signal.SIGQUIT)
    back = threading.Timer(AWAY_SECONDS, postgres.start)
    back.start()
    try:
        begun = time.monotonic()
        assert not ada.run("%%luma -o meanwhile --wait\nA mill, meanwhile").error
        assert time.monotonic() - begun > AWAY_SECONDS - 1
        assert not ada.run("%luma wait").error
    finally:
        back.join()
    assert ada.value("[before.status, meanwhile.status]") == ["completed"] * 2
    _assert_paid_once(lesson, "A mill%", 2)
    until(lambda: len(lesson.gateway.children()) == 4, 30)
    assert "wallets: equal to the clips" in lesson.gateway.command("status")


def _assert_paid_once(lesson: Class, prompts: str, count: int) -> None:
    """So many clips of these prompts were made, each by one request, and their videos are kept."""
    rows = lesson.query(
        "SELECT count(*), count(DISTINCT task_id), count(DISTINCT body ->> 'prompt'), count(*) FILTER"
        " (WHERE state = 'completed' AND media IS NOT NULL) FROM submissions WHERE body ->> 'prompt' LIKE %s",
        prompts,
    )
    assert rows == [(count, count, count, count)]


def test_no_key_has_left_the_gateway(lesson: Class) -> None:
    """Nothing that was written or shown has one: logs, journals, sidecars, databases, names of processes."""
    keys = [key.encode() for key in lesson.secrets()]
    own = {lesson.gateway.config, lesson.hub.home / "jupyterhub_config.py"}  # the Hub has the service's token
    files = [path for path in lesson.hub.home.rglob("*") if path.is_file() and path not in own]
    assert any(path.suffix == ".mp4" for path in files)
    assert lesson.gateway.log in files
    assert [path for path in files if any(key in path.read_bytes() for key in keys)] == []
    titles = " ".join(word for process in psutil.process_iter(["cmdline"]) for word in process.info["cmdline"] or ())
    assert "luma_jupyter.gateway" in titles
    assert not [key for key in keys if key.decode() in titles]
    with psycopg.connect(lesson.conninfo) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            text = _dump(connection, table)
            assert not [key for key in keys if key in text], table


def _dump(connection: psycopg.Connection[tuple[object, ...]], table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT') as copy:  # type: ignore[arg-type]
        return b"".join(bytes(block) for block in copy)
