"""The compose file: its form, and that the gateway understands what stands in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from luma_jupyter.gateway import command
from tests.gateway.test_command import run as run  # a fixture

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "deploy" / "compose.yaml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, with what it repeats put in."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return read


def test_all_services_are_there_and_what_they_name(compose: dict[str, Any]) -> None:
    """Each secret is a file that is named, each volume is declared, and who needs PostgreSQL waits for it."""
    services = compose["services"]
    assert set(services) == {"postgres", "gateway", "worker"}
    for name, service in services.items():
        assert service["restart"] == "always"
        assert set(service["secrets"]) <= set(compose["secrets"])
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        if name != "postgres":
            assert service["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    """No variable of any service is one: they would be in `docker inspect`, too."""
    variables = {name for service in compose["services"].values() for name in service["environment"]}
    secret = ("TOKEN", "KEY", "PASSWORD", "DATABASE")
    assert [name for name in variables if name.endswith(secret)] == []


def test_who_answers_is_asked_whether_it_works(compose: dict[str, Any]) -> None:
    """PostgreSQL by its own program, the gateway by /health, at the port and the path that it is given."""
    services = compose["services"]
    gateway = services["gateway"]
    host, _, port = gateway["environment"]["LUMA_GATEWAY_LISTEN"].partition(":")
    assert host == "0.0.0.0"
    printed = command.hub_configuration("https://hub.example", "luma", "films", "teacher")
    assert 'url = "https://hub.example/services/luma"' in printed
    assert f"http://127.0.0.1:{port}/services/luma/health" in gateway["healthcheck"]["test"][-1]
    compile(gateway["healthcheck"]["test"][-1], "healthcheck", "exec")
    assert gateway["ports"] == [f"127.0.0.1:{port}:{port}"]  # nobody from outside goes round the Hub
    assert services["postgres"]["healthcheck"]["test"][1] == "pg_isready"
    assert "ports" not in services["postgres"]


def test_commands_and_variables_are_those_of_the_gateway(
    compose: dict[str, Any], run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replicas without workers, and a worker: as `luma-gateway` takes them."""
    seen: list[Any] = []

    async def work(settings: Any) -> None:
        seen.append("worker")

    monkeypatch.setattr(command, "work", work)
    monkeypatch.setattr(command, "_supervise", lambda settings, listening, environ: seen.append(settings))
    services = compose["services"]
    for name in ("gateway", "worker"):
        for variable, value in services[name]["environment"].items():
            monkeypatch.setenv(variable, str(value).replace("0.0.0.0:8070", "127.0.0.1:0"))
        assert run(*services[name]["command"]) == 0
    settings, worker = seen
    assert (settings.replicas, settings.workers, settings.log_format, worker) == (2, 0, "json", "worker")


def test_gateway_has_time_to_end(compose: dict[str, Any]) -> None:
    """Longer than its own patience with what is under way."""
    assert compose["services"]["gateway"]["stop_grace_period"] == "2m"
    assert command.serve.DRAIN_SECONDS < 120


@pytest.mark.slow
def test_docker_takes_the_file(tmp_path: Path) -> None:
    """As Compose itself reads it, where there is one."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        pytest.skip("there is no Docker Compose on this machine")
    done = subprocess.run(
        ["docker", "compose", "--file", FILE, "config", "--quiet"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
