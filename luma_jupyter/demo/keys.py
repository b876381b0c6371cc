"""The keys of a demo service."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """The key of both APIs, and the token of AceDataCloud's platform."""

    token: str
    platform_token: str
