"""What went over the wire for a clip, as text and as a timeline that unfolds without a script."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from luma_jupyter.domain.exchange import FIRST, LAST, Exchange, Recorded, Step
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.views.exchanges import Explanation, what_there_is
from luma_jupyter.views.html import MOST_SAVED, saved_size
from tests.support.states import clip_state, film_state

WRITTEN = Exchange(1002.0, Step.WRITTEN, 0.01)
REFUSED = Exchange(
    *(1002.01, Step.SUBMIT, 0.2, "POST", "https://api.example/videos"),
    headers={"Authorization": "Bearer ‹your key›", "Idempotency-Key": "k1"},
    body='{"prompt": "a <b>fox</b>"}',
    status=429,
    answer_headers={"Retry-After": "7"},
    answer='{"error": "slow down"}',
)
BROKEN = replace(REFUSED, at=1009.3, status=None, answer="", answer_headers={}, trouble="No connection.")
ACCEPTED = replace(REFUSED, at=1015.0, status=200, answer='{"task_id": "t1"}', answer_headers={})
LOOK = Exchange(1030.0, Step.LOOK, 0.1, "POST", "https://api.example/tasks", status=200, answer="{}", shared=6)
VIDEO = Exchange(
    1030.2, Step.VIDEO, 3.0, "GET", "https://cdn.example/v.mp4?…", status=200, answer="‹a file: 9 bytes came›"
)
STORY = (WRITTEN, REFUSED, replace(WRITTEN, at=1009.29), BROKEN, replace(WRITTEN, at=1014.9), ACCEPTED, LOOK, VIDEO)


def explanation(*exchanges: Exchange, left_out: int = 0, note: str = "") -> Explanation:
    """Of a clip that was asked for two seconds before the first of these steps."""
    return Explanation("sunset", clip_state().task, Recorded(exchanges, left_out), note)


def text_of(html: str) -> str:
    """What a page shows of HTML."""
    return re.sub(r"<[^>]+>", " ", html)


def test_text_tells_each_step_and_each_wait() -> None:
    """Seconds since the clip was asked for, tries, what was waited for, headers, bodies, answers and troubles."""
    text = repr(explanation(*STORY))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[0] == "sunset: “A sunset”"
    assert lines[1].startswith("AceDataCloud · 8 steps in 33.2 s, counted from ")
    assert "waited 2.0 s: for its turn, and for what it is made from" in lines
    assert "2.0 s  Written down: on this computer, in 10 ms" in lines
    assert "2.0 s  Request: POST https://api.example/videos → 429 in 200 ms" in lines
    assert "waited 7.1 s: the service takes only so many requests, and asked to wait (Retry-After: 7)" in lines
    assert "9.3 s  Request (try 2): POST https://api.example/videos → no answer in 200 ms (No connection.)" in lines
    assert "waited 5.4 s: a pause before the next try, a longer one each time" in lines
    assert "15.0 s  Request (try 3): POST https://api.example/videos → 200 in 200 ms" in lines
    assert any(line.startswith("waited 14.8 s: the next look is when an end is likely") for line in lines)
    assert "30.0 s  Look-up: POST https://api.example/tasks → 200 in 100 ms, shared with 6 other clips" in lines
    assert "30.2 s  Download: GET https://cdn.example/v.mp4?… → 200 in 3.0 s" in lines
    for part in ("Idempotency-Key: k1", '"prompt": "a <b>fox</b>"', "429 Too Many Requests", "‹a file: 9 bytes came›"):
        assert part in lines
    assert max(map(len, lines)) <= 130


def test_html_unfolds_each_step_without_a_script() -> None:
    """A step is one `<details>`, whose summary says what, where and how it ended; all texts are escaped."""
    html = explanation(*STORY)._repr_html_()
    assert html.count("<details>") == html.count("<summary") == len(STORY)
    assert "<script" not in html
    assert "<style" not in html
    assert "a &lt;b&gt;fox&lt;/b&gt;" in html
    shown = text_of(html)
    for words in ("Request (try 3)", "waited 7.1 s", "shared with 6 other clips", "What was sent", "What came back"):
        assert words in shown
    bars = [(float(a), float(b)) for a, b in re.findall(r"margin-left:([\d.]+)%;width:([\d.]+)%", html)]
    assert len(bars) == len(STORY)
    assert all(0 <= begin <= 99 and begin + width <= 100.2 for begin, width in bars)
    assert bars == sorted(bars, key=lambda bar: bar[0])


def test_steps_that_are_left_out_are_counted_where_they_were() -> None:
    """Between the first ones and the last ones, in both forms."""
    looks = [replace(LOOK, at=1000.0 + number) for number in range(FIRST + LAST)]
    told = explanation(*looks, left_out=37)
    words = "… 37 more steps in between, of which nothing is kept"
    assert words in repr(told)
    before, after = told._repr_html_().split(words)
    assert (before.count("<details>"), after.count("<details>")) == (FIRST, LAST)
    assert "… 1 more step in between" in repr(explanation(LOOK, LOOK, left_out=1))


def test_an_output_stays_small_in_the_notebook() -> None:
    """Of very long bodies less is shown; the object itself has all that is kept."""
    long = replace(ACCEPTED, body="狐" * 8000, answer="x" * 8000)
    told = explanation(*[replace(long, at=1000.0 + number) for number in range(FIRST + LAST)])
    assert saved_size(told._repr_html_(), repr(told)) <= MOST_SAVED
    assert told[0].answer == "x" * 8000
    assert "x" * 8000 in repr(explanation(long))
    some = repr(explanation(*[long] * 4))
    assert "x" * 2000 in some
    assert "cut here: `body` and `answer` of the step have more" in some


def test_an_explanation_is_a_sequence_of_exchanges() -> None:
    """It can be counted, indexed and iterated over."""
    told = explanation(*STORY)
    assert (len(told), told[1], list(told)) == (8, REFUSED, list(STORY))


def test_without_its_request_time_counts_from_the_first_step() -> None:
    """A clip that was adopted may have been made days before."""
    text = repr(explanation(replace(LOOK, at=9_000_000.0)))
    assert "\n   0.00 s  Look-up" in text
    assert "waited" not in text


def test_a_status_that_nobody_knows_is_a_number() -> None:
    """Services invent some."""
    assert "\n           799\n" in f"{explanation(replace(LOOK, status=799, answer=''))!r}\n"


TASK = clip_state(sent_at=1000.0).task


@pytest.mark.parametrize(
    ("task", "exchanges", "kept", "elsewhere", "words"),
    [
        (TASK, STORY, True, False, ""),
        (TASK, STORY, False, False, ""),
        (film_state().task, (), True, False, "A film is made on this computer, of files: nothing was sent for it."),
        (clip_state(Status.QUEUED).task, (), True, False, "Nothing was sent for it yet."),
        (clip_state(Status.CANCELLED).task, (), True, False, "Nothing was sent for it."),
        (TASK, (), False, False, "Nothing is recorded of it, as keep_exchanges is off. "),
        (TASK, (), True, False, "Nothing is recorded of it here: it was made on another computer, by an earlier"),
        (TASK, (LOOK,), True, False, "Its request is not here: another program sent it, or it was sent before this"),
        (TASK.evolve(gateway=True), STORY, True, False, "Only the class gateway knows what it sent to the service"),
        (TASK, STORY, True, True, "Another kernel watches it, and writes down its steps now and then."),
    ],
)
def test_a_line_says_what_there_is(
    task: object, exchanges: tuple[Exchange, ...], kept: bool, elsewhere: bool, words: str
) -> None:
    """Of films, of clips that were not sent, adopted, made by others or long ago, and where nothing is recorded."""
    note = what_there_is(task, exchanges, kept=kept, elsewhere=elsewhere)  # type: ignore[arg-type]
    assert note.startswith(words)
    assert bool(note) == bool(words)
    told = Explanation("sunset", task, Recorded(exchanges), note)  # type: ignore[arg-type]
    assert note in repr(told)
    assert note in text_of(told._repr_html_())
