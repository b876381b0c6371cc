"""`FilmOutline`: what making a film would come to, as text."""

from __future__ import annotations

from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.printable import printable, writable


class FilmOutline:
    """What a dry run gives: ``length`` in seconds, ``size`` in pixels, ``copied``: whether video is not encoded again.

    Printed, it says so, and what each part is.
    """

    def __init__(self, plan: FilmPlan) -> None:
        self._plan = plan
        self.length = float(plan.length)
        self.size = plan.size
        self.copied = plan.encoded is None

    def __repr__(self) -> str:
        parts = [
            f"{float(place.at):7.2f} s  {printable(place.label)} ({float(place.length):.2f} s)"
            for place in self._plan.places
        ]
        return writable("\n".join([self._plan.summary, *parts]))
