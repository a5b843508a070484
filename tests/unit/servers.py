# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small servers on loopback whose answers are given byte by byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Callable

Talk = Callable[[socket.socket], None]


def answer(status: str, body: bytes = b"", *headers: str) -> Talk:
    """One whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return lambda client: client.sendall("\r\n".join(lines).encode() + body)


@contextmanager
def served(talk: Talk, at: Path | None = None) -> Iterator[tuple[str, list[str]]]:
    """Answer each request with ``talk``, on a Unix socket where ``at`` names one, else on TCP.

    Yields:
        The URL of the server, and a list that gets the head of each request.
    """
    listener = socket.socket(socket.AF_UNIX if at else socket.AF_INET)
    listener.bind(str(at) if at else ("127.0.0.1", 0))
    listener.listen()
    heads: list[str] = []

    def serve() -> None:
        # Closing the listener does not wake accept(); shutting it down does.
        with suppress(OSError):
            while True:
                client, _address = listener.accept()
                with client, suppress(OSError):
                    heads.append(client.recv(65536).decode())
                    talk(client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield ("http://localhost" if at else f"http://127.0.0.1:{listener.getsockname()[1]}"), heads
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        listener.close()
