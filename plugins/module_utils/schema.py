# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema of the database: what the app's command says of it, and what follows for going back. Pure.

The app prints two words in its last line, such as ``12 13``: the schema that the database has, and the one that this
version of the app needs. Where it prints one, what is needed is not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import OpsError
from .releases import Release

#: In the root of the app's repository: the older schemas whose code works with the one of this version, too.
COMPATIBLE_FILE = "SCHEMA_COMPATIBLE"
#: What the schema is called once it may have changed and nobody could see to what.
UNKNOWN = "unknown"

_NAME = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True)
class Schema:
    """What the database has, and what the app needs; the latter is empty where the app does not tell."""

    has: str
    needs: str


def parse(printed: str) -> Schema:
    """What the command printed.

    Raises:
        OpsError: its last line has not one or two words.
    """
    lines = [line for line in printed.splitlines() if line.strip()]
    words = lines[-1].split() if lines else []
    if len(words) not in (1, 2) or not all(_NAME.fullmatch(word) for word in words):
        said = repr(lines[-1][:100]) if lines else "nothing"
        raise OpsError(
            f"deploy_schema_command printed {said} last, and not the schema that the database has and the one it needs",
            next_step="have it print these two words, such as: 12 13",
        )
    return Schema(words[0], words[1] if len(words) == 2 else "")


def names(text: str) -> str:
    """The schemas in the text of a file, as a release records them: one space between two; ``#`` begins a comment."""
    return " ".join(word for line in text.splitlines() for word in line.partition("#")[0].split())


def moved(before: str, after: str, release: Release, served: str) -> str:
    """What it means that a deploy failed after its migration, for people; empty where the schema did not change.

    Args:
        release: the one whose deploy failed.
        served: what people call the release that serves on; empty for none.
    """
    if before == after:
        return ""
    text = f"The database was migrated: its schema went from {before} to {after}, and stays so."
    if not served:
        return text
    if before in release.schema_compatible.split():
        fits = f"says that code for schema {before} works with it"
    else:
        fits = f"does not say that code for schema {before} works with it"
    return (
        f"{text} {served} serves on, with schema {after} from now on; {release.label} {fits}."
        " Next: see that it works, and deploy a version that is made for the new schema"
        " (docs/deploy.md, Expand, then contract)."
    )


def across(releases: Sequence[Release], target: Release) -> str:
    """Why the code of a release may not work with the schema that the database has by now; empty where it does.

    Args:
        releases: all records, oldest first.
        target: the release that is to serve again.
    """
    known = [r for r in releases if r.schema_after]
    if not known or not target.schema_after:
        return ""
    now = known[-1].schema_after
    since = [r for r in known if r.schema_after == now]
    if target.schema_after == now or any(target.schema_after in r.schema_compatible.split() for r in since):
        return ""
    return (
        f"{target.id} ({target.version}) was deployed with schema {target.schema_after}, and since {since[0].id}"
        f" ({since[0].version}) the database has schema {now}, which is not said to work with older code"
    )
