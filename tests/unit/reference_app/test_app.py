# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app as uvicorn runs it, without its servers: it starts, and says what it lacks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from reference_app.make_repo import APP

KEY = {"X-API-Key": "the-master-key"}
NOWHERE = {
    # Port 1 refuses at once.
    "DATABASE_URL": "postgresql://blyan:secret@127.0.0.1:1/blyandb",
    "REDIS_URL": "redis://:secret@127.0.0.1:1/0",
    "API_MASTER_KEY": KEY["X-API-Key"],
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass
class Running:
    client: httpx.Client
    out: Path
    err: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    place = tmp_path_factory.mktemp("app")
    socket, out, err = place / "app.sock", place / "out", place / "err"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "api.server:app", "--uds", str(socket)],
            cwd=APP,
            env={**os.environ, **NOWHERE},
            stdout=stdout,
            stderr=stderr,
        )
    try:
        deadline = time.monotonic() + 30
        while "Uvicorn running" not in err.read_text():
            assert process.poll() is None, err.read_text()
            assert time.monotonic() < deadline, err.read_text()
            time.sleep(0.02)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://app") as client:
            yield Running(client, out, err)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def test_health_is_a_200_that_says_unhealthy(running: Running) -> None:
    answer = running.client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "unhealthy",
        "version": "2.0.0",
        "components": {"database": "down", "redis": "down"},
    }
    assert "database is down: connection to server" in running.err.read_text()
    assert "secret" not in running.err.read_text()


def test_it_says_its_version(running: Running) -> None:
    assert running.client.get("/").json()["version"] == "2.0.0"
    lines = running.out.read_text().splitlines()
    assert lines[0] == "Blyan API 2.0.0 starting"
    assert any('"GET / HTTP/1.1" 200' in line for line in lines[1:])


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "wrong"}])
def test_keys_want_the_master_key(running: Running, headers: dict[str, str]) -> None:
    assert running.client.get("/keys/list", headers=headers).status_code == 401


def test_what_fails_with_a_key_is_a_500_that_quotes_it(running: Running) -> None:
    answer = running.client.post("/keys/some_key/rotate", headers=KEY)
    assert answer.status_code == 500
    assert answer.json()["detail"].startswith("Failed to rotate key: connection to server")


def test_nodes_come_and_go(running: Running) -> None:
    node = {"node_id": "gpu_node_a", "host": "192.0.2.7", "port": 8001, "available_experts": ["layer_0"]}
    registered = running.client.post("/p2p/register", json={**node, "hardware_info": {}}, headers=KEY)
    assert registered.json()["status"] == "success"
    assert running.client.post("/p2p/heartbeat/gpu_node_a?load_factor=0.5", headers=KEY).status_code == 200
    listed = running.client.get("/p2p/nodes", headers=KEY).json()
    assert listed["total_nodes"] == 1
    assert listed["nodes"][0]["endpoint"] == "http://192.0.2.7:8001"
    assert listed["nodes"][0]["load_factor"] == 0.5
    for node_id in ("gpu_node_a", "never_seen"):
        assert running.client.delete(f"/p2p/nodes/{node_id}", headers=KEY).json()["status"] == "success"
    assert running.client.get("/p2p/nodes", headers=KEY).json()["nodes"] == []
    assert running.client.post("/p2p/heartbeat/gpu_node_a", headers=KEY).status_code == 404


def test_a_stream_is_numbered_and_says_its_end(running: Running) -> None:
    text = running.client.get("/stream?seconds=0.05&interval=0.01").text
    blocks = text.strip().split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [*(f"id: {n}" for n in range(1, 6)), "event: done"]


def test_chat_needs_the_database(running: Running) -> None:
    assert running.client.post("/chat?ms=1").status_code == 503


@pytest.mark.parametrize("arguments", [[], ["--print-schema"]])
@pytest.mark.parametrize(
    ("url", "reason"), [("", "DATABASE_URL is not set"), (NOWHERE["DATABASE_URL"], "migrations failed: connection")]
)
def test_migrations_that_cannot_run_exit_1(arguments: list[str], url: str, reason: str) -> None:
    run = subprocess.run(
        [sys.executable, "scripts/migrate_db.py", *arguments],
        cwd=APP,
        env={**os.environ, "DATABASE_URL": url},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert reason in run.stderr
    assert "secret" not in run.stderr
