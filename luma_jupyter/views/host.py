"""Where this code runs, and so how a finished video is shown: one pure function from plain data to a decision.

A front end that serves the files beside the notebook gets a relative address: the notebook stays small. One that does
not gets the video inside the HTML, up to a size, and beyond that the service's address. A terminal gets the path.

What is told apart, and by what:

* **Colab** has the module ``google.colab`` and ``COLAB_RELEASE_TAG`` (anywidget and many others look for the same).
* **VS Code** puts ``__vsc_ipynb_file__`` into the user's variables when it starts a kernel (microsoft/vscode-jupyter);
  kernels of its interactive window have only its ``VSCODE_PID``. JupyterLab that was started from VS Code's terminal
  may inherit that one, but has ``JPY_SESSION_NAME`` too.
* **marimo** says itself whether it runs a notebook (``marimo.running_in_notebook``).
* **Consoles** (jupyter console, qtconsole, Spyder) start their kernels themselves, and show text alone: their messages
  are those of any front end, so they are told by the program that started the kernel.
* **A Jupyter server** gives the kernels that it starts ``JPY_SESSION_NAME`` (jupyter_server, ``sessionmanager.py``).
* **nbconvert, papermill, nbclient** say nothing of themselves: a kernel without a name is taken for one of these.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Literal, TypeAlias

from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import translated

How: TypeAlias = Literal["relative", "embed", "remote", "path"]

# Our own choice, as of others who embed media: base64 makes it 13 MB, and a notebook has several videos.
EMBED_LIMIT = 10_000_000
# Colab allows 10 MB of data in a notebook's display (googlecolab/colabtools#21); base64 takes 4 bytes for 3.
COLAB_LIMIT = 7_000_000
# Terminals that make links of OSC 8: github.com/Alhadis/OSC8-Adoption, and what the npm package supports-hyperlinks
# knows of their environments. Not among them: Apple's Terminal, and whatever is inside tmux or screen.
_LINKING_PROGRAMS = ("iTerm.app", "WezTerm", "vscode", "ghostty")
_LINKING_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "foot-extra", "wezterm")
_FIRST_VTE = 5001  # 0.50.0 was the first, and crashed
_CONSOLES = ("jupyter-console", "jupyter_console", "jupyter-qtconsole", "qtconsole", "spyder")


@dataclass(frozen=True)
class Surroundings:
    """What can be seen of where this code runs.

    ``marked``: VS Code's marker is among the user's variables. ``started_by`` is the command line of the program that
    started the kernel.
    """

    in_ipython: bool = False
    in_kernel: bool = False
    in_marimo: bool = False
    marked: bool = False
    isatty: bool = False
    started_by: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    modules: Collection[str] = ()


@dataclass(frozen=True)
class Host:
    """Where this code runs, and what follows from that.

    ``how`` a finished video is shown; ``limit``: up to how many bytes it is embedded; ``serves``: whether the page can
    play the files beside the notebook, also where that is not how they are shown. ``waits``: whether a cell waits for
    its clip unless told otherwise. ``links``: whether printed text may have links. ``reason`` and ``hint`` are
    sentences for the user, ``remark`` is one for each card. ``hub``: whether a JupyterHub runs it.
    """

    name: str
    how: How
    reason: str
    hint: str = ""
    limit: int = 0
    serves: bool = True
    waits: bool = False
    links: bool = False
    remark: str = ""
    hub: bool = False


def decide(seen: Surroundings, embed: bool | None = None, *, doubt: str = "", refusal: int | None = None) -> Host:
    """The host for these surroundings; ``embed`` is the user's own word on embedding, None: as is best there.

    ``doubt`` is why a page may not reach the media folder (`places.doubt`), ``refusal`` the HTTP status by which its
    server refused a file from there: that counts whatever the user says, a doubt unless no video is to be embedded.
    """
    host = _host(seen)
    if host.how == "relative" and refusal:
        host = _without_files(
            host,
            _("This page cannot load files from the folder of the videos: its server answers {status}.").format(
                status=refusal
            ),
            _("Set LUMA_JUPYTER_MEDIA to a folder below the notebook's, as luma_videos is."),
        )
    elif host.how == "relative" and doubt and embed is not False:
        host = _without_files(
            host,
            translated(doubt),
            _(
                "Set LUMA_JUPYTER_MEDIA to a folder below the notebook's, as luma_videos is. Where this page plays the "
                "videos all the same, say so: luma_jupyter.configure(embed=False)."
            ),
        )
    if embed is None or host.how == "path":
        return host
    if embed:
        asked = _("You asked for videos inside the notebook.")
        return replace(host, how="embed", limit=host.limit or EMBED_LIMIT, reason=asked, remark="")
    asked = _("You asked for no videos inside the notebook.")
    return replace(host, how="relative" if host.serves else "remote", reason=asked)


def _without_files(host: Host, reason: str, hint: str) -> Host:
    """The host as it shows files that its page does not reach, or may not."""
    return replace(host, how="embed", limit=EMBED_LIMIT, serves=False, reason=reason, hint=hint, remark=reason)


def _host(seen: Surroundings) -> Host:
    if seen.in_marimo:
        return _marimo()
    if not seen.in_kernel:
        return _terminal(seen)
    if any(PurePath(argument).stem in _CONSOLES for argument in seen.started_by[:3]):
        return Host(_("a console"), "path", _("A console shows text only, so it gets the path."), waits=True)
    if "google.colab" in seen.modules or "COLAB_RELEASE_TAG" in seen.environ:
        return _colab()
    if seen.marked or ("VSCODE_PID" in seen.environ and "JPY_SESSION_NAME" not in seen.environ):
        return _vscode()
    if "JPY_SESSION_NAME" in seen.environ:
        return Host(
            _("JupyterLab or Notebook 7"),
            "relative",
            _("The Jupyter server gives the page the files beside the notebook."),
            hub="JUPYTERHUB_SERVICE_PREFIX" in seen.environ,
        )
    return Host(
        _("a Jupyter kernel without a name (nbconvert, papermill, nbclient, or another front end)"),
        "relative",
        _("The saved notebook plays the files beside it in JupyterLab, Notebook 7 and HTML exports."),
        hint=_("In runs without a person set LUMA_JUPYTER_WAIT=1, so that the videos are in the notebook at its end."),
    )


def is_colabs_page(seen: Surroundings) -> bool:
    """Whether somebody sits in Colab's own page, and not in VS Code with a kernel of Colab's."""
    return seen.in_kernel and "google.colab" in seen.modules and not seen.marked


def _vscode() -> Host:
    """Its outputs live in a webview that reaches no file of the workspace (microsoft/vscode-jupyter#1752, #7422); its
    media library decodes H.264, but no AAC (code.visualstudio.com/api/extension-guides/webview, "Supported media
    formats"; microsoft/vscode#167685)."""
    return Host(
        "VS Code",
        "embed",
        _("VS Code does not give its outputs the files beside the notebook."),
        hint=_("VS Code plays the picture (H.264), but not every sound: AAC, the usual one in MP4, stays silent."),
        limit=EMBED_LIMIT,
        serves=False,
    )


def _colab() -> Host:
    """Outputs are frames of another origin, so the files of the runtime are out of their reach; a runtime that runs no
    cell counts as idle and is taken away after a while (research.google.com/colaboratory/faq.html)."""
    return Host(
        "Google Colab",
        "embed",
        _("Colab does not give its outputs the runtime's files, and takes away a runtime in which no cell runs."),
        hint=_("The runtime's files are gone with it: copy luma_videos to your Drive, or download it."),
        limit=COLAB_LIMIT,
        serves=False,
        waits=True,
    )


def _marimo() -> Host:
    """It serves the folder ``public`` alone, and draws an output once, when its cell ends
    (docs.marimo.io/guides/outputs, "Static files")."""
    return Host(
        "marimo",
        "embed",
        _("In marimo no output reaches the files beside the notebook, or changes later: a cell with a clip waits."),
        limit=EMBED_LIMIT,
        serves=False,
        waits=True,
    )


def _terminal(seen: Surroundings) -> Host:
    links = seen.isatty and makes_links(seen.environ)
    if not seen.in_ipython:
        name, plain, linked = (
            _("a Python script"),
            _("A script has no page, so it gets the path."),
            _("A script has no page, so it gets the path, as a link."),
        )
    else:
        name, plain, linked = (
            _("a terminal"),
            _("A terminal shows no videos, so it gets the path."),
            _("A terminal shows no videos, so it gets the path, as a link."),
        )
    return Host(name, "path", linked if links else plain, waits=seen.in_ipython, links=links)


def makes_links(environ: Mapping[str, str]) -> bool:
    """Whether a terminal with this environment makes links of OSC 8; FORCE_HYPERLINK=1 or 0 says so itself."""
    if forced := environ.get("FORCE_HYPERLINK"):
        return forced != "0"
    term = environ.get("TERM", "")
    if "TMUX" in environ or term.startswith(("screen", "tmux", "dumb")):
        return False
    vte = environ.get("VTE_VERSION", "")
    return (
        (vte.isascii() and vte.isdigit() and int(vte) >= _FIRST_VTE)
        or "WT_SESSION" in environ  # Windows Terminal
        or environ.get("TERM_PROGRAM") in _LINKING_PROGRAMS
        or term in _LINKING_TERMS
    )
