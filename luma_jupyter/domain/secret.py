"""`Secret`: keys and logins, which show themselves only to those who ask; and addresses with a login in them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from luma_jupyter.domain.urls import split_login


class Secret:
    """A key that shows itself only to `reveal`: its ``repr`` and ``str`` are masked."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    @property
    def authorization(self) -> str:
        """The key as the Authorization header has it."""
        return f"Bearer {self._value}"

    @property
    def digest(self) -> str:
        """What tells the key from another, and not what it is: the first 8 hex digits of its SHA-256."""
        return hashlib.sha256(self._value.encode("utf-8", "surrogatepass")).hexdigest()[:8]

    def mask_in(self, answer: Any) -> Any:
        """A service's answer, as JSON was read, with the key masked: some quote the one that they refuse."""
        if isinstance(answer, str):
            return answer.replace(self._value, "‹key›") if len(self._value) >= 8 else answer
        if isinstance(answer, list):
            return [self.mask_in(value) for value in answer]
        if isinstance(answer, dict):
            return {self.mask_in(name): self.mask_in(value) for name, value in answer.items()}
        return answer

    def __repr__(self) -> str:
        return "‹set, not shown›"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("A key is not pickled or copied.")


class Login(Secret):
    """A user name and password, ``name:password``."""

    __slots__ = ()

    @property
    def authorization(self) -> str:
        """Both as the Authorization header has them."""
        return f"Basic {base64.b64encode(self._value.encode()).decode()}"


class BaseUrl(str):
    """A base URL as it may be shown and stored; the user name and password that it was given with are its ``login``.

    The login goes along with requests that need no key: a request has room for one of them.
    """

    login: Login | None = None

    @classmethod
    def parse(cls, text: str) -> BaseUrl:
        """Take the login out of a URL."""
        url, login = split_login(text)
        base_url = cls(url)
        base_url.login = Login(login) if login else None
        return base_url
