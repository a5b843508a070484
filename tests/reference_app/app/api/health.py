# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`GET /health`: whether PostgreSQL and Redis answer. It says so in its body, and is a 200 whatever it says."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import APIRouter

from api import VERSION, db

# Frequent probes share one look at the servers; each look is bounded.
FRESH_S = 0.5
TIMEOUT_S = 2.5

router = APIRouter()
log = logging.getLogger("uvicorn.error")
# Threads of its own: requests that wait for a slow database must not delay the answer that says so.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="health")
_lock = asyncio.Lock()
_states: dict[str, str] = {}
_checked_at = float("-inf")


def _database() -> None:
    connection = db.connect(options="-c statement_timeout=1000")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


def _redis() -> None:
    db.redis_db(0).ping()


async def _look(name: str, probe: Callable[[], None]) -> None:
    try:
        await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(_threads, probe), TIMEOUT_S)
        state = "up"
    except Exception as error:
        state = "down"
        if _states.get(name) != state:
            log.error("%s is down: %s", name, str(error).strip() or f"no answer in {TIMEOUT_S:g} s")
    _states[name] = state


@router.get("/health")
async def health() -> dict[str, Any]:
    global _checked_at
    async with _lock:
        if time.monotonic() - _checked_at > FRESH_S:
            await asyncio.gather(_look("database", _database), _look("redis", _redis))
            _checked_at = time.monotonic()
    status = "healthy"
    if _states["redis"] == "down":
        status = "degraded"
    if _states["database"] == "down":
        status = "unhealthy"
    return {"status": status, "version": VERSION, "components": dict(sorted(_states.items()))}
