"""Which service a request goes to, and the client that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from luma_jupyter import settings
from luma_jupyter.choices import Action, Provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError
from luma_jupyter.models import Request, TaskState
from luma_jupyter.settings import Secret, Settings, variable

if TYPE_CHECKING:
    from luma_jupyter.demo.server import DemoService
    from luma_jupyter.files import LocalFile
    from luma_jupyter.wire.http import Http
    from luma_jupyter.wire.replies import Sending, Upload
    from luma_jupyter.wire.runapi import RunApi

SERVICE_NAMES: Mapping[Provider, str] = {
    "acedata": "AceDataCloud",
    "runapi": "RunAPI",
    "demo": "demo service",
}
KEY_SETTINGS: Mapping[Provider, str] = {"acedata": "acedata_token", "runapi": "runapi_key"}


class Api(Protocol):
    """What the engine needs of an API's client; `wire.acedata` and `wire.runapi` have it."""

    @property
    def base_url(self) -> str: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def submit_url(self) -> str: ...
    def payload(self, request: Request) -> dict[str, Any]: ...
    def headers(self, intent: str) -> dict[str, str]: ...
    @property
    def repeatable(self) -> bool: ...
    async def submit(
        self, request: Request, intent: str, sending: Sending | None = None, repeated: bool = False
    ) -> str: ...
    async def upload(self, file: LocalFile, told: Callable[[float], None]) -> Upload: ...
    async def find(self, request: Request, since: float) -> list[str]: ...
    async def quote(self) -> float | None: ...
    async def check(self) -> None: ...
    async def look_up(self, ids: Sequence[str]) -> dict[str, TaskState]: ...


def choose_provider(
    action: Action, asked: str | None, source: Provider | None, source_name: str, now: Settings
) -> Provider:
    """The service for an action.

    ``asked`` is the call's own choice (None: as the settings say), ``source`` the provider of the clip that it
    follows. A follow-up stays in its source's world, real or demo. Raises ConfigError where a key is missing,
    InvalidRequest where a service cannot do the action.
    """
    real: Provider = "runapi" if action == "modify" else "acedata"
    wanted = asked if asked not in (None, "auto") else None
    if wanted is not None and wanted not in SERVICE_NAMES:
        raise InvalidRequest(f"There is no provider {wanted!r}: choose auto, {', '.join(SERVICE_NAMES)}.")
    if wanted is None and source == "demo":
        return "demo"
    if asked is None and now.provider != "auto":
        wanted = now.provider
        if wanted == "demo" and source is not None:
            raise ConfigError(
                f"{source_name} is a real clip, but {variable('provider')} is demo: "
                f"add --provider {real} to use the paid service, or --provider demo to simulate."
            )
    if wanted == "demo":
        return "demo"
    if wanted is not None and wanted != real:
        able = "modify" if wanted == "runapi" else "generate and extend"
        raise InvalidRequest(f"{SERVICE_NAMES[real]} does {action}; {wanted} can only {able}: use --provider {real}.")
    if getattr(now, KEY_SETTINGS[real]) is None:
        any_key = any(getattr(now, name) is not None for name in KEY_SETTINGS.values())
        if wanted is None and source is None and not any_key:
            return "demo"
        raise ConfigError(
            f"{action} needs a key of {SERVICE_NAMES[real]}: set {variable(KEY_SETTINGS[real])}, "
            "or add --provider demo to simulate."
        )
    return real


class Services:
    """The clients of all services, built when first needed from the settings of that moment."""

    def __init__(self, http: Callable[[], Http] | None = None) -> None:
        self._make_http = http
        self._http: Http | None = None
        self._demo: DemoService | None = None

    @property
    def http(self) -> Http:
        """The HTTP client; belongs to the engine's loop."""
        if self._http is None:
            if self._make_http is None:
                from luma_jupyter.wire.http import Http

                self._make_http = Http
            self._http = self._make_http()
        return self._http

    def api(self, provider: Provider, action: Action) -> Api:
        """The client for an action at a provider. Raises ConfigError where a key or package is missing."""
        from luma_jupyter.wire.acedata import AceData
        from luma_jupyter.wire.runapi import RunApi

        now = settings.current()
        if provider == "demo":
            demo = self.demo(now.demo_seconds)
            kind = RunApi if action == "modify" else AceData
            return kind(self.http, demo.url, Secret(demo.token), "The demo service")
        key = getattr(now, KEY_SETTINGS[provider])
        if key is None:
            raise ConfigError(f"Set {variable(KEY_SETTINGS[provider])} to use {SERVICE_NAMES[provider]}.")
        if provider == "runapi":
            return self.runapi()
        return AceData(self.http, now.acedata_base_url, key, platform_url=now.acedata_platform_url)

    async def check(self, provider: Provider) -> LumaError | None:
        """Ask a service something harmless; what it said no with, None where it answered and knows the key."""
        try:
            await self.api(provider, "generate").check()
        except LumaError as error:
            return error
        return None

    def runapi(self) -> RunApi:
        """The client for RunAPI. Raises ConfigError where its key is missing."""
        from luma_jupyter.wire.runapi import RunApi

        now = settings.current()
        if now.runapi_key is None:
            raise ConfigError(f"Set {variable('runapi_key')} to use RunAPI.")
        return RunApi(self.http, now.runapi_base_url, now.runapi_key)

    def demo(self, seconds: float) -> DemoService:
        """The embedded demo service, started on first use. Raises ConfigError where its packages are missing."""
        if self._demo is None:
            try:
                from luma_jupyter.demo.server import start

                self._demo = start(seconds=seconds)
            except ImportError as error:
                raise ConfigError(
                    f"The demo service needs a package that is not installed ({error.name}): "
                    "pip install 'luma-jupyter[demo]', or set a key to use a real service."
                ) from None
        self._demo.seconds = seconds
        return self._demo

    @property
    def demo_url(self) -> str | None:
        """The base URL of the running demo service."""
        return self._demo.url if self._demo else None

    def forget(self) -> None:
        """Start anew, in a forked child: the parent's connections and demo service are not ours."""
        self._http = None
        self._demo = None
