"""Where this runs, and how a finished video is shown there: decisions as data, and the HTML that they lead to."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path
from socket import gethostname
from urllib.parse import quote

import pytest

from luma_jupyter import settings
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.models import Status, Video
from luma_jupyter.notebook.embed import with_video
from luma_jupyter.notebook.host import COLAB_LIMIT, EMBED_LIMIT, VSCODE_MARKER, Host, Surroundings, decide, makes_links
from luma_jupyter.notebook.render import Look, final_html, plain, waiting_html
from luma_jupyter.notebook.tabulate import final_table
from tests.notebook.conftest import MP4, FakeService, Shell
from tests.notebook.test_render import Tags, look

KERNEL = Surroundings(in_ipython=True, in_kernel=True)
LAB = replace(KERNEL, environ={"JPY_SESSION_NAME": "a.ipynb"})
VSCODE = replace(KERNEL, marked=True)
COLAB = replace(KERNEL, modules=("os", "google.colab"))
TERMINAL = Surroundings(in_ipython=True, isatty=True)
SCRIPT = Surroundings()


@pytest.mark.parametrize(
    ("seen", "name", "how", "limit", "serves", "waits"),
    [
        (LAB, "JupyterLab or Notebook 7", "relative", 0, True, False),
        (KERNEL, "a Jupyter kernel without a name", "relative", 0, True, False),
        (VSCODE, "VS Code", "embed", EMBED_LIMIT, False, False),
        (replace(VSCODE, environ={"JPY_SESSION_NAME": "a.ipynb"}), "VS Code", "embed", EMBED_LIMIT, False, False),
        (replace(KERNEL, environ={"VSCODE_PID": "1"}), "VS Code", "embed", EMBED_LIMIT, False, False),
        (replace(LAB, environ={**LAB.environ, "VSCODE_PID": "1"}), "JupyterLab", "relative", 0, True, False),
        (replace(KERNEL, environ={"TERM_PROGRAM": "vscode"}), "a Jupyter kernel", "relative", 0, True, False),
        (COLAB, "Google Colab", "embed", COLAB_LIMIT, False, True),
        (replace(KERNEL, environ={"COLAB_RELEASE_TAG": "r"}), "Google Colab", "embed", COLAB_LIMIT, False, True),
        (replace(COLAB, environ={"VSCODE_PID": "1"}), "Google Colab", "embed", COLAB_LIMIT, False, True),
        (TERMINAL, "a terminal", "path", 0, True, True),
        (replace(TERMINAL, environ={"VSCODE_PID": "1"}), "a terminal", "path", 0, True, True),
        (replace(TERMINAL, modules=("google.colab",)), "a terminal", "path", 0, True, True),
        (SCRIPT, "a Python script", "path", 0, True, False),
    ],
)
def test_every_host_is_told_by_what_it_leaves_behind(
    seen: Surroundings, name: str, how: str, limit: int, serves: bool, waits: bool
) -> None:
    """Each host has its way of showing a video, its limit, its habit of waiting, and a sentence that says why."""
    host = decide(seen)
    assert host.name.startswith(name)
    assert (host.how, host.limit, host.serves, host.waits) == (how, limit, serves, waits)
    assert host.reason[0].isupper()
    assert host.reason.endswith(".")
    assert not host.hint or host.hint.endswith(".")


def test_hints_name_what_a_host_cannot_do() -> None:
    """VS Code's sound, Colab's files, and waiting in runs without a person."""
    assert "AAC" in decide(VSCODE).hint
    assert "Drive" in decide(COLAB).hint
    assert "LUMA_JUPYTER_WAIT=1" in decide(KERNEL).hint
    assert decide(LAB).hint == ""


@pytest.mark.parametrize(
    ("seen", "embed", "how", "limit"),
    [
        (LAB, True, "embed", EMBED_LIMIT),
        (LAB, False, "relative", 0),
        (VSCODE, True, "embed", EMBED_LIMIT),
        (VSCODE, False, "remote", EMBED_LIMIT),
        (COLAB, True, "embed", COLAB_LIMIT),
        (COLAB, False, "remote", COLAB_LIMIT),
        (TERMINAL, True, "path", 0),
        (SCRIPT, False, "path", 0),
    ],
)
def test_the_user_has_the_last_word_on_embedding(seen: Surroundings, embed: bool, how: str, limit: int) -> None:
    """--embed, --no-embed and the setting come before the host's own way, but a terminal stays one."""
    host = decide(seen, embed)
    assert (host.how, host.limit) == (how, limit)
    assert ("You asked" in host.reason) is (how != "path")


@pytest.mark.parametrize(
    ("environ", "linked"),
    [
        ({"VTE_VERSION": "7600"}, True),
        ({"VTE_VERSION": "5000"}, False),
        ({"VTE_VERSION": "?"}, False),
        ({"TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM_PROGRAM": "vscode"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"WT_SESSION": "an id"}, True),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "screen-256color", "VTE_VERSION": "7600"}, False),
        ({"TMUX": "/tmp/tmux", "TERM_PROGRAM": "iTerm.app"}, False),
        ({"TERM": "dumb", "VTE_VERSION": "7600"}, False),
        ({"FORCE_HYPERLINK": "1", "TERM": "dumb"}, True),
        ({"FORCE_HYPERLINK": "0", "VTE_VERSION": "7600"}, False),
        ({}, False),
    ],
)
def test_links_only_in_terminals_that_know_them(environ: dict[str, str], linked: bool) -> None:
    """A terminal that does not say what it is gets none; nor does a pipe, whatever the terminal behind it."""
    assert makes_links(environ) is linked
    assert decide(replace(TERMINAL, environ=environ)).links is linked
    assert decide(replace(SCRIPT, isatty=True, environ=environ)).links is linked
    assert not decide(replace(TERMINAL, environ=environ, isatty=False)).links
    assert not decide(replace(LAB, environ={**LAB.environ, **environ})).links


def shown(path: Path, host: Host, **changes: object) -> Look:
    """A completed clip with its saved file at ``path``, as the final drawing of ``host`` gets it."""
    return with_video(replace(look(path=path, **changes), served=host.serves), host)


def source(html: str) -> str | None:
    """The address of the one video in the HTML; None where there is none."""
    (*found,) = (attrs["src"] for tag, attrs in Tags(html).tags if tag == "video")
    assert len(found) <= 1
    return found[0] if found else None


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A saved video of a hundred bytes."""
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(range(100)))
    return path


@pytest.mark.parametrize("seen", [VSCODE, COLAB], ids=["VS Code", "Colab"])
def test_a_host_that_serves_no_files_gets_the_video_in_the_html(seen: Surroundings, saved: Path) -> None:
    """Up to its limit: the very bytes of the file, and no relative address that leads nowhere."""
    host = replace(decide(seen), limit=100)
    html = final_html(shown(saved, host))
    kind, _, data = (source(html) or "").partition(",")
    assert kind == "data:video/mp4;base64"
    assert b64decode(data) == saved.read_bytes()
    assert [address for address in Tags(html).addresses() if "luma_videos" in address] == []
    assert "Saved as <code>luma_videos/a-sunset-3f9c2a1b.mp4</code>" in html
    assert ">At the service</a>" in html


@pytest.mark.parametrize("seen", [VSCODE, COLAB], ids=["VS Code", "Colab"])
def test_a_video_above_the_limit_plays_from_the_service(seen: Surroundings, saved: Path) -> None:
    """With a word on why; where the service's address is none for others, words alone."""
    host = replace(decide(seen), limit=99)
    html = final_html(shown(saved, host))
    assert source(html) == "https://cdn.example/v.mp4"
    assert "too large to be in the notebook" in html
    assert "as long as its address holds" in html
    demo = final_html(shown(saved, host, provider="demo", video=Video("http://127.0.0.1:5000/media/v.mp4", "v")))
    assert source(demo) is None
    assert "127.0.0.1" not in demo
    assert "nothing here can play it" in demo
    assert "Saved as <code>" in demo


@pytest.mark.parametrize("seen", [VSCODE, COLAB], ids=["VS Code", "Colab"])
def test_a_demo_clip_is_embedded_without_its_loopback_address(seen: Surroundings, saved: Path) -> None:
    """A simulated video plays from the notebook alone."""
    html = final_html(shown(saved, decide(seen), provider="demo", video=Video("http://127.0.0.1:5000/v.mp4", "v")))
    assert (source(html) or "").startswith("data:video/mp4;base64,")
    assert "127.0.0.1" not in html


@pytest.mark.parametrize(
    ("seen", "src"),
    [(VSCODE, "https://cdn.example/v.mp4"), (LAB, "luma_videos/a-sunset-3f9c2a1b.mp4")],
    ids=["VS Code", "JupyterLab"],
)
def test_a_file_that_cannot_be_read_falls_back_with_words(seen: Surroundings, src: str, saved: Path) -> None:
    """A file that somebody moved is no error: the next best address is shown, and why."""
    saved.unlink()
    html = final_html(shown(saved, decide(seen, True)))
    assert source(html) == src
    assert "The saved file cannot be read (No such file or directory)" in html


def test_a_clip_without_a_file_plays_from_the_service(saved: Path) -> None:
    """Where the download failed there is nothing to embed."""
    html = final_html(with_video(look(path=None), decide(VSCODE)))
    assert source(html) == "https://cdn.example/v.mp4"


def test_asked_for_none_vscode_plays_from_the_service(saved: Path) -> None:
    """--no-embed in VS Code: the notebook stays small, and the service's address is used."""
    html = final_html(shown(saved, decide(VSCODE, False)))
    assert source(html) == "https://cdn.example/v.mp4"
    assert "cannot be read" not in html
    assert "--embed" not in html
    demo = final_html(shown(saved, decide(VSCODE, False), provider="demo", video=Video("http://127.0.0.1:5000/v.mp4")))
    assert source(demo) is None
    assert "This page cannot reach the saved file; --embed puts" in demo


def test_jupyterlab_reads_no_file(saved: Path) -> None:
    """The relative address is enough there; asked for, the video is embedded, and the links to the file stay."""
    saved.unlink()
    assert source(final_html(shown(saved, decide(LAB)))) == "luma_videos/a-sunset-3f9c2a1b.mp4"
    saved.write_bytes(b"video")
    html = final_html(shown(saved, decide(LAB, True)))
    assert source(html) == "data:video/mp4;base64," + b64encode(b"video").decode()
    assert 'href="luma_videos/a-sunset-3f9c2a1b.mp4"' in html


def test_the_table_never_embeds(saved: Path) -> None:
    """Many clips would make a notebook that nobody can open: links alone, and only such that lead somewhere."""
    assert "data:" not in final_table("key", [shown(saved, decide(VSCODE))] * 3)
    links = Tags(final_table("key", [replace(look(), served=False), look()])).addresses()
    assert links == ["https://cdn.example/v.mp4", "luma_videos/a-sunset-3f9c2a1b.mp4"]


def test_a_page_of_a_host_without_files_offers_none_too_early() -> None:
    """The card of an unfinished clip has no player there, but still says how to go on."""
    html = waiting_html(replace(look(Status.RUNNING), served=False))
    assert source(html) is None
    assert "<code>sunset</code> in a cell to see how far it is" in html


def test_a_terminal_link_leads_to_the_file_on_this_machine(saved: Path) -> None:
    """The escape wraps the path that is shown anyway; the address names the machine, and quotes what needs it."""
    strange = saved.with_name("a b;\x1b.mp4")
    text = plain(look(path=strange), here=True, links=True)
    address = strange.as_uri().replace("file://", f"file://{quote(gethostname())}")
    assert f"\x1b]8;;{address}\x1b\\" in text
    assert text.endswith("\x1b]8;;\x1b\\")
    assert "%20b%3B%1B.mp4" in address
    assert "\x1b" not in plain(look(path=saved), here=True)
    assert "\x1b" not in plain(look(path=saved), links=True), "what is saved has no escapes"


def last_html(shell: Shell) -> str:
    """The HTML of the newest output that has any."""
    return next(data["text/html"] for data in reversed(shell.displays.latest()) if data.get("text/html"))


def embedded() -> str:
    return "data:video/mp4;base64," + b64encode(MP4).decode()


def test_in_vscode_a_cell_ends_with_the_video_in_it(notebook: Shell) -> None:
    """VS Code's marker is enough; --no-embed and the setting come before it; the live model never has the bytes."""
    notebook.user_ns[VSCODE_MARKER] = "/home/user/a.ipynb"
    notebook.run("%%luma -o sunset --wait\nA sunset")
    assert source(last_html(notebook)) == embedded()
    assert embedded() not in str(notebook.user_ns["sunset"]._card.model.view)
    assert source(notebook.user_ns["sunset"]._repr_html_() or "") == embedded()
    notebook.run("%%luma --wait --no-embed\nA dawn")
    assert source(last_html(notebook)) == "https://cdn.example/task-2.mp4"
    settings.configure(embed=False)
    notebook.run("sunset")
    assert source(last_html(notebook)) == "https://cdn.example/task-1.mp4"
    notebook.run("%%luma --wait --embed\nA dawn")
    assert source(last_html(notebook)) == embedded()


def test_the_setting_embeds_in_jupyterlab_too(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """LUMA_JUPYTER_EMBED=1 makes notebooks that need no folder beside them."""
    notebook.run("%%luma --wait\nA sunset")
    assert (source(last_html(notebook)) or "").startswith("luma_videos/")
    monkeypatch.setenv("LUMA_JUPYTER_EMBED", "1")
    notebook.run("_luma")
    assert source(last_html(notebook)) == embedded()
    monkeypatch.setenv("LUMA_JUPYTER_EMBED", "perhaps")
    with pytest.raises(ConfigError, match="LUMA_JUPYTER_EMBED must be 1 or 0"):
        notebook.run("%%luma\nAnother")


def test_in_colab_cells_wait(notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell ends when its clip has; --no-wait and the setting come before that."""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    notebook.run("%%luma -o sunset\nA sunset")
    assert notebook.user_ns["sunset"].status == "completed"
    assert source(last_html(notebook)) == embedded()
    service.gate.clear()
    notebook.run("%%luma --no-wait -o dawn\nA dawn")
    assert notebook.user_ns["dawn"].status != "completed"
    settings.configure(wait=False)
    notebook.run("dawn")
    notebook.run("%%luma -o noon\nA noon")
    assert notebook.user_ns["noon"].status != "completed"
    service.gate.set()
    settings.configure(wait=None)
    notebook.run("dawn")
    assert notebook.user_ns["dawn"].status == "completed"


def test_embedding_is_an_option_of_a_cell_alone(notebook: Shell) -> None:
    """A misspelt option is one clear line that names it."""
    with pytest.raises(InvalidRequest, match="--embedd"):
        notebook.run("%%luma --embedd\nA sunset")
