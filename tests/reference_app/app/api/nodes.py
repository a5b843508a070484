# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPU nodes that take work. They are known to this process only: a new one starts with none."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel

from api import auth

# None where the coordinator did not come up.
registry: dict[str, dict[str, Any]] | None = {}


class Node(BaseModel):
    node_id: str
    host: str
    port: int
    available_experts: list[str]
    donor_mode: bool = False


def coordinator() -> dict[str, dict[str, Any]]:
    if registry is None:
        raise HTTPException(500, "Distributed coordinator not initialized")
    return registry


Registry = Annotated[dict[str, dict[str, Any]], Depends(coordinator)]
router = APIRouter(prefix="/p2p", dependencies=[Depends(auth.any_key)])


@router.get("/nodes")
async def list_nodes(nodes: Registry) -> dict[str, Any]:
    donors = sum(node["donor_mode"] for node in nodes.values())
    return {
        "nodes": list(nodes.values()),
        "total_nodes": len(nodes),
        "donor_nodes": donors,
        "donor_percentage": round(100 * donors / len(nodes), 1) if nodes else 0,
    }


@router.post("/register")
async def register(node: Node, nodes: Registry) -> dict[str, Any]:
    nodes[node.node_id] = {
        "node_id": node.node_id,
        # Behind a tunnel, a node gives a whole URL as its host.
        "endpoint": node.host if node.host.startswith("http") else f"http://{node.host}:{node.port}",
        "available_experts": node.available_experts,
        "load_factor": 0.0,
        "last_heartbeat": time.time(),
        "donor_mode": node.donor_mode,
    }
    return {
        "status": "success",
        "message": f"Node {node.node_id} registered successfully",
        "registered_experts": len(node.available_experts),
        "donor_mode": node.donor_mode,
    }


@router.post("/heartbeat/{node_id}")
async def heartbeat(
    node_id: str, nodes: Registry, load_factor: Annotated[float, Query(ge=0, le=1)] = 0.0
) -> dict[str, Any]:
    if node_id not in nodes:
        raise HTTPException(404, f"Node {node_id} is not registered")
    nodes[node_id].update(load_factor=load_factor, last_heartbeat=time.time())
    return {"status": "heartbeat_received", "node_id": node_id, "load_factor": load_factor}


@router.delete("/nodes/{node_id}")
async def unregister(node_id: str, nodes: Registry) -> dict[str, str]:
    # At once, and for a node that is not known too: all it does is that no more work is sent.
    nodes.pop(node_id, None)
    return {"status": "success", "message": f"Node {node_id} unregistered"}
