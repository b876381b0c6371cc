"""Keys, and folders that name their maker, are in nothing that is handed in."""

from __future__ import annotations

import base64
import getpass
import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

import luma_jupyter as luma
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.handed_in.masking import KEY, Maker, mask_notebook
from tests.support import settings
from tests.support.handed_in import code, markdown, printed, read_zip, run, write_notebook
from tests.support.notebook import PromptService, Shell
from tests.test_secrets import KEYS, keys_in

ACE, RUN = KEYS["AceDataCloud"], KEYS["RunAPI"]
MAKER = Maker(
    keys={"ACEDATACLOUD_API_TOKEN": ACE, "RUNAPI_API_KEY": RUN},
    home=Path("/home/ann"),
    names=["ann", "an.n"],
    folders=[Path("/home/ann/course/3")],
)


@pytest.mark.parametrize(
    "write",
    [
        str,
        quote,
        lambda key: quote(key, safe=""),
        escape,
        json.dumps,
        lambda key: f"Bearer {key}",
        lambda key: f"https://x.example/?k={key}&a=1",
        lambda key: f"\x1b[31m{key}\x1b[0m",
        lambda key: f'<img src="data:image/png;base64,iVBORw0KGgo="><b>{key}</b>',
    ],
)
@pytest.mark.parametrize("key", [ACE, RUN])
def test_key_of_the_kernel_is_masked_however_it_is_written(write: Callable[[str], str], key: str) -> None:
    """In texts, addresses, HTML, JSON and colours; what was masked is told by the variable's name."""
    text, found = MAKER.mask(f"before {write(key)} after")
    assert keys_in(text.encode()) == []
    assert KEY in text
    assert found[0] == ("ACEDATACLOUD_API_TOKEN" if key == ACE else "RUNAPI_API_KEY")
    assert text.startswith("before ")
    assert text.endswith(" after")


UNKNOWN = "sk9Qz7vTx4Lk2Wm8Rb"


@pytest.mark.parametrize(
    "text",
    [
        f'os.environ["RUNAPI_API_KEY"] = "{UNKNOWN}"',
        f"os.environ.setdefault('ACEDATACLOUD_API_TOKEN', '{UNKNOWN}')",
        f'luma.configure(runapi_key="{UNKNOWN}")',
        f'luma.configure(gateway_token = r"{UNKNOWN}")',
        f"%env RUNAPI_API_KEY={UNKNOWN}",
        f"%env RUNAPI_API_KEY {UNKNOWN}",
        f"export LUMA_JUPYTER_GATEWAY_TOKEN={UNKNOWN}",
        f"JUPYTERHUB_API_TOKEN: {UNKNOWN}",
        f'{{"RUNAPI_API_KEY": "{UNKNOWN}"}}',
        f"<td>&quot;RUNAPI_API_KEY&quot;: &quot;{UNKNOWN}&quot;</td>",
        f"curl -H 'Authorization: Bearer {UNKNOWN}'",
        f'headers = {{"Authorization": "Basic {UNKNOWN}"}}',
        f"authorization: token {UNKNOWN}",
        f"Bearer {UNKNOWN}",
        f"https://me:{UNKNOWN}@proxy.example/x",
    ],
)
def test_key_that_no_kernel_knows_is_masked_by_what_stands_before_it(text: str) -> None:
    """Our variables, in code, magics, JSON and HTML; Authorization headers; logins in addresses."""
    masked, found = MAKER.mask(f"x\n{text}\ny")
    assert UNKNOWN not in masked
    assert len(found) == 1
    assert masked.startswith("x\n")
    assert masked.endswith("\ny")


@pytest.mark.parametrize(
    "text",
    [
        'os.environ["RUNAPI_API_KEY"] = getpass("RunAPI: ")',
        "luma.configure(runapi_key=my_key)",
        'key = os.environ["RUNAPI_API_KEY"]',
        "Set RUNAPI_API_KEY before you begin.",
        '-H "Authorization: Bearer ‹your key›"',
        'f"Authorization: Bearer {token}"',
        "a bearer of good news",
        "https://ann.example/ann/index.html",
        "either/or, and/ann, </ann>",
        "/srv/home/annabel/x",
        "luma_videos/a-sunset-0123abcd.mp4",
    ],
)
def test_what_is_no_key_and_no_folder_stays(text: str) -> None:
    """Code that asks for a key, our own dry run, addresses of the web, and other people's names."""
    assert MAKER.mask(text) == (text, [])


@pytest.mark.parametrize(
    ("text", "masked", "what"),
    [
        ('open("/home/ann/course/3/x.csv")', 'open("./x.csv")', "the notebook's folder"),
        ("/home/ann/course/33/x.csv", "~/course/33/x.csv", "your home folder"),
        ("file:///home/ann/notes.txt:3", "file://~/notes.txt:3", "your home folder"),
        ("File \x1b[32m/home/ann/x.py\x1b[39m", "File ~/x.py", "your home folder"),
        ("/srv/an.n/x.py", "/srv/‹user›/x.py", "your user name"),
        ("/nfs/students/ann/x.py", "/nfs/students/‹user›/x.py", "your user name"),
        (r"C:\Users\ann\x.py", r"C:\Users\‹user›\x.py", "your user name"),
        (r'"C:\\Users\\ann\\x.py"', r'"C:\\Users\\‹user›\\x.py"', "your user name"),
    ],
)
def test_folders_that_name_the_maker_are_masked(text: str, masked: str, what: str) -> None:
    """The notebook's folder, the home folder, and the user's name in any other path."""
    assert MAKER.mask(text) == (masked, [what])


def test_root_as_home_masks_nothing() -> None:
    """In a container without a home every path would begin with it."""
    maker = Maker({}, Path("/"), [""], [Path("/")])
    assert maker.mask("/etc/x and /") == ("/etc/x and /", [])


@pytest.mark.parametrize(
    "write",
    [
        lambda key: base64.b64encode(b"x" + key.encode() + b"yz").decode(),
        lambda key: base64.encodebytes(b"picture" * 20 + key.encode() + b"more" * 20).decode(),
        lambda key: base64.urlsafe_b64encode(f"k={key}&x".encode()).decode(),
        lambda key: key.encode().hex(),
        lambda key: key[::-1],
    ],
)
def test_key_that_cannot_be_masked_is_found(write: Callable[[str], str]) -> None:
    """Inside a file, in base64 at any place and in lines, in hex, or backwards."""
    content = {
        "cells": [
            code("1"),
            code("2", {"image/png": write(ACE)}),
            {**markdown("3"), "attachments": {"a.png": {"image/png": write(RUN)}}},
            markdown(f"![x](data:image/png;base64,{write(RUN)})"),
            code("5", {"image/png": base64.b64encode(bytes(1000)).decode()}),
        ]
    }
    assert mask_notebook(content, MAKER).hidden == ["cell 2", "cell 3", "cell 4"]


def test_lines_of_one_text_are_looked_through_together() -> None:
    """And are lines again; what is not changed stays as it was, files too."""
    lines = ["key = (\n", f'"{ACE}"\n', ")"]
    picture = {"image/png": "aGVsbG8="}
    content = {
        "cells": [{**code("x", picture), "source": lines}, markdown("a\nb")],
        "metadata": {"path": "/home/ann/x"},
    }
    masked = mask_notebook(content, MAKER)
    assert masked.content["cells"][0]["source"] == ["key = (\n", f'"{KEY}"\n', ")"]
    assert masked.content["cells"][0]["outputs"][0]["data"] == picture
    assert masked.content["cells"][1] == content["cells"][1]
    assert masked.content["metadata"] == {"path": "~/x"}
    assert masked.told == [
        "Masked in the copy: ACEDATACLOUD_API_TOKEN (cell 1).",
        "Masked in the copy: your home folder (the notebook's settings).",
    ]


@pytest.fixture
def keys(notebook: Shell, filmed: PromptService) -> None:
    """The kernel has both keys."""
    settings.configure(acedata_token=ACE, runapi_key=RUN, acedata_platform_token=None)


@pytest.mark.usefixtures("keys")
def test_no_key_and_no_folder_is_in_the_zip(notebook: Shell, tmp_path: Path) -> None:
    """In sources, prints, errors, results and metadata; all is told, a line each."""
    cell = run(notebook, "%%luma -o sunset\nA sunset")
    error = {"output_type": "error", "ename": "E", "evalue": ACE, "traceback": [f"\x1b[31mE\x1b[0m: {ACE}", "end"]}
    cells = [
        cell,
        code(f'os.environ["RUNAPI_API_KEY"] = "{RUN}"'),
        printed("print(key)", f"{RUN}\n{tmp_path}/luma_videos\n"),
        {**code("raise"), "outputs": [error]},
        code("key", {"text/plain": repr(ACE), "text/html": f"<b>{escape(ACE)}</b>"}),
    ]
    write_notebook(tmp_path / "lesson.ipynb", *cells, authors=[{"name": ACE}])
    made = luma.handin("lesson.ipynb")
    files = read_zip(made.path)
    assert {name: keys_in(content) for name, content in files.items() if keys_in(content)} == {}
    assert not [name for name, content in files.items() if str(tmp_path).encode() in content]
    assert "Masked in the copy: RUNAPI_API_KEY (cell 2, cell 3)." in made.told
    assert "Masked in the copy: ACEDATACLOUD_API_TOKEN (cell 4, cell 5, the notebook's settings)." in made.told
    assert "Masked in the copy: the notebook's folder (cell 3)." in made.told


@pytest.mark.usefixtures("keys")
def test_key_inside_a_picture_refuses_the_hand_in(tmp_path: Path) -> None:
    """One line says in which cell, and what to do; there is no zip."""
    hidden = base64.b64encode(b"\x89PNG" + ACE.encode()).decode()
    write_notebook(tmp_path / "lesson.ipynb", markdown("x"), code("plot()", {"image/png": hidden}))
    with pytest.raises(InvalidRequest, match=r"cannot be masked \(cell 2\): take it out .* No zip was made\."):
        luma.handin("lesson.ipynb")
    assert list(tmp_path.glob("*.zip")) == []


@pytest.mark.usefixtures("keys")
def test_key_inside_a_video_refuses_the_hand_in(film_bytes: bytes, tmp_path: Path) -> None:
    """Such as in its description."""
    (tmp_path / "a.mp4").write_bytes(film_bytes + (8 + len(ACE)).to_bytes(4, "big") + b"free" + ACE.encode())
    write_notebook(tmp_path / "lesson.ipynb", markdown('<video src="a.mp4">'))
    with pytest.raises(InvalidRequest, match="such as inside a video: leave that out"):
        luma.handin("lesson.ipynb")
    assert list(tmp_path.glob("*.zip")) == []


@pytest.mark.usefixtures("keys")
def test_keys_that_something_else_takes_the_place_of_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the environment beside configured ones, logins in addresses; and a container may know no user."""
    monkeypatch.setenv("RUNAPI_API_KEY", UNKNOWN)
    settings.configure(runapi_base_url=f"https://me:{UNKNOWN}-too@runapi.ai")

    def fail() -> str:
        raise KeyError("uid")

    monkeypatch.setattr(getpass, "getuser", fail)
    write_notebook(tmp_path / "lesson.ipynb", markdown(f"a {UNKNOWN}"), markdown(f"me:{UNKNOWN}-too"))
    made = luma.handin("lesson.ipynb")
    assert list(made.told) == [
        "Masked in the copy: RUNAPI_API_KEY in the environment (cell 1).",
        "Masked in the copy: the login in RUNAPI_BASE_URL (cell 2).",
    ]
    assert UNKNOWN not in read_zip(made.path)["lesson.ipynb"].decode()


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("secret", [ACE, "{folder}/cat.png", f"Authorization: Bearer {UNKNOWN}"])
def test_prompt_with_a_key_or_folder_refuses_the_hand_in(notebook: Shell, tmp_path: Path, secret: str) -> None:
    """Changed, it would not be what was asked for; the line names the clip."""
    write_notebook(
        tmp_path / "lesson.ipynb", run(notebook, f"%%luma -o sunset\nA sunset {secret.format(folder=tmp_path)}")
    )
    key = notebook.user_ns["sunset"].task.key
    with pytest.raises(InvalidRequest, match=f"The prompt or an option of clip:{key} has a key or a folder of yours"):
        luma.handin("lesson.ipynb")
    assert list(tmp_path.glob("*.zip")) == []


@pytest.mark.usefixtures("keys")
def test_note_and_captions_are_masked(notebook: Shell, tmp_path: Path) -> None:
    """What a person has noted, and what is read over the video."""
    write_notebook(tmp_path / "lesson.ipynb", run(notebook, "%%luma -o sunset\nA sunset"))
    video = notebook.user_ns["sunset"].path
    sidecar = video.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"note": {"starred": False, "text": f"see {ACE}"}}))
    video.with_suffix(".vtt").write_text(f"WEBVTT\n\n00:00.000 --> 00:01.000\n{tmp_path}/x\n")
    made = luma.handin("lesson.ipynb")
    assert f"Masked in the copy: ACEDATACLOUD_API_TOKEN (in what is kept of {video.name})." in made.told
    files = read_zip(made.path)
    assert [name for name, content in files.items() if keys_in(content) or str(tmp_path).encode() in content] == []
    assert f"see {KEY}" in "".join(content.decode() for name, content in files.items() if name.endswith(".json"))
