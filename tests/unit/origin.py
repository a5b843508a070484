# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Git repository that tests push versions to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_WHO = {f"GIT_{role}_{what}": "anna@desk" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_ENVIRONMENT = {"PATH": os.defpath, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", **_WHO}


class Origin:
    """A bare repository, with a work tree beside it."""

    def __init__(self, root: Path) -> None:
        self.path = root / "origin.git"
        self._tree = root / "tree"
        self._tree.mkdir()
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.path))
        git(self._tree, "init", "--quiet", "--initial-branch=main")

    def allow_filters(self) -> None:
        """Have the server leave out files that were not asked for, as GitHub does."""
        git(self.path, "config", "uploadpack.allowFilter", "true")

    def commit(
        self, files: dict[str, str], *, links: Mapping[str, Path] = MappingProxyType({}), amend: bool = False
    ) -> str:
        """Commit files and symbolic links, push the branch by force, and return the commit."""
        for name in [*files, *links]:
            (self._tree / name).parent.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (self._tree / name).write_text(text)
        for name, target in links.items():
            (self._tree / name).symlink_to(target)
        git(self._tree, "add", "--all")
        git(self._tree, "commit", "--quiet", "--message=change", *(["--amend"] if amend else []))
        self.push("HEAD:refs/heads/main")
        return git(self._tree, "rev-parse", "HEAD").strip()

    def add_submodule(self, url: str, path: str) -> str:
        """Commit another repository as a submodule, by a URL relative to this one, and return the commit."""
        git(self._tree, "config", "remote.origin.url", str(self.path))
        git(self._tree, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, path)
        return self.commit({})

    def push(self, refspec: str) -> None:
        """Push by force."""
        git(self._tree, "push", "--quiet", "--force", str(self.path), refspec)

    def tag(self, name: str, *, annotated: bool = False) -> str:
        """Tag the last commit, and return the hash of the tag itself."""
        git(self._tree, "tag", *(["--annotate", "--message=release"] if annotated else []), name)
        self.push(f"refs/tags/{name}")
        return git(self._tree, "rev-parse", f"refs/tags/{name}").strip()

    def remove(self, ref: str) -> None:
        """Delete a ref there."""
        git(self.path, "update-ref", "-d", ref)


def git(directory: Path, *arguments: str) -> str:
    """Run git, which has to succeed, and return what it says."""
    argv = ["git", *arguments]
    return subprocess.run(argv, cwd=directory, env=_ENVIRONMENT, check=True, capture_output=True, text=True).stdout


def tree(directory: Path) -> dict[str, tuple[int, int]]:
    """Every path under a directory with its mode and time, to see whether anything was written."""
    found = {path: path.lstat() for path in [directory, *directory.rglob("*")] if path.exists()}
    return {str(path): (each.st_mode, each.st_mtime_ns) for path, each in found.items()}
