"""`ClipList`: a list of clips that are waited for and stopped together."""

from __future__ import annotations

import pytest

from luma_jupyter.api.create import generate
from luma_jupyter.api.views import clips
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.errors import ClipFailed
from tests.support.notebook import PromptService, Shell, wait_for_status


def test_clip_list_is_a_list_of_clips(notebook: Shell) -> None:
    """It behaves as a list of clips; a slice of them is shown as a table too."""
    many = ClipList(generate(f"Clip {number}") for number in range(3)).wait()
    assert isinstance(many, list)
    assert type(many[0:2]) is ClipList
    assert [clip.prompt for clip in many[0:2]] == ["Clip 0", "Clip 1"]
    assert many[-1].prompt == "Clip 2"
    assert "PROMPT" in repr(many)
    assert repr(ClipList()) == "No clips."
    assert [clip.prompt for clip in clips()] == [clip.prompt for clip in many]


def test_clip_list_waits_for_all_before_the_first_error(notebook: Shell) -> None:
    """A clip that failed does not keep the others from being waited for; of several, the error says whose it is."""
    many = ClipList(generate(prompt) for prompt in ("A [fail] one", "A good one", "Another [fail]"))
    notebook.user_ns["many"] = many
    with pytest.raises(ClipFailed, match=r"^For many\[0\] \(“A \[fail\] one”\): .*no luck"):
        many.wait()
    with pytest.raises(ClipFailed, match=r"^AceDataCloud .*no luck"):
        many[:1].wait()
    assert many[0].error
    assert not str(many[0].error).startswith("many")
    assert [clip.status for clip in many] == ["failed", "completed", "failed"]


def test_clips_wait_speaks_of_those_that_it_waited_for(notebook: Shell, service: PromptService) -> None:
    """What had failed before the list was looked up is no news; what fails meanwhile is raised, of a slice too."""
    for prompt in ("A [fail] one", "A good one"):
        notebook.run(f"%%luma\n{prompt}")
        notebook.user_ns["_luma"].handle.done.result(timeout=10)
    found = clips()
    assert found.wait() is found
    assert found[:1].wait() == found[:1]
    service.gate.clear()
    late = generate("A late [fail]")
    found = clips()
    service.gate.set()
    for some in (found, found[1:]):
        with pytest.raises(ClipFailed, match="no luck"):
            some.wait()
    assert late in found
    assert clips().wait() == found


def test_clip_list_stops_all(notebook: Shell, service: PromptService) -> None:
    """Stopping the list stops each of its clips."""
    service.running = True
    many = ClipList(generate(f"Clip {number}", timeout=1e9) for number in range(3))
    for clip in many:
        wait_for_status(clip, "running")
    many.stop()
    assert [clip.handle.done.result(10).status for clip in many] == ["detached"] * 3


def test_clip_list_is_text_in_a_terminal(terminal: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a kernel the table is printed, and so is that there is nothing."""
    terminal.user_ns["many"] = ClipList([generate("One").wait()])
    terminal.run("many")
    terminal.run("many[:0]")
    printed = capsys.readouterr().out
    assert "PROMPT" in printed
    assert "No clips." in printed
    assert terminal.displays.latest() == []


def test_clip_list_says_how_its_clips_stand(notebook: Shell, service: PromptService) -> None:
    """How many there are of each status; those that have not ended, by their places; and those that have a video."""
    many = ClipList(generate(prompt) for prompt in ("One", "Two [fail]", "Three"))
    for clip in many:
        clip.handle.done.result(10)
    service.running = True
    many.append(generate("Four", timeout=1e9))
    wait_for_status(many[3], "running")
    assert many.counts() == {Status.COMPLETED: 2, Status.FAILED: 1, Status.RUNNING: 1}
    assert many.standing() == ({Status.COMPLETED: 2, Status.FAILED: 1}, {3: many[3]})
    assert many.completed == [many[0], many[2]]
    assert many.identity == many[:].identity != many[:3].identity
