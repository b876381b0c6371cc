"""Makes the files beside it by running luma_jupyter 0.1.0; kept as their source, it is not needed by the tests.

Where luma_jupyter 0.1.0 with its extra ``demo``, nbconvert and ipykernel are installed, run in the folder of the
tests that holds ``v0_1_0``::

    python v0_1_0/make_files.py

A notebook's folder is played through by kernels that come one after the other: `finish` asks a fake of both paid
services for videos, pickles clips, and ends as it should; `kill` asks for more and is killed while they are under way;
`demonstrate` does the same with the real demo service, whose films are made small and short; `tell` writes down what
0.1.0 says of it all. Then ``notebook.ipynb`` is run by nbconvert against the demo service. In the end the folder is
called ``/course`` wherever it is written, the machine ``a-machine``, and the journal's log is merged into its file.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import pickle
import selectors
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import httpx
import nbformat
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import another_process as process  # noqa: E402
from luma_jupyter.engine.bridge import Bridge  # noqa: E402
from luma_jupyter.files import as_video  # noqa: E402
from luma_jupyter.models import ExtendRequest, GenerateRequest  # noqa: E402
from luma_jupyter.notebook import session  # noqa: E402
from luma_jupyter.wire.http import Http  # noqa: E402

import luma_jupyter as luma  # noqa: E402
from luma_jupyter.demo import film, server  # noqa: E402
from luma_jupyter.engine.engine import Engine  # noqa: E402
from luma_jupyter.engine.services import Services  # noqa: E402

COURSE = "/course"
MACHINE = "a-machine"
MORNING = 1795078800.0  # 2026-11-19 09:00 UTC, when the first kernel begins
VIDEO_ID = "3b0d8c1e-6a52-4f9e-8c7d-1f2e3a4b5c6d"


def call(
    name: str, action: str, prompt: str, source: str | None = None, takes: int = 1, **options: Any
) -> process.Call:
    return {"name": name, "action": action, "prompt": prompt, "source": source, "takes": takes, "options": options}


COMPLETED = [
    call("sunset", "generate", "Astronauts shuttle from space to volcano", aspect_ratio="9:16", loop=True),
    call("longer", "extend", "The ship lands beside the lava", "sunset"),
    call("foggy", "modify", "A foggy autumn morning with golden light", "longer", watermark="brand-7"),
    call("framed", "generate", "The picture comes alive", start_image="start.png", enhancement=False),
    call("seas", "generate", "Waves roll onto a beach", takes=2),
    call("harbour", "generate", "Night falls over the harbour", end_image="https://example.com/pictures/night.png"),
    call("far", "extend", "And on it goes", VIDEO_ID, end_image="https://example.com/pictures/end.jpg"),
    call("misty", "modify", "Mist on the water", "https://example.com/films/harbour.mp4", watermark=True),
    call(
        "cafe",
        "generate",
        "Two boats by the sea,\n  near a café: “日本”",
        callback_url="https://example.com/told?by=luma",
    ),
]
DEMO = [call("boat", "generate", "A paper boat in the rain", aspect_ratio="1:1", provider="demo")]
ENDED_OTHERWISE = [
    call("broken", "generate", "A [fail] castle"),
    call("refused", "generate", "A [refuse] castle"),
    call("lost", "generate", "A [lost] castle"),
    call("lost_fog", "modify", "A [lost] fog", "https://example.com/films/harbour.mp4"),
    call("slow", "generate", "A [slow] castle", timeout=60),
    call("gone", "generate", "A [gone] castle"),
]
PICKLED = ("sunset", "longer", "foggy", "framed", "broken", "refused", "lost", "lost_fog", "slow")


class Service:
    """Speaks both paid APIs; a prompt says how its task ends, and ``stuck`` that nothing is ever over."""

    def __init__(self, first: int, stuck: bool = False) -> None:
        self.first = first
        self.stuck = stuck
        self.sent: list[dict[str, Any]] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path in ("/luma/videos", "/api/v1/luma/modify_video"):
            return await self._submit(json.loads(request.content))
        if path == "/luma/tasks":
            asked = json.loads(request.content)
            items = [self._task(task_id) for task_id in asked.get("ids", [asked.get("id")]) if task_id]
            return httpx.Response(200, json=items[0] if "id" in asked else {"items": items})
        if path.startswith("/api/v1/luma/modify_video/"):
            task_id = path.rpartition("/")[2]
            videos = [{"url": f"https://cdn.example/{task_id}.mp4"}]
            done = {"status": "completed", "videos": videos, "usage": {"cost": 0.5}}
            return httpx.Response(200, json={"id": task_id, **done})
        if path == "/api/v1/files/":
            return httpx.Response(200, json={"file_url": "https://cdn.example/uploads/start_image.png"})
        if path.endswith(".jpg"):
            return httpx.Response(200, content=jpeg())
        if self.stuck:
            await asyncio.Event().wait()
        if request.url.host == "gone.example":
            return httpx.Response(410)
        return httpx.Response(200, content=mp4(path))

    async def _submit(self, body: dict[str, Any]) -> httpx.Response:
        self.sent.append(body)
        if "[refuse]" in body["prompt"]:
            words = {"code": "forbidden", "message": "Castles are not allowed"}
            return httpx.Response(403, json={"success": False, "error": words, "trace_id": "trace-403"})
        if "[lost]" in body["prompt"]:
            raise httpx.ReadError("the connection broke")
        if "[hang]" in body["prompt"]:
            await asyncio.Event().wait()
        task_id = f"task-{self.first + len(self.sent)}"
        return httpx.Response(200, json={"id": task_id, "task_id": task_id, "status": "pending"})

    def _task(self, task_id: str) -> dict[str, Any]:
        number = int(task_id.removeprefix("task-"))
        request = self.sent[number - self.first - 1]
        if "[slow]" in request["prompt"] or (self.stuck and "[save]" not in request["prompt"]):
            return {"id": task_id, "request": request, "response": None}
        if "[fail]" in request["prompt"]:
            response: dict[str, Any] = {"success": False, "error": {"code": "api_error", "message": "no luck"}}
        else:
            response = {
                "success": True,
                "state": "completed",
                "video_id": f"0a1b2c3d-4e5f-4000-8000-{number:012d}",
                "video_url": f"https://{'gone' if '[gone]' in request['prompt'] else 'cdn'}.example/{task_id}.mp4",
                "video_width": 640,
                "video_height": 360,
                "thumbnail_url": f"https://cdn.example/{task_id}.jpg",
            }
        times = {"created_at": MORNING, "finished_at": MORNING + 70 + number}
        return {"id": task_id, "request": request, "response": response, **times}


def mp4(path: str) -> bytes:
    """The boxes that a whole MP4 has, in which the task's id stands where the pictures would be."""
    words = Path(path).stem.encode()
    boxes = {b"ftyp": b"isom" + bytes(12), b"moov": bytes(8), b"mdat": words}
    return b"".join((8 + len(content)).to_bytes(4, "big") + kind + content for kind, content in boxes.items())


def jpeg() -> bytes:
    """A picture of 8 × 8 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "orange").save(file, "JPEG", quality=20)
    return file.getvalue()


class SkippingSelector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # chosen by the platform
    """Skips over the time that a loop would sleep."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0 if timeout is not None else None)
        self.skipped += 0 if ready else timeout or 0
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop on which sleeping takes no time."""

    def __init__(self) -> None:
        self.skipping = SkippingSelector()
        super().__init__(self.skipping)

    def time(self) -> float:
        return self.skipping.skipped


class ElsewherePickler(pickle.Pickler):
    """Pickles as usual; only paths below the folder of here are spelled as below ``COURSE``."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, PurePath) and value.is_relative_to(Path.cwd()):
            return type(value), (*Path(COURSE).parts, *value.relative_to(Path.cwd()).parts)
        return NotImplemented


def pickled(value: object, protocol: int) -> bytes:
    file = io.BytesIO()
    ElsewherePickler(file, protocol).dump(value)
    return file.getvalue()


def make_small_films() -> None:
    """Let the demo service make its films in a quarter of their width and height, and a third of a second long."""
    film.SIZES.update({ratio: (width // 8 * 2, height // 8 * 2) for ratio, (width, height) in film.SIZES.items()})
    server.start = partial(server.start, film_seconds=1 / 3)


# The kernels.


def finish() -> None:
    """Ask for everything that comes to an end, pickle clips, and end as a kernel should."""
    luma.configure(acedata_token="ace-dummy", runapi_key="run-dummy", acedata_price=0.35)
    service, loop = Service(first=0), SkippingLoop()
    http = Services(lambda: Http(transport=httpx.MockTransport(service)))
    ticks = itertools.count()
    session._engine = Engine(Bridge(lambda: loop), http, clock=lambda: MORNING + loop.time() + next(ticks) / 1000)
    ip = process.shell()
    ip.user_ns["picture"] = Path("start.png").read_bytes()
    for one in [*COMPLETED, *ENDED_OTHERWISE]:
        process.printed(ip, process.cell_of(one))
    clips = {name: ip.user_ns[name] for name in PICKLED}
    kites = luma.batch(["A kite over the dunes", "A balloon over the dunes"], aspect_ratio=["1:1"], yes=True)
    kites.wait()
    requests = [clips[name]._task.request for name in ("sunset", "longer", "foggy", "framed")]
    requests += [
        ip.user_ns["seas"][1]._task.request,
        GenerateRequest(prompt="A picture by its path", start_image=Path.cwd() / "start.png"),
        ExtendRequest(prompt="A film by its path", source=as_video(clips["sunset"].path)),
    ]
    things: dict[str, Any] = {
        **clips,
        "seas": ip.user_ns["seas"],
        "batch": kites,
        "clips": luma.clips()[:3],  # never shown
        "requests": requests,
        "tasks": [clips["longer"]._task, clips["lost"]._task, clips["broken"]._task],
    }
    folder = Path("../pickles")
    for name, thing in things.items():
        (folder / f"{name}-2.pickle").write_bytes(pickled(thing, 2))
        (folder / f"{name}.pickle").write_bytes(pickled(thing, pickle.DEFAULT_PROTOCOL))
    process.printed(ip, "%load_ext storemagic\n%store sunset")
    (stored,) = Path(os.environ["IPYTHONDIR"]).rglob("autorestore/sunset")
    (folder / "store_of_sunset").write_bytes(pickled(pickle.loads(stored.read_bytes()), 2))
    write("pickles.json", {name: process.contents(thing) for name, thing in things.items()})


def kill() -> None:
    """Ask for more, and be killed when each task has come as far as it should."""
    luma.configure(acedata_token="ace-dummy", runapi_key="run-dummy", acedata_price=0.35)
    service, start = Service(first=100, stuck=True), time.time()
    http = Services(lambda: Http(transport=httpx.MockTransport(service)))
    session._engine = Engine(None, http, clock=lambda: MORNING + 86_400 + time.time() - start)
    ip = process.shell()
    wanted = [
        (call("running", "generate", "A lighthouse at night"), "running"),
        (call("saving", "generate", "A [save] lighthouse"), "saving"),
        (call("hanging", "generate", "A [hang] lighthouse"), "submitting"),
        (call("waiting", "extend", "The light goes round", "running"), "queued"),
        (call("never", "extend", "The light goes out", "running"), "cancelled"),
        (call("stopped", "generate", "A lighthouse in a storm"), "detached"),
    ]
    for one, _ in wanted:
        process.printed(ip, process.cell_of(one).replace("\n", " --no-wait\n", 1))
    reach(lambda: ip.user_ns["stopped"].status == "running")
    process.printed(ip, "%luma stop never stopped")
    reach(lambda: all(ip.user_ns[one["name"]].status == status for one, status in wanted))
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def demonstrate() -> None:
    """Make a film with the demo service, and be killed while it makes another one."""
    make_small_films()
    start = time.time()
    session._engine = Engine(clock=lambda: MORNING + 2 * 86_400 + time.time() - start)
    ip = process.shell()
    luma.configure(demo_seconds=0)
    for one in DEMO:
        process.printed(ip, process.cell_of(one))
    luma.configure(demo_seconds=600)
    process.printed(ip, "%%luma -o paper --provider demo --no-wait\nA paper plane")
    reach(lambda: ip.user_ns["paper"].status == "running")
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


def tell() -> None:
    """Write down what a fresh kernel of 0.1.0 says of all that."""
    write("history.json", process.history())


def reach(done: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.time() + 120
    while not done():
        assert time.time() < end
        time.sleep(0.1)


def write(name: str, facts: object) -> None:
    text = json.dumps(facts, indent=1, ensure_ascii=False).replace(str(Path.cwd()), COURSE)
    (Path.cwd().parent / name).write_text(text + "\n", encoding="utf-8")


# The files.


def write_notebook(path: Path) -> None:
    """A small notebook, as somebody would have written it."""
    cells = [
        '%load_ext luma_jupyter\nimport luma_jupyter as luma\n\nluma.configure(media="notebook_videos")',
        "%%luma -o kite --aspect-ratio 1:1\nA kite over the dunes",
        "%%luma extend kite -o longer\nThe kite flies off to sea",
        "%%luma -o waves --takes 2 --aspect-ratio 1:1\nWaves roll onto a beach",
        "luma.clips()[0]",
        "luma.clips()",
        "luma.gallery()",
        "luma.compare(*luma.clips()[:2])",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def run_notebook(folder: Path, environment: dict[str, str]) -> None:
    """Run it as is meant for runs without a person."""
    write_notebook(folder / "notebook.ipynb")
    startup = Path(environment["IPYTHONDIR"], "profile_default", "startup")
    startup.mkdir(parents=True, exist_ok=True)
    words = f"import sys\nsys.path.append({str(HERE)!r})\nimport make_files\nmake_files.make_small_films()\n"
    (startup / "small.py").write_text(words, encoding="utf-8")
    command = [sys.executable, "-m", "nbconvert", "--execute", "--inplace", "notebook.ipynb"]
    subprocess.run(command, cwd=folder, env={**environment, "LUMA_JUPYTER_WAIT": "1"}, check=True)


def relocate(journal: Path, course: Path) -> None:
    """Call the folder ``COURSE`` and the machine ``MACHINE``, and merge the log into the file."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("UPDATE tasks SET folder = ?, task = replace(task, ?, ?)", (COURSE, str(course), COURSE))
        for (owner,) in connection.execute("SELECT owner FROM owners").fetchall():
            moved = "|".join([MACHINE, *owner.rsplit("|", 2)[1:]])
            for table in ("owners", "tasks"):
                connection.execute(f"UPDATE {table} SET owner = ? WHERE owner = ?", (moved, owner))
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def main() -> None:
    assert luma.__version__ == "0.1.0"
    work = Path(tempfile.mkdtemp()).resolve()
    course, lesson = work / "course", work / "lesson"
    for folder in (course, lesson, work / "pickles"):
        folder.mkdir()
    Image.new("RGB", (4, 4), "teal").save(course / "start.png")
    ours = ("LUMA_JUPYTER_", "ACEDATACLOUD_", "RUNAPI_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    clean |= {"IPYTHONDIR": str(work / "ipython"), "PYTHONHASHSEED": "0"}
    environment = {**clean, "LUMA_JUPYTER_HOME": str(work / "home")}
    for kernel in (finish, kill, demonstrate, tell):
        print(kernel.__name__, flush=True)
        ended = subprocess.run([sys.executable, __file__, kernel.__name__], cwd=course, env=environment).returncode
        assert ended == (-signal.SIGKILL if kernel in (kill, demonstrate) else 0)
    run_notebook(lesson, {**clean, "LUMA_JUPYTER_HOME": str(work / "home_of_lesson"), "LUMA_JUPYTER_DEMO_SECONDS": "0"})
    relocate(work / "home" / "journal.sqlite3", course)
    for kept in HERE.iterdir():
        if kept.name not in (Path(__file__).name, ".gitignore"):
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    (HERE / "home").mkdir()
    shutil.copyfile(work / "home" / "journal.sqlite3", HERE / "home" / "journal.sqlite3")
    for folder in (work / "pickles", course / "luma_videos", lesson / "notebook_videos"):
        shutil.copytree(folder, HERE / folder.name, ignore=shutil.ignore_patterns("*.part"))
    for file in (course / "start.png", lesson / "notebook.ipynb", work / "pickles.json", work / "history.json"):
        shutil.copy(file, HERE)
    (HERE / "calls.json").write_text(json.dumps(COMPLETED, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (HERE / "demo_calls.json").write_text(json.dumps(DEMO, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(work)


if __name__ == "__main__":
    kernels = {kernel.__name__: kernel for kernel in (finish, kill, demonstrate, tell)}
    kernels.get("".join(sys.argv[1:]), main)()
