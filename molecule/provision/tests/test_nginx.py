# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx in front of an app: a stand-in on a Unix socket for each of two slots."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

SLOTS = ("blue", "green")
# Answers with what it was asked; /stream sends one event, and the next one once /tmp/go is there.
APP = """
import json, os, socketserver, sys, time
from http.server import BaseHTTPRequestHandler

class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.path == "/stream":
            self.wfile.write(b"data: 1\\n\\n")
            while not os.path.exists("/tmp/go"):
                time.sleep(0.01)
            self.wfile.write(b"data: 2\\n\\n")
        else:
            headers = {name.lower(): self.headers[name] for name in self.headers}
            self.wfile.write(json.dumps({"slot": sys.argv[1], "path": self.path, **headers}).encode())

    def address_string(self):
        return "nginx"

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

Server(f"/run/stand-in/{sys.argv[1]}.sock", App).serve_forever()
"""


@pytest.fixture(scope="module")
def app(host: Any) -> Iterator[Any]:
    """The host, with a stand-in in both slots; blue serves."""
    host.check_output("mkdir -p /run/stand-in && chown blyan:www-data /run/stand-in && chmod 2750 /run/stand-in")
    host.check_output(f"cat > /tmp/stand-in.py <<'END'\n{APP}\nEND")
    for slot in SLOTS:
        unit = f"systemd-run --quiet --unit=stand-in-{slot} --uid=blyan --gid=www-data --property=UMask=0007"
        host.check_output(f"{unit} python3 /tmp/stand-in.py {slot}")
        host.check_output(f"until test -S /run/stand-in/{slot}.sock; do :; done")
    switch(host, "blue")
    yield host
    host.check_output("systemctl stop stand-in-blue stand-in-green")
    host.check_output("rm -rf /run/stand-in /tmp/stand-in.py /srv/blyan/live.sock /tmp/go")


def switch(host: Any, slot: str) -> None:
    """Point the link at a slot, in one rename, as a deploy does."""
    link = "/srv/blyan/live.sock"
    host.check_output(f"ln -s /run/stand-in/{slot}.sock {link}.new && mv --no-target-directory {link}.new {link}")


def get(host: Any, url: str, options: str = "") -> dict[str, str]:
    answer: dict[str, str] = json.loads(host.check_output(f"curl --silent --show-error --fail {options} '{url}'"))
    return answer


def test_while_nothing_is_deployed(host: Any) -> None:
    for url in ("http://127.0.0.1/api/health", "http://127.0.0.1:8000/health"):
        assert host.check_output(f"curl --silent --output /dev/null --write-out '%{{http_code}}' {url}") == "502"


def test_the_configuration_is_without_complaint(host: Any) -> None:
    told = host.run("nginx -t")
    assert told.rc == 0
    assert "warn" not in told.stderr


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://127.0.0.1/api/health", "/health"),
        ("http://127.0.0.1/api/a/b%20c?d=%2F", "/a/b%20c?d=%2F"),
        ("http://127.0.0.1:8000/api/health", "/api/health"),
        ("http://127.0.0.1:8000/a/b?d=e", "/a/b?d=e"),
        ("http://[::1]/api/health", "/health"),
        ("http://[::1]:8000/health", "/health"),
    ],
)
def test_the_prefix_ends_at_nginx(app: Any, url: str, path: str) -> None:
    assert get(app, url)["path"] == path


def test_what_a_client_claims_is_not_passed_on(app: Any) -> None:
    claims = (
        "-H 'X-Forwarded-For: 10.1.1.1' -H 'X-Real-IP: 10.1.1.1' -H 'X-Forwarded-Proto: https' -H 'Host: blyan.com'"
    )
    told = get(app, "http://127.0.0.1/api/health", claims)
    assert told["x-forwarded-for"] == told["x-real-ip"] == "127.0.0.1"
    assert told["x-forwarded-proto"] == "http"
    assert told["host"] == told["x-forwarded-host"] == "blyan.com"


def test_a_switch_of_the_link_takes_effect_at_once(app: Any) -> None:
    workers = app.check_output("pgrep --parent $(cat /run/nginx.pid)")
    for slot in ("green", "blue", "green", "blue"):
        switch(app, slot)
        # Several, so that each worker and each kept connection is asked.
        urls = "http://127.0.0.1/api/{1,2,3,4} http://127.0.0.1:8000/{1,2,3,4}"
        answers = app.check_output(f"bash -c 'for u in {urls}; do curl --silent --fail $u; echo; done'").splitlines()
        assert [json.loads(answer)["slot"] for answer in answers] == [slot] * 8
    assert app.check_output("pgrep --parent $(cat /run/nginx.pid)") == workers


@pytest.mark.parametrize("url", ["http://127.0.0.1/api/stream", "http://127.0.0.1:8000/stream"])
def test_an_event_comes_when_it_is_sent(app: Any, url: str) -> None:
    script = (
        "rm -f /tmp/go /tmp/events; "
        f"curl --silent --no-buffer --max-time 30 {url} > /tmp/events & "
        "n=0; until grep -q 'data: 1' /tmp/events; do n=$((n+1)); test $n -lt 500; sleep 0.02; done; "
        "cat /tmp/events; touch /tmp/go; wait; echo whole; cat /tmp/events"
    )
    first, whole = app.check_output(f"bash -ec '{script}'".replace("'data: 1'", '"data: 1"')).split("whole")
    assert first.split() == ["data:", "1"]
    assert whole.split() == ["data:", "1", "data:", "2"]


@pytest.mark.parametrize("url", ["http://127.0.0.1/api/health", "http://127.0.0.1:8000/health"])
def test_a_temporary_measure_reaches_both_ports(app: Any, url: str) -> None:
    app.check_output(
        "echo 'map $remote_addr $stand_in { default 1; }' > /etc/nginx/blyan.d/http/test.conf && "
        "echo 'if ($stand_in) { return 429; }' > /etc/nginx/blyan.d/api/test.conf && systemctl reload nginx"
    )
    code = f"curl --silent --output /dev/null --write-out '%{{http_code}}' {url}"
    app.check_output(f"until test $({code}) = 429; do :; done")
    app.check_output("rm /etc/nginx/blyan.d/*/test.conf && systemctl reload nginx")
    app.check_output(f"until test $({code}) = 200; do :; done")
