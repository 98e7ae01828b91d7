#!/usr/bin/env python3
"""Samples from a file that `odeon compile` wrote, with nothing but ONNX Runtime and numpy.

    python3 run_compiled.py sampler.onnx -n 16 --seed 0 -o samples.npy
    python3 run_compiled.py sampler.onnx --noise noise.npy --step-noise steps.npy --label 0-9 --guidance 3 -o samples.npy

What is not given is drawn by numpy: noise and step_noise are standard normals, nothing else. A label of -1 is no class,
where the network knows that. `odeon sample --init-noise noise.npy --noise steps.npy` gives the same samples.
"""

import argparse
import json
import sys

import numpy as np
import onnxruntime


def labels(text):
    """Reads 3, -1, 0-9 or 20,21."""
    out = []
    for part in text.split(","):
        first, dash, last = part.strip()[1:].partition("-")  # one in front is a sign
        first = int(part.strip()[:1] + first)
        out += range(first, int(last) + 1) if dash else [first]
    return out


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("file", help="the compiled file")
    args.add_argument("-n", type=int, help="how many samples (16, or as many as --noise holds)")
    args.add_argument("--seed", type=int, default=0, help="of the normals that are not given")
    args.add_argument("--noise", help=".npy, [n, ...]: the start's standard normals")
    args.add_argument("--data", help=".npy, [n, ...]: the data to begin in, where the file takes some")
    args.add_argument("--step-noise", help=".npy, [k, n, ...]: the steps' standard normals, one row a draw")
    args.add_argument("--label", help="classes, taken in turn: 3, 0-9, 20,21 (all of them)")
    args.add_argument("--guidance", type=float, help="weight of guidance (the one the file was compiled with)")
    args.add_argument("--threads", type=int, default=0, help="of ONNX Runtime (as many as it likes)")
    args.add_argument("-o", "--out", default="samples.npy", help="where the samples go (samples.npy)")
    args = args.parse_args()

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.file, options, providers=onnxruntime.get_available_providers())
    about = session.get_modelmeta().custom_metadata_map.get("odeon.compiled")
    if about is None:
        sys.exit(f"{args.file}: not a compiled file; make one with odeon compile")
    about = json.loads(about)
    inputs = {i.name: i for i in session.get_inputs()}
    draw = np.random.default_rng(args.seed)

    feeds = {}
    if "data" in inputs:
        if not args.data:
            sys.exit(f"{args.file}: begins in data; give them with --data FILE.npy")
        feeds["data"] = np.load(args.data).astype(np.float32)[: args.n]
        args.n = len(feeds["data"])
    if "noise" not in inputs:
        pass
    elif args.noise:
        feeds["noise"] = np.load(args.noise).astype(np.float32)[: args.n]
    else:
        n = args.n or about.get("batch") or 16
        feeds["noise"] = draw.standard_normal([n, *inputs["noise"].shape[1:]], dtype=np.float32)
    state = feeds.get("noise", feeds.get("data"))
    n = len(state)
    if "step_noise" in inputs:
        if args.step_noise:
            feeds["step_noise"] = np.load(args.step_noise).astype(np.float32)[:, :n]
        else:
            feeds["step_noise"] = draw.standard_normal([about["draws"], *state.shape], dtype=np.float32)
    if "label" in inputs:
        if not args.label and "count" not in about["labels"]:
            sys.exit(f"{args.file}: the number of classes is not known; give --label")
        given = labels(args.label) if args.label else range(about["labels"]["count"])
        feeds["label"] = np.resize(np.array(given, np.int64), n)
    if "guidance" in inputs:
        feeds["guidance"] = np.float32(about["guidance"] if args.guidance is None else args.guidance)
    elif args.guidance is not None:
        sys.exit(f"{args.file}: it takes no weight of guidance (guidance: {about.get('guided', 'none')}); leave --guidance out")

    (samples,) = session.run(["samples"], {name: np.asarray(value) for name, value in feeds.items()})
    np.save(args.out, samples)
    print(f"{args.out}: {samples.shape[0]} samples of shape {list(samples.shape[1:])}")


if __name__ == "__main__":
    main()
