#!/usr/bin/env python3
"""Times `odeon sample` beside the leanest Python loop over ONNX Runtime, interleaved, and prints ratios.

    scripts/sidebyside.py --odeon ./odeon --bench DIR --pretrained DIR [--rounds 5] [--case NAME ...]

DIR of --bench holds peers.py (`ort-loop`: onnxruntime and numpy, default threads, batched guidance). Two clocks:

  loop    seconds from the first step to the last decoded sample; each side runs once, cold, in a new process
  process seconds from the start of the process to its end, the samples written to a .npy file

Each row is the median over rounds of (odeon / python) within one round, so that a machine that changes its pace
between rounds does not change the ratio. Run it with the python that has onnxruntime and numpy.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# name: (network, odeon's flags, the peer's flags). Both sides take the same number of steps and of samples.
CASES = {
    "emnist-latent": ("flow.onnx", "-n 16 --steps 25 --guidance 4", ""),
    "mnist-vit": ("model.onnx", "-n 16 --steps 50 --guidance 2 --guidance-interval 0.3,0.7", ""),
    "anime64": ("model.onnx", "-n 4 --grid linspace --steps 4", "--steps 4"),
    "dino": ("model.onnx", "-n 1000", ""),
    "moons-otcfm": ("model.onnx", "-n 1000 --steps 100", ""),
    "circles-score": ("score.onnx", "-n 1000 --steps 200 --sigma forward --t-start 0.02 --t-end 0.999", ""),
    "mnist-geometric": ("model.onnx", "-n 16 --indexes 1000-961 --end-index 960", "--steps 40"),
}


def run(argv, env=None):
    start = time.perf_counter()
    p = subprocess.run(argv, capture_output=True, text=True, env=env)
    wall = time.perf_counter() - start
    if p.returncode:
        sys.exit("%s\nexit %d: %s" % (" ".join(argv), p.returncode, p.stderr.strip()))
    return json.loads(p.stdout.strip().splitlines()[-1]), wall


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--odeon", default=os.path.join(HERE, "..", "odeon"))
    p.add_argument("--bench", default=os.path.join(HERE, "..", "..", "shared", "bench"))
    p.add_argument("--pretrained", default=os.path.join(HERE, "..", "..", "shared", "pretrained"))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--case", action="append", choices=list(CASES))
    p.add_argument("--flags", default="", help="further flags for odeon, such as '--workers 1 --threads 2'")
    a = p.parse_args()
    env = dict(os.environ, ODEON_PRETRAINED=a.pretrained)
    print("%-16s %28s   %28s" % ("", "loop, s: odeon python ratio", "process, s: odeon python ratio"))
    with tempfile.TemporaryDirectory() as tmp:
        for name in a.case or CASES:
            network, ours, theirs = CASES[name]
            card = os.path.join(HERE, "..", "testdata", "cards", name + ".json")
            out = os.path.join(tmp, "samples.npy")
            odeon = [a.odeon, "sample", os.path.join(a.pretrained, name, network), "--card", card, "--json", "--quiet", "-o", out]
            odeon += ours.split() + a.flags.split()
            python = [sys.executable, os.path.join(a.bench, "peers.py"), "ort-loop", name, "--repeat", "1", "--warmup", "0", "--out", out]
            python += theirs.split()
            loop, process = [], []
            for r in range(a.rounds + 1):
                d, wall = run(odeon)
                q, qwall = run(python, env)
                if r:  # the first round warms the disk cache
                    loop.append((d["seconds"]["walk"], q["total_s"]))
                    process.append((wall, qwall))
            row = "%-16s" % name
            for pairs in (loop, process):
                m = [statistics.median(v) for v in zip(*pairs)]
                row += " %10.4f %8.4f %7.2f  " % (m[0], m[1], statistics.median(x / y for x, y in pairs))
            print(row, flush=True)


if __name__ == "__main__":
    main()
