"""URLs outside of the service: limits, and reasons that can be shown."""

import asyncio
import functools
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from luma_jupyter.demo import fetch


class OtherServer(BaseHTTPRequestHandler):
    """A server that has a picture, and one that never ends."""

    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/none" else 200)
        self.end_headers()
        self.wfile.write(b"x" * 1000)
        while self.path == "/endless":
            time.sleep(0.02)
            try:
                self.wfile.write(b"x")
                self.wfile.flush()
            except OSError:
                break

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The URL of a running `OtherServer`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), OtherServer)
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.02))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def download(url: str, target: Path) -> None:
    """Download on an event loop."""
    asyncio.run(fetch.download(url, target))


def test_fetch_and_download_read_a_url(elsewhere: str, tmp_path: Path) -> None:
    """A URL that can be read is read, into memory or into a file."""
    assert fetch.fetch(f"{elsewhere}/picture") == b"x" * 1000
    download(f"{elsewhere}/picture", tmp_path / "picture")
    assert (tmp_path / "picture").read_bytes() == b"x" * 1000


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
def test_unreachable_url_is_refused_with_a_reason(url: str, reason: str, elsewhere: str, tmp_path: Path) -> None:
    """Whatever is wrong with a URL is one exception with a reason."""
    whole = elsewhere + url if url.startswith("/") else url
    with pytest.raises(fetch.FetchError, match=reason):
        fetch.fetch(whole)
    with pytest.raises(fetch.FetchError, match=reason):
        download(whole, tmp_path / "x")


def test_slow_answer_is_given_up(elsewhere: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An answer that trickles is given up in time."""
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.15)
    with pytest.raises(fetch.FetchError, match=r"more than 0\.15 s"):
        fetch.fetch(f"{elsewhere}/endless")
    with pytest.raises(fetch.FetchError, match="Timeout"):
        download(f"{elsewhere}/endless", tmp_path / "x")


def test_large_answer_is_given_up(elsewhere: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An answer that is too large is given up."""
    monkeypatch.setattr(fetch, "MAX_MEGABYTES", 0)
    with pytest.raises(fetch.FetchError, match="larger than 0 MB"):
        fetch.fetch(f"{elsewhere}/picture")
    with pytest.raises(fetch.FetchError, match="larger than 0 MB"):
        download(f"{elsewhere}/picture", tmp_path / "x")
