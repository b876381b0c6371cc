"""What a person sees where the kernel is not in its server's environment: no page says what is not so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import Browser, Lab, LabPage, Notebook7Page
from tests.pages.environment import importable

OURS = ("luma_jupyter", "ipywidgets", "anywidget", "jupyterlab_widgets", "jupyterlab")
EXTENSIONS = """JSON.parse(document.getElementById("jupyter-config-data").textContent)
    .federated_extensions.map((extension) => extension.name)"""
IMPORTS = "import sys, luma_jupyter, anywidget, ipywidgets\nprint(sys.prefix)"
FRONT_ENDS = {"JupyterLab": LabPage, "Notebook 7": Notebook7Page}
everywhere = pytest.mark.parametrize("front_end", FRONT_ENDS)


@everywhere
@pytest.mark.parametrize(
    ("server", "found", "extension"),
    [("lab_alone", ["jupyterlab"], False), ("lab_with_anywidget", list(OURS[1:]), True)],
)
def test_the_server_has_not_what_the_kernel_has(
    request: pytest.FixtureRequest, browser: Browser, front_end: str, server: str, found: list[str], extension: bool
) -> None:
    """The page and its kernel are of two environments: what the kernel imports, the server could not."""
    lab: Lab = request.getfixturevalue(server)
    assert importable(Path(lab.python), OURS) == found
    lab.write("two.ipynb", IMPORTS)
    page = browser.open(lab, FRONT_ENDS[front_end], "two.ipynb")
    assert ("anywidget" in page.page.evaluate(EXTENSIONS)) is extension
    page.run_all()
    page.wait_for("document.querySelector('.jp-OutputArea-output pre')")
    kernel = Path(page.page.inner_text(".jp-OutputArea-output pre").strip())
    assert kernel.is_dir()
    assert not Path(lab.python).is_relative_to(kernel)
