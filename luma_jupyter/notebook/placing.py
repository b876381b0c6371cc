"""From checked orders to clips: one is simply sent; of several, their number and price are said before, and above a
limit somebody has to say yes.

All that can be checked is checked before the first one leaves: each request, the day's budget for all of them together,
and the limits. What may still go wrong in the middle is what another kernel does meanwhile, or a disk that fills up.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.error import StdinNotImplementedError

from luma_jupyter import settings
from luma_jupyter.choices import Action, Provider
from luma_jupyter.engine.previews import Preview
from luma_jupyter.engine.prices import Price, dollars
from luma_jupyter.errors import InvalidRequest, LumaError, NotConfirmed, reworded
from luma_jupyter.models import Task
from luma_jupyter.notebook import session
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.host import here
from luma_jupyter.notebook.orders import Order

if TYPE_CHECKING:
    from luma_jupyter.notebook.parse import CellCommand


@dataclass(frozen=True)
class Plan:
    """What sending some orders comes to: how many there are, and the new ones as (provider, action, price).

    ``grid`` says in words where the number comes from; the orders that are not new are answered by earlier ones.
    """

    count: int
    new: Sequence[tuple[Provider, Action, Price]]
    grid: str = ""

    @property
    def usd(self) -> float:
        """The price of the new ones, as far as it is known."""
        return sum(price.usd or 0.0 for _, _, price in self.new)

    def __str__(self) -> str:
        """One line, such as ``6 videos = 3 prompts × 2 loops: 2 were asked for before …, 4 are new. Price: …``"""
        old, new = self.count - len(self.new), len(self.new)
        videos = f"{self.count:,} video{'' if self.count == 1 else 's'}{f' = {self.grid}' if self.grid else ''}"
        if not new:
            return f"{videos}: asked for before, nothing is paid."
        known = f"{old:,} {'was' if old == 1 else 'were'} asked for before and cost{'s' if old == 1 else ''} nothing, "
        return f"{videos}: {f'{known}{new:,} new' if old else 'new'}. Price: {self._price()}."

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


def plan(orders: Sequence[Order], *, ask: bool, grid: str = "", places: Sequence[str] = ()) -> Plan:
    """Check orders as far as is possible before sending them, and say what they come to.

    ``ask``: a service that quotes its price is asked for it. ``places`` names the orders, for errors. Raises
    InvalidRequest or ConfigError.
    """
    new: list[tuple[Provider, Action, Price]] = []
    quotes: dict[tuple[Provider, Action], Price] = {}
    for number, order in enumerate(orders):
        if order.earlier():
            continue
        try:
            preview = order.preview()
        except InvalidRequest as error:
            raise reworded(error, f"{places[number]}: {error} Nothing was sent.") if places else error from None
        call = preview.provider, order.request.action
        if call not in quotes:
            quotes[call] = session.engine().price(*call) if ask else preview.price
        new.append((*call, quotes[call]))
    return Plan(len(orders), new, grid)


def place_all(
    orders: Sequence[Order], *, grid: str = "", places: Sequence[str] = (), name: str | None = None, yes: bool = False
) -> Clips:
    """Send several orders, or find what equal ones came to; the clips, in this order, for the variable ``name``.

    One line says their number and price before. Raises NotConfirmed where somebody had to say yes and did not,
    InvalidRequest, ConfigError or OverBudget; then nothing was sent, unless the error says how many were.
    """
    planned = plan(orders, ask=True, grid=grid, places=places)
    session.engine().check_budget([(provider, action) for provider, action, _ in planned.new])
    print(planned)
    if not yes:
        _confirm(planned)
    clips = Clips()
    for number, order in enumerate(orders):
        try:
            clips.append(order.place(f"{name}[{number}]" if name else None))
        except LumaError as error:
            if not clips:
                raise
            again = "" if order.again else " Running this again goes on with the rest, and pays nothing for those."
            raise reworded(
                error,
                f"{len(clips)} of {len(orders)} were sent, and are followed: luma_jupyter.clips() has them.{again} "
                f"The next one was not: {error}",
            ) from None
    return clips


def above_limits(planned: Plan) -> str:
    """What somebody has to say yes to, in words; empty where nothing is above a limit."""
    now = settings.current()
    much = []
    if len(planned.new) > now.confirm_count:
        much.append(f"{len(planned.new):,} new videos are more than {now.confirm_count:,} (the setting confirm_count)")
    if planned.usd > now.confirm_usd:
        much.append(f"{dollars(planned.usd)} is more than {dollars(now.confirm_usd)} (the setting confirm_usd)")
    return " and ".join(much)


def _confirm(planned: Plan) -> None:
    """Have somebody say yes to what is above a limit. Raises NotConfirmed."""
    finding = above_limits(planned)
    if not finding:
        return
    answer = _ask(f"{finding}. Send them? [y/N] ")
    if answer is None:
        raise NotConfirmed(
            f"Nothing was sent: {finding}, and here nobody can be asked. Say yes=True in Python or --yes in a cell, or "
            "raise the limit with luma_jupyter.configure(…)."
        )
    if answer.strip().lower() not in ("y", "yes"):
        raise NotConfirmed("Nothing was sent: the answer was not yes.")


def _ask(question: str) -> str | None:
    """What the user answers; None where nobody can be asked."""
    if here().how == "path" and not (sys.stdin and sys.stdin.isatty()):
        return None
    try:
        return input(question)
    except (EOFError, KeyboardInterrupt):
        return ""
    except StdinNotImplementedError:  # a run without a person
        return None


def place(command: CellCommand, namespace: MutableMapping[str, Any]) -> Clips:
    """Do what a cell says: send its order, or its takes, and put what comes of it into the cell's variable.

    That is a clip, or for several takes the list of them. Raises as `place_all` does.
    """
    if command.takes == 1:
        clips = Clips([command.order.place(command.out)])
    else:
        clips = place_all(command.order.takes(command.takes), name=command.out, yes=command.yes)
    for clip in clips:
        clip._embed = command.embed
    if command.out:
        namespace[command.out] = clips[0] if command.takes == 1 else clips
    return clips


def would_send(command: CellCommand) -> str:
    """What a cell would send, and at what price. Raises as `plan` does."""
    text = _dry_run_text(command.order.preview(), command.order.earlier())
    if command.takes > 1:
        text += f"\n{plan(command.order.takes(command.takes), ask=False, grid=f'{command.takes} takes of this')}"
    return text


def _dry_run_text(preview: Preview, earlier: Task | None) -> str:
    """A request as JSON and as a curl command, the key masked; ``earlier`` is what would answer it unsent."""
    body = json.dumps(preview.payload, ensure_ascii=False, indent=2)
    headers = {"Authorization": "Bearer ‹your key›", "Content-Type": "application/json", **preview.headers}
    curl = " \\\n".join(
        [
            f"curl -X POST {shlex.quote(preview.url)}",
            *(f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()),
            f"  -d {shlex.quote(json.dumps(preview.payload, ensure_ascii=False))}",
        ]
    )
    price = f"Price: {preview.price}"
    would = f"Nothing was sent. This would go to {preview.provider}:"
    if earlier:
        would = (
            f"Nothing was sent, and without --again nothing would be: this was asked for before, and is "
            f"{earlier.status}. With --again this would go to {preview.provider}:"
        )
    return f"{would}\n\nPOST {preview.url}\n{body}\n\n{curl}\n\n{price}"
