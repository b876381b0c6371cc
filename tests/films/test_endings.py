"""How making a film ends otherwise: stopped, killed, forked, on a full disk; nothing is left, earlier films stay."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from luma_jupyter.films.making import make_film, plan_film
from luma_jupyter.films.spec import FilmSpec
from tests.support.shots import BLUE, RED, Shown, part, shot


class Stopped(Exception):
    """Somebody stops the making."""


def long_spec(folder: Path, *, fade: float = 0.25) -> FilmSpec:
    """A film that takes a while."""
    paths = [shot(folder / f"{number}.mp4", colour, 24) for number, colour in enumerate((RED, BLUE))]
    return FilmSpec(parts=tuple(map(part, paths * 20)), fade=fade)


@pytest.mark.parametrize("stop", [Stopped, ValueError, OSError])
@pytest.mark.parametrize("fade", [0.0, 0.25])
def test_stop_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fade: float, stop: type[Exception]
) -> None:
    """What the report raises comes out, and neither a film nor a file under a hidden name is left."""
    plan = plan_film(long_spec(tmp_path, fade=fade))
    before = sorted(os.listdir(tmp_path))
    monkeypatch.setattr("luma_jupyter.films.writing._EACH", 0.0)
    shares: list[float] = []

    def report(share: float) -> None:
        shares.append(share)
        if share > 0.3:
            raise stop("that is enough")

    with pytest.raises(stop, match=r"^that is enough$"):
        make_film(plan, tmp_path / "film.mp4", report)
    assert 0.3 < shares[-1] < 0.9
    assert sorted(os.listdir(tmp_path)) == before


def test_stop_keeps_an_earlier_film(tmp_path: Path) -> None:
    """A film of the same name is replaced by a whole one, or not at all."""
    plan = plan_film(long_spec(tmp_path))
    earlier = shot(tmp_path / "film.mp4").read_bytes()

    def report(share: float) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        make_film(plan, tmp_path / "film.mp4", report)
    assert (tmp_path / "film.mp4").read_bytes() == earlier
    make_film(plan, tmp_path / "film.mp4", lambda share: None)
    assert len(Shown.of(tmp_path / "film.mp4").times) == plan.frames


def test_report_grows_up_to_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The share never falls, and ends with the whole film; it is told each tenth of a second, not with each frame."""
    plan = plan_film(long_spec(tmp_path))
    shares: list[float] = []
    make_film(plan, tmp_path / "film.mp4", shares.append)
    few = len(shares)
    monkeypatch.setattr("luma_jupyter.films.writing._EACH", 0.0)
    shares.clear()
    make_film(plan, tmp_path / "film.mp4", shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert few < len(shares) / 10


def test_old_temporary_files_go_away(tmp_path: Path) -> None:
    """What killed kernels left is removed with the next film of the folder; what another kernel is writing stays."""
    plan = plan_film(FilmSpec(parts=(part(shot(tmp_path / "shot.mp4")),)))
    old, new = tmp_path / ".old.mp4.77.luma-film", tmp_path / ".new.mp4.78.luma-film"
    others = [tmp_path / name for name in (".clip.mp4.79.part", ".my.film", ".luma-film")]
    for path in (old, new, *others):
        path.write_bytes(b"film")
    for path in (old, *others):
        os.utime(path, (0, 0))
    make_film(plan, tmp_path / "film.mp4", lambda share: None)
    assert not old.exists()
    assert new.exists()
    assert all(other.exists() for other in others)


def test_missing_folder_is_told(tmp_path: Path) -> None:
    """A folder that is not there is an error of the system's."""
    plan = plan_film(FilmSpec(parts=(part(shot(tmp_path / "shot.mp4")),)))
    with pytest.raises(FileNotFoundError):
        make_film(plan, tmp_path / "nowhere" / "film.mp4", lambda share: None)


FULL = """
import resource, signal, sys
from pathlib import Path
from luma_jupyter.films.making import make_film, plan_film
from tests.films.test_endings import long_spec
folder, fade, size = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
plan = plan_film(long_spec(folder, fade=fade))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
try:
    make_film(plan, folder / "film.mp4", lambda share: None)
except OSError as error:
    print(error.errno)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="this system cannot limit how large files get")
@pytest.mark.parametrize(("fade", "size"), [(0.0, 4_000), (0.25, 4_000), (0.25, 20_000)])
@pytest.mark.slow
def test_full_disk_is_told(tmp_path: Path, fade: float, size: int) -> None:
    """Where no more can be written, the error is the system's, and nothing is left."""
    command = [sys.executable, "-c", FULL, str(tmp_path), str(fade), str(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout.split() == [str(errno.EFBIG)]
    assert sorted(os.listdir(tmp_path)) == ["0.mp4", "1.mp4"]


KILLED = """
import os, sys, time
from pathlib import Path
from luma_jupyter.films.making import make_film, plan_film
from tests.films.test_endings import long_spec
folder = Path(sys.argv[1])
def report(share):
    if share > 0.2:
        print("now", flush=True)
        time.sleep(60)
make_film(plan_film(long_spec(folder)), folder / "film.mp4", report)
"""


@pytest.mark.slow
def test_killed_process_leaves_no_film(tmp_path: Path) -> None:
    """Only a hidden file is left, which the next making removes once it is old."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "now\n"
    process.kill()
    process.wait()
    process.stdout.close()
    (left,) = [name for name in os.listdir(tmp_path) if "film" in name]
    assert left == f".film.mp4.{process.pid}.luma-film"
    os.utime(tmp_path / left, (0, 0))
    make_film(plan_film(FilmSpec(parts=(part(tmp_path / "0.mp4"),))), tmp_path / "film.mp4", lambda share: None)
    assert not (tmp_path / left).exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_fork_while_a_film_is_made_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that is forked meanwhile, and ends, does not end its parent's film."""
    plan = plan_film(long_spec(tmp_path))
    monkeypatch.setattr("luma_jupyter.films.writing._EACH", 0.0)
    children: list[int] = []

    def report(share: float) -> None:
        if share > 0.3 and not children:
            child = os.fork()
            if child == 0:
                os._exit(0)
            children.append(child)

    make_film(plan, tmp_path / "film.mp4", report)
    (child,) = children
    os.kill(
        child, signal.SIGKILL
    )  # a child of many threads may wait for a lock for ever, which is not the film's doing
    os.waitpid(child, 0)
    assert len(Shown.of(tmp_path / "film.mp4").times) == plan.frames
