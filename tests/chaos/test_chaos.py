"""The short form of the harness: a kill in each phase of a clip's life, and some at random moments."""

from __future__ import annotations

import httpx
import pytest

from tests.chaos.harness import Plan, perform, random_plans
from tests.chaos.life import Effect
from tests.chaos.notebook import AtService, Moment, Notebook, Phase
from tests.chaos.promises import faults

NEVER = AtService("submit", 99, "arrives")


@pytest.mark.parametrize(
    ("story", "moment", "resume", "phase"),
    [
        ("film", Effect("sqlite3.connect", 1), False, "before the POST"),
        ("generate", Effect("socket.connect", 1), True, "before the POST"),
        ("film", AtService("submit", 2, "arrives"), True, "in doubt"),
        ("modify", AtService("submit", 1, "is accepted"), False, "in doubt"),
        ("film", AtService("look", 1, "arrives"), True, "running"),
        ("modify", AtService("video", 1, "is half answered"), False, "saving"),
        ("generate", Effect("os.rename", 2), True, "saving"),  # the sidecar is there, and its video is not
        ("generate", Effect("os.rename", 3), False, "saving"),  # only the thumbnail is missing
        ("generate", NEVER, True, "done"),
    ],
    ids=str,
)
def test_a_kill_in_any_phase_pays_for_no_cell_twice(story: str, moment: Moment, resume: bool, phase: Phase) -> None:
    """After a kill in any phase no cell is paid for twice; what was in doubt is unconfirmed, all else completed."""
    result = perform(Plan(story, (("run all", moment),), resume))
    assert result.problems == []
    assert [(strike.phase, strike.outcome) for strike in result.strikes] == [
        (phase, "unconfirmed" if phase == "in doubt" else "completed")
    ]
    assert result.tasks == 1


def test_a_kernel_that_took_over_may_be_killed_too() -> None:
    """A kernel that takes over is as good as the first one: it may be killed too, and the next one takes over."""
    kills: tuple[tuple[str, Moment], ...] = (
        ("run all", AtService("look", 1, "arrives")),
        ("resume", AtService("video", 1, "arrives")),
        ("run all", AtService("submit", 1, "is accepted")),
        ("resume", NEVER),
    )
    result = perform(Plan("film", kills))  # type: ignore[arg-type]
    assert result.problems == []
    assert [strike.phase for strike in result.strikes] == ["running", "saving", "in doubt", "after a doubt"]


@pytest.mark.parametrize("plan", list(random_plans(4, 1, {"generate": 0.5, "modify": 0.4, "film": 1.2})), ids=str)
def test_a_kill_at_a_random_moment_breaks_no_promise(plan: Plan) -> None:
    """So it is at moments that nobody chose."""
    assert perform(plan).problems == []


@pytest.mark.parametrize(
    ("story", "moment", "phase"),
    [
        ("generate", AtService("submit", 1, "arrives"), "running"),
        ("modify", AtService("submit", 1, "is half answered"), "running"),
        ("film", AtService("look", 1, "arrives"), "running"),
        ("generate", AtService("video", 1, "is half answered"), "done"),
    ],
    ids=str,
)
def test_an_orderly_end_leaves_nothing_in_doubt(story: str, moment: Moment, phase: Phase) -> None:
    """What was sent gets its answer, and a video that is being fetched its file; the next kernel goes on."""
    result = perform(Plan(story, (("run all", moment),), blow="ended"))
    assert result.problems == []
    assert [(strike.phase, strike.outcome) for strike in result.strikes] == [(phase, "completed")]


@pytest.mark.parametrize(
    ("story", "moment", "phase", "outcome"),
    [
        ("film", Effect("socket.connect", 1), "before the POST", "completed"),
        ("generate", AtService("submit", 1, "arrives"), "in doubt", "completed"),  # its own answer still came
        ("modify", AtService("look", 1, "arrives"), "running", "completed"),
        ("generate", AtService("video", 1, "is half answered"), "saving", "completed"),
        ("modify", Effect("os.rename", 2), "saving", "completed"),
        ("generate", NEVER, "done", "completed"),
    ],
    ids=str,
)
def test_a_frozen_kernel_that_was_overtaken_pays_nothing(
    story: str, moment: Moment, phase: Phase, outcome: str
) -> None:
    """One of another machine takes over; when the first one is thawed, it neither pays nor changes anything."""
    result = perform(Plan(story, (("run all", moment),), blow="frozen"))
    assert result.problems == []
    (strike,) = result.strikes
    assert strike.outcome == outcome
    # Where it was just opening a file of the journal's, it was thawed for an instant, and may have gone on.
    assert strike.phase in (phase, *(["in doubt"] if phase == "before the POST" else []))


def test_the_harness_finds_a_second_payment_and_damaged_files() -> None:
    """A second payment, a damaged video, and a journal that was set aside are found."""
    with Notebook("generate") as notebook:
        notebook.leave_alone("run all")
        assert list(faults(notebook)) == []
        (film,) = notebook.media.glob("*.mp4")
        film.write_bytes(film.read_bytes()[:-1])
        (notebook.home / "journal-damaged.sqlite3").touch()
        httpx.post(f"{notebook.server.url}/luma/videos", content=notebook.posts()[0].body, trust_env=False)
        assert list(faults(notebook)) == [
            f"2 POSTs, 2 tasks and 1 intents for {notebook.prompts[0]!r}",
            f"{film.name} is damaged, or is not what its sidecar says",
            "a journal was set aside: journal-damaged.sqlite3",
        ]
