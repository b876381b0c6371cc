"""Programs that make videos in many threads and processes: each asks as one kernel does, and nothing is made twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.demo import SHORTEST_FILMS

pytestmark = pytest.mark.slow

PROMPTS = ("A sea", "A hill", "A sea")
MAKE = f"""
import json
import luma_jupyter as luma

PROMPTS = {PROMPTS}

def make(prompt):
    exec({SHORTEST_FILMS!r}, {{}})  # a worker has nothing else of this program
    return luma.generate(prompt).wait()

def tell(clips):
    print(json.dumps([[clip.prompt, clip.status, str(clip.path)] for clip in clips]))
"""
# Joblib's own pools are no business of ours: what is ours warns of nothing, and leaves nothing to the collector.
WARNINGS = ("-W", "error:::luma_jupyter", "-W", "error::ResourceWarning")
THREADS = """
from threading import Barrier
from concurrent.futures import ThreadPoolExecutor

at_once = Barrier(8)

def first(number):
    at_once.wait()
    return make("A sea")

with ThreadPoolExecutor(8) as pool:
    tell(pool.map(first, range(8)))
"""
JOBLIB = """
import joblib

if __name__ == "__main__":
    tell(joblib.Parallel(n_jobs=2{how})(joblib.delayed(make)(prompt) for prompt in PROMPTS))
"""
DASK = """
from distributed import Client

if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as client:
        tell(client.gather(client.map(make, PROMPTS, pure=False)))
"""


def run(folder: Path, *command: str) -> str:
    """What a program of the demo service printed, in a folder of its own."""
    own = {"LUMA_JUPYTER_HOME": str(folder / "home"), "LUMA_JUPYTER_PROVIDER": "demo", "LUMA_JUPYTER_DEMO_SECONDS": "0"}
    done = subprocess.run(
        [sys.executable, *WARNINGS, *command],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def made(folder: Path, program: str) -> list[tuple[str, str, Path]]:
    """Prompt, status and file of each clip that a program made."""
    (folder / "program.py").write_text(MAKE + program)
    return [(prompt, status, Path(path)) for prompt, status, path in json.loads(run(folder, "program.py"))]


def test_threads_that_begin_at_once_share_one_session(tmp_path: Path) -> None:
    """The very first call may come from eight threads: one journal, one demo service, one video."""
    clips = made(tmp_path, THREADS)
    assert [status for _, status, _ in clips] == ["completed"] * 8
    assert len({path for _, _, path in clips}) == 1
    assert len(list((tmp_path / "luma_videos").glob("*.mp4"))) == 1


@pytest.mark.parametrize(
    "program",
    [JOBLIB.format(how=""), JOBLIB.format(how=", prefer='threads'"), DASK],
    ids=["joblib", "joblib's threads", "dask"],
)
def test_workers_give_clips_to_the_program_that_asked(tmp_path: Path, program: str) -> None:
    """A clip goes to a worker's caller as a pickle does, with its file; workers that live end in order."""
    clips = made(tmp_path, program)
    assert [(prompt, status) for prompt, status, _ in clips] == [(prompt, "completed") for prompt in PROMPTS]
    assert all(path.is_file() for _, _, path in clips)


def test_a_test_of_pytest_makes_a_video(tmp_path: Path) -> None:
    """With its capturing, and each warning an error; two tests of one run share the session."""
    (tmp_path / "test_mine.py").write_text(
        f"{MAKE}\ndef test_one():\n    assert make('A sea').path.is_file()\n\n"
        "def test_two():\n    assert make('A sea') is luma.clips()[0]\n"
    )
    assert "2 passed" in run(tmp_path, "-m", "pytest", "-p", "no:nbval", "-W", "error", "test_mine.py")
