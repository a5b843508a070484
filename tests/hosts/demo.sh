#!/usr/bin/env bash
# A whole site on one bare host: boot, provision, deploy. Run by `make demo`.
set -euo pipefail
cd "$(dirname "$0")/../.."

say() { printf '\n== %s\n' "$*"; }

say "Booting a bare Debian 12 host"
python3 tests/hosts/hosts.py up demo
address=$(cat build/hosts/demo.address)

say "ansible-playbook playbooks/provision.yml"
ansible-playbook playbooks/provision.yml

say "ansible-playbook playbooks/deploy.yml"
ansible-playbook playbooks/deploy.yml

answer=$(curl --silent --show-error --fail --include "http://$address/api/health" | tr -d '\r')
release=$(sed -n 's/^x-blyan-release: //Ip' <<< "$answer")
health=$(sed '1,/^$/d' <<< "$answer")

cat <<END

== The site is up
address   http://$address/api/health   (and http://$address:8000/health)
release   $release
health    $health

Try next, after:  source .venv/bin/activate
  ansible-playbook playbooks/deploy.yml -e deploy_version=v3              another version
  ansible-playbook playbooks/deploy.yml -e deploy_version=broken-health   one that must not go live
  ansible-playbook playbooks/rollback.yml                                 back to the release before
  ansible-playbook playbooks/releases.yml                                 what is live, and what was
  ansible-playbook playbooks/deploy.yml -e deploy_version=v3 --check --diff   what a run would do
  python3 tests/hosts/hosts.py ssh demo                                   a shell on the host
  make demo-down                                                          leaves nothing
END
