"""Settings: keys, URLs, folders and defaults, built by a call and never at import.

First match wins: ``configure()``, the environment, for keys what hosts keep (`keystores`), the default. (An explicit
argument of a call comes before all of them, and is the business of that call.) A class gateway goes before all keys: it
speaks for all services, so its address and the token for it take the place of theirs.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from luma_jupyter import languages
from luma_jupyter.domain.secret import BaseUrl, Secret
from luma_jupyter.domain.urls import is_base_url
from luma_jupyter.domain.values import as_python, read_path
from luma_jupyter.domain.vocabulary import PROVIDERS, Provider, service_name
from luma_jupyter.errors import ConfigError, InvalidRequest, shown

HOME_BESIDE_THE_NOTEBOOK = ".luma_jupyter"


def _word(value: object) -> str:
    """A number or a flag as text; empty for what is neither."""
    value = as_python(value)
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        kind = type(value).__name__
        raise ConfigError(f"{name} must be text, not {kind}.")
    if not value.strip():
        raise ConfigError(f"{name} is empty; None takes it back to the default.")
    return value.strip()


def read_key(name: str, value: object) -> Secret:
    """A key that was typed or found. Raises ConfigError, by this name, for what can be none."""
    key = _text(name, value.reveal() if isinstance(value, Secret) else value)
    if not key.isascii() or not key.isprintable() or set(key) & set(" \"'"):
        raise ConfigError(f"{name} has characters that no key has (a space, a line break, a quote?): copy it again.")
    return Secret(key)


def _base_url(name: str, value: object) -> BaseUrl:
    url = _text(name, value).rstrip("/")
    if not is_base_url(url):  # not quoted: it may be the key, in the wrong variable
        raise ConfigError(f"{name} must be an http(s) URL, without ? and #.")
    return BaseUrl.parse(url)


def _provider(name: str, value: object) -> str:
    word = _text(name, value).lower()
    if word not in ("auto", *PROVIDERS):
        services = ", ".join(PROVIDERS)
        raise ConfigError(f"{name} must be auto, {services}, not {shown(word)}.")
    return word


def _language(name: str, value: object) -> str:
    word = _text(name, value)
    if (language := languages.language_of(word)) is None:
        known = " or ".join(languages.LANGUAGES)
        raise ConfigError(f"{name} must be {known}, not {shown(word)}.")
    return language


def _flag(name: str, value: object) -> bool:
    word = _word(value).lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off"):
        return False
    raise ConfigError(f"{name} must be 1 or 0, not {shown(value)}.")


def _seconds(name: str, value: object) -> float:
    if (amount := _amount(value)) is None:
        raise ConfigError(f"{name} must be a number of seconds, 0 or more, not {shown(value)}.")
    return amount


def _usd(name: str, value: object) -> float:
    if (amount := _amount(value)) is None:
        raise ConfigError(f"{name} must be a number of US dollars, 0 or more, not {shown(value)}.")
    return amount


def _amount(value: object) -> float | None:
    try:
        amount = math.nan if isinstance(as_python(value), bool) else float(_word(value))
    except ValueError:
        return None
    return amount if 0 <= amount < math.inf else None


def _count(name: str, value: object) -> int:
    word = _word(value)
    if isinstance(value, bool) or not word.isascii() or not word.isdigit() or len(word) > 9 or int(word) < 1:
        raise ConfigError(f"{name} must be a whole number, 1 or more, not {shown(value)}.")
    return int(word)


def _function(name: str, value: object) -> Callable[[Any], object]:
    if not callable(value):
        raise InvalidRequest(f"{name} must be a function, which is called with what has ended, not {shown(value)}.")
    if inspect.iscoroutinefunction(value):
        raise InvalidRequest(f"{name} must be a plain function, without async: nobody awaits it.")
    return value


def _folder(name: str, value: object) -> Path:
    try:
        return read_path(name, _text(name, os.fspath(value) if isinstance(value, os.PathLike) else value))
    except InvalidRequest as error:
        raise ConfigError(str(error)) from None


_ACEDATA = BaseUrl("https://api.acedata.cloud")
_ACEDATA_PLATFORM = BaseUrl("https://platform.acedata.cloud")
_RUNAPI = BaseUrl("https://runapi.ai")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one moment. What is said below each of them is its line in the reference, too."""

    gateway: BaseUrl | None = None
    """Address of a class gateway; with it, the addresses and keys of the services are not used."""
    gateway_token: Secret | None = None
    """Token for the class gateway; without one, that of your JupyterHub (``JUPYTERHUB_API_TOKEN``)."""
    acedata_token: Secret | None = None
    """Key for AceDataCloud, which generates and extends."""
    acedata_platform_token: Secret | None = None
    """AceDataCloud's second token: for files of your own, for what is left, and for what was charged."""
    acedata_base_url: BaseUrl = _ACEDATA
    """Where AceDataCloud is."""
    acedata_platform_url: BaseUrl = _ACEDATA_PLATFORM
    """Where AceDataCloud's platform is: the part with files and balance."""
    runapi_key: Secret | None = None
    """Key for RunAPI, which modifies."""
    runapi_base_url: BaseUrl = _RUNAPI
    """Where RunAPI is."""
    provider: str = "auto"
    """The service: acedata, runapi or demo; ``auto`` chooses by action and key, and without any key the demo."""
    wait: bool | None = None
    """Whether a cell waits for its clip; not set: terminals, consoles, Colab and marimo do, other notebooks do not."""
    embed: bool | None = None
    """Whether videos are put into the notebook; not set: in VS Code and Colab, and where a page needs it."""
    media: Path = Path("luma_videos")
    """The folder for videos; it is beside the notebook unless you give a whole path."""
    home: Path | None = None
    """The folder for the journal, where each request is written down; not set: your system's folder for user data."""
    demo_seconds: float = 6.0
    """About how many seconds the demo service takes for a clip."""
    exit_seconds: float = 10.0
    """How many seconds, at most, an ending program waits for the answer to what was sent; a kernel 2 at most."""
    budget: float | None = None
    """US dollars a day; what would pass it is refused."""
    acedata_price: float | None = None
    """US dollars that a call at AceDataCloud counts as; not set: what the service says."""
    runapi_price: float | None = None
    """US dollars that a call at RunAPI counts as; not set: what the service says."""
    submissions: int = 4
    """How many requests are on their way to a service at once; the rest stay queued."""
    looks_per_minute: int = 600
    """How often in a minute, at most, a service is asked how far its tasks are."""
    confirm_count: int = 10
    """A batch with more new videos than this asks first."""
    confirm_usd: float = 5.0
    """A batch that costs more US dollars than this asks first."""
    check_balance: bool = True
    """Whether nothing is sent that your balance at the service does not cover."""
    share_in_class: bool = False
    """Whether a class gateway may answer with the video of a classmate who has asked for the same, where it does so."""
    keep_active: bool = False
    """Whether the kernel counts as active while clips are being made, so that a JupyterHub does not end it."""
    keep_exchanges: bool = True
    """Whether all that is sent and comes back for a clip is kept, for ``%luma explain``."""
    notify: Callable[[Any], object] | None = None
    """A function that is called with each clip that has ended, or once with the list of a batch."""
    lang: str | None = None
    """The language of what is shown: en or zh; not set: your system's."""
    folder: Path = field(default_factory=Path.cwd)
    """The notebook's folder, as found when the extension was loaded."""
    key_places: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each key that is set is from."""

    @property
    def found_keys(self) -> Mapping[str, str]:
        """The settings of the keys that were found where a host keeps them, and where that is."""
        return {name: place for name, place in self.key_places.items() if place not in _GIVEN}

    def service_name(self, provider: Provider) -> str:
        """What a service is called on the screen: the class gateway stands for those that are behind it."""
        return service_name(provider, gateway=self.gateway is not None)

    @cached_property
    def media_folder(self) -> Path:
        """Where videos are saved, absolute."""
        return self.folder / self.media

    @cached_property
    def home_folder(self) -> Path:
        """Where the journal lives, absolute: the platform's folder for user data unless set.

        Where the user has no home folder at all, as in some containers, it is beside the notebook.
        """
        if self.home is not None:
            return self.folder / self.home
        from platformdirs import user_data_path  # start-up: where the home is set, it is not needed

        try:
            return user_data_path("luma_jupyter")
        except RuntimeError:  # what `Path.home` raises
            return self.folder / HOME_BESIDE_THE_NOTEBOOK


# What can be set: the field's name, its environment variable (none for a function), and how its value is read.
SETTABLE: dict[str, tuple[str, Callable[[str, object], Any]]] = {
    "gateway": ("LUMA_JUPYTER_GATEWAY", _base_url),
    "gateway_token": ("LUMA_JUPYTER_GATEWAY_TOKEN", read_key),
    "acedata_token": ("ACEDATACLOUD_API_TOKEN", read_key),
    "acedata_platform_token": ("ACEDATACLOUD_PLATFORM_TOKEN", read_key),
    "acedata_base_url": ("ACEDATACLOUD_API_BASE_URL", _base_url),
    "acedata_platform_url": ("ACEDATACLOUD_PLATFORM_BASE_URL", _base_url),
    "runapi_key": ("RUNAPI_API_KEY", read_key),
    "runapi_base_url": ("RUNAPI_BASE_URL", _base_url),
    "provider": ("LUMA_JUPYTER_PROVIDER", _provider),
    "wait": ("LUMA_JUPYTER_WAIT", _flag),
    "embed": ("LUMA_JUPYTER_EMBED", _flag),
    "media": ("LUMA_JUPYTER_MEDIA", _folder),
    "home": ("LUMA_JUPYTER_HOME", _folder),
    "exit_seconds": ("LUMA_JUPYTER_EXIT_SECONDS", _seconds),
    "demo_seconds": ("LUMA_JUPYTER_DEMO_SECONDS", _seconds),
    "budget": ("LUMA_JUPYTER_BUDGET", _usd),
    "acedata_price": ("LUMA_JUPYTER_ACEDATA_PRICE", _usd),
    "runapi_price": ("LUMA_JUPYTER_RUNAPI_PRICE", _usd),
    "submissions": ("LUMA_JUPYTER_SUBMISSIONS", _count),
    "looks_per_minute": ("LUMA_JUPYTER_LOOKS_PER_MINUTE", _count),
    "confirm_count": ("LUMA_JUPYTER_CONFIRM_COUNT", _count),
    "confirm_usd": ("LUMA_JUPYTER_CONFIRM_USD", _usd),
    "check_balance": ("LUMA_JUPYTER_CHECK_BALANCE", _flag),
    "share_in_class": ("LUMA_JUPYTER_SHARE_IN_CLASS", _flag),
    "keep_active": ("LUMA_JUPYTER_KEEP_ACTIVE", _flag),
    "keep_exchanges": ("LUMA_JUPYTER_KEEP_EXCHANGES", _flag),
    "lang": ("LUMA_JUPYTER_LANG", _language),
    "notify": ("", _function),
}

HUB_TOKEN = "JUPYTERHUB_API_TOKEN"  # the variable of a JupyterHub's own token, which a gateway beside it knows

# The setting that holds the key of a service.
KEY_SETTINGS: Mapping[Provider, str] = {"acedata": "acedata_token", "runapi": "runapi_key"}
# All that a service takes of keys: AceDataCloud's platform has one of its own.
SERVICE_KEYS: Mapping[Provider, Sequence[str]] = {
    "acedata": ("acedata_token", "acedata_platform_token"),
    "runapi": ("runapi_key",),
}
# What ``%luma login`` calls the keys.
LOGIN_KEYS: Mapping[str, str] = {
    "acedata": "acedata_token",
    "acedata_platform": "acedata_platform_token",
    "runapi": "runapi_key",
}
_CONFIGURED, _ENVIRONMENT = _GIVEN = "luma_jupyter.configure()", languages.N_("the environment")

# All that is read of the environment.
_VARIABLES = frozenset([*(env for env, _ in SETTABLE.values()), HUB_TOKEN])


def variable(name: str) -> str:
    """The environment variable of the setting ``name``."""
    return SETTABLE[name][0]


class KeyStore(Protocol):
    """A place where keys are kept outside of kernels; ``place`` is its name in a sentence."""

    place: str

    def find(self, variable: str) -> str | None:
        """The key that is kept under the name of an environment variable; None where there is none, or no such place.

        Raises ConfigError where this one cannot be had, TimeoutError where the place does not answer at all; both say
        what to do.
        """


@dataclass(frozen=True)
class FoundKey:
    """A key that a host keeps, and where."""

    key: Secret
    place: str


def load(
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    folder: Path,
    found: Mapping[str, FoundKey] | None = None,
) -> Settings:
    """Build the settings from overrides (checked already), the environment, the keys that were found and the defaults.

    An empty variable counts as not set. Raises ConfigError for a value that cannot be used, naming its variable.
    """
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    given = _VARIABLES.intersection(environ)  # to ask the environment for each takes several times as long
    for name, (env, read) in SETTABLE.items():
        if name in overrides:
            values[name], places[name] = overrides[name], _CONFIGURED
        elif env in given and (text := environ.get(env, "").strip()):
            values[name], places[name] = read(env, text), _ENVIRONMENT
        elif found and name in found:
            values[name], places[name] = found[name].key, found[name].place
    if "gateway" in values:
        values |= _through_gateway(values, environ)
        places = {}
    key_places = {name: places[name] for name in LOGIN_KEYS.values() if name in places}
    return Settings(**values, folder=folder, key_places=key_places)


def _through_gateway(values: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The addresses and keys of all services, where a gateway stands for them; no key where there is no token."""
    gateway, token = values["gateway"], values.get("gateway_token")
    if token is None and (text := environ.get(HUB_TOKEN, "").strip()):
        token = read_key(HUB_TOKEN, text)
    addresses = ("acedata_base_url", "acedata_platform_url", "runapi_base_url")
    return {"gateway_token": token, **dict.fromkeys(addresses, gateway), **dict.fromkeys(LOGIN_KEYS.values(), token)}


SettingsSource: TypeAlias = Callable[[], Settings]  # gives the settings of this moment


class Configuration:
    """What a kernel has set for itself, the keys that were found for it, and where relative folders start from.

    ``stores`` gives the places where keys are looked for, the first ones first; ``find_folder`` the notebook's folder.
    """

    def __init__(
        self, stores: Callable[[], Sequence[KeyStore]] = tuple, find_folder: Callable[[], Path] = Path.cwd
    ) -> None:
        self._stores = stores
        self._find_folder = find_folder
        self._overrides: dict[str, object] = {}
        self._folder: Path | None = None
        self._found: dict[str, FoundKey] = {}
        self._looked_for: set[str] = set()
        self._silent: set[str] = set()  # places that did not answer
        self._last: tuple[tuple[object, ...], Settings] | None = None  # what the last settings were made of, and they

    def configure(self, **changes: object) -> None:
        """Change settings. None takes one back to the environment or the default.

        Raises ConfigError for an unknown name or a value that cannot be used, InvalidRequest for a ``notify`` that
        cannot be called; then nothing is changed.
        """
        unknown = sorted(set(changes) - set(SETTABLE))
        if unknown:
            names, known = ", ".join(unknown), ", ".join(SETTABLE)
            raise ConfigError(f"There is no setting {names}; there are {known}.")
        checked = {name: SETTABLE[name][1](name, value) for name, value in changes.items() if value is not None}
        kept = {name: value for name, value in self._overrides.items() if name not in changes}
        self._overrides = kept | checked  # replaced whole: the engine's thread reads it
        if "lang" in changes:
            languages.use(_language("lang", changes["lang"]) if changes["lang"] is not None else None)

    def find_keys(self, names: Iterable[str], *, anew: bool = False) -> list[str]:
        """Look for the keys of these settings where hosts keep them, each once a kernel unless ``anew``.

        Those that were configured or are in the environment are not looked for, and none beside a class gateway.
        Returns what stood in the way, a sentence each. To be called where a key is needed, in the user's thread: a
        place may ask the user.
        """
        if anew:
            self._looked_for, self._silent = set(), set()
        trouble: list[str] = []
        if self._is_given("gateway"):
            return trouble
        for name in names:
            if not self._is_given(name) and name not in self._looked_for:
                trouble += self._find_key(name)
                self._looked_for.add(name)  # only now: who interrupts a locked keyring looks again
        return trouble

    def _is_given(self, name: str) -> bool:
        return name in self._overrides or bool(os.environ.get(variable(name), "").strip())

    def _find_key(self, name: str) -> list[str]:
        """Look for one key, in one place after the other; what stood in the way."""
        trouble: list[str] = []
        for store in self._stores():
            if store.place in self._silent:
                continue
            try:
                if key := store.find(variable(name)):
                    self.remember_key(name, FoundKey(read_key(f"{variable(name)} in {store.place}", key), store.place))
                    return trouble
            except TimeoutError as error:
                self._silent.add(store.place)
                trouble.append(str(error))
            except ConfigError as error:
                trouble.append(str(error))
        if not trouble and not self._silent:  # all have answered: what one of them had before is gone
            self._drop_key(name)
        return trouble

    def remember_key(self, name: str, found: FoundKey) -> None:
        """Use a key from now on, unless another one is configured or in the environment."""
        self._found = self._found | {name: found}  # replaced whole: the engine's thread reads it
        self._looked_for.add(name)

    def forget_key(self, name: str, place: str) -> bool:
        """Use a key no more that was found in this place, and look for another one when it is needed next.

        False where none was found there.
        """
        if name not in self._found or self._found[name].place != place:
            return False
        self._drop_key(name)
        self._looked_for.discard(name)
        return True

    def _drop_key(self, name: str) -> None:
        self._found = {other: key for other, key in self._found.items() if other != name}

    def remember_folder(self, folder: Path | None = None) -> Path:
        """Keep a folder, or the notebook's, as where relative folders start from, also after ``os.chdir``; once."""
        self._folder = self._folder or folder or self._find_folder()
        return self._folder

    def current(self) -> Settings:
        """The settings as they are now. Raises ConfigError for a value that cannot be used."""
        overrides, folder, found = self._overrides, self.remember_folder(), self._found
        texts = {name: Secret(os.environ.get(name, "")) for name in _VARIABLES.intersection(os.environ)}
        made_of = overrides, texts, folder, found
        if (last := self._last) is None or last[0] != made_of:  # to make them looks at folders, which may be far away
            last = self._last = made_of, load(overrides, os.environ, folder, found)
        return last[1]
