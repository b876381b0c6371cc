"""The state of a clip as drawings get it, and surroundings of all kinds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from luma_jupyter.domain.duration_model import prior
from luma_jupyter.domain.pieces import Piece
from luma_jupyter.domain.requests import FilmRequest, GenerateRequest
from luma_jupyter.domain.task import Task, Video
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipFailed
from luma_jupyter.views.clip_state import ClipState
from luma_jupyter.views.host import Surroundings

KERNEL = Surroundings(in_ipython=True, in_kernel=True)
LAB = replace(KERNEL, environ={"JPY_SESSION_NAME": "a.ipynb"})
VSCODE = replace(KERNEL, marked=True)
COLAB = replace(KERNEL, modules=("os", "google.colab"))
MARIMO = Surroundings(in_marimo=True, modules=("marimo",))
CONSOLE = replace(KERNEL, started_by=("/usr/bin/python3", "/usr/bin/jupyter-console"))
TERMINAL = Surroundings(in_ipython=True, isatty=True)
SCRIPT = Surroundings()


def clip_state(
    status: Status = Status.COMPLETED, *, name: str | None = "sunset", now: float = 1042.0, **changes: object
) -> ClipState:
    """A clip's state, completed and saved unless told otherwise; ``changes`` are those of its task."""
    ended = status.ended
    task = Task(
        intent="3f9c2a1b",
        request=GenerateRequest(prompt="A sunset"),
        provider="acedata",
        status=status,
        created_at=1000.0,
        submitted_at=1000.0,
        ended_at=1042.0 if ended else None,
        filename="a-sunset-3f9c2a1b.mp4",
        task_id="task-1",
        video=Video("https://cdn.example/v.mp4", "video-1", 640, 360) if status is Status.COMPLETED else None,
        path=Path("/home/user/luma_videos/a-sunset-3f9c2a1b.mp4") if status is Status.COMPLETED else None,
        file_size=2_100_000 if status is Status.COMPLETED else None,
        error=ClipFailed("It went wrong.") if status is Status.FAILED else None,
    ).evolve(**changes)
    return ClipState(task, name, now, prior("acedata"), "luma_videos/a-sunset-3f9c2a1b.mp4")


def film_state(status: Status = Status.RUNNING, *parts: Piece, **changes: object) -> ClipState:
    """The state of a film of these parts, which is being made unless told otherwise; ``changes`` as above."""
    storm = Piece(source="0123456789abcdef" * 2, label="storm@1-4.5")
    video = Video(None, width=640, height=360) if status is Status.COMPLETED else None
    request = FilmRequest(parts=parts or (storm,), fade=0.5)
    made = {"request": request, "provider": "local", "task_id": None, "video": video, "making": "video copied"}
    state = clip_state(status, name="movie", **{**made, **changes})
    return replace(state, model=prior("local"))


def counted(*states: ClipState) -> tuple[list[ClipState], Counter[Status]]:
    """States, and how many of them there are in each status."""
    return list(states), Counter(state.task.status for state in states)
