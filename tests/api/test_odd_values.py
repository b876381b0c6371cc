"""Whatever is passed to a public function: it is taken, or refused in one line that says what to do."""

from __future__ import annotations

import datetime
import decimal
import fractions
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import luma_jupyter as luma
from luma_jupyter.clip.clip import Clip
from luma_jupyter.errors import LumaError
from tests.support import settings
from tests.support.notebook import PromptService, Shell

pytestmark = pytest.mark.slow


class Interface:
    """What has numpy's interface and nothing else."""

    __array_interface__ = np.zeros((4, 4, 3), np.uint8).__array_interface__


class BrokenInterface:
    """What only says that it has."""

    __array_interface__ = {"version": 3}  # noqa: RUF012


class Lines:
    """What is shown in many lines."""

    def __repr__(self) -> str:
        return "one\ntwo\n" * 1000


class Hidden:
    """What cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


class OfBytes:
    """A path of bytes."""

    def __fspath__(self) -> bytes:
        return b"x"


def _odd_values() -> Iterator[Any]:
    yield from (None, True, 0, -1, 1.5, float("nan"), float("inf"), -float("inf"), 10**400, 2**70, 1j)
    yield from ("", " ", "x" * 300, "a\0b", "\ud800", "~nobody-there/x", b"", b"x", bytearray(b"x"), memoryview(b"abc"))
    yield from (memoryview(np.zeros((2, 2))), decimal.Decimal("1.5"), fractions.Fraction(1, 2))
    yield from (object(), sys, type, NotImplemented, ..., Lines(), Hidden(), Interface(), BrokenInterface(), OfBytes())
    yield from ([], [None], ["a", ["b"]], (), {}, {"a": 1}, {1: 2}, {"prompt": "x", "a": {}}, set(), frozenset("a"))
    yield from (iter(()), iter(["a"]), range(2), Path("x" * 300), Path("/"), Path("a\0b"))
    yield from (datetime.date.max, datetime.date.min, datetime.datetime.max, datetime.timedelta(1), datetime.time())
    yield from (np.array(1), np.array([1, 2]), np.array(["16:9", "1:1"]), np.zeros((4, 4, 3), np.uint8))
    yield from (
        np.array([object()]),
        np.int64(3),
        np.float64("nan"),
        np.bool_(True),
        np.str_("16:9"),
        np.timedelta64(5, "s"),
    )
    yield from (np.datetime64("2026-11-22"), np.datetime64("NaT", "D"), np.datetime64("2026-11-22T01:02:03.000000001"))
    yield from (pd.NA, pd.NaT, pd.Timestamp("2026-11-22", tz="UTC"), pd.Timedelta("5s"), pd.Categorical(["A"]))
    yield from (pd.Series(["A", "B"]), pd.Series([1, 2]), pd.Index(["A"]), pd.DataFrame(), pd.DataFrame({"x": [1]}))
    yield from (pd.DataFrame({"prompt": ["A"]}), pl.DataFrame(), pl.DataFrame({"prompt": ["A"]}), pl.Series(["A"]))
    yield pl.LazyFrame({"prompt": ["A"]})


Call = Callable[[Clip, Any], object]


def _keywords(function: Callable[..., object], call: Callable[..., object]) -> dict[str, Call]:
    """One call for each keyword of a function."""
    names = [
        name
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    return {
        f"{function.__qualname__}, {name}": lambda clip, value, name=name: call(clip, **{name: value}) for name in names
    }


BATCH = ("prompt", "aspect_ratio", "loop", "enhancement", "start_image", "end_image", "watermark", "callback_url")

CALLS: dict[str, Call] = {
    "generate": lambda clip, value: luma.generate(value),
    "extend, source": lambda clip, value: luma.extend(value, "On"),
    "extend, prompt": lambda clip, value: luma.extend(clip, value),
    "modify, source": lambda clip, value: luma.modify(value, "Fog"),
    "modify, prompt": lambda clip, value: luma.modify(clip, value),
    "batch, prompts": lambda clip, value: luma.batch(value),
    "batch, a list": lambda clip, value: luma.batch([value]),
    "adopt": lambda clip, value: luma.adopt(value),
    "adopt, provider": lambda clip, value: luma.adopt("task-x", provider=value),
    "clips, folder": lambda clip, value: luma.clips(folder=value),
    "clips, day": lambda clip, value: luma.clips(day=value),
    "gallery": lambda clip, value: None if callable(value) else luma.gallery(value),
    "gallery, folder": lambda clip, value: luma.gallery(folder=value),
    "compare": lambda clip, value: luma.compare(value),
    "compare, second": lambda clip, value: luma.compare(clip, value),
    "Clip.wait": lambda clip, value: clip.wait(value),
    "ClipList.wait": lambda clip, value: luma.clips().wait(value),
    "Clip.frame": lambda clip, value: clip.frame(value),
    "Clip.frames": lambda clip, value: clip.frames(value),
    "Clip.save": lambda clip, value: clip.save(value),
    "Clip.retry": lambda clip, value: clip.retry(may_pay_twice=value),
    **_keywords(luma.generate, lambda clip, **one: luma.generate("A fox", **one)),
    **_keywords(luma.extend, lambda clip, **one: luma.extend(clip, "On", **one)),
    **_keywords(luma.modify, lambda clip, **one: luma.modify(clip, "Fog", **one)),
    **_keywords(Clip.extend, lambda clip, **one: clip.extend("On", **one)),
    **_keywords(Clip.modify, lambda clip, **one: clip.modify("Fog", **one)),
    **_keywords(luma.batch, lambda clip, **one: luma.batch(["A fox"], **one)),
    **{f"batch, {name}": lambda clip, value, name=name: luma.batch(["A fox"], **{name: value}) for name in BATCH},
    **{f"batch, a row's {name}": lambda clip, value, name=name: luma.batch([{name: value}]) for name in BATCH},
    **{
        f"Studio, {name}": lambda clip, value, name=name: luma.Studio(**{name: value})
        for name in ("action", "prompt", "source", "start_image", "loop", "takes", "out", "timeout", "colour")
    },
}

SETTINGS = [
    "acedata_token", "acedata_base_url", "provider", "wait", "media", "home", "demo_seconds", "budget", "submissions",
    "confirm_count",
]  # fmt: skip


@pytest.fixture
def clip(notebook: Shell, filmed: PromptService) -> Clip:
    """A clip that is done; nothing new can be paid for any more."""
    made = luma.generate("A sunset").wait()
    settings.configure(budget=0, acedata_price=1, runapi_price=1)
    return made


def _refused(call: Callable[[], object]) -> str | None:
    """What a call was refused with, in one line; None where it was not. Anything but our own errors is raised."""
    words = None
    try:
        call()
    except LumaError as error:
        words = str(error)
    assert words is None or ("\n" not in words and 10 < len(words) < 1000)
    return words


@pytest.mark.parametrize("name", CALLS)
def test_odd_value_is_taken_or_refused_in_one_line(clip: Clip, name: str) -> None:
    """No value of any type leads to a traceback, and none is paid for."""
    refused = [_refused(lambda value=value: CALLS[name](clip, value)) for value in _odd_values()]  # type: ignore[misc]
    assert sum(words is not None for words in refused) > 5


@pytest.mark.parametrize("name", SETTINGS)
def test_odd_setting_is_taken_or_refused_in_one_line(name: str) -> None:
    """A setting that was taken can be used: no path that no file can have, no number that is none."""
    for value in _odd_values():
        if _refused(lambda value=value: luma.configure(**{name: value})) is None:  # type: ignore[misc]
            _refused(lambda: luma.clips())
        luma.configure(**{name: None})


def test_numbers_of_other_libraries_are_numbers(clip: Clip, tmp_path: Path) -> None:
    """numpy's and pandas' numbers, flags, texts and days do what Python's own do."""
    day = clip.created_at.date()
    assert clip.wait(np.float64(5)) is clip.wait(np.int64(5)) is clip
    assert clip.frame(np.float32(0.25)).size == clip.frame(np.int8(0)).size
    assert len(clip.frames(np.int64(2))) == 2
    for same in (np.datetime64(day), np.datetime64(day, "ns"), pd.Timestamp(day), datetime.datetime.now(), str(day)):
        assert luma.clips(day=same) == [clip]
    luma.configure(budget=np.int64(100), submissions=np.int64(2), wait=np.bool_(False), confirm_count=np.int64(50))
    many = luma.batch(
        ["A fox", "An owl"],
        aspect_ratio=np.array(["16:9", "1:1"]),
        loop=pd.Series([True, False]),
        takes=np.int64(2),
        yes=np.True_,
    )
    assert [(one.task.request.aspect_ratio, one.task.request.loop) for one in many[:8:2]] == [  # type: ignore[union-attr]
        ("16:9", True),
        ("16:9", False),
        ("1:1", True),
        ("1:1", False),
    ]
    one = luma.generate("A hare", loop=np.bool_(True), timeout=np.float64(60), start_image=Interface(), again=np.True_)
    one.stop()
    assert one.task.request.loop is True  # type: ignore[union-attr]


@pytest.mark.parametrize("library", [pd, pl])
def test_dataframe_of_any_library_is_a_batch(clip: Clip, library: Any) -> None:
    """Rows and columns are read alike, whoever made the frame; what is missing says nothing."""
    luma.configure(budget=100)
    frame = library.DataFrame({"prompt": ["A fox", "An owl"], "aspect_ratio": ["1:1", None], "takes": [1, 2]})
    many = luma.batch(frame)
    assert [(one.prompt, one.task.request.aspect_ratio) for one in many] == [  # type: ignore[union-attr]
        ("A fox", "1:1"),
        ("An owl", "16:9"),
        ("An owl", "16:9"),
    ]
    bad = library.DataFrame({"prompt": ["A fox"], "aspect_ratio": ["2:1"]})
    with pytest.raises(LumaError, match=r"^Row 0: There is no ratio"):
        luma.batch(bad)
