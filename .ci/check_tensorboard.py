#!/usr/bin/env python3
"""Reads a run folder's TensorBoard files with the real package and compares every curve with log.jsonl.

    pip install tensorboard
    python3 .ci/check_tensorboard.py RUN...

Exits 1 where a tag, a step or a value differs, also after the run was killed and resumed: what the log forgot must be
void to TensorBoard too.
"""

import json
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# Tag: the kind of line in the log, and how its value is read.
CURVES = {
    "train/loss": ("step", lambda line: line["loss"]),
    "train/learning_rate": ("step", lambda line: line["lr"]),
    "train/grad_norm": ("step", lambda line: line["grad_norm"]),
    "eval/loss": ("eval", lambda line: line["loss"]),
}


def single(value):
    """The value as TensorBoard keeps it, in 32 bits."""
    return struct.unpack("f", struct.pack("f", float("nan") if value is None else value))[0]


def logged(run, kind, value):
    lines = (json.loads(line) for line in (run / "log.jsonl").read_text().splitlines())
    return [(line["step"], single(value(line))) for line in lines if line["event"] == kind]


def compare(run):
    accumulator = EventAccumulator(str(run), size_guidance={"scalars": 0})
    accumulator.Reload()
    found = set(accumulator.Tags()["scalars"])
    faults = []
    for tag, (kind, value) in CURVES.items():
        expected = logged(run, kind, value)
        read = [(e.step, e.value) for e in accumulator.Scalars(tag)] if tag in found else []
        same = len(read) == len(expected) and all(
            a == b or (a[0] == b[0] and a[1] != a[1] and b[1] != b[1]) for a, b in zip(read, expected)
        )
        print(f"{run.name}: {tag}: {len(expected)} in the log, {len(read)} in TensorBoard, {'equal' if same else 'DIFFERENT'}")
        if not same:
            faults.append(f"{tag}: log {expected[:3]} … {expected[-3:]}, TensorBoard {read[:3]} … {read[-3:]}")
    others = found - set(CURVES)
    if others:
        faults.append(f"tags that this script does not know: {sorted(others)}")
    return faults


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    faults = [f"{run}: {fault}" for run in map(pathlib.Path, sys.argv[1:]) for fault in compare(run)]
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
