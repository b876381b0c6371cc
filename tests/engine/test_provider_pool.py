"""Which service a request goes to, and the client that speaks to it."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.vocabulary import Action, Provider
from luma_jupyter.engine.provider_pool import ProviderPool, choose_provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError
from luma_jupyter.providers.acedata import AceData
from luma_jupyter.providers.acedata_platform import AceDataPlatform
from luma_jupyter.providers.http.client import HttpClient
from luma_jupyter.providers.runapi import RunApi
from luma_jupyter.settings import Settings
from tests.support import settings

ACE, RUN = "ACEDATACLOUD_API_TOKEN", "RUNAPI_API_KEY"
BOTH = (ACE, RUN)
GEN, EXT, MOD = "generate", "extend", "modify"

# action, asked for, provider of the source clip, keys that are set, LUMA_JUPYTER_PROVIDER → provider, or (error, words)
RULES: list[tuple[Any, ...]] = [
    # auto: each action at its service, where its key is set
    (GEN, None, None, BOTH, "auto", "acedata"),
    (EXT, None, None, BOTH, "auto", "acedata"),
    (MOD, None, None, BOTH, "auto", "runapi"),
    (GEN, "auto", None, BOTH, "auto", "acedata"),
    (GEN, None, None, (ACE,), "auto", "acedata"),
    (MOD, None, None, (RUN,), "auto", "runapi"),
    # auto without any key: everything is demo
    (GEN, None, None, (), "auto", "demo"),
    (EXT, None, None, (), "auto", "demo"),
    (MOD, None, None, (), "auto", "demo"),
    # auto with the other service's key only: an error that names the variable, never silently a simulation
    (GEN, None, None, (RUN,), "auto", (ConfigError, ACE)),
    (EXT, None, None, (RUN,), "auto", (ConfigError, ACE)),
    (MOD, None, None, (ACE,), "auto", (ConfigError, RUN)),
    # a demo clip stays in demo, whatever keys and settings there are
    (EXT, None, "demo", BOTH, "auto", "demo"),
    (MOD, "auto", "demo", BOTH, "auto", "demo"),
    (EXT, None, "demo", BOTH, "acedata", "demo"),
    (MOD, None, "demo", (), "runapi", "demo"),
    (EXT, "demo", "demo", BOTH, "auto", "demo"),
    # … unless a paid service is asked for, which needs an upload
    (EXT, "acedata", "demo", BOTH, "auto", "acedata"),
    (MOD, "runapi", "demo", BOTH, "auto", "runapi"),
    # a real clip stays real
    (EXT, None, "acedata", BOTH, "auto", "acedata"),
    (MOD, None, "acedata", BOTH, "auto", "runapi"),
    (EXT, None, "runapi", BOTH, "auto", "acedata"),
    (MOD, None, "runapi", BOTH, "auto", "runapi"),
    (MOD, None, "acedata", (ACE,), "auto", (ConfigError, RUN)),
    (EXT, None, "acedata", (), "auto", (ConfigError, ACE)),
    (MOD, None, "runapi", (), "auto", (ConfigError, RUN)),
    (EXT, None, "acedata", BOTH, "demo", (ConfigError, "LUMA_JUPYTER_PROVIDER is demo")),
    # … unless demo is asked for, or the setting is overruled by an explicit auto
    (MOD, "auto", "acedata", BOTH, "demo", "runapi"),
    (GEN, "auto", None, BOTH, "demo", "acedata"),
    (EXT, "demo", "acedata", BOTH, "auto", "demo"),
    (EXT, "demo", "acedata", (), "acedata", "demo"),
    # explicit, and its key
    (GEN, "acedata", None, BOTH, "auto", "acedata"),
    (GEN, "acedata", None, BOTH, "demo", "acedata"),
    (EXT, "acedata", "acedata", BOTH, "demo", "acedata"),
    (GEN, "acedata", None, (), "auto", (ConfigError, ACE)),
    (MOD, "runapi", None, (), "auto", (ConfigError, RUN)),
    (GEN, "demo", None, BOTH, "acedata", "demo"),
    # explicit, but not able to do it
    (GEN, "runapi", None, BOTH, "auto", (InvalidRequest, "runapi can only modify")),
    (MOD, "acedata", None, BOTH, "auto", (InvalidRequest, "use --provider runapi")),
    (GEN, "sora", None, BOTH, "auto", (InvalidRequest, "no provider 'sora'")),
    # the setting
    (GEN, None, None, BOTH, "demo", "demo"),
    (MOD, None, None, BOTH, "demo", "demo"),
    (GEN, None, None, BOTH, "acedata", "acedata"),
    (GEN, None, None, (), "acedata", (ConfigError, ACE)),
    (MOD, None, None, BOTH, "acedata", (InvalidRequest, "use --provider runapi")),
    (EXT, None, None, BOTH, "runapi", (InvalidRequest, "use --provider acedata")),
]


@pytest.mark.parametrize(("action", "asked", "source", "keys", "setting", "outcome"), RULES)
def test_choose_provider_follows_the_rules(
    action: Action, asked: str | None, source: Provider | None, keys: tuple[str, ...], setting: str, outcome: Any
) -> None:
    """Each rule of the design's "Which service": a provider, or an error that says what to do."""
    now = Settings(
        provider=setting,
        acedata_token=Secret("a") if ACE in keys else None,
        runapi_key=Secret("r") if RUN in keys else None,
    )
    if isinstance(outcome, str):
        assert choose_provider(action, asked, source, "fox", now) == outcome
        return
    error, words = outcome
    with pytest.raises(LumaError, match=words) as raised:
        choose_provider(action, asked, source, "fox", now)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("provider", "action", "kind", "url"),
    [
        ("acedata", "generate", AceData, "https://api.acedata.cloud/luma/videos"),
        ("acedata", "extend", AceData, "https://api.acedata.cloud/luma/videos"),
        ("runapi", "modify", RunApi, "https://runapi.ai/api/v1/luma/modify_video"),
    ],
)
def test_client_has_the_settings_of_the_moment(
    provider: Provider, action: Action, kind: type, url: str, keys: None, providers: ProviderPool
) -> None:
    """A key or address that is changed in mid-run is used from then on."""
    first = providers.client(provider, action)
    assert isinstance(first, kind)
    assert first.submit_url == url
    settings.configure(acedata_token="new", runapi_key="new", acedata_base_url="https://a.example")
    assert providers.client(provider, action).key == Secret("new")  # type: ignore[attr-defined]
    assert providers.client("acedata", "extend").base_url == "https://a.example"
    assert providers.client(provider, action).http is providers.http  # type: ignore[attr-defined]


def test_platform_has_the_settings_of_the_moment(keys: None, providers: ProviderPool) -> None:
    """AceDataCloud's platform has an address and a token of its own; without the token it is there for prices."""
    assert providers.acedata().platform == AceDataPlatform(
        providers.http, settings.current().acedata_platform_url, Secret("platform-token")
    )
    settings.configure(acedata_token=None, acedata_platform_token=None, acedata_platform_url="https://p.example")
    unkeyed = providers.acedata()
    assert unkeyed.key is None
    assert unkeyed.platform == AceDataPlatform(providers.http, "https://p.example", None)


@pytest.mark.parametrize(("provider", "variable"), [("acedata", ACE), ("runapi", RUN)])
def test_client_without_a_key_names_the_variable(provider: Provider, variable: str, providers: ProviderPool) -> None:
    """Without a key there is no client, and the message says which variable to set."""
    with pytest.raises(ConfigError, match=variable):
        providers.client(provider, "generate")


def test_http_client_is_one_until_reset() -> None:
    """All clients share one connection pool; a forked child makes its own, as the parent's is not its to use."""
    providers = ProviderPool(settings.current)
    http = providers.http
    assert providers.http is http
    providers.reset()
    assert providers.http is not http


def test_demo_without_its_packages_names_the_extra(monkeypatch: pytest.MonkeyPatch, providers: ProviderPool) -> None:
    """Where the demo's libraries are not installed, the message says what to install."""
    for name in ("tornado", "av", "numpy", "PIL", "luma_jupyter.demo.app"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"pip install 'luma-jupyter\[demo\]'"):
        providers.client("demo", "generate")


def test_demo_is_started_once_and_serves_both_apis(monkeypatch: pytest.MonkeyPatch, providers: ProviderPool) -> None:
    """One demo service, started when first needed, does all actions at the pace that is set; a fork starts anew."""
    started: list[SimpleNamespace] = []

    def start(seconds: float) -> SimpleNamespace:
        started.append(SimpleNamespace(url="http://127.0.0.1:9", token="t", platform_token="p", seconds=seconds))
        started[-1].close = lambda: None
        return started[-1]

    stand_in = ModuleType("luma_jupyter.demo.server")
    stand_in.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "luma_jupyter.demo.server", stand_in)
    generating = providers.client("demo", "generate")
    settings.configure(demo_seconds=0.5)
    modifying = providers.client("demo", "modify")
    assert (type(generating), type(modifying)) == (AceData, RunApi)
    assert generating.base_url == modifying.base_url == "http://127.0.0.1:9"
    assert isinstance(generating, AceData)
    assert generating.platform == AceDataPlatform(providers.http, "http://127.0.0.1:9", Secret("p"), "The demo service")
    assert [demo.seconds for demo in started] == [0.5]
    providers.reset()
    providers.client("demo", "extend")
    assert len(started) == 2


def test_connections_do_not_wait_for_the_demo(monkeypatch: pytest.MonkeyPatch, providers: ProviderPool) -> None:
    """While the demo service starts, which takes a second, the tasks of other services go on."""
    reached: list[HttpClient] = []

    def start(seconds: float) -> SimpleNamespace:
        with ThreadPoolExecutor(1) as loop:
            reached.append(loop.submit(lambda: providers.http).result(5))
        return SimpleNamespace(url="http://127.0.0.1:9", token="t", platform_token="p", close=lambda: None)

    stand_in = ModuleType("luma_jupyter.demo.server")
    stand_in.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "luma_jupyter.demo.server", stand_in)
    providers.client("demo", "generate")
    assert reached == [providers.http]


GATEWAY = "https://hub.example/services/luma"


@pytest.mark.parametrize(("action", "real"), [(GEN, "acedata"), (EXT, "acedata"), (MOD, "runapi")])
def test_gateway_needs_no_key_of_a_service(action: Action, real: Provider) -> None:
    """With a gateway and a token each action goes to its service's word; an explicit demo still goes to the demo."""
    settings.configure(gateway=GATEWAY, gateway_token="token-1")
    assert choose_provider(action, None, None, "", settings.current()) == real
    assert choose_provider(action, "demo", None, "", settings.current()) == "demo"
    assert choose_provider(action, None, "demo", "", settings.current()) == "demo"


@pytest.mark.parametrize("keys", [{}, {"acedata_token": "mine", "runapi_key": "mine"}])
def test_gateway_without_a_token_is_one_line(providers: ProviderPool, keys: dict[str, str]) -> None:
    """Neither the demo nor a key of one's own is taken in its place: one line says what is missing, and from whom."""
    settings.configure(gateway=GATEWAY, **keys)
    line = (
        "The class gateway needs a token: ask your teacher for one and set LUMA_JUPYTER_GATEWAY_TOKEN (a server of "
        "JupyterHub has it as JUPYTERHUB_API_TOKEN), or add --provider demo to try it for free."
    )
    with pytest.raises(ConfigError) as chosen:
        choose_provider("generate", None, None, "", settings.current())
    with pytest.raises(ConfigError) as client:
        providers.client("runapi", "modify")
    assert str(chosen.value) == str(client.value) == line


def test_clients_of_a_gateway_speak_to_it_alone(providers: ProviderPool) -> None:
    """Both are repeatable, hold look-ups, and have its address, its name and its token for all that they ask."""
    settings.configure(gateway=GATEWAY, gateway_token="token-1", acedata_token="mine")
    acedata, runapi = providers.acedata(), providers.runapi()
    platform = acedata.platform
    assert platform
    assert {acedata.base_url, runapi.base_url, platform.base_url} == {GATEWAY}
    assert {acedata.key, runapi.key, runapi.login, platform.token, platform.login} == {Secret("token-1")}
    assert {acedata.service, runapi.service, platform.service} == {"The class gateway"}
    assert all(
        (client.gateway, client.repeatable, client.holds_look_ups) == (True,) * 3 for client in (acedata, runapi)
    )
    assert {acedata.account, runapi.account} == {""}  # its token changes with each server; the gateway knows who asks


def test_account_of_a_client_tells_its_key_from_another_and_not_what_it_is(providers: ProviderPool) -> None:
    """It is the same for the same key; without one, as for prices, there is none."""
    settings.configure(acedata_token="one-key", runapi_key="one-key")
    acedata, runapi = providers.acedata(), providers.runapi()
    assert acedata.account == runapi.account == "0ce08592"
    settings.configure(acedata_token="another-key", runapi_key=None)
    assert providers.acedata().account not in ("", acedata.account)
    assert providers.runapi().account == ""


def test_lesson_asks_a_gateway_alone_for_the_videos_of_classmates(providers: ProviderPool) -> None:
    """The setting is a header of what is sent to a gateway; services do not hear of it."""
    settings.configure(share_in_class=True, acedata_token="mine", runapi_key="mine")
    clients = [providers.acedata(), providers.runapi()]
    settings.configure(gateway=GATEWAY, gateway_token="token-1")
    clients += [providers.acedata(), providers.runapi()]
    assert [client.headers("key").get("X-Luma-Lesson") for client in clients] == [None, None, "1", "1"]


def test_clients_of_services_are_no_gateways(providers: ProviderPool) -> None:
    """Without one nothing is repeated by itself, and no look-up is held."""
    for client in (providers.acedata(), providers.runapi()):
        assert not client.gateway
        assert not client.holds_look_ups
