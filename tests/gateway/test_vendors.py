"""The vendors asked with the class's keys: whose trouble is whose, prices, and who is left alone for how long."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from luma_jupyter.domain.media import LocalFile
from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError, RateLimited, ServiceError, Unconfirmed
from luma_jupyter.gateway import vendors as vendors_module
from luma_jupyter.gateway.database import Database
from luma_jupyter.gateway.records import Vendor
from luma_jupyter.gateway.trouble import Troubles
from luma_jupyter.gateway.vendors import PRICE_ASKED_AGAIN, PRICE_KEPT, ClassAccountError, Closing, Vendors
from luma_jupyter.providers.http.requests import LONGEST_RETRY_AFTER
from tests.support.class_room import ClassRoom, runner
from tests.support.fake_service import reply
from tests.support.gateway import gateway_settings
from tests.support.misbehaving import Server, TooMany
from tests.support.pictures import encoded

INTENT = "0" * 32
BODY = {"action": "generate", "prompt": "a heron", "async": True}
PICTURE = LocalFile.of(encoded(), "image/png", "heron.png")
VENDORS: tuple[Vendor, ...] = ("acedata", "runapi")


ACCOUNT_TROUBLES = [
    (401, "invalid_token", "key", "class_key", "The class key does not work. Your teacher can change that."),
    (403, "used_up", "balance", "class_balance", "The class account is empty. Your teacher can change that."),
    (403, "disabled", "access", "class_access", "The class key may not do this. Your teacher can change that."),
]


def test_trouble_with_the_account_is_the_teachers(conninfo: str, tmp_path: Path) -> None:
    """Students read whom to tell, and never of keys; the teacher sees what the vendor says, until it works again."""

    async def story(room: ClassRoom) -> None:
        for status, code, kind, told, words in ACCOUNT_TROUBLES:
            room.service.script("submit", reply(status, {"error": {"code": code, "message": "no"}}))
            with pytest.raises(ClassAccountError) as caught:
                await room.jobs.vendors.submit("acedata", BODY, INTENT)
            assert (caught.value.words, caught.value.code, caught.value.http_status) == (words, told, 403)
            assert "Set ACEDATACLOUD" not in str(caught.value)
            assert "no" in (await room.troubles())[kind, "acedata"]
            await room.jobs.vendors.submit("acedata", BODY, INTENT)
            assert await room.troubles() == {}

    runner(conninfo, tmp_path)(story)


@pytest.mark.parametrize("trouble", ACCOUNT_TROUBLES[1:])
def test_account_that_cannot_pay_stays_a_trouble_until_it_can(
    conninfo: str, tmp_path: Path, trouble: tuple[int, str, str, str, str]
) -> None:
    """Look-ups, lists and the statement are answered all the same: the teacher reads since when it is so."""
    status, code, kind, *_ = trouble

    async def story(room: ClassRoom) -> None:
        vendors = room.jobs.vendors
        room.service.lists = True
        for vendor in VENDORS:
            room.service.script("submit", reply(status, {"error": {"code": code, "message": "no"}}))
            with pytest.raises(ClassAccountError):
                await vendors.submit(vendor, BODY, INTENT)
        noted = await vendors.troubles.all()
        assert [(one.kind, one.subject) for one in noted] == [(kind, vendor) for vendor in VENDORS]
        for vendor in VENDORS:
            await vendors.fetch(vendor, ["task-1"])
            await vendors.upload(vendor, PICTURE)
        await vendors.find("acedata", BODY, 0.0, 1.0)
        await vendors.charges(0.0, 1.0)
        assert await vendors.troubles.all() == noted
        for vendor in VENDORS:
            await vendors.submit(vendor, BODY, INTENT)
        assert await room.troubles() == {}

    runner(conninfo, tmp_path)(story)


def test_platforms_token_is_another_key(conninfo: str, tmp_path: Path) -> None:
    """Neither of two keys that do not work is taken for good because the other one is."""

    async def story(room: ClassRoom) -> None:
        vendors = room.jobs.vendors
        wrong = reply(401, {"error": {"code": "invalid_token", "message": "no"}})
        room.service.script("upload", wrong)
        with pytest.raises(ClassAccountError):
            await vendors.upload("acedata", PICTURE)
        await vendors.submit("acedata", BODY, INTENT)
        assert ["platform" in words for words in (await room.troubles()).values()] == [True]
        room.service.script("look", wrong)
        with pytest.raises(ClassAccountError):
            await vendors.fetch("acedata", ["task-1"])
        await vendors.charges(0.0, 1.0)
        assert ["platform" in words for words in (await room.troubles()).values()] == [False]

    runner(conninfo, tmp_path)(story)


def test_class_without_a_key_is_told_so_before_anything_is_sent(conninfo: str, tmp_path: Path) -> None:
    """A vendor for which the class has no key is not asked."""

    async def story(room: ClassRoom) -> None:
        with pytest.raises(ClassAccountError, match="no key"):
            await room.jobs.vendors.submit("runapi", BODY, INTENT)
        assert room.service.requests == []

    runner(conninfo, tmp_path, runapi_key=None)(story)


def test_refusal_of_a_prompt_stays_the_students(conninfo: str, tmp_path: Path) -> None:
    """What is wrong with the request itself is told as the vendor says it, and troubles no teacher."""

    async def story(room: ClassRoom) -> None:
        room.service.script("submit", reply(403, {"error": {"code": "forbidden", "message": "moderated"}}))
        with pytest.raises(ServiceError, match="moderated"):
            await room.jobs.vendors.submit("acedata", BODY, INTENT)
        assert await room.troubles() == {}

    runner(conninfo, tmp_path)(story)


def test_lost_answer_is_unconfirmed_and_sent_once(conninfo: str, tmp_path: Path) -> None:
    """A paid request whose answer is lost is never sent again by the gateway."""

    async def story(room: ClassRoom) -> None:
        room.service.script("submit", room.service.lose)
        with pytest.raises(Unconfirmed):
            await room.jobs.vendors.submit("acedata", BODY, INTENT)
        assert len(room.service.seen("submit")) == 1

    runner(conninfo, tmp_path)(story)


def test_accepted_request_is_told_though_the_database_is_away(conninfo: str, tmp_path: Path) -> None:
    """What is written beside a paid request is worth less than its answer."""

    async def story(room: ClassRoom) -> None:
        await room.database.pool.close()
        accepted = await room.jobs.vendors.submit("acedata", BODY, INTENT)
        assert accepted.task_id == "task-1"
        assert await room.jobs.vendors.fetch("acedata", ["task-1"])

    runner(conninfo, tmp_path)(story)


@pytest.mark.parametrize(("asked", "pause"), [("120", 120), ("86400", LONGEST_RETRY_AFTER)])
def test_vendor_that_asks_for_a_pause_gets_it_from_all_processes(
    conninfo: str, tmp_path: Path, asked: str, pause: float
) -> None:
    """A 429 holds back the whole gateway, for five minutes at most: another process waits, or says how long."""

    async def story(room: ClassRoom) -> None:
        room.service.script("look", reply(429, {"error": "slowly"}, headers={"Retry-After": asked}))
        with pytest.raises(RateLimited):
            await room.jobs.vendors.fetch("acedata", ["task-1"])
        async with Database(conninfo, size=1) as database:
            for troubles in (room.jobs.vendors.troubles, Troubles(database)):
                assert pause - 5 < await troubles.paused("acedata") <= pause
            assert await Troubles(database).paused("runapi") == 0
        with pytest.raises(RateLimited) as caught:
            await room.jobs.vendors.submit("acedata", BODY, INTENT)
        assert caught.value.retry_after == pytest.approx(pause, abs=5)
        assert room.service.seen("submit") == []

    runner(conninfo, tmp_path)(story)


def test_short_pause_is_waited_for(conninfo: str, tmp_path: Path) -> None:
    """A paid request that comes in a short pause is held back, and then sent."""
    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    async def story(room: ClassRoom) -> None:
        room.jobs.vendors.http.connections.sleep = note
        await room.jobs.vendors.troubles.pause("acedata", 7)
        await room.jobs.vendors.submit("acedata", BODY, INTENT)
        assert slept == [pytest.approx(7, abs=0.5)]

    runner(conninfo, tmp_path)(story)


def test_submission_that_was_not_taken_holds_back_the_others(conninfo: str, tmp_path: Path) -> None:
    """While one process tries again after a 429, the others need not find out by themselves."""

    async def story(room: ClassRoom) -> None:
        room.service.script("submit", reply(429, {"error": "slowly"}))
        await room.jobs.vendors.submit("acedata", BODY, INTENT)
        async with Database(conninfo, size=1) as database:
            assert 0 < await Troubles(database).paused("acedata") <= 2

    runner(conninfo, tmp_path)(story)


def test_request_that_waits_when_the_process_ends_is_not_sent_again(
    conninfo: str, vendor: Server, tmp_path: Path
) -> None:
    """The vendor asks to be left alone for longer than the process has: it says at once that nothing was made."""
    vendor.script("submit", TooMany(200))

    async def story() -> None:
        async with asyncio.timeout(20), Database(conninfo, size=2) as database:
            vendors = Vendors(gateway_settings(conninfo, vendor.url, tmp_path), Troubles(database))
            asking = asyncio.create_task(vendors.submit("acedata", BODY, INTENT))
            while not await vendors.troubles.paused("acedata"):
                await asyncio.sleep(0.005)
            vendors.closing.set()
            with pytest.raises(Closing):
                await asking
            await vendors.aclose()
        assert len(vendor.seen("submit")) == 1
        assert vendor.tasks == []

    asyncio.run(story())


def test_price_is_the_vendors_and_asked_for_once_an_hour(conninfo: str, tmp_path: Path) -> None:
    """What the vendor says goes before the setting; requests in the same hour do not ask again."""

    async def story(room: ClassRoom) -> None:
        room.service.credits, room.service.packages = 0.7, [(10, 20)]
        assert [await room.jobs.vendors.price("acedata") for _ in range(3)] == [350_000] * 3
        assert len(room.service.seen("price")) == 2  # the API's, and the service's
        assert await room.jobs.vendors.price("runapi") == 500_000

    runner(conninfo, tmp_path)(story)


def test_price_that_no_vendor_tells_is_the_settings(conninfo: str, tmp_path: Path) -> None:
    """Where the vendor is silent or away the setting holds; without one nothing can be reserved."""

    async def story(room: ClassRoom) -> None:
        room.service.script("quote", reply(500, {"error": "down"}), for_ever=True)
        assert await room.jobs.vendors.price("acedata") == 400_000
        with pytest.raises(ConfigError, match="RunAPI is not known"):
            await room.jobs.vendors.price("runapi")

    runner(conninfo, tmp_path, acedata_platform_token=Secret("platform-t"))(story)


def test_price_that_hangs_holds_up_nothing_for_long(
    conninfo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other vendor's price does not wait for it, and the setting holds meanwhile."""

    async def story(room: ClassRoom) -> None:
        asked = asyncio.Event()

        async def hang(request: httpx.Request) -> httpx.Response:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

        room.service.script("price", hang, for_ever=True)
        hanging = asyncio.create_task(room.jobs.vendors.price("acedata"))
        await asked.wait()
        assert await room.jobs.vendors.price("runapi") == 500_000
        assert not hanging.done()
        hanging.cancel()
        monkeypatch.setattr(vendors_module, "PRICE_PATIENCE", 0.01)
        assert await room.jobs.vendors.price("acedata") == 400_000

    runner(conninfo, tmp_path)(story)


def test_price_that_a_vendor_has_told_holds_while_it_is_silent(conninfo: str, tmp_path: Path) -> None:
    """No clip is refused for one failed question, nor is less reserved; the vendor is asked again soon."""
    now = 0.0

    async def story(room: ClassRoom) -> None:
        nonlocal now
        room.service.credits = 2.0
        asked = Vendors(room.settings, room.jobs.vendors.troubles, room.jobs.vendors.http, lambda: now)
        told = [await asked.price(vendor) for vendor in VENDORS]
        assert told == [1_000_000, 500_000]
        room.service.script("price", reply(500, {"error": "down"}))
        room.service.script("quote", reply(500, {"error": "down"}))
        now += PRICE_KEPT + 1
        assert [await asked.price(vendor) for vendor in VENDORS] == told
        room.service.credits = 3.0
        assert await asked.price("acedata") == 1_000_000
        now += PRICE_ASKED_AGAIN + 1
        assert await asked.price("acedata") == 1_500_000

    runner(conninfo, tmp_path)(story)
