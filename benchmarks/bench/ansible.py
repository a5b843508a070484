# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running playbooks as a user does: the command itself, on a connection of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import ROOT

COMMAND = Path(sys.executable).with_name("ansible-playbook")
SECONDS = 300.0


class BenchError(Exception):
    """What stops the benchmarks, said in full."""


def play(
    inventory: Path,
    playbook: Path,
    values: Mapping[str, str],
    settings: Mapping[str, str],
    limit: Sequence[str] = ("all",),
) -> str:
    """Run a playbook to its good end and return what it printed.

    Args:
        inventory: the inventory's file.
        playbook: the playbook's file.
        values: extra variables.
        settings: environment variables, which override ansible.cfg.
        limit: the hosts of the inventory that are meant.
    """
    # A directory of its own, so that no connection of an earlier run is there to be used.
    with tempfile.TemporaryDirectory(prefix="bench-") as sockets:
        environment = {**os.environ, "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets, "ANSIBLE_NOCOLOR": "1", **settings}
        variables = [f"--extra-vars={name}={value}" for name, value in values.items()]
        done = subprocess.run(
            [str(COMMAND), f"--inventory={inventory}", f"--limit={','.join(limit)}", str(playbook), *variables],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-6000:]
        raise BenchError(f"Exit code {done.returncode} from {playbook.name} ({dict(values)}):\n{said}")
    return done.stdout
