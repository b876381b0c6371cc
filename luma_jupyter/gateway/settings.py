"""What a gateway is told: addresses, keys and caps, from a TOML file and from the environment, which goes before it.

A setting ``acedata_token`` is ``acedata_token`` in the file and ``LUMA_GATEWAY_ACEDATA_TOKEN`` in the environment. What
the vendors and JupyterHub call by names of their own is found under these, too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from luma_jupyter.domain.secret import Secret
from luma_jupyter.domain.urls import is_base_url
from luma_jupyter.errors import ConfigError, shown
from luma_jupyter.gateway.embedded import folder_settings
from luma_jupyter.gateway.logs import LogFormat
from luma_jupyter.gateway.records import MICROS
from luma_jupyter.settings import Settings, read_key, variable

Share: TypeAlias = Literal["off", "lesson", "always"]

PREFIX = "LUMA_GATEWAY_"
FILE_VARIABLE = f"{PREFIX}FILE"
FOLDER_VARIABLE = "LUMA_GATEWAY_FOLDER"
SHORTEST_KEY = 16  # characters of the signing key: it is no password that somebody remembers


@dataclass(frozen=True, kw_only=True)
class GatewaySettings:
    """All settings of a gateway.

    ``database``: how PostgreSQL is reached, as libpq reads it. ``url``: the address of the gateway as kernels see it,
    without a slash at the end; ``service_prefix`` its path, as the Hub's proxy passes it on. ``listen``: host and port.
    ``media``: where videos are kept, an address of fsspec; ``media_days`` for how long, ``media_quota`` up to how many
    bytes in all. ``signing_key`` signs the addresses of videos. ``share``: whether a request that a classmate has made
    is answered with that video. ``per_student``: clips of one student under way at once, ``under_way``: of all.
    ``acedata_price``, ``runapi_price``: millionths of a US dollar, where a vendor does not tell its price.
    ``callback_url``: the public address for the vendors' callbacks. ``hub_grace``: seconds for which those whom the
    gateway knows go on while the Hub is down. ``log_format``: lines of text or of JSON; ``log_prompts``: whether they
    have prompts. ``metrics_token``: for those who read ``/metrics`` (None: who is on this machine may).
    """

    database: str
    url: str
    signing_key: Secret
    service_prefix: str = ""
    listen: tuple[str, int] = ("127.0.0.1", 8070)
    acedata_token: Secret | None = None
    acedata_platform_token: Secret | None = None
    runapi_key: Secret | None = None
    acedata_base_url: str = Settings.acedata_base_url
    acedata_platform_url: str = Settings.acedata_platform_url
    runapi_base_url: str = Settings.runapi_base_url
    hub_api_url: str | None = None
    hub_api_token: Secret | None = None
    hub_grace: float = 300.0
    media: str = "file:///var/lib/luma-gateway/media"
    media_days: int = 30
    media_quota: int | None = None
    share: Share = "off"
    per_student: int = 4
    under_way: int | None = None
    acedata_price: int | None = None
    runapi_price: int | None = None
    callback_url: str | None = None
    body_bytes: int = 1_000_000
    upload_bytes: int = 100_000_000
    log_format: LogFormat = "text"
    log_prompts: bool = False
    metrics_token: Secret | None = None
    replicas: int = 1
    workers: int = 1

    @property
    def service_name(self) -> str:
        """The gateway's name among the Hub's services."""
        return self.service_prefix.rpartition("/")[2]


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} must be text, not {shown(value)}.")
    return value.strip()


def _url(name: str, value: object) -> str:
    url = _text(name, value).rstrip("/")
    if not is_base_url(url):  # not quoted: it may be a key, in the wrong variable
        raise ConfigError(f"{name} must be an http(s) URL, without ? and #.")
    return url


def _path(name: str, value: object) -> str:
    return f"/{_text(name, value).strip('/')}".rstrip("/")


def _signing_key(name: str, value: object) -> Secret:
    key = read_key(name, value)
    if len(key.reveal()) < SHORTEST_KEY:
        raise ConfigError(f"{name} is too short: `luma-gateway init` makes one.")
    return key


def _whole(least: int = 0) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        text = "" if isinstance(value, bool) else str(value).replace("_", "").strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) >= least):
            raise ConfigError(f"{name} must be a whole number, {least} or more, not {shown(value)}.")
        return int(text)

    return read


def read_dollars(name: str, value: object) -> int:
    """An amount in US dollars as whole millionths of one. Raises ConfigError for what is none."""
    try:
        amount = -1.0 if isinstance(value, bool) else float(str(value).strip().removeprefix("$"))
    except ValueError:
        amount = -1.0
    if not 0 <= amount < 1e9:
        raise ConfigError(f"{name} must be a number of US dollars, 0 or more, not {shown(value)}.")
    return round(amount * MICROS)


def _listen(name: str, value: object) -> tuple[str, int]:
    host, _, port = _text(name, value).rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{name} must be a host and a port such as 127.0.0.1:8070, not {shown(value)}.")
    return host.strip("[]"), int(port)


def _one_of(*choices: str) -> Callable[[str, object], str]:
    def read(name: str, value: object) -> str:
        if value not in choices:
            raise ConfigError(f"{name} must be one of {', '.join(choices)}, not {shown(value)}.")
        return str(value)

    return read


def _yes(name: str, value: object) -> bool:
    return _one_of("true", "false")(name, str(value).lower()) == "true"


# How each setting is read, and under which names others keep it.
_SETTABLE: dict[str, tuple[Callable[[str, object], Any], tuple[str, ...]]] = {
    "database": (_text, ()),
    "url": (_url, ()),
    "signing_key": (_signing_key, ()),
    "service_prefix": (_path, ("JUPYTERHUB_SERVICE_PREFIX",)),
    "listen": (_listen, ()),
    "acedata_token": (read_key, (variable("acedata_token"),)),
    "acedata_platform_token": (read_key, (variable("acedata_platform_token"),)),
    "runapi_key": (read_key, (variable("runapi_key"),)),
    "acedata_base_url": (_url, (variable("acedata_base_url"),)),
    "acedata_platform_url": (_url, (variable("acedata_platform_url"),)),
    "runapi_base_url": (_url, (variable("runapi_base_url"),)),
    "hub_api_url": (_url, ("JUPYTERHUB_API_URL",)),
    "hub_api_token": (read_key, ("JUPYTERHUB_API_TOKEN",)),
    "hub_grace": (_whole(), ()),
    "media": (_text, ()),
    "media_days": (_whole(1), ()),
    "media_quota": (_whole(1), ()),
    "share": (_one_of(*get_args(Share)), ()),
    "per_student": (_whole(1), ()),
    "under_way": (_whole(1), ()),
    "acedata_price": (read_dollars, ()),
    "runapi_price": (read_dollars, ()),
    "callback_url": (_url, ()),
    "body_bytes": (_whole(1000), ()),
    "upload_bytes": (_whole(1000), ()),
    "log_format": (_one_of(*get_args(LogFormat)), ()),
    "log_prompts": (_yes, ()),
    "metrics_token": (read_key, ()),
    "replicas": (_whole(1), ()),
    "workers": (_whole(), ()),
}


def setting_variable(name: str) -> str:
    """The environment variable of the setting ``name``."""
    return PREFIX + name.upper()


def load(environ: Mapping[str, str], file: Path | None = None) -> GatewaySettings:
    """Read the settings from the environment and, where it has none, from a TOML file, and from the folder of `up`.

    Without ``file``, one that the variable LUMA_GATEWAY_FILE names; LUMA_GATEWAY_FOLDER names the folder. An empty
    variable counts as not set. Raises ConfigError for what is missing, unknown or cannot be used, naming it.
    """
    values = _read_values(environ, file)
    _check_complete(values)
    values.setdefault("service_prefix", urlsplit(values["url"]).path)
    return GatewaySettings(**values)


def load_platform(environ: Mapping[str, str], file: Path | None = None) -> tuple[str, Secret]:
    """The address of AceDataCloud's platform and its token: all that who has no gateway needs. Raises ConfigError."""
    values = _read_values(environ, file)
    if "acedata_platform_token" not in values:
        token = variable("acedata_platform_token")
        raise ConfigError(f"Set {token}: AceDataCloud's console makes one, under platform tokens.")
    return values.get("acedata_platform_url", GatewaySettings.acedata_platform_url), values["acedata_platform_token"]


def _read_values(environ: Mapping[str, str], file: Path | None) -> dict[str, Any]:
    """What is set, read."""
    named = environ.get(FILE_VARIABLE, "").strip()
    path = file or (Path(named) if named else None)
    in_file = _read_file(path) if path else {}
    folder = environ.get(FOLDER_VARIABLE, "").strip()
    in_folder = folder_settings(Path(folder)) if folder else {}
    values: dict[str, Any] = {}
    for name, (read, others) in _SETTABLE.items():
        own = setting_variable(name)
        if text := environ.get(own, "").strip():
            values[name] = read(own, text)
        elif name in in_file:
            values[name] = read(f"{path}: {name}", in_file[name])
        elif other := next((other for other in others if environ.get(other, "").strip()), None):
            values[name] = read(other, environ[other])
        elif name in in_folder:
            values[name] = read(f"{folder}: {name}", in_folder[name])
    return values


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"{path} cannot be read ({reason}).") from None
    except ValueError as error:
        raise ConfigError(f"{path} is not in the form of TOML: {error}.") from None
    unknown = sorted(set(values) - set(_SETTABLE))
    if unknown:
        raise ConfigError(f"{path}: there is no setting {', '.join(unknown)}; choose from {', '.join(_SETTABLE)}.")
    return values


def _check_complete(values: Mapping[str, Any]) -> None:
    missing = [setting_variable(name) for name in ("database", "url", "signing_key") if name not in values]
    if missing:
        raise ConfigError(f"Set {', '.join(missing)}: `luma-gateway init` prints what is needed, to paste.")
    if not {"acedata_token", "runapi_key"} & set(values):
        acedata, runapi = setting_variable("acedata_token"), setting_variable("runapi_key")
        raise ConfigError(f"Set {acedata} or {runapi}: the gateway has no key yet.")
