"""The pages of the class gateway in Chromium: how they look in both themes and on phones, by keyboard, and while they
renew themselves.

Where Chromium or PostgreSQL is missing these tests are skipped with the reason, unless ``LUMA_BROWSER_TESTS=required``.
"""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import AXE, SCREENSHOTS
from tests.support.gateway import RunningGateway, gateway_settings, running_gateway
from tests.support.misbehaving import Server
from tests.support.postgres import PostgresServer, programs_or_skip
from tests.support.shots import Colour, shot
from tests.support.small_catalogue import small_catalogue
from tests.support.visitor import enter, visitor

ARABIC = "قارب أحمر صغير في بحيرة هادئة عند الفجر، والكاميرا تقترب ببطء"
CHINESE = "黎明时分，一只红色的小船漂在平静的湖面上，镜头缓缓推近"
LONG = "A lighthouse in a storm, waves like mountains, the camera circles slowly; " * 4
CLIPS: tuple[tuple[str, str, str, Colour], ...] = (  # whose, what, state, colour of the film
    ("ann", "A red boat on a quiet lake at dawn", "completed", (190, 60, 50)),
    ("bob", ARABIC, "completed", (40, 110, 170)),
    ("chen", CHINESE, "completed", (50, 140, 90)),
    ("dora", LONG, "completed", (150, 120, 40)),
    ("ann", "<b>Bold</b> & \"quoted\" 'words'", "failed", (0, 0, 0)),
    ("bob", "A fox that runs through snow", "unconfirmed", (0, 0, 0)),
    ("chen", "A kite over the sea", "accepted", (0, 0, 0)),
    ("ann", "A train at night", "sent", (0, 0, 0)),
)
PAGES = ("class", "class/changes", "wall?names=1", "mine", "login?token", "mine?before=x")
PREFIX = "/services/luma"
SAFE = str.maketrans("/?=", "---")
READY = "() => [...document.querySelectorAll('time')].every((time) => time.title)"
OPENED = """() => {
    try { return globalThis.opened.closed ? "nothing" : opened.document.title; } catch { return "nothing"; }
}"""
FRAME = """async (address) => {
    const frame = document.createElement("iframe");
    frame.src = address;
    document.body.append(frame);
    await new Promise((loaded) => { frame.onload = loaded; });
    try { return frame.contentDocument ? frame.contentDocument.body.innerText : ""; } catch { return ""; }
}"""
FETCH_WITH_TOKEN = """async ([address, token]) => {
    const answer = await fetch(address, { headers: { "X-XSRFToken": token } });
    return answer.status;
}"""
VIEWS = {  # how a page is looked at: the theme, and the width and height of the window
    "light": ("light", 1200, 1400),
    "dark": ("dark", 1200, 1400),
    "narrow": ("light", 390, 800),
}


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def fill(gateway: RunningGateway, folder: Path) -> None:
    """Have a class with clips in all states, caps, a trouble, and a name from each corner."""
    ledger, media = gateway.gateway.ledger, gateway.gateway.uploads.media
    await ledger.set_cap("student", "", 5_000_000, 1_000_000, "miss")
    await ledger.set_cap("class", "", 100_000_000, None, "miss")
    async with gateway.gateway.database.connection() as connection:
        for number, (owner, prompt, state, colour) in enumerate(CLIPS, 1):
            film = thumbnail = None
            if state == "completed":
                path = shot(folder / f"{number}.mp4", colour, frames=24, size=(320, 180))
                film = await media.put(once(path.read_bytes()), "mp4")
                picture = io.BytesIO()
                Image.new("RGB", (320, 180), colour).save(picture, "JPEG")
                thumbnail = await media.put(once(picture.getvalue()), "jpg")
            await connection.execute(
                "INSERT INTO submissions (owner, groups, day, vendor, key, body, fingerprint, state, price, media,"
                " error_message, task_id, beat_at) VALUES (%s, '{films}', current_date, 'acedata', %s,"
                " jsonb_build_object('prompt', %s::text), '', %s, 300000, %s, %s, %s, now() + interval '1 hour')",
                (
                    owner,
                    str(number),
                    prompt,
                    state,
                    film,
                    "The prompt was refused." if state == "failed" else None,
                    "t",
                ),
            )
            if thumbnail:
                await connection.execute(
                    "INSERT INTO fetched (submission, thumbnail) VALUES (%s, %s)", (number, thumbnail)
                )
        await connection.execute(
            "INSERT INTO people (name, groups) VALUES ('ann', '{films}'), ('bob', '{films}'), ('chen', '{films}'),"
            " ('dora', '{films}'), ('ليلى', '{films,evening}'), ('somebody-with-a-long-name@school.example', '{}')"
        )
        await connection.execute(
            "INSERT INTO trouble VALUES ('balance', 'acedata', 'AceDataCloud says that the balance is spent.')"
        )
    await ledger.note("gateway", "Clip 6 has a second task: task-77")


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def gateway(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """A gateway with a class."""
    folder = tmp_path_factory.mktemp("gateway")
    server = PostgresServer(programs_or_skip())

    with Server() as vendor:
        name = server.create()
        with running_gateway(gateway_settings(server.conninfo(name), vendor.url, folder)) as running:
            running.run(running.gateway.database.migrate())
            running.run(fill(running, folder))
            yield running
    server.close()


@pytest.fixture(scope="module")
def cookies(gateway: RunningGateway) -> dict[str, list[dict[str, str]]]:
    """The cookies of a teacher and a student who have signed in, by their names."""
    found = {}
    for name in ("miss", "ann"):
        signed_in = visitor(gateway, name, "films", teaches=name == "miss")
        found[name] = [
            {"name": cookie.name, "value": str(cookie.value), "domain": "127.0.0.1", "path": cookie.path}
            for cookie in signed_in.cookies.jar
        ]
        signed_in.close()
    return found


@pytest.fixture
def open_(
    gateway: RunningGateway, chromium: Any, cookies: dict[str, list[dict[str, str]]]
) -> Iterator[Callable[..., Any]]:
    """Open a page as somebody; nothing that the page's own policy forbids, and no error, passes unseen."""
    contexts, errors = [], []

    def note(words: str) -> None:
        if "Content Security" in words and "frame-ancestors" not in words:
            errors.append(words)

    def open_page(path: str, name: str = "miss", view: str = "light", **more: Any) -> Any:
        scheme, width, height = VIEWS[view]
        context = chromium.new_context(color_scheme=scheme, viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        context.add_cookies(cookies[name])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: note(said.text))
        page.goto(f"{gateway.url}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []


def faults(page: Any) -> list[tuple[str, list[str]]]:
    """What axe-core finds serious or critical."""
    page.evaluate(AXE)
    found = page.evaluate("() => axe.run()")["violations"]
    return [(f["id"], [n["html"] for n in f["nodes"]]) for f in found if f["impact"] in ("serious", "critical")]


def go(page: Any, path: str) -> None:
    """Go to another page of the gateway."""
    page.goto(f"{page.url.partition(PREFIX)[0]}{PREFIX}/{path}")


def picture(page: Any, name: str) -> None:
    """Keep a picture of a page."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"gateway-{name}.png", full_page=True)


@pytest.mark.parametrize("view", VIEWS)
def test_all_pages_can_be_read(open_: Open, view: str) -> None:
    """No serious fault by axe-core, nothing wider than the window; a picture of each, with what can be opened open."""
    page = open_("class", view=view)
    for path in PAGES:
        go(page, path)
        page.wait_for_function(READY)
        for details in page.locator("details").all()[:2] + page.locator("#clips details").all():
            details.evaluate("(one) => { one.open = true; }")
        picture(page, f"{path.translate(SAFE)}-{view}")
        assert faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    student = open_("mine", name="ann", view=view)
    student.wait_for_function(READY)
    picture(student, f"ann-{view}")
    assert faults(student) == []


def test_prompts_are_read_in_their_own_direction(open_: Open) -> None:
    """Arabic from the right, Chinese and English from the left; a long one is cut at its end."""
    page = open_("wall")
    directions = "(one) => getComputedStyle(one).direction"
    for words, expected in ((ARABIC, "rtl"), (CHINESE, "ltr"), (CLIPS[0][1], "ltr")):
        assert page.get_by_text(words).evaluate(directions) == expected
    go(page, "class")
    assert page.locator("#clips").get_by_text(ARABIC).evaluate(directions) == "rtl"
    assert page.locator("#clips").get_by_text('<b>Bold</b> & "quoted"').is_visible()


def test_teacher_needs_no_mouse(open_: Open, gateway: RunningGateway) -> None:
    """Tab and Enter alone: sign in, to a student's cap, a number, set; and what has the focus can be seen."""
    page = open_("class")
    page.context.clear_cookies()
    go(page, "class")
    page.get_by_label("Your token").focus()
    page.keyboard.type(gateway.token("miss", teaches=True))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pause all").wait_for()
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Cap of dora":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("7.5")
    page.keyboard.press("Enter")
    page.get_by_text("The cap is set.").wait_for()
    assert page.get_by_label("Cap of dora").inner_text() == "$7.50 / $1.00"


def test_page_renews_itself_and_leaves_alone_what_somebody_types(open_: Open, gateway: RunningGateway) -> None:
    """A clip that a student makes comes by itself; a number that is being typed stays, and so does the focus."""
    page = open_("class")
    field = page.locator("#students tr:has-text('bob')").get_by_label("In all, USD")
    page.get_by_label("Cap of bob").click()
    field.fill("12")
    enter(gateway, "bob", "A heron, quite new", state="sent")
    page.locator("#clips li:first-child").get_by_text("A heron, quite new").wait_for()
    gateway.run(gateway.gateway.ledger.accept(9, "task-9", None, None))
    page.locator("#clips li:first-child").locator(".state-accepted").wait_for()
    assert field.input_value() == "12"
    assert field.evaluate("(one) => one === document.activeElement")
    page.locator("#clip-9").get_by_text("Stop…").click()
    page.get_by_role("button", name="Stop this clip").click()
    page.locator("#clip-9 .state").get_by_text("stopped").wait_for()


def test_wall_plays_without_sound_and_drops_what_is_hidden(open_: Open, gateway: RunningGateway) -> None:
    """All play in a loop; a clip that a teacher hides is gone at once, and comes back when it is shown."""
    wall, desk = open_("wall"), open_("class")
    playing = "[...document.querySelectorAll('video')].filter((v) => !v.paused && v.muted && v.loop).length"
    wall.wait_for_function(f"() => {playing} === 4")
    desk.get_by_role("button", name="Hide clip 1", exact=True).click()
    wall.wait_for_function(f"() => {playing} === 3 && !document.querySelector('#video-1')")
    desk.get_by_role("button", name="Show clip 1", exact=True).click()
    wall.wait_for_function(f"() => {playing} === 4")
    wall.get_by_role("button", name="Pause").click()
    wall.wait_for_function(f"() => {playing} === 0")


def test_students_page_of_the_same_origin_gets_no_hand_on_a_teachers(open_: Open) -> None:
    """Neither by opening it, nor by a frame, nor by fetching it, also with a token of its own."""
    page = open_("class")
    origin = page.url.partition(PREFIX)[0]
    page.goto(f"{origin}/user/eve")  # any other page of this origin
    address = f"{PREFIX}/class"
    assert page.evaluate("(address) => fetch(address).then((answer) => answer.status)", address) == 403
    page.evaluate("([token, path]) => { document.cookie = `luma-xsrf=${token}; path=${path}`; }", ["ab" * 16, PREFIX])
    assert page.evaluate(FETCH_WITH_TOKEN, [address, "ab" * 16]) == 403
    with page.expect_popup() as opened:
        page.evaluate("(address) => { globalThis.opened = window.open(address); }", address)
    opened.value.get_by_role("button", name="Pause all").wait_for()
    assert page.evaluate(OPENED) == "nothing"
    framed = page.evaluate(FRAME, address)
    assert "Pause all" not in framed


def test_page_speaks_the_browsers_language_and_goes_on_so(open_: Open, gateway: RunningGateway, tmp_path: Path) -> None:
    """What a page shows, what comes by itself, how a time is written, what a button is called when it was pressed."""
    messages = {"being sent": "正在提交", "under way": "制作中", "Pause": "暂停", "Play": "播放"}
    with small_catalogue(tmp_path, messages):
        page = open_("class", locale="zh-CN")
        assert page.locator("html").get_attribute("lang") == "zh"
        enter(gateway, "dora", "A swan", state="sent")
        newest = page.locator("#clips li:first-child")
        newest.get_by_text("A swan").wait_for()
        assert newest.locator(".state").inner_text() == "正在提交"
        assert newest.locator("time").get_attribute("title") == page.evaluate(
            "(time) => new Date(time).toLocaleString('zh-CN')", newest.locator("time").get_attribute("datetime")
        )
        picture(page, "class-zh")
        go(page, "wall")
        page.get_by_role("button", name="暂停").click()
        page.get_by_role("button", name="播放").wait_for()


def test_teachers_and_students_pages_in_chinese(open_: Open) -> None:
    """With the catalogue that is shipped: of ours nothing is English but names of things and what is typed."""
    for path, name in {"class": "class", "": "mine", "class/changes": "changes", "wall": "wall"}.items():
        page = open_(path, locale="zh-CN")
        assert page.locator("html").get_attribute("lang") == "zh"
        picture(page, f"chinese-{name}")
        words = page.evaluate("""() => {
            for (const node of document.querySelectorAll(".prompt, [dir=auto], bdi, code, time")) node.remove();
            return document.body.innerText;
        }""")
        left = {line for line in words.splitlines() if re.search("[A-Za-z]{2,} [a-z]{2,}", line)}
        assert left <= {"The prompt was refused."}, path  # the service's own words
