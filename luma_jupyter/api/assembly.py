"""How a session is put together: the engine below, the page above, and the user's variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from luma_jupyter.clip.clip import Clip
from luma_jupyter.clip.session import Session
from luma_jupyter.display.activity import ActivitySignal
from luma_jupyter.display.environment import Environment, user_variables
from luma_jupyter.engine.engine import Engine
from luma_jupyter.settings import Configuration
from luma_jupyter.widgets.presenter import PagePresenter


def assemble(
    configuration: Configuration, restore: Callable[[Mapping[str, Any]], Clip], engine: Engine | None = None
) -> tuple[Session, PagePresenter]:
    """A new session, and the presenter that shows its clips.

    ``restore`` is the public function that pickled clips name; ``engine`` is passed in by tests.
    """
    engine = engine or Engine(configuration.current)
    presenter = PagePresenter(Environment(configuration.current), engine.loop_thread)
    session = Session(configuration, engine, presenter, user_variables, restore)
    activity = ActivitySignal(configuration.current, engine.loop_thread, lambda: engine.is_following)
    session.listen(lambda clip: activity.begin())
    return session, presenter
