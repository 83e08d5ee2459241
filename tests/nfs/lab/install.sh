#!/usr/bin/env bash
# Installs what the NFS laboratory needs (Debian 12; 45 MB); does nothing where all of it is there. Starts no service.
set -euo pipefail

readonly PACKAGES=(user-mode-linux nfs-common nfs-kernel-server rpcbind kmod e2fsprogs iproute2)

installed=$(dpkg-query --show --showformat='${db:Status-Status}\n' "${PACKAGES[@]}" 2>/dev/null | grep -c '^installed$' || true)
if ((installed == ${#PACKAGES[@]})); then
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
# In containers no service can be started, and none is needed: every server of the laboratory runs in a guest.
apt-get install --quiet --yes --no-install-recommends "${PACKAGES[@]}"
