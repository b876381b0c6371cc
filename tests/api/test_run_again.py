"""Notebooks that are run again: after a restart, on another machine, twice at once, after a kill or a lost answer.

Real kernels, and a service on a real socket that counts what is paid for; these run in real time, some 20 seconds.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from tests.support.jupyter_kernel import Kernel
from tests.support.misbehaving import MODIFY, DropAfter, Request, Server, Task, video

pytestmark = pytest.mark.slow

LOAD = "import luma_jupyter as luma\n%load_ext luma_jupyter"
BOAT = "%%luma -o boat\nA paper boat on a lake"
STORM = "%%luma extend boat -o storm\nA storm comes up"
FOG = "%%luma modify storm -o fog\nFoggy morning light"
FILM = (LOAD, BOAT, STORM, FOG)
VIDEO = re.compile(r'<video src="(luma_videos/[^"]+\.mp4)"')


class Desk:
    """A machine and a folder on it: where the notebook and its videos lie, and the environment of its kernels."""

    def __init__(self, place: Path, url: str | None) -> None:
        self.place = place
        self.folder = place / "lesson"
        self.folder.mkdir(parents=True, exist_ok=True)
        ours = ("LUMA_", "ACEDATA", "RUNAPI")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        service = {
            "ACEDATACLOUD_API_TOKEN": "no-real-token",
            "ACEDATACLOUD_API_BASE_URL": url,
            "RUNAPI_API_KEY": "no-real-key",
            "RUNAPI_BASE_URL": url,
        }
        settings = {"LUMA_JUPYTER_WAIT": "1", "LUMA_JUPYTER_HOME": str(place / "home")}
        self.environ = {**clean, **settings, "IPYTHONDIR": str(place / "ipython"), **(service if url else {})}

    def copied(self, place: Path, url: str | None, *, home: bool) -> Desk:
        """The same folder, at another place; ``home``: with the journal."""
        shutil.copytree(self.folder, place / "lesson")
        if home:
            shutil.copytree(self.place / "home", place / "home")
        return Desk(place, url)

    def run_all(self, cells: Sequence[str], *, kernels: int = 1) -> list[list[str]]:
        """Run a notebook as *Restart & Run All* does, in new kernels at once; gives what each cell leaves in each."""

        async def run() -> list[list[str]]:
            return await asyncio.gather(*(self._run_all(cells) for _ in range(kernels)))

        return asyncio.run(run())

    async def _run_all(self, cells: Sequence[str]) -> list[str]:
        notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        where = {"metadata": {"path": str(self.folder)}}
        client = NotebookClient(notebook, timeout=60, resources=where, store_widget_state=False)
        await client.async_execute(env=self.environ)
        return ["".join(map(_shown, cell.outputs)) for cell in notebook.cells]

    def videos(self, outputs: Sequence[str]) -> list[bytes]:
        """The videos that the outputs play, from beside the notebook."""
        return [(self.folder / source).read_bytes() for source in VIDEO.findall("".join(outputs))]

    @contextmanager
    def kernel(self) -> Iterator[Kernel]:
        """A kernel that has nothing loaded."""
        manager, client = start_new_kernel(cwd=str(self.folder), env=self.environ)
        try:
            yield Kernel(manager, client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
            manager.cleanup_resources()


def _shown(output: nbformat.NotebookNode) -> str:
    return str(output.get("text") or output.get("data", {}).get("text/html", ""))


def actions(posts: Sequence[Request]) -> list[str]:
    """What was asked for, with each POST."""
    return ["modify" if post.path == MODIFY else post.json["action"] for post in posts]


@pytest.fixture
def server() -> Iterator[Server]:
    """Both services, for one test."""
    with Server(idempotent=True) as server:
        yield server


@dataclass(frozen=True)
class Film:
    """A notebook that was run for the first time; what each cell left, and what was sent and paid for."""

    desk: Desk
    server: Server
    outputs: Sequence[str]
    posts: Sequence[Request]
    tasks: Sequence[Task]

    def posts_of(self, cells: Sequence[str], desk: Desk) -> tuple[list[str], list[Request]]:
        """Run these cells at a desk: what they leave, and the POSTs that they send."""
        before = len(self.server.seen("submit"))
        (outputs,) = desk.run_all(cells)
        return outputs, self.server.seen("submit")[before:]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Film]:
    """A film of three videos; tests that make more of it work on a copy."""
    with Server() as server:
        desk = Desk(tmp_path_factory.mktemp("film"), server.url)
        (outputs,) = desk.run_all(FILM)
        yield Film(desk, server, outputs, server.seen("submit"), server.tasks)


def test_a_film_is_paid_for_once(film: Film) -> None:
    """The first run of a notebook sends three POSTs; *Restart & Run All* sends none, shows all, and says so."""
    assert actions(film.posts) == ["generate", "extend", "modify"]
    videos = film.desk.videos(film.outputs)
    assert videos == [video(task.id) for task in film.tasks]
    assert not [output for output in film.outputs if "no charge" in output]
    outputs, posts = film.posts_of(FILM, film.desk)
    assert posts == []
    assert film.desk.videos(outputs) == videos
    assert ["no charge; --again makes a new one" in output for output in outputs] == [False, True, True, True]


def test_a_film_that_was_handed_out_plays_without_keys(film: Film, tmp_path: Path) -> None:
    """The folder alone, on a machine that has no journal and no key, shows the same videos: a lesson, handed out."""
    elsewhere = film.desk.copied(tmp_path, None, home=False)
    outputs, posts = film.posts_of(FILM, elsewhere)
    assert posts == []
    assert elsewhere.videos(outputs) == film.desk.videos(film.outputs)
    assert ["no charge; --again makes a new one" in output for output in outputs] == [False, True, True, True]
    assert not [output for output in outputs if "simulated" in output]


def test_again_upstream_makes_what_follows_anew(film: Film, tmp_path: Path) -> None:
    """``--again`` makes one new clip, and a new one of each that was made from it; what is before it stays as it is.

    From then on the newest answers.
    """
    desk = film.desk.copied(tmp_path, film.server.url, home=True)
    anew = STORM.replace("-o storm", "-o storm --again")
    outputs, posts = film.posts_of([LOAD, BOAT, anew, FOG, STORM, FOG], desk)
    assert actions(posts) == ["extend", "modify"]
    assert posts[0].json["video_id"] == f"video-of-{film.tasks[0].id}"
    assert posts[1].json["source_video_url"] == film.server.video_url(film.server.tasks[-2].id)
    boat, storm, fog, *newest = desk.videos(outputs)
    assert boat == desk.videos(film.outputs)[0]
    assert [storm, fog] == newest == [video(task.id) for task in film.server.tasks[-2:]]
    assert ["no charge" in output for output in outputs] == [False, True, False, False, True, True]


def test_two_kernels_at_once_pay_once(server: Server, tmp_path: Path) -> None:
    """Two kernels that run the same notebook at the same moment send three POSTs in all, and both show the videos."""
    desk = Desk(tmp_path, server.url)
    wait_for_each_other = (
        "import os, pathlib, time\npathlib.Path(f'{os.getpid()}.ready').touch()\n"
        "while len(list(pathlib.Path().glob('*.ready'))) < 2: time.sleep(0.001)"
    )
    outputs = desk.run_all([LOAD, wait_for_each_other, *FILM[1:]], kernels=2)
    assert actions(server.seen("submit")) == ["generate", "extend", "modify"]
    for each in outputs:
        assert desk.videos(each) == [video(task.id) for task in server.tasks]
    assert len(list((desk.folder / "luma_videos").glob("*.mp4"))) == 3


def test_a_killed_kernel_loses_nothing(server: Server, tmp_path: Path) -> None:
    """After a kill while a task ran, the next kernel says so in one line, and ``%luma resume`` brings the video."""
    server.seconds = math.inf
    with Desk(tmp_path, server.url).kernel() as kernel:
        process = int(kernel.run("import os; print(os.getpid())"))
        assert kernel.run(LOAD) == ""
        kernel.run(BOAT.replace("-o boat", "-o boat --no-wait"))
        server.until(lambda: server.seen("look"), 20.0)
        os.kill(process, signal.SIGKILL)
        kernel.manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=60)
        (line,) = kernel.run(LOAD).splitlines()
        assert "1 clip of this folder is unfinished" in line
        assert "%luma resume" in line
        server.seconds = 0.0
        assert "A paper boat on a lake" in kernel.run("%luma resume")
        assert kernel.run("print(boat.wait().task_id)").strip() == server.tasks[0].id
        path = Path(kernel.run("print(boat.path)").strip())
        assert path.read_bytes() == video(server.tasks[0].id)
        assert actions(server.seen("submit")) == ["generate"]


def test_a_lost_answer_is_explained_and_repeated_on_the_users_word(server: Server, tmp_path: Path) -> None:
    """A clip whose answer was lost tells what is known whenever its cell is run; ``%luma retry`` uses its key again."""
    server.script("submit", DropAfter())
    with Desk(tmp_path, server.url).kernel() as kernel:
        kernel.run(LOAD)
        cell = f"%%luma modify {server.url}/media/lake.mp4 -o fog\nFoggy morning light"
        for _ in range(2):
            told = kernel.run(cell)
            assert "Sent at" in told
            assert "%luma retry" in told
            assert kernel.run("print(fog.status)") == "unconfirmed\n"
            assert len(server.seen("submit")) == 1
        kernel.run("%luma retry fog")
        assert kernel.run("print(fog.wait().task_id)").strip() == server.tasks[0].id
        first, second = server.seen("submit")
        assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
        assert first.body == second.body
        assert len(server.tasks) == 1
        path = Path(kernel.run("print(fog.path)").strip())
        assert path.read_bytes() == video(server.tasks[0].id)
