# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP as the procedures need it: one bounded request over TCP, TLS or a Unix socket, without proxies."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from .errors import OpsError

_MOST_BYTES = 4 * 1024 * 1024
_URL = re.compile(r"https?://[!-~]+")


@dataclass(frozen=True)
class Answer:
    """What a server answered: status, headers (lower-case names) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Unanswered(Exception):
    """No answer came: refused, reset, timed out, or it was not HTTP. The text says which."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(
    url: str,
    *,
    timeout: float = 5.0,
    unix_socket: str = "",
    validate_certs: bool = True,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET a URL once.

    Args:
        url: an ``http://`` or ``https://`` URL; with ``unix_socket`` only its path counts.
        timeout: seconds to wait for the answer to begin, and then for its end.
        unix_socket: path of a socket to connect to instead of the URL's host.
        validate_certs: whether the server's certificate has to be valid.
        headers: headers to send besides the usual ones.

    Raises:
        Unanswered: there was no answer.
        OpsError: the URL is no HTTP URL.
    """
    return _ask("GET", url, None, headers or {}, timeout, unix_socket, validate_certs)


def post(url: str, value: Any, *, unix_socket: str, headers: Mapping[str, str], timeout: float = 5.0) -> Answer:
    """POST a JSON value once, as :func:`get` gets.

    Raises:
        Unanswered: there was no answer; whether the value arrived is not known.
        OpsError: the URL is no HTTP URL.
    """
    sent = {"Content-Type": "application/json", **headers}
    return _ask("POST", url, json.dumps(value).encode(), sent, timeout, unix_socket, True)


def _ask(
    method: str,
    url: str,
    sent: bytes | None,
    more: Mapping[str, str],
    timeout: float,
    unix_socket: str,
    validate_certs: bool,
) -> Answer:
    parts, port = _split(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = _connection(parts.scheme, str(parts.hostname), port, timeout, unix_socket, validate_certs)
    try:
        connection.request(method, path, sent, {"User-Agent": "blyan.ops", "Connection": "close", **more})
        response = connection.getresponse()
        body = _body(response, time.monotonic() + timeout)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body)
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(_why(error)) from error
    finally:
        connection.close()


def _split(url: str) -> tuple[SplitResult, int | None]:
    """The parts of a URL, with its port where it names one."""
    try:
        parts = urlsplit(url)
        if _URL.fullmatch(url) and parts.hostname:
            return parts, parts.port
    except ValueError:
        pass
    raise OpsError(f"{url!r} is not an HTTP URL", next_step="write it as http://host/path or https://host/path")


def _body(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body, which has to end: a stream goes on sending and so never meets the timeout of its socket."""
    body = b""
    while len(body) < _MOST_BYTES:
        part = response.read1(65536)
        if not part:
            break
        if time.monotonic() > deadline:
            raise TimeoutError
        body += part
    return body


def _why(error: Exception) -> str:
    """Why no answer came, in words."""
    known = {
        FileNotFoundError: "its socket is not there",
        ConnectionRefusedError: "connection refused",
        ConnectionResetError: "connection reset",
        TimeoutError: "timed out",
        http.client.RemoteDisconnected: "connection closed without an answer",
    }
    return known.get(type(error), f"{type(error).__name__}: {error}")


def _connection(
    scheme: str, host: str, port: int | None, timeout: float, unix_socket: str, validate_certs: bool
) -> http.client.HTTPConnection:
    if unix_socket:
        return _UnixConnection(unix_socket, timeout)
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    tls = ssl.create_default_context()
    if not validate_certs:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=tls)
