"""The five lessons: their checks say what is right and what is not, whatever was answered, and cost nothing."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import nbformat
import pytest

from tests.support.lessons import CHINESE, ENGLISH, cells_of, name_of, solutions, tagged
from tests.support.notebook_runs import execute, outputs

LESSONS = [*ENGLISH, *CHINESE]
NOWHERE = "http://127.0.0.1:9"
# What the demo has to go before: keys, a class key, and a setting that says otherwise.
PAID = {
    "ACEDATACLOUD_API_TOKEN": "a-real-key",
    "RUNAPI_API_KEY": "another-real-key",
    "LUMA_JUPYTER_PROVIDER": "acedata",
    "LUMA_JUPYTER_GATEWAY": NOWHERE,
    "LUMA_JUPYTER_GATEWAY_TOKEN": "a-class-key",
}


class Words(NamedTuple):
    """How lessons of a language begin what they say, and what they are answered wrongly.

    ``wrong``: by a lesson's number, for each of its checks an answer that is not right.
    """

    minutes: str
    solution: str
    unanswered: tuple[str, ...]
    not_yet: tuple[str, ...]
    right: str
    wrong: dict[int, list[str]]


WORDS = {
    "lessons": Words(
        minutes=r"About (\d+) minutes",
        solution="Solution",
        unanswered=("No answer yet: ", "No choice yet: ", "No label yet: "),
        not_yet=("Not yet: ", "Not yet, but nearly: "),
        right="Right: ",
        wrong={
            1: ['answer = "Yes."', 'mine = "A city at noon, pan left"'],
            2: ["looks = 999", 'step = "look-up"', 'choice = "a"'],
            3: ['frame = "snow@first"', "takes[1].starred = True"],
            4: ["seconds = 13"],
            5: ["cost = 2.10", 'case = "a"', 'line = "prompt"', 'label = "Made by me"'],
        },
    ),
    "zh": Words(
        minutes=r"大约 (\d+) 分钟",
        solution="参考答案",
        unanswered=("还没有答案：", "还没有选：", "还没有标识："),
        not_yet=("还不对：", "还差一点："),
        right="对了：",
        wrong={
            1: ['answer = "能。"', 'mine = "中午的城市，向左摇"'],
            2: ["looks = 999", 'step = "查询"', 'choice = "a"'],
            3: ['frame = "snow@first"', "takes[1].starred = True"],
            4: ["seconds = 13"],
            5: ["cost = 2.10", 'case = "a"', 'line = "prompt"', 'label = "我做的"'],
        },
    ),
}
# What a check says to an answer: the lesson's number, the variable, its value, and words of the hint.
ENGLISH_HINTS = [
    (1, "answer", "No!", "Right: "),
    (1, "answer", "perhaps", "look at the two labels again"),
    (1, "mine", "The open sea at night, in fog", "this is the same prompt"),
    (1, "mine", "the open  sea at night, in fog, macro lens", "“macro lens” is not one of the demo's"),
    (1, "mine", "The open sea at night, in fog, Static camera.", "Right: only “static camera”"),
    (2, "looks", 3, "Nothing was recorded"),
    (2, "step", "Request.", "Right: "),
    (2, "choice", "c", "How could you find out?"),
    (2, "choice", "d", "one letter"),
    (3, "frame", "--start-image snow@last", "Right: "),
    (3, "frame", "meet@last", "a frame of the first shot"),
    (3, "frame", "the end", "then @, then first or last"),
    (4, "seconds", "12,0 s", "Right: "),
    (4, "seconds", 12.5, "count the fades"),
    (4, "seconds", 15, "shots[1]@1-4"),
    (4, "seconds", "long", "add up the three shots"),
    (5, "cost", "$6.30", "Right: "),
    (5, "cost", 1.05, "the takes of one shot"),
    (5, "cost", 100, "how many videos"),
    (5, "case", "d", "one letter"),
    (5, "line", "demo", "copy the first word"),
    (5, "label", "Made with AI. I had the idea", "which service"),
    (5, "label", "Made by the demo, said Ann", "made with AI"),
    (5, "label", "Made with AI by me (demo service)", "what did you do yourself?"),
    (5, "label", "AI (demo). Idea: Ann", "Right: "),
    (5, "label", "用AI制作（demo）。创意：安", "Right: "),
    (5, "label", "Made with AI (demo service). " + "Idea, prompt and choice: Ann. " * 3, "too many to read"),
]
CHINESE_HINTS = [
    (1, "answer", "不能。", "对了："),
    (1, "answer", "也许", "再看看那两个标签"),
    (1, "mine", "夜里雾中的大海", "还是原来那条提示词"),
    (1, "mine", "夜里雾中的大海,微距", "“微距”不是演示服务认得的镜头词"),
    (1, "mine", "夜里雾中的大海，固定镜头。", "对了：只多了“固定镜头”"),
    (1, "mine", " 夜里雾中的大海, 镜头推近", "对了：只多了“镜头推近”"),
    (1, "mine", "清晨雾中的大海，推近", "这样开头：夜里雾中的大海"),
    (2, "looks", "3 次", "没有这个视频的记录"),
    (2, "step", "请求。", "对了："),
    (2, "choice", "c", "怎样才能弄清楚"),
    (2, "choice", "d", "一个字母"),
    (3, "frame", "--start-image snow@last", "对了："),
    (3, "frame", "meet@last", "第一个镜头里的一帧"),
    (3, "frame", "结尾", "first 或 last"),
    (4, "seconds", "12.0 秒", "对了："),
    (4, "seconds", 12.5, "数一数淡入淡出"),
    (4, "seconds", 15, "shots[1]@1-4"),
    (4, "seconds", "很长", "先把三个镜头的时间加起来"),
    (5, "cost", "6.30 美元", "对了："),
    (5, "cost", 1.05, "一个镜头做三版"),
    (5, "cost", 100, "多少个视频"),
    (5, "case", "d", "一个字母"),
    (5, "line", "demo", "开头的词照抄下来"),
    (5, "label", "用AI制作。创意：小安", "哪个服务"),
    (5, "label", "演示服务做的，创意：小安", "用 AI 做的"),
    (5, "label", "我用AI制作（演示服务）", "你自己做了什么"),
    (5, "label", "用AI制作（demo）。我画的", "对了："),
    (5, "label", "人工智能生成（演示服务）创意：Ann", "对了："),
    (5, "label", "用人工智能制作（演示服务）。" + "创意、提示词和挑选：小安。" * 3, "几秒钟读不完"),
]
HINTS = [
    (lessons[number - 1], *rest)
    for lessons, hints in ((ENGLISH, ENGLISH_HINTS), (CHINESE, CHINESE_HINTS))
    for number, *rest in hints
]


def words_of(lesson: Path) -> Words:
    """Those of a lesson's language."""
    return WORDS[lesson.parent.name]


def wrong_answers(lesson: Path) -> list[str]:
    """For each check of a lesson an answer that is not right."""
    return words_of(lesson).wrong[int(lesson.name[0])]


def ask(check: str, capsys: pytest.CaptureFixture[str], **answers: Any) -> str:
    """What a check prints, where these variables are all that there is."""
    exec(check, dict(answers))
    return capsys.readouterr().out


def answered(lesson: Path) -> Any:
    """A lesson in which each check stands three times: as it is, after a wrong answer, and after the printed solution.

    It is handed in where it says how.
    """
    notebook = nbformat.read(lesson, as_version=4)
    answers = zip(wrong_answers(lesson), solutions(lesson), strict=True)
    cells = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "handin" in tags:
            cell.source = cell.source.removeprefix("# ")
        cells.append(cell)
        if "check" in tags:
            for answer in next(answers):
                check = nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata)
                cells += [nbformat.v4.new_code_cell(answer), check]
    notebook.cells = cells
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=name_of)
def test_lesson_runs_with_any_answer_and_pays_nothing(lesson: Path, tmp_path: Path) -> None:
    """Without an answer, with a wrong one and with the solution no cell fails, and each check says how it is; all
    videos are the demo's, whatever keys there are. Handed in, all that it shows is in the zip."""
    copy = tmp_path / lesson.name
    nbformat.write(answered(lesson), copy)
    execute(copy, film_seconds=5.0 if tagged(lesson, "handin") else 1.0, **PAID)  # one cuts its shots
    assert [output for output in outputs(copy) if output["output_type"] == "error"] == []
    said = ["".join(cell.outputs[0].text) for cell in tagged(copy, "check")]
    words = words_of(lesson)
    assert all(text.startswith(words.unanswered) for text in said[::3])
    assert all(text.startswith(words.not_yet) for text in said[1::3])
    assert all(text.startswith(words.right) for text in said[2::3])
    made = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "luma_videos").glob("*.json")]
    assert {one["provider"] for one in made} <= {"demo", "local"}
    assert len(made) >= 2
    if tagged(lesson, "handin"):
        with zipfile.ZipFile(copy.with_name("ann.zip")) as zipped:
            assert sum(name.endswith(".mp4") for name in zipped.namelist()) == len(made)


@pytest.mark.parametrize("lesson", LESSONS, ids=name_of)
def test_lesson_says_how_long_it_takes_and_checks_what_it_asks(lesson: Path) -> None:
    """At most 20 minutes, said at the top; each answer has a folded check, and a folded solution."""
    words = words_of(lesson)
    assert int(re.findall(words.minutes, cells_of(lesson)[0].source)[0]) <= 20
    checks = tagged(lesson, "check")
    assert all(check.metadata.jupyter.source_hidden for check in checks)
    begins = f"<details><summary>{words.solution}</summary>"
    assert all(cell.source.startswith(begins) for cell in tagged(lesson, "solution"))
    assert len(tagged(lesson, "answer")) == len(checks) == len(solutions(lesson)) == len(wrong_answers(lesson)) >= 1


@pytest.mark.parametrize("lesson", LESSONS, ids=name_of)
@pytest.mark.parametrize("odd", [None, [], {"a": 1}, -1.5, "nan", "?" * 5_000, b"yes"], ids=lambda odd: str(odd)[:8])
def test_check_never_fails(lesson: Path, odd: object, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in the variable, and where its cell was never run, it says in one line what to look at."""
    for answer, check in zip(tagged(lesson, "answer"), tagged(lesson, "check"), strict=True):
        name = answer.source.split(" ")[0].replace("#", "takes")
        for answers in ({}, {name: odd}):
            assert len(ask(check.source, capsys, **answers).splitlines()) == 1


@pytest.mark.parametrize(("lesson", "name", "value", "words"), HINTS, ids=lambda value: str(value)[:20])
def test_check_says_what_to_look_at(
    lesson: Path, name: str, value: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake has a hint of its own."""
    names = [answer.source.split(" ")[0] for answer in tagged(lesson, "answer")]
    check = tagged(lesson, "check")[names.index(name)].source
    assert words in ask(check, capsys, **{name: value}, kite=SimpleNamespace(explain=list))


@pytest.mark.parametrize(
    ("lesson", "example", "words"),
    [(ENGLISH[2], "because …", "Now say why"), (CHINESE[2], "因为……", "再用几个词说说为什么")],
    ids=["en", "zh"],
)
def test_choice_needs_a_reason(lesson: Path, example: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A ★ without a note, or with the example's, is half of a choice."""
    answer, check = (tagged(lesson, tag)[1].source for tag in ("answer", "check"))
    assert example in answer
    for note in ("", example):
        takes = [SimpleNamespace(starred=True, note=note), SimpleNamespace(starred=False, note="")]
        assert words in ask(check, capsys, takes=takes)
