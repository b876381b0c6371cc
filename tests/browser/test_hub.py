"""JupyterHub with two users and a base URL: all that a page shows is found behind ``/prefix/user/NAME/``.

Where the hub's proxy or Chromium is missing these tests are skipped with the reason, unless
``LUMA_BROWSER_TESTS=required``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.hub import HubPage, User, running_hub
from tests.browser.test_lab import BAR, BROKEN, CARDS
from tests.support.demo import SHORT_FILMS
from tests.support.jupyterhub import Hub

NAME = "lesson/a.ipynb"
FILES = "/prefix/user/{}/files/lesson/luma_videos/"
PLAYERS = ".luma-card > video"  # of the cards
PLACES = "[...document.querySelectorAll('.luma-live-sides video')].map((video) => video.currentTime)"
CELLS = (
    f"import luma_jupyter as luma\n{SHORT_FILMS}%load_ext luma_jupyter",
    "%%luma -o sunset\nA sunset of {}",
    "%%luma modify sunset -o foggy\nFog",
    "%luma wait\nluma.compare(sunset, foggy)",
    "luma.gallery()",
    "luma.Studio()",
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Hub]:
    """A running hub."""
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def sign_in(hub: Hub, chromium: Any) -> Iterator[Callable[[str], HubPage]]:
    """Sign a user in, in a browser of their own, with a notebook open; no page error passes unseen."""
    contexts, errors = [], []

    def open_(name: str) -> HubPage:
        user = User(hub, name)
        (user.folder / "lesson").mkdir()
        user.write(NAME, *(cell.replace("{}", name) for cell in CELLS))
        context = chromium.new_context(viewport={"width": 1200, "height": 2600})
        contexts.append(context)
        page = HubPage(context.new_page(), user)
        page.page.on("pageerror", lambda error: errors.append(f"{error} {error.stack}"))
        page.sign_in(NAME)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture(scope="module")
def ada(sign_in: Callable[[str], HubPage]) -> HubPage:
    """The page of one user, on which all cells have run."""
    page = sign_in("ada")
    page.run_all()
    return page


def test_videos_posters_and_comparison_play_behind_a_prefix(ada: HubPage) -> None:
    """Cards end with players; the gallery has its posters, the comparison plays; files come as they are."""
    ada.wait_for(f"{BAR}?.value > 0")
    ada.wait_for("document.querySelectorAll('.luma-live-sides video').length == 2")
    ada.wait_for("document.querySelector('.luma-live-tiles .luma-picks')")
    ada.wait_for("[...document.querySelectorAll('.luma-tile img')].filter((image) => image.naturalWidth).length == 2")
    played = ada.play_all(PLAYERS)
    assert len(played) == 2
    assert all(video["moved"] and FILES.format("ada") in video["src"] for video in played), played
    ada.page.get_by_role("button", name="Play", exact=True).click()
    ada.wait_for(f"{PLACES}.every((place) => place > 0.5)")
    ada.page.locator(".luma-open").first.click()
    ada.wait_for("document.querySelector('.luma-player video')?.readyState > 0")
    ada.page.keyboard.press("Escape")
    ada.shot("hub")
    assert not [words for words in BROKEN if words in ada.text()]


def test_links_open_and_download_the_file_behind_a_prefix(ada: HubPage) -> None:
    """Both links of a card give the very file."""
    (video,) = (ada.lab.folder / "lesson" / "luma_videos").glob("a-sunset-*.mp4")
    card = ada.page.locator(".luma-card:has-text('A sunset of ada')").first
    opened = ada.fetch(card.get_by_role("link", name="Open", exact=True).get_attribute("href"))
    assert (opened["status"], opened["size"]) == (200, video.stat().st_size)
    with ada.page.expect_download() as download:
        card.get_by_role("link", name="Download", exact=True).click()
    assert Path(download.value.path()).read_bytes() == video.read_bytes()


def test_a_picture_is_uploaded_behind_a_prefix(ada: HubPage, tmp_path: Path) -> None:
    """A large one goes through both proxies in pieces, and is kept beside the videos."""
    picture = tmp_path / "red square.png"
    Image.effect_noise((1400, 1400), 90).convert("RGB").save(picture)
    ada.page.get_by_text("First and last frame").click()
    ada.page.get_by_label("Upload a file: First frame").set_input_files(picture)
    ada.wait_for("document.querySelector('[name=start_image]').value.endsWith('red-square.png')")
    kept = ada.lab.folder / "lesson" / "luma_videos" / "uploads" / "red-square.png"
    assert kept.read_bytes() == picture.read_bytes()


def test_another_users_page_is_another_world(ada: HubPage, sign_in: Callable[[str], HubPage]) -> None:
    """A second user has videos of their own, goes on after a reload in mid-run, and reaches none of the first one's."""
    bob = sign_in("bob")
    bob.page.click(".jp-Notebook .jp-Cell >> nth=0")
    for _ in range(2):
        bob.menu("Run", "Run Selected Cell")
    bob.wait_for(f"{BAR}?.value > 0")
    bob.save(NAME)
    bob.open(NAME)
    bob.wait_for(f"{CARDS} == 1")
    (played,) = bob.play_all(PLAYERS)
    assert played["moved"]
    assert FILES.format("bob") in played["src"]
    bob.shot("hub-reloaded")
    bob.save(NAME)
    (hers,) = (ada.lab.folder / "lesson" / "luma_videos").glob("a-sunset-*.mp4")
    answer = bob.fetch(f"{FILES.format('ada')}{hers.name}")
    assert answer["size"] != hers.stat().st_size, "the hub asks who this is"


def test_a_saved_notebook_plays_again_behind_a_prefix(ada: HubPage) -> None:
    """Saved and opened anew: the players of the cards, the live parts, and no broken widget."""
    ada.save(NAME)
    ada.lab.theme("JupyterLab Dark")
    ada.open(NAME)
    ada.wait_for(f"document.querySelectorAll('{PLAYERS}').length == 2")
    assert all(video["moved"] for video in ada.play_all(PLAYERS))
    ada.wait_for("document.querySelector('.luma-live-sides') && document.querySelector('.luma-studio')")
    ada.wait_for("[...document.querySelectorAll('.luma-sides video')].every((v) => v.readyState)")
    ada.wait_for("!document.body.innerText.includes('Loading widget')")
    ada.shot("hub-saved-dark")
    assert not [words for words in BROKEN if words in ada.text()]
