"""Which service a request goes to, and the client that speaks to it."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from luma_jupyter import settings
from luma_jupyter.choices import Action, Provider
from luma_jupyter.engine.services import Services, choose_provider
from luma_jupyter.errors import ConfigError, InvalidRequest, LumaError
from luma_jupyter.settings import Secret, Settings
from luma_jupyter.wire.acedata import AceData
from luma_jupyter.wire.runapi import RunApi

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
def test_which_service(
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
def test_clients_come_from_the_settings_of_the_moment(
    provider: Provider, action: Action, kind: type, url: str, keys: None, services: Services
) -> None:
    """A key or address that is changed in mid-run is used from then on."""
    first = services.api(provider, action)
    assert isinstance(first, kind)
    assert first.submit_url == url
    settings.configure(acedata_token="new", runapi_key="new", acedata_base_url="https://a.example")
    assert services.api(provider, action).key == Secret("new")  # type: ignore[attr-defined]
    assert services.api("acedata", "extend").base_url == "https://a.example"
    assert services.api(provider, action).http is services.http  # type: ignore[attr-defined]


@pytest.mark.parametrize(("provider", "variable"), [("acedata", ACE), ("runapi", RUN)])
def test_a_missing_key_is_an_error_that_names_its_variable(
    provider: Provider, variable: str, services: Services
) -> None:
    """Without a key there is no client, and the message says which variable to set."""
    with pytest.raises(ConfigError, match=variable):
        services.api(provider, "generate")


def test_one_http_client_until_the_services_are_forgotten() -> None:
    """All clients share one connection pool; a forked child makes its own, as the parent's is not its to use."""
    services = Services()
    http = services.http
    assert services.http is http
    services.forget()
    assert services.http is not http


def test_missing_demo_packages_are_an_error_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    """Where the demo's libraries are not installed, the message says what to install."""
    for name in ("tornado", "av", "numpy", "PIL", "luma_jupyter.demo.app"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"pip install 'luma-jupyter\[demo\]'"):
        services.api("demo", "generate")


def test_the_demo_service_is_started_once_and_serves_both_apis(
    monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    """One demo service, started when first needed, does all actions at the pace that is set; a fork starts anew."""
    started: list[SimpleNamespace] = []

    def start(seconds: float) -> SimpleNamespace:
        started.append(SimpleNamespace(url="http://127.0.0.1:9", token="t", seconds=seconds))
        return started[-1]

    stand_in = ModuleType("luma_jupyter.demo.server")
    stand_in.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "luma_jupyter.demo.server", stand_in)
    generating = services.api("demo", "generate")
    settings.configure(demo_seconds=0.5)
    modifying = services.api("demo", "modify")
    assert (type(generating), type(modifying)) == (AceData, RunApi)
    assert generating.base_url == modifying.base_url == "http://127.0.0.1:9"
    assert [demo.seconds for demo in started] == [0.5]
    services.forget()
    services.api("demo", "extend")
    assert len(started) == 2
