"""Whatever students, services and names say is text: in pages, in tables, in headers."""

from __future__ import annotations

import csv
import io
import json

import httpx

from tests.gateway.test_api import submit
from tests.support.gateway import RunningGateway
from tests.support.visitor import Visitor, enter, visitor

EVIL = "\"><script>alert('1')</script>{{ xsrf }}&lt;\u202e=1\x1b[31m"
PARTS = ("<script>alert", "\u202e", "\x1b", "alert('1')")
PAGES = ("/class", "/class/changes", "/wall?names=1")


def fill(gateway: RunningGateway, words: str) -> None:
    """Have the same words in every field that somebody else fills."""

    async def run() -> None:
        async with gateway.gateway.database.connection() as connection:
            await connection.execute(
                "INSERT INTO submissions (owner, groups, day, vendor, key, body, fingerprint, state, price, error_code,"
                " error_message, task_id, trace_id, media) SELECT %(x)s, ARRAY[%(x)s], current_date, 'acedata',"
                " %(x)s || s, jsonb_build_object('prompt', %(x)s::text), %(x)s, s, 1, %(x)s, %(x)s, %(x)s, %(x)s, %(x)s"
                " FROM unnest(ARRAY['sent', 'accepted', 'completed', 'failed', 'refused', 'unconfirmed']) AS s",
                {"x": words},
            )
            await connection.execute("INSERT INTO people (name, groups) VALUES (%s, ARRAY[%s])", (f"{words}2", words))
            await connection.execute(
                "INSERT INTO trouble (kind, subject, words) VALUES ('key', %s, %s)", (words, words)
            )
            await connection.execute(
                "INSERT INTO audit (who, what, before, after) VALUES (%(x)s, %(x)s, %(j)s, %(j)s)",
                {"x": words, "j": json.dumps(words)},
            )

    gateway.run(run())
    gateway.run(gateway.gateway.ledger.set_cap("group", words, 1, None, words))


def test_words_of_others_are_text_on_every_page(gateway: RunningGateway, teacher: Visitor) -> None:
    """Names, groups, prompts, errors, troubles, the audit log: nothing becomes an element, or turns lines round."""
    fill(gateway, EVIL)
    evil = visitor(gateway, EVIL, EVIL)
    pages = [teacher.see(page) for page in PAGES] + [evil.see("/mine")]
    evil.close()
    for page in pages:
        assert not [part for part in PARTS if part in page]
        assert "&lt;script&gt;alert" in page
        assert page.count("<script") == 1, "the page's own"


def test_other_students_name_in_an_address_is_text(gateway: RunningGateway, teacher: Visitor) -> None:
    """Also where it is shown as a heading and in links."""
    page = teacher.see("/class", params={"student": EVIL, "done": EVIL})
    assert not [part for part in PARTS if part in page]


def test_cells_of_the_tables_are_no_formulas(gateway: RunningGateway, teacher: Visitor) -> None:
    """They begin with an apostrophe; commas, quotes and line ends stay inside."""
    for words in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1", 'a "b", c', "two\nlines", "日本 עברית"):
        enter(gateway, words, words)
    raw = teacher.get("/class/clips.csv")
    assert raw.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert raw.headers["Content-Disposition"] == 'attachment; filename="clips.csv"'
    rows = list(csv.DictReader(io.StringIO(raw.content.decode("utf-8-sig"), newline="")))
    assert [row["student"] for row in rows] == [
        *("'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'  =1", "'＝1", 'a "b", c', "two\nlines", "日本 עברית")
    ]
    assert rows[0]["prompt"] == "'=1+1 1"
    assert (rows[0]["state"], rows[0]["cost_usd"], rows[0]["shared"], rows[0]["hidden"]) == (
        "completed",
        "0.3",
        "no",
        "no",
    )
    students = teacher.get("/class/students.csv").content.decode("utf-8-sig")
    found = {row["student"] for row in csv.DictReader(io.StringIO(students, newline=""))}
    assert "'=1+1" in found
    assert "＝1" not in found


def test_all_clips_are_in_the_table(gateway: RunningGateway, teacher: Visitor) -> None:
    """However many."""
    enter(gateway, "ann", "Boat", 1203)
    assert teacher.get("/class/clips.csv").text.count("\r\n") == 1204


def test_line_ends_in_an_address_make_no_header(teacher: Visitor) -> None:
    """What a form brings back in a Location is quoted."""
    answer = teacher.do("/class/pause", student="x\r\nSet-Cookie: evil=1")
    assert "evil" not in answer.headers.get("Set-Cookie", "")
    assert answer.headers["Location"].startswith("/services/luma/class?done=pause&student=x%")


def test_words_that_cannot_be_kept_are_refused(gateway: RunningGateway, teacher: Visitor, ann: httpx.Client) -> None:
    """A NUL, and what is no UTF-8."""
    assert submit(ann, prompt="a\0b").status_code == 400
    form = f"_xsrf={teacher.xsrf}&kind=group&name=%ff&in_all=1".encode()
    answer = teacher.post("/class/cap", content=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 400
    assert gateway.run(gateway.gateway.ledger.changes()) == []
