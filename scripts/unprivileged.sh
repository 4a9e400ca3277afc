#!/bin/sh
# unprivileged.sh TARGET…: as root, make these targets as somebody who is not, in a copy of this checkout that is theirs.
# Their home is empty and theirs alone; nothing of root's home is theirs. All of it is removed at the end.
set -eu
uid=12345
checkout=$(cd "$(dirname "$0")/.." && pwd)

say() { printf '%s\n' "unprivileged: $*" >&2; }

if [ "$(id -u)" != 0 ]; then
    say "only root can become somebody else. You are not root, so this is the same: make $*"
    exit 2
fi
if ! command -v setpriv >/dev/null 2>&1; then
    say "there is no setpriv: apt-get install util-linux"
    exit 1
fi
# Groups and capabilities go with the uid. The rest of the environment stays: it says where packages come from.
as_user() {
    setpriv --reuid="$uid" --regid="$uid" --clear-groups --inh-caps=-all env \
        -u USER -u LOGNAME -u MAIL -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u VIRTUAL_ENV -u PIP_CACHE_DIR -u UV_CACHE_DIR \
        -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u XDG_STATE_HOME -u XDG_RUNTIME_DIR "$@" </dev/null
}

# The checkout may lie below a folder that others can not enter, and so may TMPDIR: the copy may not.
home=
for place in "${TMPDIR:-/tmp}" /tmp /var/tmp; do
    if (cd / && as_user test -x "$place"); then
        home=$(mktemp -d "$place/unprivileged.XXXXXX")
        break
    fi
done
if [ -z "$home" ]; then
    say "uid $uid can enter neither TMPDIR nor /tmp nor /var/tmp: set TMPDIR to a folder that everybody can enter"
    exit 1
fi
trap 'rm -rf "$home"' EXIT
trap 'exit 130' INT TERM HUP

mkdir "$home/checkout" "$home/tmp"
tar -C "$checkout" --exclude=./.venv --exclude=./.venv-areno --exclude=./runs --exclude=__pycache__ \
    --exclude=./.pytest_cache --exclude=./.mypy_cache --exclude=./.ruff_cache --exclude=./.hypothesis -cf - . |
    tar -C "$home/checkout" -xf -
chown -R "$uid:$uid" "$home"
cd "$home/checkout"
if ! as_user sh -c 'command -v "${1:-python3}" && command -v make' sh "${PYTHON:-python3}" >/dev/null; then
    say "uid $uid finds no ${PYTHON:-python3} or no make in PATH: root's may lie where others can not enter ($PATH)"
    exit 1
fi
say "as uid $uid in $home/checkout: make $*"
as_user HOME="$home" TMPDIR="$home/tmp" make "$@"
