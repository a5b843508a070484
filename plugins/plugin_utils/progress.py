# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Showing what a long module run is doing, while it runs."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from shlex import quote
from typing import Any, Callable

from ansible.errors import AnsibleError

#: A module that is done sooner needs no progress.
_FIRST_SECONDS = 3.0
_EVERY_SECONDS = 2.0


def new_lines(seen: str, now: str) -> list[str]:
    """What to show of a progress file: the last line, if there is a new one.

    Args:
        seen: what the file held at the last look.
        now: what it holds.
    """
    fresh = now[len(seen) :].splitlines() if now.startswith(seen) else now.splitlines()
    return [f"... {fresh[-1].strip()[:160]}"] if fresh else []


@contextmanager
def shown(connection: Any, run: str, host: str, display: Callable[[str], None]) -> Iterator[None]:
    """Show the lines that a module writes to its progress file, for the length of a block.

    Args:
        connection: the connection of the task; a copy of it reads the file, without privileges.
        run: the id of the run, which names the file.
        host: the name of the host, put before each line.
        display: shows a line.
    """
    ended = threading.Event()
    reader = copy.copy(connection)
    reader.set_become_plugin(None)

    def follow() -> None:
        seen, wait = "", _FIRST_SECONDS
        while not ended.wait(wait):
            wait = _EVERY_SECONDS
            try:
                code, out, _err = reader.exec_command(f"cat {quote(f'/run/blyan-ops/{run}.progress')}", sudoable=False)
            except (AnsibleError, OSError):
                # Progress is a courtesy; the module's own connection says what is wrong.
                return
            now = out.decode(errors="replace") if code == 0 else seen
            for line in new_lines(seen, now):
                display(f"{host}: {line}")
            seen = now

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=_EVERY_SECONDS)
