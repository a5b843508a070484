# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single API keys. Errors come out as the API's clients know them: whatever went wrong is a 500 that quotes it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, Depends, HTTPException

from api import auth, db

# Days after which a key of that type is due; 0 for never.
ROTATION_DAYS = {"api_key": 90, "encryption_key": 365, "signing_key": 180, "genesis_key": 0}
LISTED = (
    "key_id", "key_type", "description", "is_active", "created_at", "last_rotated", "rotation_interval_days",
)  # fmt: skip

router = APIRouter(prefix="/keys", dependencies=[Depends(auth.admin)])


@contextmanager
def failing_as(action: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise HTTPException(500, f"Failed to {action}: {error}") from error


def _days_left(key: dict[str, Any], now: float) -> int | None:
    if not key["rotation_interval_days"]:
        return None
    due = key["last_rotated"] + key["rotation_interval_days"] * 86400
    return max(0, int((due - now) / 86400))


@router.get("/list")
def list_keys(key_type: str | None = None) -> dict[str, Any]:
    with failing_as("list keys"), db.transaction() as cursor:
        if key_type is not None and key_type not in ROTATION_DAYS:
            raise HTTPException(400, f"Invalid key type. Valid types: {list(ROTATION_DAYS)}")
        cursor.execute(
            "SELECT key_id, key_type, description, is_active, extract(epoch FROM created_at)::float8,"
            " extract(epoch FROM last_rotated)::float8, rotation_interval_days, extract(epoch FROM now())::float8"
            " FROM api_keys WHERE %(type)s IS NULL OR key_type = %(type)s ORDER BY created_at DESC, key_id",
            {"type": key_type},
        )
        keys = []
        for *values, now in cursor:
            key = dict(zip(LISTED, values, strict=True))
            days = _days_left(key, now)
            keys.append({**key, "days_until_rotation": days, "rotation_needed": days == 0})
    return {
        "keys": keys,
        "total_keys": len(keys),
        "key_types": sorted({key["key_type"] for key in keys}),
        "keys_needing_rotation": sum(key["rotation_needed"] for key in keys),
    }


@router.post("/create")
def create_key(key_type: str, description: str) -> dict[str, Any]:
    with failing_as("create key"), db.transaction() as cursor:
        if key_type not in ROTATION_DAYS:
            raise HTTPException(400, f"Invalid key type. Valid types: {list(ROTATION_DAYS)}")
        key_id, key_value = f"{key_type}_{secrets.token_hex(8)}", secrets.token_urlsafe(32)
        cursor.execute(
            "INSERT INTO api_keys (key_id, key_type, key_value, description, rotation_interval_days)"
            " VALUES (%s, %s, %s, %s, %s)",
            (key_id, key_type, key_value, description, ROTATION_DAYS[key_type]),
        )
    return {
        "success": True,
        "key_id": key_id,
        "key_value": key_value,
        "key_type": key_type,
        "description": description,
        "message": f"Secure key {key_id} created successfully",
        "warning": "Store this key securely - it will not be shown again!",
    }


@router.post("/{key_id}/rotate")
def rotate_key(key_id: str) -> dict[str, Any]:
    with failing_as("rotate key"), db.transaction() as cursor:
        value = secrets.token_urlsafe(32)
        cursor.execute(
            "UPDATE api_keys SET key_value = %s, last_rotated = now() WHERE key_id = %s AND key_type <> 'genesis_key'",
            (value, key_id),
        )
        if not cursor.rowcount:
            raise HTTPException(404, f"Key {key_id} not found or cannot be rotated")
    return {
        "success": True,
        "key_id": key_id,
        "new_key_value": value,
        "message": f"Key {key_id} rotated successfully",
        "warning": "Update all systems using this key with the new value!",
    }


@router.post("/{key_id}/revoke")
def revoke_key(key_id: str) -> dict[str, Any]:
    with failing_as("revoke key"), db.transaction() as cursor:
        cursor.execute("UPDATE api_keys SET is_active = false WHERE key_id = %s", (key_id,))
        if not cursor.rowcount:
            raise HTTPException(404, f"Key {key_id} not found")
    return {
        "success": True,
        "key_id": key_id,
        "message": f"Key {key_id} revoked successfully",
        "warning": "All systems using this key will now fail authentication!",
    }


@router.get("/{key_id}/retrieve")
def retrieve_key(key_id: str) -> dict[str, Any]:
    with failing_as("retrieve key"), db.transaction() as cursor:
        cursor.execute("SELECT key_value FROM api_keys WHERE key_id = %s AND is_active", (key_id,))
        found = cursor.fetchone()
        if found is None:
            raise HTTPException(404, f"Key {key_id} not found or inactive")
    return {
        "success": True,
        "key_id": key_id,
        "key_value": found[0],
        "warning": "This key value is sensitive - ensure secure transmission!",
    }
