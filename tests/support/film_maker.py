"""A maker of films that takes no time, and does as a test says while it makes one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from luma_jupyter.engine.films import FilmMaker
from luma_jupyter.films.plan import FilmPlan
from luma_jupyter.films.spec import FilmSpec, Report
from tests.support.films import film


@dataclass
class FakeMaker:
    """Makes films of nothing. ``planned`` and ``made`` are what it was asked for; ``meanwhile`` happens half-way.

    ``trouble`` is raised half-way.
    """

    planned: list[FilmSpec] = field(default_factory=list)
    made: list[FilmSpec] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
    trouble: Exception | None = None
    refusal: Exception | None = None

    def plan(self, spec: FilmSpec) -> FilmPlan:
        self.planned.append(spec)
        if self.refusal:
            raise self.refusal
        encoded = "for the fades" if spec.fade else None
        return FilmPlan(
            spec=spec, size=spec.size or (64, 36), rate=Fraction(10), length=Fraction(2), places=(), encoded=encoded
        )

    def make(self, plan: FilmPlan, target: Path, report: Report) -> None:
        self.made.append(plan.spec)
        try:
            for share in self._shares():
                report(share)
            target.write_bytes(film())
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def _shares(self) -> Iterator[float]:
        yield from (0.0, 0.25, 0.5)
        self.meanwhile()
        if self.trouble:
            raise self.trouble
        yield from (0.501, 0.75, 1.0)

    @property
    def maker(self) -> FilmMaker:
        """As engines take it."""
        return FilmMaker(self.plan, self.make, lambda film: b"\xff\xd8\xff, a poster")
