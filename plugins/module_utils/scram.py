# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PostgreSQL is to store of a password, so that the password itself stands in no statement that it may log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from pathlib import Path

from .errors import OpsError
from .shell import Shell

_ITERATIONS = 4096  # PostgreSQL's own default; a client reads it from the verifier
_VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$[^:]+:.+")


def verifier(password: str, salt: bytes, iterations: int = _ITERATIONS) -> str:
    """The SCRAM-SHA-256 verifier (RFC 5803) of a password of ASCII characters."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(value).decode() for value in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def kept_or_new(password: str, stored: str) -> str:
    """What is stored, if it is this password's; else a verifier with a new salt."""
    match = _VERIFIER.fullmatch(stored)
    if match:
        same = verifier(password, base64.b64decode(match.group(2)), int(match.group(1)))
        if hmac.compare_digest(same, stored):
            return stored
    return verifier(password, os.urandom(16))


def stored_verifier(role: str, port: int) -> str:
    """What the server on this host stores for a role; empty for a role that does not exist.

    Raises:
        OpsError: the server does not answer.
    """
    quoted = role.replace("'", "''")
    query = f"SELECT rolpassword FROM pg_authid WHERE rolname = '{quoted}'"
    argv = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--port={port}", f"--command={query}", "postgres"]
    done = Shell(user="postgres").run(argv, cwd=Path("/"))
    if not done.ok:
        raise OpsError(
            "PostgreSQL on this host cannot be asked for its roles",
            next_step="see that it runs: systemctl status 'postgresql@*'",
            details=done.tail(3),
        )
    return done.stdout.strip()


def read_password(path: Path) -> str:
    """The password in a file; it is not repeated where it cannot be used.

    Raises:
        OpsError: it has characters that SCRAM treats in other ways than as they are.
    """
    try:
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise OpsError(
            f"the password in {path} has a character that is not ASCII", next_step="choose one without"
        ) from None
