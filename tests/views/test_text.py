"""Words for people: times, sizes, what was asked for, how a clip stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from socket import gethostname
from urllib.parse import quote

import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.pieces import FilmFile, Piece
from luma_jupyter.domain.requests import ExtendRequest, FilmRequest, FrameRef, GenerateRequest, ModifyRequest, Request
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipFailed
from luma_jupyter.printable import columns
from luma_jupyter.views.text import (
    clock,
    file_size,
    plain_text,
    progress_line,
    reason_text,
    request_summary,
    short,
    sources_text,
    status_text,
    text_table,
    without_trace,
)
from tests.support.states import clip_state, film_state

URL = "https://x.example/a/dawn.png?secret=1"
FRAME = FrameRef("a" * 32, "last", "storm")
FILE = LocalFile("0" * 64, "image/png", "noon.png", 9)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (GenerateRequest(prompt="x"), "generate 16:9"),
        (GenerateRequest(prompt="x", aspect_ratio="1:1", loop=True, take=3), "generate 1:1, loop, take 3"),
        (GenerateRequest(prompt="x", enhancement=False), "generate 16:9, no enhancement"),
        (GenerateRequest(prompt="x", start_image=URL, end_image=FILE), "generate 16:9, from dawn.png, to noon.png"),
        (GenerateRequest(prompt="x", start_image="https://x.example"), "generate 16:9, from a picture"),
        (ExtendRequest(prompt="x", end_image=FILE, take=2), "extend fox, to noon.png, take 2"),
        (GenerateRequest(prompt="x", start_image=FRAME, end_image=FILE), "generate 16:9, from storm@last, to noon.png"),
        (GenerateRequest(prompt="x", end_image=replace(FILE, label="noon")), "generate 16:9, to noon"),
        (ExtendRequest(prompt="x", end_image=replace(FRAME, when=2.5)), "extend fox, to storm@2.5"),
        (ModifyRequest(prompt="x"), "modify fox"),
        (ModifyRequest(prompt="x", watermark=True), "modify fox, watermark"),
        (ModifyRequest(prompt="x", watermark=False), "modify fox, no watermark"),
        (ModifyRequest(prompt="x", watermark="w-1"), "modify fox, watermark w-1"),
    ],
)
def test_request_summary_names_all_by_which_requests_differ(request_: Request, words: str) -> None:
    """All by which requests with the same prompt differ, in a few words; of an address only the file's name."""
    assert request_summary(clip_state(request=request_, source_label="fox").task) == words


def test_film_names_a_few_of_the_clips_that_it_waits_for() -> None:
    """Of many clips the first are named; a film of none waits for its turn."""

    def of(*labels: str) -> str:
        parts = [Piece(source=f"{number:032x}", label=label) for number, label in enumerate(labels)]
        return status_text(film_state(Status.QUEUED, *parts))

    assert of("a@1-2", "b ×2", "a") == "queued: needs a and b first; nothing is made yet"
    assert of("a", "b", "c") == "queued: needs a, b and c first; nothing is made yet"
    assert of("a", "b", "c", "d", "e") == "queued: needs a, b, c and 2 more first; nothing is made yet"
    picture = Piece(source=FilmFile("ab" * 32, "a.png"), seconds=3)
    assert status_text(film_state(Status.QUEUED, picture)) == "queued: waits for its turn; nothing is made yet"


def test_film_says_what_it_is_of() -> None:
    """Its summary has what was asked for beside its parts, and its sources are these."""
    file = FilmFile("ab" * 32, "waves.mp3")
    parts = (Piece(source="0" * 32, label="storm", caption="Waves"), Piece(source=file, seconds=3))
    request = FilmRequest(parts=parts, fade=0.5, music=file, voice=file, size=(640, 360), fps=25)
    task = film_state(request=request).task
    assert request_summary(task) == (
        "film of 2 parts, fade 0.5 s, music waves.mp3, voice waves.mp3, captions, 640×360, 25 fps"
    )
    assert sources_text(task) == "storm, waves.mp3"


def test_progress_line_of_a_film_stands_where_it_is() -> None:
    """In a terminal, too, a film's bar is how much of it is made."""
    line = progress_line(film_state(progress=0.5))
    assert line == "movie ██████████░░░░░░░░░░ making the film: video copied (50 %) (0:42)"
    assert "film of 1 part, fade 0.5 s, this machine" in plain_text(film_state())


def test_plain_text_hides_the_absolute_path_unless_asked() -> None:
    """Saved text has the relative path; a terminal the absolute one; a lost file the service's address."""
    assert "completed in 0:42: luma_videos/a-sunset-3f9c2a1b.mp4" in plain_text(clip_state())
    assert "/home/user/luma_videos/a-sunset-3f9c2a1b.mp4" in plain_text(clip_state(), here=True)
    lost = plain_text(clip_state(path=None, problem="The file could not be saved: x"))
    assert "https://cdn.example/v.mp4" in lost
    assert "could not be saved" in lost
    assert "the service is making the video (0:42)" in plain_text(clip_state(Status.RUNNING))
    assert plain_text(clip_state(name=None)).startswith("clip: ")


def test_the_progress_line_fills_but_never_fully() -> None:
    """The bar grows with time and is never full before the end; before the service works a mark goes along it."""
    filled = [progress_line(clip_state(Status.RUNNING, now=1000.0 + s)).count("█") for s in (0, 50, 90, 900, 90_000)]
    assert filled == sorted(filled)
    assert filled[0] == 0
    assert 0 < filled[1] < filled[2] < 20
    assert filled[-1] < 20
    assert progress_line(clip_state(Status.SUBMITTING)).count("█") == 0
    sending = [progress_line(clip_state(Status.SUBMITTING, now=1000.0 + s)).split()[1] for s in (0, 1, 21)]
    assert sending == ["▒" + "░" * 19, "░▒" + "░" * 18, "░▒" + "░" * 18]
    line = progress_line(clip_state(Status.RUNNING, problem="AceDataCloud is having trouble", now=1030.0))
    assert "(0:30, usually about 1:16) — AceDataCloud is having trouble" in line


def test_the_bar_leaves_room_for_the_words() -> None:
    """In a narrow window the bar is shorter; where the words alone are too long for it, a little of it is left."""
    state = clip_state(Status.RUNNING, name="日落", now=1030.0)
    for room in (79, 76):
        line = progress_line(state, room)
        assert columns(line) == room
        assert line.endswith("(0:30, usually about 1:16)")
    assert len(progress_line(state, 40).split()[1]) == len(progress_line(state, 60).split()[1]) == 5


def test_table_is_in_line_also_with_letters_of_two_columns() -> None:
    """Each column begins at the same place, as a terminal shows it."""
    rows = [("NAME", "PROMPT", "STATUS"), ("日落", "A fox", "completed"), ("sunset", "海上的日落", "running")]
    assert text_table(rows).splitlines() == [
        "NAME    PROMPT      STATUS",
        "日落    A fox       completed",
        "sunset  海上的日落  running",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (42.9, "0:42"), (65, "1:05"), (725, "12:05"), (3723, "1:02:03")]
)
def test_clock_reads_as_people_write_times(seconds: float, text: str) -> None:
    """Seconds read as people write them."""
    assert clock(seconds) == text


def test_file_size_and_short_cut_as_people_do() -> None:
    """Sizes in kB and MB; long or many-line texts on one cut line."""
    assert (file_size(56), file_size(81_261), file_size(2_100_000)) == ("0 kB", "81 kB", "2.1 MB")
    assert short("a\n b", 10) == "a b"
    assert short("x" * 50, 10) == "x" * 9 + "…"


def test_a_terminal_link_leads_to_the_file_on_this_machine(saved_video: Path) -> None:
    """The escape wraps the path that is shown anyway; the address names the machine, and quotes what needs it."""
    strange = saved_video.with_name("a b;\x1b.mp4")
    text = plain_text(clip_state(path=strange), here=True, links=True)
    address = strange.as_uri().replace("file://", f"file://{quote(gethostname())}")
    assert f"\x1b]8;;{address}\x1b\\" in text
    assert text.endswith("\x1b]8;;\x1b\\")
    assert "%20b%3B%1B.mp4" in address
    assert "\x1b" not in plain_text(clip_state(path=saved_video), here=True)
    assert "\x1b" not in plain_text(clip_state(path=saved_video), links=True), "what is saved has no escapes"


def test_plain_text_says_that_the_file_is_gone() -> None:
    """And names no path, nor a link to it, in a terminal either."""
    gone = replace(clip_state(), gone=True)
    for text in (plain_text(gone), plain_text(gone, here=True, links=True)):
        assert text.splitlines()[1:] == [
            "completed in 0:42: https://cdn.example/v.mp4",
            "Its file is gone: `%luma retry sunset` fetches it again.",
        ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "It said no: “No.” (HTTP 403, forbidden, trace 98e3-a). Try again.",
            "It said no: “No.” (HTTP 403, forbidden). Try again.",
        ),
        ("It said no (trace 98e3-a).", "It said no."),
        ("没有成功（trace 98e3-a）。", "没有成功。"),
    ],
)
def test_trace_id_is_taken_out_of_an_error(text: str, shown: str) -> None:
    """With the brackets that it alone was in."""
    assert without_trace(text) == (shown, "98e3-a")
    assert reason_text(clip_state(Status.FAILED, error=ClipFailed(text)).task) == shown


def test_error_that_only_speaks_of_a_trace_stays_as_it_is() -> None:
    """What a service says itself is never changed."""
    for text in ("It said no: “A trace of (dust)”.", "trace 1", "It said no."):
        assert without_trace(text) == (text, "")
