"""The grid of a batch: rows × axes × takes, in order, from texts, dicts and DataFrames; every mistake is told."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from luma_jupyter.api.create import batch, generate
from luma_jupyter.api.kernel import kernel
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.grid import COLUMNS, MOST, SEVERAL
from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import ASPECT_RATIOS
from luma_jupyter.errors import InvalidRequest
from tests.support import settings
from tests.support.notebook import PromptService, Shell

Printed = pytest.CaptureFixture[str]


def sent(service: PromptService, *names: str) -> set[tuple[Any, ...]]:
    """These parameters of all requests that were paid for; four leave at once, so in any order."""
    return {tuple(body.get(name) for name in names) for body in service.sent}


def test_a_grid_is_made_in_order(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """Prompts vary slowest, takes fastest; one line says the number, the grid and the price before."""
    settings.configure(acedata_price=0.35, confirm_usd=10)
    many = batch(["A boat", "A mill"], aspect_ratio=["16:9", "9:16"], loop=True, takes=2).wait()
    assert capsys.readouterr().out == (
        "2 prompts × 2 aspect ratios × 2 takes = 8 new videos at $0.35 each: $2.80 (as set in "
        "LUMA_JUPYTER_ACEDATA_PRICE or configure(acedata_price=…)).\n"
    )
    requests = [clip.task.request for clip in many]
    assert [(r.prompt, r.aspect_ratio, r.take) for r in requests] == list(  # type: ignore[union-attr]
        product(["A boat", "A mill"], ["16:9", "9:16"], [1, 2])
    )
    assert isinstance(many, ClipList)
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
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_grid_is_the_product_of_its_axes(
    notebook: Shell, ratios: list[str], loops: list[bool], takes: int, count: int, loops_first: bool
) -> None:
    """Whatever the axes are: as many clips as their product, options varying in the order in which they were given."""
    prompts = [f"Prompt {number}" for number in range(count)]
    axes: dict[str, Any] = {"aspect_ratio": ratios, "loop": loops}
    names = ["loop", "aspect_ratio"] if loops_first else ["aspect_ratio", "loop"]
    many = batch(prompts, takes=takes, yes=True, **{name: axes[name] for name in names})
    found = [tuple(getattr(clip.task.request, name) for name in ("prompt", *names, "take")) for clip in many]
    assert found == list(product(prompts, *(axes[name] for name in names), range(1, takes + 1)))


def test_each_column_can_be_counted() -> None:
    """Whatever differs between the videos of a batch, its line has words for it."""
    assert set(SEVERAL) == set(COLUMNS)


def test_grid_takes_many_sources(notebook: Shell, service: PromptService) -> None:
    """``source`` takes a list of clips, done or not; each step waits for its own source."""
    boats = batch(["A boat", "A ship"])
    many = batch("Night falls", action="modify", source=boats, watermark=[True, None]).wait()
    assert [clip.source for clip in many] == [boats[0], boats[0], boats[1], boats[1]]
    assert sent(service, "source_video_url", "watermark") - {(None, None)} == set(
        product([boats[0].url, boats[1].url], [True, None])
    )


def test_grid_reads_and_uploads_a_picture_once(notebook: Shell, service: PromptService) -> None:
    """One picture for many videos is one file, on its way through all of them."""
    from PIL import Image

    batch(["A boat", "A mill"], start_image=Image.new("RGB", (8, 8)), aspect_ratio=["16:9", "1:1"]).wait()
    assert sent(service, "start_image_url") == {("https://media.example/uploaded-1",)}


# DataFrames and dicts.


def test_grid_of_a_dataframe_names_options_by_columns(notebook: Shell, service: PromptService, capsys: Printed) -> None:
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
    requests: list[Any] = [clip.task.request for clip in many]
    assert [(r.prompt, r.aspect_ratio, r.loop, r.take) for r in requests] == [
        ("A boat", "9:16", True, 1),
        ("A mill", "1:1", False, 1),
        ("A ship", "1:1", False, 1),
        ("A ship", "1:1", False, 2),
    ]
    assert capsys.readouterr().out.startswith("3 rows = 4 new videos, price not known: ")


NUMBERS = pandas.DataFrame({"prompt": ["A boat", "A mill"], "takes": [2, 1], "loop": [True, False]})


def test_grid_takes_numbers_of_numpy(notebook: Shell) -> None:
    """What pandas and numpy hold counts as what it is, in a column, an argument or a list."""
    import numpy

    assert len(batch(NUMBERS)) == 3
    many = batch("A lake", loop=list(numpy.array([True, False])), takes=numpy.int64(2))  # type: ignore[arg-type]
    assert [clip.task.request.take for clip in many] == [1, 2, 1, 2]
    rows = [{"prompt": "A pond", "loop": pandas.NaT, "aspect_ratio": pandas.NA}]
    assert batch(rows)[0].task.request == GenerateRequest(prompt="A pond")


def test_grid_of_a_dataframe_has_actions_and_sources(notebook: Shell, service: PromptService) -> None:
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
def test_grid_takes_any_iterable_of_prompts(notebook: Shell, prompts: object) -> None:
    """Dicts are rows, and anything that gives one prompt after the other is a list of them."""
    assert [clip.prompt for clip in batch(prompts)] == ["A boat", "A mill"]


# Mistakes: nothing is sent.


TWICE = pandas.DataFrame([["A boat", "A mill"]], columns=["prompt", "prompt"])
ROWS = pandas.DataFrame({"prompt": ["A boat", "A mill"], "aspect_ratio": ["16:9", "2:1"]}, index=["x", "y"])


@pytest.mark.parametrize(
    ("prompts", "options", "words"),
    [
        ([], {}, "There are no prompts. Nothing was sent."),
        (7, {}, "A batch takes texts, dicts or a DataFrame, not int."),
        (["A boat", 5], {}, "Prompt 2: The prompt must be text, not int."),
        (["A boat", None], {}, "Prompt 2: The prompt must be text, not NoneType."),
        ([{"promt": "A boat"}], {}, "A batch has no option or column promt: did you mean prompt?"),
        (["A boat"], {"loops": True}, "A batch has no option or column loops: did you mean loop?"),
        (
            ["A boat"],
            {"quality": 5},
            "A batch has no option or column quality; there are prompt, action, source, callback_url, aspect_ratio",
        ),
        ([{"prompt": "A boat", "Unnamed: 0": 0}], {}, "The column Unnamed: 0 has no heading: are these the numbers of"),
        (["A boat"], {"loop": []}, "loop is an empty list."),
        (["A boat", "A mill"], {"loop": [True, "no"]}, "Prompt 1: loop must be True or False, not 'no'."),
        (ROWS, {}, "Row y: There is no ratio 2:1; choose 16:9"),
        (TWICE, {}, "Two columns have the same name."),
        (["A boat"], {"start_image": "no.png"}, "start_image: there is no file 'no.png'."),
        ([{"prompt": "A boat", "end_image": "no.png"}], {}, "Prompt 1: end_image: there is no file 'no.png'."),
        (["A boat"], {"action": "modfy"}, "Prompt 1: There is no action modfy: did you mean modify?"),
        (["A boat"], {"action": "extend"}, "Prompt 1: extend needs a source: a clip, "),
        (["A boat"], {"source": "https://x.example/v.mp4"}, "Prompt 1: generate takes no source: use action="),
        (["A boat"], {"watermark": True}, "Prompt 1: watermark goes with modify, not with generate."),
        (["A boat"], {"source": "sunset", "action": "extend"}, "'sunset' is neither a clip, a video id, "),
        (["A boat"], {"takes": 0}, "takes must be a whole number from 1 to 999, not 0."),
        (["A boat"], {"takes": [1, 2]}, "takes must be a whole number from 1 to 999, not [1, 2]."),
        ([{"prompt": "A boat", "takes": 1.5}], {}, "Prompt 1: takes must be a whole number from 1 to 999, not 1.5."),
        ([*"abcdefghijklmnopqrstu"], {"takes": 999}, f"A batch has at most {MOST:,} videos, not 20,979."),
        (
            ["A boat", "A  boat "],
            {},
            "Prompt 2 (“A boat”) asks for the same as Prompt 1. Nothing was sent. For several",
        ),
        (
            ["A boat"],
            {"loop": [False, None]},
            "Prompt 1 (“A boat”) asks for the same video twice. Nothing was sent. For",
        ),
        (
            ["A boat", "A mill"],
            {"start_image": [None, "http://localhost/a.png"]},
            "Prompt 1: start_image_url: AceDataCloud cannot reach",
        ),
        (["A boat"], {"timeout": -1}, "timeout must be a number of seconds above 0, not -1."),
    ],
)
def test_grid_mistake_is_one_line_and_nothing_is_sent(
    notebook: Shell, service: PromptService, prompts: object, options: dict[str, Any], words: str
) -> None:
    """All is checked before the first one leaves; one line says where the mistake is, and what would be right."""
    with pytest.raises(InvalidRequest) as caught:
        batch(prompts, **options)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
    assert service.sent == []
    assert kernel.session.own_clips == []


@pytest.mark.parametrize(
    ("file", "reader"),
    [
        ("a.csv", "pandas.read_csv('a.csv')"),
        ("my shots/A.CSV", "pandas.read_csv('my shots/A.CSV')"),
        (Path("a.csv"), "pandas.read_csv('a.csv')"),
        ("a.tsv", r"pandas.read_csv('a.tsv', sep='\t')"),
        ("a.xlsx", "pandas.read_excel('a.xlsx')"),
        ("a.json", "pandas.read_json('a.json')"),
        ("a.jsonl", "pandas.read_json('a.jsonl', lines=True)"),
        ("a.parquet", "pandas.read_parquet('a.parquet')"),
        ("a.txt", "pathlib.Path('a.txt').read_text('utf-8').splitlines()"),
    ],
)
def test_the_name_of_a_file_is_no_prompt(
    notebook: Shell, service: PromptService, file: str | Path, reader: str
) -> None:
    """One line says how its rows are read, and how its name is sent all the same; nothing was sent."""
    with pytest.raises(InvalidRequest) as caught:
        batch(file)
    assert str(caught.value) == (
        f"{file} looks like a file: luma_jupyter.batch({reader}) makes a video of each row. If these words are the "
        f"prompt, write them as a list: luma_jupyter.batch([{str(file)!r}]). Nothing was sent."
    )
    assert not service.sent
    batch([str(file)]).wait()
    assert [body["prompt"] for body in service.sent] == [str(file)]


def test_what_the_file_error_advises_reads_the_rows(notebook: Shell, service: PromptService, tmp_path: Path) -> None:
    """The line of the error, run as it stands, makes a video of each row."""
    (tmp_path / "a.csv").write_text("prompt,aspect_ratio\nA boat,1:1\nA kite,9:16\n")
    (tmp_path / "a.txt").write_text("A mill\nA bridge\n")
    notebook.run("import luma_jupyter, pandas, pathlib")
    for name in ("a.csv", "a.txt"):
        with pytest.raises(InvalidRequest) as caught:
            batch(name)
        advice = str(caught.value).split(": ", 1)[1].split(" makes a video of each row")[0]
        notebook.run(f"{advice}.wait()")
    assert {body["prompt"] for body in service.sent} == {"A boat", "A kite", "A mill", "A bridge"}


@pytest.mark.parametrize("prompt", ["A boat.", "The end of the csv", "A cat and/or a dog", "v2.0"])
def test_a_prompt_is_not_taken_for_a_file(notebook: Shell, service: PromptService, prompt: str) -> None:
    """Words, full stops and slashes alone make no file."""
    batch(prompt).wait()
    assert [body["prompt"] for body in service.sent] == [prompt]
