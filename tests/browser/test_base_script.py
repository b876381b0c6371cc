"""What all our scripts ask their Jupyter server, in a page that plays one; no server, no kernel."""

from __future__ import annotations

from typing import Any

import pytest

from luma_jupyter.widgets.base import script

PAGE = """<script id="jupyter-config-data" type="application/json">{"baseUrl": "/prefix/user/ada/"}</script>"""


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("lesson/a b.ipynb", "/lesson/a%20b.ipynb"),
        ("RTC:lesson/a.ipynb", "/lesson/a.ipynb"),
        ("RTC:a.ipynb", "/a.ipynb"),
        ("x:y/a.ipynb", "/x%3Ay/a.ipynb"),
    ],
)
def test_the_notebooks_folder_is_found_on_a_hub_and_on_a_shared_drive(chromium: Any, path: str, folder: str) -> None:
    """The request has the page's token, without which a hub gives no answer; a drive of JupyterLab's is no folder."""
    context = chromium.new_context()
    page = context.new_page()

    def answer(route: Any) -> None:
        request = route.request
        if not request.url.endswith("/api/sessions"):
            route.fulfill(body=PAGE, content_type="text/html")
        elif request.headers.get("x-xsrftoken") != "2|token":
            route.fulfill(status=403)
        else:
            route.fulfill(json=[{"path": "other.ipynb", "kernel": {"id": "j"}}, {"path": path, "kernel": {"id": "k"}}])

    page.route("http://hub.test/**", answer)
    page.goto("http://hub.test/prefix/user/ada/lab")
    page.evaluate("document.cookie = 'a=b'; document.cookie = '_xsrf=2|token; path=/prefix/user/ada/'")
    page.add_script_tag(content=script("base.js"))
    found = page.evaluate("notebookFolder('k').then((folder) => folder?.href)")
    assert found == f"http://hub.test/prefix/user/ada/files{folder}"
    assert page.evaluate("notebookFolder('none')") is None
    context.close()


def test_what_nobody_clicked_for_raises_no_error_once_the_kernel_has_ended(chromium: Any) -> None:
    """Its connection refuses to send; one that is there gets the message as it is."""
    context = chromium.new_context()
    page = context.new_page()
    page.add_script_tag(content=script("base.js"))
    sent = page.evaluate(
        """() => {
            const sent = [];
            tell({ send: (content) => sent.push(content) }, { do: "gone" });
            tell({ send: () => { throw new Error("Cannot send"); } }, { do: "gone" });
            return sent;
        }"""
    )
    context.close()
    assert sent == [{"do": "gone"}]
