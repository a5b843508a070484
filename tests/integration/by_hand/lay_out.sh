#!/usr/bin/env bash
# A bare host as the runbook leaves it: a checkout in /root/blyan, one service as root on port 8000, a site of nginx.
# Usage: lay_out.sh VERSION, with aiblock.service, override.conf and site.conf beside it
set -euo pipefail
here=$(dirname "$0")
export DEBIAN_FRONTEND=noninteractive
apt-get install --yes --quiet --no-install-recommends nginx postgresql redis-server git python3-venv > /dev/null

runuser -u postgres -- psql --quiet --command="CREATE ROLE blyan LOGIN PASSWORD 'by-hand-secret'"
runuser -u postgres -- createdb --owner=blyan blyandb

# Who made the repository that is mounted here is not known on this host.
git -c safe.directory='*' clone --quiet /srv/git/blyan.git /root/blyan
cd /root/blyan
git checkout --quiet "$1"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-index --find-links /srv/wheelhouse --requirement requirements.txt
DATABASE_URL=postgresql://blyan:by-hand-secret@localhost/blyandb venv/bin/python scripts/migrate_db.py
# What people add over the years.
printf '%s\n' '# of the app' 'BLYAN_COLOUR="teal green"' "export BLYAN_MOTTO='five $ a day'" 'ENABLE_STREAMING=false' > .env
install -m 0600 /dev/stdin /etc/aiblock.env <<'ENVIRONMENT'
# Secrets of the app
DATABASE_URL="postgresql://blyan:by-hand-secret@localhost/blyandb"
PRICE='$5 "net"'
ENVIRONMENT

install -m 0644 "$here/aiblock.service" /etc/systemd/system/aiblock.service
install -D -m 0600 "$here/override.conf" /etc/systemd/system/aiblock.service.d/override.conf
systemctl daemon-reload
systemctl enable --quiet --now aiblock

# nginx, which runs as www-data, serves /root/blyan/frontend.
chmod o+x /root
install -m 0644 "$here/site.conf" /etc/nginx/sites-available/blyan
ln -s ../sites-available/blyan /etc/nginx/sites-enabled/blyan
rm /etc/nginx/sites-enabled/default
systemctl restart nginx
