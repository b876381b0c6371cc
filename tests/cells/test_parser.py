"""The line behind ``%%luma``: read, and written as it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luma_jupyter.api.views import clips
from luma_jupyter.cells.command import read_cell
from luma_jupyter.cells.lookup import Lookup
from luma_jupyter.cells.parser import split, write_line
from luma_jupyter.clip.clip import Clip
from luma_jupyter.domain.visibility import has_visible
from luma_jupyter.domain.vocabulary import ACTIONS, ASPECT_RATIOS
from luma_jupyter.errors import InvalidRequest
from luma_jupyter.widgets.studio.form import fields_of
from tests.support.notebook import PromptService, Shell


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        ("%%luma\n   \n", InvalidRequest, "prompt is empty"),
        ("%%luma --aspect-ratio 2:1\nx", InvalidRequest, "There is no ratio 2:1; choose 16:9"),
        ("%%luma --aspect 16:9\nx", InvalidRequest, "There is no option --aspect"),
        ("%%luma -o\nx", InvalidRequest, "-o/--out needs a value"),
        ("%%luma -o 'no name'\nx", InvalidRequest, "-o no name: use letters, digits and _, such as no_name."),
        ("%%luma -o class\nx", InvalidRequest, "Python needs this name itself; take another one, such as class_1."),
        ("%%luma 'open\nx", InvalidRequest, "check its quotes"),
        ("%%luma extend\nx", InvalidRequest, "extend needs a source"),
        ("%%luma extend nothing\nx", InvalidRequest, "There is no variable nothing"),
        ("%%luma extend number\nx", InvalidRequest, "number is no clip, but of type int"),
        ("%%luma extend a-typo\nx", InvalidRequest, "neither a clip, a video id"),
        ("%%luma sunset\nx", InvalidRequest, "Did you mean `%%luma extend sunset`"),
        ("%%luma genrate -o x\nx", InvalidRequest, "There is no action genrate: did you mean generate?"),
        ("%%luma extnd number\nx", InvalidRequest, "There is no action extnd: did you mean extend?"),
        ("%%luma --aspectratio 16:9\nx", InvalidRequest, "did you mean --aspect-ratio?"),
        ("%%luma -o json\nx", InvalidRequest, "this variable holds a module"),
        ("%%luma extend number\nx", InvalidRequest, "luma_jupyter.extend(number, …)"),
        ("%%luma\nLike {{film}}", InvalidRequest, "{{film}} is a clip, and a prompt takes text"),
        ("%%luma\nHalf a \ud83d", InvalidRequest, "half a character"),
        ("%%luma extend modify a\nx", InvalidRequest, "Too many words: extend modify a. Usage: %%luma [generate|"),
        ("%%luma modify number --loop\nx", InvalidRequest, "--loop goes with generate, not with modify"),
        ("%%luma extend number --no-enhancement\nx", InvalidRequest, "--no-enhancement goes with generate"),
        ("%%luma --watermark\nx", InvalidRequest, "--watermark goes with modify"),
        ("%%luma --timeout soon\nx", InvalidRequest, "--timeout must be a number, not 'soon'."),
        ("%%luma --timeout 0\nx", InvalidRequest, "--timeout must be a number of seconds above 0"),
        ("%%luma --timeout nan\nx", InvalidRequest, "a number of seconds above 0"),
        ("%%luma --loop --loop\nx", InvalidRequest, "--loop is there twice: take one of them out."),
        ("%%luma -o a --aspect-ratio=1:1 -o b\nx", InvalidRequest, "-o is there twice"),
        ("%%luma -o a --out b\nx", InvalidRequest, "-o and --out do not go together: take one of them out."),
        ("%%luma --wait --no-wait\nx", InvalidRequest, "--wait and --no-wait do not go together"),
        ("%%luma modify a --watermark-id b --watermark\nx", InvalidRequest, "--watermark-id and --watermark do not go"),
        ("%%luma —wait\nx", InvalidRequest, "—wait does not begin with a hyphen: write --wait."),
        ("%%luma –-wait\nx", InvalidRequest, "does not begin with a hyphen: write --wait."),
        ("%%luma –o fox\nx", InvalidRequest, "–o does not begin with a hyphen: write -o."),
        ("%%luma －o fox\nx", InvalidRequest, "－o does not begin with a hyphen: write -o."),
        ("%%luma -o ''\nx", InvalidRequest, "-o : use letters, digits and _, such as clip_1."),
        ("%%luma —aspect 16:9\nx", InvalidRequest, "does not begin with a hyphen: write --aspect-ratio."),
        (
            "%%luma -o print\nx",
            InvalidRequest,
            "-o print: Python needs this name itself; take another one, such as print_1.",
        ),
        ("%%luma -o get_ipython\nx", InvalidRequest, "-o get_ipython: Python needs this name itself"),
        ("%%luma -o Out\nx", InvalidRequest, "-o Out: Python needs this name itself"),
        ("%%luma --watermark-id x\nx", InvalidRequest, "--watermark-id goes with modify"),
        ("%%luma -o my-fox\nx", InvalidRequest, "-o my-fox: use letters, digits and _, such as my_fox."),
        ("%%luma -o input\nx", InvalidRequest, "Python needs this name itself; take another one, such as input_1."),
        ("%%luma -o -\nx", InvalidRequest, "-o -: use letters, digits and _, such as clip_1."),
        (
            "%%luma extend film@last\nx",
            InvalidRequest,
            "film@last is one frame; here goes a whole clip: write film.",
        ),
        ("%%luma modify {{film}}\nx", InvalidRequest, "{{film}}: braces are for prompts; here write film."),
        ("%luma resume —all", InvalidRequest, "%luma resume takes no options: leave out —all."),
        ("%%Luma -o fox\nx", InvalidRequest, "Write %%luma in small letters, and without a space."),
        ("%% luma -o fox\nx", InvalidRequest, "Write %%luma in small letters, and without a space."),
        ("%%luma fox\nx", InvalidRequest, "or `%%luma -o fox`?"),
        ("%%luma -o 'fox\nx", InvalidRequest, "check its quotes"),
        ("%%luma extnd number The ship lands\nx", InvalidRequest, "There is no action extnd: did you mean extend?"),
        ("%%luma --provider other\nx", InvalidRequest, "no provider 'other'"),
        ("%%luma --provider runapi\nx", InvalidRequest, "use --provider acedata"),
        ("%%luma --callback-url here\nx", InvalidRequest, "--callback-url must be an http"),
        ("%%luma --callback-url http://localhost/x\nx", InvalidRequest, "--callback-url: AceDataCloud cannot reach"),
        ("%%luma --start-image http://127.0.0.1/x.png\nx", InvalidRequest, "--start-image: AceDataCloud cannot reach"),
        (
            "%%luma --start-image nothing\nx",
            InvalidRequest,
            "--start-image: there is no variable nothing; check the",
        ),
        ("%%luma --start-image ./x.png\nx", InvalidRequest, "--start-image: there is no file"),
        ("%%luma --start-image none\nx", InvalidRequest, "this variable is None, not a picture"),
        ("%%luma --start-image data\nx", InvalidRequest, "--start-image: this is not a picture in PNG, JPEG or WebP"),
        ("%%luma modify ./video.mp4\nx", InvalidRequest, "there is no file"),
        ("%%luma modify 155838f8-7f1e-44d8-b387-192f3b4b509d\nx", InvalidRequest, "needs a clip or a URL"),
        ("%%luma\nAbout {{nothing}}", InvalidRequest, "there is no variable nothing"),
    ],
)
def test_a_mistake_in_a_cell_is_one_line_and_sends_nothing(
    notebook: Shell, service: PromptService, cell: str, error: type[Exception], words: str
) -> None:
    """Bad input gets a clear error before anything is sent or bound."""
    film = object.__new__(Clip)
    notebook.user_ns.update(number=1, none=None, data=b"\x89PNG", json=json, film=film)
    with pytest.raises(error) as caught:
        notebook.run(cell)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not service.sent
    assert not clips()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("%%luma A red fox", "%%luma\nA red fox"),
        ("%luma A red fox", "%%luma\nA red fox"),
        ("%%luma fox", "%%luma\nfox"),
        ("%%luma 'A red fox'", "%%luma\nA red fox"),
        ("%luma “A red fox”", "%%luma\nA red fox"),
        ("%%luma -o fox A fox that isn't red", "%%luma -o fox\nA fox that isn't red"),
        ("%luma A fox that isn't red -o fox", "%%luma -o fox\nA fox that isn't red"),
        ('%%luma A sign says "no" --loop', '%%luma --loop\nA sign says "no"'),
        ("%%luma A fox will extend its paws", "%%luma\nA fox will extend its paws"),
        ("%%luma Extended views of a city", "%%luma\nExtended views of a city"),
        ("%%luma A fox —tall, red— and a dog - or -- two", "%%luma\nA fox —tall, red— and a dog - or -- two"),
        ("%luma generate A red fox", "%%luma generate\nA red fox"),
        ("%%luma A red fox\nin the snow", "%%luma\nA red fox\nin the snow"),
        ("%luma -o fox\nA red fox", "%%luma -o fox\nA red fox"),
        ("%luma\nA red fox", "%%luma\nA red fox"),
        ("%%luma extend clip:{key} It runs away -o far", "%%luma extend clip:{key} -o far\nIt runs away"),
        ("%luma modify clip:{key} A foggy day", "%%luma modify clip:{key}\nA foggy day"),
    ],
)
def test_a_prompt_in_the_line_is_answered_by_the_right_cell(
    notebook: Shell, service: PromptService, wrong: str, right: str
) -> None:
    """The cell that was meant is there to be copied: nothing was sent before, and run as it stands it makes a video."""
    notebook.run("%%luma --wait\nA seed")
    key = notebook.user_ns["_luma"].task.key
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(wrong.format(key=key))
    words, _, cell = str(caught.value).partition("\n\n")
    assert words == "The prompt goes on the lines below %%luma, like this:"
    assert cell == right.format(key=key)
    assert len(service.sent) == 1
    notebook.run(cell)
    notebook.user_ns["_luma"].wait()
    assert len(service.sent) == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("%%luma", "The prompt is empty: write below `%%luma` what the video should show."),
        ("%%luma -o fox", "The prompt is empty: write below `%%luma -o fox` what the video should show."),
        ("%%luma extend fox -o far\n \n", "The prompt is empty: write below `%%luma extend fox -o far` what"),
        ("%%luma --aspect 16:9 A red fox", "There is no option --aspect"),
        ("%%luma A red fox —loop", "—loop does not begin with a hyphen: write --loop."),
        ("%luma extend fox", "To make a video, begin the cell with `%%luma extend fox` and write the prompt on the"),
        ("%luma statsu", "There is no %luma statsu: did you mean status?"),
        ("%luma status --all", "%luma status takes no options: leave out --all."),
    ],
)
def test_a_line_without_a_prompt_is_told_what_is_missing(
    notebook: Shell, service: PromptService, wrong: str, said: str
) -> None:
    """One line; IPython's own words for an empty cell are never seen."""
    with pytest.raises(InvalidRequest) as caught:
        notebook.run(wrong)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not service.sent


@pytest.mark.parametrize("line", ["extend {id} -o x", "-o x extend {id}", "-o x {id} extend", "{id} -o x extend"])
def test_words_and_options_come_in_any_order(notebook: Shell, service: PromptService, line: str) -> None:
    """Action, source and options may be mixed freely."""
    video = "155838f8-7f1e-44d8-b387-192f3b4b509d"
    notebook.run(f"%%luma --wait {line.format(id=video)}\nOn and on")
    assert service.sent[0]["video_id"] == video
    assert notebook.user_ns["x"].source == video


NO_VARIABLES = Lookup({}, lambda key: pytest.fail(f"{key} was looked for"))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(has_visible)


@given(
    action=st.sampled_from(ACTIONS),
    ratio=st.sampled_from(ASPECT_RATIOS),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    prompt=TEXTS.filter(lambda text: "{{" not in text and "}}" not in text),
    mark_id=TEXTS | st.just(""),
    out=st.from_regex("x[a-z_]{5}", fullmatch=True),
)
def test_a_written_line_is_read_as_it_was_meant(
    action: str, ratio: str, flags: tuple[bool, bool, bool, bool], prompt: str, mark_id: str, out: str
) -> None:
    """Whatever the fields hold, the parser reads the same from the line that is written of them."""
    loop, enhancement, again, watermark = flags
    values: dict[str, Any] = {"aspect_ratio": ratio, "loop": loop, "enhancement": enhancement}
    values |= {"watermark": mark_id or watermark}
    chosen = {name: value for name, value in values.items() if name in fields_of(action)}
    source = "" if action == "generate" else "https://example.com/b.mp4?x='1'&y=2"
    fields = dict(chosen)
    if mark_id and "watermark" in fields:
        fields["watermark_id"] = fields.pop("watermark")
    command = read_cell(write_line(action, source, **fields, again=again, out=out), prompt, NO_VARIABLES)
    assert (command.spec.request.action, command.out, command.spec.again) == (action, out, again)
    assert command.spec.request.prompt == prompt.strip()
    for name, value in chosen.items():
        read = getattr(command.spec.request, name)
        assert read == (" ".join(value.strip().splitlines()) if isinstance(value, str) else value or read)


@pytest.mark.parametrize("path", ["a  b.png", "Screenshot 3.04.05\u202fPM.png", "图\u3000一.png", "a\u00a0b.png"])
def test_a_written_line_keeps_the_white_space_of_a_path(path: str) -> None:
    """As macOS puts it into the names of screenshots: another path is another picture, or none."""
    line = write_line("extend", path, start_image=path)
    assert split(line) == ["extend", path, "--start-image", path]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"pics\new.png -o x", [r"pics\new.png", "-o", "x"]),
        (r"C:\Users\me\clip.mp4", [r"C:\Users\me\clip.mp4"]),
        (r'"C:\Users\me\my clip.mp4" -o x', [r"C:\Users\me\my clip.mp4", "-o", "x"]),
        (r"--start-image=..\frames\1.png", [r"--start-image=..\frames\1.png"]),
        (r"\\server\share\a.mp4", [r"\\server\share\a.mp4"]),
        ('"C:\\my pics\\" -o x', ["C:\\my pics\\", "-o", "x"]),
        (r"my\ clip.mp4 -o x", ["my clip.mp4", "-o", "x"]),
        (r"it\'s", ["it's"]),
        (r'"a \"b\" c"', ['a "b" c']),
        ("a#b # c", ["a#b", "#", "c"]),
    ],
)
def test_split_keeps_the_backslashes_of_paths(line: str, words: list[str]) -> None:
    """The paths of Windows come through; a backslash before a space or a quote escapes it, as in a shell."""
    assert split(line) == words
