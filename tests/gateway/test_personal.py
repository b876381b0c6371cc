"""What is kept of a person: exported, and erased but for the sums."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from luma_jupyter.errors import InvalidRequest
from luma_jupyter.gateway import command, personal
from luma_jupyter.gateway.command import main
from luma_jupyter.gateway.identity import Tokens
from luma_jupyter.gateway.records import Person, State
from luma_jupyter.gateway.storage import StoreAway
from tests.support.class_room import ANN, BEN, ClassRoom, Run, runner
from tests.support.pictures import encoded

# Tables that have nothing of a person in them: files have no names, jobs have numbers.
OF_NOBODY = {"class_pause", "logins", "media", "pauses", "schema_version"}
SUMS = "SELECT kind, day::text, reserved, spent FROM wallets ORDER BY kind, day, spent"
PROMPT = "my grandmother's house"


@pytest.fixture
def run(conninfo: str, tmp_path: Path) -> Run:
    """Run a story in a class room."""
    return runner(conninfo, tmp_path, callback_url="https://class.example")


async def _fill(room: ClassRoom) -> list[int]:
    """What two students have made: their clips; the last two are one clip that both asked for."""
    tokens = Tokens(room.database)
    await tokens.make(ANN)
    await tokens.make(BEN)
    upload = await room.uploads.add(ANN, "acedata", "grandma.png", encoded())
    assert upload
    own = await room.complete(ANN, prompt=PROMPT)
    refused = await room.enter(ANN, prompt=f"{PROMPT} again")
    await room.jobs.ledger.refuse(refused.id, "forbidden", f"not {PROMPT}", 403)
    bens = await room.complete(BEN, prompt="snow")
    shared = await room.complete(ANN, prompt="both")
    await room.rows(
        "INSERT INTO submissions (owner, day, vendor, key, body, fingerprint, state, price, cost, joined, video)"
        " SELECT 'ben', day, vendor, 'joined', body, fingerprint, state, 0, 0, id, video"
        " FROM submissions WHERE id = %s",
        shared.id,
    )
    for clip in (own, bens, shared):
        await room.jobs.saving.save(clip.id)
        video = await room.jobs.media.read_all((await room.get(clip.id)).media or "") or b""
        name = await room.jobs.media.put(_chunks(video + str(clip.id).encode()), "mp4")  # all are the same here, else
        await room.jobs.ledger.media_saved(clip.id, name)
    await room.jobs.ledger.set_cap("student", "ann", 9_000_000, None, by="miss")
    await room.jobs.ledger.set_cap("student", "ann", 8_000_000, None, by="ann")
    await room.rows("INSERT INTO teachers VALUES ('ann')")
    await room.rows("INSERT INTO people (name) VALUES ('ann')")
    await room.rows("INSERT INTO waiting (owner, key) VALUES ('ann', 'k')")
    await room.rows("INSERT INTO last_turns VALUES ('ann', now())")
    await room.rows("INSERT INTO trouble VALUES ('fetch', %s, 'The video of ann')", str(own.id))
    await room.rows(
        "INSERT INTO prepared_uploads (id, owner, groups, teaches, name, size, checksum)"
        " VALUES ('1', 'ann', '{}', false, 'grandma.png', 1, 'x')"
    )
    return [own.id, refused.id, bens.id, shared.id]


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _text_of_all(room: ClassRoom) -> str:
    """All rows of all tables, as text."""
    tables = await room.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [await room.rows(f"SELECT to_jsonb(t)::text FROM {table} AS t") for (table,) in tables]
    return "\n".join(row for table in rows for (row,) in table)


def test_every_table_is_exported_or_has_nothing_of_a_person(conninfo: str) -> None:
    """Whoever adds a table says which of both; what is exported is erased, as the next tests see."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    tables = {name for (name,) in rows if not name.startswith("procrastinate_")}
    assert tables == {*personal.OF_A_PERSON, *OF_NOBODY}


def test_export_has_all_rows_and_videos_of_one_person(run: Run, tmp_path: Path) -> None:
    """Nothing of others, no hash of a token, nor where the vendors call back; the file is for nobody else."""
    file = tmp_path / "ann.zip"

    async def story(room: ClassRoom) -> None:
        own, _, _, shared = await _fill(room)
        assert "callbacks" in (await room.get(own)).body["callback_url"]
        done = await personal.export(room.database, room.jobs.media.store, "ann", file)
        with zipfile.ZipFile(file) as archive:
            text = archive.read("rows.json").decode()
            rows = json.loads(text)
            names = archive.namelist()
            assert archive.read(f"videos/{own}.mp4")[4:8] == b"ftyp"
            (upload,) = (name for name in names if name.startswith("files/"))
            assert archive.read(upload) == encoded()
        assert {f"videos/{own}.mp4", f"videos/{shared}.mp4"} < set(names)
        assert done == personal.Exported(sum(map(len, rows.values())), 3)
        assert set(rows) == set(personal.OF_A_PERSON)
        assert all(rows.values())
        assert [row["body"]["prompt"] for row in rows["submissions"]] == [PROMPT, f"{PROMPT} again", "both"]
        assert "hash" not in rows["tokens"][0]
        assert "callbacks" not in text
        assert "snow" not in text
        assert file.stat().st_mode & 0o077 == 0

    run(story)


def test_erase_leaves_the_sums_and_nothing_of_the_person(run: Run) -> None:
    """Neither name nor prompt is in any table; wallets equal rows; a classmate keeps what is shared; it is noted."""

    async def story(room: ClassRoom) -> None:
        own, _, bens, shared = await _fill(room)
        before = {row.id: row.media for row in [await room.get(id) for id in (own, bens, shared)]}
        sums = await room.rows(SUMS)
        done = await personal.erase(room.database, room.jobs.media, "ann", "miss")
        text = await _text_of_all(room)
        assert [word for word in ('"ann"', "grandm", "The video of ann", "ann's") if word in text] == []
        assert await room.jobs.ledger.check() == []
        assert await room.rows(SUMS) == sums
        assert (done.clips, done.files) == (3, 2)  # its own video and its upload
        newest = (await room.jobs.ledger.changes())[0]
        assert (newest.who, newest.what) == ("miss", f"A person was erased: the clips are now {done.pseudonym}’s.")
        assert (await room.get(own)).owner == done.pseudonym
        store = room.jobs.media.store
        sizes = {id: await store.size(name or "") for id, name in before.items()}
        assert sizes[own] is None
        assert sizes[bens]
        assert sizes[shared]
        assert await room.jobs.saving.unsaved() == []
        with pytest.raises(InvalidRequest, match="Nothing is kept of ann"):
            await personal.erase(room.database, room.jobs.media, "ann", "miss")

    run(story)


def test_video_that_a_classmate_shares_stays_the_classmates(run: Run) -> None:
    """It is served on, whatever happens to the row of whom it was first."""

    async def story(room: ClassRoom) -> None:
        shared = (await _fill(room))[-1]
        await personal.erase(room.database, room.jobs.media, "ann", "miss")
        joined = await room.jobs.ledger.find("ben", "acedata", "joined")
        assert joined
        assert joined.video
        assert (await room.get(shared)).video == joined.video
        wanted = await room.jobs.media.wanted(joined.id, "video")
        assert wanted
        assert wanted.name
        assert await room.jobs.media.store.size(wanted.name)

    run(story)


def test_shared_video_that_is_not_fetched_yet_is_fetched_for_the_classmate(run: Run) -> None:
    """Only what nobody else shares is fetched no more."""

    async def story(room: ClassRoom) -> None:
        own, _, _, shared = await _fill(room)
        both = (own, shared)
        await room.rows("DELETE FROM fetched WHERE submission = ANY(%s)", list(both))
        await room.rows("UPDATE submissions SET media = NULL WHERE id = ANY(%s)", list(both))
        assert sorted(await room.jobs.saving.unsaved()) == sorted(both)
        await personal.erase(room.database, room.jobs.media, "ann", "miss")
        assert await room.jobs.saving.unsaved() == [shared]

    run(story)


def test_erase_refuses_while_clips_are_under_way(run: Run) -> None:
    """What is paid for is not thrown away, and its end is written down under the right name."""

    async def story(room: ClassRoom) -> None:
        clip = await room.submit(ANN, prompt=PROMPT)
        with pytest.raises(InvalidRequest, match="Clips of ann that have not ended: 1"):
            await personal.erase(room.database, room.jobs.media, "ann", "miss")
        assert (await room.get(clip.id)).owner == "ann"
        await room.follow()
        assert (await personal.erase(room.database, room.jobs.media, "ann", "miss")).clips == 1
        assert await room.jobs.saving.unsaved() == []  # not fetched any more
        assert (await room.get(clip.id)).state is State.COMPLETED

    run(story)


@pytest.mark.usefixtures("patient_database")
def test_erase_at_the_same_time_as_new_clips_keeps_the_books_right(run: Run) -> None:
    """Whoever submits meanwhile is the old student or a new one, with the money in the same wallet as the row."""

    async def story(room: ClassRoom) -> None:
        await room.complete(ANN, prompt="first")

        async def submit(number: int) -> None:
            clip = await room.enter(ANN, prompt=f"clip {number}")
            await room.jobs.ledger.refuse(clip.id, "forbidden", "no", 403)

        async def erase() -> None:
            while True:
                try:
                    await personal.erase(room.database, room.jobs.media, "ann", "miss")
                    return
                except InvalidRequest:
                    await asyncio.sleep(0)

        await asyncio.gather(erase(), *(submit(number) for number in range(30)))
        assert await room.jobs.ledger.check() == []

    run(story)


def test_erase_that_broke_off_is_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files go first: until the rows have gone, too, the name is still there to be given again."""

    async def story(room: ClassRoom) -> None:
        own = (await _fill(room))[0]

        async def remove(name: str) -> None:
            raise StoreAway("it is away")

        monkeypatch.setattr(room.jobs.media.store, "remove", remove)
        with pytest.raises(StoreAway):
            await personal.erase(room.database, room.jobs.media, "ann", "miss")
        assert (await room.get(own)).media
        monkeypatch.undo()
        assert (await personal.erase(room.database, room.jobs.media, "ann", "miss")).files == 2

    run(story)


def test_export_does_not_write_over_a_file_and_leaves_no_half(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it make one of nobody."""
    there, new = tmp_path / "there.zip", tmp_path / "new.zip"
    there.write_text("mine")

    async def story(room: ClassRoom) -> None:
        store = room.jobs.media.store
        with pytest.raises(InvalidRequest, match="Nothing is kept of ann"):
            await personal.export(room.database, store, "ann", new)
        await _fill(room)
        with pytest.raises(InvalidRequest, match="exists already"):
            await personal.export(room.database, store, "ann", there)

        async def size(name: str) -> int:
            raise StoreAway("it is away")

        monkeypatch.setattr(store, "size", size)
        with pytest.raises(StoreAway):
            await personal.export(room.database, store, "ann", new)

    run(story)
    assert there.read_text() == "mine"
    assert not new.exists()


def test_export_without_a_video_that_is_gone(run: Run, tmp_path: Path) -> None:
    """Its row is there, and says so."""

    async def story(room: ClassRoom) -> None:
        clip = await room.complete(ANN, prompt=PROMPT)
        await room.jobs.saving.save(clip.id)
        saved = await room.get(clip.id)
        await room.jobs.media.store.remove(saved.media or "")
        done = await personal.export(room.database, room.jobs.media.store, "ann", tmp_path / "ann.zip")
        assert done.files == 0

    run(story)


def test_commands_export_and_erase(
    conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the name, which no file name takes literally; the audit log has the user of the machine."""
    for name, value in {
        "DATABASE": conninfo,
        "URL": "http://127.0.0.1:9",
        "SIGNING_KEY": "s" * 32,
        "ACEDATA_TOKEN": "key",
        "MEDIA": (tmp_path / "media").as_uri(),
    }.items():
        monkeypatch.setenv(f"LUMA_GATEWAY_{name}", value)
    monkeypatch.chdir(tmp_path)
    name = "../ann"
    command._with_database(
        command._parser().parse_args(["status"]), lambda database: Tokens(database).make(Person(name))
    )
    assert main(["export", name]) == 0
    assert capsys.readouterr().out == ".._ann.zip has what is kept of ../ann: 1 rows, 0 videos and other files.\n"
    assert main(["export", name]) == 1
    assert main(["export", name, "--to", "other.zip"]) == 0
    assert main(["erase", name]) == 0
    assert "so that the sums stay" in capsys.readouterr().out
    assert main(["erase", name]) == 1
    assert "Nothing is kept of ../ann" in capsys.readouterr().err
