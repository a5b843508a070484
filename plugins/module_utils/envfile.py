# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Environment files of the units: written, compared by name, and kept out of everything that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import atomic
from .errors import OpsError

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def render(values: Mapping[str, object]) -> str:
    """The text of an environment file, in which systemd reads every value back as it is.

    Raises:
        OpsError: a name is no variable's name, or a value has a NUL byte.
    """
    lines = []
    for name in sorted(values):
        value = str(values[name])
        if not _NAME.match(name):
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
    for match in re.finditer(r'^\s*([A-Za-z_]\w*)=(?:"((?:\\.|[^"\\])*)"|\'([^\']*)\'|(.*))$', text, re.M | re.S):
        name, double, single, plain = match.groups()
        if double is not None:
            found[name] = re.sub(r"\\(.)", r"\1", double, flags=re.S)
        else:
            found[name] = single if single is not None else plain.strip()
    return found


def names_changed(before: str | None, after: str) -> tuple[dict[str, str], dict[str, str]]:
    """Two environment files as a diff may show them: the names, and whether the value changes; no value."""
    old, new = parse(before or ""), parse(after)
    shown_old = dict.fromkeys(old, "set")
    shown_new = {name: "set" if old.get(name, value) == value else "set, another value" for name, value in new.items()}
    return shown_old, shown_new


def secrets_in(paths: Iterable[Path]) -> list[str]:
    """The values in environment files that must not be shown; short ones are no secrets and stay readable."""
    values = {value for path in paths for value in parse(atomic.read_text(path) or "").values()}
    return sorted((value for value in values if len(value) >= 6), key=len, reverse=True)


def redact(lines: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """Lines with every secret replaced, longest first."""
    hidden = list(secrets)
    result = []
    for line in lines:
        for secret in hidden:
            line = line.replace(secret, "***")
        result.append(line)
    return result
