"""The words that the demo service understands, in English and Chinese, and what a prompt says by them.

`WORDS` is the one table of them: what is shown to people, and what the films are made by, come from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

KINDS = {
    "place": "Place",
    "time": "Time of day",
    "weather": "Weather and season",
    "camera": "Camera",
    "style": "Style",
    "pace": "Pace",
}
SMALL_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "in",
        "at",
        "on",
        "of",
        "with",
        "and",
        "under",
        "over",
        "by",
        "to",
        "into",
        "在",
        "的",
        "里",
        "中",
    ]
)


@dataclass(frozen=True)
class Word:
    """One thing that a prompt can say, by any of its words; ``kind`` is one of `KINDS`.

    ``english`` are words and phrases in lower case, which may have an ``s``.
    """

    kind: str
    name: str
    english: str
    chinese: str

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        english = "|".join(self.english.split(", "))
        return re.compile(rf"\b(?:{english})(?:s|es)?\b|{self.chinese.replace('、', '|')}")

    def taken_out_of(self, prompt: str) -> str:
        """A prompt, in lower case, without it."""
        return self._pattern.sub(" ", prompt)

    def is_in(self, prompt: str) -> bool:
        """Whether a prompt, in lower case, says it."""
        return bool(self._pattern.search(prompt))


WORDS = (
    Word("place", "volcano", "volcano, volcanic, lava, fire, eruption", "火山、熔岩"),
    Word("place", "city", "city, cities, street, town, skyline, neon", "城市、城、街"),
    Word("place", "sea", "ocean, sea, water, river, lake, beach, wave, harbour, harbor, ship", "海、湖、河"),
    Word("place", "forest", "forest, jungle, tree, wood, woods", "森林、树林"),
    Word("place", "mountains", "mountain, alps, cliff, peak", "山"),
    Word("place", "desert", "desert, sand, dune", "沙漠"),
    Word("place", "meadow", "meadow, garden, grass, field, flower", "草地、花园、花"),
    Word("place", "space", "space, astronaut, galaxy, galaxies, planet, cosmos, cosmic", "宇宙、太空、宇航员"),
    Word("time", "sunrise", "sunrise, dawn, morning, golden, gold", "日出、清晨、早晨"),
    Word("time", "noon", "noon, midday, daylight, sunny", "中午、正午、阳光"),
    Word("time", "sunset", "sunset, dusk, evening, twilight", "日落、黄昏、傍晚"),
    Word("time", "night", "night, midnight, moon, moonlight, moonlit, star, starry", "夜、月、星"),
    Word("weather", "snow", "snow, snowy, snowing, snowfall, winter, ice, icy", "雪、冬"),
    Word("weather", "rain", "rain, rainy, raining, shower, drizzle", "雨"),
    Word("weather", "storm", "storm, stormy, thunder, thunderstorm, lightning, tempest", "暴风、风暴、雷"),
    Word("weather", "fog", "fog, foggy, mist, misty, cloud, cloudy, haze, hazy", "雾、霧、云"),
    Word("weather", "wind", "wind, windy, breeze, gale", "风"),
    Word("weather", "autumn", "autumn, leaves, november", "秋、落叶"),
    Word("weather", "spring", "spring, blossom, petal", "春、樱"),
    Word("camera", "pan left", "pan left, pans left, panning left, pan to the left", "向左摇、左移"),
    Word("camera", "pan right", "pan right, pans right, panning right, pan to the right", "向右摇、右移"),
    Word("camera", "tilt up", "tilt up, tilts up, tilting up, crane up", "上摇、上移"),
    Word("camera", "tilt down", "tilt down, tilts down, tilting down, crane down", "下摇、下移"),
    Word("camera", "dolly in", "dolly in, dollies in, zoom in, zooms in, push in, close-up", "推近、推进、拉近"),
    Word("camera", "dolly out", "dolly out, dollies out, zoom out, zooms out, pull out, pull back", "拉远、拉出"),
    Word("camera", "orbit", "orbit, orbits, orbiting, circles around, arc shot", "环绕"),
    Word("camera", "handheld", "handheld, hand-held, shaky", "手持"),
    Word("camera", "static", "static, still camera, fixed camera, tripod", "固定镜头、静止"),
    Word("style", "black and white", "black and white, black-and-white, monochrome, noir", "黑白"),
    Word("style", "vintage", "vintage, sepia, old film, retro", "复古、怀旧"),
    Word("style", "watercolour", "watercolour, watercolor, painting, painted, aquarelle", "水彩、绘画"),
    Word("style", "cartoon", "cartoon, anime, comic, cel-shaded", "卡通、动漫、动画"),
    Word("style", "pastel", "pastel, soft colours, soft colors, dreamy", "柔和、梦幻"),
    Word("style", "vivid", "vivid, vibrant, colourful, colorful, saturated", "鲜艳"),
    Word("pace", "slow motion", "slow motion, slow-motion, slowly", "慢动作、慢镜头"),
    Word("pace", "time lapse", "time lapse, time-lapse, timelapse", "延时"),
)


@dataclass(frozen=True)
class Direction:
    """What a prompt says by its words, in the order of the table."""

    words: tuple[Word, ...]

    @classmethod
    def of(cls, prompt: str) -> Direction:
        """Read a prompt. What one word has taken is no part of another: there is no mountain in 火山."""
        text, found = prompt.lower(), []
        for word in WORDS:
            if word.is_in(text):
                found.append(word)
                text = word.taken_out_of(text)
        return cls(tuple(found))

    def names(self, kind: str) -> tuple[str, ...]:
        """What is said of a kind, such as every move of the camera."""
        return tuple(word.name for word in self.words if word.kind == kind)

    def rest_of(self, prompt: str) -> str:
        """What a prompt says beside these words: prompts that differ in them alone have the same rest."""
        text = prompt.lower()
        for word in self.words:
            text = word.taken_out_of(text)
        return " ".join(part for part in re.findall(r"\w+", text) if part not in SMALL_WORDS)


def vocabulary() -> Iterator[tuple[str, str]]:
    """The words as people read them: what a kind is called, and all of its words in both languages."""
    for kind, title in KINDS.items():
        of_kind = [word for word in WORDS if word.kind == kind]
        yield title, " · ".join(f"{word.name} ({word.chinese})" for word in of_kind)
