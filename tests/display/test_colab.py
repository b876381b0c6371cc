"""Google Colab, stood in for by its module: what lives is shown there, its secrets are read, its files are in reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.compat import WIDGET_VIEW
from luma_jupyter.display.environment import VSCODE_MARKER
from luma_jupyter.keystores import ColabSecrets
from tests.support import drive, settings
from tests.support.key_stores import MANAGER, Colab
from tests.support.notebook import KEYS, MP4, PromptService, Shell

DRAWN_BY = {WIDGET_VIEW: {"colab": {"custom_widget_manager": {"url": MANAGER}}}}


@pytest.fixture
def colab(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> Colab:
    """A kernel of Colab's."""
    return Colab(monkeypatch)


def live_outputs(shell: Shell) -> list[dict[str, Any]]:
    """The outputs that have a widget."""
    return [output for output in shell.displays.outputs if WIDGET_VIEW in output["data"]]


@pytest.mark.parametrize(
    "cell",
    [
        "%%luma --no-wait\nA sunset",
        "%%luma --takes 2 --no-wait\nA dawn",
        "%luma studio",
        "luma.Studio()",
        "luma.gallery()",
        "luma.compare(one, two)",
    ],
)
def test_whatever_lives_is_shown_with_colabs_widget_manager(
    notebook: Shell, colab: Colab, service: PromptService, cell: str
) -> None:
    """Card, table, studio, gallery and comparison: without that address Colab shows nothing of them."""
    notebook.run("%%luma -o one --wait\nOne")
    notebook.run("%%luma -o two --wait\nTwo")
    notebook.displays.outputs.clear()
    notebook.user_ns["luma"] = luma
    service.gate.clear()
    notebook.run(cell)
    (output,) = live_outputs(notebook)
    assert output["metadata"] == DRAWN_BY
    (model,) = notebook.displays.models()
    assert output["data"][WIDGET_VIEW]["model_id"] == model.model_id
    assert colab.manager == 1


def test_elsewhere_widgets_have_no_metadata(notebook: Shell, service: PromptService) -> None:
    """Other pages find by themselves what draws a widget."""
    service.gate.clear()
    notebook.run("%%luma --no-wait\nA sunset")
    (output,) = live_outputs(notebook)
    assert not output["metadata"]


def test_secret_of_colab_makes_the_video(
    notebook: Shell, colab: Colab, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the stores that a kernel has; in a run without a person, and in VS Code, the secrets are left alone."""
    monkeypatch.setattr(kernel, "key_stores", kernel.host_key_stores)
    colab.secrets["ACEDATACLOUD_API_TOKEN"] = "ace-in-colab"
    settings.configure(**dict.fromkeys(KEYS), wait=True)
    kernel.session.found_keys.look_for("acedata")
    assert colab.asked == []
    settings.configure(wait=None)
    notebook.restart()
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert any(isinstance(store, ColabSecrets) for store in kernel.key_stores())
    kernel.configuration.find_keys(["acedata_token"], anew=True)
    notebook.run("%%luma --wait\nA sunset")
    assert service.seen("submit")[0].request.headers["Authorization"] == "Bearer ace-in-colab"
    colab.asked.clear()
    notebook.user_ns[VSCODE_MARKER] = "/content/a.ipynb"
    kernel.configuration.find_keys(["runapi_key"], anew=True)
    assert colab.asked == []


def test_videos_go_to_a_mounted_drive_and_can_be_downloaded(
    notebook: Shell, colab: Colab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Colab's own calls: the media folder is on the Drive, and a clip's path is what its download takes."""
    place = tmp_path / "content" / "drive"
    notebook.user_ns.update(luma=luma, place=str(place))
    notebook.run("from google.colab import drive, files\ndrive.mount(place)")
    place.mkdir(parents=True)
    drive.mount(place, monkeypatch)
    notebook.run("luma.configure(media=place + '/MyDrive/films')")
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("files.download(str(sunset.path))")
    (downloaded,) = colab.downloaded
    assert Path(downloaded).parent == place / "MyDrive" / "films"
    assert Path(downloaded).read_bytes() == MP4
    assert colab.mounted == [str(place)]
    assert "data:video/mp4;base64," in notebook.displays.latest()[0]["text/html"]
