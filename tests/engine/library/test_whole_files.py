"""Files that are written as a whole, or not at all."""

from __future__ import annotations

from pathlib import Path

from luma_jupyter.engine.library.whole_files import replacing


def test_file_that_is_written_twice_at_once_is_whole_at_any_time(tmp_path: Path) -> None:
    """It is what the one or the other has written, as two films that are saved as one file; the last to end has it."""
    path = tmp_path / "film.mp4"
    with replacing(path) as longer:
        longer.write(b"a longer")
        with replacing(path) as other:
            other.write(b"film")
        assert path.read_bytes() == b"film"
        longer.write(b" film")
    assert [(left.name, left.read_bytes()) for left in tmp_path.iterdir()] == [("film.mp4", b"a longer film")]
