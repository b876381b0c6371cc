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


@pytest.mark.parametrize("text", ["http://127.0.0.1\\@cdn.example/", "http://cdn.example\\.evil.example/"])
def test_is_web_url_refuses_a_host_that_browsers_read_otherwise(text: str) -> None:
    """A backslash is a slash for browsers, and a part of the host for others: such an address is none."""
    assert not urls.is_web_url(text)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        *(("8.8.8.8", False), ("2606:4700::1111", False), ("::ffff:8.8.8.8", False), ("64:ff9b::8.8.8.8", False)),
        *(("2002:808:808::", False), ("198.18.0.1", False), ("198.19.255.255", False), ("64:ff9b::198.18.0.1", False)),
        *(("127.0.0.1", True), ("10.0.0.1", True), ("198.17.255.255", False), ("198.20.0.0", False), ("::", True)),
        *(("64:ff9b::10.0.0.1", True), ("2002:a00:1::", True), ("::ffff:10.0.0.1", True), ("fe80::1%1", True)),
        *(("239.1.2.3", True), ("255.255.255.255", True), ("ff02::1", True), ("2001:db8::1", True), ("5f00::1", True)),
    ],
)
def test_is_local_address_judges_the_address_inside(address: str, local: bool) -> None:
    """An IPv4 address inside of an IPv6 one counts; what no public host can have is local."""
    assert urls.is_local_address(address) is local


def test_is_local_address_takes_addresses_alone() -> None:
    """A name is no address."""
    with pytest.raises(ValueError, match="does not appear to be"):
        urls.is_local_address("localhost")


@pytest.mark.parametrize(("address", "fake"), [("198.18.0.1", True), ("198.20.0.1", False), ("2606:4700::1", False)])
def test_is_fake_address_knows_the_range_of_proxies(address: str, fake: bool) -> None:
    """What proxies give in the place of any address is told from others."""
    assert urls.is_fake_address(address) is fake


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://h.example/a.mp4", "https://h.example/a.mp4"),
        ("https://h.example/a.mp4?X-Amz-Signature=s&Expires=1", "https://h.example/a.mp4?…"),
        ("https://h.example:8443/a.mp4#token=s", "https://h.example:8443/a.mp4?…"),
        ("https://me:secret@h.example/a.mp4", "https://h.example/a.mp4?…"),
        ("https://me:secret@h.example/a.mp4?…", "https://h.example/a.mp4?…"),
        ("https://h.example/a.mp4?…", "https://h.example/a.mp4?…"),
        ("https://h.example/a?", "https://h.example/a?"),
        ("v-1?x=1", "v-1?x=1"),
        ("film.mp4", "film.mp4"),
    ],
)
def test_shown_url_leaves_out_what_may_be_secret(text: str, shown: str) -> None:
    """Login, query and fragment are cut, once; an address without them, and what is no address, is as it was."""
    assert urls.shown_url(text) == urls.shown_url(shown) == shown
    assert urls.is_cut(shown) is ("…" in shown)
    assert urls.may_have_secret(text) is (shown != text or "…" in text or "x=1" in text)


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://me:p%40ss@h.example:1/a?b", ("https://h.example:1/a?b", "me:p@ss")),
        ("https://h.example/a@b", ("https://h.example/a@b", "")),
        ("", ("", "")),
    ],
)
def test_split_login_takes_name_and_password_out(url: str, parts: tuple[str, str]) -> None:
    """The address without the login, and the login as it was meant."""
    assert urls.split_login(url) == parts
