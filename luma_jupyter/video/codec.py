"""MP4 and image files to frames and back, through PyAV and Pillow.

Encoding uses a single thread and writes no dates, so equal frames give equal bytes. The index comes first in the file
(faststart): a browser can show a film before it has all of it.
"""

import io
from collections.abc import Callable, Generator, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.uint8]  # (height, width, 3), red, green, blue

# x264's macroblock-tree estimate differs from run to run at some sizes, even with one thread.
X264_OPTIONS = {"preset": "veryfast", "crf": "23", "threads": "1", "x264-params": "mbtree=0"}
# Less than half the time, for a file that is a quarter larger: the quickest preset, with what smooth pictures need.
SMOOTH = ("mbtree=0", "aq-mode=1", "deblock=0,0", "subme=1", "8x8dct=1", "bframes=3")
QUICK_OPTIONS = X264_OPTIONS | {"preset": "ultrafast", "crf": "24", "x264-params": ":".join(SMOOTH)}
AAC_OPTIONS = {"aac_coder": "fast"}  # a quarter of the time where there is noise
SOUND_RATE = 44_100  # samples a second
MAX_SIDE = 1920
MAX_FRAME_RATE = 60


class UnreadableVideo(Exception):
    """These bytes are not a video."""


class UnreadableImage(Exception):
    """These bytes are not an image."""


class VideoReader:
    """A video to be read once, as a context manager; raises `UnreadableVideo`.

    `size` is (width, height) in pixels, even, at most 1920 a side; `rate` is in frames per second, at most 60;
    `comment` is what the file says of itself.
    """

    def __init__(self, data: bytes) -> None:
        try:
            # MP4 and MOV alone, as with the vendors; a playlist could make FFmpeg open other files and URLs.
            self._container = av.open(io.BytesIO(data), "r", format="mov")
        except av.error.FFmpegError as error:
            raise UnreadableVideo("it is not an MP4 or MOV file") from error
        if not self._container.streams.video:
            self._container.close()
            raise UnreadableVideo("it has no picture")
        stream = self._container.streams.video[0]
        scale = min(1, MAX_SIDE / max(stream.width, stream.height))
        self.size = _even(stream.width * scale), _even(stream.height * scale)
        average = stream.average_rate or Fraction(24)  # from PyAV 19 on, a fraction of a type of its own
        self.comment = self._container.metadata.get("comment", "")
        self.rate = min(Fraction(average.numerator, average.denominator), Fraction(MAX_FRAME_RATE))

    def frames(self) -> Generator[Pixels, None, None]:
        """Yield every frame in order, at least one."""
        empty = True
        reformatter = VideoReformatter()
        try:
            for frame in self._container.decode(video=0):
                resized = reformatter.reformat(frame, *self.size, "rgb24")
                empty = False
                yield resized.to_ndarray().astype(np.uint8, copy=False)
        except av.error.FFmpegError as error:
            raise UnreadableVideo("it is damaged") from error
        if empty:
            raise UnreadableVideo("it has no picture")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()


def write(
    target: Path,
    frames: Iterator[Pixels],
    size: tuple[int, int],
    rate: Fraction,
    metadata: Mapping[str, str],
    sound: Callable[[float], NDArray[np.float32]] | None = None,
) -> None:
    """Encode frames as H.264 (yuv420p) into an MP4 file; rate in frames per second.

    ``sound`` gives so many seconds of it, as one channel at `SOUND_RATE`, -1..1; it is AAC beside them.
    """
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata.update(metadata)
        stream = container.add_stream("libx264", rate=rate, options=QUICK_OPTIONS)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        track = container.add_stream("aac", rate=SOUND_RATE, layout="mono", options=AAC_OPTIONS) if sound else None
        count = 0
        for frame in frames:
            count += 1
            container.mux(stream.encode(av.VideoFrame.from_numpy_buffer(frame, format="rgb24")))
        container.mux(stream.encode())
        if sound and track:
            samples = av.AudioFrame.from_ndarray(sound(float(count / rate))[None], format="fltp", layout="mono")
            samples.sample_rate = SOUND_RATE
            container.mux(track.encode(samples))
            container.mux(track.encode())


def still(data: bytes, size: tuple[int, int]) -> Image.Image:
    """Return an image file as a picture, cropped to fill a size; raises `UnreadableImage`."""
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        return ImageOps.fit(image, size)
    except Exception as error:  # Pillow's decoders raise a dozen unrelated types on damaged files
        raise UnreadableImage("it is not an image, or damaged") from error


def save_jpeg(target: Path, frame: Pixels) -> None:
    """Write one frame as a JPEG file."""
    Image.fromarray(frame).save(target, "JPEG", quality=85)


def _even(side: float) -> int:
    return max(round(side) // 2 * 2, 2)
