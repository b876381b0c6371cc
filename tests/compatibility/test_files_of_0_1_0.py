"""Files that version 0.1.0 left behind still work: the journal, the media folder, pickled clips, a saved notebook.

``v0_1_0`` holds them, and ``v0_1_0/make_files.py`` says how they were made. Each test plays on a copy, in processes of
their own, which find the services at addresses where nobody listens, or where a server does.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility import another_process
from tests.support import forks
from tests.support.misbehaving import Server
from tests.support.notebook_runs import execute

pytestmark = pytest.mark.slow

FILES = Path(__file__).parent / "v0_1_0"
NO_NOTE = {"starred": False, "note": None}  # what nobody could say of a clip then
COURSE = "/course"  # what the notebook's folder is called in the files
OURS = ("LUMA_JUPYTER_", "ACEDATACLOUD_", "RUNAPI_", "VSCODE_", "COLAB_", "JPY_")
KEYS = {
    "ACEDATACLOUD_API_TOKEN": "ace-dummy-key",
    "ACEDATACLOUD_PLATFORM_TOKEN": "platform-dummy-token",
    "RUNAPI_API_KEY": "run-dummy-key",
}
STATUSES = {"queued", "submitting", "running", "saving", "completed", "failed", "unconfirmed", "detached", "cancelled"}
ERRORS = ("Traceback", "Error:", "InvalidRequest:", "Exception")

Row = dict[str, Any]


def read(name: str) -> Any:
    """What is in a JSON file of 0.1.0's."""
    return json.loads((FILES / name).read_text(encoding="utf-8"))


@dataclass
class Course:
    """A notebook's folder as 0.1.0 left it, and the journal that belongs to it. ``environment`` is its kernels'."""

    folder: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, function: str, *arguments: object, **environment: str) -> Any:
        """What a function of `another_process` returns in a process of its own, in the folder."""
        words = (function, *map(str, arguments))
        environ = {**self.environment, **environment}
        return json.loads(forks.call(another_process.answer, *words, folder=self.folder, environ=environ))

    def query(self, words: str, *values: object) -> list[Any]:
        """What the journal's file answers."""
        path = self.home / "journal.sqlite3"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(words, values).fetchall()

    def rows(self) -> list[Any]:
        """All that the journal says of tasks."""
        return self.query("SELECT intent, status, task_id, folder, owner, task FROM tasks ORDER BY intent")

    def replace(self, old: str, new: str) -> None:
        """Put one text in the place of another wherever the journal has it."""
        spelled = json.dumps(new)[1:-1]
        self.query(
            "UPDATE tasks SET folder = replace(folder, ?, ?), task = replace(task, ?, ?)", old, new, old, spelled
        )
        self.query("UPDATE uploads SET service = replace(service, ?, ?)", old, new)


def make_course(folder: Path, address: str, *, journal: bool = True) -> Course:
    """A copy of the files in a folder; ``address`` is where both services are looked for."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OURS) and not name.lower().endswith("_proxy")
    }
    environment |= KEYS | {
        "ACEDATACLOUD_API_BASE_URL": address,
        "ACEDATACLOUD_PLATFORM_BASE_URL": address,
        "RUNAPI_BASE_URL": address,
        "LUMA_JUPYTER_HOME": str(folder / "home"),
        "LUMA_JUPYTER_WAIT": "0",
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONIOENCODING": "utf-8",
    }
    course = Course(folder / "course", folder / "home", environment)
    shutil.copytree(FILES / "luma_videos", course.folder / "luma_videos")
    for name in ("start.png", "calls.json", "demo_calls.json"):
        shutil.copy(FILES / name, course.folder)
    if journal:
        course.home.mkdir()
        shutil.copy(FILES / "home" / "journal.sqlite3", course.home)
        course.replace(COURSE, str(course.folder))
    return course


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address that is kept free, so that nobody listens there."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{kept.getsockname()[1]}"


@pytest.fixture
def course(tmp_path: Path, nobody: str) -> Course:
    """The folder and its journal; whatever is sent reaches nobody."""
    return make_course(tmp_path, nobody)


@pytest.fixture
def lesson(tmp_path: Path, nobody: str) -> Course:
    """The folder alone, as it is handed out: there is no journal."""
    return make_course(tmp_path, nobody, journal=False)


# Asked for again.


def expected(names: set[str]) -> dict[str, Row]:
    """The completed tasks of some names, as the file of the journal has them."""
    with closing(sqlite3.connect(f"{(FILES / 'home' / 'journal.sqlite3').as_uri()}?immutable=1", uri=True)) as journal:
        tasks = [json.loads(task) for (task,) in journal.execute("SELECT task FROM tasks WHERE status = 'completed'")]
    return {task["name"]: task for task in tasks if task["name"] and task["name"].partition("[")[0] in names}


def check_answers(answers: dict[str, list[Row]]) -> None:
    """See that each call was answered by the clip of 0.1.0, and that its file lies in the folder of here."""
    tasks = expected(set(answers))
    found = {
        name if len(clips) == 1 else f"{name}[{number}]": clip
        for name, clips in answers.items()
        for number, clip in enumerate(clips)
    }
    assert found.keys() == tasks.keys()
    for name, task in tasks.items():
        clip, video = found[name], task["video"]
        same = {name: clip[name] for name in ("action", "prompt", "provider", "task_id")}
        assert same == {name: task[name] for name in same}
        assert clip["created_at"] == pytest.approx(task["created_at"], abs=0.001)
        assert {name: clip[name] for name in video} == video
        assert (clip["status"], clip["path"], clip["there"]) == ("completed", task["filename"], True)


SETTLED = {  # what a loading puts in order
    "waiting": ("queued", "cancelled"),
    "hanging": ("submitting", "unconfirmed"),
    "paper": ("running", "failed"),  # its demo service ended with its kernel
}
LOOKED_FOR = {"lost", "hanging"}  # at AceDataCloud, which can be asked


def check_rows(rows: list[Any], before: list[Any], *, loaded: bool) -> None:
    """See that the journal is as it was, but for what ``%load_ext`` settles, which costs and changes nothing else."""
    if not loaded:
        assert rows == before
        return
    assert [row[0] for row in rows] == [row[0] for row in before]
    for row, old in zip(rows, before, strict=True):
        name = json.loads(old[-1])["name"]
        if name not in SETTLED.keys() | LOOKED_FOR:
            assert row == old
            continue
        assert row[1] in (old[1], *SETTLED.get(name, ()))
        assert row[2:4] == old[2:4]
        assert row[4] is None or row[1] == old[1]
        task, old_task = json.loads(row[-1]), json.loads(old[-1])
        same = ("intent", "fingerprint", "prompt", "request", "created_at", "sent_at", "task_id", "video", "doubts")
        assert {key: task.get(key) for key in same} == {key: old_task.get(key) for key in same}


@pytest.mark.parametrize("function", ["ask_again", "run_again"])
@pytest.mark.parametrize("keys", [True, False], ids=["with keys", "without keys"])
def test_a_journal_answers_each_completed_request(course: Course, function: str, keys: bool) -> None:
    """In Python and in cells, with keys or without, each request finds its old clip; nothing is begun or sent."""
    before = course.rows()
    answers = course.run(function, "calls.json", **({} if keys else dict.fromkeys(KEYS, "")))
    assert len(answers) == 9
    check_answers(answers)
    check_rows(course.rows(), before, loaded=function == "run_again")


@pytest.mark.parametrize("function", ["ask_again", "run_again"])
@pytest.mark.parametrize("keys", [True, False], ids=["with keys", "without keys"])
def test_a_media_folder_alone_answers_each_completed_request(lesson: Course, function: str, keys: bool) -> None:
    """Where there is no journal, the files beside the videos are enough; nothing is begun or sent."""
    files = sorted(path.name for path in (lesson.folder / "luma_videos").iterdir())
    check_answers(lesson.run(function, "calls.json", **({} if keys else dict.fromkeys(KEYS, ""))))
    assert lesson.rows() == []
    assert sorted(path.name for path in (lesson.folder / "luma_videos").iterdir()) == files


def test_a_follow_up_names_its_source(course: Course) -> None:
    """A clip that was made from another one has that as its source, to the first one; others have what was typed."""
    answers = course.run("ask_again", "calls.json")
    assert answers["foggy"][0]["source"]["source"]["prompt"] == answers["sunset"][0]["prompt"]
    assert answers["misty"][0]["source"] == "https://example.com/films/harbour.mp4"
    assert answers["sunset"][0]["source"] is None


@pytest.mark.parametrize("journal", [True, False], ids=["journal", "media folder alone"])
def test_a_simulated_clip_answers_what_would_be_simulated(tmp_path: Path, nobody: str, journal: bool) -> None:
    """The demo clip of 0.1.0 is found by its journal, and by the folder alone."""
    course = make_course(tmp_path, nobody, journal=journal)
    before = course.rows()
    check_answers(course.run("ask_again", "demo_calls.json"))
    assert course.rows() == before


def test_a_journal_answers_in_another_folder_with_a_copy(course: Course) -> None:
    """A notebook elsewhere gets the old clip too, and a copy of its file."""
    videos = course.folder / "luma_videos"
    course.folder = course.folder.with_name("elsewhere")
    course.folder.mkdir()
    for name in ("start.png", "calls.json"):
        shutil.copy(FILES / name, course.folder)
    before = course.rows()
    check_answers(course.run("ask_again", "calls.json"))
    assert course.rows() == before
    for copy in (course.folder / "luma_videos").glob("*.mp4"):
        assert copy.read_bytes() == (videos / copy.name).read_bytes()


def test_a_cell_that_is_run_again_says_that_nothing_was_paid(course: Course) -> None:
    """What the cell of an old clip prints tells where the file is, and that it is no new one."""
    answers = course.run("run_again", "calls.json")
    for name in ("sunset", "longer", "foggy", "framed", "harbour", "far", "misty", "cafe"):
        (clip,) = answers[name]
        assert clip["path"] in clip["said"]
        assert "no charge" in clip["said"]
    assert "already made: no charge" in answers["seas"][0]["said"]


# The list of all.


@pytest.mark.parametrize("words", ["", "--all"])
def test_the_history_lists_every_task_as_it_stands(course: Course, words: str) -> None:
    """`%luma history` gives what 0.1.0 gave: tasks of dead kernels as detached, unconfirmed, cancelled or failed."""
    before = course.rows()
    assert course.run("history", *words.split()) == [{**row, **NO_NOTE} for row in read("history.json")]
    check_rows(course.rows(), before, loaded=True)


@pytest.mark.parametrize(("words", "wanted"), [("ASTRONAUTS", "astronauts"), ("--action generate", ""), ("sunset", "")])
def test_what_0_1_0_made_is_searched(course: Course, words: str, wanted: str) -> None:
    """Its rows get their texts beside them, and stay as they were."""
    before = course.rows()
    found = course.run("history", *words.split())
    told = read("history.json")
    if wanted:
        assert found == [{**row, **NO_NOTE} for row in told if wanted in row["prompt"].lower()] != []
    assert 0 < len(found) < len(told)
    check_rows(course.rows(), before, loaded=True)


@pytest.mark.parametrize("folder", ["", "all"])
def test_clips_lists_every_task_as_it_stands(course: Course, folder: str) -> None:
    """`luma_jupyter.clips()` gives a clip for each task, with its status, its file and why it has none."""
    clips = course.run("listed", folder)
    told = read("history.json")
    assert [(clip["prompt"], clip["status"]) for clip in clips] == [(row["prompt"], row["status"]) for row in told]
    for clip, row in zip(clips, told, strict=True):
        if row["status"] == "completed":
            assert clip["path"] == (row["file"] and Path(row["file"]).name)
        else:
            assert clip["error"]["kind"] == f"Clip{row['status'].capitalize()}"
            assert clip["error"]["text"]


def test_clips_lists_a_media_folder_without_a_journal(lesson: Course) -> None:
    """All completed clips whose files are there are listed, those of the demo service too."""
    files = {Path(row["file"]).name for row in read("history.json") if row["file"]}
    assert {clip["path"] for clip in lesson.run("listed")} == files
    assert len(files) == 13


# Pickles.


@pytest.fixture(scope="module")
def unpickled(tmp_path_factory: pytest.TempPathFactory, nobody: str) -> dict[str, Any]:
    """What is in each pickle, and under ``again`` what is in a pickle of that, loaded in another process."""
    folder = tmp_path_factory.mktemp("pickles")
    course = make_course(folder, nobody)
    copies, further = folder / "copies", folder / "further"
    copies.mkdir()
    further.mkdir()
    first = course.run("load_pickles", FILES / "pickles", copies, FILES / "pickles.json")
    again = course.run("load_pickles", copies, further, FILES / "pickles.json")
    return {"first": first, "again": again}


@pytest.mark.parametrize("load", ["first", "again"])
@pytest.mark.parametrize("path", sorted((FILES / "pickles").glob("*.pickle")), ids=lambda path: path.stem)
def test_a_pickle_holds_what_it_held(unpickled: dict[str, Any], path: Path, load: str) -> None:
    """Clips, lists of them, requests and snapshots are loaded as 0.1.0 had them, and again when pickled once more."""
    assert unpickled[load].get(path.stem) == read("pickles.json")[path.stem.removesuffix("-2")]


# What 0.1.0 pickled as a list of values, without their names.
FIELD_ORDERS = {
    "Task": (
        "intent request provider status created_at filename fingerprint media folder source_label source_intent name "
        "submitted_at sent_at ended_at task_id base_url video path file_size price cost doubts error problem upload "
        "trace_id credits replayed payload extra again making progress gateway account"
    ),
    "Video": "url video_id width height thumbnail_url",
    "VideoRef": "video_id url",
    "GenerateRequest": "prompt callback_url take aspect_ratio loop enhancement start_image end_image",
    "ExtendRequest": "prompt callback_url take source end_image",
    "ModifyRequest": "prompt callback_url take source watermark",
}


def test_fields_that_are_pickled_by_their_place_keep_it(course: Course) -> None:
    """A field that is inserted, moved or taken away would shift the values of old pickles; a new one would have none.

    Whoever needs that writes a ``__setstate__`` that takes the old list, and says so here: `Task` does for what
    stands behind ``upload``.
    """
    assert course.run("field_orders", FILES / "pickles") == {
        name: order.split() for name, order in FIELD_ORDERS.items()
    }


@pytest.mark.parametrize("name", ["sunset", "sunset-2"])
def test_a_pickled_clip_leads_on(course: Course, name: str) -> None:
    """It is extended to the old next clip, stands in the old tree, and finds its file where that is now."""
    before = course.rows()
    found = course.run("follow_up", FILES / "pickles" / f"{name}.pickle")
    assert found["longer"]["task_id"] == expected({"longer"})["longer"]["task_id"]
    assert found["longer"]["source"]["prompt"] == "Astronauts shuttle from space to volcano"
    assert found["waited"]
    assert "A foggy autumn morning" in found["tree"]
    assert found["there"]
    assert b"task-1" in bytes.fromhex(found["saved"])
    assert course.rows() == before


def test_a_stored_clip_is_restored(course: Course) -> None:
    """`%store -r` gets a clip back that 0.1.0 put into IPython's store."""
    store = Path(course.environment["IPYTHONDIR"], "profile_default", "db", "autorestore")
    store.mkdir(parents=True)
    shutil.copy(FILES / "pickles" / "store_of_sunset", store / "sunset")
    found = course.run("restore", "sunset")
    assert found.pop("said") == ""
    assert found == read("pickles.json")["sunset"]


# What was left unfinished.

LINES = (
    "%luma status",
    "%luma resume",
    "%luma status",
    "%luma status lost slow",
    "%luma stop running slow",
    "%luma price",
    "%luma history",
    "luma_jupyter.gallery()",
)


@pytest.fixture
def cut_off(course: Course, nobody: str) -> Course:
    """The folder and its journal, whose videos are nowhere to be had."""
    course.replace("https://cdn.example", nobody)
    return course


def test_lines_about_unfinished_clips_say_how_they_stand(cut_off: Course) -> None:
    """Loading tells of them, `status` lists them, `resume` follows them, and none ends in an error."""
    loaded, _, *said = cut_off.run("lines", "import luma_jupyter", *LINES)
    assert "7 clips of this folder are unfinished; %luma resume watches them again. 3 are unconfirmed: " in loaded
    status, resumed, after, named, stopped, *_ = said
    for name in ("slow", "running", "saving", "stopped"):
        assert re.search(rf"^{name} .*not watched any more", status, re.MULTILINE)
        assert name in resumed
        assert re.search(rf"^{name} .*(running|saving|not watched any more|completed)", after, re.MULTILINE)
    for name in ("lost", "lost_fog", "hanging"):
        assert re.search(rf"^{name} .*unconfirmed", status, re.MULTILINE)
    assert "lost" in named
    assert "Stopped watching running." in stopped
    assert not [text for text in said if any(word in text for word in ERRORS)]


def test_lines_about_unfinished_clips_say_which_key_is_missing(cut_off: Course) -> None:
    """Without keys, `resume` says for each clip what it needs, and leaves all as it is."""
    before = cut_off.rows()
    loaded, _, *said = cut_off.run("lines", "import luma_jupyter", *LINES[:3], **dict.fromkeys(KEYS, ""))
    assert "7 clips of this folder are unfinished" in loaded
    assert said[1].count("ACEDATACLOUD_API_TOKEN") == 5
    assert said[1].count("RUNAPI_API_KEY") == 1
    assert not [text for text in said if any(word in text for word in ERRORS)]
    check_rows(
        [row for row in cut_off.rows() if json.loads(row[-1])["name"] != "saving"],
        [row for row in before if json.loads(row[-1])["name"] != "saving"],
        loaded=True,
    )


@pytest.fixture
def followed(tmp_path: Path, server: Server) -> Course:
    """The folder and its journal, whose tasks are all at the service and completed."""
    server.seconds = 1.0
    course = make_course(tmp_path, server.url)
    course.replace("https://api.acedata.cloud", server.url)
    course.replace("https://cdn.example", f"{server.url}/media")
    for (task_id,) in course.query("SELECT task_id FROM tasks WHERE task_id IS NOT NULL"):
        server.add_task(task_id, created=1.795e9)
    return course


def test_what_dead_kernels_left_is_followed_to_its_end(followed: Course, server: Server) -> None:
    """`%luma resume` gets the videos of all tasks that the service has; nothing is sent that costs."""
    taken = len(followed.query("SELECT * FROM durations"))
    status = followed.run("watch", "%luma resume")
    for prompt in ("A [slow] castle", "A lighthouse at night", "A [save] lighthouse", "A lighthouse in a storm"):
        assert status.pop(prompt) == "completed"
    rest = {row["prompt"]: row["status"] for row in read("history.json")}
    assert status == {prompt: rest[prompt] for prompt in status}
    assert {request.path for request in server.requests if request.method == "POST"} == {"/luma/tasks"}
    files = followed.query("SELECT json_extract(task, '$.filename') FROM tasks WHERE status = 'completed'")
    saved = {path.name for path in (followed.folder / "luma_videos").glob("*.mp4")}
    assert {name for (name,) in files if not name.startswith("a-gone-castle")} == saved
    assert len(followed.query("SELECT * FROM durations")) == taken + 3


def test_a_picture_that_was_uploaded_is_not_uploaded_again(followed: Course, server: Server) -> None:
    """A new request with an old picture uses the address that the journal has, as long as it is good."""
    followed.query("UPDATE uploads SET expires = ?", time.time() + 86_400)
    call: dict[str, Any] = {"name": "new", "action": "generate", "prompt": "Something new", "source": None, "takes": 1}
    call["options"] = {"start_image": "start.png"}
    (followed.folder / "new.json").write_text(json.dumps([call]), encoding="utf-8")
    followed.run("run_again", "new.json", LUMA_JUPYTER_WAIT="1")
    (sent,) = server.seen("submit")
    assert sent.json["start_image_url"] == "https://cdn.example/uploads/start_image.png"
    assert not [request for request in server.requests if "files" in request.path]


# The saved notebook.


def references(notebook: Path) -> list[str]:
    """The addresses in a notebook's saved outputs."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    data = [output.get("data", {}).get("text/html", "") for cell in cells for output in cell["outputs"]]
    return re.findall(r'(?:src|href|poster)="([^"]+)"', "".join("".join(html) for html in data))


def texts(notebook: Path) -> list[str]:
    """What each code cell of a notebook printed or showed, as text."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [[o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell["outputs"]] for cell in cells]
    return ["".join("".join(text) for text in texts) for texts in outputs]


def test_a_saved_notebook_refers_to_files_that_are_there() -> None:
    """Each address in its outputs is relative, and a file beside it."""
    found = references(FILES / "notebook.ipynb")
    assert len(set(found)) == 8
    assert all((FILES / address).is_file() for address in found)
    videos = {path.name for path in (FILES / "notebook_videos").glob("*.mp4")}
    assert {Path(address).name for address in found if address.endswith(".mp4")} == videos


def test_a_saved_notebook_finds_its_clips_when_it_is_run_again(tmp_path: Path, nobody: str) -> None:
    """Its cells show the old videos, in a kernel with an empty journal and without keys; none is made anew."""
    course = make_course(tmp_path, nobody, journal=False)
    shutil.copy(FILES / "notebook.ipynb", course.folder)
    videos = course.folder / "notebook_videos"
    shutil.copytree(FILES / "notebook_videos", videos)
    before = {path.name: path.read_bytes() for path in videos.iterdir()}
    alone = {"LUMA_JUPYTER_WAIT": "1", **dict.fromkeys(KEYS, "")}
    execute(course.folder / "notebook.ipynb", allow_errors=False, **{**course.environment, **alone})
    assert {path.name: path.read_bytes() for path in videos.iterdir()} == before
    assert course.rows() == []
    notebook = course.folder / "notebook.ipynb"
    assert set(references(notebook)) == set(references(FILES / "notebook.ipynb"))
    kite, longer, waves = texts(notebook)[1:4]
    assert all("no charge" in text for text in (kite, longer))
    assert "already made: no charge" in waves


# The files themselves.


def test_the_files_hold_every_status_and_no_secret(course: Course) -> None:
    """The journal is of 0.1.0's form, with tasks in every status, and tells no folder or key; all of it is small."""
    assert {status for _, status, *_ in course.rows()} == STATUSES
    assert course.query("PRAGMA user_version") == [(3,)]
    assert all(course.query(f"SELECT count(*) FROM {table}") > [(0,)] for table in ("durations", "uploads", "owners"))
    paths = [path for path in FILES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in paths) < 400_000
    for path in paths:
        content = path.read_bytes()
        assert not re.search(rb"/tmp/|/home/|/root/", content) or path.suffix == ".mp4"
        assert path.name == "make_files.py" or b"-dummy" not in content
