# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the app's health says; 200 alone says nothing, as the app answers it while it is unhealthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import envfile
from .web import Answer, Unanswered, get

_LONGEST = 200


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


def judge(answer: Answer, statuses: Sequence[str], hidden: Sequence[str] = ()) -> Health:
    """Read an answer of the health path.

    Args:
        answer: what came back.
        statuses: values of ``status`` in the JSON body that count as good; empty where 200 is enough.
        hidden: secrets that must not be quoted, longest first.
    """
    release = answer.headers.get("x-blyan-release", "")
    slot = answer.headers.get("x-blyan-slot", "")
    if answer.status != 200:
        return Health(False, quoted(answer, hidden), release, slot)
    if not statuses:
        return Health(True, "HTTP 200", release, slot)
    body = answer.json()
    status = body.get("status") if isinstance(body, dict) else None
    if not isinstance(status, str):
        return Health(False, "HTTP 200 with a body that has no status", release, slot)
    shown = _begin(_without(hidden, status)) or "that cannot be shown"
    return Health(status in statuses, f"HTTP 200 with status {shown}", release, slot)


def quoted(answer: Answer, hidden: Sequence[str]) -> str:
    """An answer in one line for people: its status, and its body where that is JSON or a line of text.

    Args:
        answer: what came back.
        hidden: secrets, longest first; an app that is sick may tell of its database with the password.
    """
    # Before anything else, as a part of a secret would not be known for one.
    text = _without(hidden, answer.body.decode(errors="replace")).strip()
    if answer.json() is not None:
        text = " ".join(text.split())
    # A page of a proxy or framework says to people no more than its status.
    return f"HTTP {answer.status} {'' if text.startswith('<') else _begin(text)}".strip()


def _without(hidden: Sequence[str], text: str) -> str:
    (shown,) = envfile.redact([text], hidden)
    return shown


def _begin(text: str) -> str:
    """The begin of a line of text; empty where it is several, or has characters that no terminal should be sent."""
    begin = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return begin if text.isprintable() else ""


def look(
    url: str, statuses: Sequence[str], *, unix_socket: str = "", timeout: float = 5.0, validate_certs: bool = True
) -> Health:
    """Ask for the health once; no answer is bad health, not an error. No secret of the app is in what it says."""
    hidden = envfile.secrets_of_slots()
    try:
        answer = get(url, timeout=timeout, unix_socket=unix_socket, validate_certs=validate_certs)
    except Unanswered as error:
        why = _begin(_without(hidden, str(error)).strip())
        return Health(False, f"no answer ({why or 'it was not HTTP'})")
    return judge(answer, statuses, hidden)
