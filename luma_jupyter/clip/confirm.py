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
from luma_jupyter.domain.vocabulary import Action, Provider
from luma_jupyter.engine.plan import Plan
from luma_jupyter.errors import InvalidRequest, NotConfirmed, with_message
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
        """One line, such as ``6 videos = 3 prompts × 2 loops: 2 were asked for before …, 4 are new. Price: …``"""
        old, new = self.count - len(self.new), len(self.new)
        videos = "1 video" if self.count == 1 else f"{self.count:,} videos"
        if self.grid:
            videos += f" = {self.grid}"
        if not new:
            return f"{videos}: asked for before, nothing is paid."
        if not old:
            return f"{videos}: new. Price: {self._price()}."
        were = "1 was asked for before and costs" if old == 1 else f"{old:,} were asked for before and cost"
        return f"{videos}: {were} nothing, {new:,} new. Price: {self._price()}."

    def _price(self) -> str:
        if len(self.new) == 1:
            return str(self.new[0][2]).rstrip(".")
        groups = Counter(price for _, _, price in self.new)
        known = [f"{count:,} × {price}" for price, count in groups.items() if price.usd is not None]
        unknown = [(count, price.basis.rstrip(".")) for price, count in groups.items() if price.usd is None]
        words = f"{' + '.join(known)} = {dollars(self.usd)}" if known else ""
        if not words and len(unknown) == 1:
            return f"not known ({unknown[0][1]})"
        return "; ".join(filter(None, [words, *(f"of {count:,} not known ({basis})" for count, basis in unknown)]))


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
            raise with_message(error, f"{grid.places[number]}: {error} Nothing was sent.") from None
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
    """What somebody has to say yes to, in words; empty where nothing is above a limit."""
    much = []
    if len(batch.new) > now.confirm_count:
        much.append(f"{len(batch.new):,} new videos are more than {now.confirm_count:,} (the setting confirm_count)")
    if batch.usd > now.confirm_usd:
        much.append(f"{dollars(batch.usd)} is more than {dollars(now.confirm_usd)} (the setting confirm_usd)")
    return " and ".join(much)


def _confirm(session: Session, batch: BatchPlan) -> None:
    """Have somebody say yes to what is above a limit. Raises NotConfirmed."""
    finding = above_limits(batch, session.settings())
    if not finding:
        return
    answer = session.presenter.ask(f"{finding}. Send them? [y/N] ")
    if answer is None:
        raise NotConfirmed(
            f"Nothing was sent: {finding}, and here nobody can be asked. Say yes=True in Python or --yes in a cell, or "
            "raise the limit with luma_jupyter.configure(…)."
        )
    if answer.strip().lower() not in ("y", "yes"):
        raise NotConfirmed("Nothing was sent: the answer was not yes.")
