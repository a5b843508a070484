#!/usr/bin/env bash
# A provisioned host as the runbook describes it: a checkout in /root/blyan, one service on port 8000, nginx before it.
# Usage: lay_out.sh REPOSITORY, with nginx.conf and aiblock.service in /tmp
set -euo pipefail
# Who made the repository that is mounted here is not known on this host.
git config --global safe.directory '*'
[ -d /root/blyan ] || git clone --quiet "$1" /root/blyan
cd /root/blyan
git checkout --quiet main
git pull --quiet --ff-only origin main
[ -d /root/venv ] || python3 -m venv /root/venv
/root/venv/bin/pip install --quiet --no-index --find-links /srv/wheelhouse --requirement requirements.txt
set -a && . /etc/blyan/site.env && set +a
/root/venv/bin/python scripts/migrate_db.py
install -m 0644 /tmp/nginx.conf /etc/nginx/nginx.conf
install -m 0644 /tmp/aiblock.service /etc/systemd/system/aiblock.service
systemctl daemon-reload
# Before the app, which wants the port 8000 that the role gives to nginx.
systemctl restart nginx
systemctl enable --quiet aiblock
systemctl restart aiblock
