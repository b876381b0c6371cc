"""The store: whole files by content, on this machine and in an S3-compatible service."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from luma_jupyter.errors import LumaError
from luma_jupyter.gateway.storage import CHUNK, MediaStore, StoreAway, StoreFull

BUCKET = "class-videos"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a local service that speaks S3."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["file", "s3"])
def address(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a store is."""
    if request.param == "file":
        return f"file://{tmp_path}/media"
    url = request.getfixturevalue("s3")
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3").create_bucket(Bucket=BUCKET)
    return f"s3://{BUCKET}/{tmp_path.name}"


async def keep(store: MediaStore, data: bytes, suffix: str = "mp4") -> str:
    async with store.part() as part:
        part.write(data)
        name = await store.name_of(part, suffix)
        assert await store.place(part, name) == len(data)
        return name


async def read(store: MediaStore, name: str, start: int, end: int) -> bytes:
    return b"".join([chunk async for chunk in store.read(name, start, end)])


def test_file_is_kept_by_content_and_read_in_parts(address: str) -> None:
    """Equal content is kept once; any part of it can be read; what is removed is gone, also the second time."""
    data = bytes(range(256)) * (CHUNK // 256) + b"the end"

    async def story() -> None:
        store = MediaStore(address)
        assert await store.names() == {}
        name = await keep(store, data)
        assert name == f"{hashlib.sha256(data).hexdigest()}.mp4"
        assert await keep(store, data) == name
        assert {kept: age < 60 for kept, age in (await store.names()).items()} == {name: True}
        assert await store.size(name) == len(data)
        assert await read(store, name, 0, len(data)) == data
        assert await read(store, name, CHUNK - 2, CHUNK + 3) == data[CHUNK - 2 : CHUNK + 3]
        for _ in range(2):
            await store.remove(name)
            assert await store.size(name) is None
        with pytest.raises(StoreAway):
            await read(store, name, 0, 5)

    asyncio.run(story())


def test_store_that_cannot_be_reached_says_so(tmp_path: Path) -> None:
    """Whatever the file system raises, it becomes one kind of error."""
    (tmp_path / "file").write_bytes(b"")

    async def story() -> None:
        with pytest.raises(StoreAway, match="cannot be used"):
            await keep(MediaStore(f"file://{tmp_path}/file/media"), b"x")

    asyncio.run(story())


class FullDisk(io.FileIO):
    """A file for which there is room for 100 bytes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "x+")

    def write(self, data: Any) -> int | None:
        if self.tell() + len(data) > 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def test_full_disk_leaves_nothing_half_stored(tmp_path: Path) -> None:
    """What does not fit is refused in plain words, its part file is gone, and what fits is kept."""

    async def story() -> None:
        store = MediaStore(f"file://{tmp_path}/media", FullDisk)
        with pytest.raises(StoreFull, match="no room"):
            await keep(store, bytes(200))
        await keep(store, bytes(50))
        assert len(await store.names()) == 1
        assert list(tmp_path.rglob("*.part")) == []

    asyncio.run(story())


def test_disk_without_room_for_a_new_file_is_full_too(tmp_path: Path) -> None:
    """Also where not even an empty file can be made."""

    def no_room(path: Path) -> io.FileIO:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    async def story() -> None:
        with pytest.raises(StoreFull):
            await keep(MediaStore(f"file://{tmp_path}/media", no_room), b"x")

    asyncio.run(story())


def test_other_errors_of_a_part_file_are_not_a_full_disk(tmp_path: Path) -> None:
    """An error of the caller's own passes as it is, and the part file is gone."""

    async def story() -> None:
        store = MediaStore(f"file://{tmp_path}/media")
        for error in (OSError("else"), LumaError("else")):
            with pytest.raises(type(error), match="else"):
                async with store.part():
                    raise error
        assert list(tmp_path.rglob("*.part")) == []

    asyncio.run(story())


def test_part_files_that_nobody_writes_to_are_swept(tmp_path: Path) -> None:
    """What a killed worker left goes; what is being written stays."""

    async def story() -> None:
        store = MediaStore(f"file://{tmp_path}/media")
        async with store.part() as part:
            left = part.path.with_name("left.part")
            left.write_bytes(b"half")
            os.utime(left, (time.time() - 100, time.time() - 100))
            assert await store.sweep_parts(60) == 1
            assert part.path.exists()
            assert not left.exists()

    asyncio.run(story())


def test_name_that_is_none_never_becomes_a_path(tmp_path: Path) -> None:
    """Only what the store itself has named is read or removed."""

    async def story() -> None:
        store = MediaStore(f"file://{tmp_path}/media")
        for name in ("../secret", "a" * 64, f"{'a' * 64}.mp4/..", ""):
            with pytest.raises(ValueError, match="not a name"):
                await store.size(name)

    asyncio.run(story())
