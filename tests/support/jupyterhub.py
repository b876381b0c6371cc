"""A real JupyterHub behind a base URL, with its own proxy and a server for each user, who is none of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from tests.support.hub_proxy import PROXY, hub_proxy
from tests.support.processes import end, free_port
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests"
PASSWORD = "a-password-for-tests"
BASE = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/prefix/"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "simple"
c.JupyterHub.tornado_settings = {{"slow_spawn_timeout": 0}}  # who asks for a server is answered at once
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.DummyAuthenticator.password = {password!r}
c.Authenticator.allow_all = True
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LanguageServerManager.autodetect=False"]
"""
# What tests may: added to whatever was configured before.
TESTS = """
c.JupyterHub.services.extend([{{"name": "tests", "api_token": {token!r}}}])
c.JupyterHub.load_roles.extend(
    [{{"name": "tests", "scopes": ["access:servers", "admin:users", "admin:servers"], "services": ["tests"]}}]
)
c.Spawner.environment.update({environ!r})
"""


class Hub:
    """A running hub; ``home`` has its own files and the users' homes. On ``hub_port`` it listens behind its proxy."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._port, self.hub_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._port}/prefix"

    def write_config(self, proxy: str, pasted: str, environ: dict[str, str]) -> None:
        """Write what the hub is told; ``pasted``: more of it, ``environ``: variables of the users' servers."""
        base = BASE.format(
            port=self._port,
            hub_port=self.hub_port,
            api_port=free_port(),
            proxy=proxy,
            password=PASSWORD,
            python=sys.executable,
            homes=str(self.home / "homes" / "{username}"),
        )
        tests = TESTS.format(token=TOKEN, environ=environ)
        (self.home / "jupyterhub_config.py").write_text(f"{base}\n{pasted}\n{tests}")

    def is_up(self) -> bool:
        """Whether it answers; not for a tenth of a second more where it does not."""
        try:
            urllib.request.urlopen(f"{self.url}/hub/api/").close()
        except OSError:
            time.sleep(0.1)
            return False
        return True


@contextmanager
def running_hub(
    home: Path, environ: dict[str, str], missing: Callable[[str], NoReturn], pasted: Callable[[Hub], str] = lambda _: ""
) -> Iterator[Hub]:
    """A hub in ``home``, while the block lasts; ``missing`` is told what this machine does not have for it."""
    if find_spec("jupyterhub") is None:
        missing("there is no JupyterHub in this environment: pip install jupyterhub")
    proxy = hub_proxy()
    if proxy is None:
        missing(f"there is no {PROXY} on this machine: npm install --prefix build/proxy {PROXY}@4")
    hub = Hub(home)
    hub.write_config(proxy, pasted(hub), environ)
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
