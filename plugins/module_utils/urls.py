# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials in URLs: refused where a program would be given them, blotted out where one shows them. Pure."""

from __future__ import annotations

import re

from .errors import OpsError

# Over HTTP even a bare user is a token. ssh's user is none, but a password is, with or without slashes of its own; what
# comes after a colon and is a number up to the path is a port.
_CREDENTIALS = re.compile(r"(https?://)[^/\s?#]+@|(\w://)[^/\s?#:@\[]*:(?!\d*(?:[/?#\s]|$))\S*@", re.I)


def refuse_credentials(name: str, text: str, next_step: str) -> None:
    """Refuse a text with a URL that carries a user over HTTP, or a password.

    Args:
        name: the variable that the text is the value of.
        next_step: where the credentials go instead.

    Raises:
        OpsError: it has one; the text is not repeated.
    """
    if _CREDENTIALS.search(text):
        raise OpsError(
            f"{name} carries a password or token in a URL, which every user of the host could read in the process list",
            next_step=next_step,
        )


def without_credentials(text: str) -> str:
    """The text, with what :func:`refuse_credentials` refuses blotted out."""
    return _CREDENTIALS.sub(r"\1\2***@", text)
