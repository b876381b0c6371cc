"""What a person sees of money: price and balance before a paid call, what was charged after it, and the account."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from luma_jupyter.demo import acedata_platform
from luma_jupyter.demo.server import DemoService, InjectedReply, RequestInfo, start
from tests.browser.conftest import Lab, LabPage
from tests.browser.test_lab import CARDS, LOAD, played_well

# AceDataCloud's platform as it is where a call costs 0.7 credits, in two packages, and 2.1 credits are left.
LISTS: dict[str, list[dict[str, object]]] = {
    "apis": [{"id": "a", "path": "/luma/videos", "service_id": "luma", "cost": 0.7}],
    "services": [{"id": "luma", "packages": [{"price": 10, "amount": 20}, {"price": 40, "amount": 100}]}],
    "applications": [{"service_id": "luma", "remaining_amount": 1.4, "used_amount": 12.6}],
}
BEFORE = """%luma price
%luma balance"""
CLIP = "%%luma -o sunset\nA coin of $5 and one of $10 over {{place}}"
AFTER = """%luma account
%luma history
%luma doctor"""


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoService]:
    """A service that takes 0.7 credits for a call by its price list, and 0.6 by its statement."""

    def hear(request: RequestInfo) -> InjectedReply | None:
        name = request.path.removeprefix("/api/v1/").rstrip("/")
        if name not in LISTS:
            return None
        body = json.dumps({"count": len(LISTS[name]), "items": LISTS[name]}).encode()
        return InjectedReply(200, body, {"Content-Type": "application/json"})

    free = acedata_platform._usage_row
    monkeypatch.setattr(acedata_platform, "_usage_row", lambda entry: {**free(entry), "deducted_amount": 0.6})
    service = start(seconds=2, hook=hear)
    yield service
    service.close()


def test_prices_and_charges_are_on_the_page(open_page: Callable[..., LabPage], lab: Lab, paid: DemoService) -> None:
    """Price and balance before; the card says what was charged, and so do history and account; doctor is content."""
    (lab.folder / "money").mkdir()
    keys = (
        f'acedata_token="{paid.token}", acedata_base_url="{paid.url}", '
        f'acedata_platform_token="{paid.platform_token}", acedata_platform_url="{paid.url}", home="home"'
    )
    lab.write("money/money.ipynb", f"{LOAD}luma.configure({keys})\nplace = 'the sea'", BEFORE, CLIP)
    page = open_page("money/money.ipynb", 1200, 1400)
    page.run_all()
    page.wait_for(f"{CARDS} == 1")
    page.wait_for("document.body.innerText.includes('about $0.35, charged $0.30')")
    played_well(page, 1)
    lab.write("money/after.ipynb", f"{LOAD}luma.configure({keys})", *AFTER.splitlines())
    after = open_page("money/after.ipynb", 1200, 1400)
    after.run_all()
    after.wait_for("document.body.innerText.includes('No problems')")
    for shown, moment in ((page, "money"), (after, "account")):
        for _ in shown.in_both_themes(moment):
            assert "A coin of $5 and one of $10 over the sea" in shown.text()  # and no formula of it
