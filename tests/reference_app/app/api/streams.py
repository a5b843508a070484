# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`GET /stream`: server-sent events, numbered from 1; the event `done` tells an end from a cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api import VERSION

router = APIRouter()


async def _events(seconds: float, interval: float) -> AsyncIterator[str]:
    count = max(1, round(seconds / interval))
    for number in range(1, count + 1):
        yield f"id: {number}\ndata: {json.dumps({'token': number, 'version': VERSION})}\n\n"
        await asyncio.sleep(interval)
    yield f"event: done\ndata: {json.dumps({'tokens': count})}\n\n"


@router.get("/stream")
async def stream(
    seconds: Annotated[float, Query(ge=0, le=3600)] = 12.0,
    interval: Annotated[float, Query(ge=0.01, le=60)] = 0.5,
) -> StreamingResponse:
    return StreamingResponse(
        _events(seconds, interval), media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )
