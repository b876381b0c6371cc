"""Signing in at a real JupyterHub, which is set up as ``luma-gateway init`` says; its proxy is left out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from luma_jupyter.domain.secret import Secret
from luma_jupyter.gateway.command import hub_configuration
from tests.support.gateway import RunningGateway, gateway_settings, running_gateway
from tests.support.misbehaving import Server
from tests.support.postgres import PostgresServer
from tests.support.processes import free_port
from tests.support.waiting import until

PASSWORD = "a-password-for-tests"
CONFIG = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False
    routes = {{}}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {{"routespec": routespec, "target": target, "data": data}}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return self.routes

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.bind_url = "http://127.0.0.1:{port}/"
c.JupyterHub.hub_port = {port}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "{password}"
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {{"films": {{"users": ["ann"]}}}}
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A running Hub: its address, and the gateway's token there."""
    home = tmp_path_factory.mktemp("hub")
    port = free_port()
    ours = hub_configuration(f"http://127.0.0.1:{port}", "luma", "films", "miss").partition("# 2.")[0]
    (home / "jupyterhub_config.py").write_text(CONFIG.format(port=port, password=PASSWORD) + ours)
    token = re.search(r'"api_token": "(\w+)"', ours)
    assert token
    with (home / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "jupyterhub"], cwd=home, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or _answers(f"{url}/hub/api/"), 60)
        assert process.poll() is None, (home / "log").read_text()
        yield url, token[1]
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def beside_hub(
    hub: tuple[str, str],
    postgres: PostgresServer,
    template: str,
    all_vendors: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningGateway]:
    """A gateway beside it."""
    name, folder = postgres.create(template), tmp_path_factory.mktemp("gateway")
    url, token = hub
    more = {"hub_api_url": f"{url}/hub/api", "hub_api_token": Secret(token)}
    with running_gateway(gateway_settings(postgres.conninfo(name), all_vendors.url, folder, **more)) as running:
        yield running
    postgres.drop(name)


def sign_in(hub: str, gateway: RunningGateway, name: str, page: str) -> httpx.Response:
    """Go to a page of the gateway, by the Hub's own form, to where it leads."""
    with httpx.Client(trust_env=False, timeout=30) as browser:
        form = browser.get(f"{hub}/hub/login").text
        xsrf = re.search(r'name="_xsrf"\s+value="([^"]+)"', form)
        assert xsrf
        fields = {"username": name, "password": PASSWORD, "_xsrf": xsrf[1]}
        assert browser.post(f"{hub}/hub/login", data=fields).status_code == 302
        answer = browser.get(f"{gateway.url}{page}")
        while answer.is_redirect:  # in front of both there would be one address
            location = answer.headers["Location"]
            host = hub if location.startswith("/hub/") else gateway.url.removesuffix("/services/luma")
            answer = browser.get(host + location)
        return answer


@pytest.mark.slow
def test_people_of_a_hub_sign_in_with_their_roles_and_groups(hub: tuple[str, str], beside_hub: RunningGateway) -> None:
    """A teacher sees the class, and who is in it; a student the own page; a stranger is kept out by the Hub itself."""
    page = sign_in(hub[0], beside_hub, "ann", "/mine")
    assert (page.status_code, "<bdi>ann</bdi>" in page.text) == (200, True)
    assert sign_in(hub[0], beside_hub, "ann", "/class").status_code == 403
    page = sign_in(hub[0], beside_hub, "miss", "/")
    assert page.url.path == "/services/luma/class"
    assert "<bdi>films</bdi>" in page.text
    page = sign_in(hub[0], beside_hub, "eve", "/mine")
    assert page.status_code == 403
    assert page.url.path.startswith("/hub/")
