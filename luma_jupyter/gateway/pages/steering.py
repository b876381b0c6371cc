"""What a teacher changes. Each change and its line in the audit log are one statement. All methods raise DatabaseAway.

A clip that is stopped is not watched any more, its notebook learns so at once, and the next one may go. A service
cannot be called back, and charges it: so what was reserved for it counts as spent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

from luma_jupyter.gateway.ledger import Ledger
from luma_jupyter.gateway.records import WalletKind
from luma_jupyter.languages import N_

STOPPED = "stopped"  # the code of what a teacher has stopped
STOPPED_WORDS = N_("Your teacher stopped this clip.")
PAGES = "pages"  # what is told on the channel of submissions where only pages have changed


class Steering:
    """Changes by one teacher."""

    def __init__(self, ledger: Ledger, by: str) -> None:
        self._ledger = ledger
        self._by = by

    async def stop(self, id: int) -> bool:
        """Watch a clip no longer; False where it is not under way."""
        return await self._change(_STOP, {"id": id, "code": STOPPED, "words": STOPPED_WORDS})

    async def release(self, id: int) -> bool:
        """Give back the money of what is unconfirmed, and made nothing; False where it is not unconfirmed."""
        return await self._ledger.release(id, self._by)

    async def hide(self, id: int) -> bool:
        """Keep a clip from the wall and from classmates; False where it is so already."""
        return await self._change(_HIDE, {"id": id})

    async def show(self, id: int) -> bool:
        """Show a hidden clip again; False where it is not hidden."""
        return await self._change(_SHOW, {"id": id})

    async def pause(self) -> bool:
        """Let nothing new be entered; False where it is so already."""
        return await self._change(_PAUSE, {})

    async def resume(self) -> bool:
        """Let the class go on; False where it was not paused."""
        return await self._change(_RESUME, {})

    async def set_cap(self, kind: WalletKind, name: str, caps: Mapping[str, int | None]) -> None:
        """Set the caps ``in_all`` and ``a_day`` that are given; the other one stays what holds now."""
        await self._ledger.set_cap(kind, name, caps.get("in_all", ...), caps.get("a_day", ...), self._by)
        await self._tell()

    async def _change(self, statement: LiteralString, values: Mapping[str, Any]) -> bool:
        async with self._ledger.database.connection() as connection:
            changed = (await connection.execute(statement, {**values, "by": self._by})).rowcount
        await self._tell()
        return bool(changed)

    async def _tell(self) -> None:
        """Have all pages look."""
        async with self._ledger.database.connection() as connection:
            await connection.execute("SELECT pg_notify('submissions', %s)", (PAGES,))


_STOP = """
WITH changed AS (
    UPDATE submissions SET state = 'failed', cost = coalesce(cost, price), ended_at = now(),
        error_code = %(code)s, error_message = %(words)s
    WHERE id = %(id)s AND state = 'accepted' AND joined IS NULL RETURNING id
)
INSERT INTO audit (who, what, before, after)
SELECT %(by)s, 'submission ' || id, '"accepted"', '"stopped"' FROM changed"""

_HIDE = """
WITH changed AS (
    UPDATE submissions SET hidden_at = now()
    WHERE id = (SELECT coalesce(joined, id) FROM submissions WHERE id = %(id)s) AND hidden_at IS NULL RETURNING id
)
INSERT INTO audit (who, what, before, after)
SELECT %(by)s, 'submission ' || id, '"shown"', '"hidden"' FROM changed"""

_SHOW = """
WITH changed AS (
    UPDATE submissions SET hidden_at = NULL
    WHERE id = (SELECT coalesce(joined, id) FROM submissions WHERE id = %(id)s) AND hidden_at IS NOT NULL RETURNING id
)
INSERT INTO audit (who, what, before, after)
SELECT %(by)s, 'submission ' || id, '"hidden"', '"shown"' FROM changed"""

_PAUSE = """
WITH changed AS (INSERT INTO class_pause DEFAULT VALUES ON CONFLICT DO NOTHING RETURNING one)
INSERT INTO audit (who, what, before, after) SELECT %(by)s, 'class', '"open"', '"paused"' FROM changed"""

_RESUME = """
WITH changed AS (DELETE FROM class_pause RETURNING one)
INSERT INTO audit (who, what, before, after) SELECT %(by)s, 'class', '"paused"', '"open"' FROM changed"""
