# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call: the header `X-API-Key` holds the master key, or for nodes a key from the database."""

from __future__ import annotations

import hmac
import os
from typing import Annotated

from fastapi import Header, HTTPException

from api import db

# The previous key is accepted beside the new one for as long as it is set.
_KEYS = (os.environ.get(name, "") for name in ("API_MASTER_KEY", "API_MASTER_KEY_PREVIOUS"))
MASTER_KEYS = [key.encode() for key in _KEYS if key]

ApiKey = Annotated[str, Header(alias="X-API-Key")]


def _is_master(key: str) -> bool:
    # Not any(): it takes as long for the first of them as for the last.
    return sum(hmac.compare_digest(key.encode(), master) for master in MASTER_KEYS) > 0


def _is_active(key: str) -> bool:
    with db.transaction() as cursor:
        cursor.execute("SELECT 1 FROM api_keys WHERE key_value = %s AND is_active", (key,))
        return cursor.fetchone() is not None


def admin(key: ApiKey = "") -> None:
    if not _is_master(key):
        raise HTTPException(401, "Invalid or missing API key")


def any_key(key: ApiKey = "") -> None:
    if not key or not (_is_master(key) or _is_active(key)):
        raise HTTPException(401, "Invalid or missing API key")
