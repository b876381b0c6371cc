"""What there is to choose from: actions, providers, aspect ratios. Cheap to import: all notebooks do."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Action: TypeAlias = Literal["generate", "extend", "modify"]
Provider: TypeAlias = Literal["acedata", "runapi", "demo"]
AspectRatio: TypeAlias = Literal["16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21"]

ACTIONS: tuple[Action, ...] = get_args(Action)
PROVIDERS: tuple[Provider, ...] = get_args(Provider)
ASPECT_RATIOS: tuple[AspectRatio, ...] = get_args(AspectRatio)
