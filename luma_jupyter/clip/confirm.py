"""Several new videos: their number and price are said before they are sent, and above a limit somebody has to say yes.

All that can be checked is checked before the first one leaves: each request, the day's budget for all of them together,
and the limits. Then all that are new are entered into the journal at once, or none is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.clip.grid import Grid
from luma_jupyter.clip.session import Session
from luma_jupyter.domain.money import Price, dollars
from luma_jupyter.domain.vocabulary import FREE, Action, Provider
from luma_jupyter.engine.plan import Plan
from luma_jupyter.errors import InvalidRequest, NotConfirmed, with_message
from luma_jupyter.languages import N_, ngettext, translated
from luma_jupyter.languages import gettext as _
from luma_jupyter.printable import say
from luma_jupyter.settings import Settings


@dataclass(frozen=True)
class BatchPlan:
    """What submitting several specs comes to: how many there are, and the new ones as (provider, action, price).

    ``grid`` says in words where the number comes from; those that are not new are answered by earlier ones.
    """

    plans: Sequence[Plan]
    new: Sequence[tuple[Provider, Action, Price]]
    grid: str = ""

    @property
    def count(self) -> int:
        """How many videos there will be, old and new."""
        return len(self.plans)

    @property
    def usd(self) -> float:
        """The price of the new ones, as far as it is known."""
        return sum(price.usd or 0.0 for _, _, price in self.new)

    def __str__(self) -> str:
        """One line, such as ``6 videos (3 prompts × 2 loops): 2 already made, no charge; 4 new. Price: …``"""
        new = len(self.new)
        old = self.count - new
        free = all(provider in FREE for provider, *_action in self.new)
        if not old:
            videos = ngettext("{count} new video", "{count} new videos", new).format(count=f"{new:,}")
            text = _("{videos}, free (demo).") if free else _("{videos}. Price: {price}.")
            return text.format(videos=self._with_grid(videos), price=self._price())
        count = ngettext("{count} video", "{count} videos", self.count).format(count=f"{self.count:,}")
        videos = self._with_grid(count)
        if not new:
            return _("{videos}, already made: no charge.").format(videos=videos)
        text = (
            _("{videos}: {old} already made, no charge; {new} new, free (demo).")
            if free
            else _("{videos}: {old} already made, no charge; {new} new. Price: {price}.")
        )
        return text.format(videos=videos, old=f"{old:,}", new=f"{new:,}", price=self._price())

    def _with_grid(self, videos: str) -> str:
        return f"{videos} ({self.grid})" if self.grid else videos

    def _price(self) -> str:
        if len(self.new) == 1:
            return price_text(self.new[0][2]).rstrip(".")
        groups = Counter(price for *_call, price in self.new)
        known = [f"{count:,} × {price_text(price)}" for price, count in groups.items() if price.usd is not None]
        unknown = [(count, translated(price.basis).rstrip(".")) for price, count in groups.items() if price.usd is None]
        words = f"{' + '.join(known)} = {dollars(self.usd)}" if known else ""
        if not words and len(unknown) == 1:
            return _("not known ({why})").format(why=unknown[0][1])
        of_some = [_("of {count} not known ({why})").format(count=f"{count:,}", why=why) for count, why in unknown]
        return "; ".join(filter(None, [words, *of_some]))


def price_text(price: Price) -> str:
    """A price, and where it is known from."""
    basis = translated(price.basis)
    if price.usd is None:
        return basis
    text = _("up to {amount} ({basis})") if price.up_to else "{amount} ({basis})"
    return text.format(amount=dollars(price.usd), basis=basis)


def plan_all(session: Session, grid: Grid, *, ask: bool) -> BatchPlan:
    """Check specs as far as is possible before sending them, and say what they come to.

    ``ask``: a service that quotes its price is asked for it. Raises InvalidRequest or ConfigError.
    """
    new: list[tuple[Provider, Action, Price]] = []
    quotes: dict[tuple[Provider, Action], Price] = {}
    plans = session.engine.with_earlier(session.plan_all(grid.specs))
    for number, plan in enumerate(plans):
        if plan.earlier:
            continue
        try:
            preview = plan.preview
        except InvalidRequest as error:
            if not grid.places:
                raise
            place = grid.places[number]
            raise with_message(error, f"{place}: {error} Nothing was sent.") from None
        call = preview.provider, plan.spec.request.action
        if call not in quotes:
            quotes[call] = session.engine.price(*call) if ask else preview.price
        new.append((*call, quotes[call]))
    return BatchPlan(plans, new, grid.description)


def submit_all(session: Session, grid: Grid, *, name: str | None = None, yes: bool = False) -> ClipList:
    """Submit several specs, or find what equal ones came to; the clips, in this order, for the variable ``name``.

    One line says their number and price before. Raises NotConfirmed where somebody had to say yes and did not,
    InvalidRequest, ConfigError or OverBudget; then nothing was sent, unless the error says how many were.
    """
    batch = plan_all(session, grid, ask=True)
    session.engine.check_budget([(provider, action) for provider, action, _ in batch.new])
    say(batch)
    if not yes:
        _confirm(session, batch)
    plans = batch.plans
    if name:
        named = [replace(plan.spec, name=f"{name}[{number}]") for number, plan in enumerate(plans)]
        plans = [replace(plan, spec=spec) for plan, spec in zip(plans, named, strict=True)]
    return session.submit_all(plans, yes=yes)


def above_limits(batch: BatchPlan, now: Settings) -> str:
    """What somebody has to say yes to, in words that are to be `translated`; empty where nothing is above a limit."""
    count, most = f"{len(batch.new):,}", f"{now.confirm_count:,}"
    price, limit = dollars(batch.usd), dollars(now.confirm_usd)
    many, dear = len(batch.new) > now.confirm_count, batch.usd > now.confirm_usd
    if many and dear:
        return N_(
            f"{count} new videos are more than {most} (the setting confirm_count), and {price} is more than {limit} "
            "(the setting confirm_usd)"
        )
    if many:
        return N_(f"{count} new videos are more than {most} (the setting confirm_count)")
    return N_(f"{price} is more than {limit} (the setting confirm_usd)") if dear else ""


def _confirm(session: Session, batch: BatchPlan) -> None:
    """Have somebody say yes to what is above a limit. Raises NotConfirmed."""
    reason = above_limits(batch, session.settings())
    if not reason:
        return
    answer = session.presenter.ask(_("{reason}. Send them? [y/N] ").format(reason=translated(reason)))
    if answer is None:
        raise NotConfirmed(
            f"Nothing was sent: {reason}, and nobody can be asked here. Say yes=True in Python or --yes in a cell, "
            "or raise the limit with luma_jupyter.configure(…)."
        )
    if answer.strip().lower() not in ("y", "yes"):
        raise NotConfirmed("Nothing was sent: the answer was not yes.")
