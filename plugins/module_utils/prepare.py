# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a deploy needs on a host that was never provisioned: user, folders, and the app's environment with its key."""

from __future__ import annotations

import grp
import os
import pwd
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import atomic, envfile
from . import layout as site
from .shell import Shell
from .steps import Change, Operation

KEY = "API_MASTER_KEY"
_PLAIN = re.compile(r"[A-Za-z0-9_.~+/=-]+")


@dataclass(frozen=True)
class Folder:
    """A folder as it is wanted; of root unless an owner is named."""

    path: str
    mode: int = 0o755
    owner: str = "root"


def folders(root: str, user: str) -> list[Folder]:
    """The folders of an API host, as the role ``provision`` makes them."""
    return [
        Folder(str(site.CONFIGURATION), 0o700),
        Folder(str(site.CONFIGURATION / "slots"), 0o700),
        Folder(root),
        Folder(f"{root}/shared", 0o750, user),
    ]


@dataclass(frozen=True)
class Found:
    """What is there: whether the user is, the folders that are as wanted, and the texts of the environment files."""

    user: bool
    folders: Sequence[str]
    environment: str | None
    master_key: str | None


def find(wanted: Sequence[Folder], user: str) -> Found:
    """Read the host."""
    return Found(
        _user_exists(user),
        [each.path for each in wanted if _as_wanted(each)],
        atomic.read_text(site.SITE_ENVIRONMENT),
        atomic.read_text(site.MASTER_KEY),
    )


def plan(user: str, wanted: Sequence[Folder], values: Mapping[str, str], found: Found) -> list[Change]:
    """What has to be done; of values only names are told."""
    changes = [] if found.user else [Change("user", f"user {user}", None, {"state": "made, unprivileged"})]
    for each in wanted:
        if each.path not in found.folders:
            after = {"owner": each.owner, "mode": f"{each.mode:04o}"}
            changes.append(Change("folders", each.path, None, after))
    text = site_environment(values, found.environment)
    if envfile.parse(text) != envfile.parse(found.environment or ""):
        before, after = envfile.names_changed(found.environment, text)
        changes.append(Change("environment", str(site.SITE_ENVIRONMENT), before or None, after))
    if KEY in values and values[KEY] != envfile.parse(found.master_key or "").get(KEY):
        state = None if found.master_key is None else {"state": "another key"}
        changes.append(Change("master_key", str(site.MASTER_KEY), state, {"state": "taken over"}))
    return changes


def site_environment(values: Mapping[str, str], there: str | None) -> str:
    """The text of the site's environment: what is there, and the values of the app, which win; the key apart."""
    return envfile.render({**envfile.parse(there or ""), **{n: v for n, v in values.items() if n != KEY}})


@dataclass
class Prepare(Operation):
    """Makes a host ready for its first release. Nothing of it has any effect on what serves.

    Args:
        user: the account that runs the app.
        root: ``deploy_root``.
        values: the environment of the app; kept out of all records, as it holds secrets.
    """

    name = "preparation"
    steps = ("user", "folders", "environment", "master_key")

    user: str
    root: str
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def again(cls, params: Mapping[str, Any]) -> Prepare:
        return cls(params["user"], params["root"])

    def params(self) -> dict[str, Any]:
        return {"user": self.user, "root": self.root}

    def do(self, change: Change) -> None:
        if change.step == "user":
            if not _user_exists(self.user):
                home = ["--home-dir", f"{self.root}/shared", "--no-create-home", "--shell", "/usr/sbin/nologin"]
                group = ["--gid", self.user] if _group_exists(self.user) else ["--user-group"]
                Shell().must(
                    ["useradd", "--system", *group, *home, self.user], next_step="make that account on the host"
                )
        elif change.step == "folders":
            _make(next(each for each in folders(self.root, self.user) if each.path == change.target))
        elif change.step == "environment":
            there = atomic.read_text(site.SITE_ENVIRONMENT)
            atomic.write(site.SITE_ENVIRONMENT, site_environment(self.values, there))
        elif change.step == "master_key":
            key = self.values[KEY]
            text = f"{KEY}={key}\n" if _PLAIN.fullmatch(key) else envfile.render({KEY: key})
            atomic.write(site.MASTER_KEY, text)

    def undo(self, change: Change) -> None:
        """What was made is of no effect on what serves, and is used by the next run."""


def _make(folder: Folder) -> None:
    path = Path(folder.path)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = pwd.getpwnam(folder.owner)
    os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(folder.mode)


def _as_wanted(folder: Folder) -> bool:
    path = Path(folder.path)
    if not path.is_dir() or not _user_exists(folder.owner):
        return False
    status = path.stat()
    return (status.st_mode & 0o7777, status.st_uid) == (folder.mode, pwd.getpwnam(folder.owner).pw_uid)


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
