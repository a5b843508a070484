# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.blyan.ops.plugins.plugin_utils import app_urls


class FilterModule:
    """The filters in this file; each is documented in a file of its name."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"database_url": app_urls.database_url, "redis_url": app_urls.redis_url}
