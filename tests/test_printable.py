"""Texts of others reach nobody as commands to a terminal, or turned round: not in any form in which they are shown."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_jupyter.api.kernel import kernel
from luma_jupyter.errors import ClipFailed, LumaError
from luma_jupyter.printable import columns, cut, padded, printable, printable_json, say
from luma_jupyter.views.text import plain_text
from tests.support.forms import HTML, LIVE, TEXTS, Form, state
from tests.support.notebook import PromptService, Shell

TITLE = "\x1b]0;owned\x07"
CLIPBOARD = "\x1b]52;c;cm0=\x1b\\"
COLOUR = "\x9b31m"
TURNED = "\u202egpj.exe\u202c \u2066x\u2069 \u206a"
EVIL = f"{TITLE}{CLIPBOARD}{COLOUR}{TURNED}\x00\x08\x7f\x85\rover\ufffe"
TEXT = st.text(st.characters(categories=None))  # halves of characters too
ALL_FORMS = {
    f"{kind}: {name}": form
    for kind, forms in (("html", HTML), ("text", TEXTS), ("live", LIVE))
    for name, form in forms.items()
}


def unsafe(text: str) -> str:
    """The characters of a text that no terminal should get and no reader can see."""
    turns = [*range(0x202A, 0x202F), *range(0x2066, 0x2070)]
    found = [c for c in text if unicodedata.category(c) in ("Cc", "Cs") or ord(c) in (*turns, 0xFFFE, 0xFFFF)]
    return "".join(c for c in found if c not in "\t\n")


@pytest.mark.parametrize("form", ALL_FORMS.values(), ids=ALL_FORMS.keys())
def test_no_form_has_a_control_character(form: Form) -> None:
    """Pages, pictures, texts, live parts: the words are there, and none of what a terminal obeys."""
    shown = form(EVIL)
    assert unsafe(shown) == ""
    assert "owned" in shown
    assert "gpj.exe" in shown


def test_terminal_link_has_no_escapes_but_its_own() -> None:
    """Around the path are the two escapes of a link, and none in it or behind it."""
    shown = TEXTS["plain here"](EVIL)
    linked = plain_text(state(EVIL), here=True, links=True)
    own = re.sub("\x1b]8;;[!-~]*\x1b\\\\", "", linked)
    assert linked.count("\x1b]8;;") == 2
    assert own == shown


@given(TEXT)
def test_printable_keeps_all_that_is_to_be_read(text: str) -> None:
    """Whatever comes in: nothing unsafe goes out, the rest is as it was, and it can be written to any terminal."""
    shown = printable(text)
    assert unsafe(shown) == ""
    shown.encode()
    assert printable(shown) == shown
    kept = [c for c in text if not unsafe(c)]
    assert [c for c in shown if c != "�"] == [c for c in kept if c != "�"]


@pytest.mark.parametrize("text", ["Ein Fuchs\n\tläuft", "شمس\u200f و\u200cقمر", "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "שלום \u200e!", "日本語"])
def test_printable_leaves_honest_texts_alone(text: str) -> None:
    """Joiners, marks of direction, variation selectors: what scripts and emoji need stays."""
    assert printable(text) == text


@given(st.recursive(TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)))
def test_printable_json_means_the_same(value: object) -> None:
    """What is copied out of the dry run, or read from a sidecar, is what was sent."""
    shown = printable_json(json.dumps(value, ensure_ascii=False))
    assert unsafe(shown) == ""
    assert json.loads(shown) == value


@given(TEXT, st.integers(0, 20))
def test_text_is_cut_and_padded_by_its_width(text: str, width: int) -> None:
    """As much of its beginning as has room, whose letters may be two columns wide; and spaces for the rest."""
    beginning = cut(text, width)
    assert text.startswith(beginning)
    assert columns(beginning) <= width
    assert beginning == text or columns(text[: len(beginning) + 1]) > width
    assert padded(beginning, width).rstrip(" ") == beginning.rstrip(" ")
    assert columns(padded(beginning, width)) == width


def test_errors_show_no_control_characters_and_keep_them() -> None:
    """The message that anybody prints is clean, in a traceback too; what was raised is still there."""
    error: LumaError = ClipFailed(EVIL)
    assert unsafe(str(error)) == unsafe(f"{error!r}") == ""
    assert error.args == (EVIL,)


def test_say_prints_what_is_printable(capsys: pytest.CaptureFixture[str]) -> None:
    """`say` is the package's own print."""
    say(EVIL)
    assert capsys.readouterr().out == f"{printable(EVIL)}\n"


def test_prompt_of_others_prints_clean(
    terminal: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """A prompt with escapes is sent as it is, and no table, tree or dry run of a terminal obeys it."""
    terminal.user_ns["word"] = TITLE + TURNED
    terminal.run("%%luma --dry-run\nA {{word}}")
    terminal.run("%%luma -o fox --wait\nA {{word}}")
    for line in ("%luma status", "print(fox)", "fox", "fox.lineage()", "%luma history"):
        terminal.run(line)
    assert service.sent[0]["prompt"] == f"A {TITLE}{TURNED}"
    printed = capsys.readouterr().out
    assert unsafe(printed) == ""
    assert '"prompt": "A \\u001b]0;owned\\u0007\\u202egpj.exe' in printed


def test_refusal_of_a_service_prints_clean(
    terminal: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a service says no with is quoted in one line, in the table, and by the clip, without its escapes."""
    refusal = {"success": False, "error": {"code": f"no{COLOUR}", "message": EVIL}, "trace_id": TITLE}
    monkeypatch.setattr(service, "honest", lambda kind, request: httpx.Response(400, json=refusal))
    terminal.ip.run_cell("%%luma -o fox --wait\nA fox")
    for line in ("%luma status", "fox", "fox.video_id", "fox.wait()", "print(fox.error)"):
        terminal.ip.run_cell(line)
    printed = capsys.readouterr().out
    assert unsafe(printed) == ""
    assert printed.count("gpj.exe") >= 4


def test_sidecar_of_others_prints_clean(
    terminal: Shell, service: PromptService, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that was handed over, its names and sidecars full of escapes: neither the table nor the file obeys."""
    terminal.run("%%luma -o fox --wait\nA fox")
    sidecar = next((tmp_path / "luma_videos").glob("*.json"))
    told = json.loads(sidecar.read_text())
    told.update(name=EVIL, source_label=EVIL, task_id=EVIL)
    told["video"]["video_id"] = EVIL
    handed = tmp_path / "handed"
    handed.mkdir()
    (handed / "a\x1b]0;owned\x07.json").write_text(json.dumps(told))
    (handed / "a\x1b]0;owned\x07.mp4").write_bytes(sidecar.with_suffix(".mp4").read_bytes())
    capsys.readouterr()
    terminal.run("import luma_jupyter; shown = luma_jupyter.gallery('handed'); print(repr(shown), list(shown)); shown")
    printed = capsys.readouterr().out
    assert len(kernel.session.history()) == 1
    assert unsafe(printed) == ""
    assert "A fox" in printed
