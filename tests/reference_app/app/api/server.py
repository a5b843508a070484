# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASGI application, `api.server:app`; run as a file, it serves on port 8000 of all addresses."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

# `python api/server.py` puts api/ on the path, and not the directory that holds it.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import uvicorn
from fastapi import FastAPI

from api import VERSION, chat, health, keys, nodes, streams

# Stands for the loading of a model: uvicorn does not listen before it is over.
START_DELAY = float(os.environ.get("BLYAN_START_DELAY") or 0.0)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    print(f"Blyan API {VERSION} starting", flush=True)
    await asyncio.sleep(START_DELAY)
    yield


app = FastAPI(title="Blyan API", version=VERSION, lifespan=lifespan)
for part in (health, keys, nodes, chat, streams):
    app.include_router(part.router)


@app.get("/")
async def root() -> dict[str, str]:
    return {"name": "Blyan API", "version": VERSION}


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8000)
