"""`StudioForms`: a form and the live queue below it, as one widget in the notebook."""

from __future__ import annotations

from typing import Any

from IPython.display import display
from ipywidgets import VBox

from luma_jupyter.clip.session import Session
from luma_jupyter.display.outputs import note_html
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import say
from luma_jupyter.widgets.base import Missing, close_widget, show_live_part
from luma_jupyter.widgets.presenter import PagePresenter
from luma_jupyter.widgets.studio.form import Form
from luma_jupyter.widgets.studio.queue import Queue


class StudioForms:
    """Forms for all that the magics do, and all that is under way. Shown as a cell's last expression.

    ``form`` is a `Form`; its fields are what ``%%luma`` takes, and ``form.submit()`` is its button. ``queue.clips`` are
    the clips that it shows. What is shown is closed when its output is cleared; what is under way goes on.
    """

    def __init__(self, session: Session, presenter: PagePresenter, **fields: Any) -> None:
        self._environment, self._page = presenter.environment, presenter.page
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
        text = _("<Studio: {action}, clips in the queue: {count}>")
        return text.format(action=self.form.action, count=len(self.queue.clips))

    def _repr_html_(self) -> str:
        return note_html(
            self.form.key, _("The studio needs Jupyter. Here luma.generate(…), extend(…) and modify(…) do the same.")
        )

    def _ipython_display_(self) -> None:
        if not self._environment.has_page:
            say(_("The studio needs a notebook. In a terminal, %luma help shows how to do the same."))
            return
        later = _("Run this cell again to open the studio. What you made with it is kept.")
        display({"text/html": note_html(self.form.key, later), "text/plain": later}, raw=True)
        if not self._environment.unattended:
            cell = self.form.cell if self.form.prompt.strip() else f"{self.form.cell}{_('your prompt')}"
            missing = Missing(_("the studio"), _("A cell does the same:"), cell)
            show_live_part(self.box, self.form.key, missing, self._page)
