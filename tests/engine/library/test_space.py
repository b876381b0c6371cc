"""Room on the disk: what is refused, what is needed, and what is free."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.engine.library.space import LEAST_FREE, check_space, free_space, needed_space
from luma_jupyter.errors import ConfigError


def test_room_is_looked_for_before_paying(tmp_path: Path) -> None:
    """Too little room is one line that says what to do; where nobody can tell, nothing is refused."""
    words = r"^Only 150 MB are free for videos in .*, and 200 MB should be: make room there, or set LUMA_JUPYTER_MEDIA "
    with pytest.raises(ConfigError, match=words):
        check_space(tmp_path, list, lambda folder: 150_000_000)
    check_space(tmp_path, list, lambda folder: LEAST_FREE)

    def unknown(folder: Path) -> int:
        raise OSError("no such thing")

    check_space(tmp_path, list, unknown)


def test_last_videos_say_how_much_room_is_needed(tmp_path: Path) -> None:
    """Where the last videos were large, so may be the next one."""
    assert needed_space([]) == needed_space([1000]) == LEAST_FREE
    assert needed_space([1000, 100_000_000]) == 500_000_000
    with pytest.raises(ConfigError, match="500 MB should be"):
        check_space(tmp_path, lambda: [100_000_000], lambda folder: 499_000_000)


def test_drive_that_is_not_there_has_no_free_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a path whose drive is gone, as Windows has them, no folder is there at all: an OSError, as of any folder."""
    monkeypatch.setattr(Path, "exists", lambda path: False)
    with pytest.raises(FileNotFoundError):
        free_space(tmp_path / "new")
