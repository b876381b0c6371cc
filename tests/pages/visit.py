"""Visits to pages: notebooks are run there, left, opened again, and looked at, as a person would.

One notebook, ``all``, shows each output and stays open; another, ``left``, has one clip and is reloaded while that is
made. Pages of one server are visited together, since each clip takes its time.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from luma_jupyter.demo.film import FilmSpec, render
from tests.browser.conftest import PLAY, Browser, Lab, LabPage, Notebook7Page
from tests.browser.test_gallery import place
from tests.browser.test_lab import LOAD
from tests.pages.judgement import (
    RED_BOXES,
    RUN_THIS_CELL,
    SAVED,
    Look,
    is_false,
    judge,
    look_at,
    names_what_is_missing,
    said,
)
from tests.pages.kinds import Kind
from tests.pages.updates import DisplayUpdates

# A clip takes so many seconds, and so many times as long as the pages took to open: a slow machine looks longer.
LEAST, OPENINGS = 5, 1.7
PATIENCE = 8  # seconds in which a page has to come to rest
UNNAMED = "no line says what is missing"
MOST_UPDATES = 4  # display updates of a clip
SEEN = "seen"
SIZE = {"width": 1200, "height": 1900}  # all of the notebook
PAGES = {"JupyterLab": LabPage, "Notebook 7": Notebook7Page}
Shoot = Callable[[LabPage, str], None]


@dataclass(frozen=True)
class Output:
    """What a cell shows; ``live`` selects what only its widget draws. Nothing is made twice: each page has its prompts,
    in which {0} is the front end."""

    name: str
    code: str
    live: str


CARD = Output("card", "%%luma -o boat\nA paper boat in {0}", ".luma-live")
TABLE = Output("table", "luma.batch(['A kite in {0}', 'A lamp in {0}'])", ".luma-live")
RESTING = (
    Output("gallery", "luma.gallery(folder='films')", ".luma-picks"),
    Output("compare", "luma.compare(luma.gallery(folder='films')[:2])", ".luma-position"),
    Output("studio", "luma.Studio()", ".luma-studio"),
)
OUTPUTS = (CARD, TABLE, *RESTING)
LEFT = Output("left", "%%luma -o left\nA page that is reloaded in {0}", CARD.live)
# However long a busy machine takes, no clip ends before all was seen, nor much later: a file says that.
SETTINGS = f"""{LOAD}
import pathlib
from luma_jupyter.demo.jobs import Jobs
def end_once_seen(jobs, *ended):
    if pathlib.Path({SEEN!r}).exists():
        jobs._end(*ended)
    else:
        jobs._loop.call_later(0.1, end_once_seen, jobs, *ended)
Jobs._end_when_due = end_once_seen
luma.configure(demo_seconds=float(open('seconds').read()), submissions=12)"""
VIDEOS = 4  # that are made in a visit
COLUMNS = ("card running", "card done", "table", "gallery", "compare", "studio", "reloaded", "untrusted copy")
# What is seen by those who only look on.
LOOKED_ON = COLUMNS[:-2]


class Person:
    """Somebody who has a notebook open, and what they have seen: looks at each output, and the row of the table."""

    def __init__(self, page: LabPage, outputs: Sequence[Output]) -> None:
        self.page = page
        self.outputs = outputs
        self.updates = DisplayUpdates(page.page)
        self.looks: dict[Output, list[Look]] = {output: [] for output in outputs}
        self.cells: dict[str, str] = {}

    def part(self, output: Output) -> Any:
        """An output, on the page."""
        return self.page.output(1 + self.outputs.index(output))

    def look(self, output: Output) -> Look:
        """What it shows now."""
        self.part(output).locator(".jp-OutputArea-output").first.wait_for(state="attached")
        return look_at(self.part(output), output.live)

    def keep_looking(self, output: Output, is_enough: Callable[[Look], bool], deadline: float) -> Look:
        """What an output shows once that is enough, or at a time of the monotonic clock."""
        while not is_enough(look := self.look(output)) and time.monotonic() < deadline:
            self.page.page.wait_for_timeout(200)
        return look

    def moving(self, outputs: Sequence[Output]) -> list[Output]:
        """Those outputs of which two pictures differ, though their HTML says the same in both."""
        before = {output: (self.look(output).html, self._picture(output)) for output in outputs}
        deadline = time.monotonic() + PATIENCE
        moving: list[Output] = []
        while len(moving) < len(outputs) and time.monotonic() < deadline:
            self.page.page.wait_for_timeout(500)
            for output in set(outputs).difference(moving):
                html, first = before[output]
                second = self._picture(output)
                if html != self.look(output).html:
                    before[output] = self.look(output).html, self._picture(output)
                elif differ(first, second):
                    moving.append(output)
        return moving

    def _picture(self, output: Output) -> Image.Image:
        return Image.open(io.BytesIO(self.part(output).screenshot())).convert("RGB")

    def faults_of_videos(self, output: Output) -> list[str]:
        """What is wrong with the way to the videos: each is at most one click away, and plays."""
        for summary in self.part(output).locator("details:not([open]) > summary").all():
            summary.click()
        try:
            if large := self.part(output).locator(".luma-open").all():
                large[0].click()
                played = self.page.page.locator(".luma-player[open]").evaluate(PLAY)
                self.page.page.keyboard.press("Escape")
            else:
                played = self.part(output).evaluate(PLAY)
        except Exception as error:
            return [f"a video does not play: {str(error).splitlines()[0]}"]
        if not played:
            return ["there is no way to the video"]
        return [] if all(video["moved"] and video["ready"] == 4 for video in played) else ["a video does not play"]


class Visit:
    """A visit to one kind of page in one front end. ``shoot`` keeps a picture of a page at a named moment.

    ``people`` have the notebook ``all`` open, the first of them runs it. A step that cannot be taken is told in
    ``troubles``, and leaves its cells of the table empty.
    """

    def __init__(self, browser: Browser, lab: Lab, kind: Kind, front_end: str, shoot: Shoot) -> None:
        self._lab = lab
        self._kind = kind
        self._keep = shoot
        self.title = f"{front_end} {kind.title}"
        self._front_end = front_end
        self._folder = f"{kind.name} {front_end}".lower()
        pages = [browser.page(lab, PAGES[front_end], **SIZE) for _ in range(kind.people + 1)]
        self._left = Person(pages.pop(), [LEFT])
        self.people = [Person(page, OUTPUTS) for page in pages]
        self.troubles: list[str] = []
        self._ended = 0.0  # on the monotonic clock: when all videos had been made

    def run(self, step: Callable[[Visit], None]) -> None:
        """Take a step."""
        try:
            step(self)
        except Exception as error:  # whatever it is, the other steps are worth taking
            self.troubles.append(f"{step.__name__}: {' '.join(str(error).split())[:300]}")

    def set_seconds(self, seconds: float) -> None:
        """Say how long a clip takes, before the notebooks are run."""
        (self._path / "seconds").write_text(str(seconds))

    def _shoot(self, person: Person, moment: str) -> None:
        number = f", person {self.people.index(person) + 1}" if person in self.people[1:] else ""
        self._keep(person.page, f"{self.title}{number}, {moment}")

    @property
    def _path(self) -> Path:
        return self._lab.folder / self._folder

    def _name(self, notebook: str) -> str:
        return f"{self._folder}/{notebook}.ipynb"

    def _save(self, person: Person, notebook: str) -> None:
        if self._kind.saves_itself:
            person.page.page.wait_for_timeout(3000)  # it does so a second after each change
        else:
            person.page.save(self._name(notebook))

    def _code(self, outputs: Sequence[Output]) -> list[str]:
        return [output.code.format(self._front_end) for output in outputs]

    # The steps.

    def open_notebooks(self) -> None:
        """Write the notebooks and open them."""
        place(render(FilmSpec("A paper boat", seconds=1.0), self._lab.home, "film").video, self._path / "films", 3)
        self._lab.write(self._name("all"), SETTINGS, *self._code(OUTPUTS))
        self._lab.write(self._name("left"), SETTINGS, *self._code([LEFT]))
        for person in self.people:
            person.page.open(self._name("all"))
        self._left.page.open(self._name("left"))

    def begin(self) -> None:
        """Run both notebooks, and see what is there in the first second."""
        self._left.page.run_all()
        self.people[0].page.run_all()
        for person in self.people:
            for output in OUTPUTS:
                person.looks[output].append(person.look(output))

    def reload(self) -> None:
        """Reload the page in the middle of a clip."""
        self._left.look(LEFT)
        self._save(self._left, "left")
        self.saved = json.loads((self._path / "left.ipynb").read_text(encoding="utf-8"))
        self._left.page.open(self._name("left"))
        self._left.looks[LEFT].append(self._left.look(LEFT))

    def rest(self) -> None:
        """See what comes to rest, and what moves all the same."""
        deadline = time.monotonic() + PATIENCE
        for person in self.people:
            for output in RESTING:
                look = person.keep_looking(output, lambda look: look.live or self._names_it(look), deadline)
                faults = [] if look.live or not self._kind.missing or self._names_it(look) else [UNNAMED]
                person.cells[output.name] = judge([look], [SAVED, RUN_THIS_CELL], faults)
            trusted = self._kind.trusts and person is self.people[0]  # to others it is untrusted
            moving = person.moving([CARD, TABLE]) if trusted else OUTPUTS
            for output, name in ((CARD, "card running"), (TABLE, "table")):
                person.looks[output].append(person.look(output))
                person.cells[name] = judge(person.looks[output], [SAVED], [] if output in moving else ["nothing moves"])
            self._shoot(person, "running")
        self._left.looks[LEFT].append(self._left.look(LEFT))
        self._shoot(self._left, "reloaded while running")
        assert not self._videos(), "a clip was made before all was seen"

    def end(self) -> None:
        """See the end on the pages that were open all the time."""
        (self._path / SEEN).touch()
        deadline = time.monotonic() + 2 * float((self._path / "seconds").read_text()) + 60
        while len(self._videos()) < VIDEOS:
            assert time.monotonic() < deadline, f"only {len(self._videos())} of {VIDEOS} videos were made"
            self._left.page.page.wait_for_timeout(200)
        self._ended = time.monotonic()
        for person in self.people:
            self._await_end(person, [CARD, TABLE])
            self._shoot(person, "done")
            updates = person.updates.of(f"A paper boat in {self._front_end}")
            faults = [*person.faults_of_videos(CARD), *_too_many(updates)]
            word = judge_end(person.looks[CARD], [SAVED], faults)
            person.cells["card done"] = f"{word}, {updates} updates" if word == "forward" else word
            if not is_false(person.cells["table"]):
                person.cells["table"] = judge_end(person.looks[TABLE], [SAVED])

    def end_reloaded(self) -> None:
        """See the end on the page that was reloaded: what was saved in mid-run is true there by now."""
        person = self._left
        while_running = [fault for look in person.looks[LEFT] for fault in said(look.text, [SAVED])]
        self._await_end(person, [LEFT])
        self._shoot(person, "reloaded")
        faults = [*dict.fromkeys(while_running), *person.faults_of_videos(LEFT)]
        self.people[0].cells["reloaded"] = judge_end(person.looks[LEFT], [], faults)

    def copy(self) -> None:
        """Look at a copy that nobody here has signed: of what is there now, and of a clip as it was in mid-run."""
        self._save(self.people[0], "all")
        copy = json.loads((self._path / "all.ipynb").read_text(encoding="utf-8"))
        copy["cells"] += self.saved["cells"][1:]
        copy["metadata"]["somebody"] = "else"  # the signature is of the content
        (self._path / "copy.ipynb").write_text(json.dumps(copy), encoding="utf-8")
        cells = self._lab.get(f"contents/{self._name('copy')}")["content"]["cells"]
        assert any(cell["metadata"].get("trusted") is False for cell in cells), "the server trusts a changed notebook"
        copied = Person(self._left.page, (*OUTPUTS, LEFT))
        copied.page.open(self._name("copy"))
        faults = [fault for output in (CARD, LEFT) for fault in copied.faults_of_videos(output)]
        faults += said(copied.look(LEFT).text, RED_BOXES)
        self._shoot(copied, "untrusted copy")
        table = judge([copied.look(TABLE)], [SAVED], faults)
        self.people[0].cells["untrusted copy"] = table if is_false(table) else judge([copied.look(CARD)], [SAVED])

    def _names_it(self, look: Look) -> bool:
        return bool(self._kind.missing) and names_what_is_missing(look.text, self._kind.missing)

    def _videos(self) -> list[Path]:
        return list((self._path / "luma_videos").glob("*.mp4"))

    def _await_end(self, person: Person, outputs: Sequence[Output]) -> None:
        """Look at outputs once they say something else without their live parts, or had time for that since the end."""
        deadline = self._ended + PATIENCE
        for output in outputs:
            before = person.looks[output][-1].html
            person.keep_looking(output, lambda look, before=before: not look.live and look.html != before, deadline)
        person.page.page.wait_for_timeout(1000)  # what has changed may change once more
        for output in outputs:
            person.looks[output].append(person.look(output))


def differ(first: Image.Image, second: Image.Image) -> bool:
    """Whether two pictures are not the same."""
    return first.size != second.size or ImageChops.difference(first, second).getbbox() is not None


STEPS = (Visit.begin, Visit.reload, Visit.rest, Visit.end, Visit.end_reloaded, Visit.copy)


def visit(visits: Sequence[Visit], slowness: float = 1.0) -> None:
    """Visit pages of one server; a clip takes ``slowness`` times longer than it takes to look at it."""
    start = time.monotonic()
    for one in visits:
        one.run(Visit.open_notebooks)
    opening = time.monotonic() - start
    for one in visits:
        one.set_seconds(slowness * (LEAST + OPENINGS * opening))
    for step in STEPS:
        for one in visits:
            one.run(step)


def judge_end(looks: Sequence[Look], never: Iterable[str] = (), faults: Iterable[str] = ()) -> str:
    """One word on how an output came to its end, which is the last look; of that look alone what must not be said."""
    at_end = judge([looks[-1]], never, faults)
    return at_end if is_false(at_end) else judge(looks)


def _too_many(updates: int) -> list[str]:
    return [f"{updates} display updates"] if updates > MOST_UPDATES else []
