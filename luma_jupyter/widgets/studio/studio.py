"""`StudioForms`: a form and the live queue below it, as one widget in the notebook."""

from __future__ import annotations

from typing import Any

from ipywidgets import VBox

from luma_jupyter.clip.session import Session
from luma_jupyter.display.outputs import note_html, show_pair
from luma_jupyter.printable import say
from luma_jupyter.widgets.base import close_widget
from luma_jupyter.widgets.presenter import PagePresenter
from luma_jupyter.widgets.studio.form import Form
from luma_jupyter.widgets.studio.queue import Queue

_LATER = "The studio: run this cell to fill in its forms. The clips that were made with it are in their variables."


class StudioForms:
    """Forms for all that the magics do, and all that is under way. Shown as a cell's last expression.

    ``form`` is a `Form`; its fields are what ``%%luma`` takes, and ``form.submit()`` is its button. ``queue.clips`` are
    the clips that it shows. What is shown is closed when its output is cleared; what is under way goes on.
    """

    def __init__(self, session: Session, presenter: PagePresenter, **fields: Any) -> None:
        self._environment = presenter.environment
        self.form = Form(session, presenter.environment, **fields)
        self.queue = Queue(session, presenter)
        self.box = VBox([self.form, self.queue.model])
        self.form.on_removed = self.close
        self.form.on_made = self.queue.join

    def close(self) -> None:
        """Take it out of the page, and leave nothing behind; what is under way goes on."""
        self.form.close()
        self.queue.close()
        close_widget(self.box)

    def __repr__(self) -> str:
        return f"<Studio: {self.form.action}, {len(self.queue.clips)} clips in the queue>"

    def _ipython_display_(self) -> None:
        if not self._environment.has_page:
            say("The studio needs a notebook; in a terminal %luma help shows how to do the same.")
            return
        show_pair(note_html(self.form.key, _LATER), _LATER, None if self._environment.unattended else lambda: self.box)
