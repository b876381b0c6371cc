"""Measure everything, or what is named: ``python -m tests.benchmarks [NAME…] [--peers PYTHON] [--folder build/bench]``.

Leaves ``results.md``, ``results.json`` and plots. Ends with 1 when a figure is above its bound.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import (
    class_keys,
    classes,
    films,
    growth,
    joins,
    kernels,
    loop,
    pages,
    paid_twice,
    polling,
    simulation,
    startup,
    thousand,
    views,
)
from tests.benchmarks.report import Report


def main() -> int:
    """Run the benchmarks one after the other: each has the machine to itself."""
    parser = argparse.ArgumentParser(description="How do we compare with the vendors' own clients?")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the other extensions, and moviepy")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"))
    parser.add_argument("--seeds", type=int, default=1, help="how often polling is played, with other durations")
    given = parser.parse_args()
    benchmarks: dict[str, Callable[[Report], None]] = {
        "simulation": simulation.run,
        "startup": lambda report: startup.run(report, os.path.abspath(given.peers)),
        "polling": lambda report: polling.run(report, given.seeds),
        "thousand": thousand.run,
        "loop": loop.run,
        "kernels": kernels.run,
        "growth": growth.run,
        "films": films.run,
        "joins": lambda report: joins.run(report, os.path.abspath(given.peers)),
        "pages": pages.run,
        "views": views.run,
        "paid_twice": paid_twice.run,
        "class": classes.run,
        "class_keys": class_keys.run,
    }
    if unknown := set(given.names) - set(benchmarks):
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(benchmarks)}")
    report = Report(given.folder)
    for name in given.names or benchmarks:
        benchmarks[name](report)
        report.write()
    print(f"\nResults are in {given.folder}.")
    return 0 if all(figure.holds for figure in report.figures) else 1


if __name__ == "__main__":
    sys.exit(main())
