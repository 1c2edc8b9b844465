#!/usr/bin/env bash
# Opens the real window on a virtual display, goes through the demo by keyboard and mouse, and keeps a screenshot of
# every stage. Fails when the window does not come, a screenshot is empty, or the program does not end well.
#
#   .ci/window.sh PROGRAM FOLDER
set -euo pipefail

program="$(realpath "$1")"
shots="$2"
rm -rf "$shots"
mkdir -p "$shots"
shots="$(realpath "$shots")"

title="Hydra Studio"
# A window that draws its text has hundreds of shades; an empty or half-drawn one has a handful.
min_colours=150

# A home of its own: the first start is shown, and no one's settings are touched.
home="$(mktemp -d /tmp/hydra-studio-window.XXXXXX)"
mkdir -m 700 "$home/runtime"
export HOME="$home" XDG_CONFIG_HOME="$home/config" XDG_DATA_HOME="$home/data" XDG_CACHE_HOME="$home/cache"
export XDG_RUNTIME_DIR="$home/runtime"
unset WAYLAND_DISPLAY

started=()
clean_up() {
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait || true
    rm -rf "$home"
}
trap clean_up EXIT

fail() {
    echo "The window: $1" >&2
    import -window root "$shots/failure.png" 2>/dev/null || true
    if [ -s "$shots/program.log" ]; then
        echo "The program said:" >&2
        tail -n 40 "$shots/program.log" >&2
    fi
    exit 1
}

# Waits until a command succeeds: await SECONDS WHAT COMMAND…
await() {
    local until=$((SECONDS + $1)) what="$2"
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$until" ]; then
            fail "$what did not come in time"
        fi
        sleep 0.3
    done
}

# Keeps the screen as NAME.png and checks that something is drawn on it.
shot() {
    sleep 0.7
    import -window root "$shots/$1.png"
    local colours
    colours="$(identify -format '%k' "$shots/$1.png")"
    echo "$1.png: $colours colours"
    if [ "$colours" -lt "$min_colours" ]; then
        fail "$1.png has $colours colours, fewer than $min_colours: it looks empty"
    fi
}

key() {
    xdotool key --clearmodifiers "$@"
    sleep 0.4
}

# Clicks at a point inside the window.
click() {
    xdotool mousemove --window "$window" "$1" "$2"
    sleep 0.3
    xdotool click 1
    sleep 0.4
}

# Clicks the primary button of the page in the dark theme: the one large patch of the accent colour right of the rail.
accent="#5266eb"
click_primary() {
    # Away from any button, which would change its colour under the pointer.
    xdotool mousemove --window "$window" 700 30
    sleep 0.5
    import -window "$window" "$shots/page.png"
    local patch
    patch="$(convert "$shots/page.png" -crop +200+0 +repage -fill white -opaque "$accent" -fill black +opaque white \
        -define connected-components:verbose=true -define connected-components:area-threshold=900 \
        -connected-components 4 null: | awk '$5 ~ /255|100%|white|99/ && $4 > 900 { print $2; exit }')"
    if [ -z "$patch" ]; then
        fail "no primary button was found on the page"
    fi
    local width height left top
    IFS='x+' read -r width height left top <<<"$patch"
    click $((200 + left + width / 2)) $((top + height / 2))
    rm "$shots/page.png"
}

# Fails unless two screenshots differ in more than so many pixels: must_differ ONE OTHER PIXELS
must_differ() {
    local differing
    differing="$(compare -metric AE "$shots/$1.png" "$shots/$2.png" null: 2>&1 || true)"
    if [ "${differing%%[!0-9]*}" -le "$3" ]; then
        fail "$2.png shows nothing new: only $differing pixels differ from $1.png"
    fi
}

# --- A display, a window manager (without one no window has the keyboard), the program.

# The server itself picks a free number and tells it through descriptor 6.
exec 6>"$home/display"
# Without -noreset it starts over when its last client leaves, and whoever connects in that moment is turned away.
Xvfb -displayfd 6 -screen 0 1280x860x24 -nolisten tcp -noreset >"$shots/xvfb.log" 2>&1 &
started+=("$!")
exec 6>&-
await 20 "the virtual display" test -s "$home/display"
DISPLAY=":$(tr -d '[:space:]' <"$home/display")"
export DISPLAY
await 20 "the virtual display $DISPLAY" xdpyinfo

openbox >"$shots/openbox.log" 2>&1 &
started+=("$!")
await 20 "the window manager" bash -c "xprop -root _NET_SUPPORTING_WM_CHECK | grep -q 'window id'"

"$program" >"$shots/program.log" 2>&1 &
app="$!"
started+=("$app")
await 30 "a window named $title" xdotool search --onlyvisible --name "^$title"
window="$(xdotool search --onlyvisible --name "^$title" | head -n 1)"
xdotool windowactivate --sync "$window"

# --- The walk.

. "$(dirname "${BASH_SOURCE[0]}")/walk.sh"

# --- The end: the window closes when asked, and the program ends well.

kill -0 "$app" 2>/dev/null || fail "the program ended before it was asked to"
key ctrl+q
await 30 "the program's end" bash -c "! kill -0 $app"
wait "$app" || fail "the program ended with code $?"
echo "The window opened, was walked through and closed; screenshots are in $shots"
