"""Films made of uploaded images and videos: they begin and end with the very images, and extend the very video."""

import io
from collections.abc import Callable
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from luma_jupyter.demo.overlays import caption_height
from luma_jupyter.video.codec import Pixels

pytestmark = pytest.mark.slow

VIDEOS, MODIFY = "/luma/videos", "/api/v1/luma/modify_video"
SAME, OTHER = 6, 20
Ended = Callable[[str], dict[str, Any]]


def photo(seed: int, size: tuple[int, int] = (900, 600)) -> Image.Image:
    """A picture with soft colours, hard edges and fine lines, none of them like those of another seed."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, (3, 4, 3)).astype(np.uint8)
    image = Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, radius = rng.integers(0, size[0]), rng.integers(0, size[1]), rng.integers(10, 120)
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        draw.line((x, 0, y, size[1]), fill=colour, width=2)
    return image


def saved(image: Image.Image, kind: str) -> bytes:
    """An image as a file."""
    data = io.BytesIO()
    image.save(data, kind, quality=90)
    return data.getvalue()


def upload(platform: httpx.Client, data: bytes, name: str) -> str:
    """Upload a file; gives its URL."""
    url: str = platform.post("/api/v1/files/", files={"file": (name, data)}).json()["file_url"]
    return url


def frames_of(url: str) -> list[Pixels]:
    """All frames of a film."""
    with av.open(io.BytesIO(httpx.get(url).content)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def film(api: httpx.Client, **body: Any) -> list[Pixels]:
    """The frames of a generated or extended film."""
    answer = api.post(VIDEOS, json={"prompt": "A quiet valley", **body})
    assert answer.status_code == 200
    return frames_of(answer.json()["video_url"])


def apart(frame: Pixels, image: Image.Image | Pixels) -> float:
    """How far a frame is from a picture, fitted to it, where neither label nor caption are: 0..255."""
    size = frame.shape[1], frame.shape[0]
    if isinstance(image, Image.Image):
        image = np.asarray(ImageOps.fit(image, size))
    seen = slice(caption_height(size) + 2, None)
    return float(np.abs(frame[seen].astype(float) - image[seen]).mean())


@pytest.fixture(scope="module")
def source() -> bytes:
    """A video from elsewhere, H.264 in MP4: a picture that drifts, 20 frames at 20 a second, 320x240."""
    data = io.BytesIO()
    image = photo(7, (400, 240))
    with av.open(data, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=20, options={"crf": "18", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for left in range(0, 80, 4):
            picture = image.crop((left, 0, left + 320, 240))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return data.getvalue()


@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.png"), ("JPEG", "a.jpg"), ("WEBP", "a.webp")])
@pytest.mark.parametrize("ratio", ["16:9", "9:16"])
def test_start_and_end_image_are_first_and_last_frame(
    kind: str, name: str, ratio: str, api: httpx.Client, platform: httpx.Client
) -> None:
    """The first frame is the start image and the last one the end image, also a wide image in an upright film."""
    start, end, other = photo(1), photo(2, (1200, 500)), photo(3)
    urls = [upload(platform, saved(image, kind), name) for image in (start, end)]
    frames = film(api, start_image_url=urls[0], end_image_url=urls[1], aspect_ratio=ratio)
    assert apart(frames[0], start) < SAME
    assert apart(frames[-1], end) < SAME
    for frame, wrong in ((frames[0], end), (frames[0], other), (frames[-1], start), (frames[-1], other)):
        assert apart(frame, wrong) > OTHER


@pytest.mark.parametrize(("which", "index"), [("start", 0), ("end", -1)])
def test_single_image_is_on_its_own_end_alone(
    which: str, index: int, api: httpx.Client, platform: httpx.Client
) -> None:
    """One image is on its own end of the film alone."""
    image = photo(4, (500, 800))
    frames = film(api, **{f"{which}_image_url": upload(platform, saved(image, "JPEG"), "a.jpg")})
    assert apart(frames[index], image) < SAME
    assert apart(frames[-1 - index], image) > OTHER


def test_photo_is_turned_as_its_exif_says(api: httpx.Client, platform: httpx.Client) -> None:
    """A photo that says in its EXIF data which side is up is shown that way."""
    image, data = photo(5), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    image.rotate(90, expand=True).save(data, "JPEG", quality=90, exif=exif)
    frames = film(api, start_image_url=upload(platform, data.getvalue(), "phone.jpg"))
    assert apart(frames[0], image) < SAME


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_extend_begins_with_the_uploaded_video(
    kind: str, source: bytes, api: httpx.Client, platform: httpx.Client
) -> None:
    """An extension of an uploaded video begins with it, frame by frame, goes on longer, and ends with the image."""
    end, video = photo(6), upload(platform, source, "source.mp4")
    original = frames_of(video)
    frames = film(api, action="extend", video_url=video, end_image_url=upload(platform, saved(end, kind), "end"))
    assert len(frames) == len(original) + 20
    assert all(apart(frame, was) < SAME for frame, was in zip(frames, original, strict=False))
    assert apart(frames[-1], end) < SAME
    assert apart(frames[-1], original[-1]) > OTHER
    assert apart(frames[0], end) > OTHER


def test_modify_keeps_the_shapes_of_the_uploaded_video(
    source: bytes, api: httpx.Client, platform: httpx.Client, ended_modify: Ended
) -> None:
    """A modified film has the size and frames of the uploaded video, and its shapes in other colours."""
    video = upload(platform, source, "source.mp4")
    body = {"model": "luma-modify-video", "prompt": "A foggy morning", "source_video_url": video}
    task = ended_modify(api.post(MODIFY, json=body).json()["id"])
    assert (task["status"], task["sources"]) == ("completed", [{"url": video}])
    original, frames = frames_of(video), frames_of(task["videos"][0]["url"])
    assert (len(frames), frames[0].shape) == (20, (240, 320, 3))

    def likeness(one: Pixels, other: Pixels) -> float:
        rows = slice(40, 160)
        return float(np.corrcoef(one[rows].mean(axis=2).ravel(), other[rows].mean(axis=2).ravel())[0, 1])

    assert apart(frames[0], original[0]) > SAME
    assert likeness(frames[0], original[0]) > 0.7
    assert likeness(frames[0], np.asarray(photo(8, (320, 240)))) < 0.5


def test_part_of_the_wrong_type_fails_the_task(
    api: httpx.Client, platform: httpx.Client, ended_modify: Ended, source: bytes
) -> None:
    """An uploaded video is no image and an image no video: the task fails in a sentence that says which part it was."""
    video, image = upload(platform, source, "a.mp4"), upload(platform, saved(photo(9), "PNG"), "a.png")
    refused = api.post(VIDEOS, json={"prompt": "x", "start_image_url": video})
    assert refused.json()["error"]["message"] == "The start image cannot be used: it is not an image, or damaged."
    refused = api.post(VIDEOS, json={"prompt": "x", "action": "extend", "video_url": image})
    assert refused.json()["error"]["message"] == "The source video cannot be used: it is not an MP4 or MOV file."
    body = {"model": "luma-modify-video", "prompt": "x", "source_video_url": image}
    task = ended_modify(api.post(MODIFY, json=body).json()["id"])
    assert (task["status"], task["error"]) == ("failed", refused.json()["error"]["message"])
