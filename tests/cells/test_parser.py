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
        ("%%luma --aspect-ratio 2:1\nx", InvalidRequest, "must be one of 16:9"),
        ("%%luma --aspect 16:9\nx", InvalidRequest, "unrecognized arguments"),
        ("%%luma -o\nx", InvalidRequest, "expected one argument"),
        ("%%luma -o 'no name'\nx", InvalidRequest, "not a name that a variable can have"),
        ("%%luma -o class\nx", InvalidRequest, "not a name"),
        ("%%luma 'open\nx", InvalidRequest, "check its quotes"),
        ("%%luma extend\nx", InvalidRequest, "extend needs a source"),
        ("%%luma extend nothing\nx", InvalidRequest, "There is no variable nothing"),
        ("%%luma extend number\nx", InvalidRequest, "number is not a clip but of type int"),
        ("%%luma extend a-typo\nx", InvalidRequest, "neither a clip, a video id"),
        ("%%luma sunset\nx", InvalidRequest, "did you mean `%%luma extend sunset`"),
        ("%%luma genrate -o x\nx", InvalidRequest, "There is no action genrate: did you mean generate?"),
        ("%%luma extnd number\nx", InvalidRequest, "There is no action extnd: did you mean extend?"),
        ("%%luma --aspectratio 16:9\nx", InvalidRequest, "Did you mean --aspect-ratio?"),
        ("%%luma -o json\nx", InvalidRequest, "this variable holds a module"),
        ("%%luma extend number\nx", InvalidRequest, "luma_jupyter.extend(number, …)"),
        ("%%luma\nLike {{film}}", InvalidRequest, "{{film}}, which is a clip: a prompt takes text"),
        ("%%luma\nHalf a \ud83d", InvalidRequest, "half a character"),
        ("%%luma extend a b\nx", InvalidRequest, "Too many words"),
        ("%%luma modify number --loop\nx", InvalidRequest, "--loop goes with generate, not with modify"),
        ("%%luma extend number --no-enhancement\nx", InvalidRequest, "--no-enhancement goes with generate"),
        ("%%luma --watermark\nx", InvalidRequest, "--watermark goes with modify"),
        ("%%luma --timeout soon\nx", InvalidRequest, "must be a number of seconds"),
        ("%%luma --timeout 0\nx", InvalidRequest, "a number of seconds above 0"),
        ("%%luma --timeout nan\nx", InvalidRequest, "a number of seconds above 0"),
        ("%%luma --provider other\nx", InvalidRequest, "no provider 'other'"),
        ("%%luma --provider runapi\nx", InvalidRequest, "use --provider acedata"),
        ("%%luma --callback-url here\nx", InvalidRequest, "callback_url must be an http"),
        ("%%luma --callback-url http://localhost/x\nx", InvalidRequest, "cannot reach"),
        ("%%luma --start-image http://127.0.0.1/x.png\nx", InvalidRequest, "cannot reach"),
        ("%%luma --start-image nothing\nx", InvalidRequest, "no variable of this name"),
        ("%%luma --start-image ./x.png\nx", InvalidRequest, "there is no file"),
        ("%%luma --start-image none\nx", InvalidRequest, "this variable is None, not a picture"),
        ("%%luma --start-image data\nx", InvalidRequest, "not a picture in PNG, JPEG or WebP"),
        ("%%luma modify ./video.mp4\nx", InvalidRequest, "there is no file"),
        ("%%luma modify 155838f8-7f1e-44d8-b387-192f3b4b509d\nx", InvalidRequest, "needs a URL or a clip"),
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
        assert read == (" ".join(value.split()) if isinstance(value, str) else value or read)


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
