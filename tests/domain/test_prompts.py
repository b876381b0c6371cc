"""The script of a prompt, told by its letters."""

from __future__ import annotations

import pytest

from luma_jupyter.domain.prompts import is_mostly_latin, script_of


@pytest.mark.parametrize(
    ("prompt", "script"),
    [
        ("A foggy morning", "Latin"),
        ("Ein nebliger Morgen über Zürich, café", "Latin"),
        ("Туманное утро", "Cyrillic"),
        ("晨雾", "Chinese"),
        ("霧の朝、東京", "Japanese"),
        ("カメラ", "Japanese"),
        ("안개 낀 아침", "Korean"),
        ("صباح ضبابي", "Arabic"),
        ("בוקר ערפילי", "Hebrew"),
        ("ομιχλώδες πρωί", "Greek"),
        ("धुंधली सुबह", "Devanagari"),
        ("เช้าหมอก", "Thai"),
        ("ﬁne 𝐛𝐨𝐥𝐝 ＷＩＤＥ", "Latin"),
        ("A street in 東京 at night", "Latin"),
        ("Лиса bei Nacht im Wald", "Latin"),
        ("Лиса в лесу, 4K, HDR", "Cyrillic"),
        ("🦊 123 — ?", None),
        ("", None),
    ],
)
def test_script_is_that_of_most_letters(prompt: str, script: str | None) -> None:
    """Signs, digits and pictures say nothing, and a name in another script does not make a prompt foreign."""
    assert script_of(prompt) == script
    assert is_mostly_latin(prompt) is (script in ("Latin", None))
