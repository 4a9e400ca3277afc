#!/bin/sh
# setup.sh VENV PYTHON WHAT: make a virtual environment and install WHAT into it, editable. uv if present, else venv + pip.
# For development AReno comes too, whose hooks are tested: without its own dependencies, which are gigabytes.
set -eu
venv=$1 python=$2 what=$3 areno=
case $what in *dev*) areno=areno==0.10.0 ;; esac
export ARENO_BUILD_EXT=0

say() { printf '%s\n' "$*" >&2; }

if ! command -v "$python" >/dev/null 2>&1; then
    say "setup: there is no $python. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "setup: $python is $("$python" -V 2>&1); Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"
    exit 1
fi
offline() {
    say "setup: the packages could not be installed (see above). They come from the package index: is there a network? A"
    say "  mirror or a folder of wheels is named by PIP_INDEX_URL, PIP_FIND_LINKS (pip) or UV_INDEX_URL, UV_FIND_LINKS (uv)."
    exit 1
}
if command -v uv >/dev/null 2>&1; then
    [ -x "$venv/bin/python" ] || uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" --editable "$what" || offline
    [ -z "$areno" ] || uv pip install --quiet --python "$venv/bin/python" --no-deps "$areno" || offline
    exit 0
fi
# An environment without pip is one that was left half-made, or that uv made.
if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
    if ! "$python" -c 'import ensurepip' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "setup: $python has no ensurepip, so it can not make a virtual environment. Remedy, one of:"
        say "  apt-get install python$version-venv      (Debian, Ubuntu)"
        say "  pipx install uv                          (or uv from anywhere else: it needs no ensurepip)"
        exit 1
    fi
    "$python" -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$what" || offline
[ -z "$areno" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$areno" || offline
