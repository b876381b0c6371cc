"""What a kernel has one of: its settings, its session, and what shows its clips. All else is passed along."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.errors import ConfigError
from luma_jupyter.operating_system import at_fork
from luma_jupyter.printable import say
from luma_jupyter.settings import Configuration, KeyStore, Settings

if TYPE_CHECKING:
    from luma_jupyter.clip.clip import Clip
    from luma_jupyter.clip.session import Session
    from luma_jupyter.domain.task import Task
    from luma_jupyter.keystores import Keyring
    from luma_jupyter.widgets.presenter import PagePresenter


# A Jupyter server gives a kernel 2.5 s to end by itself (jupyter_client, `KernelManager.shutdown_wait_time` / 2).
KERNEL_EXIT_SECONDS = 2.0


class Kernel:
    """The kernel that runs this code; ``configuration`` is there at once, all else when first needed.

    ``key_stores`` gives the places where keys are looked for; tests bring their own. ``last_run`` is when a cell was
    last run to its end, in Unix seconds, but for one that hands in; 0 without a shell.
    """

    def __init__(self) -> None:
        self.key_stores: Callable[[], Sequence[KeyStore]] = self.host_key_stores
        self._session: Session | None = None
        self._presenter: PagePresenter | None = None
        self._reset_lock()
        at_fork(child=self._reset_lock)
        self.restart()

    def _reset_lock(self) -> None:
        """Start anew, as in a forked child."""
        self._lock = threading.Lock()

    def restart(self) -> None:
        """Forget everything, as a kernel that begins; what is open is closed."""
        if self._session:
            self._session.engine.close()
        self.configuration = Configuration(lambda: self.key_stores(), _notebook_folder)
        self._session = self._presenter = None
        self.last_run = 0.0

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

    def host_key_stores(self) -> Sequence[KeyStore]:
        """Where hosts keep keys, in the order in which they are asked."""
        from luma_jupyter.display.environment import Environment  # start-up: they are needed with the first key
        from luma_jupyter.keystores import ColabSecrets, KaggleSecrets

        environment = Environment(self.configuration.current)
        return ColabSecrets(lambda: environment.in_colabs_page), KaggleSecrets(), self.keyring

    @cached_property
    def keyring(self) -> Keyring:
        """The keyring of the system."""
        from luma_jupyter.keystores import Keyring  # start-up, as above

        return Keyring()

    def _assembled(self) -> tuple[Session, PagePresenter]:
        from luma_jupyter.api.assembly import assemble  # start-up: %load_ext needs nothing of it

        with self._lock:  # one for all threads
            if self._session is None or self._presenter is None:
                session, self._presenter = assemble(self.configuration, restore_clip)
                self._finish_at_exit()
                session.listen(lambda clip: self._finish_at_exit())
                self._session = session  # last: others do not wait for the lock where it is there
            return self._session, self._presenter

    def _finish_at_exit(self) -> None:
        """Register anew with each clip: what is registered last runs first, before the demo service is closed."""
        atexit.unregister(self.finish)
        atexit.register(self.finish)

    def finish(self) -> None:
        """End in good order, when the program does: what was sent gets its answer, and what goes on is named.

        Then all that is open is closed.
        """
        session, presenter = self._session, self._presenter
        if session is None or presenter is None:
            return
        with closing(session.engine):
            in_kernel = presenter.environment.in_kernel
            patience = Settings.exit_seconds
            with suppress(ConfigError):  # a variable that cannot be used any more costs no paid task
                patience = session.settings().exit_seconds
            grace = min(patience, KERNEL_EXIT_SECONDS) if in_kernel else patience
            session.notifier.close()
            ending = session.engine.finish(grace, tell_later=in_kernel)
            presenter.updates.flush_all()
            session.notifier.finish(0 if in_kernel else grace)  # a kernel has no time left
            if (text := str(ending)) and not in_kernel:  # nobody reads a kernel's: the next %load_ext says it
                say(text, file=sys.stderr)


def _notebook_folder() -> Path:
    from luma_jupyter.display.environment import notebook_folder  # start-up: it needs IPython

    return notebook_folder()


kernel = Kernel()


def configure(**changes: object) -> None:
    """Change settings for this kernel: ``configure(provider="demo", wait=True)``.

    None takes a setting back to the environment or the default. ``notify`` is a function that is called when something
    has ended that was submitted in this kernel, whatever it came to: with the `Clip`, or once for a batch with the list
    of its clips; not for what was found again. It has a thread of its own, so it may take its time. A mail is sent so::

        def mail(ended):
            message = EmailMessage()
            message["From"] = message["To"] = "ann@example.com"
            message["Subject"] = "Luma: it has ended"
            message.set_content(repr(ended))
            with smtplib.SMTP_SSL("mail.example.com") as server:
                server.login("ann", password)
                server.send_message(message)


        luma_jupyter.configure(notify=mail)

    Raises ConfigError for an unknown name or a value that cannot be used, InvalidRequest for a ``notify`` that cannot
    be called; then nothing is changed.
    """
    kernel.configuration.configure(**changes)


def restore_clip(record: Mapping[str, Any]) -> Clip:
    """The clip that was stored as this record; the one of this kernel where it has it. Pickles name this function."""
    return kernel.session.restore_clip(record)


restore_clip.__module__ = "luma_jupyter"  # pickles name it so, wherever it moves


def restore_clip_of_0_1_0(task: Task, name: str | None, source: Clip | str | None) -> Clip:
    """The clip of a pickle that version 0.1.0 made; its source, where that is a clip, has come back before it."""
    return kernel.session.restore_task(task, name)
