"""A real JupyterHub behind a base URL, with its own proxy and a server for each user, who is none of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.browser.conftest import TOKEN, Lab, LabPage, end, free_port, missing
from tests.support.hub_proxy import PROXY, hub_proxy
from tests.support.waiting import until

PASSWORD = "a-password-for-tests"
CONFIG = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/prefix/"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.services = [{{"name": "tests", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [{{"name": "tests", "scopes": ["access:servers"], "services": ["tests"]}}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LanguageServerManager.autodetect=False"]
c.Spawner.environment = {environ!r}
"""


class Hub:
    """A running hub; ``home`` has its own files and the users' homes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/prefix"

    def write_config(self, proxy: str) -> None:
        """Write what the hub is told: kernels count as active, and no test pays."""
        config = CONFIG.format(
            port=self._port,
            hub_port=free_port(),
            api_port=free_port(),
            proxy=proxy,
            token=TOKEN,
            password=PASSWORD,
            python=sys.executable,
            homes=str(self.home / "homes" / "{username}"),
            environ={
                "LUMA_JUPYTER_DEMO_SECONDS": "4",
                "LUMA_JUPYTER_KEEP_ACTIVE": "1",
                "JUPYTERLAB_SETTINGS_DIR": str(self.home / "settings"),
            },
        )
        (self.home / "jupyterhub_config.py").write_text(config)

    def is_up(self) -> bool:
        """Whether it answers; not for a tenth of a second more where it does not."""
        try:
            urllib.request.urlopen(f"{self.url}/hub/api/").close()
        except OSError:
            time.sleep(0.1)
            return False
        return True


class User(Lab):
    """One user's server: its folder is the user's home; its settings are those of all users."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub = hub
        self.name = name
        self.url = f"{hub.url}/user/{name}"
        self.home = hub.home
        self.folder = hub.home / "homes" / name
        self.folder.mkdir(parents=True)
        self.keep_quiet()


class HubPage(LabPage):
    """A notebook in the page of a user, who has to sign in at the hub first."""

    lab: User

    def sign_in(self, notebook: str) -> None:
        """Sign in, have the server started, and open a notebook there."""
        notebook_page = quote(f"/prefix/user/{self.lab.name}/lab/tree/{notebook}")
        after = quote(f"/prefix/hub/spawn?next={notebook_page}")
        self.page.goto(f"{self.lab.hub.url}/hub/login?next={after}")
        self.page.get_by_label("Username").fill(self.lab.name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.click("#login_submit")
        self.page.wait_for_url(f"{self.lab.url}/lab/tree/*", timeout=60_000)
        self.wait_for_cells(notebook)

    def open(self, notebook: str) -> None:
        """Open a notebook in the page of who is signed in."""
        self.page.goto(f"{self.lab.url}/lab/tree/{quote(notebook)}?reset")
        self.wait_for_cells(notebook)

    def fetch(self, address: str) -> dict[str, Any]:
        """What the page gets from an address: status, and how many bytes."""
        answer: dict[str, Any] = self.page.evaluate(
            """async (address) => {
                const answer = await fetch(address);
                return { status: answer.status, url: answer.url, size: (await answer.blob()).size };
            }""",
            address,
        )
        return answer


@contextmanager
def running_hub(home: Path) -> Iterator[Hub]:
    """A hub in ``home``, while the block lasts; skips, or fails where browser tests are required, if there is none."""
    if find_spec("jupyterhub") is None:
        missing("there is no JupyterHub in this environment: pip install jupyterhub")
    proxy = hub_proxy()
    if proxy is None:
        missing(f"there is no {PROXY} on this machine: npm install --prefix build/proxy {PROXY}@4")
    hub = Hub(home)
    hub.write_config(proxy)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("LUMA_", "ACEDATA", "RUNAPI"))}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "--Application.log_level=WARN"],
            cwd=home,
            env=clean,
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: hub.is_up() or process.poll() is not None, 60)
        assert process.poll() is None, (home / "log").read_text()
        yield hub
    finally:
        end(process)
