"""What benchmarks leave behind: tables, figures with their bounds, plots; as Markdown, JSON and PNG in one folder."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]
PACKAGES = ("luma-jupyter", "acedatacloud", "runapi-luma", "runapi-core", "ipython", "ipykernel", "httpx", "anywidget")


@dataclass(frozen=True)
class Figure:
    """A measured figure and the bound that it has to keep."""

    what: str
    value: float
    bound: float
    unit: str

    @property
    def holds(self) -> bool:
        return self.value <= self.bound


@dataclass
class Report:
    """All results of a run; ``folder`` is where they go."""

    folder: Path
    tables: dict[str, Rows] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)

    def table(self, title: str, rows: Rows) -> None:
        """Keep a table; all rows have the same columns."""
        self.tables[title] = rows
        print(f"\n### {title}\n\n{markdown(rows)}", flush=True)

    def check(self, what: str, value: float, bound: float, unit: str) -> None:
        """Keep a figure that must not be above its bound."""
        figure = Figure(what, value, bound, unit)
        self.figures.append(figure)
        print(f"{'holds ' if figure.holds else 'MISSED'} {what}: {value:.4g} {unit} (at most {bound:.4g})", flush=True)

    def plot(self, name: str) -> Any:
        """A figure and its axes, which `save` writes under that name."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        pyplot.close("all")
        figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
        self.folder.mkdir(parents=True, exist_ok=True)
        figure.savename = self.folder / f"{name}.png"
        return figure, axes

    def write(self) -> None:
        """Leave ``results.md`` and ``results.json``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        machine = {"python": platform.python_version(), "cores": os.cpu_count(), "system": platform.system()}
        versions = {name: found for name in PACKAGES if (found := _version(name))}
        bounds = [
            {
                "figure": f.what,
                "value": f.value,
                "at most": f.bound,
                "unit": f.unit,
                "": "" if f.holds else "**missed**",
            }
            for f in self.figures
        ]
        parts = [f"## Bounds\n\n{markdown(bounds)}"] if bounds else []
        parts += [f"## {title}\n\n{markdown(rows)}" for title, rows in self.tables.items()]
        about = ", ".join(f"{name} {found}" for name, found in versions.items())
        text = f"# Benchmarks\n\n{about}; {machine['cores']} cores, Python {machine['python']}.\n\n" + "\n\n".join(
            parts
        )
        (self.folder / "results.md").write_text(text + "\n", encoding="utf-8")
        data = {
            "versions": versions,
            "machine": machine,
            "figures": [{**asdict(f), "holds": f.holds} for f in self.figures],
            "tables": self.tables,
        }
        (self.folder / "results.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def save(figure: Any) -> None:
    """Write a plot of `Report.plot`."""
    figure.savefig(figure.savename, dpi=110)


def markdown(rows: Rows) -> str:
    """Rows as a Markdown table; numbers with three digits that count."""
    if not rows:
        return "(nothing)"
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([_cell(row[column]) for column in columns] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def say(words: str) -> None:
    """Tell who waits what is going on."""
    print(words, file=sys.stderr, flush=True)
