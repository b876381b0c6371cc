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
from luma_jupyter.domain.vocabulary import FREE, Action, Provider, Status
from luma_jupyter.engine.plan import Plan
from luma_jupyter.engine.store.journal import Entry
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
        return sum(price.usd or 0.0 for _provider, _action, price in self.new)

    def __str__(self) -> str:
        """One line, such as ``2 prompts × 2 takes = 4 new videos, free (demo).``"""
        groups = Counter((price, provider in FREE) for provider, _action, price in self.new)
        sentences = [_new_text(price, count, is_free=is_free) for (price, is_free), count in groups.items()]
        sentences = [*_earlier_texts([plan.earlier for plan in self.plans if plan.earlier]), *sentences]
        if sum(bool(price.usd) for price, _is_free in groups) > 1:
            sentences.append(_("In all: {price}.").format(price=dollars(self.usd)))
        if self.grid and len(sentences) > 1:
            videos = ngettext("{count} video.", "{count} videos.", self.count)
            sentences.insert(0, videos.format(count=f"{self.count:,}"))
        return " = ".join(filter(None, [self.grid, " ".join(sentences)]))


def _earlier_texts(entries: Sequence[Entry]) -> list[str]:
    """What earlier requests answer: with a video, or with one that is under way or in doubt."""
    made = sum(entry.task.status is Status.COMPLETED for entry in entries)
    asked = len(entries) - made
    texts = []
    if made:
        text = ngettext("{count} video already made: no charge.", "{count} videos already made: no charge.", made)
        texts.append(text.format(count=f"{made:,}"))
    if asked:
        text = ngettext(
            "{count} video already asked for: no charge.", "{count} videos already asked for: no charge.", asked
        )
        texts.append(text.format(count=f"{asked:,}"))
    return texts


def _new_text(price: Price, count: int, *, is_free: bool) -> str:
    """What new videos of one price come to."""
    if is_free:
        text = ngettext("{count} new video, free (demo).", "{count} new videos, free (demo).", count)
    elif price.usd is None:
        text = ngettext(
            "{count} new video, price not known: {basis}.", "{count} new videos, price not known: {basis}.", count
        )
    else:
        text = ngettext(
            "{count} new video: {sum} ({basis}).", "{count} new videos at {price} each: {sum} ({basis}).", count
        )
    one, all_ = (_amount(replace(price, usd=number * (price.usd or 0.0))) for number in (1, count))
    return text.format(count=f"{count:,}", price=one, sum=all_, basis=translated(price.basis.rstrip(".")))


def price_text(price: Price) -> str:
    """A price, and where it is known from."""
    basis = translated(price.basis)
    return basis if price.usd is None else f"{_amount(price)} ({basis})"


def _amount(price: Price) -> str:
    amount = dollars(price.usd or 0.0)
    return _("up to {price}").format(price=amount) if price.up_to else amount


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
            quotes[call] = session.engine.costs.price(*call) if ask else preview.price
        new.append((*call, quotes[call]))
    return BatchPlan(plans, new, grid.description)


def submit_all(session: Session, grid: Grid, *, name: str | None = None, yes: bool = False) -> ClipList:
    """Submit several specs, or find what equal ones came to; the clips, in this order, for the variable ``name``.

    One line says their number and price before. Raises NotConfirmed where somebody had to say yes and did not,
    InvalidRequest, ConfigError or OverBudget; then nothing was sent, unless the error says how many were.
    """
    batch = plan_all(session, grid, ask=True)
    session.engine.costs.check_calls([(provider, action) for provider, action, _price in batch.new])
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
