# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository that all deploy from; before each deploy it gets a new commit, as it does in life."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

from testhosts.engine import GIT

BARE = GIT / "bench.git"
ON_HOST = "/srv/git/bench.git"
NUMBERED = "api/__init__.py"


@dataclass(frozen=True)
class Version:
    number: str
    """What the app says of itself in its health."""
    commit: str


def ensure() -> Version:
    """Have the repository, and say what its branch main is."""
    if not BARE.exists():
        _git("clone", "--quiet", "--bare", str(GIT / "blyan.git"), str(BARE), where=None)
    return _main()


def advance() -> Version:
    """Put a commit on main that changes nothing but the number which the app tells."""
    number = f"2.1.{_git('rev-list', '--count', 'main').strip()}"
    text = re.sub(r'VERSION = ".*"', f'VERSION = "{number}"', _git("show", f"main:{NUMBERED}"))
    summary = f"Version {number}\n"
    stream = (
        "commit refs/heads/main\ncommitter Blyan operators <ops@blyan.example> now\n"
        f"data {len(summary)}\n{summary}from refs/heads/main^0\n"
        f"M 100644 inline {NUMBERED}\ndata {len(text.encode())}\n{text}\n"
    )
    _git("fast-import", "--quiet", "--date-format=now", stdin=stream)
    return _main()


def _main() -> Version:
    found = re.search(r'VERSION = "(.*)"', _git("show", f"main:{NUMBERED}"))
    if found is None:
        raise ValueError(f"{BARE} has no VERSION in {NUMBERED} of its branch main; remove it, and it is made anew")
    return Version(found[1], _git("rev-parse", "main").strip())


def _git(*arguments: str, stdin: str | None = None, where: str | None = str(BARE)) -> str:
    place = [] if where is None else ["--git-dir", where]
    return subprocess.run(["git", *place, *arguments], input=stdin, capture_output=True, text=True, check=True).stdout
