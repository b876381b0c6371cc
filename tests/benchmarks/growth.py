"""How the cost of one more clip grows with how many there are: in the folder, in the journal, and in the kernel.

Each count is a process of its own, whose folder and journal are filled before; every clip is of today. Beside each row
stands the same work done by hand in a plain SQLite table, which is as good as it gets on this disk.
"""

from __future__ import annotations

import argparse
import json
import math
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from PIL import Image

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.engine.library.index import COARSE
from tests.benchmarks.environment import environment
from tests.benchmarks.report import Report, save, say
from tests.support.many_clips import completed_task, fill
from tests.support.misbehaving import Server
from tests.support.misbehaving.server import video

COUNTS = (100, 1000, 10_000, 20_000)
TIMES = 15  # of each call; the median counts
TAKES = 100
TASK_SECONDS = 0.05
ROWS_SEEN = 60  # on a first screen
FLAT, LINEAR = 0.1, 1.1  # the largest exponents
MOST_A_CLIP, MOST_TAKES, FIRST_LOOK_UP = 1.0, 100.0, {1000: 500.0, 20_000: 5000.0}  # milliseconds
GENERATE, FOUND, BUDGET = "one more generate", "a request found again", "one more with a budget"
BATCH, TAKES_AGAIN, FIRST = "a batch of all run again", f"{TAKES} takes found again", "first look-up, no journal"
CLIPS, HISTORY = "luma.clips(), first screen", "%luma history, first screen"
SEARCH, SEARCH_ALL, STARRED = "a search that finds a few", "a search in all folders", "clips with a star"
PICKER, GALLERY, NEW_KERNEL = "studio's picker", "luma.gallery(), kernel side", "first luma.clips() of a kernel"
FIRST_SCREENS, MOST_SCREEN = (CLIPS, HISTORY, PICKER, GALLERY), 100.0  # milliseconds
SEARCHES, MOST_SEARCH = (SEARCH, SEARCH_ALL, STARRED), 50.0  # milliseconds
ROWS = {  # the largest exponents
    **dict.fromkeys((GENERATE, FOUND, BUDGET, TAKES_AGAIN, PICKER), FLAT),
    **dict.fromkeys((BATCH, FIRST, CLIPS, HISTORY, GALLERY, NEW_KERNEL, *SEARCHES), LINEAR),
}


def prompt(number: int) -> str:
    """The prompt of a clip; no two begin with the same words."""
    return f"{number} paper boats on a calm lake"


def requests(count: int) -> list[GenerateRequest]:
    """What the folder's clips were asked for with: so many prompts, and the takes of one more."""
    takes = [GenerateRequest(prompt="A fox", take=take) for take in range(1, TAKES + 1)]
    return [GenerateRequest(prompt=prompt(number)) for number in range(count)] + takes


def fill_folder(folder: Path, count: int) -> None:
    """Completed clips of today, each with sidecar, picture and entry; videos and pictures are links to a few files."""
    film = folder / "film.mp4"
    film.write_bytes(video("film"))
    Image.new("RGB", (480, 270)).save(film.with_suffix(".jpg"))
    fill(folder, requests(count), film, media=folder / "media", home=folder / "home")


# In the process that is measured.


def measure(count: int) -> dict[str, float]:
    """Milliseconds of each row, in this process, whose folder holds so many clips."""
    import luma_jupyter as luma

    def timed(call: Callable[[int], Any]) -> float:
        took = []
        for number in range(TIMES):
            begun = time.perf_counter()
            clip = call(number)
            took.append(1e3 * (time.perf_counter() - begun))
            clip.wait()
        return median(took)

    def run_again() -> None:
        for start in range(0, count, most):
            luma.batch([prompt(number) for number in range(start, min(start + most, count))], yes=True)

    most = _most_in_a_batch()
    luma.generate("warm").wait()
    found = {BATCH: _once(run_again)}
    found[TAKES_AGAIN] = _once(lambda: luma.batch("A fox", takes=TAKES, yes=True))
    found[GENERATE] = timed(lambda number: luma.generate(f"new {number}"))
    found[FOUND] = timed(lambda number: luma.generate(prompt(number * count // TIMES)))
    luma.configure(budget=1e6, acedata_price=0.35)
    found[BUDGET] = timed(lambda number: luma.generate(f"priced {number}"))
    return found


def _most_in_a_batch() -> int:
    from luma_jupyter.clip.grid import MOST

    return int(MOST)


def _once(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - begun)


def measure_first(count: int) -> dict[str, float]:
    """Milliseconds of the first look-up in a folder that was handed over, without a journal."""
    import luma_jupyter as luma

    luma.configure(home=luma.configure.__globals__["kernel"].configuration.current().home_folder / "new")
    luma.generate(prompt(0))  # imports, connections
    luma.configure(home=luma.configure.__globals__["kernel"].configuration.current().home_folder / "newer")
    return {FIRST: _once(lambda: luma.generate(prompt(count // 2)))}


def settle() -> dict[str, float]:
    """Have the folder looked through when it has been quiet for long enough, as any kernel would."""
    import luma_jupyter as luma

    time.sleep(COARSE + 0.1)
    luma.clips()
    return {}


def measure_views(count: int) -> dict[str, float]:
    """Milliseconds of what is seen of the folder, in a kernel that begins."""
    import luma_jupyter as luma
    from luma_jupyter.api.kernel import kernel
    from luma_jupyter.magics.magics import LumaMagics
    from luma_jupyter.widgets.studio.clip_choices import clip_choices

    assert luma.gallery, "it is imported"
    found = {NEW_KERNEL: _once(lambda: repr(luma.clips()))}
    assert len(luma.clips()) > count
    magics = LumaMagics(kernel)
    environment = kernel.presenter.environment
    views: Mapping[str, Callable[[], object]] = {
        CLIPS: lambda: repr(luma.clips()),
        HISTORY: lambda: (history := magics.run("history", None), repr(history), history._repr_html_()),
        PICKER: lambda: clip_choices(kernel.session, environment),
        GALLERY: lambda: luma.gallery()._html("bench"),
        SEARCH: lambda: luma.clips(search=few),
        SEARCH_ALL: lambda: luma.clips(search=few, folder="all"),
        STARRED: lambda: luma.clips(starred=True),
    }
    few = f"ＢＯＡＴＳ {count - 1}"
    assert 1 <= len(luma.clips(search=few)) <= 20
    luma.clips()[0].starred = True
    assert len(luma.clips(starred=True)) == 1
    return found | {name: median(_once(view) for _ in range(TIMES)) for name, view in views.items()}


# The bound.


def by_hand(folder: Path, count: int) -> dict[str, float]:
    """Milliseconds of the same work in a plain SQLite table with an index: a look-up, and an entry that is synced."""
    path = folder / "plain.sqlite3"
    filled = [
        completed_task(request, number, folder, folder, time.time()) for number, request in enumerate(requests(count))
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as table:
        table.execute("PRAGMA journal_mode = WAL")
        table.execute("PRAGMA synchronous = FULL")
        table.execute("CREATE TABLE clips (fingerprint TEXT PRIMARY KEY, price REAL, data TEXT)")
        table.execute("BEGIN")
        text = json.dumps({"prompt": "A paper boat", "filler": "x" * 600})
        table.executemany("INSERT INTO clips VALUES (?, 0.35, ?)", [(task.fingerprint, text) for task in filled])
        table.execute("COMMIT")

        def find(key: str) -> object:
            found = table.execute("SELECT data FROM clips WHERE fingerprint = ?", (key,)).fetchone()
            return json.loads(found[0]) if found else None

        def add(key: str) -> None:
            table.execute("BEGIN IMMEDIATE")
            find(key)
            table.execute("INSERT INTO clips VALUES (?, 0.35, ?)", (key, text))
            table.execute("COMMIT")

        def see() -> object:
            (number,) = table.execute("SELECT COUNT(*) FROM clips").fetchone()
            rows = table.execute("SELECT data FROM clips ORDER BY rowid DESC LIMIT ?", (ROWS_SEEN,))
            return number, [json.loads(text) for (text,) in rows]

        def search() -> object:
            return table.execute("SELECT data FROM clips WHERE instr(data, ?)", ("no such boat",)).fetchall()

        def each(call: Callable[[int], object]) -> float:
            return median(_once(lambda number=number: call(number)) for number in range(TIMES))  # type: ignore[misc]

        return {
            GENERATE: each(lambda number: add(f"new {number}")),
            FOUND: each(lambda number: find(filled[number * count // TIMES].fingerprint)),
            BUDGET: each(lambda number: add(f"priced {number}")),
            BATCH: _once(lambda: [find(task.fingerprint) for task in filled[:count]]),
            TAKES_AGAIN: _once(lambda: [find(task.fingerprint) for task in filled[count:]]),
            **dict.fromkeys((*FIRST_SCREENS, NEW_KERNEL), each(lambda number: see())),
            **dict.fromkeys(SEARCHES, each(lambda number: search())),
            FIRST: _once(lambda: [path.read_bytes() for path in Path(folder, "media").glob("*.json")]),
        }


# The table.


def run_count(url: str, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds of each row at one count; and by hand."""
    with tempfile.TemporaryDirectory() as folder:
        fill_folder(Path(folder), count)
        variables = environment(url, folder) | {"LUMA_JUPYTER_SUBMISSIONS": "50"}
        found: dict[str, float] = {}
        for what in MEASURES:
            words = [sys.executable, "-m", "tests.benchmarks.growth", what, str(count)]
            done = subprocess.run(words, env=variables, cwd=folder, capture_output=True, text=True, timeout=1800)
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            found |= json.loads(done.stdout.splitlines()[-1])
        return found, by_hand(Path(folder), count)


def exponent(counts: Sequence[int], values: Sequence[float]) -> float:
    """The exponent of the power of the count that fits the values best, on log axes."""
    return linear_regression([math.log(count) for count in counts], [math.log(value) for value in values]).slope


def run(report: Report, counts: Sequence[int] = COUNTS) -> None:
    """All rows at all counts, ours and by hand, plotted on log axes."""
    ours: dict[int, Mapping[str, float]] = {}
    plain: dict[int, Mapping[str, float]] = {}
    with Server(seconds=TASK_SECONDS) as server:
        for count in counts:
            say(f"growth: {count:,} clips")
            ours[count], plain[count] = run_count(server.url, count)
    rows = []
    for name, most in ROWS.items():
        values = [ours[count][name] for count in counts]
        fitted = exponent(counts, values)
        by_count = {f"n = {count:,} (ms)": value for count, value in zip(counts, values, strict=True)}
        rows.append({"": name, **by_count, "exponent": fitted, "by hand, at most n (ms)": plain[counts[-1]][name]})
        report.check(f"{name}: exponent of its growth", fitted, most, "")
    report.table("How the cost of one more clip grows with how many there are", rows)
    report.check(f"{BATCH}, each", ours[counts[-1]][BATCH] / counts[-1], MOST_A_CLIP, "ms")
    report.check(TAKES_AGAIN, ours[counts[-1]][TAKES_AGAIN], MOST_TAKES, "ms")
    for name in FIRST_SCREENS:
        report.check(name, ours[counts[-1]][name], MOST_SCREEN, "ms")
    for name in SEARCHES:
        report.check(name, ours[counts[-1]][name], MOST_SEARCH, "ms")
    for count, bound in FIRST_LOOK_UP.items():
        if count in ours:
            report.check(f"{FIRST}, {count:,} clips", ours[count][FIRST], bound, "ms")
    figure, axes = report.plot("clips")
    for number, name in enumerate(ROWS):
        axes.plot(counts, [ours[count][name] for count in counts], "o-", color=f"C{number}", label=name)
        axes.plot(counts, [plain[count][name] for count in counts], ":", color=f"C{number}")
    axes.set(xscale="log", yscale="log", xlabel="clips (dotted: by hand in a plain table)", ylabel="ms")
    axes.legend(fontsize=7)
    save(figure)


MEASURES: Mapping[str, Callable[[int], dict[str, float]]] = {  # one process after the other
    "first": measure_first,
    "rows": measure,
    "settle": lambda count: settle(),
    "views": measure_views,
}


def main() -> None:
    """Measure in this process, and print what was found as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=MEASURES)
    parser.add_argument("count", type=int)
    given = parser.parse_args()
    print("\n" + json.dumps(MEASURES[given.what](given.count)), flush=True)


if __name__ == "__main__":
    main()
