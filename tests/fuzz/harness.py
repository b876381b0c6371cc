"""The long fuzz, by hand: ``make fuzz``. Prints what came of 100,000 inputs, and fails where a promise does not hold.

Times are of the processor, so that a busy machine changes nothing; memory is what an input took at its highest, as
tracemalloc counts it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.fuzz.parsers import Films, Parser, Sidecars

MOST_MEMORY = 64_000_000  # bytes
MOST_SECONDS = 1.0
INPUTS = 100_000


@dataclass
class Figures:
    """What came of a parser's inputs: ``memory`` in bytes and ``seconds`` at their worst."""

    inputs: int = 0
    taken: int = 0
    largest: int = 0
    memory: int = 0
    seconds: float = 0.0
    crashes: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether the promises held."""
        return not self.crashes and self.memory <= MOST_MEMORY and self.seconds <= MOST_SECONDS

    def __str__(self) -> str:
        return (
            f"{self.inputs:,} inputs up to {self.largest:,} bytes, {self.taken:,} taken, {len(self.crashes)} crashes; "
            f"at most {self.memory / 1e3:,.0f} kB and {1e3 * self.seconds:,.1f} ms"
        )


def measure(parser: Parser, inputs: Iterable[bytes]) -> Figures:
    """Feed a parser. Where memory is traced, time is not measured: tracing takes most of it."""
    figures = Figures()
    for data in inputs:
        figures.inputs += 1
        figures.largest = max(figures.largest, len(data))
        before, start = tracemalloc.get_traced_memory()[0], time.process_time()
        tracemalloc.reset_peak()
        try:
            figures.taken += bool(parser.parse(data))
        except Exception as error:
            figures.crashes.append(f"{type(error).__name__}: {error} — {data[:200]!r}")
        if tracemalloc.is_tracing():
            figures.memory = max(figures.memory, tracemalloc.get_traced_memory()[1] - before)
        else:
            figures.seconds = max(figures.seconds, time.process_time() - start)
    return figures


def damaged(parser: Parser, count: int, seed: str) -> Iterator[bytes]:
    """So many damaged inputs, the same ones for the same seed."""
    random = Random(seed)
    return (parser.damaged(random) for _ in range(count))


def fuzz(parser: Parser, count: int, seed: str) -> tuple[Figures, Figures]:
    """The figures of the worst inputs, and of so many damaged ones; each twice, for time and for memory."""
    timed = measure(parser, parser.worst()), measure(parser, damaged(parser, count, seed))
    tracemalloc.start()
    traced = measure(parser, parser.worst()), measure(parser, damaged(parser, count, seed))
    tracemalloc.stop()
    for time_, memory in zip(timed, traced, strict=True):
        time_.memory = memory.memory
    return timed


def main() -> None:
    """Fuzz both parsers with as many inputs as are asked for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--inputs", type=int, default=INPUTS)
    arguments.add_argument("--seed", default="1")
    options = arguments.parse_args()
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        parsers = {"films": Films(), "sidecars": Sidecars(Path(folder))}
        for name, parser in parsers.items():
            for kind, figures in zip(
                ("worst", "damaged"), fuzz(parser, options.inputs // 2, options.seed), strict=True
            ):
                print(f"{name:<9} {kind:<8} {figures}", flush=True)
                print("".join(f"  {crash}\n" for crash in figures.crashes[:20]), end="")
                kept &= figures.kept
    sys.exit(None if kept else f"More than {MOST_MEMORY / 1e6:.0f} MB, {MOST_SECONDS} s, or a crash.")


if __name__ == "__main__":
    main()
