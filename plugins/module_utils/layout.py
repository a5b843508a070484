# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are on an API host, and which slot and release are live there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from . import atomic
from .errors import OpsError

SLOTS = ("blue", "green")
SOCKETS = Path("/run/aiblock")
CONFIGURATION = Path("/etc/blyan")

#: What the units read before and after the environment of the slot: the site's URLs, and the master key.
SITE_ENVIRONMENT = CONFIGURATION / "site.env"
MASTER_KEY = CONFIGURATION / "master_key.env"


def unit(slot: str) -> str:
    """The service of a slot."""
    return f"aiblock@{slot}.service"


def retirement(slot: str) -> str:
    """The timer that ends a slot which is kept warm."""
    return f"aiblock-retire-{slot}.timer"


def socket(slot: str) -> Path:
    """The Unix socket on which a slot answers."""
    return SOCKETS / f"{slot}.sock"


def environment_file(slot: str) -> Path:
    """The file with a slot's environment, secrets included; only root reads it."""
    return CONFIGURATION / "slots" / f"{slot}.env"


def other(slot: str | None) -> str:
    """The slot to use beside the given one; the first where there is none."""
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


@dataclass(frozen=True)
class Layout:
    """The paths under ``deploy_root``."""

    root: Path

    @property
    def mirror(self) -> Path:
        """The bare mirror of the app's repository."""
        return self.root / "repo"

    @property
    def venvs(self) -> Path:
        """Virtual environments, shared by the releases that need the same one."""
        return self.root / "venvs"

    @property
    def records(self) -> Path:
        """A JSON record a release."""
        return self.root / "records"

    @property
    def current(self) -> Path:
        """The link to the release that serves."""
        return self.root / "current"

    @property
    def live(self) -> Path:
        """The link to the socket of the slot that serves; nginx proxies to it."""
        return self.root / "live.sock"

    def release(self, release: str) -> Path:
        """The directory of a release."""
        return self.root / "releases" / release

    def slot(self, slot: str) -> Path:
        """The link to the release that a slot runs."""
        return self.root / "slots" / slot

    def live_slot(self) -> str | None:
        """The slot that serves, or None before the first deploy.

        Raises:
            OpsError: the link points at no slot.
        """
        target = atomic.link_target(self.live)
        if target is None:
            return None
        for slot in SLOTS:
            if target == str(socket(slot)):
                return slot
        raise OpsError(
            f"{self.live} points at {target}, which is no slot",
            next_step=f"point it at {socket('blue')} or {socket('green')}, whichever answers",
        )

    def current_release(self) -> str:
        """The release that the link ``current`` names; empty before the first deploy."""
        target = atomic.link_target(self.current)
        return Path(target).name if target else ""

    def release_of(self, slot: str) -> str | None:
        """The release that a slot runs, or would run when started."""
        target = atomic.link_target(self.slot(slot))
        return None if target is None else Path(target).name
