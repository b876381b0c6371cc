"""The words to choose from, which are part of the public interface."""

from __future__ import annotations

import pytest

from luma_jupyter.domain import vocabulary
from luma_jupyter.domain.vocabulary import Status


def test_vocabulary_is_frozen() -> None:
    """There are these actions, providers and ratios, in this order."""
    assert vocabulary.ACTIONS == ("generate", "extend", "modify")
    assert vocabulary.PROVIDERS == ("acedata", "runapi", "demo")
    assert ", ".join(vocabulary.ASPECT_RATIOS) == "16:9, 9:16, 1:1, 4:3, 3:4, 21:9, 9:21"
    assert tuple(vocabulary.SERVICE_NAMES) == (*vocabulary.PROVIDERS, "local")


def test_status_words_and_ends_are_frozen() -> None:
    """The status words and which of them are ends are part of the public interface."""
    assert {str(status): status.ended for status in Status} == {
        "queued": False,
        "submitting": False,
        "running": False,
        "saving": False,
        "completed": True,
        "failed": True,
        "unconfirmed": True,
        "detached": True,
        "cancelled": True,
    }


@pytest.mark.parametrize("status", Status)
def test_status_says_what_can_be_done_with_a_clip(status: Status) -> None:
    """What has not ended and is not being saved can be stopped; what ended without its service's word, resumed."""
    assert status.stoppable is (status in ("queued", "submitting", "running"))
    assert status.resumable is (status in ("detached", "unconfirmed"))
    assert status.without_task is (status in ("failed", "cancelled"))
