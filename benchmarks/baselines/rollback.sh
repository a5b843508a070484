#!/usr/bin/env bash
# "Rollback" of the runbook, as one types it. Usage: rollback.sh VERSION COMMIT
set -e

cd /root/blyan
git log --oneline -5
git checkout --quiet "$2"
systemctl restart aiblock
until curl --silent --fail http://localhost/api/health | grep --quiet "\"version\":\"$1\""; do sleep 0.1; done
