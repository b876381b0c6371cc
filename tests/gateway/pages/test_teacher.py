"""What a teacher sees and does: each change does what it says, once, and stands in the audit log."""

from __future__ import annotations

import math
from collections.abc import Callable

import httpx
import pytest

from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.pages.teacher import change_words
from luma_jupyter.gateway.records import Change, Submission
from tests.gateway.test_api import retrieve, submit
from tests.support.gateway import RunningGateway
from tests.support.misbehaving import DropAfter, Server
from tests.support.visitor import Visitor, enter


def clip(gateway: RunningGateway, number: int = 1) -> Submission:
    """A row of the ledger."""
    row = gateway.run(gateway.gateway.ledger.get(number))
    assert row
    return row


def changes(gateway: RunningGateway) -> list[tuple[str, str]]:
    """The audit log: who and what, the newest first."""
    return [(change.who, change_words(change)) for change in gateway.run(gateway.gateway.ledger.changes())]


def balanced(gateway: RunningGateway) -> bool:
    """Whether the wallets are equal to the rows."""
    return gateway.run(Ledger(gateway.gateway.database).check()) == []


def test_teacher_sees_students_with_their_money_and_clips(
    gateway: RunningGateway, vendor: Server, teacher: Visitor, ann: httpx.Client, bob: httpx.Client
) -> None:
    """Under way, spent, left by the least cap, last seen; also those who only looked in."""
    gateway.run(gateway.gateway.ledger.set_cap("student", "", 1_000_000, None, "miss"))
    submit(ann, prompt="A boat")
    gateway.look()
    vendor.seconds = math.inf
    submit(ann, key="2", prompt="A lake")
    bob.get("/api/v1/applications/")
    page = teacher.see("/class")
    row = page.partition('?student=ann"')[2].partition("</tr>")[0]
    cells = [cell.partition(">")[2].partition("</td>")[0] for cell in row.split("<td")[1:]]
    assert cells[:5] == ["1", "$0.30", "$0.30", "$0.40", "no cap"]
    assert "<time datetime=" in row
    assert "$1.00 / no cap" in row
    assert '?student=bob"' in page
    assert "A lake" in page
    assert "1 under way, 0 waiting" in page
    assert "A lake" in teacher.see("/class?student=ann")
    assert "A lake" not in teacher.see("/class?student=bob")


def test_stopped_clip_counts_as_spent_and_its_notebook_learns_so(
    gateway: RunningGateway, vendor: Server, teacher: Visitor, ann: httpx.Client
) -> None:
    """It is not watched any more, whatever the service makes; it can be stopped once."""
    vendor.seconds = math.inf
    task_id = submit(ann).json()["task_id"]
    teacher.do("/class/stop", id=1)
    answer = retrieve(ann, task_id).json()["response"]
    assert (answer["success"], answer["error"]["code"]) == (False, "stopped")
    assert answer["error"]["message"] == "Your teacher stopped this clip."
    vendor.seconds = 0.0
    gateway.look()
    row = clip(gateway)
    assert (row.state, row.cost) == ("failed", 300_000)
    assert balanced(gateway)
    assert "stopped" in teacher.see("/class")
    assert "nothing to stop" in teacher.do("/class/stop", status=409, id=1).text
    assert changes(gateway) == [("miss", "Clip 1: stopped.")]


def test_raised_cap_lets_the_next_request_go(gateway: RunningGateway, teacher: Visitor, ann: httpx.Client) -> None:
    """Of a student, group or class, in all or a day; what is not typed stays, and none is no cap."""
    gateway.run(gateway.gateway.ledger.set_cap("student", "", 200_000, 900_000, "miss"))
    assert submit(ann).json()["error"]["code"] == "used_up"
    teacher.do("/class/cap", kind="student", name="ann", in_all="5")
    assert submit(ann).status_code == 200
    assert "$5.00 / $0.90" in teacher.see("/class"), "the cap a day of each student still holds for this one"
    teacher.do("/class/cap", kind="student", name="ann", a_day="none")
    teacher.do("/class/cap", kind="group", name="films", in_all="$20", a_day="2.5")
    teacher.do("/class/cap", kind="class", in_all="0")
    page = teacher.see("/class?done=cap")
    assert all(words in page for words in ("$5.00 / no cap", "$20.00 / $2.50", "$0.00 / no cap", "The cap is set."))
    assert submit(ann, key="2").json()["error"]["code"] == "used_up"
    assert changes(gateway)[:-1] == [
        ("miss", "Cap set. The class: $0.00 in all, no cap a day."),
        ("miss", "Cap set. films: $20.00 in all, $2.50 a day."),
        ("miss", "Cap set. ann: $5.00 → $5.00 in all, $0.90 → no cap a day."),
        ("miss", "Cap set. ann: $5.00 in all, $0.90 a day."),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "student", "name": "ann", "in_all": "five"},
        {"kind": "student", "name": "ann", "in_all": "-1"},
        {"kind": "student", "name": "ann", "in_all": "nan"},
        {"kind": "student", "name": "ann"},
        {"kind": "school", "name": "ann", "in_all": "5"},
        {"kind": "class", "name": "ann", "in_all": "5"},
        {"kind": "group", "name": "x" * 256, "in_all": "5"},
        {"in_all": "5"},
    ],
)
def test_cap_that_cannot_be_used_changes_nothing(
    gateway: RunningGateway, teacher: Visitor, fields: dict[str, str]
) -> None:
    """It is refused with what to do."""
    assert "<h1>That did not work</h1>" in teacher.do("/class/cap", status=400, **fields).text
    assert changes(gateway) == []


def test_released_clip_gives_its_money_back_once(
    gateway: RunningGateway, vendor: Server, teacher: Visitor, ann: httpx.Client
) -> None:
    """The page says where to look first."""
    vendor.script("submit", DropAfter())
    submit(ann)
    page = teacher.see("/class")
    assert "Release $0.30" in page
    assert "service’s console" in page
    teacher.do("/class/release", id=1)
    assert clip(gateway).state == "released"
    assert balanced(gateway)
    assert "not unconfirmed" in teacher.do("/class/release", status=409, id=1).text
    assert changes(gateway) == [("miss", "Clip 1: released, its money is free again.")]


def test_hidden_clip_is_not_on_the_wall_until_it_is_shown(
    gateway: RunningGateway, teacher: Visitor, ann: httpx.Client
) -> None:
    """The wall has what is stored, the latest first, with names where they are asked for."""
    for number in range(3):
        submit(ann, key=str(number), prompt=f"Boat {number}")
    gateway.look()
    gateway.save()
    teacher.do("/class/hide", id=2)
    wall = teacher.see("/wall")
    assert [wall.find(f'id="video-{number}"') > 0 for number in (1, 2, 3)] == [True, False, True]
    assert wall.index("Boat 2") < wall.index("Boat 0")
    assert "<bdi" not in wall
    assert "ann</bdi>" in teacher.see("/wall?names=1")
    assert "hidden already" in teacher.do("/class/hide", status=409, id=2).text
    assert "<video" in teacher.see("/class"), "the teacher still sees it"
    teacher.do("/class/show", id=2)
    assert "Boat 1" in teacher.see("/wall")
    assert "not hidden" in teacher.do("/class/show", status=409, id=2).text
    assert changes(gateway) == [("miss", "Clip 2: shown again."), ("miss", "Clip 2: hidden.")]


def test_wall_has_as_many_videos_as_asked_for(gateway: RunningGateway, teacher: Visitor, ann: httpx.Client) -> None:
    """One of the sizes, else nine; each is served by its signed address."""
    for number in range(5):
        submit(ann, key=str(number), prompt=f"Boat {number}")
        gateway.look()
    assert "No videos yet" in teacher.see("/wall")
    gateway.save()
    assert teacher.see("/wall?videos=4").count("<video") == 4
    page = teacher.see("/wall?videos=5000")
    assert page.count("<video") == 5
    address = page.partition('src="/services/luma/media/')[2].partition('"')[0].replace("&amp;", "&")
    assert httpx.get(f"{gateway.url}/media/{address}").headers["Content-Type"] == "video/mp4"


def test_paused_class_refuses_what_is_new_and_answers_what_is_known(
    gateway: RunningGateway, vendor: Server, teacher: Visitor, student: Visitor, ann: httpx.Client
) -> None:
    """In clear words, at the notebook and on the page; then it goes on."""
    task_id = submit(ann, key="1").json()["task_id"]
    teacher.do("/class/pause")
    refused = submit(ann, key="2")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "paused")
    assert refused.json()["error"]["message"].startswith("Your teacher has paused new clips. Nothing was sent")
    assert submit(ann, key="1").json()["task_id"] == task_id
    assert "has paused new clips" in student.see("/mine")
    assert "<p>Paused since <time" in teacher.see("/class")
    assert "paused already" in teacher.do("/class/pause", status=409).text
    teacher.do("/class/resume")
    assert "is not paused" in teacher.do("/class/resume", status=409).text
    assert submit(ann, key="2").status_code == 200
    assert len(vendor.tasks) == 2
    assert changes(gateway) == [("miss", "The class: goes on."), ("miss", "The class: paused.")]


def test_hidden_clip_answers_no_classmates_request(
    gateway: RunningGateway, vendor: Server, teacher: Visitor, client_of: Callable[[str], httpx.Client]
) -> None:
    """Where a class shares its videos; what was shared before is hidden with it."""
    ann, bob, carl = map(client_of, ("ann", "bob", "carl"))
    for client in (ann, bob, carl):
        client.headers["X-Luma-Lesson"] = "1"
    object.__setattr__(gateway.gateway.settings, "share", "lesson")
    try:
        submit(ann)
        assert submit(bob).json()["shared"]
        teacher.do("/class/hide", id=2)
        assert "shared" not in submit(carl).json()
    finally:
        object.__setattr__(gateway.gateway.settings, "share", "off")
    assert len(vendor.tasks) == 2


@pytest.mark.parametrize("id", ["", "x", "1" * 19, "-1"])
def test_change_of_no_clip_is_refused(teacher: Visitor, id: str) -> None:
    """What is no number names none."""
    teacher.do("/class/stop", status=400, id=id)


def test_change_of_a_clip_that_is_not_there_changes_nothing(gateway: RunningGateway, teacher: Visitor) -> None:
    """It is told."""
    for what in ("stop", "release", "hide", "show"):
        teacher.do(f"/class/{what}", status=409, id=99)
    assert changes(gateway) == []


def test_page_of_older_clips_goes_on_where_the_first_ends(
    gateway: RunningGateway, teacher: Visitor, student: Visitor
) -> None:
    """24 on a page, of a class and of a student."""
    enter(gateway, "ann", "Boat", 26)
    for visitor, page in ((teacher, "/class"), (student, "/mine")):
        assert f"{page}?before=3" in visitor.see(page)
        older = visitor.see(f"{page}?before=3")
        assert [f"Boat {number}<" in older for number in (1, 2, 3)] == [True, True, False]
        visitor.see(f"{page}?before=x", status=400)


def test_changes_are_listed_with_who_and_when(gateway: RunningGateway, teacher: Visitor) -> None:
    """Also what the gateway has noted by itself."""
    assert "Nothing has been changed yet." in teacher.see("/class/changes")
    gateway.run(gateway.gateway.ledger.note("gateway", "Clip 3 has a second task: t"))
    teacher.do("/class/pause")
    page = teacher.see("/class/changes")
    assert all(words in page for words in ("The class: paused.", "Clip 3 has a second task: t", "<bdi>miss</bdi>"))


def test_cap_without_a_known_kind_still_has_words() -> None:
    """The log may be older than this version."""
    assert change_words(Change(0.0, "x", "cap", None, {"kind": "?"})) == "Cap set. ?: no cap in all, no cap a day."
