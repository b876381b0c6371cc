"""What is kept of an exchange: no key, no signed address, no byte of a file, and never more than a few kilobytes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from luma_jupyter.domain.exchange import Exchange, Step
from luma_jupyter.domain.secret import Login, Secret
from luma_jupyter.engine.masking import LONGEST, masked
from luma_jupyter.providers.exchanges import Purpose, Seen

KEY = "ace/7Qz9+vTx4Lk2=Wm8Rb"
OTHER = "run/3Hn6+yGd1Pc5=Js0Fe"


class Nobody:
    """A listener that nobody asks."""

    def clock(self) -> float:
        raise AssertionError

    def hear(self, seen: Seen, purpose: Purpose, others: int) -> None:
        raise AssertionError


def kept(seen: Seen, *, step: Step = Step.SUBMIT, task_id: str = "", others: int = 0) -> Exchange:
    """What is kept of what was seen, in a kernel with another key."""
    return masked(seen, Purpose(Nobody(), step, task_id), others, [Secret(OTHER)])


def answered(data: Any, **more: Any) -> Seen:
    """An exchange with this answer."""
    return Seen("POST", "https://api.example/x", status=200, content=json.dumps(data).encode(), **more)


def test_headers_are_kept_by_an_allow_list() -> None:
    """The key is told by what stands for it; cookies and whatever else a host sends are not kept."""
    sent = {"Idempotency-Key": "k1", "content-type": "application/json", "Cookie": "c=1", "X-Amz-Security-Token": "s"}
    seen = Seen("POST", "https://api.example/x", {**sent, "Authorization": f"Bearer {KEY}"}, key=Secret(KEY))
    seen.status, seen.answer_headers = 429, {"Retry-After": "7", "Set-Cookie": "c=2", "X-Request-Id": f"r-{KEY}"}
    exchange = kept(seen)
    assert exchange.headers == {
        "Authorization": "Bearer ‹your key›",
        "Idempotency-Key": "k1",
        "Content-Type": "application/json",
    }
    assert exchange.answer_headers == {"Retry-After": "7", "X-Request-Id": "r-‹your key›"}
    assert kept(Seen("GET", "https://x.example", key=Login("ann:secret"))).headers == {
        "Authorization": "Basic ‹your key›"
    }


@pytest.mark.parametrize(
    "text",
    [
        f"invalid_token: {KEY}",
        f"the key {OTHER} of the other service",
        f"see https://x.example/?k={quote(KEY, safe='')}",
        f"k={quote(KEY)}",
        "Authorization: Bearer abcdefgh12345678",
        "Basic YW5uOnNlY3JldDEyMw==",
        'api_key = "0123456789abcdef"',
        "x-api-key: 0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "sk-proj-0123456789abcdefghij",
        "https://ann:password1@x.example/v.mp4",
        "https://cdn.example/v.mp4?X-Amz-Signature=0123456789abcdef&Expires=1",
    ],
)
def test_keys_are_found_wherever_they_stand(text: str) -> None:
    """In prompts, answers, addresses and errors: exact keys of this kernel, and what looks like one."""
    body, error = {"prompt": text, "list": [{"a": text}]}, {"error": {"message": text}}
    exchange = kept(answered(error, payload=body, key=Secret(KEY), trouble=text))
    page = kept(Seen("GET", text, status=500, content=f"<p>{text}</p>".encode(), key=Secret(KEY)))
    for part in (exchange.body, exchange.answer, exchange.trouble, page.answer, page.url):
        for secret in (
            KEY,
            OTHER,
            quote(KEY),
            quote(KEY, safe=""),
            "0123456789abcdef",
            "abcdefgh12345678",
            "password1",
            "YW5uOnNlY3JldDEyMw==",
            "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        ):
            assert secret not in part
        assert "‹" in part or "?…" in part


@pytest.mark.parametrize(
    "prompt",
    [
        "A basic landscape, the bearer of lanterns, a secret: butterflies",
        "狐狸在雪地里, token of love, password = swordfish",
        "clip 56c6268b4a5e4f41a1fdc5f2ddeb5d3c, key lime pie",
    ],
)
def test_prompts_and_ids_stay_as_they_are(prompt: str) -> None:
    """What is no key is shown to the letter, and so are the ids of tasks, which a support asks for."""
    ids = {"task_id": "56c6268b-4a5e-4f41-a1fd-c5f2ddeb5d3c", "trace_id": "0123456789abcdef0123456789abcdef"}
    exchange = kept(answered(ids, payload={"prompt": prompt}))
    assert json.loads(exchange.body) == {"prompt": prompt}
    assert json.loads(exchange.answer) == ids


def test_fields_with_secret_names_and_callbacks_are_cut() -> None:
    """Of a callback only its host is told, of uploads' addresses the path, and of a signed id nothing."""
    body = {
        "callback_url": "https://hooks.example/services/T0/B0/xyz?k=1",
        "start_image_url": "https://s.example/a?sig=1",
    }
    answer = {"signed_id": "abc", "upload_url": "https://s.example/put?X-Sig=1", "access_token": "abc", "tokens": 3}
    exchange = kept(answered(answer, payload=body))
    assert json.loads(exchange.body) == {
        "callback_url": "https://hooks.example/…",
        "start_image_url": "https://s.example/a?…",
    }
    assert json.loads(exchange.answer) == {
        "signed_id": "‹not shown›",
        "upload_url": "https://s.example/put?…",
        "access_token": "‹not shown›",
        "tokens": 3,
    }


def test_bodies_are_bounded_and_no_key_is_cut_in_two() -> None:
    """However long a text is, and wherever a key stands in it, what is kept has no part of the key."""
    for before in range(LONGEST - 30, LONGEST + 5, 3):
        text = "x" * before + KEY + "y" * 100_000
        exchange = kept(Seen("POST", "u", status=200, payload={"p": text}, content=text.encode(), key=Secret(KEY)))
        for part in (exchange.body, exchange.answer):
            assert len(part) < LONGEST + 200
            assert "cut here: " in part
            assert KEY[:6] not in part
    assert "characters in all" not in kept(answered({"a": "b"})).answer


def test_a_file_is_told_by_its_size() -> None:
    """Of what was uploaded and what was downloaded, no byte is kept."""
    seen = Seen("PUT", "https://s.example/put?sig=1", file="‹a file: 5 bytes›", status=200)
    seen.received = "‹a file: 7 bytes came›"
    exchange = kept(seen)
    assert (exchange.url, exchange.body, exchange.answer) == (
        "https://s.example/put?…",
        "‹a file: 5 bytes›",
        "‹a file: 7 bytes came›",
    )


def test_a_shared_look_up_is_told_as_far_as_it_concerns_the_clip() -> None:
    """Of many ids and items, its own are kept, however the answer names its task."""
    items = [{"id": "t1", "a": 1}, {"task_id": "t2"}, {"response": {"task_id": "t3"}}]
    look = answered({"items": items, "count": 3}, payload={"ids": ["t1", "t2", "t3"], "action": "retrieve_batch"})
    for task_id, item in zip(["t1", "t2", "t3"], items, strict=True):
        exchange = kept(look, step=Step.LOOK, task_id=task_id, others=2)
        left = "‹2 more, of other clips›"
        assert json.loads(exchange.body) == {"ids": [task_id, left], "action": "retrieve_batch"}
        assert json.loads(exchange.answer) == {"items": [item, left], "count": 3}
        assert exchange.shared == 2
    odd = kept(answered({"items": "none"}, payload=["t1"]), step=Step.LOOK, task_id="t1", others=1)
    assert (odd.body, odd.answer) == ('["t1"]', '{"items": "none"}')


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b"{" + b" " * 2_000_000, b'"\\ud800"'])
def test_any_answer_can_be_kept(content: bytes) -> None:
    """Whatever a service answers, it is told as far as it is text."""
    exchange = kept(Seen("GET", "https://x.example", status=200, content=content))
    assert len(exchange.answer) < LONGEST + 200
    assert bool(exchange.answer) == bool(content)
