"""Sheets as HTML and text: a table with headings, numbered tiles, a page of its own."""

from __future__ import annotations

import re

from luma_jupyter.languages import reading
from luma_jupyter.views.html import MOST_SAVED, saved_size
from luma_jupyter.views.sheet import GENERATOR, Sheet, SheetTile, blind_html, sheet_html, sheet_page, sheet_part
from tests.support.html import Tags, attributes_of

HOSTILE = "<script>alert(1)</script>\" onerror='x' </script><b>&"


def test_a_sheet_is_a_table_with_headings_for_rows_and_columns() -> None:
    """Each heading has its scope; a cell has a player, or words, or says that there is no clip."""
    tiles = {(0, 0): SheetTile("fox · snow", "a.mp4"), (0, 1): SheetTile("fox · rain", None, "failed: no luck")}
    html = sheet_html("3f9c2a1b", Sheet(["fox", "owl"], ["snow", "rain"], tiles))
    assert [heading["scope"] for heading in attributes_of(html, "th")] == ["col", "col", "row", "row"]
    assert all("position:sticky" in str(heading["style"]) for heading in attributes_of(html, "th"))
    (video,) = attributes_of(html, "video")
    assert (video["src"], video["title"], video["preload"]) == ("a.mp4", "fox · snow", "metadata")
    assert "failed: no luck" in html
    assert html.count("no clip") == 2
    assert not Tags(html).names & {"script", "source", "button", "input"}


def test_a_side_without_labels_has_no_headings() -> None:
    """One axis is one row with its columns, or one column with its rows; a single clip has neither."""
    tile = {(0, 0): SheetTile("fox", "a.mp4")}
    assert [h["scope"] for h in attributes_of(sheet_part(Sheet([""], ["fox"], tile)), "th")] == ["col"]
    assert [h["scope"] for h in attributes_of(sheet_part(Sheet(["fox"], [""], tile)), "th")] == ["row"]
    assert attributes_of(sheet_part(Sheet([""], [""], tile)), "th") == []


def test_all_texts_of_a_sheet_are_escaped() -> None:
    """Labels, words, addresses, and the title of a page."""
    tile = {(0, 0): SheetTile(HOSTILE, HOSTILE, HOSTILE)}
    part = sheet_part(Sheet([HOSTILE], [HOSTILE], tile))
    page = sheet_page(HOSTILE, part, style="", script="")
    assert HOSTILE not in page
    assert Tags(page).names <= {
        *("html", "head", "meta", "title", "style", "body", "main", "h1", "div", "table", "thead", "tbody", "tr", "td"),
        *("th", "video", "script"),
    }
    assert page.count("<script>") == 1
    assert not [attributes for attributes in attributes_of(page, "video") if "onerror" in attributes]


def test_the_largest_sheet_fits_into_a_notebook() -> None:
    """Twelve rows and columns with long labels in Chinese, and long file names: below 100 kB."""
    labels = ["狐" * 60] * 12
    tile = SheetTile("狐" * 60 + " · " + "狸" * 60, f"luma_videos/{'a-fox-in-the-snow-' * 3}3f9c2a1b.mp4")
    sheet = Sheet(labels, labels, {(row, column): tile for row in range(12) for column in range(12)})
    assert saved_size(sheet_html("3f9c2a1b", sheet), sheet.text()) < MOST_SAVED


def test_the_players_of_a_large_sheet_are_folded_in() -> None:
    """Of a small one they are in sight, and loaded as the page comes, so that it shows their first pictures."""
    for count, preload in ((12, "metadata"), (13, "none")):
        tiles = [SheetTile(str(number), "a.mp4") for number in range(count)]
        sheet = Sheet([""], [tile.label for tile in tiles], {(0, place): tile for place, tile in enumerate(tiles)})
        for html in (sheet_part(sheet), blind_html("3f9c2a1b", tiles, "")):
            assert {video["preload"] for video in attributes_of(html, "video")} == {preload}
            assert len(attributes_of(html, "details")) == (count if preload == "none" else 0)


def test_blind_tiles_are_numbered() -> None:
    """Each has its number as caption and as the title of its player."""
    html = blind_html("3f9c2a1b", [SheetTile("Video 1", "x.mp4"), SheetTile("Video 2", "y.mp4")], "1 clip is left out")
    assert [video["title"] for video in attributes_of(html, "video")] == ["Video 1", "Video 2"]
    captions = re.findall("<figcaption.*?</figcaption>", html)
    assert ["Video 1" in captions[0], "Video 2" in captions[1], len(captions)] == [True, True, 2]
    assert "1 clip is left out" in html


def test_a_sheet_is_text_in_columns() -> None:
    """Rows and columns as in the page."""
    tiles = {(0, 0): SheetTile("", words="shots[0]"), (0, 1): SheetTile("", words="shots[1], failed")}
    assert Sheet(["fox", "owl"], ["snow", "rain"], tiles).text().splitlines() == [
        "     snow      rain",
        "fox  shots[0]  shots[1], failed",
        "owl  no clip   no clip",
    ]


def test_a_page_names_its_maker_and_plays_what_it_has() -> None:
    """Its maker stands at its beginning; the script is in it, and braces in scripts and styles stay as they are."""
    page = sheet_page("Sheet", "<p>part</p>", style="b { color: red }", script="const x = { y: 1 };")
    assert GENERATOR in page[:500]
    assert "b { color: red }" in page
    assert "const x = { y: 1 };" in page
    assert "<p>part</p>" in page


def test_a_page_has_the_language_of_its_words() -> None:
    """That of who saves it; the title is in its own direction."""
    with reading("zh"):
        page = sheet_page("Sheet", sheet_part(Sheet(["fox"], ["snow"], {})), style="", script="")
    assert attributes_of(page, "html") == [{"lang": "zh"}]
    assert [attributes["dir"] for tag in ("h1", "th") for attributes in attributes_of(page, tag)] == ["auto"] * 3
