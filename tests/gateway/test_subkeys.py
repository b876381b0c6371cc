"""AceDataCloud's sub-keys, as a teacher without a gateway makes, sees and ends them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from luma_jupyter.gateway.command import main
from tests.support.class_vendor import KEY, PLATFORM_TOKEN, PRICE, ClassVendor
from tests.support.class_vendor_app import running_vendor

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def vendor() -> ClassVendor:
    """AceDataCloud, whose tasks end at once."""
    return ClassVendor(seconds=0.0)


@pytest.fixture
def url(vendor: ClassVendor) -> Iterator[str]:
    """Its address."""
    with running_vendor(vendor) as url:
        yield url


@pytest.fixture
def run(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Type a command of sub-keys in a folder of its own; there is no gateway, and nothing of one is set."""
    monkeypatch.setenv("ACEDATACLOUD_PLATFORM_TOKEN", PLATFORM_TOKEN)
    monkeypatch.setenv("ACEDATACLOUD_PLATFORM_BASE_URL", url)
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(("subkeys", *words))


def rows(file: str = "subkeys.csv") -> list[dict[str, str]]:
    """What is in a file of keys."""
    with open(file, newline="") as opened:
        return list(csv.DictReader(opened))


def test_keys_are_made_into_a_private_file_and_never_shown(
    run: Callable[..., int], vendor: ClassVendor, capsys: Capture
) -> None:
    """Each student has one, with a limit and an end; its secret is in the file alone."""
    assert run("make", "ann", "ben", "ann", "--usd", "1.5", "--days", "30") == 0
    assert Path("subkeys.csv").stat().st_mode & 0o777 == 0o600
    made = rows()
    assert [row["name"] for row in made] == ["ann", "ben"]
    assert {row["key"] for row in made} == set(vendor.keys)
    assert {row["credits"] for row in made} == {"1.5"}
    assert all(key.limited_amount == 1.5 and key.expired_at for key in vendor.keys.values())
    run("list")
    run()
    shown = capsys.readouterr()
    assert shown.out.count("ann  0 of 1.5 credits used, ends on 20") == 2
    assert not any(secret in shown.out + shown.err for secret in vendor.keys)


def test_key_makes_videos_up_to_its_limit(run: Callable[..., int], url: str) -> None:
    """That is the vendor's work: it charges what has succeeded."""
    run("make", "ann", "--usd", str(2 * PRICE))
    headers = {"Authorization": f"Bearer {rows()[0]['key']}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        answers = [client.post("/luma/videos", json={"prompt": "a boat"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].json()["error"]["code"] == "used_up"


def test_keys_are_ended_by_name(run: Callable[..., int], vendor: ClassVendor, capsys: Capture) -> None:
    """The others' stay."""
    run("make", "ann", "ben", "--usd", "1")
    assert run("end", "ann", "nobody") == 0
    assert [key.name for key in vendor.keys.values()] == ["ben"]
    assert run("end", "ann") == 1
    assert "Sub-keys ended: 1.\nNone of them has a sub-key." in capsys.readouterr().out


def test_without_keys_the_list_says_how_to_make_some(run: Callable[..., int], capsys: Capture) -> None:
    """It is an example to be typed."""
    assert run("list") == 0
    assert "luma-gateway subkeys make NAME" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--usd", "0"), "--usd must be more than 0"),
        (("--usd", "much"), "--usd must be a number of US dollars"),
        (("--usd", "1", "--days", "0"), "--days must be"),
        (("--usd", "1", "--file", "taken.csv"), "exists already"),
        (("--usd", "1", "--file", "no/folder.csv"), "cannot be written"),
    ],
)
def test_bad_words_make_nothing(
    run: Callable[..., int], vendor: ClassVendor, capsys: Capture, words: tuple[str, ...], why: str
) -> None:
    """Neither keys nor a file."""
    Path("taken.csv").write_text("mine")
    assert run("make", "ann", *words) == 1
    assert why in capsys.readouterr().err
    assert not vendor.keys
    assert [file.name for file in Path().iterdir()] == ["taken.csv"]
    assert Path("taken.csv").read_text() == "mine"


def test_second_key_of_a_name_is_refused(run: Callable[..., int], vendor: ClassVendor, capsys: Capture) -> None:
    """Two keys would be two limits; no file is left either."""
    run("make", "ann", "--usd", "1")
    assert run("make", "ben", "ann", "--usd", "1", "--file", "more.csv") == 1
    assert "ann: has a sub-key already" in capsys.readouterr().err
    assert len(vendor.keys) == 1
    assert not Path("more.csv").exists()


def test_lost_answer_keeps_what_was_made_and_says_what_to_do(run: Callable[..., int], capsys: Capture) -> None:
    """A key whose secret nobody has is worth nothing, and is to be ended."""
    assert run("make", "ann", "lost", "eve", "--usd", "1") == 1
    assert "`luma-gateway subkeys end lost`" in capsys.readouterr().err
    assert [row["name"] for row in rows()] == ["ann"]
    assert run("end", "lost") == 0


def test_without_a_platform_token_it_says_where_one_is_made(
    run: Callable[..., int], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of the generation API does not do."""
    monkeypatch.delenv("ACEDATACLOUD_PLATFORM_TOKEN")
    monkeypatch.setenv("ACEDATACLOUD_API_TOKEN", KEY)
    assert run("make", "ann", "--usd", "1") == 1
    assert "Set ACEDATACLOUD_PLATFORM_TOKEN" in capsys.readouterr().err
    assert not Path("subkeys.csv").exists()


def test_refused_token_is_told(run: Callable[..., int], capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, and without the token."""
    monkeypatch.setenv("ACEDATACLOUD_PLATFORM_TOKEN", "platform-wrong")
    assert run("list") == 1
    told = capsys.readouterr().err
    assert "ACEDATACLOUD_PLATFORM_TOKEN" in told
    assert "platform-wrong" not in told


def test_account_without_a_subscription_is_told(run: Callable[..., int], vendor: ClassVendor, capsys: Capture) -> None:
    """A key belongs to one; nothing is made."""
    vendor.subscribed = False
    assert run("make", "ann", "--usd", "1") == 1
    assert "no subscription to Luma" in capsys.readouterr().err
    assert not Path("subkeys.csv").exists()


def test_limit_is_in_credits_at_the_dearest_price(
    run: Callable[..., int], vendor: ClassVendor, capsys: Capture
) -> None:
    """So that nobody spends more than was typed; where no price is told, nothing is made."""
    vendor.packages = [{"price": 1, "amount": 4}, {"price": 1, "amount": 2}]
    assert run("make", "ann", "--usd", "1") == 0
    assert [key.limited_amount for key in vendor.keys.values()] == [2.0]
    vendor.packages = []
    assert run("make", "ben", "--usd", "1", "--file", "more.csv") == 1
    assert "does not tell what a credit costs" in capsys.readouterr().err
    assert len(vendor.keys) == 1
