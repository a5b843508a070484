# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, podman, and what everything here shares."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"
STATE = BUILD / "hosts"
WHEELHOUSE = BUILD / "wheelhouse"
GIT = BUILD / "git"
CONTAINERS_CONF = ROOT / "tests" / "hosts" / "containers.conf"

# Two checkouts on one machine may both have a host `demo`: the path tells them apart.
CHECKOUT = hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]
LABEL = "org.blyan.ops.checkout"

_lock_depth = threading.local()


class HostsError(Exception):
    """Something that the person at the terminal has to know, said in full."""


def as_root(*argv: str) -> list[str]:
    """The command as root: rootless containers get no address that the controller can reach."""
    return list(argv) if os.geteuid() == 0 else ["sudo", *argv]


def run(
    argv: Sequence[str],
    *,
    check: bool = True,
    stdin: str | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command, catching its output; its failure is a HostsError with what it said."""
    if shutil.which(argv[0]) is None:
        raise HostsError(f"The command {argv[0]} is missing: run `make system`.")
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HostsError(f"No answer within {timeout:g} s from: {' '.join(argv)}") from error
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-4000:]
        raise HostsError(f"Exit code {done.returncode} from: {' '.join(argv)}\n{said}")
    return done


def podman_argv(*args: str) -> list[str]:
    # Through env, because sudo drops the variable.
    return as_root("env", f"CONTAINERS_CONF={CONTAINERS_CONF}", "podman", *args)


def podman(
    *args: str, check: bool = True, stdin: str | None = None, timeout: float | None = 120
) -> subprocess.CompletedProcess[str]:
    if shutil.which("podman") is None:
        raise HostsError("The command podman is missing: run `make system`.")
    return run(podman_argv(*args), check=check, stdin=stdin, timeout=timeout)


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One at a time may change the hosts of a checkout; the same thread may enter again."""
    depth: int = getattr(_lock_depth, "value", 0)
    if depth:
        _lock_depth.value = depth + 1
        try:
            yield
        finally:
            _lock_depth.value = depth
        return
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".hosts.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _lock_depth.value = 1
        try:
            yield
        finally:
            _lock_depth.value = 0


def write(path: Path, text: str) -> None:
    """Replace a file whole, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text)
    new.replace(path)
