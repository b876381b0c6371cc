"""JupyterLab and Notebook 7 in a headless Chromium, driven as a person would; in real time, as a browser cannot be told
to skip it.

Where Chromium or Playwright is missing these tests are skipped with the reason, unless ``LUMA_BROWSER_TESTS=required``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import axe_playwright_python
import nbformat
import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.pages.environment import NotInstalled, server_python
from tests.pages.kinds import BY_NAME
from tests.support.demo import make_films_short
from tests.support.jupyterhub import ROOT, TOKEN
from tests.support.processes import end, free_port

PATIENCE = 180.0  # seconds; a test says what a page shows, benchmarks say how soon
SCREENSHOTS = ROOT / "build" / "screenshots"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
WHOLE_CHROMIUM = ("chromium", "google-chrome")
# The first is the same browser without what a headless one has no use for: it needs a third less time for a page.
CHROMIUM = ("chromium-headless-shell", *WHOLE_CHROMIUM)
NO_CHROMIUM = "there is no Chromium on this machine: apt-get install chromium"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
# What no output has to do with: without it a page needs a quarter less to load.
UNUSED = [
    f"@jupyterlab/{name}"
    for name in (
        "apputils-extension:kernel-status",
        "apputils-extension:running-sessions-status",
        "celltags-extension",
        "console-extension",
        "csvviewer-extension",
        "debugger-extension",
        "documentsearch-extension",
        "extensionmanager-extension",
        "fileeditor-extension",
        "help-extension",
        "htmlviewer-extension",
        "imageviewer-extension",
        "inspector-extension",
        "launcher-extension",
        "logconsole-extension",
        "lsp-extension",
        "markdownviewer-extension",
        "mermaid-extension",
        "metadataform-extension",
        "notebook-extension:export",
        "notebook-extension:kernel-status",
        "notebook-extension:language-server",
        "notebook-extension:search",
        "notebook-extension:update-raw-mimetype",
        "pdf-extension",
        "pluginmanager-extension",
        "running-extension",
        "settingeditor-extension",
        "statusbar-extension",
        "terminal-extension",
        "theme-dark-high-contrast-extension",
        "tooltip-extension",
        "vega5-extension",
        "workspaces-extension",
    )
]
# Notebook 7.6 raises these at start, with an empty notebook too, the second where JupyterLab was on the same server:
# their words, and where they come from.
NOTEBOOK7_BUGS = (
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered",
)
NOTEBOOK7_CODE = "/static/notebook/notebook_core."
# Opens a notebook in the JupyterLab that is on a page, if there is one as it should be.
SHOW = """async ([path, theme]) => {
    const lab = globalThis.jupyterapp;
    if (!lab || document.body.dataset.jpThemeName !== theme) return false;
    lab.shell.expandLeft();
    await lab.commands.execute("docmanager:open", { path });
    return true;
}"""
# Leaves all notebooks of the JupyterLab that is on a page, if nothing there waits for an answer.
LEAVE = """() => {
    const lab = globalThis.jupyterapp;
    if (!lab || document.querySelector(".jp-Dialog, .lm-Menu")) return false;
    for (const one of [...lab.shell.widgets("main")]) one.dispose();
    return true;
}"""
# Plays each video for a moment. One that the page puts another in the place of meanwhile, as it may while a notebook is
# still being drawn, does not count: that other one is played.
PLAY = """async (part, selector) => {
    const play = async (video, deadline) => {
        video.muted = true;
        video.scrollIntoView();
        await video.play();
        const start = video.currentTime;
        let ready = 0;  // the best that it was: at its end a video has no more than its last picture
        while ((video.currentTime <= start || ready < 4) && video.isConnected && performance.now() < deadline) {
            await new Promise(r => setTimeout(r, 50));
            ready = Math.max(ready, video.readyState);
        }
        const moved = video.currentTime > start;
        video.pause();
        return {src: video.getAttribute("src"), ready, moved};
    };
    const all = () => part.querySelectorAll(selector ?? "video");
    const played = [];
    while (played.length < all().length) {
        const video = all()[played.length];
        try {
            const seen = await play(video, performance.now() + 20000);
            if (video.isConnected) played.push(seen);
        } catch (error) {
            if (video.isConnected) throw error;
        }
    }
    return played;
}"""


def missing(what: str) -> NoReturn:
    """Skip, or fail where browser tests are required."""
    (pytest.fail if os.environ.get("LUMA_BROWSER_TESTS") == "required" else pytest.skip)(what)


def launch(playwright: Playwright, programs: Sequence[str]) -> Any:
    """A running headless Chromium, the first of these programs that is there; None where this machine has none."""
    executable = next(filter(None, map(shutil.which, programs)), None)
    return executable and playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)


@contextmanager
def running_chromium() -> Iterator[Any]:
    """A running headless Chromium; None where this machine has none."""
    with sync_playwright() as playwright:
        yield launch(playwright, CHROMIUM)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Playwright, which keeps an event loop running in this thread that other tests must not find: hence the scope."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Any:
    """A running headless Chromium."""
    return launch(playwright, CHROMIUM) or missing(NO_CHROMIUM)


@pytest.fixture(scope="package")
def whole_chromium(playwright: Playwright) -> Any:
    """A running headless Chromium that knows notifications, too."""
    return launch(playwright, WHOLE_CHROMIUM) or missing(NO_CHROMIUM)


class Lab:
    """A JupyterLab server on a folder of its own, in the environment of its ``python``."""

    module = "jupyterlab"
    python = sys.executable
    look = "JupyterLab Light"

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.home = home
        self.ipython = home / "ipython"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.keep_quiet()
        make_films_short(self.ipython)

    def keep_quiet(self) -> None:
        """Have no question about news in the page, nothing that is not used, nobody look whether to build it, and time
        for the kernel's words to complete."""
        self._setting("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False})
        self._setting("completer-extension/manager", {"providerTimeout": 30_000})  # milliseconds
        file = self.home / "config" / "labconfig" / "page_config.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"buildCheck": False, "disabledExtensions": dict.fromkeys(UNUSED, True)}))

    def _setting(self, name: str, value: dict[str, Any]) -> None:
        file = self.home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value))

    def theme(self, name: str) -> None:
        """Use a theme from the next page load on: "JupyterLab Light" or "JupyterLab Dark"."""
        self._setting("apputils-extension/themes", {"theme": name})
        self.look = name

    def environ(self) -> dict[str, str]:
        """The environment variables of the server, and so of its kernels."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))
        }
        return {
            **clean,
            "LUMA_JUPYTER_DEMO_SECONDS": "4",
            "LUMA_JUPYTER_HOME": str(self.home / "luma"),
            "IPYTHONDIR": str(self.ipython),
            "JUPYTER_CONFIG_DIR": str(self.home / "config"),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.home / "workspaces"),
        }

    def start(self) -> subprocess.Popen[bytes]:
        command = [self.python, "-m", self.module, "--no-browser", "--allow-root", "--ServerApp.port_retries=0"]
        port = self.url.rpartition(":")[2]
        options = [f"--IdentityProvider.token={TOKEN}", f"--port={port}", f"--ServerApp.root_dir={self.folder}"]
        options += ["--LabApp.expose_app_in_browser=True", "--LanguageServerManager.autodetect=False"]
        with (self.home / "log").open("wb") as log:
            # Python finds modules in the folder where it starts: not those of this tree.
            server = subprocess.Popen([*command, *options], env=self.environ(), cwd=self.home, stdout=log, stderr=log)
        for _ in range(1200):  # two minutes: the machine may have other work
            try:
                urllib.request.urlopen(f"{self.url}/api").close()
                return server
            except OSError:
                assert server.poll() is None, (self.home / "log").read_text()
                time.sleep(0.1)
        raise AssertionError((self.home / "log").read_text())

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server runs."""
        server = self.start()
        try:
            yield
        finally:
            end(server)

    def get(self, path: str) -> Any:
        """An answer of the server's REST API."""
        return json.loads(self._ask("GET", path))

    def end_kernels(self, notebooks: Iterable[str]) -> None:
        """End the kernels of notebooks."""
        for session in self.get("sessions"):
            if session["path"] in notebooks:
                self._ask("DELETE", f"sessions/{session['id']}")

    def _ask(self, method: str, path: str) -> bytes:
        address = f"{self.url}/api/{quote(path, safe='/?=')}"
        request = urllib.request.Request(address, headers={"Authorization": f"token {TOKEN}"}, method=method)
        with urllib.request.urlopen(request) as answer:
            body: bytes = answer.read()
            return body

    def write(self, name: str, *cells: str) -> None:
        """Make a notebook of code cells."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.folder / name)


class Notebook7(Lab):
    """A Notebook 7 server: the same server, another page."""

    module = "notebook"


class LabApart(Lab):
    """A server in an environment of its own, which serves JupyterLab and Notebook 7; its kernels are in this one."""

    def __init__(self, folder: Path, home: Path, python: Path) -> None:
        super().__init__(folder, home)
        self.python = str(python)
        # The same name as that of the server's own Python, which it hides.
        kernel = home / "jupyter" / "kernels" / "python3" / "kernel.json"
        kernel.parent.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        kernel.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))

    def environ(self) -> dict[str, str]:
        """As in `Lab`, with the kernels' Python before the server's own."""
        return {**super().environ(), "JUPYTER_PATH": str(self.home / "jupyter")}


def _running(kind: Callable[..., Lab], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = kind(tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("lab"))
    with lab.running():
        yield lab


def _apart(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    try:
        python = server_python(BY_NAME[name])
    except NotInstalled as error:
        missing(f"the packages of the page “{name}” cannot be installed: {error}")
    yield from _running(partial(LabApart, python=python), tmp_path_factory)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running JupyterLab."""
    yield from _running(Lab, tmp_path_factory)


@pytest.fixture(scope="package")
def notebook7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running Notebook 7."""
    yield from _running(Notebook7, tmp_path_factory)


@pytest.fixture(scope="module")
def lab_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running server in an environment without any widgets; JupyterLab and Notebook 7."""
    yield from _apart("alone", tmp_path_factory)


@pytest.fixture(scope="module")
def lab_with_anywidget(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A running server in an environment of its own, with anywidget and without luma_jupyter."""
    yield from _apart("anywidget", tmp_path_factory)


class LabPage:
    """One browser page with a notebook in it."""

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page = page
        self.page.set_default_timeout(PATIENCE * 1000)
        self.lab = lab
        self.notebooks: set[str] = set()

    address = "lab/tree/{}?token={}&reset"
    shares_context = False  # a second JupyterLab would be sent on to a workspace of its own, which loads it again

    def show(self, notebook: str) -> None:
        """Open a notebook in the JupyterLab that is there, which is much quicker; else as `open`."""
        if self.page.evaluate(SHOW, [notebook, self.lab.look]):
            self.wait_for_cells(notebook)
        else:
            self.open(notebook)

    def leave(self) -> None:
        """Leave the page empty, for the next one who takes it; JupyterLab may stay there."""
        self.page.mouse.move(0, 0)
        if not self.page.evaluate(LEAVE):
            self.page.goto("about:blank")

    def open(self, notebook: str) -> None:
        """Open a notebook in a fresh workspace and wait until its cells and kernel are there."""
        self.page.goto(f"{self.lab.url}/{self.address.format(quote(notebook), TOKEN)}")
        self.wait_for_cells(notebook)

    def wait_for_cells(self, notebook: str) -> None:
        """Wait until the cells and the kernel of the notebook are there."""
        self.notebooks.add(notebook)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.page.keyboard.press("Escape")
        self.wait_until_idle(notebook)

    def wait_until_idle(self, notebook: str) -> None:
        """Wait until the notebook's kernel has nothing to do."""
        for _ in range(600):
            sessions = self.lab.get("sessions")
            if [s for s in sessions if s["path"] == notebook and s["kernel"]["execution_state"] == "idle"]:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"the kernel is not idle: {sessions}")

    def menu(self, name: str, entry: str) -> None:
        """Choose a menu entry."""
        self.page.click(f'.lm-MenuBar-itemLabel:text-is("{name}")')
        self.page.click(f'.lm-Menu-itemLabel:text-is("{entry}")')

    def run_all(self) -> None:
        """Run → Run All Cells."""
        self.menu("Run", "Run All Cells")

    def restart_and_run_all(self, notebook: str) -> None:
        """Kernel → Restart Kernel and Run All Cells…, with its question answered."""
        self.menu("Kernel", "Restart Kernel and Run All Cells…")
        self.page.click(".jp-Dialog button.jp-mod-accept")
        self.page.wait_for_timeout(1000)
        self.wait_until_idle(notebook)

    def save(self, notebook: str) -> None:
        """Save the notebook, and wait until it is in the file."""
        before = self.lab.get(f"contents/{notebook}?content=0")["last_modified"]
        self.page.keyboard.press("Escape")
        self.menu("File", "Save Notebook")
        while self.lab.get(f"contents/{notebook}?content=0")["last_modified"] == before:
            self.page.wait_for_timeout(100)
        self.page.wait_for_timeout(300)  # the server writes in place
        while not _is_whole(self.lab.folder / notebook):
            self.page.wait_for_timeout(100)

    def wait_for(self, script: str) -> None:
        """Wait until an expression on the page is true.

        It is looked at ten times a second: with each picture, as Playwright would, each page that waits is drawn anew.
        """
        self.page.wait_for_function(f"() => {script}", polling=100)

    def play_all(self, selector: str = "video") -> list[dict[str, Any]]:
        """Play every video for a moment; each must have data and move."""
        played: list[dict[str, Any]] = self.page.locator("body").evaluate(PLAY, selector)
        return played

    def text(self) -> str:
        """All that the page shows."""
        shown: str = self.page.inner_text("body")
        return shown

    def faults(self, selector: str) -> list[tuple[str, list[str]]]:
        """What axe-core finds serious or critical in a part of the page: rules, and the HTML that breaks them."""
        if not self.page.evaluate("'axe' in globalThis"):
            self.page.evaluate(AXE)
        found = self.page.evaluate("(selector) => axe.run(selector)", selector)["violations"]
        return [(f["id"], [n["html"] for n in f["nodes"]]) for f in found if f["impact"] in ("serious", "critical")]

    def use_theme(self, name: str) -> None:
        """Settings → Theme, for this page and those opened later: "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.click('.lm-MenuBar-itemLabel:text-is("Settings")')
        self.page.hover('.lm-Menu-itemLabel:text-is("Theme")')
        self.page.click(f'.lm-Menu-itemLabel:text-is("{name}")')
        self.wait_for(f"document.body.dataset.jpThemeName === '{name}'")
        self.wait_for("!document.getElementById('jupyterlab-splash')")

    def in_both_themes(self, moment: str) -> Iterator[None]:
        """Show the page in one theme after the other, and keep a picture of each."""
        for theme in ("Dark", "Light"):  # the last one stays
            self.use_theme(f"JupyterLab {theme}")
            self.page.wait_for_timeout(300)
            self.shot(f"{moment}-{theme.lower()}")
            yield

    def output(self, cell: int) -> Any:
        """The outputs of a cell, as Playwright's locator."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-Cell-outputArea")

    def shot(self, name: str, selector: str | None = None) -> Path:
        """Keep a screenshot under build/screenshots."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        file = SCREENSHOTS / f"{name}.png"
        (self.page.locator(selector).first if selector else self.page).screenshot(path=str(file))
        return file


def _is_whole(notebook: Path) -> bool:
    """Whether a notebook is written to its end; one of many MB takes a busy machine a while."""
    try:
        return bool(json.loads(notebook.read_text(encoding="utf-8")))
    except ValueError:
        return False


class Notebook7Page(LabPage):
    """The same notebook widget, alone on its page."""

    address = "notebooks/{}?token={}"
    shares_context = True  # with its cache

    def show(self, notebook: str) -> None:
        """Open a notebook: each has a page of its own."""
        self.open(notebook)


class Tabs:
    """Browser pages of servers, one after the other: where JupyterLab is, or was, it need not be loaded as a whole."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium
        self._free: dict[tuple[str, type[LabPage]], list[Any]] = defaultdict(list)
        self._contexts: dict[tuple[str, type[LabPage]], Any] = {}

    def take(self, lab: Lab, kind: type[LabPage]) -> Any:
        """A page without a notebook, which nobody else has."""
        free = self._free[lab.url, kind]
        return free.pop() if free else self._context(lab, kind).new_page()

    def give_back(self, lab: Lab, kind: type[LabPage], page: Any) -> None:
        """Let the next one have a page."""
        self._free[lab.url, kind].append(page)

    def _context(self, lab: Lab, kind: type[LabPage]) -> Any:
        if (lab.url, kind) not in self._contexts or not kind.shares_context:
            self._contexts[lab.url, kind] = self._chromium.new_context()
        return self._contexts[lab.url, kind]


class Browser:
    """Opens notebooks in pages of their own; ``errors`` are those that the pages raised."""

    def __init__(self, tabs: Tabs) -> None:
        self._tabs = tabs
        self._taken: list[LabPage] = []
        self.errors: list[str] = []

    def page(self, lab: Lab, kind: type[LabPage], width: int = 1200, height: int = 1000) -> LabPage:
        """A page without a notebook."""
        page = kind(self._tabs.take(lab, kind), lab)
        self._taken.append(page)
        page.page.set_viewport_size({"width": width, "height": height})
        page.page.on("pageerror", self._note)
        return page

    def open(self, lab: Lab, kind: type[LabPage], notebook: str, width: int = 1200, height: int = 1000) -> LabPage:
        """A page with a notebook."""
        page = self.page(lab, kind, width, height)
        page.show(notebook)
        return page

    def close(self) -> None:
        """Give all pages back, and end the kernels of their notebooks, some of which have work for many minutes."""
        self.leave()
        for page in self._taken:
            page.lab.end_kernels(page.notebooks)

    def leave(self) -> None:
        """Give all pages back."""
        for page in self._taken:
            page.page.remove_listener("pageerror", self._note)
            page.leave()
            self._tabs.give_back(page.lab, type(page), page.page)

    def _note(self, error: Any) -> None:
        text = f"{error} {error.stack}"
        if not (NOTEBOOK7_CODE in text and any(words in text for words in NOTEBOOK7_BUGS)):
            self.errors.append(text)


@pytest.fixture(scope="package")
def tabs(chromium: Any) -> Tabs:
    """The pages of all tests, empty in between."""
    return Tabs(chromium)


@pytest.fixture
def browser(tabs: Tabs) -> Iterator[Browser]:
    """Opens pages; no page error passes unseen."""
    opened = Browser(tabs)
    yield opened
    opened.close()
    assert opened.errors == []


@pytest.fixture
def open_page(browser: Browser, lab: Lab) -> Callable[..., LabPage]:
    """Open a notebook in a page of its own: ``open_page("x.ipynb", width=…)``."""
    return partial(browser.open, lab, LabPage)


@pytest.fixture
def open_notebook7(browser: Browser, notebook7: Lab) -> Callable[..., LabPage]:
    """The same in Notebook 7."""
    return partial(browser.open, notebook7, Notebook7Page)
