"""The words of prompts that people look for, in English and Chinese: what the camera does, the light, the style, …

`WORDS` is the one table of them. The services take them as words in the prompt, as any other; the demo service makes
its films by those that it knows (`demo.words`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from luma_jupyter.languages import N_
from luma_jupyter.languages import gettext as _

KINDS = {
    "place": N_("Place"),
    "time": N_("Time of day"),
    "weather": N_("Weather and season"),
    "camera": N_("Camera"),
    "light": N_("Light"),
    "style": N_("Style"),
    "pace": N_("Pace"),
}
_COMPLETED = ("time", "camera", "light", "style", "pace")  # kinds; what is to be seen everybody can say
_LONGEST = 40  # letters of a prompt, before the cursor, that a word can have begun in


@dataclass(frozen=True)
class Word:
    """One thing that a prompt can say; ``kind`` is one of `KINDS`, ``name`` and ``chinese`` are how people say it.

    ``english`` are words and phrases in lower case, which may have an ``s``: all by which the demo service knows it,
    none where it does not.
    """

    kind: str
    name: str
    english: str = ""
    chinese: str = ""

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
    Word("camera", "tracking shot", chinese="跟拍"),
    Word("camera", "crane shot", chinese="升降镜头"),
    Word("camera", "aerial view", chinese="航拍、俯拍"),
    Word("camera", "wide shot", chinese="远景、全景"),
    Word("camera", "medium shot", chinese="中景"),
    Word("camera", "extreme close up", chinese="大特写"),
    Word("camera", "low angle", chinese="低角度"),
    Word("camera", "high angle", chinese="高角度"),
    Word("camera", "eye level", chinese="平视"),
    Word("camera", "over the shoulder", chinese="过肩镜头"),
    Word("camera", "point of view", chinese="主观镜头"),
    Word("camera", "dolly zoom", chinese="滑动变焦"),
    Word("camera", "shallow focus", chinese="浅景深"),
    Word("camera", "deep focus", chinese="全景深"),
    Word("camera", "rack focus", chinese="焦点转移"),
    Word("camera", "wide angle lens", chinese="广角镜头"),
    Word("camera", "macro lens", chinese="微距"),
    Word("light", "soft light", chinese="柔光"),
    Word("light", "hard light", chinese="硬光"),
    Word("light", "backlit", chinese="逆光"),
    Word("light", "rim light", chinese="轮廓光"),
    Word("light", "side light", chinese="侧光"),
    Word("light", "candlelight", chinese="烛光"),
    Word("light", "firelight", chinese="火光"),
    Word("light", "volumetric light", chinese="体积光、丁达尔光"),
    Word("light", "high key", chinese="高调"),
    Word("light", "low key", chinese="低调"),
    Word("light", "high contrast", chinese="高对比"),
    Word("light", "silhouette", chinese="剪影"),
    Word("light", "lens flare", chinese="镜头光晕"),
    Word("light", "studio light", chinese="影棚光"),
    Word("style", "black and white", "black and white, black-and-white, monochrome, noir", "黑白"),
    Word("style", "vintage", "vintage, sepia, old film, retro", "复古、怀旧"),
    Word("style", "watercolour", "watercolour, watercolor, painting, painted, aquarelle", "水彩、绘画"),
    Word("style", "cartoon", "cartoon, anime, comic, cel-shaded", "卡通、动漫、动画"),
    Word("style", "pastel", "pastel, soft colours, soft colors, dreamy", "柔和、梦幻"),
    Word("style", "vivid", "vivid, vibrant, colourful, colorful, saturated", "鲜艳"),
    Word("style", "cinematic", chinese="电影感"),
    Word("style", "photorealistic", chinese="写实"),
    Word("style", "documentary", chinese="纪录片"),
    Word("style", "stop motion", chinese="定格"),
    Word("style", "claymation", chinese="黏土"),
    Word("style", "oil on canvas", chinese="油画"),
    Word("style", "ink wash", chinese="水墨"),
    Word("style", "pencil sketch", chinese="素描"),
    Word("style", "pixel art", chinese="像素"),
    Word("style", "paper cut", chinese="剪纸"),
    Word("style", "low poly", chinese="低多边形"),
    Word("style", "surreal", chinese="超现实"),
    Word("style", "film grain", chinese="胶片颗粒"),
    Word("pace", "slow motion", "slow motion, slow-motion, slowly", "慢动作、慢镜头"),
    Word("pace", "time lapse", "time lapse, time-lapse, timelapse", "延时"),
    Word("pace", "freeze frame", chinese="定格画面"),
)

# What is offered to whoever types the beginning of it, English before Chinese.
OFFERED = (
    *(word.name for word in WORDS if word.kind in _COMPLETED),
    *(name for word in WORDS if word.kind in _COMPLETED for name in word.chinese.split("、")),
)


def vocabulary(*, simulated: bool) -> Iterator[tuple[str, list[str]]]:
    """The words as people read them: what a kind is called in the reader's language, and its words in both.

    ``simulated``: those that the demo service knows, else the others.
    """
    for kind, title in KINDS.items():
        of_kind = [word for word in WORDS if word.kind == kind and bool(word.english) is simulated]
        if of_kind:
            yield _(title), [f"{word.name} ({word.chinese})" for word in of_kind]


def complete_word(text: str) -> tuple[str, list[str]]:
    """The unfinished word at the end of a prompt, and what it can become; nothing where none begins so.

    What was typed stays as it is, capitals too. A word of several words is known by all that is there of it; a Chinese
    one begins anywhere.
    """
    for start in range(max(0, len(text) - _LONGEST), len(text)):
        begun = text[start:]
        if start and text[start].isascii() and (text[start - 1].isalnum() or text[start - 1] in "-_"):
            continue
        found = [word for word in OFFERED if word.startswith(begun.lower()) and len(word) > len(begun)]
        if found:
            return begun, [begun + word[len(begun) :] for word in found]
    return "", []
