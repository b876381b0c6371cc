"""Tab completion in ``%%luma`` and ``%luma`` lines: actions, words, options, their values, and clip variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.completer import SimpleCompletion

from luma_jupyter.choices import ACTIONS, ASPECT_RATIOS, PROVIDERS
from luma_jupyter.notebook.clip import Clip
from luma_jupyter.notebook.clips import Clips
from luma_jupyter.notebook.parse import OPTIONS

LINE_WORDS = (
    *("status", "wait", "stop", "resume", "retry"),
    *("history", "price", "balance", "doctor", "studio", "help"),
)
_VALUES = {"--aspect-ratio": ASPECT_RATIOS, "--provider": ("auto", *PROVIDERS)}


class LumaCompleter:
    """Completes from the whole line up to the cursor. ``namespace`` gives the user's variables."""

    def __init__(self, namespace: Callable[[], Mapping[str, Any]]) -> None:
        self._namespace = namespace

    def match(self, line: str) -> dict[str, Any]:
        """The completions of ``line``, up to the cursor, as IPython takes them from a matcher."""
        word, found = self.complete(line)
        return {
            "completions": [SimpleCompletion(text=text, type="magic") for text in found],
            "matched_fragment": word,
            "suppress": bool(found),
        }

    def complete(self, line: str) -> tuple[str, list[str]]:
        """The unfinished word at the end of ``line``, and what it can become; nothing outside the magics."""
        head, _, rest = line.lstrip().partition(" ")
        if head not in ("%%luma", "%luma") or not line.lstrip().startswith(f"{head} "):
            return "", []
        *before, word = rest.split(" ")
        previous = next((w for w in reversed(before) if w), "")
        return word, sorted(text for text in self._candidates(head, before, previous) if text.startswith(word))

    def _candidates(self, head: str, before: list[str], previous: str) -> list[str]:
        named = [(name, value) for name, value in self._namespace().items() if name[0] != "_"]
        clips = [name for name, value in named if isinstance(value, Clip)]
        lists = [name for name, value in named if isinstance(value, Clips)]
        if head == "%luma":
            return [*clips, *lists] if any(before) else list(LINE_WORDS)
        if previous in _VALUES:
            return list(_VALUES[previous])
        if previous in ("--start-image", "--end-image"):
            return [f"{name}@{when}" for name in clips for when in ("first", "last")]
        acted = any(word in ACTIONS for word in before)
        return [*([] if acted else ACTIONS), *OPTIONS, *clips, *(f"{name}[0]" for name in lists)]
