"""``%luma film`` and ``%%luma film``: a film that is made, bound and shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import luma_jupyter as luma
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.magics.help import film_text
from tests.support.notebook import PromptService, Shell


@pytest.fixture
def studio(notebook: Shell, filmed: PromptService) -> Iterator[Shell]:
    """A notebook with the clips ``harbour`` and ``storm``, each of one second."""
    notebook.run("%%luma -o harbour --wait\nA harbour")
    notebook.run("%%luma -o storm --wait\nA storm")
    notebook.displays.outputs.clear()
    return notebook


def test_a_line_makes_a_film_and_binds_it(studio: Shell, filmed: PromptService) -> None:
    """It is a clip of this machine, free, and found again when the line is run again."""
    studio.run('%luma film harbour storm@0.2-0.8 -o movie --title "Night at sea" --wait')
    movie = studio.user_ns["movie"]
    assert (movie.status, movie.action, movie.provider, movie.name) == ("completed", "film", "local", "movie")
    assert movie.duration == pytest.approx(1.6, abs=0.1)
    assert studio.user_ns["_luma"] is movie
    assert "Night at sea" in str(studio.displays.latest())
    made = movie.path.stat().st_mtime_ns
    studio.run('%luma film harbour storm@0.2-0.8 -o movie --title "Night at sea"')
    assert studio.user_ns["movie"].wait().path.stat().st_mtime_ns == made
    assert len(filmed.sent) == 2


def test_lines_below_a_cell_are_its_captions(studio: Shell) -> None:
    """They are on the card as a track and as text, and beside the file."""
    studio.run("%%luma film harbour storm -o movie --wait\nThe harbour\nA storm & its night")
    movie = studio.user_ns["movie"]
    text = movie.path.with_suffix(".vtt").read_text()
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nThe harbour\n")
    assert "A storm &amp; its night" in text
    (card,) = [data["text/html"] for data in studio.displays.latest() if "<video" in data.get("text/html", "")]
    assert '<track kind="captions" label="Captions" default src="data:text/vtt' in card
    assert '<div dir="auto">A storm &amp; its night</div></details>' in card
    saved = movie.save("films/movie.mp4")
    assert saved.with_suffix(".vtt").read_text() == text


def test_a_cell_without_captions_is_a_line(studio: Shell) -> None:
    """Nothing is asked for below it."""
    studio.run("%%luma film harbour -o movie --wait\n")
    assert studio.user_ns["movie"].status == "completed"
    assert not studio.user_ns["movie"].path.with_suffix(".vtt").exists()


def test_a_dry_run_says_what_it_would_come_to(studio: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Length, size, parts, and what is encoded; nothing is made or bound."""
    studio.run("%luma film harbour storm@0.2-0.8 -o movie --dry-run")
    printed = capsys.readouterr().out
    assert printed.startswith(
        "2 parts, 1.6 s, 64 × 32, 10 fps: the video is encoded again because storm@0.2-0.8 is cut"
    )
    assert "storm@0.2-0.8" in printed.splitlines()[2]
    assert "movie" not in studio.user_ns
    assert all(clip.action != "film" for clip in luma.clips())


def test_a_film_waits_for_its_parts(studio: Shell, filmed: PromptService) -> None:
    """The line comes back at once; the film is queued until all are done."""
    filmed.gate.clear()
    studio.run("%%luma -o lamp\nA lamp")
    studio.run("%luma film harbour lamp@0-0.5 -o movie")
    movie = studio.user_ns["movie"]
    assert movie.status == "queued"
    filmed.gate.set()
    assert movie.wait().duration == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("film harbour --size 1281x720", "--size must have even numbers"),
        ("film harbour --fade -1", "--fade must be a number of seconds, 0 or more"),
        ("film harbour --music nothing.mp3", "--music: there is no file 'nothing.mp3'"),
        ("film harbour storm@1-9", "There is no storm@1-9: storm is 1.00 s long."),
        ("film --fade 1", "Say of what: %luma film PART… [options]"),
    ],
)
def test_a_mistake_names_what_was_typed(studio: Shell, tmp_path: Path, line: str, words: str) -> None:
    """In one line, as an option; nothing is made."""
    for cell in (f"%luma {line} -o movie", f"%%luma {line} -o movie\nThe harbour"):
        with pytest.raises(InvalidRequest) as caught:
            studio.run(cell)
        assert str(caught.value).startswith(words)
    assert "movie" not in studio.user_ns


def test_film_alone_explains_itself(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """It names every option, and what a part can be."""
    for cell in ("%luma film", "%%luma film\n"):
        notebook.run(cell)
        assert capsys.readouterr().out.strip() == film_text().strip()
    for flag in ("--fade S", "--title TEXT", "--music FILE", "--size WxH", "--dry-run", "storm@1-", "card.png@2"):
        assert flag in film_text()
    assert max(map(len, film_text().splitlines())) <= 100
