#!/bin/sh
# setup_areno.sh VENV PYTHON: an environment of its own with AReno, CPU torch and this package, every version pinned.
set -eu
venv=$1 python=$2
here=$(dirname "$0")

sh "$here/setup.sh" "$venv" "$python" .
install() {
    if command -v uv >/dev/null 2>&1; then
        uv pip install --quiet --python "$venv/bin/python" "$@"
    else
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    fi
}
fail() {
    printf '%s\n' "setup: $1 could not be installed (see above)." >&2
    printf '%s\n' "  A mirror or a folder of wheels is named by PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS (uv: UV_...)." >&2
    exit 1
}
install -r "$here/../benchmarks/areno_cpu/requirements.txt" || fail "what AReno needs"
# Its own dependencies ask for CUDA kernels, sound and video; its extensions for nvcc. Neither is used on a CPU.
ARENO_BUILD_EXT=0 install --no-deps areno==0.10.0 || fail "areno 0.10.0"
# Only for the chat templates that it has as files, which the tests render.
install --no-deps trl==1.16.0 || fail "trl 1.16.0"
