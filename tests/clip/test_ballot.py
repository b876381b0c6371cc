"""Votes on clips that are known by numbers alone."""

from __future__ import annotations

from typing import Any

import pytest

from luma_jupyter.clip.ballot import Ballot, anonymous_name
from luma_jupyter.clip.clip import Clip
from luma_jupyter.errors import ClipNotReady
from tests.support.long_list import completed_clip


@pytest.fixture
def clips() -> list[Clip]:
    """Twelve clips."""
    return [completed_clip(number, "Boat") for number in range(12)]


def test_the_order_depends_on_which_clips_they_are_alone(clips: list[Clip]) -> None:
    """The same clips in any order come as before, and not as they are given; with one less they come otherwise."""
    ballot = Ballot(clips)
    assert ballot.clips == Ballot(clips[::-1]).clips
    assert set(ballot.clips) == set(clips)
    assert ballot.clips != clips
    assert [clip for clip in ballot.clips if clip in clips[1:]] != Ballot(clips[1:]).clips


def test_a_name_tells_nothing_and_stays(clips: list[Clip]) -> None:
    """Each clip has one of its own."""
    names = [anonymous_name(clip) for clip in clips]
    assert names == [anonymous_name(clip) for clip in clips]
    assert len(set(names)) == 12
    assert not [clip for clip, name in zip(clips, names, strict=True) if clip.task.intent[:8] in name]


def test_votes_are_there_when_all_are_cast(clips: list[Clip]) -> None:
    """Before that one line says what is missing; a vote can be changed until then, and not after."""
    ballot = Ballot(clips[:2])
    with pytest.raises(ClipNotReady, match=r"Votes are still missing \(2 of 2\): vote on number 1, 2 on the sheet"):
        ballot.votes  # noqa: B018
    assert ballot.cast(1, 3)
    assert ballot.cast(1, 4)
    with pytest.raises(ClipNotReady, match=r"Votes are still missing \(1 of 2\): vote on number 1 on"):
        ballot.votes  # noqa: B018
    assert ballot.cast(0, 5)
    assert ballot.votes == {ballot.clips[0]: 5, ballot.clips[1]: 4}
    assert not ballot.cast(0, 1)
    with pytest.raises(ClipNotReady, match=r"\(12 of 12\).* 1, 2, 3, 4, 5, 6, 7, 8 … on"):
        Ballot(clips).votes  # noqa: B018


@pytest.mark.parametrize(
    ("number", "mark"), [(2, 1), (-1, 1), (0, 0), (0, 6), ("0", 1), (0, "1"), (True, 1), (0, 2.0), (None, None)]
)
def test_what_is_no_vote_is_not_taken(clips: list[Clip], number: Any, mark: Any) -> None:
    """A page may send anything."""
    ballot = Ballot(clips[:2])
    assert not ballot.cast(number, mark)
    assert ballot.marks == [0, 0]
