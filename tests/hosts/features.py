"""All that a person does in a notebook, done in a real kernel; run by a host's own Python, which has no tests of ours.

``python features.py RESULTS`` writes a JSON object into that file: for each feature, in order, what became of it. The
demo service makes the videos, in its shortest time.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SECONDS = 60  # in which a cell has to end
# Warnings that are attributed to us, and what is left to the collector, are noted wherever they are raised.
NOTE_WARNINGS = """
import warnings
noted = []
def note(message, category, filename, *rest, **more):
    if "luma_jupyter" in filename or issubclass(category, ResourceWarning):
        noted.append(f"{filename}: {message}")
warnings.simplefilter("always")
warnings.showwarning = note
"""


class Notebook:
    """A kernel, and what its cells showed."""

    def __init__(self, folder: str) -> None:
        own = {
            "IPYTHONDIR": f"{folder}/ipython",
            "LUMA_JUPYTER_HOME": f"{folder}/home",
            "LUMA_JUPYTER_PROVIDER": "demo",
            "LUMA_JUPYTER_DEMO_SECONDS": "0",
        }
        self._manager, self._client = start_new_kernel(cwd=folder, env={**os.environ, **own}, stderr=subprocess.DEVNULL)

    def run(self, cell: str) -> list[dict[str, Any]]:
        """The mimebundles that a cell showed, what it printed among them as text; raises its error."""
        shown, error = self.outcome(cell)
        if error:
            raise RuntimeError(error)
        return shown

    def outcome(self, cell: str, on_print: Callable[[], object] = lambda: None) -> tuple[list[dict[str, Any]], str]:
        """What a cell showed, and its error; ``on_print`` is called when it prints."""
        shown: list[dict[str, Any]] = []
        errors: list[str] = []

        def output(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                shown.append({"text/plain": content["text"]})
                on_print()
            elif message["msg_type"] == "error":
                errors.append("\n".join(content["traceback"]) or content["evalue"])
            elif "data" in content and message["msg_type"] not in ("comm_open", "update_display_data"):  # of this cell
                shown.append(content["data"])

        self._client.execute_interactive(
            cell,
            timeout=SECONDS,
            output_hook=output,
            allow_stdin=False,
            stop_on_error=False,  # else the kernel may refuse the next cell, which comes at once
        )
        return shown, "".join(errors)

    def text(self, cell: str) -> str:
        """What a cell showed, as text."""
        return "".join(data.get("text/plain", "") for data in self.run(cell)).strip()

    def value(self, expression: str) -> str:
        """The value of an expression, printed."""
        return self.text(f"print({expression})")

    def until(self, expression: str) -> None:
        """Wait until an expression is true, which takes no more than a moment."""
        deadline = time.monotonic() + SECONDS
        while self.value(expression) != "True":
            assert time.monotonic() < deadline, f"never: {expression}"
            time.sleep(0.05)

    def completions(self, line: str) -> list[str]:
        """The whole line as each completion would leave it."""
        self._client.complete(line, len(line))
        found = self._client.get_shell_msg(timeout=SECONDS)["content"]
        return [line[: found["cursor_start"]] + match for match in found["matches"]]

    def say(self, model_id: str, content: dict[str, Any]) -> None:
        """Send a widget a message of its page."""
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": model_id, "data": data})
        self._client.shell_channel.send(message)

    def interrupt(self) -> None:
        """Interrupt the running cell, shortly after it began to wait."""
        time.sleep(0.3)
        self._manager.interrupt_kernel()

    def close(self) -> None:
        """End the kernel."""
        self._client.stop_channels()
        self._manager.shutdown_kernel()


def live(shown: list[dict[str, Any]]) -> str:
    """What became of something that lives where the page can show widgets."""
    if any(WIDGET_VIEW in data for data in shown):
        return "works"
    assert any("text/html" in data for data in shown), shown
    return "falls back to plain HTML"


def model_id(shown: list[dict[str, Any]]) -> str:
    """The widget model among what a cell showed."""
    return str(next(data[WIDGET_VIEW]["model_id"] for data in shown if WIDGET_VIEW in data))


def load(notebook: Notebook) -> str:
    notebook.run(NOTE_WARNINGS)
    assert notebook.text("%load_ext luma_jupyter\nimport luma_jupyter as luma") == ""
    return "works"


def generate(notebook: Notebook) -> str:
    return live(notebook.run("%%luma -o sunset\nA sunset over the sea"))


def extend(notebook: Notebook) -> str:
    return live(notebook.run("%%luma extend sunset -o longer\nThe night falls"))


def modify(notebook: Notebook) -> str:
    return live(notebook.run("%%luma modify longer -o foggy --watermark\nA foggy morning"))


def wait(notebook: Notebook) -> str:
    notebook.run("%luma wait foggy\nsunset.wait(); longer.wait()")
    shown = notebook.run("foggy")
    assert any("<video src=" in data.get("text/html", "") for data in shown), shown
    return "works"


def await_(notebook: Notebook) -> str:
    assert notebook.text("boat = await luma.generate('A paper boat')\nprint(boat.status)") == "completed"
    return "works"


def interrupt(notebook: Notebook) -> str:
    notebook.run("luma.configure(demo_seconds=60)")
    notebook.run("%%luma -o slow\nA slow river")
    notebook.until("slow.status == 'running'")
    _, error = notebook.outcome("print('waiting')\nslow.wait()", on_print=notebook.interrupt)
    assert "Interrupted: slow is still being watched" in error, error
    status = notebook.value("slow.status")
    assert status == "running", status
    return "works"


def button(notebook: Notebook) -> str:
    shown = notebook.run("slow")
    if live(shown) != "works":
        return "told to say %luma stop"
    notebook.say(model_id(shown), {"do": "stop"})
    notebook.until("slow.status == 'detached'")
    notebook.run("luma.configure(demo_seconds=0)")
    return "works"


def completion(notebook: Notebook) -> str:
    for line, expected in (
        ("%%luma ext", ["%%luma extend"]),
        ("%%luma --aspect-ratio 9:", ["%%luma --aspect-ratio 9:16", "%%luma --aspect-ratio 9:21"]),
        ("%%luma --end-image sunset@l", ["%%luma --end-image sunset@last"]),
        ("%luma sta", ["%luma status"]),
    ):
        assert sorted(notebook.completions(line)) == expected, notebook.completions(line)
    return "works"


def batch(notebook: Notebook) -> str:
    became = live(notebook.run("boats = luma.batch(['A kite', 'A mill'], yes=True)\nboats"))
    assert notebook.text("boats.wait()\nprint([clip.status for clip in boats])").endswith("['completed', 'completed']")
    return became


def gallery(notebook: Notebook) -> str:
    return live(notebook.run("luma.gallery()"))


def compare(notebook: Notebook) -> str:
    return live(notebook.run("luma.compare(sunset, foggy)"))


def studio(notebook: Notebook) -> str:
    became = live(notebook.run("studio = luma.Studio(prompt='A lighthouse', out='light')\nstudio"))
    notebook.run("studio.form.submit()")
    assert notebook.value("light.wait().status") == "completed"
    notebook.say(notebook.value("studio.form.model_id"), {"do": "gone"})
    notebook.until("studio.box.comm is None")
    return became


def doctor(notebook: Notebook) -> str:
    assert "luma_jupyter 1" in notebook.text("%luma doctor")
    return "works"


def frames(notebook: Notebook) -> str:
    notebook.run("picture = sunset.frame('last')")
    assert notebook.value("picture.size, sunset.frames(3).shape") == "(640, 360) (3, 360, 640, 3)"
    assert notebook.text("sunset.extend('It goes on', end_image=picture).wait().status") == "'completed'"
    return "works"


def history(notebook: Notebook) -> str:
    assert "sunset" in notebook.text("past = %luma history\npast")
    assert notebook.value("{'prompt', 'status'} <= set(past.dataframe())") == "True"
    return "works"


def unload(notebook: Notebook) -> str:
    notebook.run("%unload_ext luma_jupyter")
    assert notebook.value("get_ipython().find_cell_magic('luma')") == "None"
    assert "%%luma extend" not in notebook.completions("%%luma ext")
    return "works"


def reload(notebook: Notebook) -> str:
    notebook.run("%reload_ext luma_jupyter\n%reload_ext luma_jupyter")
    assert notebook.completions("%%luma ext") == ["%%luma extend"]
    notebook.run("%%luma -o again --wait\nA sunset over the sea")
    assert notebook.value("again is sunset") == "True"
    return "works"


def no_warning(notebook: Notebook) -> str:
    noted = notebook.value("noted")
    assert noted == "[]", noted
    return "works"


FEATURES: dict[str, Callable[[Notebook], str]] = {
    "load": load,
    "generate": generate,
    "extend": extend,
    "modify": modify,
    "wait": wait,
    "await": await_,
    "interrupt": interrupt,
    "stop button": button,
    "completion": completion,
    "batch": batch,
    "gallery": gallery,
    "compare": compare,
    "studio": studio,
    "doctor": doctor,
    "frames": frames,
    "history": history,
    "unload": unload,
    "reload": reload,
    "no warning of ours": no_warning,
}


def main(results: Path) -> None:
    """Try one feature after the other, and write down what became of each."""
    became: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="luma_jupyter_host_") as folder:
        notebook = Notebook(folder)
        try:
            for name, feature in FEATURES.items():
                try:
                    became[name] = feature(notebook)
                except Exception as error:  # what becomes of the others is to be known, too
                    became[name] = f"fails: {str(error).strip() or repr(error)}"
        finally:
            notebook.close()
    results.write_text(json.dumps(became), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
