"""Which service a request goes to, and the client that speaks to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.vocabulary import PROVIDERS, SERVICE_NAMES, Action, Provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError, shown
from luma_jupyter.languages import N_
from luma_jupyter.settings import HUB_TOKEN, KEY_SETTINGS, Settings, SettingsSource, variable

if TYPE_CHECKING:
    from luma_jupyter.demo.server import DemoService
    from luma_jupyter.providers.acedata import AceData
    from luma_jupyter.providers.http.client import HttpClient
    from luma_jupyter.providers.protocol import ProviderClient
    from luma_jupyter.providers.runapi import RunApi


DEMO_NAME = N_("The demo service")  # in its errors
_GATEWAY_VARIABLE = variable("gateway_token")


def service_for(action: Action) -> Provider:
    """The service that does an action, where it is not simulated."""
    return "runapi" if action == "modify" else "acedata"


def is_simulated(asked: str | None, source: Provider | None, now: Settings) -> bool:
    """Whether a call goes to the demo service whatever keys there are; as `choose_provider`, which decides."""
    wanted = now.provider if asked is None else asked
    return wanted == "demo" or (asked in (None, "auto") and source == "demo")


def choose_provider(action: Action, asked: str | None, source: Provider | None, what: str, now: Settings) -> Provider:
    """The service for an action.

    ``asked`` is the call's own choice (None: as the settings say), ``source`` the provider of the clip that it
    follows, ``what`` that clip. A follow-up stays in its source's world, real or demo. Raises ConfigError where a key
    is missing, InvalidRequest where a service cannot do the action.
    """
    real = service_for(action)
    wanted = asked if asked not in (None, "auto") else None
    if wanted is not None and wanted not in PROVIDERS:
        providers = ", ".join(PROVIDERS)
        raise InvalidRequest(f"There is no provider {shown(wanted)}: choose auto, {providers}.")
    if wanted is None and source == "demo":
        return "demo"
    if asked is None and now.provider != "auto":
        wanted = now.provider
        if wanted == "demo" and source is not None:
            raise ConfigError(
                f"{what} is a real clip, but {variable('provider')} is demo: "
                f"add --provider {real} to use the paid service, or --provider demo to try it for free."
            )
    if wanted == "demo":
        return "demo"
    if wanted is not None and wanted != real:
        raise InvalidRequest(
            f"{wanted} can only modify: to {action}, use --provider {real}."
            if wanted == "runapi"
            else f"{wanted} can only generate and extend: to {action}, use --provider {real}."
        )
    if getattr(now, KEY_SETTINGS[real]) is None:
        if now.gateway is not None:
            raise missing_gateway_token()
        any_key = any(getattr(now, name) is not None for name in KEY_SETTINGS.values())
        if wanted is None and source is None and not any_key:
            return "demo"
        raise ConfigError(
            f"{action} needs a key of {SERVICE_NAMES[real]}: set {variable(KEY_SETTINGS[real])}, "
            "or add --provider demo to try it for free."
        )
    return real


def missing_gateway_token() -> ConfigError:
    """What to say where a class gateway is set, and no token for it."""
    return ConfigError(
        f"The class gateway needs a token: ask your teacher for one and set {variable('gateway_token')} (a server of "
        f"JupyterHub has it as {HUB_TOKEN}), or add --provider demo to try it for free."
    )


def _of_gateway(now: Settings) -> dict[str, Any]:
    """What both clients are told where a class gateway speaks their API."""
    return {"gateway": True, "lesson": now.share_in_class, "key_variable": _GATEWAY_VARIABLE}


class ProviderPool:
    """The clients of all services, built when first needed from the settings of that moment.

    ``new_http`` is passed in by tests.
    """

    _http: HttpClient | None
    _demo: DemoService | None

    def __init__(self, settings: SettingsSource, new_http: Callable[[], HttpClient] | None = None) -> None:
        self._settings = settings
        self._new_http = new_http
        self.reset()

    @property
    def http(self) -> HttpClient:
        """The HTTP client; belongs to the engine's loop."""
        from luma_jupyter.providers.http.client import HttpClient  # start-up: httpx takes 120 ms

        with self._lock:  # one for all threads
            self._http = self._http or (self._new_http or HttpClient)()
            return self._http

    def client(self, provider: Provider, action: Action) -> ProviderClient:
        """The client for an action at a service. Raises ConfigError where a key or package is missing."""
        from luma_jupyter.providers.acedata import AceData  # start-up, as above
        from luma_jupyter.providers.acedata_platform import AceDataPlatform
        from luma_jupyter.providers.runapi import RunApi

        now = self._settings()
        if provider == "demo":
            demo = self.demo(now.demo_seconds)
            key = Secret(demo.token)
            if action == "modify":
                return RunApi(self.http, demo.url, key, DEMO_NAME)
            platform = AceDataPlatform(self.http, demo.url, Secret(demo.platform_token), DEMO_NAME)
            return AceData(self.http, demo.url, key, DEMO_NAME, platform)
        if getattr(now, KEY_SETTINGS[provider]) is None:
            if now.gateway is not None:
                raise missing_gateway_token()
            raise ConfigError(f"Set {variable(KEY_SETTINGS[provider])} to use {SERVICE_NAMES[provider]}.")
        return self.runapi() if provider == "runapi" else self.acedata()

    def acedata(self) -> AceData:
        """The client for AceDataCloud: without a key for prices alone, without a platform token for no files."""
        from luma_jupyter.providers.acedata import AceData  # start-up, as above
        from luma_jupyter.providers.acedata_platform import AceDataPlatform
        from luma_jupyter.providers.gateway import GATEWAY_NAME

        now = self._settings()
        if now.gateway is not None:
            url, key, name = str(now.gateway), now.gateway_token, GATEWAY_NAME
            platform = AceDataPlatform(self.http, url, key, name, login=key, token_variable=_GATEWAY_VARIABLE)
            return AceData(self.http, url, key, name, platform, **_of_gateway(now))
        url = now.acedata_platform_url
        platform = AceDataPlatform(self.http, str(url), now.acedata_platform_token, login=url.login)
        return AceData(self.http, str(now.acedata_base_url), now.acedata_token, platform=platform)

    def runapi(self) -> RunApi:
        """The client for RunAPI: without a key for prices alone."""
        from luma_jupyter.providers.gateway import GATEWAY_NAME  # start-up, as above
        from luma_jupyter.providers.runapi import RunApi

        now = self._settings()
        if now.gateway is not None:
            url, key, name = str(now.gateway), now.gateway_token, GATEWAY_NAME
            return RunApi(self.http, url, key, name, login=key, **_of_gateway(now))
        url = now.runapi_base_url
        return RunApi(self.http, str(url), now.runapi_key, login=url.login)

    def price_client(self, provider: Provider, action: Action) -> ProviderClient:
        """The client that tells the price of an action at a service, for which no key is needed."""
        if provider == "demo":
            return self.client(provider, action)
        return self.runapi() if provider == "runapi" else self.acedata()

    async def check(self, provider: Provider) -> LumaError | None:
        """Ask a service something harmless; what it said no with, None where it answered and knows the key."""
        try:
            await self.client(provider, "generate").check()
        except LumaError as error:
            return error
        return None

    def demo(self, seconds: float) -> DemoService:
        """The embedded demo service, started on first use. Raises ConfigError where its packages are missing."""
        from luma_jupyter.demo.server import start  # start-up, as above

        with self._demo_lock:  # another one: starting takes a second, in which the loop needs its connections
            try:
                self._demo = self._demo or start(seconds=seconds)
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

    async def aclose(self) -> None:
        """Close the connections, on the loop that they belong to."""
        if self._http:
            await self._http.aclose()

    def close(self) -> None:
        """Close the demo service; after `aclose`, the next use of the pool begins anew."""
        if self._demo:
            self._demo.close()
        self.reset()

    def reset(self) -> None:
        """Start anew, in a forked child: the parent's connections and demo service are not ours."""
        self._lock = threading.Lock()
        self._demo_lock = threading.Lock()
        self._http = None
        self._demo = None
