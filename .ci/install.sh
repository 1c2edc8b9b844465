#!/usr/bin/env bash
# Installs what building, testing and showing the window need on Debian and Ubuntu, and only what is missing.
set -euo pipefail

packages=(
    # The linker.
    gcc libc6-dev
    # The demo's figures are checked by a few lines of Python.
    python3
    # The window at run time: X11, keyboard, OpenGL in software.
    libx11-6 libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0 libgl1 libegl1
    # Snapshots of the window's parts in tests.
    mesa-vulkan-drivers
    # A display without a screen, a window manager that gives focus, keys and clicks, screenshots.
    xvfb openbox xdotool imagemagick x11-utils dbus
)

missing=()
for package in "${packages[@]}"; do
    if ! dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
        missing+=("$package")
    fi
done
if [ "${#missing[@]}" -eq 0 ]; then
    echo "Nothing is missing."
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "These packages are missing, and this user may not install them: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"
