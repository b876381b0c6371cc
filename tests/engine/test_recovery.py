"""What an earlier entry means now: the whole table of how it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from luma_jupyter.domain.vocabulary import Provider, Status
from luma_jupyter.engine.provider_pool import ProviderPool
from luma_jupyter.engine.recovery import can_repeat, is_served, recovered, unconfirmed_message
from luma_jupyter.engine.store.journal import Entry
from luma_jupyter.errors import ClipCancelled, ClipDetached, ClipFailed, ClipUnconfirmed
from tests.support.entries import an_entry
from tests.support.world import EPOCH

DEMO_URL = "http://127.0.0.1:5000"


@pytest.mark.parametrize(
    ("entry", "status", "error"),
    [
        (an_entry(Status.QUEUED), Status.CANCELLED, ClipCancelled),
        (an_entry(Status.SUBMITTING), Status.CANCELLED, ClipCancelled),
        (an_entry(Status.SUBMITTING, sent_at=EPOCH), Status.UNCONFIRMED, ClipUnconfirmed),
        (an_entry(Status.RUNNING, sent_at=EPOCH, task_id="t"), Status.DETACHED, ClipDetached),
        (an_entry(Status.SAVING, sent_at=EPOCH, task_id="t"), Status.DETACHED, ClipDetached),
        (an_entry(Status.COMPLETED, sent_at=EPOCH, task_id="t"), Status.COMPLETED, None),
        (an_entry(Status.FAILED), Status.FAILED, None),
        (an_entry(Status.CANCELLED), Status.CANCELLED, None),
        (an_entry(Status.UNCONFIRMED, sent_at=EPOCH), Status.UNCONFIRMED, None),
        (an_entry(Status.DETACHED, sent_at=EPOCH, task_id="t"), Status.DETACHED, None),
        (an_entry(Status.QUEUED, "demo"), Status.CANCELLED, ClipCancelled),
        (an_entry(Status.RUNNING, "demo", base_url="http://127.0.0.1:1", task_id="t"), Status.FAILED, ClipFailed),
        (an_entry(Status.DETACHED, "demo", base_url="http://127.0.0.1:1", task_id="t"), Status.FAILED, ClipFailed),
        (an_entry(Status.UNCONFIRMED, "demo", base_url="http://127.0.0.1:1", sent_at=EPOCH), Status.FAILED, ClipFailed),
        (an_entry(Status.COMPLETED, "demo", base_url="http://127.0.0.1:1"), Status.COMPLETED, None),
        (an_entry(Status.RUNNING, "demo", base_url=DEMO_URL, task_id="t"), Status.DETACHED, ClipDetached),
        (an_entry(Status.DETACHED, "demo", base_url=DEMO_URL, task_id="t"), Status.DETACHED, None),
        (an_entry(Status.UNCONFIRMED, "demo", base_url=DEMO_URL, sent_at=EPOCH), Status.UNCONFIRMED, None),
    ],
)
def test_recovered_entry_stands_as_far_as_it_came(entry: Entry, status: Status, error: type[Exception] | None) -> None:
    """What can be followed is detached, what was sent is in doubt, what never left is cancelled; a demo's is over."""
    found = recovered(entry, DEMO_URL).task
    assert found.status is status
    assert type(found.error) is (error or type(None))
    alive = replace(entry, owner="someone", alive=True)
    assert recovered(alive, DEMO_URL) == alive


@pytest.mark.parametrize("url", ["http://127.0.0.1", "http://127.0.0.1:x", "http://[", ""])
def test_address_that_no_service_can_have_is_served_by_none(url: str) -> None:
    """A broken address in the journal is no living service, and no error."""
    assert not is_served(an_entry(Status.DETACHED, "demo", base_url=url).task)


@pytest.mark.usefixtures("keys")
def test_request_is_repeatable_with_the_key_that_it_was_sent_with(providers: ProviderPool) -> None:
    """Another key may be another account's, and another address another service's; earlier versions noted no key."""
    client = providers.client("runapi", "modify")
    task = an_entry(Status.SUBMITTING, "runapi", sent_at=EPOCH, base_url=client.base_url).task
    assert can_repeat(task, client)
    assert can_repeat(task.evolve(account=client.account), client)
    assert not can_repeat(task.evolve(account="c0ffee00"), client)
    assert not can_repeat(task.evolve(base_url="https://other.example"), client)


@pytest.mark.parametrize(("provider", "has_console"), [("demo", False), ("acedata", True)])
def test_unconfirmed_message_names_a_console_only_where_there_is_one(provider: Provider, has_console: bool) -> None:
    """The demo service has none; both times it says how the clip is looked for."""
    message = unconfirmed_message(an_entry(Status.SUBMITTING, provider, sent_at=EPOCH).task, "It broke.")
    assert ("console" in message) == has_console
    assert "looks for it, and pays nothing twice unasked." in message
