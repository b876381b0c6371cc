"""How a clip looks as HTML, and as the data of its live card."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html import escape

import pytest

from luma_jupyter.domain.duration_model import prior
from luma_jupyter.domain.requests import ExtendRequest, ModifyRequest, VideoRef
from luma_jupyter.domain.task import Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipFailed
from luma_jupyter.languages import reading
from luma_jupyter.views.clip_html import STOP_TOOLTIP, final_html, live_view, waiting_html
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.comparison import comparison_html
from luma_jupyter.views.text import STATUS_TEXT, plain_text, status_text, typical_time
from tests.support.html import HOSTILE, Tags, video_source
from tests.support.states import clip_state, film_state


def test_final_html_has_all_facts_of_a_completed_clip() -> None:
    """The final HTML has the video, sizes, ids, open and download links, and where it is at the service."""
    html = final_html(clip_state())
    assert '<video src="luma_videos/a-sunset-3f9c2a1b.mp4" controls' in html
    for fact in ("A sunset", "sunset", "AceDataCloud", "generate 16:9", "completed in 0:42", "640×360 px", "2.1 MB"):
        assert fact in html
    for fact in ("video id video-1", "task id task-1", ">Open</a>", " download>Download</a>", ">At the service</a>"):
        assert fact in html


def test_a_reused_clip_says_when_it_was_made_and_that_nothing_was_paid() -> None:
    """In the place of how long it took; in HTML and in text."""
    recalled = replace(clip_state(), reused=True)
    made = time.strftime("already made on %Y-%m-%d %H:%M: no charge; --again makes a new one", time.localtime(1000.0))
    assert made in final_html(recalled)
    assert f"{made}: luma_videos/a-sunset-3f9c2a1b.mp4" in plain_text(recalled)
    assert "completed in" not in final_html(recalled) + plain_text(recalled)


def test_final_html_keeps_to_what_survives_sanitising() -> None:
    """No script, style sheet, source child, poster or widget: only inline styles and a src on the video itself."""
    tags = Tags(final_html(clip_state()))
    assert {tag for tag, _ in tags.tags} <= {"div", "video", "a", "code", "span", "b", "details", "summary"}
    assert all("poster" not in attrs for _, attrs in tags.tags)
    assert "/home/user" not in final_html(clip_state())


def test_demo_clips_are_labelled_and_never_link_to_the_demo_server() -> None:
    """A simulated clip says so, and no loopback address gets into saved HTML."""
    video = Video("http://127.0.0.1:5000/media/v.mp4", "v")
    html = final_html(clip_state(provider="demo", video=video))
    assert ">simulated</span>" in html
    assert "127.0.0.1" not in html
    lost = final_html(
        clip_state(provider="demo", video=video, path=None, problem="The file could not be saved: disk full")
    )
    assert "127.0.0.1" not in lost
    assert "<video" not in lost
    assert "disk full" in lost
    assert "simulated" in plain_text(clip_state(provider="demo", video=video))
    assert ">simulated</span>" in waiting_html(clip_state(Status.RUNNING, provider="demo"))


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.RUNNING, Status.QUEUED])
def test_clip_html_escapes_every_text(status: Status) -> None:
    """Whatever a user or a service writes, it stays text."""
    hostile = clip_state(
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
        assert {name for name, value in live_view(hostile).items() if "<script>" in str(value)} <= {"problem", "status"}
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
        "https://cdn.example/v.mp4?Signature=s",
        "https://me:secret@cdn.example/v.mp4",
        "https://cdn.example/v.mp4?…",
        "http://127。0。0。1:8888/v.mp4",
    ],
)
def test_only_public_http_addresses_become_links(url: str) -> None:
    """A service's address is used as link or source only if it is http(s), not on the user's machine, and no secret."""
    html = final_html(clip_state(path=None, video=Video(url)))
    assert Tags(html).addresses() == []


def test_a_hostile_address_stays_inside_its_attribute() -> None:
    """A quote in an address cannot end the attribute."""
    html = final_html(clip_state(path=None, video=Video('https://cdn.example/"onerror="alert(1)')))
    names = {name for _, attrs in Tags(html).tags for name in attrs}
    assert names == {
        "class",
        "style",
        "src",
        "controls",
        "loop",
        "playsinline",
        "preload",
        "title",
        "href",
        "target",
        "rel",
        "lang",
        "dir",
    }


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
    shown = clip_state()
    assert Tags(final_html(ClipState(shown.task, None, 0, 1, media))).addresses()[0] == src


@pytest.mark.parametrize("status", [s for s in Status if s.ended and s is not Status.COMPLETED])
def test_final_html_of_other_ends_says_their_reason(status: Status) -> None:
    """Failed, unconfirmed, detached and cancelled show the word, the reason and the task id, and no video."""
    html = final_html(clip_state(status, error=ClipFailed("It went wrong.")))
    assert STATUS_TEXT[status] in html
    assert "It went wrong." in html
    assert "task id task-1" in html
    assert "<video" not in html
    assert "It went wrong." in plain_text(clip_state(status, error=ClipFailed("It went wrong.")))
    assert "task id" not in final_html(clip_state(status, error=ClipFailed("x"), task_id=None))


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED, Status.UNCONFIRMED])
def test_ids_are_small_and_folded_away(status: Status) -> None:
    """They are for the service's support; so is the trace that an error names."""
    folded = re.search(
        '<details style="[^"]*font-size:11px;"><summary>Ids</summary>([^<]*)</details>', final_html(clip_state(status))
    )
    assert folded
    assert "task id task-1" in folded[1]
    failed = final_html(clip_state(Status.FAILED, error=ClipFailed("It went wrong (api_error, trace trace-1).")))
    assert "</b>: It went wrong (api_error).</div>" in failed
    assert "<summary>Ids</summary>task id task-1 · trace trace-1</details>" in failed


def test_a_card_has_its_language_and_a_prompt_its_own_direction() -> None:
    """So that a page in another language reads the card as it is, and Arabic from the right."""
    for html in (final_html(clip_state()), waiting_html(clip_state(Status.RUNNING))):
        card, heading = [attrs for tag, attrs in Tags(html).tags if tag == "div"][:2]
        assert card["lang"] == "en"
        assert heading["dir"] == "auto"
    with reading("zh"):
        assert ' lang="zh" ' in final_html(clip_state())


def test_live_view_of_a_running_clip_has_status_times_and_curve() -> None:
    """The live card has status in words, times, an honest curve, and a stop button with its warning."""
    view = live_view(clip_state(Status.RUNNING, now=1030.0))
    assert view["status"] == STATUS_TEXT[Status.RUNNING]
    assert (view["since"], view["now"]) == (1000.0, 1030.0)
    assert view["typical"] == "usually about 1:16"
    assert view["stop"] == "Stop watching (the task may go on)"
    assert view["tooltip"] == STOP_TOOLTIP
    assert "billed" in STOP_TOOLTIP
    shares = [share for _, share in view["curve"]]
    assert shares == sorted(shares)
    assert shares[-1] < 1
    assert live_view(clip_state(Status.RUNNING, problem="a [long] problem"))["problem"] == "a [long] problem"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SUBMITTING])
def test_live_view_knows_no_share_before_the_service_works(status: Status) -> None:
    """While nothing runs at the service the bar only moves, and there is no typical time to pretend with."""
    view = live_view(clip_state(status))
    assert view["curve"] == []
    assert view["typical"] == ""
    assert view["stop"]


def test_live_view_cannot_stop_saving_and_says_that_queued_costs_nothing() -> None:
    """The button is gone while the file is saved; while queued its tooltip says that nothing is sent yet."""
    assert live_view(clip_state(Status.SAVING))["stop"] == ""
    queued = clip_state(Status.QUEUED, request=ModifyRequest(prompt="Fog"), source_label="sunset")
    assert live_view(queued)["status"] == "queued: needs sunset first; nothing is sent yet"
    assert live_view(queued)["stop"] == "Stop"
    assert "costs nothing" in live_view(queued)["tooltip"]
    in_doubt = live_view(clip_state(Status.QUEUED, sent_at=1000.0))
    assert "may go on" in in_doubt["stop"]
    assert "billed" in in_doubt["tooltip"]
    assert "modify sunset" in plain_text(queued)


def test_live_view_of_an_ended_clip_is_its_final_html_alone() -> None:
    """At the end the model holds the finished HTML and nothing else."""
    view = live_view(clip_state())
    assert view == {"key": "3f9c2a1b", "final": final_html(clip_state()), "told": ["sunset: completed", "A sunset"]}
    failed = live_view(clip_state(Status.FAILED))
    assert failed["told"] == ["sunset: failed", "It went wrong."]


def test_waiting_html_of_a_page_saved_early_finds_the_video() -> None:
    """The plain card plays the file that the clip will have, loaded when somebody plays it; and links to it."""
    html = waiting_html(clip_state(Status.RUNNING))
    assert '<video src="luma_videos/a-sunset-3f9c2a1b.mp4" controls loop playsinline preload="none"' in html
    assert '<a href="luma_videos/a-sunset-3f9c2a1b.mp4"' in html
    assert "<code>%luma show sunset</code> shows how it is now; in a new kernel, run the cell" in html
    assert "%luma show clip:3f9c2a1b" in waiting_html(clip_state(Status.RUNNING, name=None))
    assert "<video" not in waiting_html(ClipState(clip_state(Status.RUNNING).task, None, 0, prior("acedata"), None))


def test_waiting_html_offers_no_video_where_the_host_serves_no_files() -> None:
    """The card of an unfinished clip has no player there, but still says how to go on."""
    html = waiting_html(replace(clip_state(Status.RUNNING), served=False))
    assert video_source(html) is None
    assert "<a href" not in html
    assert "<code>%luma show sunset</code>" in html


@pytest.mark.parametrize("status", [status for status in Status if not status.ended])
def test_waiting_html_says_only_what_stays_true(status: Status) -> None:
    """How it stood, and when that was; no word of now, since the page may be opened at any time."""
    html = waiting_html(clip_state(status, now=1030.0))
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1030.0))
    assert f"{escape(status_text(clip_state(status)))} (as of {moment})" in html


def test_waiting_html_has_a_bar_that_moves_by_itself_along_the_usual_time() -> None:
    """It goes on from the time that has passed; a page that drops style sheets has the same in words, and no bar."""
    state = clip_state(Status.RUNNING, now=1030.0)
    html = waiting_html(state)
    (animation,) = re.findall(r"animation:luma-usual (.*)s linear -30.0s forwards", html)
    assert float(animation) / 5 == pytest.approx(state.model.typical, abs=0.1)
    # The fifth part of it is the usual time.
    assert "@keyframes luma-usual{from{transform:translateX(-100%)}20%{transform:translateX(-10%)}}" in html
    assert typical_time(state) in html
    assert "<script" not in html


def test_waiting_html_has_no_bar_where_nobody_knows_when_it_begins() -> None:
    """What waits for its source, or is uploaded, is not on its way yet."""
    source = ExtendRequest(prompt="On", source=None)
    for waits in (clip_state(Status.QUEUED, request=source), clip_state(Status.QUEUED, upload="uploading a.png")):
        assert "luma-usual" not in waiting_html(waits)
        assert "usually about" not in waiting_html(waits)


def test_final_html_of_a_film_has_what_a_film_has() -> None:
    """A film's card says what it is of, how its video was made and that this machine did it; it has no ids."""
    html = final_html(film_state(Status.COMPLETED))
    for fact in ("Film of storm@1-4.5", "film of 1 part, fade 0.5 s", "this machine", "video copied", "640×360 px"):
        assert fact in html
    assert '<video src="luma_videos/a-sunset-3f9c2a1b.mp4" controls' in html
    for fact in ("Ids", "None", "At the service", "simulated"):
        assert fact not in html


def test_live_view_of_a_film_has_a_bar_where_its_making_is() -> None:
    """A film's bar stands where the kernel says, and does not go on by itself; its button says what it does."""
    view = live_view(film_state(progress=0.43))
    assert (view["status"], view["typical"]) == ("making the film: video copied (43 %)", "")
    assert view["curve"] == [(0.0, 0.43)]
    assert (view["stop"], view["tooltip"]) == ("Stop", "Stops making the film: nothing is left of it.")
    waiting = live_view(film_state(Status.QUEUED))
    assert (waiting["status"], waiting["curve"]) == ("queued: needs storm first; nothing is made yet", [])
    assert waiting["tooltip"] == view["tooltip"]
    assert live_view(film_state(Status.SAVING))["stop"] == ""


def test_waiting_html_of_a_film_has_a_bar_that_stands() -> None:
    """A page without widgets sees how far the film was when it was drawn, in words and as a bar without animation."""
    html = waiting_html(film_state(progress=0.25))
    assert "making the film: video copied (25 %) (as of " in html
    assert 'aria-label="25% made"' in html
    assert "width:25%" in html
    assert "animation" not in html
    assert "usually about" not in html
    assert "made" not in waiting_html(film_state(Status.QUEUED)).partition("luma-later")[2].partition("role")[2]


def test_final_html_says_that_the_file_is_gone() -> None:
    """The card plays from the service, and has no link that leads nowhere; so does a comparison."""
    gone = replace(clip_state(), gone=True)
    html = final_html(gone)
    assert "Its file is gone: `%luma retry sunset` fetches it again." in html
    assert video_source(html) == "https://cdn.example/v.mp4"
    assert "luma_videos" not in html
    assert "Its file is gone: `%luma retry sunset`" in comparison_html("key", [gone, clip_state()])
