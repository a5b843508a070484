# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host: a booted Debian 12 that answers over SSH."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from dataclasses import dataclass

from .engine import CHECKOUT, STATE, HostsError, podman, run

BOOT_SECONDS = 60
PRIVATE_KEY = STATE / "id_ed25519"
KNOWN_HOSTS = STATE / "known_hosts"
SNAPSHOTS = f"localhost/blyan-ops-snapshot-{CHECKOUT}"


@dataclass(frozen=True)
class Host:
    name: str
    address: str
    host_key: str

    @property
    def container(self) -> str:
        return container_name(self.name)

    def run(
        self, command: str, *, check: bool = True, stdin: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root through podman, so that it works whatever became of sshd."""
        options = ["--interactive"] if stdin is not None else []
        return podman("exec", *options, self.container, "sh", "-c", command, check=check, stdin=stdin, timeout=timeout)

    def ssh_argv(self, *command: str) -> list[str]:
        """The ssh command line that reaches the host as a user's would."""
        return ["ssh", "-i", str(PRIVATE_KEY), *ssh_options(), f"root@{self.address}", *command]

    def ssh(
        self, command: str, *, check: bool = True, stdin: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        return run(self.ssh_argv(command), check=check, stdin=stdin, timeout=timeout)

    def variables(self) -> dict[str, str]:
        """What Ansible has to know to reach the host; its key is checked as on any other."""
        return {
            "ansible_host": self.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(PRIVATE_KEY),
            "ansible_ssh_common_args": " ".join(ssh_options()),
        }

    def reboot(self) -> None:
        """An orderly reboot: services are stopped, /run and /tmp are empty, the address stays."""
        started = self._started()
        # The container may be gone before the answer arrives.
        self.run("systemctl reboot", check=False)
        deadline = time.monotonic() + BOOT_SECONDS
        while self._started() in ("", started):
            if time.monotonic() > deadline:
                raise HostsError(f"{self.name} did not come back within {BOOT_SECONDS} s of `systemctl reboot`.")
            time.sleep(0.05)
        self.wait()

    def cut_power(self) -> None:
        """Every process dies at once and nothing is flushed by the services; then the host boots."""
        podman("kill", self.container)
        podman("wait", self.container)
        podman("start", self.container)
        self.wait()

    def snapshot(self, name: str) -> str:
        """Save the disk as an image for `up(image=...)`, so that what took long need not be done again.

        `down` without names removes it.
        """
        image = f"{SNAPSHOTS}:{name}"
        # Stopped in good order, so that databases lie on the disk whole.
        podman("stop", "--time", "60", self.container)
        # The one of before would stay without a name, where nothing removes it.
        podman("rmi", image, check=False)
        podman("commit", "--quiet", self.container, image, timeout=600)
        podman("start", self.container)
        self.wait()
        return image

    def wait(self) -> None:
        """Until everything has been started and sshd answers; a unit that failed is an error."""
        state = wait_for_boot(self.name)
        if state != "running":
            failed = self.run("systemctl --failed --plain --no-legend", check=False).stdout.strip()
            raise HostsError(f"{self.name} booted, but it is {state}: {failed}")
        _wait_for_sshd(self.address)

    def _started(self) -> str:
        form = "{{if .State.Running}}{{.State.StartedAt}}{{end}}"
        return podman("inspect", "--format", form, self.container, check=False).stdout.strip()


def container_name(name: str) -> str:
    return f"{name}-{CHECKOUT}"


def ssh_options() -> list[str]:
    return ["-o", f"UserKnownHostsFile={KNOWN_HOSTS}", "-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"]


def wait_for_boot(name: str) -> str:
    """What systemd says of the whole host once it has started everything."""
    deadline = time.monotonic() + BOOT_SECONDS
    while True:
        # Without --wait, which asks over D-Bus: asked too early, that takes 25 s to answer.
        done = podman("exec", container_name(name), "systemctl", "is-system-running", check=False)
        state = done.stdout.strip()
        # Before systemd listens there is no state at all.
        if state not in ("", "offline", "unknown", "initializing", "starting"):
            return state
        if time.monotonic() > deadline:
            raise HostsError(f"{name} did not boot within {BOOT_SECONDS} s: {state} {done.stderr.strip()}")
        time.sleep(0.05)


def _wait_for_sshd(address: str) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((address, 22), timeout=5) as connection:
            if connection.recv(4) == b"SSH-":
                return
        time.sleep(0.05)
    raise HostsError(f"sshd at {address} did not answer within {BOOT_SECONDS} s.")
