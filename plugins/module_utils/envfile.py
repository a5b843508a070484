# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files of the units: written, compared by name, and kept out of everything that is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from . import layout as site
from .errors import OpsError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LINE = re.compile(
    r"""^[ \t]*([A-Za-z_][A-Za-z0-9_]*)=(?:"((?:\\.|[^"\\])*)"[ \t]*|'([^']*)'[ \t]*|([^\n]*))$""", re.M | re.S
)
# In double quotes, systemd takes the backslash away before these only, and with it the end of a line that it stands at.
_ESCAPED = re.compile(r'\\(["\\$`]|\n)')


def render(values: Mapping[str, object]) -> str:
    """The text of an environment file, in which systemd reads every value back as it is.

    Raises:
        OpsError: a name is no variable's name, or a value has a NUL byte.
    """
    lines = []
    for name in sorted(values):
        value = str(values[name])
        if not _NAME.fullmatch(name):
            raise OpsError(
                f"{name!r} in deploy_environment or deploy_secrets is not a variable's name",
                next_step="use letters, digits and underscores, and no digit first",
            )
        if "\0" in value:
            raise OpsError(f"the value of {name} has a NUL byte", next_step="set it to plain text")
        quoted = "".join(f"\\{c}" if c in '"\\$`' else c for c in value)
        lines.append(f'{name}="{quoted}"\n')
    return "".join(lines)


def parse(text: str) -> dict[str, str]:
    """The variables in an environment file that :func:`render` or a person wrote."""
    found = {}
    for name, double, single, plain in (match.groups() for match in _LINE.finditer(text)):
        if double is not None:
            found[name] = _ESCAPED.sub(lambda match: match.group(1).strip("\n"), double)
        else:
            found[name] = single if single is not None else plain.strip()
    return found


def names_changed(before: str | None, after: str) -> tuple[dict[str, str], dict[str, str]]:
    """Two environment files as a diff may show them: the names, and whether the value changes; no value."""
    old, new = parse(before or ""), parse(after)
    shown_old = dict.fromkeys(old, "set")
    shown_new = {name: "set" if old.get(name, value) == value else "set, another value" for name, value in new.items()}
    return shown_old, shown_new


def secrets_of_slots() -> list[str]:
    """The secrets that the app is given on this host, in either slot."""
    return secrets_in([site.SITE_ENVIRONMENT, *map(site.environment_file, site.SLOTS), site.MASTER_KEY])


def secrets_in(paths: Iterable[Path]) -> list[str]:
    """The values in environment files that must not be shown; short ones are no secrets and stay readable."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths if path.exists()]
    values = {value for text in texts for value in parse(text).values()}
    values |= {part for value in values for part in _passwords(value)}
    # A log has lines, so that a value of several is looked for line by line.
    lines = {line for value in values for line in value.splitlines() if len(line) >= 6}
    return sorted({form for line in lines for form in _forms(line)}, key=len, reverse=True)


def _forms(line: str) -> set[str]:
    """A line as it is, and as it stands in JSON and in what Python shows of a string."""
    return {line, json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1], repr(line)[1:-1]}


def _passwords(value: str) -> set[str]:
    """The password in a URL, as it stands there and decoded: a driver's error shows it without the rest."""
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}


def redact(lines: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """Lines with every secret replaced, longest first."""
    hidden = list(secrets)
    result = []
    for line in lines:
        for secret in hidden:
            line = line.replace(secret, "***")
        result.append(line)
    return result
