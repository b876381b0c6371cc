"""The kinds of pages: what is in the environment of the server that each comes from. The kernel is in another one."""

from __future__ import annotations

from dataclasses import dataclass

_ALONE = ("jupyterlab", "notebook")
_WIDGETS = (*_ALONE, "jupyterlab_widgets")
_ANYWIDGET = (*_WIDGETS, "anywidget")


@dataclass(frozen=True)
class Kind:
    """A kind of page: the server's packages, the front ends that are tried there, and how many people look at it.

    ``missing`` is what its page has to name as missing, so that one can install it; empty where nothing is. A page that
    ``saves_itself`` has no command for it; one that does not trust what its own cells show lets nothing move in it.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    front_ends: tuple[str, ...] = ("JupyterLab",)
    people: int = 1
    missing: str = ""
    saves_itself: bool = False
    trusts: bool = True


BOTH = ("JupyterLab", "Notebook 7")
KINDS = (
    Kind("alone", "alone", _ALONE, BOTH, missing="anywidget"),
    Kind("widgets", "with jupyterlab_widgets", _WIDGETS, missing="anywidget"),
    Kind("anywidget", "with anywidget", _ANYWIDGET, BOTH),
    Kind(
        "documents",
        "with jupyter_server_documents",
        (*_ANYWIDGET, "jupyter_server_documents==0.3.3"),
        saves_itself=True,
        trusts=False,
    ),
    Kind(
        "collaboration",
        "with jupyter-collaboration",
        (*_ANYWIDGET, "jupyter-collaboration==5.*"),
        people=2,
        saves_itself=True,
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
