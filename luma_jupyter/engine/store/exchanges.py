"""What went over the wire for clips, as it was recorded: a row for each of the last clips.

It is for people who want to understand; nothing depends on it, and nothing of it is saved from a damaged journal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from luma_jupyter.domain.exchange import Exchange, Recorded, Step
from luma_jupyter.engine.store.database import Database, storable

MOST_CLIPS = 500  # whose exchanges are kept
LONGEST_ROW = 100_000  # characters
TABLES = {
    "exchanges": ("CREATE TABLE exchanges (intent PRIMARY KEY, at, told) WITHOUT ROWID",),
}
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FIELDS: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("at", "seconds"), (int, float)),
    **dict.fromkeys(("method", "url", "body", "answer", "trouble"), str),
    **dict.fromkeys(("headers", "answer_headers"), dict),
    "status": (int, type(None)),
    "shared": int,
}


class ExchangeTable:
    """The table in the journal's file. Its calls raise ConfigError where the file cannot be read or written."""

    def __init__(self, file: Database) -> None:
        self._file = file

    def add(self, exchanges: Mapping[str, Sequence[Exchange]]) -> None:
        """Add what went over the wire for some intents, in one commit; not at all where another program writes now."""
        self._file.transact(lambda: self._add(exchanges), patience=0.0)

    def _add(self, exchanges: Mapping[str, Sequence[Exchange]]) -> None:
        new = False
        for intent, more in exchanges.items():
            known = self.read(intent)
            new = new or known == Recorded()
            known = known.followed_by(more)
            row = (intent, known.exchanges[-1].at, _dump(known))
            self._file.execute("INSERT OR REPLACE INTO exchanges VALUES (?, ?, ?)", *row)
        if new:
            newest = "SELECT intent FROM exchanges ORDER BY at DESC LIMIT ?"
            self._file.execute(f"DELETE FROM exchanges WHERE intent NOT IN ({newest})", MOST_CLIPS)

    def read(self, intent: str) -> Recorded:
        """What was recorded of an intent; what is not understood is left out."""
        found, _ = self._file.execute("SELECT told FROM exchanges WHERE intent = ?", intent)
        return next((_load(told) for (told,) in found), Recorded())


def _dump(recorded: Recorded) -> str:
    """A row's text; where that is very long, with less of what is in the middle."""
    texts = [_json(vars(one)) for one in recorded.exchanges]
    left_out = recorded.left_out
    while len(texts) > 2 and sum(map(len, texts)) > LONGEST_ROW:
        del texts[len(texts) // 2]
        left_out += 1
    return storable(
        f'{{"left_out":{left_out},"exchanges":[{",".join(texts)}]}}'
    )  # half a character becomes JSON's escape


def _load(told: object) -> Recorded:
    try:
        data = json.loads(str(told))
        found = [one for item in data["exchanges"] if (one := _exchange(item))]
        return Recorded(tuple(found), int(data["left_out"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return Recorded()


def _exchange(item: Any) -> Exchange | None:
    """An exchange of plain values; None where one of them is none that this version writes."""
    if not isinstance(item, dict) or not all(isinstance(item.get(name), kind) for name, kind in _FIELDS.items()):
        return None
    step = item.get("step")
    known = Step(step) if step in [one.value for one in Step] else Step.OTHER  # of a later version
    return Exchange(step=known, **{name: item[name] for name in _FIELDS})
