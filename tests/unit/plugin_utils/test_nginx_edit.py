# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.blyan.ops.plugins.module_utils.errors import OpsError
from ansible_collections.blyan.ops.plugins.plugin_utils import nginx_edit

LIVE = "/srv/blyan/live.sock"
MAIN = "/etc/nginx/nginx.conf"
SITE = "/etc/nginx/sites-enabled/blyan"
NGINX = b"user www-data; events {} http { include /etc/nginx/conf.d/*.conf; include /etc/nginx/sites-enabled/*; }\n"


def planned(site: str | bytes, main: bytes = NGINX) -> nginx_edit.Plan:
    return nginx_edit.plan({MAIN: main, SITE: site if isinstance(site, bytes) else site.encode()}, LIVE)


def after(site: str | bytes) -> str:
    return planned(site).texts[SITE].decode("utf-8", "surrogateescape")


def location(directive: str) -> str:
    return f"server {{ location /api/ {{ {directive} }} }}\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://localhost:8000/", f"http://unix:{LIVE}:/"),
        ("http://127.0.0.1:8000/", f"http://unix:{LIVE}:/"),
        ("http://[::1]:8000/", f"http://unix:{LIVE}:/"),
        ("http://localhost:8000", f"http://unix:{LIVE}"),
        ("http://localhost:8000/v1/", f"http://unix:{LIVE}:/v1/"),
    ],
)
@pytest.mark.parametrize(
    "form",
    ["proxy_pass {};", "proxy_pass   {} ;", "proxy_pass\n\t{};", 'proxy_pass "{}";', "proxy_pass '{}';"],
    ids=["plain", "spaces", "two lines", "quotes", "single quotes"],
)
def test_the_argument_alone_changes(form: str, old: str, new: str) -> None:
    assert after(location(form.format(old))) == location(form.format(new))


def test_every_other_byte_stays() -> None:
    site = (
        b"# proxy_pass http://localhost:8000/;\r\n\xef\xbb\xbf# caf\xe9 \xff\r\n"
        b"limit_req_zone $binary_remote_addr zone=api:10m rate=10r/s;\r\n"
        b"server {\n\tlocation /api/ { # proxy_pass http://localhost:8000/;\r\n"
        b"\t\tlimit_req zone=api burst=20 nodelay;\n"
        b"\t\tif ($request_method = 'OPTIONS') { add_header 'A-B' 'proxy_pass http://localhost:8000/;'; return 204; }\n"
        b"\t\tproxy_pass http://localhost:8000/; # http://localhost:8000/\n\t}\n"
        b"\tlocation /ws/ { proxy_pass http://127.0.0.1:8000/ws/; } "
        b"location /x/ { proxy_pass http://127.0.0.1:8000/; }\n"
        b"\tlocation /other/ { proxy_pass http://localhost:5000/; }\n}"
    )
    found = planned(site)
    assert list(found.texts) == [SITE]
    want = site.replace(b"\t\tproxy_pass http://localhost:8000/;", b"\t\tproxy_pass http://unix:%b:/;" % LIVE.encode())
    want = want.replace(b"http://127.0.0.1:8000/ws/", b"http://unix:%b:/ws/" % LIVE.encode())
    want = want.replace(b"http://127.0.0.1:8000/;", b"http://unix:%b:/;" % LIVE.encode())
    assert found.texts[SITE] == want


def test_a_comment_before_it_on_its_line_is_refused_rather_than_changed() -> None:
    """The directive begins on the line on which the comment stands, so that the two cannot be told apart."""
    site = "server { location / { proxy_pass # proxy_pass http://localhost:8000/;\n http://localhost:8000/; } }\n"
    with pytest.raises(OpsError, match="cannot be changed without touching anything else"):
        after(site)


def test_a_simple_upstream() -> None:
    site = "upstream app { server 127.0.0.1:8000 max_fails=3; }\n" + location("proxy_pass http://app/;")
    assert after(site) == site.replace("127.0.0.1:8000", f"unix:{LIVE}")


def test_what_it_serves_from_files_and_where_a_file_of_ours_fits() -> None:
    site = location("proxy_pass http://localhost:8000/;") + "server { root /var/www; location / { alias /root/x/; } }"
    found = planned(site)
    assert found.folders == ["/root/x/", "/var/www"]
    assert found.include == "/etc/nginx/conf.d"
    only_sites = b"http { include sites-enabled/*; }"
    assert planned(site, only_sites).include == "/etc/nginx/sites-enabled"


APP = location("proxy_pass http://localhost:8000/;")


@pytest.mark.parametrize(
    ("site", "reason"),
    [
        (location("proxy_pass http://localhost:5000/;"), "nothing in the configuration of nginx leads to port 8000"),
        ("# proxy_pass http://localhost:8000/;\n", "nothing in the configuration of nginx leads to port 8000"),
        (location("proxy_pass http://$backend;"), f"{SITE}:1: proxy_pass http://\\$backend has a variable"),
        (location("proxy_pass http://localhost:8000$uri;"), "has a variable"),
        (location("proxy_pass http://localhost:8000/$1;"), "has a variable"),
        (location("proxy_pass https://localhost:8000/;"), "is not plain HTTP to the app"),
        ("stream { server { proxy_pass 127.0.0.1:8000; } }", "is not plain HTTP to the app"),
        (location("uwsgi_pass 127.0.0.1:8000;"), "only proxy_pass is understood"),
        (APP + "server { listen 10.0.0.1:8000; }", "nginx is told to listen on port 8000"),
        (APP + "server { listen 8000; }", "nginx is told to listen on port 8000"),
        ("upstream app { server localhost:8000; server 10.0.0.2:8000; }", "the upstream app has more than one server"),
        ("upstream app { server localhost:8000; keepalive 8; }", "keeps connections open"),
        ("server { } }", f"{SITE}:1: unexpected"),
        (APP + "server { location / {", f"{SITE}:2: unexpected end of file"),
    ],
)
def test_refused(site: str, reason: str) -> None:
    with pytest.raises(OpsError, match=reason) as refused:
        planned(site)
    assert refused.value.next_step


TWO = """server {
 location /a/ { proxy_pass http://localhost:8000/; }
 location /b { proxy_pass http://127.0.0.1:8000/; }
}
"""


def test_a_file_that_was_changed_since_is_led_back() -> None:
    led = after(TWO)
    changed = "# more\n" + led.replace("location /b", "location /bb") + "# more\n"
    assert nginx_edit.back(SITE, changed.encode(), TWO.encode(), LIVE) == (
        b"# more\n" + TWO.replace("location /b", "location /bb").encode() + b"# more\n"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"http://unix:{LIVE}:/", f"http://unix:{LIVE}"),
        (f" location /a/ {{ proxy_pass http://unix:{LIVE}:/; }}\n", ""),
        ("server {\n", f"server {{ location /c {{ proxy_pass http://unix:{LIVE}:/; }}\n"),
    ],
    ids=["leads there otherwise", "one less", "one more"],
)
def test_one_that_is_not_understood_is_not_led_back(old: str, new: str) -> None:
    changed = after(TWO).replace(old, new, 1)
    with pytest.raises(OpsError, match=r"what leads to /srv/blyan/live\.sock in it is not what did then"):
        nginx_edit.back(SITE, changed.encode(), TWO.encode(), LIVE)


def test_one_that_includes_no_folder_has_no_place_for_a_file() -> None:
    assert planned(APP, b"include conf.d/*.conf; http { include /etc/nginx/blyan.conf; }").include == ""


def test_refused_without_crossplane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx_edit, "crossplane", None)
    with pytest.raises(OpsError, match="crossplane is not on the controller"):
        planned(APP)
