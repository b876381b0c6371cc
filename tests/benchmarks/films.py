"""What the demo service's films cost: the processor's time of each kind, and forty at once beside a kernel's loop.

The films at once are made in a process of its own (``python -m tests.benchmarks.films``), as a kernel would have them
made, while a probe asks how late that kernel's own loop is.
"""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from luma_jupyter.demo.film import FilmSpec, render
from tests.benchmarks.environment import environment
from tests.benchmarks.loop import Probe
from tests.benchmarks.report import Report, say

AT_ONCE, MOST_SECONDS, MOST_LATE = 40, 30.0, 10.0  # films, seconds for all, milliseconds (p99)
MOST_EACH = 1.2  # seconds of processor time for 5 s of film with words, caption and sound
PROMPTS = (
    *(
        "a calm lake",
        "a fox in the snow at night, pan right",
        "a storm over the sea, dolly in",
        "a foggy forest, orbit",
    ),
    *(
        "a city at night, handheld",
        "a meadow in spring, watercolour",
        "an astronaut in space",
        "autumn leaves, cartoon",
    ),
)


def run(report: Report) -> None:
    """Measure both."""
    say(f"films: {len(PROMPTS)} films one by one, then {AT_ONCE} at once, about a minute")
    rows = _one_by_one()
    report.table("What a film of 5 s costs", rows)
    seconds = [float(row["processor (s)"]) for row in rows]
    report.check("processor time of a film, on average", sum(seconds) / len(seconds), MOST_EACH, "s")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.films"],
            env=environment("http://127.0.0.1:9", folder) | {"LUMA_JUPYTER_PROVIDER": "demo"},
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            timeout=600,
            check=True,
        )
    row = json.loads(done.stdout.splitlines()[-1])
    report.table(f"{AT_ONCE} films at once", [row])
    report.check(f"{AT_ONCE} films at once", row["all (s)"], MOST_SECONDS, "s")
    report.check("loop beside them, p99", row["p99 (ms)"], MOST_LATE, "ms")


def _one_by_one() -> list[dict[str, object]]:
    picture = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 255, (36, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((1280, 720), Image.Resampling.BICUBIC).save(picture, "PNG")
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for start in (None, picture.getvalue()):
            for prompt in PROMPTS:
                begun = time.process_time()
                film = render(FilmSpec(prompt, start_image=start), folder, "film")
                took = time.process_time() - begun
                size = film.video.stat().st_size / 1e3
                rows.append(
                    {
                        "prompt": prompt,
                        "of": "a picture" if start else "words",
                        "processor (s)": took,
                        "size (kB)": size,
                    }
                )
    return rows


def main() -> None:
    """Make the films in this process, and print how long that took, and how late its loop was."""
    import luma_jupyter as luma

    async def work() -> dict[str, float]:
        probe = Probe()
        probing = asyncio.ensure_future(probe.run())
        luma.configure(demo_seconds=0.1, provider="demo")
        begun = time.perf_counter()
        clips = luma.batch([f"{PROMPTS[number % len(PROMPTS)]} {number}" for number in range(AT_ONCE)], yes=True)
        for clip in clips:
            await clip
        took = time.perf_counter() - begun
        probing.cancel()
        late = sorted(1e3 * delay.late for delay in probe.delays)
        return {"all (s)": took, "p99 (ms)": late[int(0.99 * len(late))], "worst (ms)": late[-1]}

    print(json.dumps(asyncio.run(work())), flush=True)


if __name__ == "__main__":
    main()
