"""A kernel whose cell returned at once, and a server that ends idle ones: by jupyter_server's own judgement.

Nothing waits for its patience: the server's clock of the kernel is put back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from tests.support.misbehaving import Server

pytestmark = pytest.mark.slow

PATIENCE = 3600  # seconds without activity after which the server ends a kernel
LOAD = "%load_ext luma_jupyter"
QUICK = "import luma_jupyter.display.activity as activity; activity.INTERVAL = 0.05"


class Hub:
    """A server's kernels, of which one is running."""

    def __init__(self, manager: AsyncMappingKernelManager, kernel_id: str, client: AsyncKernelClient) -> None:
        self.manager = manager
        self.kernel_id = kernel_id
        self.client = client
        self.kernel: Any = manager.get_kernel(kernel_id)

    async def run(self, cell: str) -> str:
        """Run a cell; what it printed, and its card as text."""
        printed: list[str] = []

        def output(message: dict[str, Any]) -> None:
            content = message["content"]
            assert message["msg_type"] != "error", content
            printed.append(content.get("text") or content.get("data", {}).get("text/plain", ""))

        await self.client.execute_interactive(cell, timeout=60, output_hook=output, allow_stdin=False)
        return "".join(printed)

    async def is_culled(self) -> bool:
        """Whether the server ends the kernel that has done nothing for longer than its patience, a moment later."""
        await asyncio.sleep(0.1)  # what the last cell sent has come
        self.kernel.last_activity -= timedelta(seconds=2 * PATIENCE)
        self.manager.last_kernel_activity = self.kernel.last_activity
        await asyncio.sleep(0.3)
        await self.manager.cull_kernel_if_idle(self.kernel_id)
        return self.kernel_id not in self.manager

    async def is_culled_soon(self) -> bool:
        """Whether the server does so when the last changes of a card have come."""
        for _ in range(20):
            if await self.is_culled():
                return True
        return False


@asynccontextmanager
async def hub(folder: Path, environ: dict[str, str]) -> AsyncIterator[Hub]:
    """A server that ends idle kernels, with a kernel; both end with the block."""
    manager = AsyncMappingKernelManager(root_dir=str(folder), cull_idle_timeout=PATIENCE, cull_interval=PATIENCE)
    kernel_id = await manager.start_kernel(path="", env=environ)
    client = manager.get_kernel(kernel_id).client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        yield Hub(manager, kernel_id, client)
    finally:
        client.stop_channels()
        await manager.shutdown_all(now=True)
        manager.context.destroy(linger=0)


@pytest.fixture
def environ(tmp_path: Path) -> Callable[[Server], dict[str, str]]:
    """The environment of a kernel that uses a service."""
    return lambda server: {
        **os.environ,
        "ACEDATACLOUD_API_TOKEN": "a-key-of-the-service",
        "ACEDATACLOUD_API_BASE_URL": server.url,
        "LUMA_JUPYTER_HOME": str(tmp_path / "home"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }


def test_a_kernel_that_follows_a_clip_is_not_culled_where_the_setting_asks_for_it(
    tmp_path: Path, environ: Callable[[Server], dict[str, str]]
) -> None:
    """The kernel, and the server that a hub would end, count as active while the clip runs; and no longer than that."""

    async def story(server: Server) -> None:
        async with hub(tmp_path, {**environ(server), "LUMA_JUPYTER_KEEP_ACTIVE": "1"}) as server_side:
            await server_side.run(f"{LOAD}\n{QUICK}")
            await server_side.run("%%luma -o boat\nA boat")
            await server_side.run("import time\nwhile boat.status != 'running': time.sleep(0.01)")
            assert not await server_side.is_culled()
            state = server_side.kernel.execution_state
            assert (state, server_side.manager.last_kernel_activity) == ("idle", server_side.kernel.last_activity)
            await server_side.run("boat.stop()")
            assert await server_side.is_culled_soon()

    with Server(seconds=10_000.0) as server:
        asyncio.run(story(server))


def test_a_culled_kernels_clip_is_found_and_resumed(
    tmp_path: Path, environ: Callable[[Server], dict[str, str]]
) -> None:
    """Without the setting the kernel is ended; the next one says so, follows the clip to its end, and paid once."""

    async def story(server: Server) -> None:
        async with hub(tmp_path, environ(server)) as server_side:
            await server_side.run(f"{LOAD}\n{QUICK}")
            await server_side.run("%%luma -o boat\nA boat")
            await server_side.run("import time\nwhile boat.status != 'running': time.sleep(0.01)")
            assert await server_side.is_culled_soon()
        server.seconds = 0.0
        async with hub(tmp_path, environ(server)) as server_side:
            said = await server_side.run(LOAD)
            assert said == "luma_jupyter: 1 clip of this folder is unfinished; %luma resume watches it again.\n"
            await server_side.run("%luma resume")
            assert "completed in" in await server_side.run("boat.wait()")
        assert list((tmp_path / "luma_videos").glob("a-boat-*.mp4"))
        assert len(server.tasks) == 1

    with Server(seconds=10_000.0) as server:
        asyncio.run(story(server))
