#!/usr/bin/env python3
"""Times Odeon's training steps beside PyTorch's, interleaved, and prints ratios.

    scripts/trainbench/compare.py --python PYTHON --bench DIR [--rounds 5] [--net NAME ...] [--threads 2]

DIR holds peers.py, whose `torch-train` steps the same networks in PyTorch, eager, with Adam as it comes and fused; PYTHON is one that
has torch. Both sides draw their batches within the step. Each row is the median step of the median round, in milliseconds, of
each side, and the median over rounds of Odeon's step over the better of PyTorch's two in the same round, so that a machine that
changes its pace between rounds does not change the ratio. `--prefix 'chrt -r 10'` runs every side before other work on a
machine that is not quiet.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NETS = ["mlp2d", "mlp784", "unet28", "dit28"]


def run(argv):
    p = subprocess.run(argv, capture_output=True, text=True)
    if p.returncode:
        sys.exit("%s\nexit %d: %s" % (" ".join(argv), p.returncode, p.stderr.strip()))
    return json.loads(p.stdout.strip().splitlines()[-1])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--python", default=sys.executable)
    p.add_argument("--bench", default=os.path.join(HERE, "..", "..", "..", "shared", "bench"))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", default="2")
    p.add_argument("--net", action="append", choices=NETS)
    p.add_argument("--steps", default="0", help="steps of each run (0: four seconds' worth)")
    p.add_argument("--prefix", default="", help="a command before every command, such as 'chrt -r 10'")
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        binary = os.path.join(tmp, "trainbench")
        subprocess.run(["go", "build", "-o", binary, "."], cwd=HERE, check=True)
        common = ["--threads", a.threads, "--steps", a.steps]
        print("%-8s %10s %10s %10s %8s %18s" % ("", "odeon", "eager", "fused", "ratio", "memory, MB"))
        for net in a.net or NETS:
            sides = [[binary, "-net", net] + common]
            for mode in "eager", "eager-fused":
                sides.append([a.python, os.path.join(a.bench, "peers.py"), "torch-train", net, "--mode", mode] + common)
            rounds = [[run(a.prefix.split() + side) for side in sides] for _ in range(a.rounds)]
            times = [[r["ms_per_step"] for r in side] for side in zip(*rounds)]
            ratio = statistics.median(o / min(e, f) for o, e, f in zip(*times))
            memory = [statistics.median(r["peak_rss_mb"] for r in side) for side in zip(*rounds)]
            print("%-8s %10.2f %10.2f %10.2f %8.2f %9.0f %8.0f" % (net, *map(statistics.median, times), ratio, memory[0], memory[1]), flush=True)


if __name__ == "__main__":
    main()
