"""Each page is in the language of its reader, whoever else reads meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from luma_jupyter.errors import Unreachable
from luma_jupyter.gateway.pages import base
from luma_jupyter.gateway.pages.look import reader_language
from tests.support.gateway import RunningGateway
from tests.support.small_catalogue import small_catalogue
from tests.support.visitor import Visitor, enter

CHINESE = {"Accept-Language": "de, zh-CN;q=0.9, en;q=0.5"}
FULL = "There is no room for videos: make some, or give the gateway another place for them."
PAUSED = "Your teacher has paused new clips. Nothing was sent: run the cell again when the class goes on."
MESSAGES = {
    "My clips": "我的片段",
    "Changes": "更改记录",
    "no limit": "没有限额",
    "being sent": "正在提交",
    "under way": "制作中",
    "{amount} reserved": "已预留 {amount}",
    "Pause": "暂停",
    "Play": "播放",
    "Your teacher stopped this clip.": "老师停止了这个片段。",
    "Paused since {time}. New clips are refused; those under way go on.": "{time} 起已暂停。<b>",
    "Cap set. {whose}: {in_all} in all, {a_day} a day.": "已设上限。{whose}：共 {in_all}，每天 {a_day}。",
    "The class": "全班",
    "no cap": "不限",
    FULL: "没有空间存放视频。",
    "{trouble} (since {time})": "{trouble}（自 {time} 起）",
    PAUSED: "老师暂停了新片段。",
    "{service} cannot be reached": "连不上 {service}",
    "{reason}: “{error}”.": "{reason}：“{error}”。",
    "Nothing here": "这里什么也没有",
    "There is no page at this address.": "这个地址没有页面。",
    "Type an amount of US dollars such as 2.50, or none for no cap.": "请输入美元金额。",
}


@pytest.fixture
def chinese(tmp_path: Path) -> Iterator[None]:
    """A small Chinese catalogue."""
    with small_catalogue(tmp_path, MESSAGES):
        yield


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8", "zh"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.2, zh ; q = 0.7", "zh"),
        ("fr-FR, de;q=0.9, zh;q=0.1", "zh"),
        ("zh;q=0, fr", "en"),
        ("zh;q=0.0,en;q=0", "en"),
        ("*", "en"),
        ("fr, *;q=0.5", "en"),
        (";;,q=1,,zh;level=1;q=1.2.3, \u4e2d", "en"),
    ],
)
def test_reader_has_the_first_known_language_of_the_browser(accepted: str, language: str) -> None:
    """As it likes them (RFC 9110), whatever else stands there; without any it is the gateway's."""
    assert reader_language(accepted) == language


def test_browser_without_a_known_language_has_the_gateways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which its own variable or the system says."""
    monkeypatch.setenv("LUMA_JUPYTER_LANG", "zh_CN")
    assert [reader_language(accepted) for accepted in ("", "fr", "fr, en;q=0.1")] == ["zh", "zh", "en"]


@pytest.mark.usefixtures("chinese")
def test_page_is_in_the_language_of_its_reader(gateway: RunningGateway, teacher: Visitor, student: Visitor) -> None:
    """One page in two languages, one after the other: words, states, amounts, and what the audit log has kept."""
    enter(gateway, "ann", "Boat", state="sent")
    gateway.run(gateway.gateway.ledger.set_cap("class", "", 1_000_000, None, "miss"))
    page = student.see("/mine", headers=CHINESE)
    assert '<html lang="zh">' in page
    assert all(words in page for words in ("<h1>我的片段</h1>", "正在提交", "已预留 $0.30", "没有限额"))
    assert "已设上限。全班：共 $1.00，每天 不限。" in teacher.see("/class/changes", headers=CHINESE)
    english = student.see("/mine")
    assert '<html lang="en">' in english
    assert all(words in english for words in ("<h1>My clips</h1>", "being sent", "$0.30 reserved", "no limit"))
    assert "Cap set. The class: $1.00 in all, no cap a day." in teacher.see("/class/changes")


@pytest.mark.usefixtures("chinese")
def test_what_is_kept_in_english_is_translated_on_a_page(
    gateway: RunningGateway, teacher: Visitor, student: Visitor
) -> None:
    """Troubles, and what the gateway says of a clip; a prompt stays, though its words may be ours."""
    enter(gateway, "ann", "Boat", state="accepted")
    teacher.do("/class/stop", id=1)

    async def trouble() -> None:
        async with gateway.gateway.database.connection() as connection:
            await connection.execute("INSERT INTO trouble (kind, subject, words) VALUES ('store', '', %s)", (FULL,))
            await connection.execute("UPDATE submissions SET body = jsonb_build_object('prompt', 'under way')")

    gateway.run(trouble())
    page = student.see("/mine", headers=CHINESE)
    assert "老师停止了这个片段。" in page
    assert '<p class="prompt" dir="auto">under way</p>' in page
    page = teacher.see("/class", headers=CHINESE)
    assert '<span dir="auto">没有空间存放视频。</span>（自 <time' in page


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("status", "shown"),
    [(None, "连不上 RunAPI：“no route”。"), (400, "RunAPI cannot be reached: “no route”.")],
)
def test_trouble_of_a_clip_is_translated_and_a_refusal_stays(
    gateway: RunningGateway, student: Visitor, status: int | None, shown: str
) -> None:
    """A vendor that has not answered has no words of its own."""
    enter(gateway, "ann", "Boat", state="refused")

    async def refuse() -> None:
        async with gateway.gateway.database.connection() as connection:
            told = (Unreachable("RunAPI", "no route").finding, status)
            await connection.execute("UPDATE submissions SET error_message = %s, error_status = %s", told)

    gateway.run(refuse())
    assert shown in student.see("/mine", headers=CHINESE)


@pytest.mark.usefixtures("chinese")
def test_translation_with_an_element_is_text(teacher: Visitor) -> None:
    """What it is filled with is an element; what it says itself is not."""
    teacher.see("/class")
    teacher.do("/class/pause")
    assert "</time> 起已暂停。&lt;b&gt;" in teacher.see("/class", headers=CHINESE)


@pytest.mark.usefixtures("chinese")
def test_faults_and_refused_forms_speak_the_readers_language(teacher: Visitor) -> None:
    """Before anybody has signed in, too."""
    teacher.see("/class")
    form = {"_xsrf": teacher.xsrf, "kind": "class", "in_all": "five"}
    assert "请输入美元金额。" in teacher.post("/class/cap", data=form, headers=CHINESE).text
    page = teacher.see("/class/pause", status=405, headers=CHINESE)
    assert "<h1>这里什么也没有</h1>" in page
    assert "这个地址没有页面。" in page


@pytest.mark.usefixtures("chinese")
def test_page_renews_itself_in_its_own_language(
    gateway: RunningGateway, student: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a script asks for again comes in the language that the browser says, and another one is another page."""
    monkeypatch.setattr(base, "HOLD", 0.0)
    enter(gateway, "ann", "Boat", state="sent")
    headers = {"X-XSRFToken": student.xsrf, "Prefer": "wait=20", "Sec-Fetch-Mode": "cors", **CHINESE}
    tag = student.get("/mine", headers=CHINESE).headers["ETag"]
    assert student.get("/mine", headers={**headers, "If-None-Match": tag}).status_code == 304
    english = student.get("/mine").headers["ETag"]
    answer = student.get("/mine", headers={**headers, "If-None-Match": english})
    assert answer.status_code == 200
    assert "正在提交" in answer.text


@pytest.mark.usefixtures("chinese")
def test_button_of_the_wall_has_both_its_words(teacher: Visitor) -> None:
    """Its script changes one for the other."""
    assert 'data-play="播放" hidden>暂停</button>' in teacher.see("/wall", headers=CHINESE)


@pytest.mark.usefixtures("chinese")
def test_kernels_are_answered_in_english(gateway: RunningGateway, teacher: Visitor) -> None:
    """Whatever language they ask for: a kernel translates what it shows."""
    teacher.see("/class")
    teacher.do("/class/pause")
    headers = {**CHINESE, "Authorization": f"Bearer {gateway.token('ann')}"}
    answer = teacher.post("/luma/videos", json={"prompt": "A boat", "async": True}, headers=headers)
    assert answer.json()["error"]["message"] == PAUSED
