"""The settings of a gateway: from a file and the environment, checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError
from luma_jupyter.gateway.settings import GatewaySettings, load

KEY = "k" * 32
NEEDED = {
    "LUMA_GATEWAY_DATABASE": "dbname=luma",
    "LUMA_GATEWAY_URL": "https://hub/services/films/",
    "LUMA_GATEWAY_SIGNING_KEY": KEY,
    "LUMA_GATEWAY_RUNAPI_KEY": "runapi-key",
}


def _file(folder: Path, text: str) -> Path:
    path = folder / "luma-gateway.toml"
    path.write_text(text, "utf-8")
    return path


def test_what_is_needed_is_enough() -> None:
    """All else has defaults; the service's path and name follow from its address."""
    settings = load(NEEDED)
    assert settings == GatewaySettings(
        database="dbname=luma",
        url="https://hub/services/films",
        signing_key=Secret(KEY),
        service_prefix="/services/films",
        runapi_key=Secret("runapi-key"),
    )
    assert settings.service_name == "films"
    assert (settings.acedata_base_url, settings.runapi_base_url) == ("https://api.acedata.cloud", "https://runapi.ai")


def test_folder_of_up_has_what_nothing_else_says(tmp_path: Path) -> None:
    """A database that runs in it, a signing key that stays, a place for the videos; a file goes before it."""
    folder = tmp_path / "class"
    environ = {"LUMA_GATEWAY_FOLDER": str(folder), "LUMA_GATEWAY_RUNAPI_KEY": "runapi-key"}
    first = load(environ)
    assert (first.database, first.url) == ("embedded", "http://127.0.0.1:8070")
    assert first.media == (folder / "media").as_uri()
    (folder / "database").write_text("postgresql:///running")
    second = load(environ, _file(tmp_path, 'url = "https://class.example"'))
    assert (second.database, second.url) == ("postgresql:///running", "https://class.example")
    assert second.signing_key == first.signing_key


def test_environment_goes_before_the_file_and_the_file_before_the_names_of_others(tmp_path: Path) -> None:
    """A file has whatever is not secret; the environment has the last word."""
    text = (
        'per_student = 2\nacedata_price = 0.1234567\nlisten = "[::1]:9000"\nmedia_quota = 5_000_000\nshare = "always"'
    )
    path = _file(tmp_path, f'{text}\nacedata_token = "of-the-file"\nurl = "http://other"')
    environ = {
        **NEEDED,
        "LUMA_GATEWAY_FILE": str(path),
        "LUMA_GATEWAY_PER_STUDENT": "7",
        "LUMA_GATEWAY_MEDIA_DAYS": " ",
        "ACEDATACLOUD_API_TOKEN": "of-a-shell",
        "ACEDATACLOUD_PLATFORM_TOKEN": "platform-1",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api",
        "JUPYTERHUB_SERVICE_PREFIX": "/base/services/films/",
    }
    settings = load(environ)
    assert (settings.per_student, settings.media_days, settings.media_quota) == (7, 30, 5_000_000)
    assert (settings.acedata_price, settings.listen, settings.share) == (123_457, ("::1", 9000), "always")
    assert settings.acedata_token == Secret("of-the-file")
    assert settings.acedata_platform_token == Secret("platform-1")
    assert settings.url == "https://hub/services/films"
    assert (settings.hub_api_url, settings.service_prefix) == ("http://127.0.0.1:8081/hub/api", "/base/services/films")
    assert load(environ, path) == settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("URL", "hub", "LUMA_GATEWAY_URL must be an http"),
        ("LISTEN", "8070", "a host and a port"),
        ("LISTEN", "h:99999", "a host and a port"),
        ("PER_STUDENT", "0", "whole number, 1 or more"),
        ("MEDIA_DAYS", "1.5", "whole number, 1 or more"),
        ("MEDIA_QUOTA", "-1", "whole number, 1 or more"),
        ("ACEDATA_PRICE", "much", "US dollars"),
        ("ACEDATA_PRICE", "nan", "US dollars"),
        ("SHARE", "sometimes", "one of off, lesson, always"),
        ("LOG_FORMAT", "xml", "one of text, json"),
        ("LOG_PROMPTS", "maybe", "one of true, false"),
        ("SIGNING_KEY", "short", "luma-gateway init"),
        ("RUNAPI_KEY", "two words", "characters that no key has"),
    ],
)
def test_value_that_cannot_be_used_is_named(name: str, value: str, words: str) -> None:
    """One line names the variable and says what it must be."""
    with pytest.raises(ConfigError, match=words) as caught:
        load({**NEEDED, f"LUMA_GATEWAY_{name}": value})
    assert f"LUMA_GATEWAY_{name}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("retention = 3", "there is no setting retention"),
        ("per_student = true", "luma.*: per_student must be a whole number"),
        ("acedata_price = true", "luma.*: acedata_price must be a number of US dollars"),
        ("database = 5", "must be text"),
        ("per_student", "not in the form of TOML"),
    ],
)
def test_file_that_cannot_be_used_is_named(text: str, words: str, tmp_path: Path) -> None:
    """What is unknown in a file is no typing error that nobody sees."""
    with pytest.raises(ConfigError, match=words):
        load({}, _file(tmp_path, text))


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A file that was named has to be there."""
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read \(No such file"):
        load({}, tmp_path / "none.toml")


def test_what_is_missing_is_named() -> None:
    """Without address, database and signing key there is no gateway, and without any key of a vendor no video."""
    with pytest.raises(ConfigError, match="Set LUMA_GATEWAY_URL, LUMA_GATEWAY_SIGNING_KEY: `luma-gateway init`"):
        load({"LUMA_GATEWAY_DATABASE": "dbname=luma"})
    with pytest.raises(ConfigError, match="the gateway has no key yet"):
        load({**NEEDED, "LUMA_GATEWAY_RUNAPI_KEY": ""})


def test_no_key_is_shown() -> None:
    """Neither the settings' own text nor an error has a key."""
    assert KEY not in repr(load(NEEDED))
    with pytest.raises(ConfigError) as caught:
        load({**NEEDED, "LUMA_GATEWAY_URL": "secret-token"})
    assert "secret-token" not in str(caught.value)


def test_log_and_metrics_are_set_by_words() -> None:
    """As in the file, where true is no text, so in the environment."""
    settings = load(
        {
            **NEEDED,
            "LUMA_GATEWAY_LOG_FORMAT": "json",
            "LUMA_GATEWAY_LOG_PROMPTS": "True",
            "LUMA_GATEWAY_METRICS_TOKEN": "secret-of-the-monitor",
        }
    )
    assert (settings.log_format, settings.log_prompts) == ("json", True)
    assert settings.metrics_token
    assert "secret-of-the-monitor" not in repr(settings)
