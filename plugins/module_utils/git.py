# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The app's Git repository: what a version means there, and its files at a commit."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

from .errors import OpsError
from .shell import Shell
from .systemd import Systemd
from .urls import refuse_credentials

_VERSION = re.compile(r"(?!-)(?!.*\.\.)[A-Za-z0-9._/+@-]{1,200}")
_SCRATCH = "blyan-ops-git-"
_HASH = re.compile(r"[0-9a-f]{7,40}")
_FETCH_SECONDS = 3600.0
#: The transient service that brings the mirror up to date.
FETCH = "aiblock-fetch.service"
_ALL_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def check_version(version: str) -> None:
    """Refuse what cannot be a branch, tag or commit.

    Raises:
        OpsError: it has characters that no ref has, or would be read as an option.
    """
    if not _VERSION.fullmatch(version):
        raise OpsError(
            f"deploy_version is {version!r}, which is no branch, tag or commit",
            next_step="name a branch, a tag or a commit of the repository",
        )


def check_url(url: str) -> None:
    """Refuse an empty repository, one that would be read as an option, or one that carries a password or token.

    Raises:
        OpsError: with the reason; a password or token is not repeated.
    """
    refuse_credentials(
        "deploy_repo",
        url,
        "use an SSH deploy key of the host's root user; or run there as root: git config --global credential.helper"
        " store, and write https://USER:TOKEN@HOST into ~/.git-credentials, mode 0600",
    )
    if not url or url.startswith("-"):
        raise OpsError(f"deploy_repo is {url!r}", next_step="set deploy_repo to the app's Git repository")


def parse_refs(listing: str, version: str) -> str | None:
    """The commit that a version names in the output of ``git ls-remote``: branch before tag, peeled.

    Args:
        listing: lines of ``<hash>\\t<ref>``.
        version: a branch or tag name.
    """
    refs = {ref: commit for commit, _tab, ref in (line.partition("\t") for line in listing.splitlines())}
    for ref in (f"refs/heads/{version}", f"refs/tags/{version}^{{}}", f"refs/tags/{version}"):
        if ref in refs:
            return refs[ref]
    return None


class Repository:
    """The app's repository, seen from the host.

    Args:
        url: where it is.
        mirror: the bare mirror on the host, which may not be there yet.
        scratch: an existing directory for what is needed only while this runs.
        progress: told what git says while it fetches.
        systemd: runs what writes to the mirror as a unit, which can be ended; None where nobody else is at work there.
    """

    def __init__(
        self,
        url: str,
        mirror: Path,
        scratch: Path,
        progress: Callable[[str], None] = lambda line: None,
        systemd: Systemd | None = None,
    ) -> None:
        check_url(url)
        self._url = url
        self._mirror = mirror
        self._scratch = scratch
        self._progress = progress
        self._systemd = systemd
        self._shell = _shell(scratch)

    def resolve(self, version: str) -> str:
        """The commit that a version names now, without writing anything but scratch.

        Raises:
            OpsError: the repository cannot be reached, or has no such version.
        """
        check_version(version)
        refs = [f"refs/heads/{version}", f"refs/tags/{version}", f"refs/tags/{version}^{{}}"]
        listing = self._ask(["git", "ls-remote", self._url, *refs])
        commit = parse_refs(listing, version)
        if commit is None and _HASH.fullmatch(version):
            commit = self._commit(self._mirror, version) or self._commit(self._commits(), version)
        if commit is None:
            raise OpsError(
                f"{self._url} has no branch, tag or commit {version!r}",
                next_step=f"look at what is there with: git ls-remote {self._url}",
            )
        return commit

    def fetch(self, commit: str) -> None:
        """Have a commit in the mirror; where it is not, bring the mirror up to date, a forced push included.

        Raises:
            OpsError: the repository cannot be reached, or has no such commit.
        """
        if self._commit(self._mirror, commit) is not None:
            return
        if not (self._mirror / "HEAD").exists():
            self._shell.must(["git", "init", "--quiet", "--bare", str(self._mirror)], next_step="look at the disk")
        if self._systemd:
            # Of a run that was killed, or lost its lock.
            self._systemd.end(FETCH)
        # A power cut leaves git's locks behind; nobody else is at work here, as this run holds the lock of the host.
        for stale in [*self._mirror.glob("*.lock"), *self._mirror.glob("refs/**/*.lock")]:
            stale.unlink()
        self._fetch(self._mirror, ["--prune", "--force", self._url, *_ALL_REFS])
        if self._commit(self._mirror, commit) is None:
            self._fetch(self._mirror, [self._url, commit])

    def export(self, commit: str, directory: Path) -> None:
        """Write the files of a commit into an empty directory, those of its submodules too.

        Raises:
            OpsError: git could not, for instance because the disk is full, or a submodule cannot be reached.
        """
        index = Shell({**self._shell.environment, "GIT_INDEX_FILE": str(self._scratch / "index")})
        git = ["git", f"--git-dir={self._mirror}", f"--work-tree={directory}"]
        next_step = "look at the free space of the disk and at the mirror"
        index.must([*git, "read-tree", commit], next_step=next_step, timeout=600)
        index.must([*git, "checkout-index", "--all", "--quiet"], next_step=next_step, timeout=600, cwd=directory)
        if (directory / ".gitmodules").is_file():
            self._export_submodules(commit, directory)

    def _export_submodules(self, commit: str, directory: Path) -> None:
        """Git itself knows where they are and which of their commits belong; it wants a repository with a work tree."""
        home = self._scratch / "with-submodules"
        git = ["git", f"--git-dir={home}", f"--work-tree={directory}"]
        next_step = "look at the disk"
        self._shell.must(["git", "init", "--quiet", "--bare", str(home)], next_step=next_step)
        (home / "objects" / "info" / "alternates").write_text(f"{self._mirror}/objects\n", encoding="utf-8")
        # What their relative URLs are relative to.
        self._shell.must([*git, "config", "remote.origin.url", self._url], next_step=next_step)
        self._shell.must([*git, "config", "core.bare", "false"], next_step=next_step)
        # Git keeps files of this host from submodules, unless the repository itself is one.
        local = "always" if self._url.startswith(("/", "file:")) else "user"
        self._shell.must([*git, "config", "protocol.file.allow", local], next_step=next_step)
        self._shell.must([*git, "read-tree", commit], next_step=next_step, cwd=directory)
        update = [
            *git,
            "-c",
            f"protocol.file.allow={local}",
            "submodule",
            "update",
            "--init",
            "--recursive",
            "--progress",
        ]
        done = self._shell.run(update, timeout=_FETCH_SECONDS, on_line=self._progress, cwd=directory)
        if not done.ok:
            raise OpsError(
                f"the submodules of {commit[:7]} cannot be fetched",
                next_step="check their URLs in .gitmodules, and the credentials of the host's root user for them",
                details=done.tail(5),
            )
        for link in directory.rglob(".git"):
            link.unlink()  # names the scratch space, which is gone afterwards

    def show(self, commit: str, path: str) -> str | None:
        """The text of a file at a commit, or None where there is none; read through scratch if the mirror lacks it."""
        home = self._mirror if self._commit(self._mirror, commit) else self._shallow(commit)
        done = self._shell.run(["git", f"--git-dir={home}", "show", f"{commit}:{path}"])
        return done.stdout if done.ok else None

    def _ask(self, argv: Sequence[str]) -> str:
        done = self._shell.run(argv, timeout=60)
        if not done.ok:
            raise OpsError(
                f"the repository {self._url} cannot be reached from the host",
                next_step="check deploy_repo, the network and the credentials of the host's root user",
                details=done.tail(5),
            )
        return done.stdout

    def _fetch(self, home: Path, arguments: Sequence[str]) -> None:
        argv = ["git", f"--git-dir={home}", "fetch", "--progress", "--no-auto-gc", *arguments]
        if self._systemd and home == self._mirror:
            done = self._systemd.piped(FETCH, argv, [], self._shell.environment, _FETCH_SECONDS, self._progress)
        else:
            done = self._shell.run(argv, timeout=_FETCH_SECONDS, on_line=self._progress)
        if not done.ok:
            raise OpsError(
                f"fetching from {self._url} failed",
                next_step="check deploy_repo, the network, the credentials and the disk of the host",
                details=done.tail(5),
            )

    def _commit(self, home: Path, version: str) -> str | None:
        if not home.exists():
            return None
        done = self._shell.run(
            ["git", f"--git-dir={home}", "rev-parse", "--verify", "--quiet", f"{version}^{{commit}}"]
        )
        return done.stdout.strip() if done.ok else None

    def _commits(self) -> Path:
        """A scratch repository with all commits and, where the server can leave them out, no files."""
        home = self._partial("commits", "tree:0")
        self._fetch(home, ["--filter=tree:0", "origin", *_ALL_REFS])
        return home

    def _shallow(self, commit: str) -> Path:
        """A scratch repository with one commit, whose files come when they are read."""
        home = self._scratch / "shallow"
        if home.exists():
            return home
        home = self._partial("shallow", "blob:none")
        self._fetch(home, ["--depth=1", "--filter=blob:none", "origin", commit])
        return home

    def _partial(self, name: str, left_out: str) -> Path:
        """An empty scratch repository; git leaves things out only of one that knows where to get them later."""
        home = self._scratch / name
        git = ["git", f"--git-dir={home}"]
        self._shell.must([*git, "init", "--quiet", "--bare"], next_step="look at the disk")
        for key, value in (("url", self._url), ("promisor", "true"), ("partialclonefilter", left_out)):
            self._shell.must([*git, "config", f"remote.origin.{key}", value], next_step="look at the disk")
        return home


@contextmanager
def repository(
    url: str,
    mirror: Path,
    progress: Callable[[str], None] = lambda line: None,
    systemd: Systemd | None = None,
) -> Iterator[Repository]:
    """The repository with scratch space that is gone afterwards."""
    for stale in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*-*"):
        # Of a process that was killed; its number is in the name.
        if not Path("/proc", stale.name[len(_SCRATCH) :].partition("-")[0]).exists():
            shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_SCRATCH}{os.getpid()}-") as scratch:
        yield Repository(url, mirror, Path(scratch), progress, systemd)


def _shell(scratch: Path) -> Shell:
    home = pwd.getpwuid(os.geteuid()).pw_dir
    config = scratch / "gitconfig"
    # A repository in a directory of this host may belong to anybody: the operator named it, so git may read it.
    config.write_text(f"[include]\n\tpath = {home}/.gitconfig\n[safe]\n\tdirectory = *\n", encoding="utf-8")
    return Shell(
        {
            "HOME": home,
            "GIT_CONFIG_GLOBAL": str(config),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=15",
            "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        }
    )
