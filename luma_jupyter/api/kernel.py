"""What a kernel has one of: its settings, its session, and what shows its clips. All else is passed along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from luma_jupyter.settings import Configuration

if TYPE_CHECKING:
    from luma_jupyter.clip.clip import Clip
    from luma_jupyter.clip.session import Session
    from luma_jupyter.domain.task import Task
    from luma_jupyter.widgets.presenter import PagePresenter


class Kernel:
    """The kernel that runs this code; ``configuration`` is there at once, all else when first needed."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything, as a kernel that begins."""
        self.configuration = Configuration()
        self._session: Session | None = None
        self._presenter: PagePresenter | None = None

    def use(self, session: Session, presenter: PagePresenter) -> None:
        """Go on with this session."""
        self._session, self._presenter = session, presenter

    @property
    def has_session(self) -> bool:
        """Whether the session was needed yet."""
        return self._session is not None

    @property
    def session(self) -> Session:
        """The kernel's session."""
        return self._session or self._assembled()[0]

    @property
    def presenter(self) -> PagePresenter:
        """What shows the session's clips."""
        return self._presenter or self._assembled()[1]

    def _assembled(self) -> tuple[Session, PagePresenter]:
        from luma_jupyter.api.assembly import assemble  # start-up: %load_ext needs nothing of it

        self._session, self._presenter = assemble(self.configuration.current, restore_clip)
        return self._session, self._presenter


kernel = Kernel()


def configure(**changes: object) -> None:
    """Change settings for this kernel: ``configure(provider="demo", wait=True)``.

    None takes a setting back to the environment or the default. Raises ConfigError for an unknown name or a value that
    cannot be used; then nothing is changed.
    """
    kernel.configuration.configure(**changes)


def restore_clip(record: Mapping[str, Any]) -> Clip:
    """The clip that was stored as this record; the one of this kernel where it has it. Pickles name this function."""
    return kernel.session.restore_clip(record)


restore_clip.__module__ = "luma_jupyter"  # pickles name it so, wherever it moves


def restore_clip_of_0_1_0(task: Task, name: str | None, source: Clip | str | None) -> Clip:
    """The clip of a pickle that version 0.1.0 made; its source, where that is a clip, has come back before it."""
    return kernel.session.restore_task(task, name)
