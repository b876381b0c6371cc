"""Addresses: which are of the web, which are local, and which belong to one server."""

from __future__ import annotations

import pytest

from luma_jupyter.domain import urls


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.com/a.mp4?b=c#d", True),
        ("HTTP://EXAMPLE.COM", True),
        ("http://user:pw@h:8080/", True),
        ("http://[::1]:8888/x", True),
        ("https://münchen.example/ü.png", True),
        ("", False),
        ("https://", False),
        ("http:///a.mp4", False),
        ("http://[::1", False),
        ("http://host:99999/", False),
        ("http://host:port/", False),
        ("https://a.example/b c", False),
        ("https://a.example/\nX-Evil: 1", False),
        ("ftp://example.com/a.mp4", False),
        ("file:///etc/passwd", False),
        ("data:image/png;base64,AAAA", False),
        ("javascript:alert(1)", False),
        ("//example.com/a.mp4", False),
        ("example.com/a.mp4", False),
    ],
)
def test_is_web_url_takes_absolute_http_urls_only(text: str, expected: bool) -> None:
    """Only an absolute http(s) URL with a host, a possible port and no blanks is one."""
    assert urls.is_web_url(text) is expected


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "localhost.", "a.localhost", "printer.local", "x.internal", "nas.home.arpa"),
        *("127.0.0.1", "127.0.0.1.", "127.8.9.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001"),
        *("0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.5", "169.254.169.254", "100.64.0.1", "user:pw@127.0.0.1"),
        *("[::1]", "[::]", "[fe80::1]", "[fd00::1]", "[::ffff:127.0.0.1]", "127.0.0.1:8888", "[::1]:8888"),
    ],
)
def test_is_local_url_knows_local_hosts_however_written(host: str) -> None:
    """Loopback, private and link-local hosts are recognised, however they are written."""
    assert urls.is_local_url(f"http://{host}/a.mp4")


@pytest.mark.parametrize(
    "url", ["https://api.acedata.cloud", "http://8.8.8.8/", "http://[2606:4700::1111]/", "http://10.example", "‹later›"]
)
def test_is_local_url_is_false_for_public_hosts(url: str) -> None:
    """What others can reach, and what is no URL at all, is not local."""
    assert not urls.is_local_url(url)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://127.0.0.1:80/a", "http://127.0.0.1", True),
        ("https://h/a?b", "https://h:443/c", True),
        ("https://H", "https://h", True),
        ("http://h", "https://h", False),
        ("http://h:1", "http://h:2", False),
        ("http://127.0.0.1:1", "http://localhost:1", False),
        ("http://h@evil:1", "http://h:1", False),
    ],
)
def test_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    """Two URLs are of one origin where scheme, host and port are equal, the port by default too."""
    assert (urls.origin(one) == urls.origin(other)) is same
