"""JupyterHub's users and their pages in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.browser.conftest import Lab, LabPage, missing
from tests.support import jupyterhub
from tests.support.jupyterhub import PASSWORD, Hub


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
        self.page.wait_for_url(f"{self.lab.url}/lab/tree/*")
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
    """A hub in ``home``, while the block lasts: kernels count as active, and no test pays.

    Skips, or fails where browser tests are required, if there is none.
    """
    environ = {
        "LUMA_JUPYTER_DEMO_SECONDS": "4",
        "LUMA_JUPYTER_KEEP_ACTIVE": "1",
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
    }
    with jupyterhub.running_hub(home, environ, missing) as hub:
        yield hub
