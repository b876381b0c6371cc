"""What a clip looks like: pure functions, looked at as data."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from luma_jupyter.engine.schedule import prior
from luma_jupyter.errors import ClipFailed
from luma_jupyter.files import LocalFile
from luma_jupyter.models import ExtendRequest, GenerateRequest, ModifyRequest, Request, Status, Task, Video, VideoRef
from luma_jupyter.notebook.render import (
    STOP_TOOLTIP,
    WORDS,
    Look,
    asked,
    clock,
    final_html,
    live_view,
    plain,
    progress_line,
    short,
    size,
    waiting_html,
)

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"


def look(
    status: Status = Status.COMPLETED, *, name: str | None = "sunset", now: float = 1042.0, **changes: object
) -> Look:
    """A clip's look, completed and saved unless told otherwise."""
    ended = status.ended
    task = Task(
        intent="3f9c2a1b",
        request=GenerateRequest(prompt="A sunset"),
        provider="acedata",
        status=status,
        created_at=1000.0,
        submitted_at=1000.0,
        ended_at=1042.0 if ended else None,
        filename="a-sunset-3f9c2a1b.mp4",
        task_id="task-1",
        video=Video("https://cdn.example/v.mp4", "video-1", 640, 360) if status is Status.COMPLETED else None,
        path=Path("/home/user/luma_videos/a-sunset-3f9c2a1b.mp4") if status is Status.COMPLETED else None,
        file_size=2_100_000 if status is Status.COMPLETED else None,
        error=ClipFailed("It went wrong.") if status is Status.FAILED else None,
    ).evolve(**changes)
    return Look(task, name, now, prior("acedata"), "luma_videos/a-sunset-3f9c2a1b.mp4")


URL = "https://x.example/a/dawn.png?secret=1"
FILE = LocalFile("0" * 64, "image/png", "noon.png", 9)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (GenerateRequest(prompt="x"), "generate 16:9"),
        (GenerateRequest(prompt="x", aspect_ratio="1:1", loop=True, take=3), "generate 1:1, loop, take 3"),
        (GenerateRequest(prompt="x", enhancement=False), "generate 16:9, no enhancement"),
        (GenerateRequest(prompt="x", start_image=URL, end_image=FILE), "generate 16:9, from dawn.png, to noon.png"),
        (GenerateRequest(prompt="x", start_image="https://x.example"), "generate 16:9, from a picture"),
        (ExtendRequest(prompt="x", end_image=FILE, take=2), "extend of fox, to noon.png, take 2"),
        (ModifyRequest(prompt="x"), "modify of fox"),
        (ModifyRequest(prompt="x", watermark=True), "modify of fox, watermark"),
        (ModifyRequest(prompt="x", watermark=False), "modify of fox, no watermark"),
        (ModifyRequest(prompt="x", watermark="w-1"), "modify of fox, watermark w-1"),
    ],
)
def test_what_was_asked_for(request_: Request, words: str) -> None:
    """All by which requests with the same prompt differ, in a few words; of an address only the file's name."""
    assert asked(look(request=request_, source_label="fox").task) == words


class Tags(HTMLParser):
    """All tags of a text with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def addresses(self) -> list[str]:
        return [value or "" for _, attrs in self.tags for name, value in attrs.items() if name in ("src", "href")]


def test_a_completed_clip_has_all_its_facts() -> None:
    """The final HTML has the video, sizes, ids, open and download links, and where it is at the service."""
    html = final_html(look())
    assert '<video src="luma_videos/a-sunset-3f9c2a1b.mp4" controls' in html
    for fact in ("A sunset", "sunset", "AceDataCloud", "generate 16:9", "completed in 0:42", "640×360 px", "2.1 MB"):
        assert fact in html
    for fact in ("video id video-1", "task id task-1", ">Open</a>", " download>Download</a>", ">At the service</a>"):
        assert fact in html


def test_a_recalled_clip_says_when_it_was_made_and_that_nothing_was_paid() -> None:
    """In the place of how long it took; in HTML and in text."""
    recalled = replace(look(), recalled=True)
    made = time.strftime("made on %Y-%m-%d %H:%M, nothing paid; --again makes a new one", time.localtime(1000.0))
    assert made in final_html(recalled)
    assert f"{made}: luma_videos/a-sunset-3f9c2a1b.mp4" in plain(recalled)
    assert "completed in" not in final_html(recalled) + plain(recalled)


def test_final_html_keeps_to_what_survives_sanitising() -> None:
    """No script, style sheet, source child, poster or widget: only inline styles and a src on the video itself."""
    tags = Tags(final_html(look()))
    assert {tag for tag, _ in tags.tags} <= {"div", "video", "a", "code", "span", "b"}
    assert all("poster" not in attrs for _, attrs in tags.tags)
    assert "/home/user" not in final_html(look())


def test_demo_clips_are_labelled_and_never_link_to_the_demo_server() -> None:
    """A simulated clip says so, and no loopback address gets into saved HTML."""
    video = Video("http://127.0.0.1:5000/media/v.mp4", "v")
    html = final_html(look(provider="demo", video=video))
    assert ">simulated</span>" in html
    assert "127.0.0.1" not in html
    lost = final_html(look(provider="demo", video=video, path=None, problem="The file could not be saved: disk full"))
    assert "127.0.0.1" not in lost
    assert "<video" not in lost
    assert "disk full" in lost
    assert "simulated" in plain(look(provider="demo", video=video))
    assert ">simulated</span>" in waiting_html(look(Status.RUNNING, provider="demo"))


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.RUNNING, Status.QUEUED])
def test_every_text_is_escaped(status: Status) -> None:
    """Whatever a user or a service writes, it stays text."""
    hostile = look(
        status,
        name=HOSTILE,
        request=ExtendRequest(prompt=HOSTILE, source=VideoRef(url="https://example.com/v")),
        source_label=HOSTILE,
        task_id=HOSTILE,
        video=Video("https://cdn.example/v.mp4", HOSTILE) if status is Status.COMPLETED else None,
        error=ClipFailed(HOSTILE) if status is Status.FAILED else None,
        problem=HOSTILE,
    )
    html = final_html(hostile) if status.ended else waiting_html(hostile)
    if not status.ended:  # the script shows these as text, never as HTML
        assert {name for name, value in live_view(hostile).items() if "<script>" in str(value)} <= {"problem", "words"}
    tags = Tags(html).tags
    assert not [tag for tag, _ in tags if tag in ("script", "img")]
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://localhost/v.mp4",
        "//evil",
        "http://[",
        "",
    ],
)
def test_only_public_http_addresses_become_links(url: str) -> None:
    """A service's address is used as link or source only if it is http(s) and not on the user's machine."""
    html = final_html(look(path=None, video=Video(url)))
    assert Tags(html).addresses() == []


def test_a_hostile_address_stays_inside_its_attribute() -> None:
    """A quote in an address cannot end the attribute."""
    html = final_html(look(path=None, video=Video('https://cdn.example/"onerror="alert(1)')))
    names = {name for _, attrs in Tags(html).tags for name in attrs}
    assert names == {"class", "style", "src", "controls", "loop", "playsinline", "preload", "href", "target", "rel"}


@pytest.mark.parametrize(
    ("media", "src"),
    [
        ("luma_videos/日没-1.mp4", "luma_videos/%E6%97%A5%E6%B2%A1-1.mp4"),
        ("a b/c#d?.mp4", "a%20b/c%23d%3F.mp4"),
        ("..\\videos\\x.mp4", "../videos/x.mp4"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("//evil.example/x.mp4", "evil.example/x.mp4"),
    ],
)
def test_relative_paths_become_relative_urls(media: str, src: str) -> None:
    """A media path is quoted, and can never be read as a scheme or a host."""
    shown = look()
    assert Tags(final_html(Look(shown.task, None, 0, 1, media))).addresses()[0] == src


@pytest.mark.parametrize("status", [s for s in Status if s.ended and s is not Status.COMPLETED])
def test_other_ends_say_their_reason(status: Status) -> None:
    """Failed, unconfirmed, detached and cancelled show the word, the reason and the task id, and no video."""
    html = final_html(look(status, error=ClipFailed("It went wrong.")))
    assert WORDS[status] in html
    assert "It went wrong." in html
    assert "task id task-1" in html
    assert "<video" not in html
    assert "It went wrong." in plain(look(status, error=ClipFailed("It went wrong.")))
    assert "task id" not in final_html(look(status, error=ClipFailed("x"), task_id=None))


def test_the_live_view_of_a_running_clip() -> None:
    """The live card has status in words, times, an honest curve, and a stop button with its warning."""
    view = live_view(look(Status.RUNNING, now=1030.0))
    assert view["words"] == WORDS[Status.RUNNING]
    assert (view["since"], view["now"]) == (1000.0, 1030.0)
    assert view["typical"] == "typically about 1:16"
    assert view["stop"] == "Stop following"
    assert view["tooltip"] == STOP_TOOLTIP
    assert "billed" in STOP_TOOLTIP
    shares = [share for _, share in view["curve"]]
    assert shares == sorted(shares)
    assert shares[-1] < 1
    assert live_view(look(Status.RUNNING, problem="a [long] problem"))["problem"] == "a [long] problem"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SUBMITTING])
def test_no_bar_before_the_service_works(status: Status) -> None:
    """While nothing runs at the service there is no bar and no typical time to pretend with."""
    view = live_view(look(status))
    assert view["curve"] == []
    assert view["typical"] == ""
    assert view["stop"]


def test_saving_cannot_be_stopped_and_queued_costs_nothing() -> None:
    """The button is gone while the file is saved; while queued its tooltip says that nothing is sent yet."""
    assert live_view(look(Status.SAVING))["stop"] == ""
    queued = look(Status.QUEUED, request=ModifyRequest(prompt="Fog"), source_label="sunset")
    assert live_view(queued)["words"] == "queued: waits for sunset; nothing is sent yet"
    assert "costs nothing" in live_view(queued)["tooltip"]
    assert "modify of sunset" in plain(queued)


def test_an_ended_clips_view_is_its_final_html_alone() -> None:
    """At the end the model holds the finished HTML and nothing else."""
    assert live_view(look()) == {"key": "3f9c2a1b", "final": final_html(look())}


def test_a_page_saved_too_early_still_finds_the_video() -> None:
    """The fallback of the live card plays the file that the clip will have."""
    html = waiting_html(look(Status.RUNNING))
    assert '<video src="luma_videos/a-sunset-3f9c2a1b.mp4"' in html
    assert "<code>sunset</code> in a cell" in html
    assert "the clip in a cell" in waiting_html(look(Status.RUNNING, name=None))
    assert "<video" not in waiting_html(Look(look(Status.RUNNING).task, None, 0, prior("acedata"), None))


def test_plain_text_hides_where_it_lives_unless_asked() -> None:
    """Saved text has the relative path; a terminal the absolute one; a lost file the service's address."""
    assert "completed in 0:42: luma_videos/a-sunset-3f9c2a1b.mp4" in plain(look())
    assert "/home/user/luma_videos/a-sunset-3f9c2a1b.mp4" in plain(look(), here=True)
    lost = plain(look(path=None, problem="The file could not be saved: x"))
    assert "https://cdn.example/v.mp4" in lost
    assert "could not be saved" in lost
    assert "the service is making the video (0:42)" in plain(look(Status.RUNNING))
    assert plain(look(name=None)).startswith("clip: ")


def test_the_progress_line_fills_but_never_fully() -> None:
    """The bar grows with time and is never full before the end; before the service works it is empty."""
    filled = [progress_line(look(Status.RUNNING, now=1000.0 + s)).count("█") for s in (0, 50, 90, 900, 90_000)]
    assert filled == sorted(filled)
    assert filled[0] == 0
    assert 0 < filled[1] < filled[2] < 20
    assert filled[-1] < 20
    assert progress_line(look(Status.SUBMITTING)).count("█") == 0
    line = progress_line(look(Status.RUNNING, problem="AceDataCloud is having trouble", now=1030.0))
    assert "(0:30, typically about 1:16) — AceDataCloud is having trouble" in line


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (42.9, "0:42"), (65, "1:05"), (725, "12:05"), (3723, "1:02:03")]
)
def test_clock(seconds: float, text: str) -> None:
    """Seconds read as people write them."""
    assert clock(seconds) == text


def test_sizes_and_cuts() -> None:
    """Sizes in kB and MB; long or many-line texts on one cut line."""
    assert (size(56), size(81_261), size(2_100_000)) == ("0 kB", "81 kB", "2.1 MB")
    assert short("a\n b", 10) == "a b"
    assert short("x" * 50, 10) == "x" * 9 + "…"


def test_the_script_and_the_python_bar_follow_the_same_curve() -> None:
    """The card's script has no numbers of its own for the bar: it follows the curve that Python sends."""
    script = (Path(__file__).parents[2] / "luma_jupyter/notebook/card.js").read_text(encoding="utf-8")
    assert "along(view.curve" in script
    assert not re.search(r"0\.\d\d", script)
