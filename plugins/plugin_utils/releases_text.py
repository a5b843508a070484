# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releases as people read them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def deploy_summary(found: Mapping[str, Any], switched: Mapping[str, Any], check: bool) -> list[str]:
    """What a deploy, rollback or restart did, and how to go back.

    Args:
        found: what ``release_info`` returned before anything changed.
        switched: what ``traffic`` returned; empty where there was nothing to do.
        check: whether it was check mode.
    """
    before = found.get("live")
    if not switched.get("live"):
        return [f"nothing to do: {_name(before)} is live and healthy", _since(before)]
    now = switched["live"]
    if check:
        return [f"would serve {_name(now)}", f"in place of {_name(before)}"]
    text = [f"serves {_name(now)} from {now['slot']}", _since(now)]
    if before and before["id"] != now["id"]:
        text.append(f"replaced {_name(before)}")
        across = _across(before, now)
        # The commit, and not the id, which another host has not; and the playbook's name that works everywhere.
        back = f"ansible-playbook blyan.ops.rollback -e deploy_rollback_to={before['commit'][:7]}"
        text.append(f"go back: {back}" + (f" -e deploy_rollback_across_migrations=true ({across})" if across else ""))
    elif before:
        text.append(f"started anew; it served from {before['slot']} before")
    return text


def release_table(found: Mapping[str, Any]) -> list[str]:
    """All releases of a host, newest first, as lines of a table; the live one is marked."""
    live = found.get("live") or {}
    rows = [("", "RELEASE", "VERSION", "STATE", "SCHEMA", "LIVE SINCE", "BY", "")]
    for release in reversed(found["releases"]):
        state = f"{release['state']}, pruned" if release["pruned"] and release["state"] == "good" else release["state"]
        mark = "*" if release["id"] == live.get("id") else ""
        error = str(release["error"]).split("\n", maxsplit=1)[0][:60]
        by = release["live_by"] or release["created_by"]
        schema = release["schema_after"][:16]
        rows.append((mark, release["id"], release["version"][:24], state, schema, release["live_since"], by, error))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    head = f"{_name(live)} serves from {live['slot']}" if live else "nothing is live"
    slots = [
        f"{name}: {slot['state']}, {slot['health']}" + (f", release {slot['release']}" if slot["release"] else "")
        for name, slot in found["slots"].items()
    ]
    holder = found.get("holder")
    lock = [f"lock: {holder['what']} by {holder['who']} since {holder['since']}"] if holder else []
    return [head, *table, *slots, *lock]


def _across(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What makes a rollback from one to the other be refused unless it is forced; empty for nothing."""
    made_for, has = before.get("schema_after"), now.get("schema_after")
    if not made_for or not has or made_for == has or made_for in now["schema_compatible"].split():
        return ""
    return f"it was deployed with schema {made_for}, and the database has {has}"


def _name(release: Mapping[str, Any] | None) -> str:
    return f"{release['id']} ({release['version']})" if release else "no release"


def _since(release: Mapping[str, Any] | None) -> str:
    return f"since {release['live_since']} by {release['live_by']}" if release else ""
