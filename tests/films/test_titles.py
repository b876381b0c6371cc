"""Titles: what is drawn, for how long, and what is said where it cannot be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.video import fonts
from tests.support.shots import BLUE, GREEN, RED, Shown, film, is_near, part, shot

SIZE = (160, 90)


def letters(shown: Shown) -> list[int]:
    """How many white pixels each frame has."""
    return [int((frame.min(axis=2) > 170).sum()) for frame in shown.pixels]


def test_title_comes_and_goes(tmp_path: Path) -> None:
    """A title is white on a dark band across the middle; it comes and goes within half a second."""
    path = shot(tmp_path / "shot.mp4", BLUE, 132, size=SIZE)
    plan, shown = film(tmp_path / "film.mp4", part(path, title="Night at sea"))
    assert plan.encoded == "for the titles"
    seen = letters(shown)
    assert seen[0] == seen[96] == seen[-1] == 0  # of 4 s
    assert seen[12] == pytest.approx(seen[48], abs=8)
    assert seen[48] > 60
    brightest = [int(frame.min(axis=2).max()) for frame in shown.pixels]
    assert brightest[:13] == sorted(brightest[:13])
    assert brightest[0] + 40 < brightest[6] < brightest[12] - 40
    assert brightest[84] - 40 > brightest[90] > brightest[96] + 40
    assert is_near(shown.colour(48, 2, 2), BLUE)
    assert sum(shown.colour(48, 45, 2)) < 0.7 * sum(BLUE)


def test_each_part_has_its_title(tmp_path: Path) -> None:
    """A title begins when the transition to its part is over; a part without one has none."""
    paths = [shot(tmp_path / f"{n}.mp4", colour, 60, size=SIZE) for n, colour in enumerate((RED, GREEN, BLUE))]
    parts = (part(paths[0]), part(paths[1], title="One"), part(paths[2], title="Two"))
    _, shown = film(tmp_path / "film.mp4", *parts, fade=0.5)
    seen = letters(shown)
    assert not any(seen[:61])  # the transition ends with frame 60
    assert max(seen[61:96]) > 10
    assert not any(seen[96:109])
    assert max(seen[109:]) > 10


def test_title_of_a_short_part_is_seen_all_of_its_time(tmp_path: Path) -> None:
    """Where the transitions leave no time, a title takes it all the same."""
    paths = [shot(tmp_path / f"{n}.mp4", colour, 12, size=SIZE) for n, colour in enumerate((RED, GREEN, BLUE))]
    parts = (part(paths[0]), part(paths[1], title="One"), part(paths[2]))
    _, shown = film(tmp_path / "film.mp4", *parts, fade=3.0)
    assert max(letters(shown)) > 3


def test_long_title_gets_smaller_letters_and_then_an_end(tmp_path: Path) -> None:
    """However long it is, a title has a band of half of the height at most."""
    path = shot(tmp_path / "shot.mp4", BLUE, 24, size=SIZE)
    for text in ("A boat at sea at night " * 4, "A boat at sea at night " * 80, "A" * 500):
        _, shown = film(tmp_path / "film.mp4", part(path, title=text))
        dark = np.abs(shown.pixels[12].astype(int) - BLUE).max(axis=2).max(axis=1) > 30
        assert 20 < dark.sum() <= 46


def test_script_without_a_font_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Letters and signs that cannot be drawn are a word before anything is made."""
    monkeypatch.setattr(fonts, "FONT_FILES", ())
    monkeypatch.setattr(fonts, "_font_folders", list)
    path = shot(tmp_path / "shot.mp4", BLUE, 24, size=SIZE)
    with pytest.raises(InvalidRequest) as refusal:
        film(tmp_path / "film.mp4", part(path, title="夜 at sea"))
    words = (
        "No font of this machine has 夜 in the title '夜 at sea': leave that out, or install a font for it, such as "
        "Noto Sans CJK for Chinese, Japanese and Korean."
    )
    assert str(refusal.value) == words
    with pytest.raises(InvalidRequest, match="has \U0001f30a in the title 'Sea \U0001f30a'"):
        film(tmp_path / "film.mp4", part(path, title="Sea \U0001f30a"))
