"""A ``%%luma`` cell as a whole: carried out, or only shown."""

from __future__ import annotations

import json

import pytest

from luma_jupyter.api.views import clips
from luma_jupyter.clip.clip_list import ClipList
from luma_jupyter.display.outputs import NOTHING
from luma_jupyter.errors import ClipDetached, ClipFailed, ConfigError, InvalidRequest, NotConfirmed
from tests.support import settings
from tests.support.notebook import PromptService, Shell
from tests.support.pictures import PICTURE


def test_dry_run_sends_nothing_and_masks_the_key(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--dry-run`` prints the request as JSON and as curl, without the key, and makes no clip."""
    notebook.run("%%luma --dry-run --loop --aspect-ratio 9:16\nIt's a sunset")
    printed = capsys.readouterr().out
    body = json.loads(printed[printed.index("{") : printed.index("}") + 1])
    assert body["prompt"] == "It's a sunset"
    assert (body["loop"], body["aspect_ratio"], body["async"]) == (True, "9:16", True)
    assert "curl -X POST https://api.acedata.cloud/luma/videos" in printed
    assert "ace-secret" not in printed
    assert not service.sent
    assert not clips()


def test_dry_run_of_a_step_names_its_unfinished_source(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """A source that is not done yet is shown by its variable's name."""
    service.gate.clear()
    notebook.run("%%luma -o sunset\nA sunset")
    notebook.run("%%luma modify sunset --dry-run\nFog")
    printed = capsys.readouterr().out
    assert "‹video of sunset, when it is done›" in printed
    assert "Idempotency-Key" in printed


def test_dry_run_says_that_an_equal_request_was_made(notebook: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    """What would send nothing must not look as if it would; with ``--again`` it would."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    notebook.run("%%luma --dry-run\nA sunset")
    assert capsys.readouterr().out.splitlines()[0] == (
        "Nothing was sent. This was made before (completed), so without --again nothing is sent or paid. "
        "With --again, this would go to acedata:"
    )
    notebook.run("%%luma --dry-run --again\nA sunset")
    assert capsys.readouterr().out.startswith("Nothing was sent. This would go to acedata:")


@pytest.mark.parametrize(
    ("configured", "line", "price"),
    [
        ({}, "", "Price: AceDataCloud has not said it; it bills on success, in credits"),
        (
            {"acedata_price": 0.35},
            "",
            "Price: $0.35 (as set in LUMA_JUPYTER_ACEDATA_PRICE or configure(acedata_price=…))",
        ),
        ({}, "modify https://example.com/v.mp4", "Price: no quote yet; $0.50 a call on RunAPI's public page"),
        ({}, "--provider demo", "Price: $0.00 (the demo service is free)"),
    ],
)
def test_dry_run_shows_the_price(
    notebook: Shell, capsys: pytest.CaptureFixture[str], configured: dict[str, float], line: str, price: str
) -> None:
    """The last line is the price as far as it is known without asking."""
    settings.configure(**configured)
    notebook.run(f"%%luma {line} --dry-run\nA sunset")
    assert capsys.readouterr().out.splitlines()[-1] == price


def test_dry_run_of_takes_shows_the_request_once(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """The request is shown once, then what all takes of it come to; no service is asked for anything."""
    settings.configure(acedata_price=0.35)
    notebook.run("%%luma --takes 4 --dry-run\nA calm sea")
    printed = capsys.readouterr().out
    assert printed.count("curl") == 1
    assert printed.splitlines()[-1].startswith("4 takes of this = 4 new videos at $0.35 each: $1.40 (as set in ")
    assert printed.splitlines()[-1].endswith(" or configure(acedata_price=…)).")
    notebook.run("%%luma modify https://example.com/v.mp4 --takes 2 --dry-run\nFog")
    assert "2 takes of this = 2 new videos, price not known: no quote yet; " in capsys.readouterr().out
    assert (service.sent, service.asked) == ([], [])


def test_dry_run_says_what_the_budget_would_refuse(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line says so of one call and of all takes together, in the words of the refusal; not of what is free,
    was asked for before, or has a price that nobody knows yet."""
    settings.configure(acedata_price=0.35, budget=1)
    notebook.run("%%luma --wait\nA calm sea")
    sent = len(service.sent)
    for line, refused in [
        ("--takes 3", "$0.35 so far today, and these 2 calls are $0.70 in all"),
        ("--takes 3 --provider demo", ""),
        ("--aspect-ratio 1:1", ""),
        ("modify https://example.com/v.mp4", ""),
    ]:
        capsys.readouterr()
        notebook.run(f"%%luma {line} --dry-run\nA calm sea")
        assert ("This would pass the budget" in capsys.readouterr().out.splitlines()[-1]) == bool(refused), line
    settings.configure(budget=0.5)
    notebook.run("%%luma --dry-run\nA calm sea")
    assert "budget" not in capsys.readouterr().out
    notebook.run("%%luma --dry-run\nA rough sea")
    assert (
        capsys.readouterr().out.splitlines()[-1].startswith("This would pass the budget of $0.50 a day: $0.35 so far")
    )
    assert len(service.sent) == sent


def test_dry_run_names_the_file_and_uploads_nothing(
    notebook: Shell, filmed: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run shows that a file would be uploaded, and uploads nothing."""
    notebook.user_ns["picture"] = PICTURE
    notebook.run("%%luma --dry-run --start-image picture\nA sunset")
    assert "‹picture, uploaded first›" in capsys.readouterr().out
    assert filmed.uploaded == filmed.sent == []


def test_variables_go_into_the_prompt(notebook: Shell, service: PromptService) -> None:
    """``{{name}}`` inserts a variable; ``$name``, ``{name}`` and format strings are taken literally."""
    notebook.user_ns["place"] = "a quiet {{harbour}}"
    notebook.run("%%luma --wait\nSunrise over {{ place }} and {place}, $place, {} {{1}}")
    assert service.sent[0]["prompt"] == "Sunrise over a quiet {{harbour}} and {place}, $place, {} 1"
    with pytest.raises(InvalidRequest, match=r"nothing in \{\{\}\}"):
        notebook.run("%%luma --wait\nSunrise over {{}}")
    assert len(service.sent) == 1


def test_urls_of_the_line_are_not_expanded(notebook: Shell, service: PromptService) -> None:
    """IPython's own ``$`` and ``{}`` expansion leaves the line alone."""
    notebook.user_ns["x"] = "EXPANDED"
    notebook.run("%%luma --wait --start-image 'https://example.com/$x/{x}.png'\nA sunset")
    assert service.sent[0]["start_image_url"] == "https://example.com/$x/{x}.png"


def test_provider_timeout_and_callback_reach_the_engine(notebook: Shell, service: PromptService) -> None:
    """``--provider``, ``--timeout`` and ``--callback-url`` do what they say."""
    notebook.run("%%luma --wait --provider acedata --callback-url https://example.com/hook\nA sunset")
    assert service.sent[0]["callback_url"] == "https://example.com/hook"
    service.running = True
    with pytest.raises(ClipDetached, match=r"watched for 5 s.*may still run and be billed"):
        notebook.run("%%luma --wait --timeout 5\nA dawn")


def test_a_missing_key_names_its_variable(notebook: Shell) -> None:
    """A real clip whose next service has no key is an error, never silently a simulation."""
    notebook.run("%%luma -o sunset --wait\nA sunset")
    settings.configure(runapi_key=None)
    with pytest.raises(ConfigError, match="RUNAPI_API_KEY"):
        notebook.run("%%luma modify sunset\nFog")


# Takes.


def test_takes_are_one_list_and_one_table(
    notebook: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--takes 3`` makes three videos of one prompt, told before, in a list that the variable holds."""
    service.gate.clear()
    notebook.run("%%luma -o seas --takes 3 --aspect-ratio 1:1\nA calm sea")
    price = "price not known: AceDataCloud has not said it; it bills on success, in credits"
    assert capsys.readouterr().out == f"3 new videos, {price}.\n"
    seas = notebook.user_ns["seas"]
    assert isinstance(seas, ClipList)
    assert [clip.name for clip in seas] == ["seas[0]", "seas[1]", "seas[2]"]
    assert notebook.user_ns["_luma"] is seas[2]
    assert len(notebook.displays.latest()) == 2
    service.gate.set()
    seas.wait()
    final, nothing = notebook.displays.latest()
    assert "3 clips: 3 completed" in final["text/html"]
    assert "generate 1:1, take 3" in final["text/html"]
    assert nothing == NOTHING
    assert len(service.sent) == len({clip.path for clip in seas}) == 3


def test_takes_are_found_again(notebook: Shell, service: PromptService) -> None:
    """After a restart the same cell has the same takes, more of them are more videos, and the first is no other one."""
    notebook.run("%%luma -o seas --takes 2 --wait\nA calm sea")
    paths = [clip.path for clip in notebook.user_ns["seas"]]
    notebook.restart()
    notebook.run("%%luma -o seas --takes 2\nA calm sea")
    assert [clip.path for clip in notebook.user_ns["seas"]] == paths
    notebook.run("%%luma -o sea\nA calm sea")
    assert notebook.user_ns["sea"] is notebook.user_ns["seas"][0]
    assert len(service.sent) == 2
    notebook.run("%%luma -o seas --takes 3 --wait\nA calm sea")
    assert len(service.sent) == 3


def test_waiting_takes_name_the_one_that_failed(notebook: Shell, service: PromptService) -> None:
    """``--wait`` waits for all, shows the final table, and ends with the first one's error and its name."""
    with pytest.raises(ClipFailed, match=r"^For seas\[0\] \(“A \[fail\] sea”\): "):
        notebook.run("%%luma -o seas --takes 2 --wait\nA [fail] sea")
    final, *_ = notebook.displays.latest()
    assert "2 clips: 2 failed" in final["text/html"]


def test_many_takes_are_confirmed(notebook: Shell, service: PromptService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the cell asks as `batch` does, and ``--yes`` says it beforehand."""
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(NotConfirmed, match="the answer was not yes"):
        notebook.run("%%luma -o seas --takes 11\nA calm sea")
    assert "seas" not in notebook.user_ns
    assert service.sent == []
    notebook.run("%%luma -o seas --takes 11 --yes --wait\nA calm sea")
    assert len(service.sent) == 11


def test_a_terminal_waits_for_all_takes(
    terminal: Shell, service: PromptService, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each take's file is printed; without waiting, the table is."""
    terminal.run("%%luma -o seas --takes 2\nA calm sea")
    printed = capsys.readouterr().out
    assert [f"seas[{i}]: “A calm sea” (generate 16:9" in printed for i in range(2)] == [True, True]
    terminal.run("%%luma -o seas --takes 2 --no-wait\nA calm sea")
    assert "seas[1]  generate 16:9, take 2  acedata  completed" in capsys.readouterr().out
