# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the bare Git repository of the reference app: good and broken versions, each a tag.

The tree app/ is the version v2, which is also the branch main. The others are v2 with a few edits. Their commit
hashes depend on the tree and the edits alone.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

APP = Path(__file__).resolve().parent / "app"
STAMP = "blyan-reference-app"
WHO = "Blyan operators <ops@blyan.example>"
WHEN = 1767225600  # 2026-01-01, and an hour more for each version

Files = dict[str, str]


Edit = tuple[str, str, str]
"""A file, a text that it has once, and what takes its place."""


@dataclass(frozen=True)
class Version:
    number: str
    summary: str
    edits: tuple[Edit, ...] = ()


def _migration(name: str, sql: str) -> Edit:
    last = '        """,\n    ),\n'
    return "scripts/migrate_db.py", f"{last}]\n", f'{last}    (2, "{name}", "{sql}"),\n]\n'


SERVER = "api/server.py"
WAIT = "    await asyncio.sleep(START_DELAY)\n"

VERSIONS = {
    "v1": Version("1.0.0", "The first version"),
    "v2": Version("2.0.0", "The second version"),
    "v3": Version(
        "3.0.0",
        "Remember when a key was last used",
        (
            _migration("last use of keys", "ALTER TABLE api_keys ADD COLUMN last_used timestamptz"),
            ("SCHEMA_COMPATIBLE", "migrate_db.py.\n", "migrate_db.py.\n1\n"),
            ("api/keys.py", '"rotation_interval_days",\n)', '"rotation_interval_days", "last_used",\n)'),
            (
                "api/keys.py",
                "rotation_interval_days, extract(epoch FROM now())",
                "rotation_interval_days, extract(epoch FROM last_used)::float8, extract(epoch FROM now())",
            ),
            (
                "api/auth.py",
                '"SELECT 1 FROM api_keys WHERE key_value = %s AND is_active"',
                '"UPDATE api_keys SET last_used = now() WHERE key_value = %s AND is_active RETURNING 1"',
            ),
        ),
    ),
    "undeclared": Version(
        "3.1.0",
        "Migrate, and not say whether older code works with that",
        (_migration("payments", "CREATE TABLE payments (id integer PRIMARY KEY)"),),
    ),
    "v4-requirements": Version(
        "4.0.0", "Require one package more", (("requirements.txt", "sniffio", "six==1.17.0\nsniffio"),)
    ),
    "broken-import": Version(
        "2.1.0",
        "Fail at import",
        ((SERVER, "\napp = ", '\nraise RuntimeError("this version cannot start")\n\napp = '),),
    ),
    "broken-bind": Version("2.2.0", "Start, and never listen", ((SERVER, WAIT, "    await asyncio.Event().wait()\n"),)),
    "broken-health": Version(
        "2.3.0",
        "Answer 500 for health",
        (("api/health.py", "    global _checked_at\n", '    raise RuntimeError("this version has no health")\n'),),
    ),
    "broken-unhealthy": Version(
        "2.4.0", "Never be healthy", (("api/health.py", 'status = "healthy"', 'status = "unhealthy"'),)
    ),
    "broken-requirements": Version(
        "2.5.0", "Require what does not exist", (("requirements.txt", "redis==5.2.1", "redis==999.0.0"),)
    ),
    "broken-migration": Version(
        "2.6.0",
        "Fail half-way through a migration",
        (_migration("half of it", "CREATE TABLE half (id integer); ALTER TABLE missing ADD COLUMN x text"),),
    ),
    "broken-after-migration": Version(
        "2.6.1",
        "Migrate, and never be healthy",
        (
            _migration("payments", "CREATE TABLE payments (id integer PRIMARY KEY)"),
            ("api/health.py", 'status = "healthy"', 'status = "unhealthy"'),
        ),
    ),
    "slow-start": Version("2.7.0", "Take 20 s to start", ((SERVER, "or 0.0)", "or 20.0)"),)),
    "crash-later": Version(
        "2.8.0",
        "Exit 3 s after the start",
        ((SERVER, WAIT, WAIT + "    asyncio.get_running_loop().call_later(3, os._exit, 1)\n"),),
    ),
    "no-coordinator": Version("2.9.0", "Answer 500 for nodes", (("api/nodes.py", "| None = {}", "| None = None"),)),
}


def tree() -> Files:
    """The files of app/ as a checkout has them, by their path in it."""
    return {
        str(path.relative_to(APP)): path.read_text()
        for path in sorted(APP.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def apply(files: Mapping[str, str], version: Version) -> Files:
    changed = dict(files)
    number = ("api/__init__.py", 'VERSION = "2.0.0"', f'VERSION = "{version.number}"')
    for name, old, new in (number, *version.edits):
        if changed[name].count(old) != 1:
            raise ValueError(f"{name} has {old!r} {changed[name].count(old)} times, not once: mend the edits here")
        changed[name] = changed[name].replace(old, new)
    return changed


def requirements() -> str:
    """All that the versions which can be installed require: what a wheelhouse for them must hold."""
    names = [name for name in VERSIONS if name != "broken-requirements"]
    texts = [apply(tree(), VERSIONS[name])["requirements.txt"] for name in names]
    return "".join(dict.fromkeys("".join(texts).splitlines(keepends=True)))


def _data(text: str) -> bytes:
    return b"data %d\n%b\n" % (len(text.encode()), text.encode())


def _commit(mark: int, parent: int | None, version: Version, files: Files) -> bytes:
    signature = f"{WHO} {WHEN + 3600 * mark} +0000"
    parts = [f"commit refs/heads/main\nmark :{mark}\nauthor {signature}\ncommitter {signature}\n".encode()]
    parts.append(_data(version.summary + "\n"))
    parts.append(f"from :{parent}\n".encode() if parent else b"")
    parts.append(b"deleteall\n")
    parts += [f"M 100644 inline {name}\n".encode() + _data(text) for name, text in files.items()]
    return b"".join(parts)


def history() -> bytes:
    """The whole repository, as `git fast-import` reads it."""
    files = tree()
    parts = []
    marks = {name: mark for mark, name in enumerate(VERSIONS, start=1)}
    for name, version in VERSIONS.items():
        parent = {"v1": None, "v2": marks["v1"]}.get(name, marks["v2"])
        # Each starts anew from its parent; the branch itself is put where it belongs at the end.
        parts.append(b"reset refs/heads/main\n")
        parts.append(_commit(marks[name], parent, version, apply(files, version)))
        parts.append(
            f"tag {name}\nfrom :{marks[name]}\ntagger {WHO} {WHEN + 3600 * marks[name]} +0000\n".encode()
            + _data(version.summary + "\n")
        )
    parts.append(f"reset refs/heads/main\nfrom :{marks['v2']}\n".encode())
    return b"".join(parts)


def make(dest: Path) -> bool:
    """Make the repository at `dest`, or leave it where it is up to date already. Says whether it was made."""
    dest = dest.absolute()
    dest.parent.mkdir(parents=True, exist_ok=True)
    stream = history()
    stamp = hashlib.sha256(stream).hexdigest()
    with (dest.parent / f".{dest.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (dest / STAMP).is_file() and (dest / STAMP).read_text() == stamp:
            return False
        if dest.exists() and not (dest / STAMP).is_file():
            raise FileExistsError(f"{dest} is not a repository that was made here; remove it, or name another place")
        new, old = (dest.parent / f".{dest.name}.{suffix}" for suffix in ("new", "old"))
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)
        _git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(new))
        _git("-C", str(new), "fast-import", "--quiet", stdin=stream)
        (new / STAMP).write_text(stamp)
        if dest.exists():
            dest.rename(old)
        new.rename(dest)
        shutil.rmtree(old, ignore_errors=True)
    return True


def _git(*arguments: str, stdin: bytes = b"") -> None:
    subprocess.run(["git", *arguments], input=stdin, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("dest", nargs="?", type=Path, help="where the bare repository goes")
    what.add_argument("--requirements", action="store_true", help="print what all versions require, for a wheelhouse")
    chosen = parser.parse_args()
    if chosen.requirements:
        print(requirements(), end="")
    else:
        print(f"{chosen.dest}: {'made' if make(chosen.dest) else 'up to date'}")


if __name__ == "__main__":
    main()
