#!/usr/bin/env bash
# Takes the demo's journey without a display, and checks what it promises: on held-out examples the loss falls by 30 % or
# more, and exact answers at least double.
#
#   .ci/demo.sh PROGRAM FOLDER
set -euo pipefail

program="$1"
folder="$2"
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"

env -u DISPLAY -u WAYLAND_DISPLAY timeout 600 "$program" demo --json --out "$folder" >"$folder.jsonl"
python3 - "$folder.jsonl" <<'PY'
import json, sys

events = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
done = events[-1]
assert done["event"] == "done", done
loss = done["held_out_loss_adapter"] / done["held_out_loss_base"]
exact = (done["exact_base"], done["exact_adapter"])
print(f"held-out loss {done['held_out_loss_base']:.3f} -> {done['held_out_loss_adapter']:.3f}, "
      f"exact answers {exact[0]:.0%} -> {exact[1]:.0%} of {done['questions']}, {done['seconds']:.0f} s")
assert loss <= 0.7, "held-out loss fell by less than 30 %"
assert exact[1] >= max(2 * exact[0], 0.2), "exact answers did not double"
PY
