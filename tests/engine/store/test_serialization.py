"""Tasks as plain data and back, whatever they hold; forged data is refused."""

from __future__ import annotations

import json
import string
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import (
    MOST_TAKES,
    ExtendRequest,
    FilmRequest,
    FrameRef,
    GenerateRequest,
    ModifyRequest,
    VideoRef,
)
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.visibility import has_visible
from luma_jupyter.domain.vocabulary import ASPECT_RATIOS, PROVIDERS, Status
from luma_jupyter.engine.store.serialization import ERRORS, LARGEST_NUMBER, LATEST_TIME, Unreadable, dump, load

INTENT = "0123456789abcdef" * 2
SOURCE_INTENT = "fedcba9876543210" * 2
FULL = Task(
    intent=INTENT,
    request=ExtendRequest(
        prompt="Élan",
        callback_url="https://hook.example/?secret=1",
        source=VideoRef(video_id="v-1", url="https://media.example/1.mp4"),
        end_image="https://x.example/end.png",
    ),
    provider="acedata",
    status=Status.COMPLETED,
    created_at=1_700_000_000.25,
    filename="élan-01234567.mp4",
    fingerprint="ab" * 32,
    media=Path("/films"),
    folder=Path("/lesson"),
    source_label="fox",
    source_intent=SOURCE_INTENT,
    name="longer",
    submitted_at=1_700_000_001.0,
    sent_at=1_700_000_002.5,
    ended_at=1_700_000_090.0,
    task_id="task-1",
    base_url="https://api.acedata.cloud",
    video=Video("https://media.example/2.mp4", "v-2", 1280, 720, "https://media.example/2.jpg"),
    path=Path("/films/élan-01234567.mp4"),
    file_size=4_000_000,
    price=0.5,
    cost=0.35,
    doubts=2,
    problem="The file was late.",
    trace_id="trace-1",
    credits=0.7,
    replayed=True,
    again=3,
    making="video copied",
    gateway=True,
    account="c0ffee00",
    payload={"prompt": "Élan", "async": True},
)
PART = {"intent": INTENT, "label": "storm"}
FILM_FILE = {"sha256": "ab" * 32, "name": "waves.mp3"}

# Any task.

characters = st.characters(exclude_categories=["Cs"])
prompts = st.text(characters, min_size=1).filter(has_visible)
words = st.none() | st.text()
takes = st.integers(1, MOST_TAKES)
urls = st.text(string.ascii_letters + string.digits + "-._~%?=&/", max_size=20).map(
    lambda rest: f"https://x.example/{rest}"
)
intents = st.text("0123456789abcdef", min_size=32, max_size=32)
times = st.floats(0, 1e10)
amounts = st.none() | st.floats(0, 1e6)
sources = st.builds(VideoRef, video_id=words, url=urls)
frames = st.builds(
    FrameRef,
    intent=intents,
    when=st.sampled_from(["first", "last"]) | st.floats(0, 1e9),
    label=st.text(),
    preview=st.none() | st.just("data:image/jpeg;base64,AAAA"),
)
images = st.none() | urls | frames
requests = st.one_of(
    st.builds(
        GenerateRequest,
        prompt=prompts,
        callback_url=st.none() | urls,
        aspect_ratio=st.sampled_from(ASPECT_RATIOS),
        loop=st.booleans(),
        enhancement=st.booleans(),
        start_image=images,
        end_image=images,
        take=takes,
    ),
    st.builds(ExtendRequest, prompt=prompts, source=st.none() | sources, end_image=images, take=takes),
    st.builds(
        ModifyRequest,
        prompt=prompts,
        source=st.none() | sources,
        watermark=st.none() | st.booleans() | st.text(min_size=1),
    ),
)
film_files = st.builds(
    FilmFile, sha256=st.text("0123456789abcdef", min_size=64, max_size=64), name=st.text(max_size=80)
)
pieces = st.builds(
    Piece,
    source=intents | film_files,
    label=st.text(characters, max_size=80),
    start=st.floats(0, 9),
    end=st.none() | st.floats(10, 1e6),
    speed=st.floats(0.01, 100),
    crop=st.sampled_from([None, "9:16", "2.39:1"]),
    seconds=st.none() | st.floats(0.1, 3600),
    title=st.none() | st.text(characters, max_size=20),
    caption=st.none() | st.text(characters, max_size=20),
)
films = st.builds(
    FilmRequest,
    prompt=prompts,
    parts=st.lists(pieces, min_size=1, max_size=3).map(tuple),
    fade=st.floats(0, 1e6),
    music=st.none() | film_files,
    voice=st.none() | film_files,
    size=st.sampled_from([None, (1280, 720)]),
    fps=st.none() | st.floats(1, 120),
)
videos = st.builds(
    Video,
    url=urls,
    video_id=words,
    width=st.none() | st.integers(0, 10_000),
    height=st.none() | st.integers(0, 10_000),
    thumbnail_url=st.none() | urls,
)
quick = settings(max_examples=60, derandomize=True, database=None)


@st.composite
def tasks(draw: st.DrawFn) -> Task:
    status = draw(st.sampled_from(Status))
    filename, media = f"{draw(st.text(string.ascii_letters, min_size=1))}.mp4", Path("/films")
    size = draw(st.none() | st.integers(0, 10**9))
    error = ERRORS[status](draw(st.text())) if status in ERRORS else None
    film = draw(st.booleans())
    return Task(
        intent=draw(intents),
        request=draw(films if film else requests),
        provider="local" if film else draw(st.sampled_from(PROVIDERS)),
        status=status,
        created_at=draw(times),
        filename=filename,
        fingerprint=draw(st.text("0123456789abcdef", max_size=64)),
        media=media,
        folder=draw(st.sampled_from([Path("/lesson"), Path("/other lesson"), Path("/\udcff")])),
        source_label=draw(words),
        source_intent=draw(st.none() | intents),
        name=draw(words),
        submitted_at=draw(st.none() | times),
        sent_at=draw(st.none() | times),
        ended_at=draw(st.none() | times),
        task_id=draw(words),
        base_url=draw(urls),
        video=draw(st.none() | videos | (st.just(Video(None)) if film else st.nothing())),
        path=None if size is None else media / filename,
        file_size=size,
        price=draw(amounts),
        cost=draw(amounts),
        doubts=draw(st.integers(0, 9)),
        error=error,
        problem=draw(words),
        trace_id=draw(words),
        credits=draw(amounts),
        replayed=draw(st.booleans()),
        again=draw(st.integers(0, 9)),
        making=draw(words),
        gateway=draw(st.booleans()),
        account=draw(st.text()),
        payload=draw(st.none() | st.dictionaries(st.text(), words | st.booleans())),
    )


@quick
@given(tasks())
def test_load_gives_back_any_dumped_task(task: Task) -> None:
    """What was written is what is read, through JSON, for every kind of request, every status and any text."""
    read = load(json.loads(json.dumps(dump(task))))
    assert type(read.error) is type(task.error)
    assert str(read.error or "") == str(task.error or "")
    assert replace(read, error=None) == replace(task, error=None)
    assert repr(read.request) == repr(task.request)  # with what does not count


def test_load_gives_back_every_field() -> None:
    """No field is left out: each of this task's differs from its default, and all are read."""
    assert load(dump(FULL)) == FULL
    assert load(dump(FULL)).payload == FULL.payload  # which makes no two tasks different
    required = {"intent", "request", "provider", "status", "created_at", "filename"}
    kept = {name for name in Task.__dataclass_fields__ if name not in {*required, "error", "upload", "progress"}}
    assert all(getattr(FULL, name) != Task.__dataclass_fields__[name].default for name in kept)


def test_load_reads_records_of_older_versions() -> None:
    """A record of a version that had fewer fields is read, with nothing known in their place."""
    data = {name: dump(FULL)[name] for name in ("intent", "provider", "status", "created_at", "filename", "action")}
    read = load({**data, "prompt": "p", "request": {}})
    assert read.request == ExtendRequest(prompt="p")
    assert (read.video, read.path, read.price, read.doubts) == (None, None, None, 0)
    assert (read.base_url, read.account) == ("", "")


def test_load_passes_over_what_later_versions_add() -> None:
    """What a later version adds beside is passed over."""
    assert load({**dump(FULL), "seed": 42}) == FULL


# Forged data.


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


NO_TEXT: list[Any] = [1, 1.5, True, ["x"], {"x": "y"}, nested(5000)]
NO_NUMBER: list[Any] = [
    "1",
    True,
    False,
    -1,
    -0.5,
    LARGEST_NUMBER,
    1e16,
    10**400,
    float("nan"),
    float("inf"),
    -float("inf"),
    [1],
    {},
]
NO_COUNT: list[Any] = [*NO_NUMBER, 1.5]
NO_URL: list[Any] = [
    *NO_TEXT,
    "",
    "x",
    "//x.example/v",
    "javascript:alert(1)",
    "data:video/mp4;base64,AAAA",
    "file:///etc/passwd",
    "ftp://x.example/v",
    "http://",
    "https://x.example/a b",
    "https://x.example/\n",
    "https://x.example:99999/",
    "https://[x/",
]
FRAME = {"intent": INTENT, "when": "last", "label": "storm"}
NO_FRAME: list[Any] = [
    *({**FRAME, "intent": value} for value in [None, 1, "", INTENT[:-1], "../x"]),
    *({**FRAME, "when": value} for value in [None, True, "2.5", "middle", -1, 10**400, float("nan"), [1], {}]),
    *({**FRAME, "label": value} for value in NO_TEXT),
    {"when": "last"},
]
NO_FILE: list[Any] = [
    *NO_TEXT,
    None,
    "",
    ".",
    "..",
    "x",
    "x.mov",
    "x.mp4/",
    "../x.mp4",
    "/etc/x.mp4",
    "a/b.mp4",
    "a\\b.mp4",
    "C:x.mp4",
    "\0.mp4",
    "x\0y.mp4",
]
NO_FLAG: list[Any] = [0, 1, 1.0, "", "true", [], {}, nested(5000)]
NO_OBJECT: list[Any] = [None, 1, "x", True, [], [1], nested(5000)]
FORGED: dict[str, list[Any]] = {
    "intent": [None, *NO_TEXT, "", INTENT[:-1], f"{INTENT}0", INTENT.upper(), f"{INTENT[:-1]}\n", "../" * 10 + "xx"],
    "fingerprint": NO_TEXT,
    "action": [None, *NO_TEXT, "", "delete", "Generate", "film"],
    "prompt": [None, *NO_TEXT, "", "  \n", "\ud800"],
    "request": [
        *NO_OBJECT,
        *({"end_image": url} for url in NO_URL),
        *({"end_image": frame} for frame in NO_FRAME),
        *({name: FRAME} for name in ("source", "callback_url", "take")),
        *({"callback_url": url} for url in NO_URL),
        *({"source": {"url": url}} for url in NO_URL),
        *({"source": {"video_id": word}} for word in NO_TEXT),
        *({"source": source} for source in NO_OBJECT if source is not None),
        {"prompt": "twice"},
        {"action": "generate"},
        {"seed": 42},
        {"": 1},
    ],
    "source_label": NO_TEXT,
    "source_intent": [*NO_TEXT, "", "../x", INTENT[:-1]],
    "name": NO_TEXT,
    "provider": [None, *NO_TEXT, "", "auto", "luma", "local"],
    "status": [None, *NO_TEXT, "", "done", "COMPLETED"],
    "task_id": NO_TEXT,
    "base_url": NO_TEXT,
    "video": [
        1,
        "x",
        True,
        [],
        {},
        *({"url": url} for url in [None, *NO_URL]),
        *({"url": "https://x.example/v", "thumbnail_url": url} for url in NO_URL),
        *({"url": "https://x.example/v", "video_id": word} for word in NO_TEXT),
        *({"url": "https://x.example/v", "width": size} for size in NO_NUMBER),
        *({"url": "https://x.example/v", "height": size} for size in NO_NUMBER),
    ],
    "media": NO_TEXT,
    "folder": NO_TEXT,
    "filename": NO_FILE,
    "file_size": NO_COUNT,
    "price": NO_NUMBER,
    "cost": NO_NUMBER,
    "doubts": NO_COUNT,
    "again": NO_COUNT,
    "making": NO_TEXT,
    "trace_id": NO_TEXT,
    "credits": NO_NUMBER,
    "replayed": NO_FLAG,
    "gateway": NO_FLAG,
    "account": NO_TEXT,
    "payload": [value for value in NO_OBJECT if value is not None],
    "error": NO_TEXT,
    "problem": NO_TEXT,
    "created_at": [None, *NO_NUMBER],
    "submitted_at": NO_NUMBER,
    "sent_at": NO_NUMBER,
    "ended_at": NO_NUMBER,
}


def test_forgeries_cover_every_field() -> None:
    """The table below leaves no field of a record out."""
    assert FORGED.keys() == dump(FULL).keys()


@pytest.mark.parametrize("field", FORGED)
def test_load_refuses_a_forged_field(field: str) -> None:
    """A value that no version ever wrote makes the record unreadable: no other error, and never a task."""
    data = dump(FULL) | {"status": "failed"}  # the one in which an error is read
    assert load(data).intent == INTENT
    for value in FORGED[field]:
        with pytest.raises(Unreadable):
            load(data | {field: value})


@pytest.mark.parametrize("name", FORGED)
def test_load_without_a_field_is_refused_where_it_makes_the_task(name: str) -> None:
    """Without what makes a task, a record is unreadable; without anything else it is a task."""
    data = dump(FULL)
    del data[name]
    if name in ("intent", "action", "prompt", "request", "provider", "status", "filename", "created_at"):
        with pytest.raises(Unreadable):
            load(data)
    else:
        assert load(data).intent == INTENT


@pytest.mark.parametrize("preview", ["javascript:alert(1)", 7, 'data:image/jpeg;base64,x" onload="'])
def test_load_passes_over_a_forged_preview_of_a_frame(preview: object) -> None:
    """A picture that none of us wrote is not shown."""
    read = load(dump(FULL) | {"request": {"end_image": FRAME | {"preview": preview}}})
    assert repr(read.request.end_image) == repr(FrameRef(INTENT, "last", "storm"))  # type: ignore[union-attr]


@pytest.mark.parametrize(("label", "name"), [("pic", "pic"), ("<b>", "a.png"), (7, "a.png"), ("", "a.png")])
def test_load_calls_a_picture_by_its_variable(label: object, name: str) -> None:
    """What cannot be a variable counts as missing."""
    record = LocalFile.of(b"x", "image/png", "a.png").record
    read = load(dump(FULL) | {"request": {"end_image": record | {"label": label}}})
    assert str(read.request.end_image) == name  # type: ignore[union-attr]


@pytest.mark.parametrize("data", [None, 1, True, "x", [], [dump(FULL)], {}, nested(5000)])
def test_load_refuses_what_is_no_record(data: object) -> None:
    """Anything but an object with a task in it is unreadable."""
    with pytest.raises(Unreadable):
        load(data)


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("generate", {"aspect_ratio": "2:1"}),
        ("generate", {"aspect_ratio": nested(5000)}),
        ("generate", {"loop": 1}),
        ("generate", {"enhancement": "yes"}),
        ("generate", {"start_image": "/etc/passwd"}),
        ("generate", {"take": 0}),
        ("generate", {"take": "2"}),
        ("modify", {"take": True}),
        ("generate", {"source": {"url": "https://x.example/v"}}),
        ("extend", {"watermark": True}),
        ("modify", {"source": {"video_id": "v-1"}}),
        ("modify", {"watermark": 1}),
        ("modify", {"watermark": ""}),
        ("modify", {"watermark": nested(5000)}),
    ],
)
def test_load_refuses_a_forged_request(action: str, parameters: dict[str, Any]) -> None:
    """A request in a record is checked as if it had just been typed."""
    with pytest.raises(Unreadable):
        load(dump(FULL) | {"action": action, "request": parameters})


@pytest.mark.parametrize(
    "parameters",
    [
        *({} if parts is None else {"parts": parts} for parts in [None, *NO_TEXT, [], [1], ["x"], [[]], {}]),
        *({"parts": [PART | changes]} for changes in [{"intent": 3}, {"start": "1"}, {"end": -1}, {"speed": 0}]),
        *({"parts": [PART | changes]} for changes in [{"crop": 1}, {"title": 1}, {"caption": []}, {"seed": 1}]),
        *(
            {"parts": [PART], "music": file}
            for file in [None, 1, {}, FILM_FILE | {"sha256": "../x"}, FILM_FILE | {"name": 1}]
        ),
        *({"parts": [PART], "size": size} for size in [1, [1, 2, 3], [1281, 720], ["1280", "720"]]),
        *({"parts": [PART], name: value} for name, value in [("fade", -1), ("fade", "x"), ("fps", 0), ("take", 2)]),
        {"parts": [PART], "callback_url": "https://x.example/"},
        {"parts": [PART] * 1001},
    ],
)
def test_load_refuses_a_forged_film(parameters: dict[str, Any]) -> None:
    """A film in a record is checked as if it had just been asked for."""
    data = dump(FULL) | {"action": "film", "provider": "local"}
    assert load(data | {"request": {"parts": [PART]}}).request == FilmRequest(parts=(Piece(source=INTENT),))
    with pytest.raises(Unreadable):
        load(data | {"request": parameters})


@pytest.mark.parametrize(("action", "request_"), [("film", {"parts": [PART]}), ("extend", {})])
def test_load_refuses_a_film_of_a_service_and_a_clip_of_none(action: str, request_: dict[str, Any]) -> None:
    """Films are made here and nothing else is: what says otherwise was made up."""
    provider = "acedata" if action == "film" else "local"
    with pytest.raises(Unreadable):
        load(dump(FULL) | {"action": action, "request": request_, "provider": provider})


def test_load_wants_an_address_of_what_a_service_made() -> None:
    """Only a film has no address: of anything else it has to be there."""
    film = {"action": "film", "provider": "local", "request": {"parts": [PART]}, "video": {"url": None, "width": 640}}
    assert load(dump(FULL) | film).video == Video(None, width=640)
    with pytest.raises(Unreadable):
        load(dump(FULL) | {"video": {"url": None}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@quick
@given(st.dictionaries(st.sampled_from(list(FORGED)), json_values, max_size=4))
def test_load_of_any_forgery_is_a_task_or_unreadable(changes: dict[str, Any]) -> None:
    """Whatever stands in the fields, the answer is a task or `Unreadable`; a task's file is a plain name."""
    try:
        task = load(dump(FULL) | changes)
    except Unreadable:
        return
    assert isinstance(task, Task)
    assert Path(task.filename).name == task.filename


def test_large_films_and_amounts_are_read_again() -> None:
    """A bound for times is none for bytes, credits and prices."""
    large = FULL.evolve(file_size=31_000_000_000, price=1e11, cost=1e11, credits=1e11)
    assert load(dump(large)) == large


def test_times_are_those_that_every_system_knows() -> None:
    """The largest time that is read can be shown: Windows knows none after the year 3000."""
    assert datetime.fromtimestamp(LATEST_TIME, UTC).year < 3000
