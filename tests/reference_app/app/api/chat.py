# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that take their time, and what is counted of them: the free tier and the leaderboard."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Annotated, Any

import psycopg2
import redis
from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.concurrency import run_in_threadpool

from api import VERSION, db

LEADERBOARD_FOR_S = 10

router = APIRouter()
log = logging.getLogger("uvicorn.error")
Address = Annotated[str, Header(alias="X-User-Address", max_length=100)]


def _count(address: str) -> int | None:
    """Requests of this user today. Without Redis they are not counted, and served all the same."""
    try:
        pipeline = db.redis_db(db.FREE_TIER_DB).pipeline()
        pipeline.incr(f"free_tier:{address}")
        pipeline.expire(f"free_tier:{address}", 86400)
        return int(pipeline.execute()[0])
    except redis.RedisError as error:
        log.error("free tier not counted: %s", error)
        return None


def _record(address: str) -> None:
    with db.transaction() as cursor:
        cursor.execute("INSERT INTO usage (address) VALUES (%s)", (address,))


@router.post("/chat")
async def chat(ms: Annotated[int, Query(ge=0, le=600_000)] = 0, address: Address = "anonymous") -> dict[str, Any]:
    await asyncio.sleep(ms / 1000)
    try:
        await run_in_threadpool(_record, address)
    except psycopg2.Error as error:
        log.error("usage not recorded: %s", error)
        raise HTTPException(503, "The database is not available") from error
    used = await run_in_threadpool(_count, address)
    return {"answer": f"answered after {ms} ms", "version": VERSION, "used_today": used}


@router.get("/free-tier")
def free_tier(address: Address = "anonymous") -> dict[str, Any]:
    try:
        used = db.redis_db(db.FREE_TIER_DB).get(f"free_tier:{address}")
    except redis.RedisError as error:
        raise HTTPException(503, "Redis is not available") from error
    return {"address": address, "used_today": int(used or 0)}


@router.get("/leaderboard")
def leaderboard() -> dict[str, Any]:
    """The most active users: from the cache, or from the database when Redis has nothing."""
    cache = db.redis_db(db.LEADERBOARD_DB)
    try:
        if cached := cache.get("leaderboard"):
            return {"leaders": json.loads(cached), "cached": True}
        with db.transaction() as cursor:
            cursor.execute("SELECT address, count(*) FROM usage GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10")
            leaders = [{"address": address, "requests": requests} for address, requests in cursor]
        cache.set("leaderboard", json.dumps(leaders), ex=LEADERBOARD_FOR_S)
    except (psycopg2.Error, redis.RedisError) as error:
        raise HTTPException(503, "The leaderboard is not available") from error
    return {"leaders": leaders, "cached": False}
