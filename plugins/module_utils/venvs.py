# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a release needs from PyPI, and the virtual environment that holds it."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shlex
import shutil
from pathlib import Path
from typing import Callable

from . import atomic
from .errors import OpsError
from .shell import Completed, Shell, to_disk
from .systemd import Systemd
from .urls import refuse_credentials, without_credentials

_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)")
_WHOLE = ".complete"
_WHERE_CREDENTIALS_GO = (
    "leave it out of the URL, and write it for that host into venvs/.cache/.netrc under deploy_root, in pip's home:"
    " owned by deploy_user, mode 0600"
)
_NO_VENV, _NO_UVICORN = 101, 102
#: Takes the interpreter, the virtual environment, the release, its requirements file, and arguments for pip.
_BUILD = f"""
python=$1 venv=$2 release=$3 requirements=$4
shift 4
"$python" -m venv "$venv" || exit {_NO_VENV}
(cd "$release" && exec "$venv/bin/python" -m pip install --no-input -r "$requirements" "$@") || exit 1
"$venv/bin/python" -c "import uvicorn" || exit {_NO_UVICORN}
"""


def included(text: str) -> list[str]:
    """The files that a requirements file includes, as written there."""
    return [match.group(1) for match in map(_INCLUDE.match, text.splitlines()) if match]


def gather(name: str, read: Callable[[str], str | None]) -> dict[str, str]:
    """A requirements file and all that it includes, by path.

    Args:
        name: path of the file in the repository.
        read: the text of a file of the release, or None where there is none.

    Raises:
        OpsError: one of them is not there.
    """
    found: dict[str, str] = {}
    wanted = [name]
    while wanted:
        path = wanted.pop()
        if path in found:
            continue
        text = read(path)
        if text is None:
            raise OpsError(
                f"the version has no {path}",
                next_step="add it to the app's repository; it names the packages that the app needs, with uvicorn",
            )
        found[path] = text
        wanted += [os.path.normpath(os.path.join(os.path.dirname(path), each)) for each in included(text)]
    return found


def key(requirements: dict[str, str], interpreter: str, extra_arguments: str) -> str:
    """The name of the virtual environment for these requirements: the same ones give the same name.

    Args:
        requirements: from :func:`gather`.
        interpreter: path and version of the Python that it is made with.
        extra_arguments: what pip is told besides; ``--no-index`` or another index can give other packages.
    """
    digest = hashlib.sha256()
    for part in (interpreter, extra_arguments, *(f"{path}\0{requirements[path]}" for path in sorted(requirements))):
        digest.update(part.encode() + b"\0\0")
    return digest.hexdigest()[:16]


def interpreter(python: str) -> str:
    """Path and version of an interpreter.

    Raises:
        OpsError: it is not there.
    """
    version = Shell().must([python, "--version"], next_step="set deploy_python to an interpreter of the host")
    return f"{os.path.realpath(python)} {version.strip()}"


def split_arguments(text: str) -> list[str]:
    """pip's extra arguments as a shell would split them.

    Raises:
        OpsError: a quote is not closed, or an argument carries a password or token, which is not repeated.
    """
    refuse_credentials("deploy_pip_extra_args", text, _WHERE_CREDENTIALS_GO)
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise OpsError(
            f"deploy_pip_extra_args is {text!r} ({error})", next_step="write it as you would type it after: pip install"
        ) from error
    # Quotes may have kept a URL apart.
    refuse_credentials("deploy_pip_extra_args", " ".join(arguments), _WHERE_CREDENTIALS_GO)
    return arguments


def is_whole(venv: Path) -> bool:
    """Whether a virtual environment was built to its end."""
    return (venv / _WHOLE).exists()


def unit(venv: Path) -> str:
    """The transient service in which a virtual environment is built."""
    return f"aiblock-venv-{venv.name}.service"


def build(
    venv: Path,
    *,
    python: str,
    release: Path,
    requirements: str,
    arguments: list[str],
    user: str,
    progress: Callable[[str], None],
    fence: Callable[[], None],
    systemd: Systemd,
) -> None:
    """Build a virtual environment as the app's user, then give it to root, so that the app cannot change it.

    It is built in a unit: pip of a run that was killed would go on here, beside the one of the next run.

    Args:
        venv: its final path, as scripts in it name that path.
        release: the directory of the release.
        requirements: path of the requirements file in it.
        arguments: added to ``pip install``.
        fence: raises when this run may touch nothing more, as another one builds here by now.

    Raises:
        OpsError: it could not be built; pip's last lines say why.
    """
    account = pwd.getpwnam(user)
    cache = venv.parent / ".cache"
    systemd.end(unit(venv))
    shutil.rmtree(venv, ignore_errors=True)
    for directory in (venv, cache):
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        os.chown(directory, account.pw_uid, account.pw_gid)
    done = systemd.piped(
        unit(venv),
        ["/bin/sh", "-c", _BUILD, "sh", python, str(venv), str(release), requirements, *arguments],
        properties=[f"Description=Virtual environment {venv.name}", f"User={user}"],
        environment={
            "LC_ALL": "C.UTF-8",
            "HOME": str(cache),
            "PIP_CACHE_DIR": str(cache),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        },
        timeout=3600,
        on_line=progress,
    )
    fence()
    if not done.ok:
        raise _why(done, requirements)
    Shell().must(["chown", "-R", "root:root", str(venv)], next_step="look at the disk", timeout=120)
    to_disk(venv)
    fence()
    # By a rename: what pip installed may have put a link there.
    atomic.write(venv / _WHOLE, "", mode=0o644)


def _why(done: Completed, requirements: str) -> OpsError:
    """The error for a build that failed."""
    if done.code == _NO_VENV:
        reason, next_step = "python -m venv failed", "install python3-venv on the host, or look at its disk"
    elif done.code == _NO_UVICORN:
        reason = f"{requirements} does not bring uvicorn, which serves the app"
        next_step = f"add uvicorn to {requirements} in the app's repository"
    else:
        reason = f"pip could not install {requirements}"
        next_step = "mend the requirements or deploy_pip_extra_args; the version that serves was not touched"
    return OpsError(reason, next_step=next_step, details=[without_credentials(line) for line in done.tail(12)])
