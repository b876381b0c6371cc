"""`luma.batch`: many requests from one call, told and confirmed before, in order, found again, never paid twice."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from IPython.core.error import StdinNotImplementedError

from luma_jupyter import settings
from luma_jupyter.choices import ASPECT_RATIOS
from luma_jupyter.engine.journal import Journal
from luma_jupyter.errors import ClipFailed, ConfigError, InvalidRequest, NotConfirmed, OverBudget
from luma_jupyter.models import GenerateRequest
from luma_jupyter.notebook import session
from luma_jupyter.notebook.batch import MOST, batch
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.orders import generate
from tests.notebook.conftest import FakeService, Shell, reach

Printed = pytest.CaptureFixture[str]
UNKNOWN = "Price: not known (AceDataCloud publishes no price; it bills on success, in credits)."


def sent(service: FakeService, *names: str) -> set[tuple[Any, ...]]:
    """These parameters of all requests that were paid for; four leave at once, so in any order."""
    return {tuple(body.get(name) for name in names) for body in service.sent}


# The grid.


def test_a_grid_is_made_in_order(notebook: Shell, service: FakeService, capsys: Printed) -> None:
    """Prompts vary slowest, takes fastest; one line says the number, the grid and the price before."""
    settings.configure(acedata_price=0.35, confirm_usd=10)
    many = batch(["A boat", "A mill"], aspect_ratio=["16:9", "9:16"], loop=True, takes=2).wait()
    assert capsys.readouterr().out == (
        "8 videos = 2 prompts × 2 aspect ratios × 2 takes: new. Price: 8 × $0.35 (as set in LUMA_JUPYTER_ACEDATA_PRICE "
        "or configure(acedata_price=…)) = $2.80.\n"
    )
    requests = [clip._task.request for clip in many]
    assert [(r.prompt, r.aspect_ratio, r.take) for r in requests] == list(  # type: ignore[union-attr]
        product(["A boat", "A mill"], ["16:9", "9:16"], [1, 2])
    )
    assert isinstance(many, Clips)
    assert sent(service, "prompt", "aspect_ratio", "loop") == set(
        product(["A boat", "A mill"], ["16:9", "9:16"], [True])
    )
    assert len(service.sent) == 8
    assert not any("take" in body for body in service.sent)


@given(
    ratios=st.lists(st.sampled_from(ASPECT_RATIOS), min_size=1, max_size=3, unique=True),
    loops=st.lists(st.booleans(), min_size=1, max_size=2, unique=True),
    takes=st.integers(1, 3),
    count=st.integers(1, 3),
    loops_first=st.booleans(),
)
@hypothesis(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_grid(
    notebook: Shell, ratios: list[str], loops: list[bool], takes: int, count: int, loops_first: bool
) -> None:
    """Whatever the axes are: as many clips as their product, options varying in the order in which they were given."""
    prompts = [f"Prompt {number}" for number in range(count)]
    axes: dict[str, Any] = {"aspect_ratio": ratios, "loop": loops}
    names = ["loop", "aspect_ratio"] if loops_first else ["aspect_ratio", "loop"]
    many = batch(prompts, takes=takes, yes=True, **{name: axes[name] for name in names})
    found = [tuple(getattr(clip._task.request, name) for name in ("prompt", *names, "take")) for clip in many]
    assert found == list(product(prompts, *(axes[name] for name in names), range(1, takes + 1)))


def test_a_restart_finds_the_very_same_takes(notebook: Shell, service: FakeService, capsys: Printed) -> None:
    """In a new kernel the same batch is the same clips in the same order, and nothing is paid."""
    cell = "many = luma.batch(['A boat', 'A mill'], takes=3)\nmany.wait()"
    notebook.run(f"import luma_jupyter as luma\n{cell}")
    before = [clip.path for clip in notebook.user_ns["many"]]
    assert len(set(before)) == len(service.sent) == 6
    notebook.restart()
    capsys.readouterr()
    notebook.run(f"import luma_jupyter as luma\n{cell}")
    assert [clip.path for clip in notebook.user_ns["many"]] == before
    assert [clip._task.request.take for clip in notebook.user_ns["many"]] == [1, 2, 3] * 2
    told = capsys.readouterr().out.splitlines()[0]
    assert told == "6 videos = 2 prompts × 3 takes: asked for before, nothing is paid."
    assert len(service.sent) == 6


def test_takes_are_found_without_a_journal(notebook: Shell, service: FakeService) -> None:
    """The media folder alone is enough: each take is known by its sidecar."""
    first = [clip.path for clip in batch("A boat", takes=2).wait()]
    settings.configure(home="another-home")
    notebook.restart()
    assert [clip.path for clip in batch("A boat", takes=2).wait()] == first
    assert len(service.sent) == 2


def test_only_what_is_new_is_paid(notebook: Shell, service: FakeService, capsys: Printed) -> None:
    """A batch that grew says how many of it were made before; the first take is what was made without takes."""
    settings.configure(acedata_price=0.35)
    boat = generate("A boat").wait()
    many = batch(["A boat", "A mill"], takes=2).wait()
    assert many[0] is boat
    assert "4 videos = 2 prompts × 2 takes: 1 was asked for before and costs nothing, 3 new. Price: 3 × $0.35 (as" in (
        capsys.readouterr().out
    )
    batch(["A boat", "A mill"], takes=3).wait()
    assert "6 videos = 2 prompts × 3 takes: 4 were asked for before and cost nothing, 2 new." in capsys.readouterr().out
    assert len(service.sent) == 6


def test_again_makes_all_anew(notebook: Shell, service: FakeService) -> None:
    """With ``again`` every take is a new video; afterwards, without it, those are found."""
    old = batch("A boat", takes=2).wait()
    new = batch("A boat", takes=2, again=True).wait()
    assert not {clip.path for clip in old} & {clip.path for clip in new}
    assert [clip.path for clip in batch("A boat", takes=2)] == [clip.path for clip in new]
    assert len(service.sent) == 4


def test_steps_on_many_sources(notebook: Shell, service: FakeService) -> None:
    """``source`` takes a list of clips, done or not; each step waits for its own source."""
    boats = batch(["A boat", "A ship"])
    many = batch("Night falls", action="modify", source=boats, watermark=[True, None]).wait()
    assert [clip.source for clip in many] == [boats[0], boats[0], boats[1], boats[1]]
    assert sent(service, "source_video_url", "watermark") - {(None, None)} == set(
        product([boats[0].url, boats[1].url], [True, None])
    )


def test_a_picture_is_read_and_uploaded_once(notebook: Shell, service: FakeService) -> None:
    """One picture for many videos is one file, on its way through all of them."""
    from PIL import Image

    batch(["A boat", "A mill"], start_image=Image.new("RGB", (8, 8)), aspect_ratio=["16:9", "1:1"]).wait()
    assert sent(service, "start_image_url") == {("https://cdn.example/upload-1",)}


# DataFrames and dicts.


def test_a_dataframe_is_a_batch(notebook: Shell, service: FakeService, capsys: Printed) -> None:
    """Columns are named as the options; what is missing in a cell is what the call says, or the default."""
    frame = pandas.DataFrame(
        {
            "prompt": ["A boat", "A mill", "A ship"],
            "aspect_ratio": ["9:16", None, float("nan")],
            "loop": [True, None, False],
            "takes": [1, float("nan"), 2],
        }
    )
    many = batch(frame, aspect_ratio="1:1").wait()
    requests: list[Any] = [clip._task.request for clip in many]
    assert [(r.prompt, r.aspect_ratio, r.loop, r.take) for r in requests] == [
        ("A boat", "9:16", True, 1),
        ("A mill", "1:1", False, 1),
        ("A ship", "1:1", False, 1),
        ("A ship", "1:1", False, 2),
    ]
    assert capsys.readouterr().out.startswith("4 videos = what 3 rows ask for: new.")


NUMBERS = pandas.DataFrame({"prompt": ["A boat", "A mill"], "takes": [2, 1], "loop": [True, False]})


def test_numbers_of_numpy_are_numbers(notebook: Shell) -> None:
    """What pandas and numpy hold counts as what it is, in a column, an argument or a list."""
    import numpy

    assert len(batch(NUMBERS)) == 3
    many = batch("A lake", loop=list(numpy.array([True, False])), takes=numpy.int64(2))  # type: ignore[arg-type]
    assert [clip._task.request.take for clip in many] == [1, 2, 1, 2]
    rows = [{"prompt": "A pond", "loop": pandas.NaT, "aspect_ratio": pandas.NA}]
    assert batch(rows)[0]._task.request == GenerateRequest(prompt="A pond")


def test_a_dataframe_of_steps(notebook: Shell, service: FakeService) -> None:
    """Actions and sources are columns too: a clip, an address, or nothing; pandas' own word for nothing as well."""
    boat = generate("A boat").wait()
    frame = pandas.DataFrame(
        {
            "prompt": ["A mill", "It sails", "Fog"],
            "action": pandas.array([pandas.NA, "extend", "modify"], dtype="string"),
            "source": [None, boat, "https://x.example/v.mp4"],
            "watermark": [None, None, True],
        }
    )
    many = batch(frame).wait()
    assert [clip.action for clip in many] == ["generate", "extend", "modify"]
    assert [clip.source for clip in many] == [None, boat, "https://x.example/v.mp4"]


@pytest.mark.parametrize(
    "prompts",
    [
        [{"prompt": "A boat"}, {"prompt": "A mill", "loop": None}],
        pandas.Series(["A boat", "A mill"]),
        (prompt for prompt in ("A boat", "A mill")),
    ],
    ids=["dicts", "Series", "generator"],
)
def test_other_lists_of_prompts(notebook: Shell, prompts: object) -> None:
    """Dicts are rows, and anything that gives one prompt after the other is a list of them."""
    assert [clip.prompt for clip in batch(prompts)] == ["A boat", "A mill"]


# Mistakes: nothing is sent.

TWICE = pandas.DataFrame([["A boat", "A mill"]], columns=["prompt", "prompt"])
ROWS = pandas.DataFrame({"prompt": ["A boat", "A mill"], "aspect_ratio": ["16:9", "2:1"]}, index=["x", "y"])


@pytest.mark.parametrize(
    ("prompts", "options", "words"),
    [
        ([], {}, "There are no prompts: nothing was sent."),
        (7, {}, "A batch takes texts, dicts or a DataFrame, not int."),
        (["A boat", 5], {}, "prompts[1]: The prompt must be text, not int."),
        (["A boat", None], {}, "prompts[1]: The prompt must be text, not NoneType."),
        ([{"promt": "A boat"}], {}, "A batch has no option or column promt: did you mean prompt?"),
        (["A boat"], {"loops": True}, "A batch has no option or column loops: did you mean loop?"),
        (["A boat"], {"quality": 5}, "A batch has no option or column quality: there are prompt, action, source, "),
        (["A boat"], {"loop": []}, "loop is an empty list."),
        (["A boat", "A mill"], {"loop": [True, "no"]}, "prompts[0], loop no: loop must be True or False, not 'no'."),
        (ROWS, {}, "row y: aspect_ratio must be one of 16:9"),
        (TWICE, {}, "Two columns are called prompt."),
        (["A boat"], {"start_image": "no.png"}, "start_image: there is no file 'no.png'."),
        ([{"prompt": "A boat", "end_image": "no.png"}], {}, "prompts[0]: end_image: there is no file 'no.png'."),
        (["A boat"], {"action": "modfy"}, "prompts[0]: There is no action modfy: did you mean modify?"),
        (["A boat"], {"action": "extend"}, "prompts[0]: extend needs a source: a clip, "),
        (["A boat"], {"source": "https://x.example/v.mp4"}, "prompts[0]: generate takes no source: say action="),
        (["A boat"], {"watermark": True}, "prompts[0]: watermark goes with modify, not with generate."),
        (["A boat"], {"source": "sunset", "action": "extend"}, "'sunset' is neither a clip, a video id, "),
        (["A boat"], {"takes": 0}, "takes must be a whole number from 1 to 999, not 0."),
        (["A boat"], {"takes": [1, 2]}, "takes must be a whole number from 1 to 999, not [1, 2]."),
        ([{"prompt": "A boat", "takes": 1.5}], {}, "prompts[0]: takes must be a whole number from 1 to 999, not 1.5."),
        (["A", "B"], {"takes": 501}, f"A batch has at most {MOST:,} videos, not 1,002."),
        (
            ["A boat", "A  boat "],
            {},
            "prompts[1] (“A boat”) asks for the same as prompts[0]. Nothing was sent. For sev",
        ),
        (["A boat"], {"loop": [False, None]}, "prompts[0], loop None (“A boat”) asks for the same as prompts[0], loop"),
        (
            ["A boat", "A mill"],
            {"start_image": [None, "http://localhost/a.png"]},
            "prompts[0], start_image http://localhost/a.png: start_image_url: AceDataCloud cannot reach",
        ),
        (["A boat"], {"timeout": -1}, "The timeout must be a number of seconds above 0, not -1."),
    ],
)
def test_one_mistake_and_nothing_is_sent(
    notebook: Shell, service: FakeService, prompts: object, options: dict[str, Any], words: str
) -> None:
    """All is checked before the first one leaves; one line says where the mistake is, and what would be right."""
    with pytest.raises(InvalidRequest) as caught:
        batch(prompts, **options)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert service.sent == []
    assert session.own_clips() == []


def test_a_missing_key_is_told_before_anything_is_sent(notebook: Shell, service: FakeService) -> None:
    """A batch of which one action has no key sends none of it."""
    settings.configure(runapi_key=None)
    rows = [{"prompt": "A boat"}, {"prompt": "Fog", "action": "modify", "source": "https://x.example/v.mp4"}]
    with pytest.raises(ConfigError, match="modify needs a key of RunAPI"):
        batch(rows)
    assert service.sent == []


# What it costs, and who says yes.

MANY = [f"Prompt {number}" for number in range(11)]


def answering(answer: str | type[BaseException], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer the next questions so, as a kernel does: by its own ``input``. The list collects the questions."""
    asked: list[str] = []

    def reply(question: str) -> str:
        asked.append(question)
        if isinstance(answer, str):
            return answer
        raise answer()

    monkeypatch.setattr("builtins.input", reply)
    return asked


@pytest.mark.parametrize("answer", ["y", " Yes "])
def test_above_the_count_it_is_asked(
    notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch, capsys: Printed, answer: str
) -> None:
    """More than ten new videos are sent on somebody's word; the line with their number stands above the question."""
    asked = answering(answer, monkeypatch)
    assert len(batch(MANY).wait()) == len(service.sent) == 11
    assert asked == ["11 new videos are more than 10 (the setting confirm_count). Send them? [y/N] "]
    assert capsys.readouterr().out == f"11 videos: new. {UNKNOWN}\n"
    batch(MANY)
    assert len(asked) == 1, "nothing is new"


@pytest.mark.parametrize("answer", ["", "n", "ok", EOFError, KeyboardInterrupt])
def test_any_other_answer_is_no(
    notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch, answer: str | type[BaseException]
) -> None:
    """Nothing is sent unless the answer is yes; an interrupt is none."""
    answering(answer, monkeypatch)
    with pytest.raises(NotConfirmed, match=r"^Nothing was sent: the answer was not yes\.$"):
        batch(MANY)
    assert service.sent == []
    assert session.own_clips() == []


def test_where_nobody_can_be_asked(notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without a person sends nothing, and says how to say yes beforehand; that then works."""
    asked = answering(StdinNotImplementedError, monkeypatch)
    with pytest.raises(NotConfirmed) as caught:
        batch(MANY)
    assert str(caught.value) == (
        "Nothing was sent: 11 new videos are more than 10 (the setting confirm_count), and here nobody can be asked. "
        "Say yes=True in Python or --yes in a cell, or raise the limit with luma_jupyter.configure(…)."
    )
    assert service.sent == []
    batch(MANY, yes=True)
    settings.configure(confirm_count=20)
    batch([f"More {number}" for number in range(20)])
    assert len(asked) == 1


def test_a_script_is_not_asked(terminal: Shell, service: FakeService) -> None:
    """Without a kernel and without a terminal there is nobody to ask."""
    with pytest.raises(NotConfirmed, match="nobody can be asked"):
        batch(MANY)
    assert service.sent == []


def test_above_the_price_it_is_asked(
    notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    """So is what costs more than the limit in all; RunAPI is asked for its price for that."""
    asked = answering("y", monkeypatch)
    settings.configure(confirm_usd=1.0)
    batch(["Fog", "Rain", "Snow"], action="modify", source="https://x.example/v.mp4").wait()
    assert asked == ["$1.50 is more than $1.00 (the setting confirm_usd). Send them? [y/N] "]
    assert "3 videos: new. Price: 3 × $0.50 (quoted by RunAPI at " in capsys.readouterr().out
    settings.configure(confirm_usd=0, confirm_count=1)
    batch(["Ice", "Sun"], action="modify", source="https://x.example/v.mp4").wait()
    assert asked[1] == (
        "2 new videos are more than 1 (the setting confirm_count) and $1.00 is more than $0.00 (the setting "
        "confirm_usd). Send them? [y/N] "
    )


def test_prices_that_differ_are_told_apart(notebook: Shell, service: FakeService, capsys: Printed) -> None:
    """What is known is summed, and of the rest it is said why it is not known."""
    boat = generate("A boat").wait()
    rows = [
        {"prompt": "A mill"},
        {"prompt": "It sails", "action": "extend", "source": boat},
        {"prompt": "Fog", "action": "modify", "source": boat},
    ]
    batch(rows).wait()
    line = capsys.readouterr().out
    assert "Price: 1 × $0.50 (quoted by RunAPI at " in line
    assert line.endswith(
        " = $0.50; of 2 not known (AceDataCloud publishes no price; it bills on success, in credits).\n"
    )


def test_a_batch_that_would_pass_the_budget_is_refused_whole(notebook: Shell, service: FakeService) -> None:
    """Not in its middle: nothing is sent, and the line has the sum; what fits is sent."""
    settings.configure(budget=1.0, acedata_price=0.35)
    with pytest.raises(OverBudget) as caught:
        batch(["A boat", "A mill", "A ship"])
    assert str(caught.value) == (
        "This would pass the budget of $1.00 a day: $0.00 so far today, and these 3 calls are $1.05 (in all). Nothing "
        "was sent. luma_jupyter.configure(budget=…) changes the budget."
    )
    assert service.sent == []
    batch(["A boat", "A mill"]).wait()
    assert [clip.status for clip in batch(["A boat", "A mill"])] == ["completed"] * 2
    with pytest.raises(OverBudget, match=r"\$0\.70 so far today, and this call is \$0\.35"):
        batch(["A boat", "A mill", "A ship"])
    settings.configure(acedata_price=None)
    with pytest.raises(OverBudget, match="this call's price is not known"):
        batch(["A ship"])
    assert len(service.sent) == 2


# Failures.


def test_a_failure_is_in_its_place(notebook: Shell, service: FakeService) -> None:
    """The list is in order, whatever failed; waiting ends when all have, and says which one failed."""
    many = batch(["A boat", "A [fail] mill", "A [refuse] ship", "A lake"])
    notebook.user_ns["many"] = many
    with pytest.raises(ClipFailed, match=r"^many\[1\] \(“A \[fail\] mill”\): .*no luck"):
        many.wait()
    assert [clip.status for clip in many] == ["completed", "failed", "failed", "completed"]
    assert [clip.prompt for clip in many] == ["A boat", "A [fail] mill", "A [refuse] ship", "A lake"]


def test_the_same_batch_again_makes_what_failed(notebook: Shell, service: FakeService) -> None:
    """Running it again pays for what failed alone, and the order stays."""
    with pytest.raises(ClipFailed):
        batch(["A boat", "A [fail] mill"]).wait()
    service.faulty = False
    many = batch(["A boat", "A [fail] mill"]).wait()
    assert [clip.task_id for clip in many] == ["task-1", "task-3"]


def test_what_was_sent_is_not_lost_when_the_rest_cannot_be(
    notebook: Shell, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the journal cannot be written in the middle, the error says how many were sent; again, it goes on there."""
    add, rows = Journal.add, []

    def full(journal: Journal, task: Any) -> None:
        if len(rows) == 2:
            raise ConfigError("The journal cannot be written: the disk is full. Nothing was sent.")
        rows.append(task)
        add(journal, task)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "add", full)
        with pytest.raises(ConfigError) as caught:
            batch(["A boat", "A mill", "A ship", "A lake"])
    assert str(caught.value) == (
        "2 of 4 were sent, and are followed: luma_jupyter.clips() has them. Running this again goes on with the rest, "
        "and pays nothing for those. The next one was not: The journal cannot be written: the disk is full. Nothing "
        "was sent."
    )
    assert [clip.prompt for clip in session.clips().wait()] == ["A boat", "A mill"]
    many = batch(["A boat", "A mill", "A ship", "A lake"]).wait()
    assert [clip.prompt for clip in many] == ["A boat", "A mill", "A ship", "A lake"]
    assert len(service.sent) == 4


# As it is shown.


def test_clips_of_a_batch_are_called_as_they_can_be_typed(notebook: Shell, service: FakeService) -> None:
    """In the variable ``many`` the third one is ``many[2]``, in tables, in texts and for the magics."""
    service.running = True
    notebook.run("import luma_jupyter as luma\nmany = luma.batch(['A boat', 'A mill', 'A ship'], timeout=1e9)")
    for clip in notebook.user_ns["many"]:
        reach(clip, "running")
    assert repr(notebook.user_ns["many"]).splitlines()[3].startswith("many[2]  generate 16:9  acedata  running")
    notebook.run("%luma stop many[2]")
    assert notebook.user_ns["many"][2]._handle.done.result(10).status == "detached"
    notebook.run("del many[0]")
    assert [clip._called for clip in notebook.user_ns["many"]] == ["many[0]", "many[1]"]


def test_a_shown_batch_waits_in_runs_without_a_person(notebook: Shell, service: FakeService) -> None:
    """With LUMA_JUPYTER_WAIT=1 a cell that shows clips ends with their final table, though one of them fails."""
    settings.configure(wait=True)
    notebook.run("import luma_jupyter as luma\nluma.batch(['A boat', 'A [fail] mill'])")
    (final,) = notebook.displays.latest()
    assert "2 clips: 1 completed, 1 failed" in final["text/html"]
