"""A real Jupyter kernel in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager


class Kernel:
    """A kernel with the extension loaded; ``run`` a cell and get its output as one text."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(self, code: str, *, meanwhile: Callable[[], None] | None = None) -> str:
        """Run a cell; ``meanwhile`` is called when the cell has printed something."""
        pieces: list[str] = []
        pending = [meanwhile] if meanwhile else []

        def output(message: dict[str, Any]) -> None:
            content = message["content"]
            match message["msg_type"]:
                case "stream":
                    pieces.append(content["text"])
                    if pending:
                        pending.pop()()
                case "error":
                    pieces.append("\n".join(content["traceback"]))
                case "execute_result" | "display_data":
                    pieces.append(content["data"]["text/plain"])

        self.client.execute_interactive(code, timeout=60, output_hook=output, allow_stdin=False, stop_on_error=False)
        return "".join(pieces)
