"""``%luma doctor``: what it says in the situations that people come with, and that it never gets in the way."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock

import pytest

from luma_jupyter.api.kernel import Kernel, kernel
from luma_jupyter.display.environment import VSCODE_MARKER
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.languages import reading
from luma_jupyter.magics.doctor import THIS_MACHINE, Diagnosis, Finding, Machine, diagnose
from luma_jupyter.printable import columns
from tests.support import settings
from tests.support.entries import an_entry
from tests.support.fake_service import reply
from tests.support.html import Tags
from tests.support.key_stores import Store
from tests.support.notebook import PromptService, Shell, wait_for_status

KEYS = ("ace-secret", "platform-secret", "run-secret")


def found(diagnosis: Diagnosis, area: str) -> Finding:
    """The one finding of an area."""
    (finding,) = (finding for finding in diagnosis.findings if finding.area == area)
    return finding


def levels(diagnosis: Diagnosis) -> dict[str, str]:
    """The areas that are not fine, with their levels."""
    return {finding.area: finding.level for finding in diagnosis.findings if finding.level != "fine"}


def examine(notebook: Shell, machine: Machine = THIS_MACHINE) -> Diagnosis:
    """The diagnosis in JupyterLab; its text goes to the test's output, for people to read."""
    diagnosis = diagnose(kernel, machine)
    print(diagnosis)
    assert not [key for key in KEYS if key in f"{diagnosis!r}{diagnosis._repr_html_()}"]
    return diagnosis


@pytest.fixture
def lab(notebook: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A kernel of a Jupyter server, whose page has answered."""
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    kernel.presenter.page.answer = "JupyterLab 4.6.6, anywidget 0.11.0"
    return notebook


def test_doctor_with_both_keys_finds_nothing_to_do(lab: Shell, service: PromptService) -> None:
    """With both keys nothing is left to do; each service was asked harmless questions, and nothing was sent."""
    diagnosis = examine(lab)
    assert levels(diagnosis) == {}
    assert diagnosis.summary.endswith("No problems; 0 notes; 10 checks passed.")
    keys = ("ACEDATACLOUD_API_TOKEN", "ACEDATACLOUD_PLATFORM_TOKEN", "RUNAPI_API_KEY")
    where = "; ".join(f"{key} is from luma_jupyter.configure()" for key in keys)
    assert found(diagnosis, "where keys are").words == f"{where}."
    account = [("GET", f"/api/v1/{path}") for path in ("apis/", "applications/", "me/balance")]
    assert sorted(service.asked) == [*account, ("POST", "/luma/tasks")]
    assert service.sent == []
    assert "mode wal" in found(diagnosis, "journal").words or "mode delete" in found(diagnosis, "journal").words
    assert {"Python", "ipython", "anywidget"} <= set(found(diagnosis, "versions").words.split())
    assert found(diagnosis, "host").words.startswith("JupyterLab or Notebook 7: videos are shown from their files")
    free = r"Videos are saved in luma_videos beside the notebook, where [\d.]+ [MGT]B are free\."
    assert re.fullmatch(free, found(diagnosis, "media folder").words)
    assert not Path("luma_videos").exists()


def test_doctor_without_keys_names_the_variables(lab: Shell, service: PromptService) -> None:
    """Nothing is broken: all is simulated, and it says which variable is for what; no service is asked."""
    settings.configure(acedata_token=None, runapi_key=None)
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"keys": "note"}
    advice = found(diagnosis, "keys").advice
    assert "ACEDATACLOUD_API_TOKEN (to generate and extend) and RUNAPI_API_KEY (to modify)" in advice
    assert service.asked == []


def test_doctor_with_one_key_says_what_the_other_is_for(lab: Shell) -> None:
    """What the other key would be for is said; only the service that has one is asked."""
    settings.configure(runapi_key=None)
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"RunAPI": "note"}
    assert "RUNAPI_API_KEY" in found(diagnosis, "RunAPI").advice
    assert found(diagnosis, "AceDataCloud").level == "fine"


def test_doctor_without_a_platform_token_says_what_it_is_for(lab: Shell, service: PromptService) -> None:
    """What does not go without it is said, and the platform is not asked; nor is it spoken of without AceDataCloud."""
    settings.configure(acedata_platform_token=None)
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"AceDataCloud's platform": "note"}
    assert "no files of your own" in found(diagnosis, "AceDataCloud's platform").words
    assert "ACEDATACLOUD_PLATFORM_TOKEN" in found(diagnosis, "AceDataCloud's platform").advice
    assert sorted(service.asked) == [("GET", "/api/v1/me/balance"), ("POST", "/luma/tasks")]
    settings.configure(acedata_token=None)
    assert levels(examine(lab)) == {"AceDataCloud": "note"}


def test_doctor_says_where_each_key_is_from_and_looks_anew(lab: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has just opened a keyring or a secret need not restart the kernel; what stands in the way is said."""
    settings.configure(acedata_token=None, acedata_platform_token=None)
    store = Store("Colab's secrets", acedata_token=TimeoutError("Unlock the keyring."))
    monkeypatch.setattr(kernel, "key_stores", lambda: [store])
    monkeypatch.setenv("ACEDATACLOUD_PLATFORM_TOKEN", "platform-secret")
    diagnosis = examine(lab)
    assert found(diagnosis, "keys elsewhere").words == "Unlock the keyring."
    assert found(diagnosis, "where keys are").words == (
        "ACEDATACLOUD_PLATFORM_TOKEN is from the environment; RUNAPI_API_KEY is from luma_jupyter.configure()."
    )
    store.keys["ACEDATACLOUD_API_TOKEN"] = "ace-secret"
    diagnosis = examine(lab)
    assert "keys elsewhere" not in levels(diagnosis)
    assert "ACEDATACLOUD_API_TOKEN is from Colab's secrets" in found(diagnosis, "where keys are").words
    assert found(diagnosis, "AceDataCloud").level == "fine"


def test_doctor_tells_a_wrong_key_first(lab: Shell, service: PromptService) -> None:
    """Each refusal comes first, with the service's own words and the variable to set."""
    service.knows_keys = False
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"AceDataCloud": "act", "AceDataCloud's platform": "act", "RunAPI": "act"}
    assert [finding.level for finding in diagnosis.findings[:2]] == ["act", "act"]
    assert "ACEDATACLOUD_PLATFORM_TOKEN" in found(diagnosis, "AceDataCloud's platform").advice
    assert "did not accept the key: “The token is not <b>valid</b>.”" in found(diagnosis, "RunAPI").words
    assert found(diagnosis, "AceDataCloud").advice == "Set ACEDATACLOUD_API_TOKEN to a valid key of AceDataCloud."
    assert "b" not in {tag for tag, _ in Tags(diagnosis._repr_html_()).tags}


def test_doctor_tells_no_connection_from_a_refusal(lab: Shell, service: PromptService) -> None:
    """No connection is told apart from a refusal, with the host that was asked."""
    service.down = True
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"AceDataCloud": "act", "AceDataCloud's platform": "act", "RunAPI": "act"}
    assert "AceDataCloud cannot be reached" in found(diagnosis, "AceDataCloud").words
    assert "asked at api.acedata.cloud" in found(diagnosis, "AceDataCloud").words
    assert "network" in found(diagnosis, "RunAPI").advice
    service.down = False
    service.script("balance", reply(503, text="<html>"))
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"RunAPI": "act"}
    assert "is having trouble" in found(diagnosis, "RunAPI").words


def test_doctor_tells_of_fake_addresses(lab: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a proxy gives fake addresses, it is said what that means; each service that has a key is looked up."""
    looked_up: list[str] = []

    async def addresses(host: str) -> list[str]:
        looked_up.append(host)
        return ["2606:4700::1111", "198.18.0.7"]

    monkeypatch.setattr(kernel.session.engine.providers.http, "addresses", addresses)
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"network": "note"}
    assert "fake address (198.18.…)" in found(diagnosis, "network").words
    assert looked_up == ["api.acedata.cloud", "runapi.ai"]


def without(*names: str, error: Exception | None = None) -> Machine:
    """This machine, on which these modules cannot be imported."""

    def load(name: str) -> object:
        if name in names:
            raise error or ModuleNotFoundError(f"No module named {name!r}", name=name)
        return import_module(name)

    return replace(THIS_MACHINE, load=load)


def test_doctor_tells_what_the_demo_service_lacks(lab: Shell) -> None:
    """Without a key the demo service is all there is, so that comes first; with one it is only said."""
    settings.configure(acedata_token=None, runapi_key=None)
    diagnosis = examine(lab, without("av"))
    assert levels(diagnosis) == {"demo service": "act", "keys": "note"}
    finding = found(diagnosis, "demo service")
    assert finding.words == "It lacks PyAV (not installed), so no video can be made here."
    assert finding.advice.startswith("pip install 'luma-jupyter[demo]', then restart the kernel")
    settings.configure(acedata_token="ace-secret", runapi_key="run-secret")
    assert levels(examine(lab, without("av", "PIL"))) == {"demo service": "note"}
    broken = examine(lab, without("av", error=OSError("libx264.so: cannot open shared object file")))
    assert "PyAV (libx264.so: cannot open" in found(broken, "demo service").words


def read_only(folder: Path) -> None:
    """What a folder on a read-only file system answers."""
    raise OSError(errno.EROFS, "Read-only file system", str(folder))


def test_doctor_tells_a_read_only_media_folder(lab: Shell) -> None:
    """It says that no video would be asked for, and what can be set."""
    diagnosis = examine(lab, replace(THIS_MACHINE, check_writable=read_only))
    assert levels(diagnosis) == {"media folder": "act"}
    finding = found(diagnosis, "media folder")
    assert finding.words.startswith("Nothing can be written in luma_videos beside the notebook (Read-only file system)")
    assert "LUMA_JUPYTER_MEDIA" in finding.advice


def test_doctor_tells_a_media_folder_that_is_a_file(lab: Shell, tmp_path: Path) -> None:
    """The real attempt to write finds what cannot be a folder, and leaves nothing where it can."""
    (tmp_path / "luma_videos").write_text("a file")
    assert levels(examine(lab)) == {"media folder": "act"}
    settings.configure(media="elsewhere/videos")
    assert levels(examine(lab)) == {}
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("keys", "level"), [(True, "act"), (False, "note")])
def test_doctor_tells_a_disk_that_is_nearly_full(lab: Shell, keys: bool, level: str) -> None:
    """It says how much is free and how much should be; only where something is paid for does that have to be mended."""
    if not keys:
        settings.configure(acedata_token=None, runapi_key=None)
    diagnosis = examine(lab, replace(THIS_MACHINE, free_space=lambda folder: 150_000_000))
    assert levels(diagnosis)["media folder"] == level
    finding = found(diagnosis, "media folder")
    assert finding.words == (
        "Videos are saved in luma_videos beside the notebook, where 150.0 MB are free. No video is paid for with so "
        "little."
    )
    assert finding.advice == (
        "Make room (200.0 MB should be free), or set LUMA_JUPYTER_MEDIA to a folder on another disk."
    )


def test_doctor_goes_by_the_last_videos(lab: Shell, tmp_path: Path) -> None:
    """Where videos are large, more should be free; with enough of it all is fine."""
    journal = kernel.session.engine.journal
    video = tmp_path / "a.mp4"
    video.touch()
    here = kernel.session.settings().folder
    made = an_entry(Status.COMPLETED, there=video, media=tmp_path, file_size=1_000_000_000, folder=here).task
    journal.add(made).write(made)
    for free, expected in ((4_900_000_000, {"media folder": "act"}), (5_000_000_000, {})):
        assert levels(examine(lab, replace(THIS_MACHINE, free_space=lambda folder, free=free: free))) == expected


def test_doctor_says_that_nobody_knows_how_much_is_free(lab: Shell) -> None:
    """A file system that does not tell is noted, and stands in nobody's way."""

    def unknown(folder: Path) -> int:
        raise OSError(errno.ENOSYS, "Function not implemented")

    diagnosis = examine(lab, replace(THIS_MACHINE, free_space=unknown))
    assert levels(diagnosis) == {"media folder": "note"}
    assert found(diagnosis, "media folder").words == (
        "Videos are saved in luma_videos beside the notebook; how much is free there is not known (Function not "
        "implemented)."
    )


def test_doctor_tells_a_journal_that_cannot_be_written(lab: Shell, tmp_path: Path) -> None:
    """It is told with what to set; the other checks go on."""
    (tmp_path / "blocked").write_text("a file")
    settings.configure(home="blocked")
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"journal": "act"}
    assert "LUMA_JUPYTER_HOME" in found(diagnosis, "journal").words
    assert found(diagnosis, "demo service").level == "fine"


def test_doctor_names_what_no_proxy_passes_over(lab: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Address ranges and patterns fit no host here."""
    monkeypatch.setenv("NO_PROXY", "localhost, 10.0.0.0/8,[::1],*.corp.example")
    words = found(examine(lab), "network").words
    assert words.endswith("as they fit no host: 10.0.0.0/8, *.corp.example.")


@pytest.mark.parametrize(("media", "why"), [("/srv/videos", "outside the notebook's folder"), (".videos", "hidden")])
def test_doctor_says_where_pages_may_not_reach_the_videos(lab: Shell, media: str, why: str) -> None:
    """What is done instead, and what to do about it."""
    settings.configure(media=media)
    machine = replace(THIS_MACHINE, check_writable=lambda folder: None, free_space=lambda folder: 10**12)
    host = found(examine(lab, machine), "host")
    assert host.level == "note"
    assert f"inside the notebook, up to 10.0 MB each. The folder of the videos is {why}" in host.words
    assert host.advice.startswith("Set LUMA_JUPYTER_MEDIA to a folder below the notebook's")


def test_doctor_says_what_a_page_could_not_load(lab: Shell) -> None:
    """The answer of the page's server, once a card has heard it."""
    kernel.presenter.environment.note_answer(settings.current().media_folder, 403)
    host = found(examine(lab), "host")
    assert "its server answers 403" in host.words
    assert host.advice == "Set LUMA_JUPYTER_MEDIA to a folder below the notebook's, as luma_videos is."


def test_doctor_tells_a_journal_on_a_network_file_system(lab: Shell) -> None:
    """Where a hub has its users' homes: what may happen there, and what to do."""
    machine = replace(THIS_MACHINE, network_file_system={Path("home").absolute(): "nfs4"}.get)
    journal = found(examine(lab, machine), "journal")
    assert journal.level == "note"
    assert "on a network file system (nfs4), where kernels on two machines can damage it." in journal.words
    assert journal.advice.startswith("Set LUMA_JUPYTER_HOME to a folder on a disk of this machine")


def test_doctor_tells_that_hubs_end_idle_kernels(lab: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a JupyterHub, and with the setting by which the kernel counts as active; elsewhere nobody asks."""
    assert not [finding for finding in examine(lab).findings if finding.area == "idle kernels"]
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/hub/user/ada/")
    assert found(examine(lab), "idle kernels").advice.startswith("Set LUMA_JUPYTER_KEEP_ACTIVE=1")
    monkeypatch.setenv("LUMA_JUPYTER_KEEP_ACTIVE", "1")
    assert found(examine(lab), "idle kernels").level == "fine"


def test_doctor_works_for_a_user_without_a_home_folder(lab: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user has no home folder, the folders are named as they are."""
    monkeypatch.setenv("LUMA_JUPYTER_MEDIA", "/srv/nobodys/videos")
    monkeypatch.setattr(Path, "home", Mock(side_effect=RuntimeError("Could not determine home directory.")))
    machine = replace(THIS_MACHINE, check_writable=lambda folder: None, free_space=lambda folder: 10**12)
    diagnosis = examine(lab, machine)
    assert levels(diagnosis) == {"host": "note"}  # no page reaches them there
    assert "/srv/nobodys/videos" in found(diagnosis, "media folder").words


def test_doctor_tells_a_setting_that_cannot_be_used(lab: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad variable stops everything, so it is the finding, and not an error."""
    monkeypatch.setenv("LUMA_JUPYTER_WAIT", "perhaps")
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"settings": "act"}
    assert "LUMA_JUPYTER_WAIT must be 1 or 0" in diagnosis.findings[0].words


def test_doctor_tells_unfinished_clips(lab: Shell, service: PromptService) -> None:
    """What earlier kernels left in this folder, with the word that goes on with it."""
    service.running = True
    lab.run("%%luma\nA sunset")
    wait_for_status(lab.user_ns["_luma"], "running")
    lab.restart()
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"page": "note", "clips": "note"}
    assert "no kernel: 1; of these unconfirmed: 0" in found(diagnosis, "clips").words
    assert "%luma resume" in found(diagnosis, "clips").advice


def test_doctor_tells_vscode_with_its_reason(notebook: Shell) -> None:
    """The host's way of showing videos, why, and what it cannot do."""
    notebook.user_ns[VSCODE_MARKER] = "a.ipynb"
    finding = found(examine(notebook), "host")
    assert finding.words == (
        "VS Code: videos are shown inside the notebook, up to 10.0 MB each. VS Code does not give its outputs the "
        "files beside the notebook. Cells return at once."
    )
    assert "AAC" in finding.advice


def test_doctor_tells_that_all_is_simulated_although_there_are_keys(lab: Shell) -> None:
    """provider=demo with keys is no mistake, but one may have forgotten it."""
    settings.configure(provider="demo")
    diagnosis = examine(lab)
    assert levels(diagnosis) == {"keys": "note"}
    assert "LUMA_JUPYTER_PROVIDER" in found(diagnosis, "keys").advice


def test_doctor_never_raises(lab: Shell) -> None:
    """An accident in one check is a finding of its own."""

    def broken(name: str) -> str:
        raise RuntimeError("metadata are damaged")

    class WithoutEngine(Kernel):
        @property
        def session(self) -> NoReturn:
            raise RuntimeError("no thread")

    without_engine = WithoutEngine()
    without_engine.use(kernel.session, kernel.presenter)
    without_engine.configuration = kernel.configuration
    diagnosis = diagnose(without_engine, replace(THIS_MACHINE, version=broken))
    assert levels(diagnosis) == {
        "versions": "act",
        "services": "act",
        "media folder": "act",
        "journal": "act",
        "AceDataCloud's platform": "act",
    }
    assert "RuntimeError: metadata are damaged" in found(diagnosis, "versions").words


def test_doctor_is_in_line_in_chinese() -> None:
    """What is said of each area begins at the same place, as a terminal shows it."""
    findings = [Finding("note", area, "said") for area in ("keys", "media folder", "RunAPI")]
    with reading("zh"):
        _, *lines = repr(Diagnosis(findings)).splitlines()
    assert "密钥" in lines[0]
    assert len({columns(line.partition("said")[0]) for line in lines}) == 1


def test_doctor_word_gives_the_diagnosis(lab: Shell) -> None:
    """``%luma doctor`` is a value like any other: text in a terminal, HTML in a notebook."""
    diagnosis = lab.run("%luma doctor")
    assert isinstance(diagnosis, Diagnosis)
    assert max(map(len, repr(diagnosis).splitlines())) <= 100
    html = diagnosis._repr_html_()
    assert {tag for tag, _ in Tags(html).tags} <= {"div", "table", "tbody", "tr", "td"}
    assert "color" not in html


@pytest.mark.parametrize(
    ("page", "level", "words", "advice"),
    [
        ({"answer": "JupyterLab 4.6.6"}, "fine", "It shows live cards and forms (JupyterLab 4.6.6).", ""),
        ({"answer": ""}, "fine", "It shows live cards and forms.", ""),
        ({"answer": None}, "note", "No page has answered yet", "run %luma studio"),
        (
            {"is_silent": True},
            "note",
            "No page answered",
            "in the environment of the Jupyter server (not of the kernel)",
        ),
        (
            {"answer": None, "is_silent": True, "is_run_by_server": True},
            "note",
            "The Jupyter server runs the cells itself",
            "%luma show NAME",
        ),
    ],
)
def test_doctor_tells_what_the_page_can_show(
    lab: Shell, page: dict[str, object], level: str, words: str, advice: str
) -> None:
    """Which is not what this kernel has: whether it answered and with what, or what to do where it did not."""
    for name, value in page.items():
        setattr(kernel.presenter.page, name, value)
    finding = found(examine(lab), "page")
    assert finding.level == level
    assert words in finding.words
    assert advice in finding.advice
    assert found(examine(lab), "versions").words.startswith("In the environment of this kernel: Python ")


def test_doctor_says_nothing_of_pages_in_a_terminal(terminal: Shell) -> None:
    """There is none."""
    assert "page" not in {finding.area for finding in examine(terminal).findings}


GATEWAY = {"gateway": "https://api.acedata.cloud", "gateway_token": "run-secret"}


def test_doctor_asks_a_gateway_once(lab: Shell, service: PromptService) -> None:
    """With a gateway nothing else is asked, and no service or key of one's own is spoken of."""
    settings.configure(**GATEWAY)
    diagnosis = examine(lab)
    assert levels(diagnosis) == {}
    words = found(diagnosis, "class gateway").words
    assert words == (
        "api.acedata.cloud answers and knows the key, which is for generate, extend and modify. "
        "Nothing was made or paid."
    )
    assert service.asked == [("GET", "/api/v1/me/balance")]
    assert not {"AceDataCloud", "RunAPI", "where keys are"} & {finding.area for finding in diagnosis.findings}


def test_doctor_tells_of_a_token_that_a_gateway_does_not_know(lab: Shell, service: PromptService) -> None:
    """Who is not known at the gateway restarts the server or asks the teacher: no key is to be set."""
    settings.configure(**GATEWAY)
    service.knows_keys = False
    finding = found(examine(lab), "class gateway")
    assert finding.level == "act"
    assert finding.advice.startswith("Restart your Jupyter server, or ask your teacher for another token")


def test_doctor_tells_of_a_gateway_without_a_token(lab: Shell, service: PromptService) -> None:
    """A gateway without a token is what has to be mended; nothing is simulated in its place, and nobody is asked."""
    settings.configure(gateway=GATEWAY["gateway"])
    finding = found(examine(lab), "class gateway")
    assert finding.level == "act"
    assert finding.words.startswith("The class gateway needs a token")
    assert service.asked == []


def test_doctor_with_a_gateway_and_the_demo_says_so(lab: Shell) -> None:
    """Where all goes to the demo all the same, that is said."""
    settings.configure(**GATEWAY, provider="demo")
    assert found(examine(lab), "keys").words.startswith("A class gateway is set, but so is provider=demo")
