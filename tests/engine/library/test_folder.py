"""Saving a finished video: whole files only, sidecars, safe names; a file that cannot be had costs no task."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from luma_jupyter.domain.media import LARGEST_THUMBNAIL
from luma_jupyter.domain.requests import ModifyRequest, VideoRef
from luma_jupyter.domain.task import Task
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.library import whole_files
from luma_jupyter.engine.library.folder import DOWNLOAD_TRIES, MediaFolder, Saved, ensure_folder, place_video
from luma_jupyter.engine.run.runner import CONCURRENT_DOWNLOADS
from luma_jupyter.errors import ConfigError
from tests.engine.library.test_sidecars import a_task, placed
from tests.support import settings
from tests.support.fake_service import VIDEO, Answer, reply, without_length
from tests.support.file_systems import intercept
from tests.support.films import JPEG, PAGE
from tests.support.world import ACEDATA_KEY, EPOCH, RUNAPI_KEY, World


async def _made(world: World, prompt: str = "A red fox") -> Task:
    """The completed task of a prompt."""
    task = await world.end(world.generate(prompt))
    assert task.status is Status.COMPLETED
    return task


async def test_save_puts_video_thumbnail_and_sidecar_side_by_side(world: World, media: Path) -> None:
    """Video, thumbnail and sidecar lie side by side, and nothing else does; no key travels to the media host."""
    task = await _made(world)
    stem = f"a-red-fox-{task.key}"
    assert sorted(path.name for path in media.iterdir()) == [f"{stem}.jpg", f"{stem}.json", f"{stem}.mp4"]
    assert task.path == media / f"{stem}.mp4"
    assert task.path.read_bytes() == VIDEO
    assert task.path.with_suffix(".jpg").read_bytes() == JPEG
    assert [seen.key for seen in (*world.service.seen("video"), *world.service.seen("thumbnail"))] == [None, None]


async def test_save_writes_the_sidecar(world: World, media: Path) -> None:
    """The sidecar holds prompt, request, ids, source, provider, times and sizes; no key, and no path of its maker's."""
    source = world.generate()
    task = await world.end(world.extend(source))
    assert task.path
    text = task.path.with_suffix(".json").read_text("utf-8")
    assert json.loads(text) == {
        "schema": 2,
        "bytes": len(VIDEO),
        "intent": task.intent,
        "fingerprint": task.fingerprint,
        "action": "extend",
        "prompt": "The fox runs",
        "request": {"source": {"video_id": "video-of-task-1", "url": "https://media.example/task-1.mp4"}},
        "source_label": "fox",
        "source_intent": source.task.intent,
        "name": None,
        "provider": "acedata",
        "task_id": "task-2",
        "video": {
            "url": "https://media.example/task-2.mp4",
            "video_id": "video-of-task-2",
            "width": 1280,
            "height": 720,
            "thumbnail_url": "https://media.example/task-2.jpg",
        },
        "price": None,
        "cost": None,
        "trace_id": None,
        "credits": None,
        "replayed": None,
        "again": None,
        "making": None,
        "gateway": None,
        "created_at": EPOCH,
        "submitted_at": EPOCH + 18,
        "sent_at": EPOCH + 18,
        "ended_at": task.ended_at,
    }
    assert not [secret for secret in (ACEDATA_KEY, RUNAPI_KEY, str(media), str(Path.cwd())) if secret in text]


async def test_saved_names_are_unique(world: World, media: Path) -> None:
    """The same prompt many times gives as many files."""
    paths = {(await _made(world)).path for _ in range(5)}
    assert len(paths) == 5 == len(list(media.glob("*.mp4")))


BAD_VIDEOS: dict[str, Answer] = {
    "cut, no length": without_length(VIDEO[:-100]),
    "cut, with length": reply(200, content=VIDEO[:-100], headers={"Content-Length": str(len(VIDEO))}),
    "a page with 200": reply(200, text=PAGE),
    "empty": reply(200, content=b""),
    "503": reply(503),
    "404": reply(404),
    "reset": httpx.ReadError("connection reset"),
    "no connection": httpx.ConnectError("refused"),
    "slow": httpx.ReadTimeout("slow"),
}


@pytest.mark.parametrize("bad", BAD_VIDEOS)
async def test_failed_download_is_tried_again(world: World, media: Path, bad: str) -> None:
    """A download that fails a few times succeeds in the end, and the file is the whole one."""
    world.service.script("video", *[BAD_VIDEOS[bad]] * (DOWNLOAD_TRIES - 1))
    task = await _made(world)
    assert (task.problem, task.file_size) == (None, len(VIDEO))
    assert task.path
    assert task.path.read_bytes() == VIDEO
    assert world.service.times("video") == [18, 19, 21, 25]
    assert not list(media.glob(".*"))


@pytest.mark.parametrize("bad", BAD_VIDEOS)
async def test_download_that_fails_for_good_costs_no_task(world: World, media: Path, bad: str) -> None:
    """The task has completed, has its URL, says that the file is missing and why; what came of it is kept beside."""
    world.service.script("video", *[BAD_VIDEOS[bad]] * 20)
    task = await _made(world)
    assert (task.path, task.file_size, task.error) == (None, None, None)
    expired = "The file cannot be had: the host of the file answered HTTP 404. Addresses expire "
    assert str(task.problem).startswith(expired if bad == "404" else "The file could not be saved: ")
    assert task.video
    assert task.video.url == "https://media.example/task-1.mp4"
    assert len(world.service.seen("video")) == DOWNLOAD_TRIES
    if bad.startswith("cut"):
        (kept,) = media.iterdir()
        assert kept.name == f"{Path(task.filename).stem}.incomplete.mp4"
        assert kept.read_bytes() == VIDEO[:-100]
        assert f"what came is kept as {kept.name}" in str(task.problem)
    else:
        assert list(media.iterdir()) == []


async def test_final_name_is_always_a_whole_file(world: World, media: Path) -> None:
    """While a video is on its way, no file has its final name, under which others may look for it."""
    names: list[list[str]] = []

    async def slowly(request: httpx.Request) -> httpx.Response:
        async def parts() -> Any:
            for start in range(0, len(VIDEO), 500):
                yield VIDEO[start : start + 500]
                names.append([path.suffix for path in media.iterdir()])

        return httpx.Response(200, content=parts())

    world.service.script("video", slowly)
    task = await _made(world)
    assert task.path
    assert names
    assert {suffix for listing in names for suffix in listing} == {".part"}


@pytest.mark.parametrize(
    "bad",
    [reply(404), reply(200, text=PAGE), httpx.ReadError("reset"), reply(200, content=JPEG + bytes(LARGEST_THUMBNAIL))],
    ids=["404", "a page", "reset", "too large"],
)
async def test_missing_thumbnail_is_no_error(world: World, media: Path, bad: Answer) -> None:
    """Without its thumbnail a video is saved all the same, and nobody is bothered."""
    world.service.script("thumbnail", *[bad] * 20)
    task = await _made(world)
    assert task.path
    assert task.problem is None
    assert sorted(path.suffix for path in media.iterdir()) == [".json", ".mp4"]


async def test_service_without_thumbnails_has_its_video_saved(world: World, media: Path) -> None:
    """RunAPI gives no thumbnail, no id and no size: the video is saved without them."""
    task = await world.end(world.submit(ModifyRequest(prompt="Fog", source=VideoRef(url="https://x.example/v.mp4"))))
    assert task.path
    assert task.video
    assert (task.video.video_id, task.video.width, task.problem) == (None, None, None)
    assert not world.service.seen("thumbnail")
    assert sorted(path.suffix for path in media.iterdir()) == [".json", ".mp4"]


@pytest.mark.parametrize(
    "prompt", ["🦊" * 50, "火山", "../" * 50 + "etc/passwd", "/etc/passwd", "x" * 10_000, "aux\0.mp4", "~/.ssh/id"]
)
async def test_saved_file_stays_in_the_folder(world: World, media: Path, tmp_path: Path, prompt: str) -> None:
    """No prompt makes a file anywhere but in the media folder."""
    task = await _made(world, prompt)
    assert task.path
    assert task.path.parent == media
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "luma_videos"]
    assert len(list(media.iterdir())) == 3


@pytest.mark.parametrize("evil", ["../../x", "/etc/passwd", "C:\\x", "a\nb", "\0", "x" * 5000, "‮gpj.exe"])
async def test_saved_name_has_no_words_of_a_service(world: World, media: Path, tmp_path: Path, evil: str) -> None:
    """Hostile ids and addresses end up in the sidecar at most, never in a file name."""
    world.service.script("submit", reply(200, {"task_id": evil + "1"}))
    response = {
        "state": "completed",
        "video_id": evil,
        "video_url": f"https://media.example/..%2F..%2Fx/{'y' * 3000}.mp4?name=../../../z",
        "thumbnail_url": "https://media.example/../../../z.jpg",
    }
    world.service.script("look", reply(200, {"id": evil + "1", "response": response}))
    task = await _made(world, "Fox")
    assert task.problem is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "luma_videos"]
    names = [f"fox-{task.key}{end}" for end in (".jpg", ".json", ".mp4")]
    assert sorted(path.name for path in media.iterdir()) == names


async def test_sidecar_keeps_half_a_character_from_a_service(world: World, media: Path) -> None:
    """A lone surrogate, which JSON can bring and UTF-8 cannot hold, is kept in the sidecar as an escape."""
    response = {"state": "completed", "video_id": "\ud83d", "video_url": "https://media.example/v.mp4"}
    world.service.script("look", reply(200, text=json.dumps({"id": "task-1", "response": response})))
    task = await _made(world, "Fox")
    assert task.path
    assert task.problem is None
    assert task.path.with_suffix(".json").read_bytes().isascii()


async def test_local_address_is_not_fetched(world: World) -> None:
    """A result on the user's own network is not fetched for the service; the task has completed and says so."""
    world.service.result = {"video_url": "http://169.254.169.254/latest/meta-data"}
    task = await _made(world)
    assert "local network" in str(task.problem)
    assert not world.service.seen("video")


async def test_unwritable_folder_costs_no_task(world: World, media: Path) -> None:
    """Where no file can be made in the media folder, the task has completed, and says so."""
    handle = world.generate("A red fox")
    (media / f".{handle.task.filename}.{os.getpid()}.part").mkdir(parents=True)
    task = await world.end(handle)
    assert task.status is Status.COMPLETED
    assert task.path is None
    assert "media folder cannot be written" in str(task.problem)
    assert not world.service.seen("video")


async def test_video_is_not_saved_without_its_sidecar(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the sidecar cannot be written the video gets no name either: nobody could say whose it is. It is kept."""
    handle = world.generate("A red fox")

    def refuse(call: str, path: str) -> str:
        if call == "open" and ".json." in path:
            raise OSError(28, "No space left on device", path)
        return path

    with monkeypatch.context() as patch:
        intercept(media, patch, refuse)
        task = await world.end(handle)
    assert (task.status, task.path, task.file_size) == (Status.COMPLETED, None, None)
    assert str(task.problem).startswith("The file could not be saved: the media folder cannot be written: ")
    kept = media / f".{handle.task.filename}.{os.getpid()}.part"
    assert str(task.problem).endswith(f"; what came is kept as {kept.name}")
    assert (list(media.iterdir()), kept.read_bytes()) == ([kept], VIDEO)


async def test_sidecar_is_there_before_the_video(world: World, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both get their final names at the end, the sidecar first: a video says at any time whose it is."""
    placed: list[str] = []
    replace = os.replace

    def remember(source: Path, target: Path) -> None:
        replace(source, target)
        placed.append(target.suffix)

    monkeypatch.setattr(os, "replace", remember)
    await _made(world)
    assert placed == [".json", ".mp4", ".jpg"]


async def test_parts_of_killed_kernels_are_cleared_away(world: World, media: Path) -> None:
    """Parts of this very video that a killed kernel left go away; those of other videos may be in the making."""
    handle = world.generate("A red fox")
    stem = Path(handle.task.filename).stem
    for name in (f".{stem}.mp4.99.part", f".{stem}.json.99.part", ".a-red-fox-00000000.mp4.99.part"):
        (media / name).write_bytes(b"half")
    assert (await world.end(handle)).path
    assert [path.name for path in media.glob(".*")] == [".a-red-fox-00000000.mp4.99.part"]


async def test_parts_beside_a_saved_video_are_cleared_away(world: World, media: Path) -> None:
    """A kernel that was killed when the video was there, and its thumbnail not, leaves nothing for ever."""
    task = await world.end(world.generate("A red fox"))
    for name in (f".{Path(task.filename).stem}.jpg.99.part", f".{task.filename}.99.part"):
        (media / name).write_bytes(VIDEO)
    saved = await MediaFolder(media, world.engine.providers.http).save(task)
    assert (saved.path, saved.moved) == (task.path, False)
    assert list(media.glob(".*")) == []
    assert len(world.service.seen("video")) == 1


async def test_broken_download_goes_on_where_it_broke_off(world: World) -> None:
    """After a break only the rest of the file is fetched."""

    class Torn(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield VIDEO[:1000]
            raise httpx.ReadError("connection reset")

    rest = {"Content-Range": f"bytes 1000-{len(VIDEO) - 1}/{len(VIDEO)}", "ETag": '"abc"'}
    world.service.script(
        "video",
        lambda request: httpx.Response(200, headers={"ETag": '"abc"'}, stream=Torn()),
        reply(206, content=VIDEO[1000:], headers=rest),
    )
    task = await _made(world)
    assert task.path
    assert task.path.read_bytes() == VIDEO
    assert [seen.request.headers.get("range") for seen in world.service.seen("video")] == [None, "bytes=1000-"]


IMPOSSIBLE = pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "taken"], ids=["unusable", "too long", "taken"])


@IMPOSSIBLE
async def test_impossible_folder_is_told_before_anything_is_paid(world: World, tmp_path: Path, name: str) -> None:
    """Whatever is wrong with the media folder, the error names the setting, and nothing is sent."""
    (tmp_path / "taken").write_text("in the way")
    words = r"^Videos cannot be saved in .* set LUMA_JUPYTER_MEDIA to another folder\.$|^media: .* cannot be used \("

    def configure_and_ask() -> None:
        settings.configure(media=name)
        world.generate()

    with pytest.raises(ConfigError, match=words):
        configure_and_ask()
    assert not world.service.seen("submit")
    assert (tmp_path / "taken").read_text() == "in the way"


async def test_folder_that_breaks_meanwhile_costs_no_task(world: World, media: Path) -> None:
    """When there is no media folder any more at the end, the video that was paid for has completed."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    media.rmdir()
    media.write_text("in the way")
    task = await world.end(handle)
    assert task.status is Status.COMPLETED
    assert task.path is None
    assert str(task.problem).startswith("The file could not be saved: the media folder cannot be written: ")
    assert media.read_text() == "in the way"


async def test_folder_that_was_removed_meanwhile_is_made_again(world: World, media: Path) -> None:
    """Whoever tidies up while a video is made gets it all the same."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    media.rmdir()
    assert (await world.end(handle)).path == media / handle.task.filename


async def test_folder_that_is_renamed_before_the_end_is_begun_anew(world: World, media: Path) -> None:
    """The video is saved under the folder's old name, and one plain line says where; nothing is paid again."""
    handle = world.generate()
    await world.until(handle, Status.RUNNING)
    media.rename(media.with_name("renamed"))
    task = await world.end(handle)
    assert (task.status, task.path and task.path.read_bytes()) == (Status.COMPLETED, VIDEO)
    assert task.problem == f"Its folder was moved or renamed meanwhile: the video is in {str(media)!r}."
    assert len(world.service.seen("submit")) == 1


async def test_folder_that_is_renamed_while_the_video_comes_is_begun_anew(world: World, media: Path) -> None:
    """The video is fetched once more, into a new folder of the old name."""

    def rename(request: httpx.Request) -> httpx.Response:
        media.rename(media.with_name("renamed"))
        return httpx.Response(200, content=VIDEO)

    world.service.script("video", rename)
    task = await world.end(world.generate())
    assert (task.status, task.path and task.path.read_bytes()) == (Status.COMPLETED, VIDEO)
    assert "moved or renamed" in str(task.problem)
    assert len(world.service.seen("video")) == 2


async def test_folder_that_is_renamed_each_time_costs_no_task(world: World, media: Path) -> None:
    """A folder that goes away again and again is told in one line; the clip can be retried, free."""
    times = iter(range(9))

    def rename(request: httpx.Request) -> httpx.Response:
        media.rename(media.with_name(f"renamed-{next(times)}"))
        return httpx.Response(200, content=VIDEO)

    world.service.script("video", rename, rename)
    task = await world.end(world.generate())
    assert (task.status, task.path) == (Status.COMPLETED, None)
    assert "the media folder cannot be written" in str(task.problem)
    retried = await world.end(world.engine.resume(task.intent))
    assert retried.path
    assert retried.path.read_bytes() == VIDEO
    assert len(world.service.seen("submit")) == 1


async def test_folder_that_is_renamed_just_after_is_told(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is renamed when the video was saved is no internal error: a retry saves the video here."""
    save = MediaFolder.save

    async def save_and_rename(folder: MediaFolder, task: Task) -> Saved:
        saved = await save(folder, task)
        media.rename(media.with_name("renamed"))
        return saved

    with monkeypatch.context() as patch:
        patch.setattr(MediaFolder, "save", save_and_rename)
        task = await world.end(world.generate())
    assert (task.status, task.path) == (Status.COMPLETED, None)
    assert "moved or renamed" in str(task.problem)
    assert (await world.end(world.engine.resume(task.intent))).path


async def test_folder_without_permission_pays_nothing(
    world: World, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that may not be written is told before anything is paid, also where its permissions tell nothing."""

    def refuse(call: str, path: str) -> str:
        if call == "open":
            raise PermissionError(13, "Permission denied", path)
        return path

    intercept(media, monkeypatch, refuse)  # the superuser may write everywhere
    with pytest.raises(ConfigError, match=r"Videos cannot be saved in .* \(Permission denied\)"):
        world.generate()
    assert not world.service.seen("submit")


async def test_setting_that_breaks_meanwhile_costs_no_task(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable that became unusable while the video was made changes nothing for it."""
    handle = world.generate()
    handle.listen(lambda event: monkeypatch.setenv("LUMA_JUPYTER_WAIT", "perhaps") if event.task.video else None)
    task = await world.end(handle)
    assert (task.status, task.problem) == (Status.COMPLETED, None)
    assert task.path


async def test_folder_is_the_one_of_the_submission(world: World, media: Path, tmp_path: Path) -> None:
    """A video goes where it was asked for, whatever is set while it is made: its cell's output links to it there."""
    handle = world.generate()
    settings.configure(media=tmp_path / "elsewhere" / "deep")
    task = await world.end(handle)
    assert task.path == media / task.filename
    assert not (tmp_path / "elsewhere").exists()


async def test_downloads_are_few_at_once(world: World) -> None:
    """Many videos that are done at once are fetched a few at a time, so that none waits for a connection in vain."""
    world.service.script("video", *[world.service.after(100)] * 30)
    handles = [world.generate() for _ in range(30)]
    assert {(await world.end(handle)).problem for handle in handles} == {None}
    assert world.service.most_at_once["video"] == CONCURRENT_DOWNLOADS


async def test_disk_that_is_full_costs_no_task(world: World, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even an empty file can be made, the task has completed, and says so; a retry saves the video, free."""
    handle = world.generate()

    def refuse(call: str, path: str) -> str:
        if call == "open" and path.endswith(".part"):
            raise OSError(28, "No space left on device", path)
        return path

    with monkeypatch.context() as patch:
        intercept(media, patch, refuse)
        task = await world.end(handle)
    assert (task.status, task.path) == (Status.COMPLETED, None)
    assert str(task.problem) == (
        "The file could not be saved: the media folder cannot be written: No space left on device"
    )
    assert (await world.end(world.engine.resume(task.intent))).path == media / task.filename
    assert len(world.service.seen("submit")) == 1


def test_video_that_another_kernel_saves_meanwhile_keeps_its_sidecar(tmp_path: Path) -> None:
    """A kernel that was frozen before it gave a video its name takes nothing away of what another one saved then."""
    task, part = a_task(tmp_path), tmp_path / ".fox.part"
    part.write_bytes(VIDEO)
    path = tmp_path / task.filename

    @contextmanager
    def overtaken(changed: Path) -> Iterator[None]:
        if changed == path:
            part.unlink()
            placed(task)
        yield

    with pytest.raises(FileNotFoundError):
        place_video(part, path, task, overtaken)
    assert sorted(left.suffix for left in tmp_path.iterdir()) == [".json", ".mp4"]


def test_what_a_killed_kernel_left_of_its_look_at_a_folder_goes_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest name is tried before anything is paid; one that a killed kernel left goes with the next try."""
    with monkeypatch.context() as patch:
        patch.setattr(whole_files, "discard", lambda path: None)
        ensure_folder(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    ensure_folder(tmp_path)
    assert not list(tmp_path.iterdir())
