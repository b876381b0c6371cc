"""Sidecars: what stands beside a video, found again by the request alone; and what a forged one cannot do."""

from __future__ import annotations

import io
import json
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from luma_jupyter.domain.fingerprint import fingerprint
from luma_jupyter.domain.requests import ExtendRequest, GenerateRequest, Request, VideoRef
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import sidecars
from luma_jupyter.engine.library.sidecars import LARGEST, SCHEMA, find_equal, intent_of, read, video_file_name, write
from tests.support.fake_service import VIDEO
from tests.support.films import PAGE
from tests.support.world import EPOCH

INTENT = "0123456789abcdef" * 2
SOURCE_INTENT = "fedcba9876543210" * 2
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has neither pipes nor devices in folders")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A media folder."""
    folder = tmp_path / "luma_videos"
    folder.mkdir()
    return folder


def a_task(folder: Path, request: Request | None = None, intent: str = INTENT, **changes: Any) -> Task:
    """A completed task, as a kernel that made it has it."""
    request = request or GenerateRequest(prompt="A red fox")
    task = Task(
        intent=intent,
        request=request,
        provider="acedata",
        status=Status.COMPLETED,
        created_at=EPOCH,
        filename=video_file_name(request.prompt, intent[:8]),
        media=folder,
        folder=Path("/home/teacher/lesson"),
        submitted_at=EPOCH + 1,
        sent_at=EPOCH + 2,
        ended_at=EPOCH + 90,
        task_id="task-1",
        base_url="https://secret.example/api",
        account="c0ffee00",
        video=Video("https://media.example/1.mp4", "v-1", 1280, 720, "https://media.example/1.jpg"),
        price=0.35,
        problem="The file was late.",
    ).evolve(**changes)
    return task.evolve(fingerprint=fingerprint(request, task.source_intent))


def placed(task: Task, video: bytes = VIDEO) -> Task:
    """The task with its video and sidecar in the media folder."""
    path = task.media / task.filename
    path.write_bytes(video)
    with path.with_suffix(".json").open("wb") as file:
        write(file, task, len(video))
    return task.evolve(path=path, file_size=len(video))


def forged(task: Task, **changes: Any) -> Path:
    """The sidecar of a placed task, with other values in it."""
    path = placed(task).media / Path(task.filename).with_suffix(".json")
    data = json.loads(path.read_bytes())
    path.write_text(json.dumps({**data, **changes}))
    return path


def found(task: Task) -> list[Task]:
    return list(find_equal(task.media, task.request.prompt, task.fingerprint))


# What is written, and read again.

KEPT = ("intent", "request", "provider", "created_at", "submitted_at", "sent_at", "ended_at", "task_id", "video")


@pytest.mark.parametrize(
    ("request_", "changes"),
    [
        (GenerateRequest(prompt="A red fox", aspect_ratio="9:16", loop=True, end_image="https://x.example/e.png"), {}),
        (ExtendRequest(prompt="Élan 🦊", source=VideoRef(video_id="v-1")), {"name": "longer", "source_label": "v-1"}),
        (
            ExtendRequest(prompt="It runs", source=VideoRef(video_id="v-0", url="https://media.example/0.mp4")),
            {"source_intent": SOURCE_INTENT, "source_label": "fox", "cost": 0.5, "trace_id": "t-1", "credits": 0.7},
        ),
        (GenerateRequest(prompt="A red fox"), {"provider": "demo", "base_url": "http://127.0.0.1:5000", "price": 0.0}),
    ],
)
def test_sidecar_and_video_give_the_clip_back(folder: Path, request_: Request, changes: dict[str, Any]) -> None:
    """A video and its sidecar alone say which clip it is, and where its source came from."""
    task = placed(a_task(folder, request_, **changes))
    (read_,) = found(task)
    same = (
        *KEPT,
        "fingerprint",
        "source_intent",
        "source_label",
        "name",
        "price",
        "cost",
        "trace_id",
        "credits",
        "path",
        "file_size",
        "media",
    )
    assert {name: getattr(read_, name) for name in same} == {name: getattr(task, name) for name in same}
    assert read_.status is Status.COMPLETED
    assert (read_.problem, read_.error, read_.base_url, read_.account, read_.folder) == (None, None, "", "", Path())


def test_sidecar_works_wherever_its_folder_lies(folder: Path, tmp_path: Path) -> None:
    """A folder that was handed out works wherever it lies."""
    task = placed(a_task(folder))
    moved = folder.rename(tmp_path / "handed out")
    (read_,) = find_equal(moved, "A red fox", task.fingerprint)
    assert (read_.path, read_.media) == (moved / task.filename, moved)


def test_sidecar_has_nothing_private(folder: Path) -> None:
    """A sidecar tells neither where its maker's files lie, nor which API it was, nor a callback and its secret.

    Nor does it have the body that was sent, where both may be.
    """
    request = GenerateRequest(prompt="A red fox", callback_url="https://hook.example/?secret=hunter2")
    file = io.BytesIO()
    sent = {"callback_url": request.callback_url}
    write(file, a_task(folder, request, name="fox", doubts=1, payload=sent), 4000)
    data = json.loads(file.getvalue())
    assert data.keys() == {
        *("schema", "bytes", "intent", "fingerprint", "action", "prompt", "request", "source_label", "source_intent"),
        *(
            "name",
            "provider",
            "task_id",
            "video",
            "price",
            "cost",
            "trace_id",
            "credits",
            "replayed",
            "again",
            "making",
            "gateway",
        ),
        *("created_at", "submitted_at", "sent_at", "ended_at"),
    }
    for secret in (b"hunter2", b"hook.example", b"secret.example", b"c0ffee00", b"teacher", os.fsencode(folder)):
        assert secret not in file.getvalue()
    assert (data["schema"], data["bytes"], data["prompt"]) == (SCHEMA, 4000, "A red fox")


def test_sidecar_leaves_out_the_callback(folder: Path) -> None:
    """A clip that was made with a callback answers the same request without one."""
    task = placed(a_task(folder, GenerateRequest(prompt="A red fox", callback_url="https://hook.example/")))
    (read_,) = found(task)
    assert read_.request == GenerateRequest(prompt="A red fox")


SIGNED = "https://media.example/a.png?Signature=5ecret"


def test_sidecar_cuts_addresses(folder: Path) -> None:
    """No address keeps what may be a secret; the clip answers the very request that was made, and no other like it."""
    request = GenerateRequest(prompt="A red fox", start_image=SIGNED, end_image="https://me:5ecret@media.example/b.png")
    task = placed(a_task(folder, request, video=Video(SIGNED, thumbnail_url=SIGNED), source_label=SIGNED))
    text = (folder / task.filename).with_suffix(".json").read_text()
    assert "5ecret" not in text
    assert text.count('"https://media.example/a.png?…"') == 4
    assert list(find_equal(folder, "A red fox", task.fingerprint)) == []
    (read_,) = find_equal(folder, "A red fox", task.fingerprint, request)
    assert (read_.intent, read_.fingerprint, read_.path) == (task.intent, task.fingerprint, task.path)
    other = GenerateRequest(prompt="A red fox", start_image=SIGNED)
    assert list(find_equal(folder, "A red fox", task.fingerprint, other)) == []
    assert [listed and listed.fingerprint for listed in map(sidecars.read_listed, folder.glob("*.json"))] == [""]


def test_older_sidecar_with_whole_addresses_is_read(folder: Path) -> None:
    """What was written before addresses were cut is found as before."""
    request = ExtendRequest(prompt="A red fox", source=VideoRef(url=SIGNED), end_image=SIGNED)
    task = a_task(folder, request)
    whole = {"source": {"video_id": None, "url": SIGNED}, "end_image": SIGNED}
    forged(task, request=whole, video={"url": SIGNED}, source_label=SIGNED)
    (read_,) = found(task)
    assert (read_.request, read_.fingerprint) == (request, task.fingerprint)
    assert read_.video == Video(SIGNED)
    assert read_.source_label == "https://media.example/a.png?…"


def test_sidecar_can_be_read_by_people(folder: Path) -> None:
    """It is indented JSON in UTF-8."""
    file = io.BytesIO()
    write(file, a_task(folder, GenerateRequest(prompt="宇航员")), 4000)
    assert '\n "prompt": "宇航员",\n' in file.getvalue().decode()


# Names, which are frozen: under another name a clip would not be found again.


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Astronauts shuttle from space to volcano", "astronauts-shuttle-0123abcd.mp4"),
        ("A red fox", "a-red-fox-0123abcd.mp4"),
        ("E\u0301lan vital", "élan-vital-0123abcd.mp4"),
        ("宇航员从太空飞向火山", "宇航员从太空飞向火山-0123abcd.mp4"),
        ("🦊", "clip-0123abcd.mp4"),
        ("../../etc/passwd", "etc-passwd-0123abcd.mp4"),
        ("Donaudampfschifffahrtsgesellschaft", "donaudampfschifffahr-0123abcd.mp4"),
    ],
)
def test_video_file_name_is_frozen(prompt: str, name: str) -> None:
    """The name of a prompt's file is the same in all versions."""
    assert video_file_name(prompt, "0123abcd") == name


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Astronauts shuttle from space to volcano", "astronauts-shuttle"),
        ("A red fox", "a-red-fox"),
        ("  The ship\n\n lands!  ", "the-ship-lands"),
        ("Élan vital: naïve café", "élan-vital-naïve"),
        ("E\u0301lan", "élan"),
        ("宇航员从太空飞向火山", "宇航员从太空飞向火山"),
        ("🦊🔥", "clip"),
        ("…", "clip"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\system32", "c-windows-system32"),
        ("a/b\\c", "a-b-c"),
        ("CON", "con"),
        ('<>:"|?*', "clip"),
        ("snake_case_prompt", "snake-case-prompt"),
        ("nul\0byte", "nul-byte"),
        ("Donaudampfschifffahrtsgesellschaft", "donaudampfschifffahr"),
        ("x" * 10_000, "x" * 20),
        ("word " * 2_000, "word-word-word-word"),
    ],
)
def test_video_file_name_is_readable(prompt: str, name: str) -> None:
    """A file is named after the first words of its prompt, whatever they are, and its key."""
    assert video_file_name(prompt, "3f9c2a1b") == f"{name}-3f9c2a1b.mp4"


def _with_marks_shown(name: str) -> str:
    """A name in which ``+`` stands for each combining mark, and ``~`` for each joiner."""
    shown = ("+" if unicodedata.category(character) in ("Mn", "Mc") else character for character in name)
    return "".join(shown).translate({0x200C: "~", 0x200D: "~"})


WORD = r"[^\W_](?:[^\W_]|\+|~+(?=[^\W_]|\+))*"  # begins with a letter or digit; joiners are within


@pytest.mark.parametrize("code", range(0, 0x11000, 0x400))
def test_video_file_name_is_safe(code: int) -> None:
    """Whatever characters a prompt has, its file name is one short path component without dots, spaces or controls."""
    for start in range(code, code + 0x400, 16):
        prompt = "".join(chr(point) for point in range(start, start + 16)) + ".."
        name = video_file_name(prompt, "3f9c2a1b")
        assert not re.search(r"[+~]", name)
        assert re.fullmatch(rf"{WORD}(-{WORD})*\.mp4", _with_marks_shown(name)), (prompt, name)
        assert len(os.fsencode(name)) < 120
        assert Path(name).name == name


# Finding.


def test_find_equal_gives_equal_requests_only(folder: Path) -> None:
    """Of clips whose names begin alike, those of the same request are found, in the order of their names."""
    first = placed(a_task(folder, intent="0" * 32))
    second = placed(a_task(folder, intent="1" * 32))
    placed(a_task(folder, GenerateRequest(prompt="A red fox", loop=True), intent="2" * 32))
    placed(a_task(folder, GenerateRequest(prompt="A red fox!"), intent="3" * 32))
    placed(a_task(folder, GenerateRequest(prompt="A red fox runs"), intent="4" * 32))
    assert [task.intent for task in found(first)] == [first.intent, second.intent]


def test_find_equal_reads_few_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with many clips, only the sidecars of those with the prompt's first words are opened."""
    task = placed(a_task(folder))
    for number in range(20):
        placed(a_task(folder, GenerateRequest(prompt=f"Film {number}"), intent=f"{number:032x}"))
    (folder / "a-red-fox-notes.txt").write_text("notes")
    opened: list[str] = []

    def note(path: Path) -> Task | None:
        opened.append(path.name)
        return read(path)

    monkeypatch.setattr(sidecars, "read", note)
    assert len(found(task)) == 1
    assert opened == [Path(task.filename).with_suffix(".json").name]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_find_equal_knows_other_forms_of_a_name(folder: Path, form: str) -> None:
    """A name that an archive or a disk stored in another Unicode form is the same name."""
    task = placed(a_task(folder, GenerateRequest(prompt="Élan vital")))
    for path in list(folder.iterdir()):
        path.rename(path.with_name(unicodedata.normalize(form, path.name)))
    (read_,) = found(task)
    assert read_.path
    assert read_.path.exists()


def test_find_equal_knows_other_forms_of_a_prompt(folder: Path) -> None:
    """A prompt that is typed on a system that decomposes characters finds the clip of one that does not."""
    task = placed(a_task(folder, GenerateRequest(prompt="Élan vital")))
    request = GenerateRequest(prompt=unicodedata.normalize("NFD", "Élan vital"))
    assert len(list(find_equal(folder, request.prompt, fingerprint(request, None)))) == len(found(task)) == 1


def _no_folder(folder: Path) -> None:
    folder.rmdir()


def _file_instead(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("in the way")


@pytest.mark.parametrize("spoil", [_no_folder, _file_instead, lambda folder: None], ids=["none", "a file", "empty"])
def test_find_equal_in_a_folder_without_clips_gives_nothing(folder: Path, spoil: Callable[[Path], None]) -> None:
    """Where there is no media folder, or none that can be read, nothing is found, and nothing is raised."""
    spoil(folder)
    assert list(find_equal(folder, "A red fox", "f")) == []


def test_find_equal_in_an_unreadable_folder_gives_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that may not be listed holds nothing."""
    task = placed(a_task(folder))

    def refuse(self: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)  # the superuser may read everywhere
    assert found(task) == []


# Forged and damaged ones.

FORGED_FIELDS: dict[str, dict[str, Any]] = {
    "an older schema": {"schema": 1},
    "a newer schema": {"schema": SCHEMA + 1},
    "no schema": {"schema": None},
    "another prompt": {"prompt": "A blue fox"},
    "another request": {"request": {"loop": True}},
    "another action": {"action": "extend"},
    "another source": {"source_intent": SOURCE_INTENT},
    "no fingerprint": {"fingerprint": None},
    "no video": {"video": None},
    "a script for a URL": {"video": {"url": "javascript:alert(1)"}},
    "a file for a thumbnail": {"video": {"url": "https://x.example/v", "thumbnail_url": "file:///etc/passwd"}},
    "a path for an intent": {"intent": "../../../etc/passwd"},
    "an enormous number": {"created_at": 10**400},
    "not a number": {"price": float("nan")},
    "a number for a name": {"name": 5},
    "an unknown provider": {"provider": "evil"},
}


@pytest.mark.parametrize("kind", FORGED_FIELDS)
def test_forged_sidecar_is_none(folder: Path, kind: str) -> None:
    """A sidecar that does not fit together, or has values that none has, is none."""
    task = a_task(folder)
    path = forged(task, **FORGED_FIELDS[kind])
    assert read(path) is None
    assert found(task) == []


CONTENTS: dict[str, bytes] = {
    "empty": b"",
    "not JSON": b"<html>",
    "cut": b'{"schema": 2, "intent": "0123',
    "not text": b"\xff\xfe\x00\x00",
    "null": b"null",
    "a list": b"[]",
    "a number": b"2",
    "a word": b'"schema"',
    "an empty object": b"{}",
    "deeply nested": b"[" * 100_000,
    "deep and closed": b"[" * 900 + b"]" * 900,
    "an enormous number": b'{"schema": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_broken_sidecar_hides_no_other_clip(folder: Path, kind: str) -> None:
    """Any other content is passed over, and hides no other clip."""
    task = placed(a_task(folder))
    other = folder / "a-red-fox-00000000.json"
    other.write_bytes(CONTENTS[kind])
    other.with_suffix(".mp4").write_bytes(VIDEO)
    assert read(other) is None
    assert intent_of(other.with_suffix(".mp4")) is None
    assert len(found(task)) == 1


def test_oversized_sidecar_is_not_read(folder: Path) -> None:
    """A good sidecar with 10 MB of padding is refused by its size alone."""
    task = placed(a_task(folder))
    path = folder / Path(task.filename).with_suffix(".json")
    content = path.read_bytes()
    path.write_bytes(content + b" " * (LARGEST - len(content)))
    assert read(path)
    path.write_bytes(content + b" " * (LARGEST - len(content) + 1))
    assert read(path) is None
    path.write_bytes(content + b" " * 10_000_000)
    assert found(task) == []
    assert intent_of(path.with_suffix(".mp4")) is None


@pytest.mark.parametrize(
    "paths",
    [
        {"filename": "../../../etc/passwd.mp4", "media": "/etc", "folder": "/root"},
        {"path": "/etc/passwd", "file": "/etc/passwd", "file_size": 10**9, "base_url": "http://169.254.169.254"},
        {"status": "failed", "error": "<script>", "problem": "<script>", "doubts": 10**9},
    ],
)
def test_paths_in_a_sidecar_are_ignored(folder: Path, paths: dict[str, Any]) -> None:
    """The video is the file beside it, and where that lies is where it was found, whatever else the sidecar says."""
    task = a_task(folder)
    forged(task, **paths)
    (read_,) = found(task)
    assert (read_.path, read_.media, read_.filename) == (folder / task.filename, folder, task.filename)
    assert (read_.file_size, read_.folder, read_.base_url) == (len(VIDEO), Path(), "")
    assert (read_.status, read_.error, read_.problem, read_.doubts) == (Status.COMPLETED, None, None, 0)


def _renamed(path: Path) -> None:
    path.rename(path.with_name("elsewhere.mp4"))


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.mp4")


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _a_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


VIDEOS: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "renamed": _renamed,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(VIDEO[:-1]),
    "a page": lambda path: path.write_text(PAGE),
    "a folder": _a_folder,
    "a dangling link": _dangling,
}


@pytest.mark.parametrize("kind", VIDEOS)
def test_sidecar_of_a_broken_video_is_a_clip_without_a_file(folder: Path, kind: str) -> None:
    """A sidecar without its whole video beside it is a clip without a file, which can be fetched again."""
    task = placed(a_task(folder))
    VIDEOS[kind](folder / task.filename)
    (read_,) = found(task)
    assert (read_.intent, read_.video, read_.path, read_.file_size) == (task.intent, task.video, None, None)


def test_sidecar_of_a_video_with_more_behind_it_is_a_clip_with_its_file(folder: Path) -> None:
    """What is behind a whole video, players pass over."""
    task = placed(a_task(folder))
    (folder / task.filename).write_bytes(VIDEO + b"\0")
    (read_,) = found(task)
    assert (read_.path, read_.file_size) == (folder / task.filename, len(VIDEO) + 1)


@POSIX
@pytest.mark.parametrize("what", [_a_pipe, _a_device], ids=["a pipe", "a device"])
@pytest.mark.parametrize("end", [".json", ".mp4"])
def test_pipes_and_devices_are_not_opened(folder: Path, what: Callable[[Path], None], end: str) -> None:
    """A folder from somebody else can have pipes and links to devices in it: they are not opened."""
    task = placed(a_task(folder))
    what(folder / Path(task.filename).with_suffix(end))
    assert [read_.path for read_ in found(task)] == ([] if end == ".json" else [None])
    assert intent_of(folder / task.filename) == (None if end == ".json" else INTENT)


def test_linked_files_are_a_clip(folder: Path, tmp_path: Path) -> None:
    """Links to a video and its sidecar are a clip, too: that is how large folders are shared."""
    task = placed(a_task(folder))
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in folder.iterdir():
        (linked / path.name).symlink_to(path)
    (read_,) = find_equal(linked, "A red fox", task.fingerprint)
    assert (read_.path, read_.media) == (linked / task.filename, linked)


def test_intent_of_a_video_is_in_its_sidecar(folder: Path) -> None:
    """A video's sidecar says whose it is; without one, nobody knows."""
    task = placed(a_task(folder))
    assert intent_of(folder / task.filename) == INTENT
    assert intent_of(folder / "other.mp4") is None


def test_plain_videos_of_a_missing_folder_are_none(tmp_path: Path) -> None:
    """A folder that is not there has none, as it has no sidecars."""
    assert sidecars.plain_videos(tmp_path / "nothing", ()) == []
