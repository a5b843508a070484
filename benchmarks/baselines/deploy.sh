#!/usr/bin/env bash
# "Production Deploy" of the runbook, as one types it. Usage: deploy.sh VERSION
set -e
. /root/venv/bin/activate
set -a && . /etc/blyan/site.env && set +a

# 1. Pull latest code
cd /root/blyan
git pull --quiet origin main
# 2. Install/update dependencies
pip install --quiet --disable-pip-version-check --no-index --find-links /srv/wheelhouse -r requirements.txt
# 3. Run migrations
python scripts/migrate_db.py
# 4. Restart services
systemctl restart aiblock
systemctl restart nginx
# 5. Verify health
until curl --silent --fail http://localhost/api/health | grep --quiet "\"version\":\"$1\""; do sleep 0.1; done
