# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hand-written nginx configuration: what in it leads to the app's port, led to a socket instead. Pure.

crossplane reads it, on the controller, as hosts do not have it. Nothing but the one argument of each directive changes,
and that is proven: the tokens of the text before and after are compared.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError

try:
    import crossplane
except ImportError:
    crossplane = None

_APP = re.compile(r"(localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0):8000")
_PASSES = ("fastcgi_pass", "grpc_pass", "memcached_pass", "scgi_pass", "uwsgi_pass")
#: Where a file of our own can be put, best first: what the main file may include within http.
_FOLDERS = ("/etc/nginx/conf.d", "/etc/nginx/sites-enabled")


@dataclass(frozen=True)
class Directive:
    """One directive: where it stands, what surrounds it, its name and arguments."""

    path: str
    line: int
    within: tuple[str, ...]
    name: str
    arguments: tuple[str, ...]

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Swap:
    """One argument of a directive, and what it is to be."""

    directive: Directive
    old: str
    new: str


@dataclass(frozen=True)
class Plan:
    """What nginx needs.

    Args:
        texts: files with their new content, by path.
        folders: the folders from which it serves files itself.
        include: a folder whose files ``*.conf`` it reads within http; empty where there is none.
    """

    texts: Mapping[str, bytes]
    folders: Sequence[str]
    include: str


def plan(files: Mapping[str, bytes], live: str) -> Plan:
    """Lead what leads to the app's port to the socket ``live``.

    Args:
        files: the content of all files of the configuration by path, the main one first.

    Raises:
        OpsError: the configuration is not understood, or nothing leads to the port.
    """
    directives = [each for path, content in files.items() for each in read(path, content)]
    _refuse(directives)
    swaps = [swap for each in directives for swap in _swaps(each, directives, live)]
    if not swaps:
        raise OpsError(
            "nothing in the configuration of nginx leads to port 8000 of this host",
            next_step="have the location of the API say proxy_pass http://localhost:8000/; then run this again",
        )
    texts = {}
    for path in dict.fromkeys(swap.directive.path for swap in swaps):
        texts[path] = swapped(path, files[path], [swap for swap in swaps if swap.directive.path == path])
    folders = [each.arguments[0] for each in directives if each.name in ("root", "alias") and each.arguments]
    return Plan(texts, sorted(set(folders)), _include(directives))


def back(path: str, now: bytes, kept: bytes, live: str) -> bytes:
    """A file that was changed since it was led to the socket, led to the port again; its changes stay.

    Args:
        now: what it holds.
        kept: what it held before it was led to the socket.
        live: the socket.

    Raises:
        OpsError: what leads to the socket now is not what was led there.
    """
    before = read(path, kept)
    led = [swap for each in before for swap in _swaps(each, before, live)]
    ours = [
        each
        for each in read(path, now)
        if each.arguments and re.fullmatch(rf"(http://)?unix:{re.escape(live)}(:.*)?", each.arguments[0])
    ]
    if [(each.name, each.arguments[0]) for each in ours] != [(swap.directive.name, swap.new) for swap in led]:
        raise OpsError(
            f"{path} was changed since this host was taken over, and what leads to {live} in it is not what did then",
            next_step="have its directives lead there as they did, in the same order, and run this again",
        )
    return swapped(path, now, [Swap(each, swap.new, swap.old) for each, swap in zip(ours, led)])


def read(path: str, content: bytes) -> list[Directive]:
    """The directives in one file.

    Raises:
        OpsError: crossplane is missing, or cannot read it.
    """
    if crossplane is None:
        raise OpsError(
            "the Python package crossplane is not on the controller, and it is needed to read the nginx configuration",
            next_step="install it where ansible runs: pip install crossplane",
        )
    with tempfile.TemporaryDirectory(prefix="blyan-ops-") as folder:
        file = Path(folder, "nginx.conf")
        file.write_bytes(content)
        found = crossplane.parse(str(file), single=True, check_ctx=False, check_args=False)
    for error in found["errors"]:
        said = str(error["error"]).partition(f" in {file}")[0] or "it ends too early"
        raise OpsError(f"{path}:{error['line'] or 1}: {said}", next_step="mend it; see nginx -t")
    return list(_walk(path, found["config"][0]["parsed"], ()))


def swapped(path: str, content: bytes, swaps: Sequence[Swap]) -> bytes:
    """The file with these arguments replaced, and every other byte as it was.

    Raises:
        OpsError: that could not be done without touching anything else.
    """
    text = content.decode("utf-8", "surrogateescape")
    starts = [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]
    parts, done = [], 0
    for swap in swaps:
        arguments = rf"{swap.directive.name}(?:\s|\\\s)+[\"']?({re.escape(swap.old)})[\"']?[\s;]"
        found = re.compile(arguments).search(text, max(done, starts[swap.directive.line - 1]))
        if found is None:
            raise _cannot_edit(swap)
        parts += [text[done : found.start(1)], swap.new]
        done = found.end(1)
    after = "".join([*parts, text[done:]]).encode("utf-8", "surrogateescape")
    expected = read(path, content)
    for swap in swaps:
        arguments_after = tuple(swap.new if each == swap.old else each for each in swap.directive.arguments)
        at = expected.index(swap.directive)
        expected[at] = Directive(path, swap.directive.line, swap.directive.within, swap.directive.name, arguments_after)
    if read(path, after) != expected or _comments(after) != _comments(content):
        raise _cannot_edit(swaps[0])
    return after


def _cannot_edit(swap: Swap) -> OpsError:
    return OpsError(
        f"{swap.directive.place}: {swap.directive.name} {swap.old} cannot be changed without touching anything else",
        next_step="write the directive on a line of its own, with one argument",
    )


def _walk(path: str, parsed: Sequence[Mapping[str, Any]], within: tuple[str, ...]) -> Iterator[Directive]:
    for each in parsed:
        yield Directive(path, each["line"], within, each["directive"], tuple(each["args"]))
        yield from _walk(path, each.get("block") or [], (*within, each["directive"]))


def _comments(content: bytes) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="blyan-ops-") as folder:
        file = Path(folder, "nginx.conf")
        file.write_bytes(content)
        return [token for token, _line, quoted in crossplane.lex(str(file)) if token.startswith("#") and not quoted]


def _refuse(directives: Sequence[Directive]) -> None:
    """Refuse what cannot be understood."""
    for each in directives:
        value = each.arguments[0] if each.arguments else ""
        host = value.partition("://")[2].partition("/")[0]
        if each.name == "proxy_pass" and ("$" in host or ("$" in value and _APP.search(host))):
            raise OpsError(
                f"{each.place}: proxy_pass {value} has a variable, so that one cannot tell where it leads",
                next_step="write the address out, as in proxy_pass http://localhost:8000/; then run this again",
            )
        if each.name == "proxy_pass" and _APP.search(value) and not value.startswith("http://"):
            raise OpsError(
                f"{each.place}: proxy_pass {value} is not plain HTTP to the app",
                next_step="have it say http://localhost:8000/; then run this again",
            )
        if each.name in _PASSES and _APP.search(value):
            raise OpsError(
                f"{each.place}: {each.name} {value} leads to port 8000, and only proxy_pass is understood",
                next_step="deploy such a host by hand, or have nginx use proxy_pass",
            )
        if each.name == "listen" and re.fullmatch(r"(.*:)?8000", value):
            raise OpsError(
                f"{each.place}: nginx is told to listen on port 8000, which the app has",
                next_step="remove that server, or give it another port; then run this again",
            )


def _swaps(each: Directive, directives: Sequence[Directive], live: str) -> Iterator[Swap]:
    value = each.arguments[0] if each.arguments else ""
    if each.name == "proxy_pass":
        host, slash, path = value.removeprefix("http://").partition("/")
        if _APP.fullmatch(host):
            yield Swap(each, value, f"http://unix:{live}" + (f":/{path}" if slash else ""))
    elif each.name == "server" and each.within[-1:] == ("upstream",) and _APP.fullmatch(value):
        _refuse_upstream(each, directives)
        yield Swap(each, value, f"unix:{live}")


def _refuse_upstream(server: Directive, directives: Sequence[Directive]) -> None:
    """Refuse an upstream that would not follow the link on each request."""
    first = directives.index(server)
    # Its head and the rest of its block stand around it.
    head = max(number for number in range(first) if directives[number].name == "upstream")
    block = []
    for each in directives[head + 1 :]:
        if len(each.within) <= len(directives[head].within) or each.path != server.path:
            break
        block.append(each)
    name = " ".join(directives[head].arguments)
    if [each for each in block if each.name == "server"] != [server]:
        raise OpsError(
            f"{directives[head].place}: the upstream {name} has more than one server",
            next_step="leave the one of this host in it; then run this again",
        )
    if any(each.name == "keepalive" for each in block):
        raise OpsError(
            f"{directives[head].place}: the upstream {name} keeps connections open (keepalive), which would not follow "
            "the traffic to another release",
            next_step="remove keepalive from it and reload nginx; then run this again",
        )


def _include(directives: Sequence[Directive]) -> str:
    """A folder of which all files ``*.conf`` are read within http; empty where there is none."""
    main = directives[0].path if directives else ""
    included = []
    for each in directives:
        if each.path == main and each.name == "include" and each.within == ("http",) and each.arguments:
            pattern = PurePosixPath(main).parent / each.arguments[0]
            if pattern.name in ("*", "*.conf"):
                included.append(str(pattern.parent))
    return next((each for each in [*_FOLDERS, *included] if each in included), "")
