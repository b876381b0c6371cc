"""What a student sees: the own clips and money, and nothing of anybody else's."""

from __future__ import annotations

import math

import httpx

from tests.gateway.test_api import submit
from tests.support.gateway import RunningGateway
from tests.support.misbehaving import Server
from tests.support.visitor import Visitor, enter


def test_student_sees_own_clips_and_what_is_left(
    gateway: RunningGateway, vendor: Server, student: Visitor, ann: httpx.Client
) -> None:
    """Under way, then done with a player; amounts are the student's, what is left is by the least cap."""
    gateway.run(gateway.gateway.ledger.set_cap("class", "", 1_000_000, 800_000, "miss"))
    vendor.seconds = math.inf
    submit(ann, prompt="A boat")
    page = student.see("/mine")
    assert "$0.30 reserved" in page
    assert "<video" not in page
    vendor.seconds = 0.0
    gateway.look()
    assert "video on its way" in student.see("/mine")
    gateway.save()
    page = student.see("/mine")
    facts = [part.partition("<dd>")[2].partition("</dd>")[0] for part in page.split("<dt>")[1:]]
    assert facts == ["$0.70", "$0.50", "$0.30", "$0.30", "$0.00"]
    address = page.partition('src="/services/luma/media/')[2].partition('"')[0].replace("&amp;", "&")
    assert httpx.get(f"{gateway.url}/media/{address}").status_code == 200
    assert "Class</a>" not in page


def test_student_sees_nothing_of_a_classmate(gateway: RunningGateway, student: Visitor) -> None:
    """Neither on the own page nor on a teacher's, whatever the address asks for."""
    enter(gateway, "bob", "Secret")
    enter(gateway, "ann", "Mine " + "x" * 400)
    assert "Secret" not in student.see("/mine")
    assert f"Mine {'x' * 294}…<" in student.see("/mine")
    assert "Secret" not in student.see("/mine?student=bob&before=1000")
    for page in ("/class", "/class?student=bob", "/class/changes", "/class/clips.csv", "/class/students.csv", "/wall"):
        assert "Secret" not in student.see(page, status=403)


def test_first_page_is_the_class_for_teachers_and_the_own_clips_for_others(
    gateway: RunningGateway, teacher: Visitor, student: Visitor
) -> None:
    """With or without a slash at the end."""
    for visitor, page in ((teacher, "class"), (student, "mine")):
        assert visitor.get("/").headers["Location"] == f"/services/luma/{page}"
    assert student.get("").headers["Location"].startswith("/services/luma/")


def test_clip_that_is_not_kept_or_hidden_says_so(gateway: RunningGateway, student: Visitor, ann: httpx.Client) -> None:
    """Instead of a player that shows nothing."""
    submit(ann)
    gateway.look()

    async def lose() -> None:
        async with gateway.gateway.database.connection() as connection:
            await connection.execute("INSERT INTO fetched (submission, lost) VALUES (1, 'gone')")
            await connection.execute("UPDATE submissions SET hidden_at = now()")

    gateway.run(lose())
    page = student.see("/mine")
    assert "video no longer kept" in page
    assert "Your teacher has hidden it from others." in page
