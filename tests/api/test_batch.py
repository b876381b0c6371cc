"""`luma.batch`: many requests from one call, found again, never paid twice, shown as one table."""

from __future__ import annotations

import pytest

from luma_jupyter.api.create import batch, generate
from luma_jupyter.errors import ClipFailed
from tests.support import settings
from tests.support.notebook import PromptService, Shell, wait_for_status

Printed = pytest.CaptureFixture[str]


def test_batch_after_a_restart_finds_the_very_same_takes(
    notebook: Shell, service: PromptService, capsys: Printed
) -> None:
    """In a new kernel the same batch is the same clips in the same order, and nothing is paid."""
    cell = "many = luma.batch(['A boat', 'A mill'], takes=3)\nmany.wait()"
    notebook.run(f"import luma_jupyter as luma\n{cell}")
    before = [clip.path for clip in notebook.user_ns["many"]]
    assert len(set(before)) == len(service.sent) == 6
    notebook.restart()
    capsys.readouterr()
    notebook.run(f"import luma_jupyter as luma\n{cell}")
    assert [clip.path for clip in notebook.user_ns["many"]] == before
    assert [clip.task.request.take for clip in notebook.user_ns["many"]] == [1, 2, 3] * 2
    told = capsys.readouterr().out.splitlines()[0]
    assert told == "2 prompts × 3 takes = 6 videos already made: no charge."
    assert len(service.sent) == 6


def test_batch_finds_takes_without_a_journal(notebook: Shell, service: PromptService) -> None:
    """The media folder alone is enough: each take is known by its sidecar."""
    first = [clip.path for clip in batch("A boat", takes=2).wait()]
    settings.configure(home="another-home")
    notebook.restart()
    assert [clip.path for clip in batch("A boat", takes=2).wait()] == first
    assert len(service.sent) == 2


def test_batch_that_grew_pays_only_what_is_new(notebook: Shell, service: PromptService, capsys: Printed) -> None:
    """A batch that grew says how many of it were made before; the first take is what was made without takes."""
    settings.configure(acedata_price=0.35)
    boat = generate("A boat").wait()
    many = batch(["A boat", "A mill"], takes=2).wait()
    assert many[0] is boat
    assert "2 prompts × 2 takes = 4 videos. 1 video already made: no charge. 3 new videos at $0.35 each: $1.05 (as" in (
        capsys.readouterr().out
    )
    batch(["A boat", "A mill"], takes=3).wait()
    assert (
        "2 prompts × 3 takes = 6 videos. 4 videos already made: no charge. 2 new videos at" in capsys.readouterr().out
    )
    assert len(service.sent) == 6


def test_batch_with_again_makes_all_anew(notebook: Shell, service: PromptService) -> None:
    """With ``again`` every take is a new video; afterwards, without it, those are found."""
    old = batch("A boat", takes=2).wait()
    new = batch("A boat", takes=2, again=True).wait()
    assert not {clip.path for clip in old} & {clip.path for clip in new}
    assert [clip.path for clip in batch("A boat", takes=2)] == [clip.path for clip in new]
    assert len(service.sent) == 4


# Failures.


def test_batch_has_a_failure_in_its_place(notebook: Shell, service: PromptService) -> None:
    """The list is in order, whatever failed; waiting ends when all have, and says which one failed."""
    many = batch(["A boat", "A [fail] mill", "A [refuse] ship", "A lake"])
    notebook.user_ns["many"] = many
    with pytest.raises(ClipFailed, match=r"^For many\[1\] \(“A \[fail\] mill”\): .*no luck"):
        many.wait()
    assert [clip.status for clip in many] == ["completed", "failed", "failed", "completed"]
    assert [clip.prompt for clip in many] == ["A boat", "A [fail] mill", "A [refuse] ship", "A lake"]


def test_the_same_batch_again_makes_what_failed(notebook: Shell, service: PromptService) -> None:
    """Running it again pays for what failed alone, and the order stays."""
    with pytest.raises(ClipFailed):
        batch(["A boat", "A [fail] mill"]).wait()
    service.faulty = False
    many = batch(["A boat", "A [fail] mill"]).wait()
    assert [clip.task_id for clip in many] == ["task-1", "task-3"]


# As it is shown.


def test_clips_of_a_batch_are_called_as_they_can_be_typed(notebook: Shell, service: PromptService) -> None:
    """In the variable ``many`` the third one is ``many[2]``, in tables, in texts and for the magics."""
    service.running = True
    notebook.run("import luma_jupyter as luma\nmany = luma.batch(['A boat', 'A mill', 'A ship'], timeout=1e9)")
    for clip in notebook.user_ns["many"]:
        wait_for_status(clip, "running")
    assert repr(notebook.user_ns["many"]).splitlines()[3].startswith("many[2]  generate 16:9  acedata  running")
    notebook.run("%luma stop many[2]")
    assert notebook.user_ns["many"][2].handle.done.result(10).status == "detached"
    notebook.run("del many[0]")
    assert [clip.name for clip in notebook.user_ns["many"]] == ["many[0]", "many[1]"]


def test_a_shown_batch_waits_in_runs_without_a_person(notebook: Shell, service: PromptService) -> None:
    """With LUMA_JUPYTER_WAIT=1 a cell that shows clips ends with their final table, though one of them fails."""
    settings.configure(wait=True)
    notebook.run("import luma_jupyter as luma\nluma.batch(['A boat', 'A [fail] mill'])")
    (final,) = notebook.displays.latest()
    assert "2 clips: 1 completed, 1 failed" in final["text/html"]
