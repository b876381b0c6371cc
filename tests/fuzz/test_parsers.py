"""Strangers' films and sidecars are read without harm, whatever is in them; `harness` does the same with many more."""

from __future__ import annotations

import random
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luma_jupyter.domain.duration_model import prior
from luma_jupyter.engine.store.serialization import dump, load
from luma_jupyter.views import clip_html, table
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.history import History
from luma_jupyter.views.text import plain_text
from tests.fuzz.harness import MOST_MEMORY, MOST_SECONDS, Figures, measure
from tests.fuzz.parsers import Films, Parser, Sidecars

pytestmark = pytest.mark.slow

FUZZ = settings(max_examples=300)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for the sidecar that is under attack."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def sidecars(folder: Path) -> Sidecars:
    """The parser of sidecars."""
    return Sidecars(folder)


@FUZZ
@given(st.binary(max_size=3000) | st.randoms(use_true_random=False).map(Films().damaged))
def test_any_film_is_read_without_harm(data: bytes) -> None:
    """No bytes make the reader of MP4 boxes raise."""
    assert Films().parse(data) in (True, False)


@FUZZ
@given(data=st.binary(max_size=3000), source=st.randoms(use_true_random=False))
def test_any_sidecar_is_read_without_harm(sidecars: Sidecars, data: bytes, source: random.Random) -> None:
    """No bytes make the reader of sidecars raise, and whatever it takes can be kept, shown and read again."""
    sidecars.parse(data)
    task = sidecars.parse(sidecars.damaged(source))
    if task is None:
        return
    assert load(dump(task)).request == task.request
    state = ClipState(task, task.name, 1_700_000_100.0, prior("acedata"), "luma_videos/a.mp4")
    for shown in (
        plain_text(state, here=True, links=True),
        clip_html.final_html(state),
        table.final_html("key", [state], {task.status: 1}),
        repr(History([task], Path("/home"), 0.0)),
        History([task], Path("/home"), 0.0)._repr_html_(),
    ):
        assert shown.encode()


@pytest.mark.parametrize("make", [lambda folder: Films(), Sidecars], ids=["films", "sidecars"])
def test_worst_inputs_take_little(make: Callable[[Path], Parser], folder: Path) -> None:
    """The largest and deepest inputs that there can be take less than 64 MB."""
    parser = make(folder)
    tracemalloc.start()
    traced = measure(parser, parser.worst())
    tracemalloc.stop()
    assert traced.crashes == []
    assert 0 < traced.memory < MOST_MEMORY


def test_figures_tell_of_a_crash(folder: Path) -> None:
    """A parser that raises is told with its input, and the promise is not kept."""

    class Broken(Films):
        def parse(self, data: bytes) -> object:
            raise ValueError("broken")

    figures = measure(Broken(), [b"film"])
    assert figures.crashes == ["ValueError: broken — b'film'"]
    assert not figures.kept
    assert Figures().kept
    assert not Figures(memory=MOST_MEMORY + 1).kept
    assert not Figures(seconds=MOST_SECONDS + 1).kept
