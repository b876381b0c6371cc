"""The latest videos of the class as a wall, for a beamer: it renews itself, and plays without sound."""

from __future__ import annotations

from luma_jupyter.gateway.pages.base import LivePageHandler, number
from luma_jupyter.gateway.pages.overview import Overview
from luma_jupyter.languages import N_

SIZES = (4, 9, 16, 25)


class WallHandler(LivePageHandler):
    """``/wall?videos=9&names=1``."""

    for_teachers = True

    async def page(self) -> str:
        """The page as it is now."""
        asked = number(self, "videos")
        size = asked if asked in SIZES else 9
        names = bool(self.get_query_argument("names", ""))
        clips = await Overview(self.gateway.database).wall(size)
        return self.html("wall.html", title=N_("Wall"), clips=clips, size=size, sizes=SIZES, names=names)
