"""The form, by its traits: what a page would set, and what it would be told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

import luma_jupyter as luma
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip import Clip
from luma_jupyter.widgets.studio.form import Form
from tests.support import settings
from tests.support.key_stores import Store
from tests.support.notebook import PromptService, Shell


def open_form(**fields: Any) -> Form:
    """A form of this kernel."""
    return Form(kernel.session, kernel.presenter.environment, **fields)


@pytest.fixture
def sunset(notebook: Shell) -> Clip:
    """A finished clip in the variable ``sunset``."""
    notebook.run("%%luma -o sunset\nA sunset")
    clip: Clip = notebook.user_ns["sunset"]
    return clip.wait()


def test_form_takes_the_focus_once(notebook: Shell) -> None:
    """When it is shown first: not again in a page that was reloaded, or in a cell that was moved."""
    form = open_form(focus=True)
    form.on_message({"do": "refresh"}, [])
    assert form.focus
    form.on_message({"do": "here", "page": ""}, [])
    assert not form.focus


def test_form_button_does_what_the_cell_does(notebook: Shell, service: PromptService) -> None:
    """The very cell that the form shows, run afterwards, finds the clip that the form has made."""
    form = open_form(prompt=" A boat ", aspect_ratio="9:16", loop=True, enhancement=False, out="boat")
    assert form.cell == "%%luma -o boat --aspect-ratio 9:16 --loop --no-enhancement\nA boat"
    assert (form.errors, form.problem) == ({}, "")
    assert form.price.startswith("1 new video, price not known")
    (clip,) = form.submit()
    assert notebook.user_ns["boat"] is clip
    form.on_message({"do": "refresh"}, [])  # as when the list of clips is opened
    assert form.outcome == "Started: use boat in your next cells."
    clip.wait()
    assert service.sent == [
        {
            "action": "generate",
            "prompt": "A boat",
            "aspect_ratio": "9:16",
            "loop": True,
            "enhancement": False,
            "async": True,
        }
    ]
    notebook.run(form.cell)
    assert notebook.user_ns["boat"] is clip
    assert len(service.sent) == 1
    form.submit()
    assert form.outcome == "Already asked for, no charge: use boat in your next cells."
    assert len(service.sent) == 1


def test_form_of_extend_and_modify_takes_what_a_cell_takes(
    sunset: Clip, notebook: Shell, service: PromptService
) -> None:
    """A variable as the source; the fields of the other actions say nothing."""
    form = open_form(
        action="extend", source="sunset", prompt="It sets", aspect_ratio="1:1", watermark=True, out="longer"
    )
    assert form.cell == "%%luma extend sunset -o longer\nIt sets"
    (longer,) = form.submit()
    assert longer.wait().source is sunset
    form.action = "modify"
    form.out = "foggy"
    assert form.cell == "%%luma modify sunset -o foggy --watermark\nIt sets"
    (foggy,) = form.submit()
    assert foggy.wait().action == "modify"
    assert [sent["prompt"] for sent in service.sent] == ["A sunset", "It sets", "It sets"]


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({}, "prompt", "The prompt is empty"),
        ({"prompt": "A {{colour}} boat"}, "prompt", "there is no variable colour"),
        ({"aspect_ratio": "2:1"}, "aspect_ratio", "^There is no ratio 2:1; choose 16:9"),
        ({"out": "not a name"}, "out", "^Variable not a name: use letters, digits and _, such as not_a_name"),
        ({"out": "class"}, "out", "^Variable class: Python needs this name itself"),
        ({"out": "print"}, "out", "^Variable print: Python needs this name itself"),
        ({"start_image": "missing.png"}, "start_image", "^First frame: there is no file 'missing.png'"),
        ({"start_image": "nothing@last"}, "start_image", "There is no variable nothing"),
        ({"end_image": "ftp://example.com/x.png"}, "end_image", "^Last frame must be an http"),
        ({"takes": "many"}, "takes", "^Takes must be a whole number"),
        ({"takes": "12"}, "takes", "12 new videos are more than 10 .* say yes"),
        ({"timeout": "soon"}, "timeout", "^Timeout must be a number, not 'soon'"),
        ({"callback_url": "mail me"}, "callback_url", "^Callback URL must be an http"),
        ({"action": "extend"}, "source", "extend needs a source"),
        ({"action": "extend", "source": "nothing"}, "source", "There is no variable nothing"),
        ({"action": "modify", "source": "luma"}, "source", "luma is no clip"),
        ({"action": "modify", "source": "clip:00000000"}, "source", "There is no clip '00000000'"),
        ({"action": "modify", "source": "film.mp4"}, "source", "there is no file 'film.mp4'"),
        (
            {"action": "modify", "source": "0f0e0d0c-0b0a-0908-0706-050403020100"},
            "source",
            "modify needs a clip or a URL",
        ),
        (
            {"action": "modify", "source": "https://example.com/x.mp4", "watermark_id": "x", "out": "1"},
            "out",
            "^Variable 1: use letters",
        ),
    ],
)
def test_form_marks_a_mistake_at_its_field(
    notebook: Shell, service: PromptService, fields: dict[str, Any], name: str, words: str
) -> None:
    """Before the button is pressed, and that one alone; pressing it sends nothing, and marks untouched fields too."""
    notebook.user_ns["luma"] = luma
    form = open_form(**{"prompt": "A boat", **fields} if name != "prompt" or "prompt" in fields else fields)
    assert list(form.errors) == [name]
    assert re.search(words, form.errors[name])
    assert form.submit() == []
    assert form.submitted
    assert service.sent == []


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "extend", "source": "sunset"},
        {"action": "generate", "start_image": "sunset"},
        {"action": "extend", "source": "https://example.com/x.mp4", "end_image": "sunset"},
    ],
)
def test_form_does_not_replace_a_clip_by_what_is_made_of_it(
    sunset: Clip, notebook: Shell, service: PromptService, fields: dict[str, str]
) -> None:
    """The cell would go on from its own result at each run, and pay each time; so the name is marked."""
    notebook.user_ns["sunset"] = sunset if fields.get("source") == "sunset" else Image.new("RGB", (16, 9))
    form = open_form(prompt="Night", out="sunset", **fields)
    assert form.errors == {"out": "This clip is made from sunset: choose another name."}
    assert form.submit() == []
    form.out = "night"
    assert form.errors == {}
    assert len(service.sent) == 1


def test_form_marks_each_mistake(notebook: Shell) -> None:
    """Three at once are three marks, and correcting one leaves the other two."""
    form = open_form(action="extend", prompt=" ", source="nothing", out="1st")
    assert set(form.errors) == {"prompt", "source", "out"}
    form.out = "first"
    assert set(form.errors) == {"prompt", "source"}
    form.action = "generate"
    assert set(form.errors) == {"prompt"}


def test_form_problem_says_what_concerns_no_field(notebook: Shell, service: PromptService) -> None:
    """Without a key, or above the budget, the whole is wrong: nothing is sent, and the reason is there."""
    settings.configure(runapi_key=None)
    form = open_form(action="modify", source="https://example.com/x.mp4", prompt="Fog")
    assert form.errors == {}
    assert "RUNAPI_API_KEY" in form.problem
    settings.configure(budget=0.1, acedata_price=0.35)
    form.action = "generate"
    assert form.problem == ""
    assert form.submit() == []
    assert "This would pass the budget of $0.10 a day" in form.problem
    assert service.sent == []


def test_form_shows_the_request_without_the_key(notebook: Shell) -> None:
    """The request as JSON and as curl, where it goes, and no key."""
    form = open_form(prompt="A boat")
    assert "POST https://api.acedata.cloud/luma/videos" in form.request
    assert '"prompt": "A boat"' in form.request
    assert "Bearer ‹your key›" in form.request
    assert "ace-secret" not in str(form.get_state())


def test_form_again_holds_for_one_press(notebook: Shell, service: PromptService) -> None:
    """The word that makes a new video holds for one press: the next one finds what that made."""
    form = open_form(prompt="A boat", out="boat")
    for again in (False, True):
        form.again = again
        form.submit()[0].wait()
    assert form.again is False
    form.submit()
    assert len(service.sent) == 2


@pytest.mark.parametrize(("name", "paid"), [("again", 2), ("yes", 1)])
def test_form_word_that_holds_for_one_press_does_not_come_back_after_it(
    notebook: Shell, service: PromptService, name: str, paid: int
) -> None:
    """A page may hold back what was changed before a press, and send it after that: by then nothing of it is new."""
    form = open_form(prompt="A boat", out="boat")
    form.submit()[0].wait()
    shown = {"action": "generate", "prompt": "A boat", "out": "boat"}
    form.on_message({"do": "set", "field": name, "value": True}, [])
    form.on_message({"do": "submit", "fields": shown}, [])
    notebook.user_ns["boat"].wait()
    outcome = form.outcome
    form.set_state({**shown, name: True})
    assert getattr(form, name) is False
    assert form.outcome == outcome != ""
    form.on_message({"do": "submit", "fields": shown}, [])
    notebook.user_ns["boat"].wait()
    assert len(service.sent) == paid


def test_form_takes_are_a_list(notebook: Shell, service: PromptService) -> None:
    """Three takes are three videos in one variable; eleven more need a yes."""
    form = open_form(prompt="A boat", takes="3", out="boats")
    clips = form.submit()
    assert notebook.user_ns["boats"] == clips
    assert form.outcome == "3 videos started: use the list boats in your next cells."
    form.takes = "14"
    assert form.submit() == []
    form.yes = True
    assert form.cell == "%%luma -o boats --takes 14 --yes\nA boat"
    assert len(form.submit()) == 14
    for clip in notebook.user_ns["boats"]:
        clip.wait()
    assert len(service.sent) == 14, "the first three were made before"


def test_form_takes_a_frame_of_a_clip_that_is_not_done(notebook: Shell, service: PromptService, tmp_path: Path) -> None:
    """A form waits for nothing: its clip is queued until the other one is done; a moment that none has is a mistake."""
    service.gate.clear()
    service.media = lambda: httpx.Response(200, content=film(tmp_path))
    notebook.run("%%luma -o sunset\nA sunset")
    form = open_form(prompt="Night falls", start_image="sunset@last")
    assert form.errors == {}
    assert "‹sunset@last, when it is done›" in form.request
    (clip,) = form.submit()
    assert clip.status == "queued"
    form.start_image = "sunset@9"
    assert form.errors == {}
    service.gate.set()
    clip.wait()
    assert service.sent[-1]["start_image_url"] == "https://media.example/uploaded-1"
    form.refresh()
    assert "no frame at 9 s" in form.errors["start_image"]
    form.start_image = "sunset@last"
    assert form.cell == "%%luma --start-image sunset@last\nNight falls"
    assert form.submit() == [clip]


def film(folder: Path) -> bytes:
    """A short video that can be decoded."""
    import av
    import numpy as np

    path = folder / "made.mp4"
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        video.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 64, 3), np.uint8))))
        video.mux(stream.encode())
    return path.read_bytes()


def test_form_offers_clips_newest_first(sunset: Clip, notebook: Shell, service: PromptService) -> None:
    """By the variable that holds them, else by their key; failed ones are not offered; the word is one that works."""
    luma.generate("No [fail]")
    service.gate.clear()
    form = open_form()
    notebook.run("%%luma\nA harbour")
    del notebook.user_ns["_luma"]
    form.refresh()
    harbour = kernel.session.own_clips[-1]
    assert [(pick["word"], pick["prompt"], pick["done"]) for pick in form.clips if pick["prompt"] != "No [fail]"] == [
        (f"clip:{harbour.task.key}", "A harbour", False),
        ("sunset", "A sunset", True),
    ]
    form.action, form.source, form.prompt = "extend", form.clips[0]["word"], "Night"
    assert form.errors == {}
    (clip,) = form.submit()
    assert clip.source is harbour
    service.gate.set()


def test_form_button_sends_what_the_page_shows(notebook: Shell, service: PromptService) -> None:
    """The page's own fields come with the press, though the traits have not arrived yet; the page hears of its end."""
    form = open_form(prompt="A boa")
    heard: list[Any] = []
    form.send = heard.append
    form.on_message(
        {"do": "submit", "fields": {"prompt": "A boat", "out": "boat", "action": "generate", "key": "x"}}, []
    )
    assert notebook.user_ns["boat"].wait().prompt == "A boat"
    assert [sent["prompt"] for sent in service.sent] == ["A boat"]
    assert heard == [{"did": "submit"}]
    assert form.outcome.startswith("Started: use boat")


def test_form_is_closed_with_its_output(notebook: Shell) -> None:
    """When the page says that its last view is gone, neither its comm nor its layout's stays."""
    form = open_form()
    layout = form.layout
    form.on_message({"do": "gone"}, [])
    assert form.comm is None
    assert layout.comm is None


def test_form_asks_for_a_yes_before_a_found_key_pays(
    notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A button cannot be asked in the cell: the field says what is to be said yes to, once a kernel."""
    settings.configure(acedata_token=None, acedata_platform_token=None, runapi_key=None)
    monkeypatch.setattr(kernel, "key_stores", lambda: [Store("the system's keyring", acedata_token="ace-found")])
    monkeypatch.setattr("builtins.input", lambda question: pytest.fail("nobody can answer a button's question"))
    form = open_form(prompt="A boat")
    assert form.submit() == []
    assert form.errors == {
        "yes": "A key of AceDataCloud was found in the system's keyring: this costs money. Say yes here, or choose "
        "the demo service."
    }
    assert service.sent == []
    form.yes = True
    (clip,) = form.submit()
    clip.wait()
    assert len(service.sent) == 1
    form.prompt = "A kite"
    assert (form.errors, form.yes) == ({}, False)
