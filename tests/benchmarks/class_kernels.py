"""The product's own kernels for a class, all in one process: each has its own journal, budget and folder.

What each is told stands in a plan on standard input: the settings that a student's environment would have, and the
prompts, all asked for at once. The plan is JSON, and so is what is printed.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from luma_jupyter.domain.requests import GenerateRequest
from luma_jupyter.domain.vocabulary import Status
from luma_jupyter.engine.engine import Engine
from luma_jupyter.engine.task_spec import TaskSpec
from luma_jupyter.errors import LumaError
from luma_jupyter.settings import Configuration

PATIENCE = 180.0  # seconds


def kernel(told: dict[str, Any], folder: Path) -> Engine:
    """A kernel that keeps everything in a folder."""
    folder.mkdir(parents=True)
    configuration = Configuration(find_folder=lambda: folder)
    configuration.configure(**told, provider="acedata", home="home")
    return Engine(configuration.current)


def make(engine: Engine, prompt: str, retry_after: float) -> str | None:
    """Ask for a clip, and follow it to its end: its task's id, None where it has no video.

    One that is unconfirmed is retried once after some seconds, as somebody does who clicks on the card's button.
    """
    try:
        handle = engine.submit(engine.plan(TaskSpec(request=GenerateRequest(prompt=prompt), timeout=PATIENCE)))
    except LumaError:
        return None
    task = handle.done.result(PATIENCE)
    if task.status is Status.UNCONFIRMED:
        time.sleep(retry_after)
        task = engine.resume(task.intent, timeout=PATIENCE, resend=True).done.result(PATIENCE)
    return task.task_id if task.status is Status.COMPLETED else None


def main() -> None:
    """Play the kernels, and print what came of each clip."""
    plan = json.load(sys.stdin)
    kernels = [
        (kernel(one["settings"], Path(plan["folder"], str(number))), one["prompts"])
        for number, one in enumerate(plan["kernels"])
    ]
    asked = [(engine, prompt) for engine, prompts in kernels for prompt in prompts]
    together = threading.Barrier(len(asked))

    def ask(engine: Engine, prompt: str) -> str | None:
        together.wait()
        return make(engine, prompt, plan["retry_after"])

    with ThreadPoolExecutor(len(asked)) as pool:
        print(json.dumps(list(pool.map(lambda each: ask(*each), asked))), flush=True)


if __name__ == "__main__":
    main()
