"""Settings: which source wins, what is refused and by which name, and that keys stay hidden."""

from __future__ import annotations

import base64
import copy
import dataclasses
import itertools
import os
import pickle
from pathlib import Path

import pytest

from luma_jupyter.domain.secret import Secret
from luma_jupyter.errors import ConfigError
from luma_jupyter.settings import Configuration, FoundKey, Settings, load, variable
from tests.support.file_systems import be_windows
from tests.support.key_stores import Store
from tests.support.settings import configure, current

KEY = "sk-very-secret-123"

VARIABLES = {
    "gateway": "LUMA_JUPYTER_GATEWAY",
    "gateway_token": "LUMA_JUPYTER_GATEWAY_TOKEN",
    "acedata_token": "ACEDATACLOUD_API_TOKEN",
    "acedata_platform_token": "ACEDATACLOUD_PLATFORM_TOKEN",
    "acedata_base_url": "ACEDATACLOUD_API_BASE_URL",
    "acedata_platform_url": "ACEDATACLOUD_PLATFORM_BASE_URL",
    "runapi_key": "RUNAPI_API_KEY",
    "runapi_base_url": "RUNAPI_BASE_URL",
    "provider": "LUMA_JUPYTER_PROVIDER",
    "wait": "LUMA_JUPYTER_WAIT",
    "embed": "LUMA_JUPYTER_EMBED",
    "media": "LUMA_JUPYTER_MEDIA",
    "home": "LUMA_JUPYTER_HOME",
    "exit_seconds": "LUMA_JUPYTER_EXIT_SECONDS",
    "demo_seconds": "LUMA_JUPYTER_DEMO_SECONDS",
    "budget": "LUMA_JUPYTER_BUDGET",
    "acedata_price": "LUMA_JUPYTER_ACEDATA_PRICE",
    "runapi_price": "LUMA_JUPYTER_RUNAPI_PRICE",
    "submissions": "LUMA_JUPYTER_SUBMISSIONS",
    "looks_per_minute": "LUMA_JUPYTER_LOOKS_PER_MINUTE",
    "confirm_count": "LUMA_JUPYTER_CONFIRM_COUNT",
    "confirm_usd": "LUMA_JUPYTER_CONFIRM_USD",
    "check_balance": "LUMA_JUPYTER_CHECK_BALANCE",
    "share_in_class": "LUMA_JUPYTER_SHARE_IN_CLASS",
    "keep_active": "LUMA_JUPYTER_KEEP_ACTIVE",
    "keep_exchanges": "LUMA_JUPYTER_KEEP_EXCHANGES",
    "lang": "LUMA_JUPYTER_LANG",
}
# For each setting: what a variable holds, what that means, what is configured instead, what that means.
VALUES = [
    ("gateway", "https://a.example/services/luma/", "https://a.example/services/luma", "http://b:1", "http://b:1"),
    ("gateway_token", "k-1", Secret("k-1"), "k-2", Secret("k-2")),
    ("acedata_token", " k-1\n", Secret("k-1"), "k-2", Secret("k-2")),
    ("acedata_platform_token", "platform-1", Secret("platform-1"), Secret("platform-2"), Secret("platform-2")),
    ("acedata_base_url", "https://a.example/", "https://a.example", "http://b:1/api//", "http://b:1/api"),
    ("acedata_platform_url", "https://a.example", "https://a.example", "https://b.example", "https://b.example"),
    ("runapi_key", "k-1", Secret("k-1"), Secret("k-2"), Secret("k-2")),
    ("runapi_base_url", "https://a.example", "https://a.example", "https://b.example", "https://b.example"),
    ("provider", "Demo", "demo", "auto", "auto"),
    ("wait", "1", True, False, False),
    ("embed", "0", False, True, True),
    ("media", "films", Path("films"), Path("/abs"), Path("/abs")),
    ("home", "~/h", Path.home() / "h", "relative", Path("relative")),
    ("exit_seconds", "2.5", 2.5, 0, 0.0),
    ("demo_seconds", "2.5", 2.5, 0, 0.0),
    ("budget", "5.00", 5.0, 0, 0.0),
    ("acedata_price", "0.35", 0.35, 0, 0.0),
    ("runapi_price", "0.5", 0.5, 1, 1.0),
    ("submissions", "2", 2, 8, 8),
    ("looks_per_minute", "60", 60, 120, 120),
    ("confirm_count", "3", 3, 50, 50),
    ("confirm_usd", "2.50", 2.5, 0, 0.0),
    ("check_balance", "0", False, True, True),
    ("lang", "zh_CN", "zh", "en", "en"),
]


@pytest.fixture
def own_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """No home folder and no platform is set, as on a user's machine; tests have their own."""
    monkeypatch.delenv("LUMA_JUPYTER_HOME")
    monkeypatch.delenv("ACEDATACLOUD_PLATFORM_BASE_URL")
    monkeypatch.delenv("LUMA_JUPYTER_LANG")


def test_variable_of_each_setting_is_frozen() -> None:
    """Each setting has exactly this environment variable."""
    assert {name: variable(name) for name in VARIABLES} == VARIABLES
    assert {field.name for field in dataclasses.fields(Settings)} == {*VARIABLES, "notify", "folder", "key_places"}


@pytest.mark.usefixtures("own_home")
def test_defaults_without_any_setting(tmp_path: Path) -> None:
    """With nothing set: no key, the documented URLs and folders, no budget or price, no preference about waiting."""
    assert current() == Settings(
        acedata_token=None,
        acedata_platform_token=None,
        acedata_base_url="https://api.acedata.cloud",
        acedata_platform_url="https://platform.acedata.cloud",
        runapi_key=None,
        runapi_base_url="https://runapi.ai",
        provider="auto",
        wait=None,
        embed=None,
        media=Path("luma_videos"),
        home=None,
        exit_seconds=10.0,
        demo_seconds=6.0,
        budget=None,
        acedata_price=None,
        runapi_price=None,
        submissions=4,
        looks_per_minute=600,
        check_balance=True,
        folder=tmp_path,
    )


@pytest.mark.usefixtures("own_home")
@pytest.mark.parametrize(("name", "text", "meaning", "configured", "wins"), VALUES)
def test_configure_beats_environment_beats_default(
    name: str,
    text: str,
    meaning: object,
    configured: object,
    wins: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`configure` beats the environment, the environment the default, and None steps back down."""
    default = getattr(current(), name)
    monkeypatch.setenv(VARIABLES[name], text)
    assert getattr(current(), name) == meaning
    configure(**{name: configured})
    assert getattr(current(), name) == wins
    configure(**{name: None})
    assert getattr(current(), name) == meaning
    for empty in ("", "  \n"):
        monkeypatch.setenv(VARIABLES[name], empty)
        assert getattr(current(), name) == default


def test_settings_are_made_anew_only_where_something_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked for with each change of a card, and to make them looks at folders, which may be far away."""
    configuration = Configuration(find_folder=lambda: tmp_path)
    changes = [
        lambda: None,
        lambda: configuration.configure(submissions=2),
        lambda: configuration.configure(submissions=None),
        lambda: monkeypatch.setenv("LUMA_JUPYTER_MEDIA", "films"),
        lambda: monkeypatch.setenv("RUNAPI_API_KEY", KEY),
        lambda: monkeypatch.delenv("RUNAPI_API_KEY"),
        lambda: configuration.remember_key("runapi_key", FoundKey(Secret(KEY), "the keyring")),
        lambda: configuration.forget_key("runapi_key", "the keyring"),
        lambda: monkeypatch.setenv("LUMA_JUPYTER_GATEWAY", "http://gateway"),
        lambda: monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub-1"),
        lambda: monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub-2"),
    ]
    seen = []
    for change in changes:
        change()
        seen.append(configuration.current())
        assert configuration.current() is seen[-1]
        assert configuration.current() == load(configuration._overrides, os.environ, tmp_path, configuration._found)
    assert all(one != other for one, other in itertools.pairwise(seen))
    assert seen[-1].gateway_token == Secret("hub-2")


def test_load_looks_only_at_what_it_is_given(tmp_path: Path) -> None:
    """`load` looks at nothing but what it is given."""
    found = load({"provider": "runapi"}, {"LUMA_JUPYTER_PROVIDER": "demo", "LUMA_JUPYTER_WAIT": "yes"}, tmp_path)
    assert (found.provider, found.wait, found.folder) == ("runapi", True, tmp_path)


@pytest.mark.parametrize(
    ("word", "meaning"),
    [*((w, True) for w in ("1", "true", "Yes", " ON ")), *((w, False) for w in ("0", "False", "no", "off"))],
)
def test_flag_is_read_from_the_usual_words(word: str, meaning: bool) -> None:
    """A flag is read from the usual words, in any case."""
    configure(wait=word)
    assert current().wait is meaning


BAD_KEY = "has characters that no key has (a space, a line break, a quote?): copy it again."
BAD_URL = "must be an http(s) URL, without ? and #."
BAD = [
    ("acedata_token", "Bearer sk-1", BAD_KEY),
    ("acedata_token", '"sk-1"', BAD_KEY),
    ("acedata_platform_token", "platform 1", BAD_KEY),
    ("runapi_key", "'sk-1'", BAD_KEY),
    ("runapi_key", "sk-1\nsk-2", BAD_KEY),
    ("runapi_key", "“sk-1”", BAD_KEY),
    ("acedata_base_url", "api.acedata.cloud", BAD_URL),
    ("acedata_base_url", "https://h:99999", BAD_URL),
    ("acedata_platform_url", "ftp://h", BAD_URL),
    ("runapi_base_url", "https://", BAD_URL),
    ("gateway", "hub/services/luma", BAD_URL),
    ("gateway", "https://hub.example/services/luma?token=k1", BAD_URL),
    ("gateway", "https://hub.example/services/luma#k1", BAD_URL),
    ("gateway_token", "k 1", BAD_KEY),
    ("provider", "luma", "must be auto, acedata, runapi, demo, not 'luma'."),
    ("wait", "maybe", "must be 1 or 0, not 'maybe'."),
    ("demo_seconds", "soon", "must be a number of seconds, 0 or more, not 'soon'."),
    ("demo_seconds", "-1", "must be a number of seconds, 0 or more, not '-1'."),
    ("demo_seconds", "nan", "must be a number of seconds, 0 or more, not 'nan'."),
    ("demo_seconds", "inf", "must be a number of seconds, 0 or more, not 'inf'."),
    ("budget", "five", "must be a number of US dollars, 0 or more, not 'five'."),
    ("budget", "-0.01", "must be a number of US dollars, 0 or more, not '-0.01'."),
    ("acedata_price", "$0.35", "must be a number of US dollars, 0 or more, not '$0.35'."),
    ("runapi_price", "inf", "must be a number of US dollars, 0 or more, not 'inf'."),
    ("submissions", "0", "must be a whole number, 1 or more, not '0'."),
    ("submissions", "-1", "must be a whole number, 1 or more, not '-1'."),
    ("submissions", "2.5", "must be a whole number, 1 or more, not '2.5'."),
    ("submissions", "²", "must be a whole number, 1 or more, not '²'."),
    ("submissions", "many", "must be a whole number, 1 or more, not 'many'."),
    ("media", "~nobody-of-that-name/v", ": there is no home folder for '~nobody-of-that-name/v'."),
    ("home", "~nobody-of-that-name/v", ": there is no home folder for '~nobody-of-that-name/v'."),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_bad_variable_is_named(name: str, text: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that cannot be used is an error that names the variable that holds it."""
    monkeypatch.setenv(VARIABLES[name], text)
    with pytest.raises(ConfigError) as caught:
        current()
    assert str(caught.value) == f"{VARIABLES[name]} {message}".replace(" :", ":")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        *BAD,
        ("acedata_token", "", "is empty; None takes it back to the default."),
        ("runapi_key", " ", "is empty; None takes it back to the default."),
        ("media", "", "is empty; None takes it back to the default."),
        ("acedata_token", 5, "must be text, not int."),
        ("runapi_base_url", b"https://h", "must be text, not bytes."),
        ("provider", True, "must be text, not bool."),
        ("media", 5, "must be text, not int."),
        ("wait", 2, "must be 1 or 0, not 2."),
        ("demo_seconds", True, "must be a number of seconds, 0 or more, not True."),
        ("budget", True, "must be a number of US dollars, 0 or more, not True."),
        ("submissions", True, "must be a whole number, 1 or more, not True."),
        ("submissions", 0, "must be a whole number, 1 or more, not 0."),
        ("submissions", 2.0, "must be a whole number, 1 or more, not 2.0."),
    ],
)
def test_bad_configure_changes_nothing(name: str, value: object, message: str) -> None:
    """A value that cannot be used is refused by its setting's name, and the other changes of that call are not made."""
    configure(provider="demo", wait=True)
    before = current()
    with pytest.raises(ConfigError) as caught:
        configure(**{"provider": "runapi", "wait": None, name: value})
    assert str(caught.value) == f"{name} {message}".replace(" :", ":")
    assert current() == before


def test_unknown_setting_is_refused() -> None:
    """A misspelt name is an error that lists the real ones, and nothing is changed."""
    with pytest.raises(ConfigError) as caught:
        configure(wiat=True, provider="demo", key=KEY)
    assert str(caught.value) == f"There is no setting key, wiat; there are {', '.join(VARIABLES)}, notify."
    assert current().provider == "auto"


def test_relative_folders_stay_beside_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative folders start from where the extension was loaded, also after `os.chdir`."""
    configuration = Configuration()
    configuration.remember_folder()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    os.chdir(elsewhere)
    configuration.remember_folder()
    configuration.configure(home="journal")
    assert configuration.current().media_folder == tmp_path / "luma_videos"
    assert configuration.current().home_folder == tmp_path / "journal"


def test_absolute_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    """An absolute media or home folder does not depend on where the kernel runs."""
    configure(media=tmp_path / "m", home=str(tmp_path / "h"))
    now = dataclasses.replace(current(), folder=Path("/other"))
    assert (now.media_folder, now.home_folder) == (tmp_path / "m", tmp_path / "h")


@pytest.mark.usefixtures("own_home")
def test_home_is_the_platforms_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless set, the journal lives where the platform keeps a user's data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    home = current().home_folder
    assert home.is_absolute()
    assert home.name == "luma_jupyter"
    assert home.is_relative_to(tmp_path)


@pytest.mark.usefixtures("own_home")
def test_home_is_beside_the_notebook_where_the_user_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container whose user id has no name, and without HOME, the journal lives beside the notebook."""
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    with pytest.raises(RuntimeError):
        Path.home()
    assert current().home_folder == tmp_path / ".luma_jupyter"


def test_key_shows_itself_to_reveal_alone() -> None:
    """However a key or the settings are printed, the key is not in it."""
    secret = Secret(KEY)
    now = Settings(acedata_token=secret, acedata_platform_token=secret, runapi_key=secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!s:>40}", "%s" % secret, repr([secret])]  # noqa: UP031
    shown += [repr(now), str(now), f"{now}", repr(vars(now)), repr(dataclasses.replace(now)), repr({secret: 1})]
    assert not [text for text in shown if KEY in text]
    assert all("not shown" in text for text in shown)
    assert secret.reveal() == KEY
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("holder", [Secret(KEY), Settings(acedata_token=Secret(KEY))], ids=["key", "settings"])
@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy])
def test_key_is_in_no_pickle(holder: object, write: object) -> None:
    """A key refuses to be pickled or copied, so it cannot end in a file by `%store` or a pickled clip."""
    if isinstance(holder, Settings) and write is copy.copy:
        assert KEY not in repr(copy.copy(holder))
        return
    with pytest.raises(TypeError, match="not pickled or copied"):
        write(holder)  # type: ignore[operator]


def test_key_compares_by_value() -> None:
    """Equal keys are equal and hash alike; a key equals no plain text."""
    assert Secret(KEY) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY


@pytest.mark.parametrize("name", ["acedata_token", "acedata_platform_token", "runapi_key"])
@pytest.mark.parametrize("key", [f"Bearer {KEY}", f'"{KEY}"', f"{KEY}\n{KEY}", f"ключ{KEY}"])
def test_bad_key_is_not_quoted(name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error about a badly copied key does not show it."""
    monkeypatch.setenv(VARIABLES[name], key)
    with pytest.raises(ConfigError) as from_environment:
        current()
    with pytest.raises(ConfigError) as from_call:
        configure(**{name: key})
    assert KEY not in f"{from_environment.value} {from_call.value}"


@pytest.mark.parametrize("name", ["acedata_base_url", "acedata_platform_url", "runapi_base_url"])
def test_key_in_the_wrong_variable_is_not_quoted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that went into the neighbouring variable by mistake is not shown by the error about that one."""
    monkeypatch.setenv(VARIABLES[name], KEY)
    with pytest.raises(ConfigError, match=VARIABLES[name]) as caught:
        current()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url", "login"),
    [
        ("https://me:pass-word@h.example:8443/api/", "https://h.example:8443/api", "me:pass-word"),
        ("https://me:p%40ss@h.example", "https://h.example", "me:p@ss"),
        ("https://a@b@h.example", "https://h.example", "a@b"),
        ("https://token-7Qz9@h.example", "https://h.example", "token-7Qz9"),
        ("https://h.example", "https://h.example", None),
    ],
)
@pytest.mark.parametrize("name", ["acedata_base_url", "acedata_platform_url", "runapi_base_url"])
def test_login_in_a_base_url_is_held_as_a_key(name: str, text: str, url: str, login: str | None) -> None:
    """A base URL is shown without user name and password, which are kept as keys are, for the header alone."""
    configure(**{name: text})
    found = getattr(current(), name)
    assert str(found) == found == url
    assert (found.login and found.login.reveal()) == login
    if login:
        assert login not in f"{current()!r} {found!r} {vars(found)}"
        assert found.login.authorization == f"Basic {base64.b64encode(login.encode()).decode()}"


def test_found_key_comes_after_all_that_was_given(tmp_path: Path) -> None:
    """What is configured or in the environment comes before what a host keeps; each key says where it is from."""
    found = {name: FoundKey(Secret("found"), "a store") for name in ("acedata_token", "runapi_key")}
    overrides = {"acedata_token": Secret("configured"), "provider": "auto"}
    environ = {"ACEDATACLOUD_PLATFORM_TOKEN": "given"}
    now = load(overrides, environ, tmp_path, found)
    keys = (now.acedata_token, now.acedata_platform_token, now.runapi_key)
    assert keys == (Secret("configured"), Secret("given"), Secret("found"))
    assert now.key_places == {
        "acedata_token": "luma_jupyter.configure()",
        "acedata_platform_token": "the environment",
        "runapi_key": "a store",
    }
    assert now.found_keys == {"runapi_key": "a store"}


def test_first_store_that_has_a_key_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores are asked in their order, once each until they are asked anew, and never for what is there."""
    first, second = Store("one", runapi_key="run-1"), Store("two", runapi_key="run-2", acedata_token="ace-2")
    monkeypatch.setenv("ACEDATACLOUD_PLATFORM_TOKEN", "given")
    configuration = Configuration(lambda: [first, second])
    names = ["acedata_token", "acedata_platform_token", "runapi_key"]
    assert configuration.find_keys(names) == []
    assert dict(configuration.current().found_keys) == {"acedata_token": "two", "runapi_key": "one"}
    assert (first.asked, second.asked) == (["ACEDATACLOUD_API_TOKEN", "RUNAPI_API_KEY"], ["ACEDATACLOUD_API_TOKEN"])
    del first.keys["RUNAPI_API_KEY"]
    assert configuration.find_keys(names) == []
    assert len(first.asked) == 2
    configuration.find_keys(["runapi_key"], anew=True)
    assert configuration.current().found_keys["runapi_key"] == "two"


def test_key_that_is_gone_from_its_store_is_dropped_when_looked_for_anew() -> None:
    """Only once all places have answered: one that does not answer, or is closed, may still have it."""
    store, other = Store("one", runapi_key="run-1"), Store("two")
    configuration = Configuration(lambda: [store, other])
    configuration.find_keys(["runapi_key"])
    store.keys.clear()
    for error in (TimeoutError("Unlock it."), ConfigError("Open it.")):
        other.keys = {"RUNAPI_API_KEY": error}
        assert configuration.find_keys(["runapi_key"], anew=True) == [str(error)]
        assert configuration.current().runapi_key == Secret("run-1")
    other.keys.clear()
    assert configuration.find_keys(["runapi_key"], anew=True) == []
    assert configuration.current().runapi_key is None


def test_key_is_forgotten_by_its_place_alone_and_looked_for_again() -> None:
    """What another place has is no business of the one that is left."""
    first, second = Store("one"), Store("two", runapi_key="run-2")
    configuration = Configuration(lambda: [first, second])
    configuration.remember_key("runapi_key", FoundKey(Secret("run-1"), "one"))
    configuration.find_keys(["runapi_key"])
    assert not configuration.forget_key("runapi_key", "two")
    assert configuration.current().runapi_key == Secret("run-1"), "what was just given is not replaced"
    assert configuration.forget_key("runapi_key", "one")
    assert configuration.current().runapi_key is None
    configuration.find_keys(["runapi_key"])
    assert configuration.current().runapi_key == Secret("run-2")


def test_key_whose_search_was_interrupted_is_looked_for_again() -> None:
    """Whoever interrupts a keyring that waits has not heard whether there is a key: the next call asks anew."""
    store = Interrupted("one", runapi_key="run-1")
    configuration = Configuration(lambda: [store])
    with pytest.raises(KeyboardInterrupt):
        configuration.find_keys(["runapi_key"])
    store.waits = False
    configuration.find_keys(["runapi_key"])
    assert configuration.current().runapi_key == Secret("run-1")


class Interrupted(Store):
    """A store at which somebody loses patience."""

    waits = True

    def find(self, variable: str) -> str | None:
        if self.waits:
            raise KeyboardInterrupt
        return super().find(variable)


def test_nothing_is_looked_for_by_reading_settings() -> None:
    """The settings are read all the time, and at %load_ext; a keyring is opened by `find_keys` alone."""

    def stores() -> list[Store]:
        raise AssertionError

    assert Configuration(stores).current().acedata_token is None


@pytest.mark.parametrize("name", ["media", "home"])
@pytest.mark.parametrize("value", ["con", "videos.", "a:b:c", "nul/videos"])
def test_folders_that_windows_cannot_have_are_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder would lose the end of its name, or be a device; elsewhere it is a name like any other."""
    configuration = Configuration()
    configuration.configure(**{name: value})
    be_windows(monkeypatch)
    with pytest.raises(ConfigError, match=r"On Windows no file can be called "):
        configuration.configure(**{name: value})


GATEWAY = "https://hub.example/services/luma"


@pytest.mark.parametrize(
    ("environ", "token"),
    [
        ({"LUMA_JUPYTER_GATEWAY_TOKEN": "own", "JUPYTERHUB_API_TOKEN": "hub"}, Secret("own")),
        ({"JUPYTERHUB_API_TOKEN": "hub"}, Secret("hub")),
        ({"LUMA_JUPYTER_GATEWAY_TOKEN": " ", "JUPYTERHUB_API_TOKEN": "hub"}, Secret("hub")),
        ({}, None),
    ],
)
def test_gateway_goes_before_keys_and_addresses(tmp_path: Path, environ: dict[str, str], token: Secret | None) -> None:
    """With a gateway all addresses are its own and all keys its token, whatever else is set, and whoever set it."""
    keys = {"ACEDATACLOUD_API_TOKEN": "mine", "RUNAPI_API_KEY": "mine", "RUNAPI_BASE_URL": "https://other.example"}
    found = {"acedata_platform_token": FoundKey(Secret("found"), "a store")}
    now = load({"acedata_token": Secret("c")}, {"LUMA_JUPYTER_GATEWAY": GATEWAY, **keys, **environ}, tmp_path, found)
    assert {now.acedata_base_url, now.acedata_platform_url, now.runapi_base_url} == {GATEWAY}
    assert {now.gateway_token, now.acedata_token, now.acedata_platform_token, now.runapi_key} == {token}
    assert now.key_places == now.found_keys == {}
    assert {now.service_name("acedata"), now.service_name("runapi")} == {"class gateway"}
    assert now.service_name("demo") == "demo service"


def test_hubs_token_is_not_taken_without_a_gateway(tmp_path: Path) -> None:
    """A server's own token is nobody's business where there is no gateway."""
    now = load({}, {"JUPYTERHUB_API_TOKEN": "hub"}, tmp_path)
    assert (now.gateway_token, now.acedata_token, now.runapi_key) == (None, None, None)


def test_no_key_is_looked_for_beside_a_gateway() -> None:
    """No keyring is unlocked for keys that would not be used."""
    store = Store(acedata_token="kept")
    configuration = Configuration(lambda: [store])
    configuration.configure(gateway=GATEWAY)
    assert configuration.find_keys(["acedata_token"]) == []
    assert configuration.current().acedata_token is None
    configuration.configure(gateway=None)
    configuration.find_keys(["acedata_token"])
    assert configuration.current().acedata_token == Secret("kept")
