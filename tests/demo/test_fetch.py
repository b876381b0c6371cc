"""URLs outside of the service: limits, and reasons that can be shown."""

import asyncio
from pathlib import Path

import pytest

from luma_jupyter.demo import fetch
from tests.support.misbehaving import Server, Slow, Status

PICTURE = b"x" * 1000


def download(url: str, target: Path) -> None:
    """Download on an event loop."""
    asyncio.run(fetch.download(url, target))


def test_fetch_and_download_read_a_url(server: Server, tmp_path: Path) -> None:
    """A URL that can be read is read, into memory or into a file."""
    server.script("other", *[Status(200, PICTURE)] * 2)
    assert fetch.fetch(f"{server.url}/picture") == PICTURE
    download(f"{server.url}/picture", tmp_path / "picture")
    assert (tmp_path / "picture").read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/none", "404"),
        ("file:///etc/hostname", "not an http"),
        ("picture.png", "not an http"),
        ("http://127.0.0.1:1/x", "refused"),
        ("http://[::1", "IPv6"),
        ("http://127.0.0.1:1/a b", "control characters|refused"),
    ],
)
def test_unreachable_url_is_refused_with_a_reason(url: str, reason: str, server: Server, tmp_path: Path) -> None:
    """Whatever is wrong with a URL is one exception with a reason."""
    whole = server.url + url if url.startswith("/") else url
    with pytest.raises(fetch.FetchError, match=reason):
        fetch.fetch(whole)
    with pytest.raises(fetch.FetchError, match=reason):
        download(whole, tmp_path / "x")


def test_slow_answer_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An answer that trickles is given up in time."""
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.15)
    server.script("other", *[Slow(chunk=1, pause=0.02)] * 2)
    url = f"{server.url}/api/v1/me/balance"
    with pytest.raises(fetch.FetchError, match=r"more than 0\.15 s"):
        fetch.fetch(url)
    with pytest.raises(fetch.FetchError, match="Timeout"):
        download(url, tmp_path / "x")


def test_large_answer_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An answer that is too large is given up."""
    monkeypatch.setattr(fetch, "MAX_MEGABYTES", 0)
    server.script("other", *[Status(200, PICTURE)] * 2)
    with pytest.raises(fetch.FetchError, match="larger than 0 MB"):
        fetch.fetch(f"{server.url}/picture")
    with pytest.raises(fetch.FetchError, match="larger than 0 MB"):
        download(f"{server.url}/picture", tmp_path / "x")
