# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the app's health says; 200 alone says nothing, as the app answers it while it is unhealthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .web import Answer, Unanswered, get


@dataclass(frozen=True)
class Health:
    """One look at the health of the app.

    Args:
        good: whether it can serve.
        says: what it said, or why it said nothing, for people.
        release: the release that answered, from its own header; empty where it does not tell.
        slot: the slot that answered, likewise.
    """

    good: bool
    says: str
    release: str = ""
    slot: str = ""


def judge(answer: Answer, statuses: Sequence[str]) -> Health:
    """Read an answer of the health path.

    Args:
        answer: what came back.
        statuses: values of ``status`` in the JSON body that count as good; empty where 200 is enough.
    """
    release = answer.headers.get("x-blyan-release", "")
    slot = answer.headers.get("x-blyan-slot", "")
    if answer.status != 200:
        text = answer.body[:200].decode(errors="replace").strip()
        return Health(False, f"HTTP {answer.status} {text}".strip(), release, slot)
    if not statuses:
        return Health(True, "HTTP 200", release, slot)
    body = answer.json()
    status = body.get("status") if isinstance(body, dict) else None
    if not isinstance(status, str):
        return Health(False, "HTTP 200 with a body that has no status", release, slot)
    return Health(status in statuses, f"HTTP 200 with status {status}", release, slot)


def look(
    url: str, statuses: Sequence[str], *, unix_socket: str = "", timeout: float = 5.0, validate_certs: bool = True
) -> Health:
    """Ask for the health once; no answer is bad health, not an error."""
    try:
        answer = get(url, timeout=timeout, unix_socket=unix_socket, validate_certs=validate_certs)
    except Unanswered as error:
        return Health(False, f"no answer ({error})")
    return judge(answer, statuses)
