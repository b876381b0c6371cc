"""A class: JupyterHub with its proxy, PostgreSQL, a gateway of processes as `luma-gateway init` sets it up, and students.

Their kernels run ``%%luma`` cells. The demo service plays both vendors. Where the Hub or its proxy is missing, these
tests are skipped with the reason, unless ``LUMA_DATABASE_TESTS=required``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest
from PIL import Image

from luma_jupyter.demo.server import DemoService, start
from luma_jupyter.gateway.command import hub_configuration
from tests.support.gateway_process import GatewayProcess
from tests.support.jupyterhub import Hub, running_hub
from tests.support.postgres import PostgresServer
from tests.support.processes import free_port
from tests.support.students import Student

pytestmark = pytest.mark.slow

GROUP = ("ada", "ben")
CLIP_SECONDS = 1.0
AWAY_SECONDS = 4.0
CAPS = ("class", "--in-all", "1000")
VENDORS = ("acedata_base_url", "acedata_platform_url", "runapi_base_url")


def _missing(what: str) -> NoReturn:
    (pytest.fail if os.environ.get("LUMA_DATABASE_TESTS") == "required" else pytest.skip)(what)


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

    def keys(self) -> list[str]:
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
        return f"{for_hub}\nc.JupyterHub.load_groups = {{'films': {list(GROUP)}}}\n"

    # Servers of a kernel alone, without JupyterLab, start in half the time.
    environ = {"JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp", "IPYTHONDIR": str(home / "ipython")}
    with closing(start(CLIP_SECONDS, film_seconds=0.4)) as vendors, running_hub(home, environ, _missing, pasted) as hub:
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
    more = [*(f'{name} = "{vendors.url}"' for name in VENDORS), "replicas = 2", "workers = 2"]
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
