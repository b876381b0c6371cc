"""Cuts: which part of which clip, as a value that makes nothing."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas
import pytest

import luma_jupyter as luma
from luma_jupyter import Clip
from luma_jupyter.clip.cut import Cut
from luma_jupyter.errors import InvalidRequest
from tests.support.notebook import PromptService, Shell


@pytest.fixture
def storm(notebook: Shell, filmed: PromptService) -> Clip:
    """A clip of one second that is done, in the variable ``storm``."""
    notebook.run("%%luma -o storm --wait\nA storm")
    clip: Clip = notebook.user_ns["storm"]
    return clip


@pytest.fixture
def coming(notebook: Shell, service: PromptService) -> Clip:
    """A clip that is not done, in the variable ``coming``."""
    service.gate.clear()
    notebook.run("%%luma -o coming\nA storm is coming")
    clip: Clip = notebook.user_ns["coming"]
    return clip


@pytest.mark.parametrize(
    ("cut", "shown"),
    [
        (lambda clip: clip.cut(1.0, 4.5), "coming@1-4.5"),
        (lambda clip: clip[1.0:4.5], "coming@1-4.5"),
        (lambda clip: clip[1:], "coming@1-"),
        (lambda clip: clip[:4.5], "coming@0-4.5"),
        (lambda clip: clip.cut(end=4.5), "coming@0-4.5"),
        (lambda clip: clip[:], "coming"),
        (lambda clip: clip[0:], "coming"),
        (lambda clip: clip.speed(2), "coming ×2"),
        (lambda clip: clip.speed(0.5).speed(0.5), "coming ×0.25"),
        (lambda clip: clip.crop("9:16"), "coming 9:16"),
        (lambda clip: clip[1:4].speed(2).crop("1:1"), "coming@1-4 ×2 1:1"),
        (lambda clip: clip.crop("1:1").speed(2)[0.5:2], "coming@1-4 ×2 1:1"),
        (lambda clip: clip.speed(2).crop("1:1").crop("1:1").cut(0.5, 2), "coming@1-4 ×2 1:1"),
        (lambda clip: clip[2:8][1:3], "coming@3-5"),
        (lambda clip: clip[2:8][1:], "coming@3-8"),
        (lambda clip: clip[2:][1:3], "coming@3-5"),
        (lambda clip: clip[np.float32(0.5) : np.int64(3)], "coming@0.5-3"),
    ],
)
def test_a_cut_is_shown_as_a_cell_writes_it(coming: Clip, cut: Callable[[Clip], Cut], shown: str) -> None:
    """However it came about; what is cut again counts in the seconds that one sees."""
    assert repr(cut(coming)) == shown


def test_equal_cuts_are_one_value(coming: Clip) -> None:
    """A cut is a value: equal by its clip and its part, and it does not change."""
    assert coming[1:4].speed(2) == coming.cut(1, 4).speed(2.0)
    assert len({coming[1:4], coming.cut(1, 4), coming[1:5]}) == 2
    with pytest.raises(AttributeError):
        coming[1:4].start = 0.0  # type: ignore[misc]


def test_a_cut_is_pickled_with_its_clip(storm: Clip) -> None:
    """It comes back as it was, of the same clip."""
    assert pickle.loads(pickle.dumps(storm[0.2:0.8].speed(2))) == storm[0.2:0.8].speed(2)


def test_a_clip_stays_no_sequence(coming: Clip) -> None:
    """Nothing goes through it, or takes it for a list."""
    for use in (list, iter, len, reversed):
        with pytest.raises(TypeError):
            use(coming)  # type: ignore[operator,call-overload]
    with pytest.raises(TypeError):
        _ = 1 in coming  # type: ignore[operator]
    assert not isinstance(coming, Iterable | Sequence)
    assert np.asarray([coming, coming[1:2]]).shape == (2,)
    assert list(pandas.Series([coming, coming[1:2]])) == [coming, coming[1:2]]


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda clip: clip[0], "A clip is not a list: coming[1:4.5] is its part from 1 s to 4.5 s, not [0]."),
        (lambda clip: clip["a"], "A clip is not a list: coming[1:4.5] is its part from 1 s to 4.5 s, not ['a']."),
        (lambda clip: clip[1:2][0], "A clip is not a list: coming[1:4.5] is its part from 1 s to 4.5 s, not [0]."),
        (lambda clip: clip[1:4:2], "A part of a clip has no step: coming[1:4.5].speed(2) is twice as fast."),
        (lambda clip: clip[-2:], "A part begins and ends at a number of seconds, 0 or more, not at -2."),
        (lambda clip: clip[:-2], "A part begins and ends at a number of seconds, 0 or more, not at -2."),
        (lambda clip: clip.cut("a"), "A part begins and ends at a number of seconds, 0 or more, not at 'a'."),
        (lambda clip: clip.cut(True), "A part begins and ends at a number of seconds, 0 or more, not at True."),
        (lambda clip: clip[float("nan") :], "A part begins and ends at a number of seconds, 0 or more, not at nan."),
        (lambda clip: clip[: float("inf")], "A part begins and ends at a number of seconds, 0 or more, not at inf."),
        (lambda clip: clip[4:1], "A part must end after it begins: not from 4 s to 1 s."),
        (lambda clip: clip[1:1], "A part must end after it begins: not from 1 s to 1 s."),
        (lambda clip: clip[:0], "A part must end after it begins: not from 0 s to 0 s."),
        (lambda clip: clip[1:4][2:5], "There is no 5 s: coming@1-4 is 3.00 s long."),
        (lambda clip: clip[1:4].speed(2)[1.5:], "There is no 1.5 s: coming@1-4 ×2 is 1.50 s long."),
        (lambda clip: clip.speed(0), "speed must be a number from 0.01 to 100, not 0."),
        (lambda clip: clip.speed(-1), "speed must be a number from 0.01 to 100, not -1."),
        (lambda clip: clip.speed(101), "speed must be a number from 0.01 to 100, not 101."),
        (lambda clip: clip.speed("2"), "speed must be a number from 0.01 to 100, not '2'."),
        (lambda clip: clip.speed(50).speed(5), "speed must be a number from 0.01 to 100, not 250.0."),
        (lambda clip: clip.crop("wide"), "crop must be a ratio such as 9:16 or 2.39:1, not 'wide'."),
        (lambda clip: clip.crop("0:1"), "crop must be a ratio such as 9:16 or 2.39:1, not '0:1'."),
        (lambda clip: clip.crop(16 / 9), "crop must be a ratio such as 9:16 or 2.39:1, not 1.7777777777777777."),
        (lambda clip: clip.crop(None), "crop must be a ratio such as 9:16 or 2.39:1, not None."),
        (lambda clip: clip.crop("1:1").crop("9:16"), "coming 1:1 already has the ratio 1:1: crop the clip itself."),
    ],
)
def test_what_is_no_part_is_refused_in_one_line(coming: Clip, cut: Callable[[Clip], Any], words: str) -> None:
    """It says what to write instead."""
    with pytest.raises(InvalidRequest, match=f"^{re.escape(words)}$"):
        cut(coming)


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (lambda clip: clip[1:9], "There is no storm@1-9: storm is 1.00 s long."),
        (lambda clip: clip[:9], "There is no storm@0-9: storm is 1.00 s long."),
        (lambda clip: clip[1:], "There is no storm@1-: storm is 1.00 s long."),
        (lambda clip: clip.speed(2)[0.1:0.6], "There is no storm@0.2-1.2: storm is 1.00 s long."),
    ],
)
def test_a_part_beyond_the_end_is_refused_where_the_clip_is_done(
    storm: Clip, cut: Callable[[Clip], Any], words: str
) -> None:
    """Its length is known then."""
    with pytest.raises(InvalidRequest, match=f"^{re.escape(words)}$"):
        cut(storm)


def test_a_part_up_to_the_end_as_it_is_told_is_taken(storm: Clip) -> None:
    """Lengths are told with two digits, and rounded up they are the end all the same."""
    assert repr(storm[0.5:1.004]) == "storm@0.5-1.004"


def test_a_failed_clip_can_be_cut_and_says_so_later(notebook: Shell, filmed: PromptService) -> None:
    """A cell that only names a part of it goes on; what needs its video raises."""
    failed = luma.generate("A [fail] storm")
    failed.handle.done.result(timeout=10)
    assert repr(failed[1:4]).endswith("@1-4")
