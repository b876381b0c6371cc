"""The class's Hub: what ``luma-gateway init`` prints, with a teacher and students who have passwords."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config

from luma_jupyter.gateway.command import hub_configuration
from luma_jupyter.operating_system import make_private

NAME, GROUP, TEACHER = "luma", "films", "teacher"
STUDENTS = ("ann", "ben", "cleo")
NOTEBOOK = "film.ipynb"
CELLS = (
    "%load_ext luma_jupyter",
    "%%luma -o heron\nA heron takes off from a lake at dawn",
    "%luma balance",
    "%%luma -o snow\nSnow falls on an old bridge",
)
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}  # else JupyterLab asks which
CONFIG = """
# Of this demonstration.
import hmac
from jupyterhub.auth import Authenticator

class ClassAuthenticator(Authenticator):
    async def authenticate(self, handler, data):
        expected = {passwords!r}.get(data["username"])
        right = expected and hmac.compare_digest(expected.encode(), data["password"].encode())
        return data["username"] if right else None

c.JupyterHub.authenticator_class = ClassAuthenticator
c.JupyterHub.spawner_class = "simple"
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {{{group!r}: {{"users": {students!r}}}}}
c.JupyterHub.bind_url = {url!r}
c.JupyterHub.hub_bind_url = {hub_url!r}
c.ConfigurableHTTPProxy.api_url = {proxy_url!r}
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.services[0]["url"] = {gateway_url!r}
c.JupyterHub.cleanup_servers = True  # nothing is to outlive this class
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = {arguments!r}
c.Spawner.default_url = "/lab/tree/{notebook}"
"""


@dataclass(frozen=True)
class HubPlan:
    """Where the class's Hub is: ``url`` for people, the others for the processes among themselves."""

    url: str
    hub_url: str
    proxy_url: str
    gateway_url: str
    passwords: Mapping[str, str]

    def write(self, folder: Path, proxy: str) -> str:
        """Write the Hub's configuration and a notebook for each student; the gateway's token at the Hub."""
        printed, _, _ = hub_configuration(self.url, NAME, GROUP, TEACHER).partition("# 2.")
        arguments = ["--LanguageServerManager.autodetect=False", *(["--allow-root"] if os.geteuid() == 0 else [])]
        more = CONFIG.format(
            passwords=dict(self.passwords),
            group=GROUP,
            students=[*STUDENTS],
            url=self.url,
            hub_url=self.hub_url,
            proxy_url=self.proxy_url,
            gateway_url=self.gateway_url,
            proxy=proxy,
            homes=str(folder / "homes" / "{username}"),
            python=sys.executable,
            arguments=arguments,
            notebook=NOTEBOOK,
        )
        make_private(folder / "jupyterhub_config.py")
        (folder / "jupyterhub_config.py").write_text(printed + more)
        for name in self.passwords:
            home = folder / "homes" / name
            home.mkdir(parents=True)
            cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
            notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
            nbformat.write(notebook, home / NOTEBOOK)
        config: Any = Config()
        exec(printed, {"c": config})
        return str(config.JupyterHub.services[0]["api_token"])
