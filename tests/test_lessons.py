"""The five lessons: their checks say what is right and what is not, whatever was answered, and cost nothing."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from tests.support.notebook_runs import outputs, run

LESSONS = sorted((Path(__file__).parents[1] / "notebooks" / "lessons").glob("*.ipynb"))
NOWHERE = "http://127.0.0.1:9"
# What the demo has to go before: keys, a class key, and a setting that says otherwise.
PAID = {
    "ACEDATACLOUD_API_TOKEN": "a-real-key",
    "RUNAPI_API_KEY": "another-real-key",
    "LUMA_JUPYTER_PROVIDER": "acedata",
    "LUMA_JUPYTER_GATEWAY": NOWHERE,
    "LUMA_JUPYTER_GATEWAY_TOKEN": "a-class-key",
}
# For each check of a lesson, an answer that is not right.
WRONG = {
    "1_prompts_and_words": ['answer = "Yes."', 'mine = "A city at noon, pan left"'],
    "2_what_a_task_is": ["looks = 999", 'step = "look-up"', 'choice = "a"'],
    "3_a_recurring_character": ['frame = "snow@first"', "takes[1].starred = True"],
    "4_from_storyboard_to_film": ["seconds = 13"],
    "5_cost_ethics_and_labels": ["cost = 2.10", 'case = "a"', 'line = "prompt"', 'label = "Made by me"'],
}
UNANSWERED = ("No answer yet: ", "No choice yet: ", "No label yet: ")
# What a check says to an answer: the lesson's number, the variable, its value, and words of the hint.
HINTS = [
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


def tagged(lesson: Path, tag: str) -> list[Any]:
    """The cells of a lesson that have a tag."""
    return [cell for cell in nbformat.read(lesson, as_version=4).cells if tag in cell.metadata.get("tags", [])]


def solutions(lesson: Path) -> list[str]:
    """The code of the folded solutions, in order."""
    return [re.findall(r"```python\n(.*?)\n```", cell.source, re.DOTALL)[0] for cell in tagged(lesson, "solution")]


def ask(check: str, capsys: pytest.CaptureFixture[str], **answers: Any) -> str:
    """What a check prints, where these variables are all that there is."""
    exec(check, dict(answers))
    return capsys.readouterr().out


def answered(lesson: Path) -> Any:
    """A lesson in which each check stands three times: as it is, after a wrong answer, and after the printed solution.

    It is handed in where it says how.
    """
    notebook = nbformat.read(lesson, as_version=4)
    answers = zip(WRONG[lesson.stem], solutions(lesson), strict=True)
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
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_with_any_answer_and_pays_nothing(lesson: Path, tmp_path: Path) -> None:
    """Without an answer, with a wrong one and with the solution no cell fails, and each check says how it is; all
    videos are the demo's, whatever keys there are. Handed in, all that it shows is in the zip."""
    copy = tmp_path / lesson.name
    nbformat.write(answered(lesson), copy)
    arguments = ("--execute", "--inplace", "--allow-errors", copy.name)
    run("nbconvert", *arguments, folder=tmp_path, short_films=not tagged(lesson, "handin"), **PAID)
    assert [output for output in outputs(copy) if output["output_type"] == "error"] == []
    said = ["".join(cell.outputs[0].text) for cell in tagged(copy, "check")]
    assert all(text.startswith(UNANSWERED) for text in said[::3])
    assert all(text.startswith("Not yet: ") or text.startswith("Not yet, but nearly: ") for text in said[1::3])
    assert all(text.startswith("Right: ") for text in said[2::3])
    made = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "luma_videos").glob("*.json")]
    assert {one["provider"] for one in made} <= {"demo", "local"}
    assert len(made) >= 2
    if tagged(lesson, "handin"):
        with zipfile.ZipFile(copy.with_name("ann.zip")) as zipped:
            assert sum(name.endswith(".mp4") for name in zipped.namelist()) == len(made)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_says_how_long_it_takes_and_checks_what_it_asks(lesson: Path) -> None:
    """At most 20 minutes, said at the top; each answer has a folded check, and a folded solution."""
    first = nbformat.read(lesson, as_version=4).cells[0].source
    assert int(re.findall(r"About (\d+) minutes", first)[0]) <= 20
    checks = tagged(lesson, "check")
    assert all(check.metadata.jupyter.source_hidden for check in checks)
    assert all(cell.source.startswith("<details><summary>Solution</summary>") for cell in tagged(lesson, "solution"))
    assert len(tagged(lesson, "answer")) == len(checks) == len(solutions(lesson)) == len(WRONG[lesson.stem]) >= 1


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("odd", [None, [], {"a": 1}, -1.5, "nan", "?" * 5_000, b"yes"], ids=lambda odd: str(odd)[:8])
def test_check_never_fails(lesson: Path, odd: object, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is in the variable, and where its cell was never run, it says in one line what to look at."""
    for answer, check in zip(tagged(lesson, "answer"), tagged(lesson, "check"), strict=True):
        name = answer.source.split(" ")[0].replace("#", "takes")
        for answers in ({}, {name: odd}):
            assert len(ask(check.source, capsys, **answers).splitlines()) == 1


@pytest.mark.parametrize(("number", "name", "value", "words"), HINTS, ids=lambda value: str(value)[:20])
def test_check_says_what_to_look_at(
    number: int, name: str, value: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake has a hint of its own."""
    lesson = LESSONS[number - 1]
    names = [answer.source.split(" ")[0] for answer in tagged(lesson, "answer")]
    check = tagged(lesson, "check")[names.index(name)].source
    assert words in ask(check, capsys, **{name: value}, kite=SimpleNamespace(explain=list))


def test_choice_needs_a_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """A ★ without a note, or with the example's, is half of a choice."""
    check = tagged(LESSONS[2], "check")[1].source
    for note in ("", "because …"):
        takes = [SimpleNamespace(starred=True, note=note), SimpleNamespace(starred=False, note="")]
        assert "Now say why" in ask(check, capsys, takes=takes)
