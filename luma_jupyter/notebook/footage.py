"""What can be done with the video of a clip once it is there: frames, length, a copy elsewhere."""

from __future__ import annotations

import shutil
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luma_jupyter.errors import ClipNotReady, ConfigError, InvalidRequest

if TYPE_CHECKING:
    import numpy
    from PIL.Image import Image


class Footage:
    """The part of a clip that looks into its file. Methods wait until the clip is done; they raise its error."""

    path: Any
    wait: Any
    _label: Any

    @property
    def duration(self) -> float:
        """The video's length in seconds, read from the saved file. Needs PyAV: ``luma-jupyter[media]``."""
        from luma_jupyter.engine.frames import duration

        try:
            return duration(self._file())
        except (InvalidRequest, ConfigError) as error:  # no attribute may break inspection
            raise ClipNotReady(str(error)) from None

    def frame(self, when: float | str = "first") -> Image:
        """One frame as a PIL image: ``"first"``, ``"last"``, or the one shown at so many seconds; waits for the clip.

        Raises ClipError where there is no video, InvalidRequest for a moment that it does not have.
        """
        from luma_jupyter.engine.frames import frame_at

        self.wait()
        return frame_at(self._file(), when)

    def frames(self, count: int) -> numpy.ndarray[Any, Any]:
        """So many frames from the first to the last: an array (count, height, width, 3) of uint8; waits for the clip.

        Raises as `frame` does.
        """
        from luma_jupyter.engine.frames import spread

        self.wait()
        return spread(self._file(), count)

    def save(self, path: str | PathLike[str]) -> Path:
        """Copy the video to a file, or into a folder, and return where it is; waits for the clip.

        A file that is there is replaced. Raises ClipError where there is no video, InvalidRequest where it cannot be
        written.
        """
        self.wait()
        source = self._file()
        target = Path(path).expanduser()
        target = target / source.name if target.is_dir() else target
        try:
            shutil.copyfile(source, target)
        except shutil.SameFileError:
            pass
        except OSError as error:
            raise InvalidRequest(f"It cannot be saved as {str(target)!r} ({error.strerror or error}).") from None
        return target

    def _file(self) -> Path:
        path = self.path
        if path is None or not path.exists():
            raise InvalidRequest(
                f"The file of {self._label} is not here: `%luma retry {self._label}` fetches it again."
            )
        return path  # type: ignore[no-any-return]
