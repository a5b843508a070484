# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A ``.env`` file as python-dotenv reads it, and what is written so that it depends on more than the file refused."""

from __future__ import annotations

import re

from .errors import OpsError

_ESCAPED = re.compile(r"\\([\\'\"abfnrtv])")
_MEANS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BINDING = re.compile(
    r"""[ \t]*(?:export[ \t]+)?([^=\#\s]+)[ \t]*=[ \t]*
    (?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|((?!['"])[^\r\n]*?))
    [ \t]*(?:(?<=[ \t'"])\#[^\r\n]*)?(?:\r\n|\r|\n|\Z)""",
    re.X | re.S,
)
_NOTHING = re.compile(r"[ \t]*(?:\#[^\r\n]*)?(?:\r\n|\r|\n|\Z)|[ \t]*(?:export[ \t]+)?[^=\#\s]+[ \t]*(?:\r\n|\r|\n|\Z)")


def parse(text: str, name: str) -> dict[str, str]:
    """The variables in a file.

    Args:
        text: what it holds.
        name: what people call the file.

    Raises:
        OpsError: a line is not understood; no value is repeated.
    """
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        binding = _BINDING.match(text, at)
        match = binding or _NOTHING.match(text, at)
        line = text.count("\n", 0, at) + 1
        if match is None:
            raise OpsError(f"{name}:{line} is not understood", next_step="write it as NAME=value, and run this again")
        if binding is not None:
            key, single, double, plain = binding.groups()
            value = single if single is not None else double if double is not None else plain.strip()
            if "${" in value and single is None:
                raise OpsError(
                    f"{name}:{line}: the value of {key} is made of other variables",
                    next_step="write the value out, and run this again",
                )
            if single is not None:
                value = re.sub(r"\\([\\'])", r"\1", single)
            elif double is not None:
                value = _ESCAPED.sub(lambda found: _MEANS.get(found.group(1), found.group(1)), double)
            found[key] = value
        at = match.end()
    return found
