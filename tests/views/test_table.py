"""How many clips look at once: text, rows of the live table, HTML."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.task import Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipFailed
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.views.table import (
    MOST_ROWS,
    MOST_WAITING_ROWS,
    final_bundle,
    live_row,
    live_view,
    rows_text,
    summary,
    table_text,
)
from luma_jupyter.views.table import final_html as final_html_of
from luma_jupyter.views.table import waiting_html as waiting_html_of
from tests.support.html import HOSTILE, Tags
from tests.support.states import clip_state, counted, film_state


def final_html(key: str, states: Sequence[ClipState]) -> str:
    """The final table of these and no others."""
    return final_html_of(key, *counted(*states))


def waiting_html(key: str, states: Sequence[ClipState]) -> str:
    """The waiting card of these and no others."""
    return waiting_html_of(key, *counted(*states))


def test_table_text_is_aligned() -> None:
    """Every column starts at the same place in every row."""
    text = table_text([clip_state(), clip_state(Status.FAILED, name=None)])
    header, *rows = text.splitlines()
    start = header.index("PROMPT")
    assert [row[start:] for row in rows] == ["A sunset", "A sunset"]
    assert rows[1].startswith("-")


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ([Status.COMPLETED], "1 clip: 1 completed"),
        (
            [Status.QUEUED] * 1200 + [Status.FAILED, Status.COMPLETED],
            "1,202 clips: 1 completed, 1,200 queued, 1 failed",
        ),
        (
            list(Status),
            f"{len(Status)} clips: 1 completed, 1 saving, 1 running, 1 being sent, 1 queued, 1 failed, "
            "1 unconfirmed, 1 not watched any more, 1 cancelled",
        ),
    ],
)
def test_summary_counts_every_state(statuses: list[Status], words: str) -> None:
    """The line above the table says how many clips there are in each state, and leaves out the empty ones."""
    assert summary(Counter(statuses)) == words


def test_live_row_of_a_running_clip_lets_bar_and_clock_go_on() -> None:
    """A row has the name, the prompt, words, and all that its bar and its clock need to go on by themselves."""
    row = live_row(clip_state(Status.RUNNING, now=1030.0, problem="AceDataCloud is having trouble"))
    words = "running — ⚠ AceDataCloud is having trouble"
    assert row == ["sunset", "A sunset", words, True, 1000.0, None, "acedata generate", "", "generate 16:9", "A sunset"]
    assert live_row(clip_state(Status.RUNNING, now=1077.0)) == live_row(clip_state(Status.RUNNING, now=1030.0))
    assert live_row(clip_state(Status.QUEUED))[3] is False


def test_live_row_of_a_film_says_how_far_it_is() -> None:
    """A film's row has no bar that goes on by itself, but words; the bar of all has a curve for it."""
    row = live_row(film_state(progress=0.43))
    assert row[2:4] == ["running, 43 %", False]
    assert row[6] == "local film"
    assert "local" in table_text([film_state()])


def test_live_rows_of_ended_clips_have_file_time_and_reason() -> None:
    """A completed row has its file and how long it took; a failed one says why; a nameless one has its key."""
    assert live_row(clip_state())[2:] == [
        *("completed", False, 1000.0, 42.0, "acedata generate", "luma_videos/a-sunset-3f9c2a1b.mp4"),
        *("generate 16:9", "A sunset"),
    ]
    assert live_row(clip_state(Status.FAILED, name=None))[:3] == ["3f9c2a1b", "A sunset", "failed: It went wrong."]


def test_every_table_has_what_varies_in_a_grid() -> None:
    """Rows with the same prompt are told apart by what else was asked for: live, at the end, and in text."""
    request = GenerateRequest(prompt="A sunset", aspect_ratio="9:16", loop=True, take=2)
    one = clip_state(request=request)
    assert live_row(one)[8] == "generate 9:16, loop, take 2"
    assert "<small>generate 9:16, loop, take 2</small>" in final_html("abc", [one])
    assert "generate 9:16, loop, take 2" in table_text([one])


def test_table_has_a_stop_button_while_something_can_be_stopped() -> None:
    """With nothing left but files to save there is nothing to stop."""
    assert (
        live_view("k", {Status.QUEUED: 1, Status.COMPLETED: 1}, 1.0)["stop"]
        == "Stop watching all (the tasks may go on)"
    )
    assert live_view("k", {Status.QUEUED: 0, Status.SAVING: 1, Status.COMPLETED: 1}, 1.0)["stop"] == ""


def test_final_table_links_to_files_and_public_addresses_only() -> None:
    """The table that is saved links to files and public addresses only, and has no player for each of a thousand."""
    lost = clip_state(path=None, video=Video("https://cdn.example/v.mp4"))
    here = clip_state(path=None, video=Video("http://127.0.0.1/v.mp4"))
    html = final_html("abc", [clip_state(), lost, here, clip_state(Status.FAILED)])
    assert Tags(html).addresses() == ["luma_videos/a-sunset-3f9c2a1b.mp4", "https://cdn.example/v.mp4"]
    assert "<video" not in html
    assert "4 clips: 3 completed, 1 failed" in html
    assert "It went wrong." in html


@pytest.mark.parametrize("prompt", ["A sunset", '\N{WATER WAVE}"<&' * 40, "\\" * 200])
@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_what_is_saved_of_many_clips_stays_small(prompt: str, status: Status) -> None:
    """HTML and text together stay below the limit, whatever is in them; both say how many are left out, and the way to
    them."""
    state = clip_state(status, request=GenerateRequest(prompt=prompt), error=ClipFailed(prompt * 9))
    bundle = final_bundle("abc", [state] * MOST_ROWS, {status: 20_000})
    html, text = bundle["text/html"], bundle["text/plain"]
    rows = html.count("<tr>") - 1
    assert saved_size(html, text) <= MOST_SAVED
    assert len(json.dumps(bundle, ensure_ascii=False).encode()) <= MOST_SAVED + 100
    assert 50 <= rows <= MOST_ROWS
    assert len(text.splitlines()) == 1 + rows + 1
    for part in (html, text):
        assert f"and {20_000 - rows:,} more: run this cell again to scroll through all of them" in part
        assert "luma_jupyter.clips()[-50:]" in part
    assert f"20,000 clips: 20,000 {status}" in html


def test_final_table_that_has_all_rows_leaves_none_out() -> None:
    """It says of no others, and no live part takes its place."""
    bundle = final_bundle("abc", [clip_state()] * MOST_ROWS, {Status.COMPLETED: MOST_ROWS})
    assert bundle["text/html"].count("<tr>") == MOST_ROWS + 1
    assert not [part for part in bundle.values() if " more" in part]
    assert "luma-later" not in bundle["text/html"]


def test_waiting_table_says_how_many_more_there_are() -> None:
    """It has the first rows, as text too."""
    states, many = [clip_state(Status.RUNNING)] * MOST_WAITING_ROWS, {Status.RUNNING: 20_000}
    assert f"and {20_000 - MOST_WAITING_ROWS:,} more<" in waiting_html_of("abc", states, many)
    assert f"and {20_000 - MOST_WAITING_ROWS:,} more:" in rows_text(states, many)
    assert " more" not in waiting_html("abc", states)


def test_table_html_escapes_every_text() -> None:
    """A prompt, a name or an error can never become markup."""
    looks = [clip_state(name=HOSTILE), clip_state(Status.FAILED, error=ClipFailed(HOSTILE))]
    html = final_html("abc", looks) + waiting_html("abc", [*looks, clip_state(Status.RUNNING, name=HOSTILE)])
    assert not {tag for tag, _ in Tags(html).tags} & {"script", "img"}
    assert not re.search(r"<script", html)


def test_every_table_says_that_a_file_is_gone() -> None:
    """In text, in the final table and in the live one; no link leads to it."""
    gone = replace(clip_state(), gone=True)
    loss = "Its file is gone: `%luma retry sunset` fetches it again."
    assert "completed, file gone" in table_text([gone])
    assert "file gone" not in table_text([clip_state()])
    html = final_html("key", [gone])
    assert f"completed — ⚠ {loss}" in html
    assert "luma_videos" not in html
    row = live_row(gone)
    assert row[2] == f"completed — ⚠ {loss}"
    assert row[7] == ""
    assert "Its file is gone: run its cell again." in final_html(
        "key", [replace(clip_state(provider="demo"), gone=True)]
    )
    assert "`%luma retry clip:3f9c2a1b`" in live_row(replace(gone, name=None))[2]
