"""What keeps a kernel from seeming idle: sent while clips are followed, where that is wanted, and shown by no page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from luma_jupyter.display import activity
from luma_jupyter.display.activity import INTERVAL, ActivitySignal, send_activity
from tests.support import settings
from tests.support.loops import RunningLoop
from tests.support.notebook import PromptService, Shell, wait_for_status

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When activity was sent, on the loop's clock."""
    times: list[float] = []
    monkeypatch.setattr(activity, "send_activity", lambda: times.append(asyncio.get_running_loop().time()))
    return times


def test_activity_is_sent_now_and_then_while_clips_are_followed(run_virtually: Run, sent: list[float]) -> None:
    """At once, in even steps however many clips begin, and no more once the last has ended."""
    settings.configure(keep_active=True)
    open_clips = [1, 2]

    async def story() -> None:
        signal = ActivitySignal(settings.current, RunningLoop(), lambda: bool(open_clips))
        signal.begin()
        await asyncio.sleep(2.5 * INTERVAL)
        signal.begin()
        await asyncio.sleep(2 * INTERVAL)
        open_clips.clear()
        await asyncio.sleep(10 * INTERVAL)

    run_virtually(story())
    assert sent == [step * INTERVAL for step in range(5)]


def test_activity_is_sent_only_where_the_setting_asks_for_it(
    run_virtually: Run, sent: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by default; from when it is set, though clips are under way; not while it is taken back or unreadable."""

    async def story() -> None:
        signal = ActivitySignal(settings.current, RunningLoop(), lambda: True)
        signal.begin()
        await asyncio.sleep(INTERVAL)
        assert sent == []
        settings.configure(keep_active=True)
        await asyncio.sleep(2.5 * INTERVAL)
        settings.configure(keep_active=None)
        monkeypatch.setenv("LUMA_JUPYTER_KEEP_ACTIVE", "perhaps")
        await asyncio.sleep(10 * INTERVAL)
        monkeypatch.setenv("LUMA_JUPYTER_KEEP_ACTIVE", "1")
        await asyncio.sleep(INTERVAL)

    run_virtually(story())
    assert sent == [step * INTERVAL for step in (2, 3, 14)]


def test_a_clip_in_a_notebook_sends_activity(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its cell on, also where another one is under way already."""
    sent: list[object] = []
    monkeypatch.setattr(activity, "send_activity", lambda: sent.append(1))
    monkeypatch.setenv("LUMA_JUPYTER_KEEP_ACTIVE", "1")
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    wait_for_status(notebook.user_ns["sunset"], "running")
    assert sent


def test_the_message_belongs_to_no_cell_and_no_widget(notebook: Shell) -> None:
    """No page shows it, and it says nothing of whether a cell runs; without a kernel nothing is sent."""
    messages: list[tuple[Any, ...]] = []
    session = SimpleNamespace(send=lambda *message: messages.append(message))
    notebook.ip.kernel = SimpleNamespace(session=session, iopub_socket="iopub")
    send_activity()
    assert messages == [("iopub", "comm_msg", {"comm_id": "luma_jupyter", "data": {}})]
    notebook.ip.kernel = None
    send_activity()
    assert len(messages) == 1
