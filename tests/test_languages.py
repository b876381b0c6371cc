"""The language of what is shown: which one it is, and how texts are found in its catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import luma_jupyter as luma
from luma_jupyter import languages
from luma_jupyter.errors import ConfigError, InvalidRequest
from luma_jupyter.languages import gettext as _
from luma_jupyter.languages import ngettext, reading, translated
from luma_jupyter.widgets.base import script
from luma_jupyter.widgets.studio.form import in_words
from tests.support.messages import python_messages
from tests.support.small_catalogue import small_catalogue
from tests.support.unmarked import unmarked

MESSAGES: dict[Any, Any] = {
    "Try again.": "再试一次。",
    ("{count} clip", "{count} clips"): ("{count} 个片段",),
    "There is no ratio {ratio}; choose {ratios}.": "没有 {ratio} 这个比例；请选 {ratios}。",
    "{name}: {reason}": "{name}：{reason}",
    "{name}: there is no file {path}.": "{name}：没有文件 {path}。",
    "{place}: {error} Nothing was sent.": "{place}：{error}什么都没有发送。",
    "{name} has ended already: {error}": "{name} 结束：{error}",
    "Top up the account.": "请充值。",
    "{clips} and {videos}": "{clips} 和 {videos}",
    "Copy": "复制",
    "{percent} made": "已完成 {percent}",
    "{name} must be a URL.": "请在“{name}”里填网址。",
    "First frame": "首帧",
}


@pytest.fixture
def chinese(tmp_path: Path) -> Iterator[None]:
    """A small Chinese catalogue, which is not read yet."""
    with small_catalogue(tmp_path, MESSAGES):
        yield


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("zh_CN.UTF-8", "zh"),
        ("zh-Hans", "zh"),
        ("zh", "zh"),
        ("ZH_TW", "zh"),
        ("Chinese (Simplified)_China", "zh"),
        ("en_GB:en", "en"),
        ("C.UTF-8", None),
        ("de_DE", None),
        ("", None),
    ],
)
def test_names_of_locales(name: str, meant: str | None) -> None:
    """As Linux, macOS, Windows and browsers write them; None for what there is no catalogue for."""
    assert languages.language_of(name) == meant


def test_what_is_chosen_beats_the_variable_beats_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """`configure` beats LUMA_JUPYTER_LANG, which beats the system's locale; without any it is English."""
    monkeypatch.setenv("LANGUAGE", "zh_CN:en")
    languages._system_language.cache_clear()
    assert languages.language() == "en"  # tests set LUMA_JUPYTER_LANG
    monkeypatch.delenv("LUMA_JUPYTER_LANG")
    assert languages.language() == "zh"
    luma.configure(lang="en")
    assert languages.language() == "en"
    luma.configure(lang=None)
    assert languages.language() == "zh"
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("locale.getlocale", lambda: (None, None))
    languages._system_language.cache_clear()
    assert languages.language() == "en"
    languages._system_language.cache_clear()


def test_a_language_that_we_do_not_have_is_refused() -> None:
    """In one line that names those there are; the language stays."""
    with pytest.raises(ConfigError, match=r"^lang must be en or zh, not 'tlh'\.$"):
        luma.configure(lang="tlh")
    assert languages.language() == "en"


@pytest.mark.usefixtures("chinese")
def test_texts_are_in_the_language_that_is_read() -> None:
    """Within a block of one context as outside of it; counts take the forms of the language."""
    assert _("Try again.") == "Try again."
    assert ngettext("{count} clip", "{count} clips", 2).format(count=2) == "2 clips"
    with reading("zh"):
        assert _("Try again.") == "再试一次。"
        assert ngettext("{count} clip", "{count} clips", 2).format(count=2) == "2 个片段"
        assert _("Nobody translated this.") == "Nobody translated this."
    assert _("Try again.") == "Try again."


@pytest.mark.usefixtures("chinese")
def test_what_was_kept_in_english_is_translated_when_it_is_shown() -> None:
    """By its message, whatever stands in the slots, braces too; a slot for a reason of ours is translated, too."""
    kept = "There is no ratio {2:1}\nor so; choose 1:1, 16:9."
    assert translated(kept) == kept
    with reading("zh"):
        assert translated(kept) == "没有 {2:1}\nor so 这个比例；请选 1:1, 16:9。"
        assert translated("Prompt 1: Try again.") == "Prompt 1：再试一次。"
        assert translated("sunset has ended already: Nobody knows this.") == "sunset 结束：Nobody knows this."
        for unknown in ("Nobody knows this.", "Nor: this.", "This and that.", "12 % made", ""):
            assert translated(unknown) == unknown


@pytest.mark.usefixtures("chinese")
def test_a_text_is_read_as_the_messages_that_know_most_of_it() -> None:
    """A slot does not swallow what is a message, too; sentences that are messages each stand one after the other."""
    with reading("zh"):
        assert translated("第一帧: there is no file 'a.png'.") == "第一帧：没有文件 'a.png'。"
        inner = "Prompt 1: start_image: there is no file 'a.png'. Nothing was sent."
        assert translated(inner) == "Prompt 1：start_image：没有文件 'a.png'。什么都没有发送。"
        assert (
            translated("sunset has ended already: Try again. Top up the account.") == "sunset 结束：再试一次。请充值。"
        )
        assert translated("Somebody's words. Top up the account.") == "Somebody's words. 请充值。"
        assert translated("storm@9: Try again.") == "storm@9：再试一次。"
        assert translated("So. Many. Sentences. " * 20).startswith("So. Many.")
        languages._find.cache_clear()
        assert translated("There is no ratio " + "so. " * 500 + "; choose 1:1.").startswith("没有 so. so. ")
        assert languages._find.cache_info().currsize < 10  # no part of somebody's long text is looked up


@pytest.mark.usefixtures("chinese")
def test_errors_are_english_in_code_and_translated_on_the_screen() -> None:
    """So that code that looks into a message, and a search of the web, find the same in every language."""
    error = InvalidRequest("There is no ratio 2:1; choose 1:1.")
    with reading("zh"):
        assert str(error) == "There is no ratio 2:1; choose 1:1."
        assert error._render_traceback_() == ["InvalidRequest: 没有 2:1 这个比例；请选 1:1。"]


@pytest.mark.usefixtures("chinese")
def test_an_error_in_a_form_names_the_field_as_its_label_does() -> None:
    """Also where the other language has the name elsewhere in the line."""
    error = InvalidRequest("start_image must be a URL.")
    assert in_words(error) == "First frame must be a URL."
    with reading("zh"):
        assert in_words(error) == "请在“首帧”里填网址。"
        assert in_words(InvalidRequest("Try again.")) == "再试一次。"


@pytest.mark.usefixtures("chinese")
def test_scripts_have_their_texts_in_the_language_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only their own: a page does not get the whole catalogue."""
    for name in ("texts.js", "one.js"):
        (tmp_path / name).write_text(
            'button.textContent = _("Copy"); say(ngettext("{count} clip", "{count} clips", n));', encoding="utf-8"
        )
    monkeypatch.setattr("luma_jupyter.widgets.base._FOLDER", tmp_path)
    assert script("one.js").startswith("const TEXTS = {};\n")
    with reading("zh"):
        first = script("one.js").partition("\n")[0]
    assert first == 'const TEXTS = {"Copy": ["复制"], "{count} clip": ["{count} 个片段", "{count} 个片段"]};'


def test_messages_are_found_where_they_are_written() -> None:
    """Calls, errors and what is kept of a task; an f-string has a slot for each expression."""
    source = """
_("One {count}").format(count=1)
ngettext("{count} clip", "{count} clips", 2)
raise InvalidRequest(f"{name} must be {value!r}, not {type(value).__name__} or {a + b}; {error} and {other.error}")
task.evolve(problem=f"asked again in {seconds:.0f} s" if seconds else "asked again", other="not this one")
ServiceError(service, f"{name}: {why}")
print("nor this")
"""
    found = [
        messages for _line, _function, messages, _comments in python_messages(BytesIO(source.encode()), (), (), {})
    ]
    assert sorted(map(str, found)) == sorted(
        [
            "One {count}",
            "('{count} clip', '{count} clips')",
            "{name} must be {value}, not {type} or {3}; {error} and {5}",
            "asked again in {seconds} s",
            "asked again",
        ]
    )


def test_what_no_message_covers_is_told_at_the_end_of_a_run() -> None:
    """Each sentence has to be a message of the package, or one with its slots filled; who said it is told."""
    said = {
        "Prompt 1: start_image: there is no file 'a.png'.": "luma_jupyter.clip.grid:1",
        "It was stopped. Nothing was sent.": "luma_jupyter.engine.run.task_run:2",
        "storm@9: The video has no frame at 9 s: it is 1.00 s long.": "luma_jupyter.engine.frames:6",
        "RunAPI refused the prompt (moderation): “no” (HTTP 403). Change the prompt.": "luma_jupyter.providers:3",
        "It was stopped. Nobody marked this one.": "luma_jupyter.engine.engine:4",
        "": "luma_jupyter.engine.store.serialization:5",
    }
    assert unmarked(said) == ["luma_jupyter.engine.engine:4: It was stopped. Nobody marked this one."]
