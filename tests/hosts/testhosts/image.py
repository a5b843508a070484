# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of a host: a bare Debian 12, made from Debian's own packages (no registry needed)."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from pathlib import Path

from .engine import as_root, lock, podman, run

REPOSITORY = "localhost/blyan-ops-host"

# What Debian's installer leaves on a server, or nearly so.
INSTALLED = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "python3-apt", "sudo", "perl", "locales",
    "iproute2", "netbase", "nftables", "ca-certificates", "openssl", "procps", "logrotate", "curl",
)  # fmt: skip

# Only downloaded: `apt-get install` in a host then is a real install, but quick and without the network.
DOWNLOADED = (
    "nginx", "redis-server", "postgresql", "postgresql-client", "python3-psycopg2", "python3-redis",
    "git", "python3-venv", "rsync", "cron", "acl",
)  # fmt: skip

# What sets a host apart from a machine that Debian's installer made.
FILES = {
    # Unpacking without fsync: a test host has nothing to lose to a power cut of the controller.
    "etc/dpkg/dpkg.cfg.d/test-host": "force-unsafe-io\n"
    + "".join(f"path-exclude=/usr/share/{part}/*\n" for part in ("doc", "locale", "man")),
    "etc/apt/apt.conf.d/80test-host": 'Acquire::Languages "none";\nAPT::Keep-Downloaded-Packages "true";\n',
    "etc/default/locale": "LANG=C.UTF-8\n",
    # One quick key, made by the host itself at its first boot, instead of one that all hosts share.
    "etc/ssh/sshd_config.d/test-host.conf": "HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\n",
    "etc/systemd/system/ssh.service.d/test-host.conf": "[Service]\nExecStartPre=\n"
    "ExecStartPre=/bin/sh -c 'test -s /etc/ssh/ssh_host_ed25519_key || "
    'ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key\'\n'
    "ExecStartPre=/usr/sbin/sshd -t\n",
}


def _write_files() -> list[str]:
    return [
        f'mkdir -p "$1/{Path(path).parent}" && printf %s {shlex.quote(text)} > "$1/{path}"'
        for path, text in FILES.items()
    ]


def recipe() -> list[str]:
    """The arguments of mmdebstrap, less the name of what it makes."""
    return [
        "--variant=minbase",
        f"--include={','.join(INSTALLED)}",
        # Keep the package lists, and the archives that the last but one hook downloads.
        "--skip=cleanup/apt,cleanup/reproducible",
        *(f"--setup-hook={hook}" for hook in _write_files()),
        '--customize-hook=chroot "$1" apt-get clean',
        # With what they recommend: a role may or may not ask for that.
        '--customize-hook=chroot "$1" apt-get install --yes --quiet --download-only'
        f" -o APT::Install-Recommends=true {' '.join(DOWNLOADED)}",
        # An empty machine-id makes each host draw its own at boot.
        '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_* && : > "$1/etc/machine-id"',
        "bookworm",
    ]


def name() -> str:
    """The image that hosts boot from. BLYAN_HOST_IMAGE names another, say one in a registry."""
    key = hashlib.sha256("\0".join(recipe()).encode()).hexdigest()[:12]
    return os.environ.get("BLYAN_HOST_IMAGE") or f"{REPOSITORY}:{key}"


def ensure() -> str:
    """The name of the image, made when it is not there (about a minute, once)."""
    image = name()
    with lock():
        if podman("image", "exists", image, check=False).returncode == 0:
            return image
        if os.environ.get("BLYAN_HOST_IMAGE"):
            podman("pull", image, timeout=900)
            return image
        print(f"Making the image of the hosts, {image} (once, about a minute) ...", flush=True)
        with tempfile.TemporaryDirectory(prefix="blyan-host-image-") as folder:
            archive = str(Path(folder) / "image.tar")
            *options, suite = recipe()
            run(as_root("mmdebstrap", "--quiet", *options, suite, archive), timeout=1200)
            podman("import", "--quiet", "--change", 'CMD ["/sbin/init"]', archive, image, timeout=600)
    return image


def remove(repository: str = REPOSITORY) -> None:
    """Remove the images of a repository, of this recipe and of older ones; one that a host still uses stays."""
    for found in podman("images", "--format", "{{.Repository}}:{{.Tag}}", repository).stdout.split():
        podman("rmi", found, check=False)
