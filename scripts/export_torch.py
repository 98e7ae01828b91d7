#!/usr/bin/env python3
"""Turns a torch.nn.Module into an ONNX file that Odeon samples from: a free batch dimension, the card inside.

    scripts/export_torch.py MODULE:FACTORY --weights FILE --card FILE -o model.onnx

FACTORY is a callable of MODULE (a .py file or an importable module) that takes nothing and returns the module; --weights
is its state dict (.safetensors, or what torch.save wrote, read with weights_only=True). The card says which of forward's
parameters is the state, the time and the label ("inputs"), one sample's shape ("shape") and the classes ("labels").

Before the file gets its name, ONNX Runtime and PyTorch compute the same random inputs in batches of 1 and 5; a larger
disagreement than --tolerance, and nothing is written. Needs torch, onnx, onnxscript, onnxruntime and numpy, and
safetensors for such weights. scripts/README.md walks through an example.
"""
import argparse
import contextlib
import difflib
import importlib
import importlib.util
import inspect
import json
import logging
import os
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass

BATCHES, ROUNDS = (1, 5), 3  # of the check; the graph is traced with TRACED samples
TRACED = 3
EXTERNAL = 1_800_000_000  # bytes of weights above which they go beside the graph: a protobuf message ends at 2 GiB

CARD_FIELDS = """name description license source network prediction predictions path time scale shape layout inputs
constants output start range labels decoder rate fps vocabulary sampling""".split()

# What forward's parameters are commonly called. The card's "inputs" settle any other name.
USUAL_NAMES = {
    "state": "x xt x_t sample z z_t zt latent latents hidden_states image images input inp",
    "time": "t time times timestep timesteps sigma noise_level noise_labels",
    "label": "y label labels class_labels class_label classes c",
}

INTEGERS = ("int32", "int64")
DTYPES = ("float32", "float64", *INTEGERS)


class Problem(Exception):
    """What the user can mend, in one line."""


@dataclass
class Input:
    """One input of the graph: a row a sample, of dtype and shape, unless it is one number for the whole batch."""

    role: str  # state, time, label, or "further"
    name: str  # in the graph
    parameter: str  # of forward
    dtype: str
    shape: tuple  # one sample's
    low: float = 0  # the range of the check's random numbers; the state's are normal
    high: float = 1
    shared: bool = False  # rank 0

    def random(self, generator, n):
        shape = () if self.shared else (n, *self.shape)
        if self.role == "state":
            return generator.standard_normal(shape).astype(self.dtype)
        if self.role == "label" and self.dtype not in INTEGERS:  # one-hot rows
            rows = generator.integers(0, self.shape[0], n)
            return (rows[:, None] == range(self.shape[0])).astype(self.dtype)
        if self.dtype in INTEGERS:
            return generator.integers(int(self.low), int(self.high) + 1, shape).astype(self.dtype)
        return generator.uniform(self.low, self.high, shape).astype(self.dtype)

    def __str__(self):
        dims = [] if self.shared else ["n", *map(str, self.shape)]
        return f"{self.name} {self.dtype}[{', '.join(dims)}]"


# --- the command line and the card ---------------------------------------------------------------------------------


def arguments(argv):
    p = argparse.ArgumentParser(prog="export_torch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("target", metavar="MODULE:FACTORY", help="models.py:make, or package.module:Class")
    p.add_argument("--weights", metavar="FILE", help="state dict: .safetensors, or .pt (default: as FACTORY made it)")
    p.add_argument("--weights-key", metavar="KEY", help="the entry of a .pt checkpoint that is the state dict, such as ema or model.ema")
    p.add_argument("--card", metavar="FILE", required=True, help="the model card, JSON")
    p.add_argument("-o", "--out", metavar="FILE", required=True, help="the ONNX file to write")
    p.add_argument("--time-rank", choices=["none", "0", "1", "2", "3", "4"], default="1",
                   help="shape of the time input: 0 is one number for the batch, 1 [n], 2 [n, 1], 4 [n, 1, 1, 1]; none: the network takes no time (default 1)")
    p.add_argument("--time-dtype", choices=DTYPES,
                   help="default float32; int64 where the card's path is discrete and its time is the index")
    p.add_argument("--time-range", metavar="LO,HI", type=numbers(2, float),
                   help="times to check at (default 0,1; all indices where the time is the index)")
    p.add_argument("--input", metavar="NAME=DTYPE:D1,D2,...", action="append", default=[], dest="further",
                   help="a further parameter of forward, a row of this shape for each sample: context=float32:77,768")
    p.add_argument("--opset", type=int, default=18, help="at least 17 (default 18)")
    p.add_argument("--exporter", choices=["dynamo", "torchscript"], default="dynamo",
                   help="PyTorch's two ways to read a module; try the other where one fails (default dynamo)")
    p.add_argument("--external", action="store_true", help="weights in FILE.data beside the graph (by itself above 1.8 GB)")
    p.add_argument("--tolerance", type=float, default=1e-4, metavar="E",
                   help="largest error of ONNX Runtime against PyTorch, as a share of the output's largest value (default 1e-4)")
    p.add_argument("--traceback", action="store_true", help="show where an error in the module's own code comes from")
    a = p.parse_args(argv)
    if ":" not in a.target:
        p.error(f"{a.target}: expected MODULE:FACTORY, such as models.py:make")
    if a.opset < 17:
        p.error(f"--opset {a.opset}: expected 17 or higher")
    return a


def numbers(count, kind):
    def parse(text):
        values = [kind(v) for v in text.split(",")]
        if len(values) != count:
            raise argparse.ArgumentTypeError(f"expected {count} numbers with commas between, found {text}")
        return values

    return parse


def read_card(path):
    try:
        with open(path, encoding="utf-8") as f:
            card = json.load(f)
    except OSError as e:
        raise Problem(f"card {path}: {e.strerror}")
    except ValueError as e:
        raise Problem(f"card {path}: not JSON: {e}")
    if not isinstance(card, dict):
        raise Problem(f"card {path}: found a {type(card).__name__}, expected an object")
    for field in card:
        if field not in CARD_FIELDS:
            near = difflib.get_close_matches(field, CARD_FIELDS, 1)
            raise Problem(f"card {path}: unknown field {field!r}" + (f" (did you mean {near[0]!r}?)" if near else f"; known: {', '.join(CARD_FIELDS)}"))
    if not ("prediction" in card or "predictions" in card):
        raise Problem(f'card {path}: no "prediction": what does the network predict? For example "velocity" or "noise"')
    if "path" not in card:
        raise Problem(f'card {path}: no "path": along which path was it trained? For example "condot", or {{"betas": "linear(1e-4,0.02)", "count": 1000}}')
    shape = card.get("shape")
    if not (isinstance(shape, list) and shape and all(type(d) is int and d > 0 for d in shape)):
        raise Problem(f'card {path}: "shape" is {json.dumps(shape)}; expected one sample\'s shape, without the batch, such as [3, 32, 32]')
    for field in ("inputs", "labels", "constants"):
        if not isinstance(card.get(field, {}), dict):
            raise Problem(f'card {path}: "{field}" is {json.dumps(card[field])}; expected an object')
    return card


def trained_steps(path):
    """The number of noise levels of a card's discrete path, else None."""
    if isinstance(path, dict):
        table = path.get("alpha_bars", path.get("betas"))
        return len(table) if isinstance(table, list) else path.get("count") if table else None
    return None


# --- the module ----------------------------------------------------------------------------------------------------


def load_module(target):
    import torch

    name, _, factory = target.rpartition(":")
    try:
        if name.endswith(".py"):
            if not os.path.isfile(name):
                raise Problem(f"{name}: no such file")
            sys.path.insert(0, os.path.dirname(os.path.abspath(name)))
            spec = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(name))[0], name)
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            sys.path.insert(0, os.getcwd())
            module = importlib.import_module(name)
    except (Exception, SystemExit) as e:
        raise e if isinstance(e, Problem) else Problem(f"{name}: cannot be imported: {oneline(e)}") from e
    try:
        make = module
        for part in factory.split("."):
            make = getattr(make, part)
    except AttributeError as e:
        near = difflib.get_close_matches(factory, dir(module), 1)
        raise Problem(f"{name}: has no {factory}" + (f" (did you mean {near[0]}?)" if near else "")) from e
    try:
        net = make if isinstance(make, torch.nn.Module) else make()
    except Exception as e:
        raise Problem(f"{target}: {oneline(e)}") from e
    if not isinstance(net, torch.nn.Module):
        raise Problem(f"{target}: returned a {type(net).__name__}, expected a torch.nn.Module")
    return net.float().cpu().eval().requires_grad_(False)


def load_weights(net, path, key):
    import torch

    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            weights = load_file(path)
        else:
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as e:
        raise Problem(f"weights {path}: no such file") from e
    except ModuleNotFoundError as e:
        raise Problem("weights in .safetensors need the safetensors package") from e
    except Exception as e:
        if "weights_only" in str(e) or "Weights only" in str(e):
            raise Problem(f"weights {path}: holds more than tensors, which is not loaded for safety; save model.state_dict() alone") from e
        raise Problem(f"weights {path}: {oneline(e)}") from e

    for part in key.split(".") if key else []:
        if not (isinstance(weights, dict) and part in weights):
            raise Problem(f"weights {path}: no entry {key!r}; found {listed(weights)}")
        weights = weights[part]
    if not (isinstance(weights, dict) and weights and all(isinstance(v, torch.Tensor) for v in weights.values())):
        raise Problem(f"weights {path}: expected a state dict, found {listed(weights)}; --weights-key names the entry that is one")

    wanted = net.state_dict()
    for prefix in ("module.", "_orig_mod."):  # left by DistributedDataParallel and torch.compile
        if all(k.startswith(prefix) for k in weights) and not any(k.startswith(prefix) for k in wanted):
            weights = {k[len(prefix):]: v for k, v in weights.items()}
    missing, extra = [k for k in wanted if k not in weights], [k for k in weights if k not in wanted]
    if missing or extra:
        raise Problem(f"weights {path}: do not fit the module: " + "; ".join(
            f"{len(keys)} {what} ({listed(keys)})" for keys, what in ((missing, "missing"), (extra, "that it does not have")) if keys))
    for k, v in weights.items():
        if v.shape != wanted[k].shape:
            raise Problem(f"weights {path}: {k} is {list(v.shape)}, the module's is {list(wanted[k].shape)}")
    net.load_state_dict(weights)


def listed(things):
    if isinstance(things, (dict, list)):
        names = [str(k) for k in things]
        return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "") or "nothing"
    return f"a {type(things).__name__}"


def find_inputs(net, card, args):
    """The graph's inputs in the order state, time, label, further."""
    parameters = {k: p for k, p in inspect.signature(net.forward).parameters.items()
                  if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    signature = f"forward({', '.join(parameters)})"
    names = card.get("inputs", {})

    def parameter(role):
        if names.get(role) in parameters:
            return names[role]
        usual = [p for p in parameters if p in USUAL_NAMES[role].split()]
        if len(usual) != 1:
            raise Problem(f'which parameter of {signature} is the {role}? Say it in the card: "inputs": {{"{role}": "NAME"}}'
                          + ("; --time-rank none if there is no time" if role == "time" else ""))
        return usual[0]

    def named(role, *rest, **more):
        p = parameter(role)
        return Input(role, names.get(role, p), p, *rest, **more)

    inputs = [named("state", "float32", tuple(card["shape"]))]

    if args.time_rank != "none":
        rank, steps = int(args.time_rank), trained_steps(card["path"])
        index = steps is not None and card.get("time", "index") == "index"
        low, high = args.time_range or ((0, steps - 1) if index else (0, 1))
        inputs.append(named("time", args.time_dtype or ("int64" if index else "float32"), (1,) * (rank - 1), low, high, shared=rank == 0))

    labels = card.get("labels")
    if labels:
        count, encoding = labels.get("count", len(labels.get("names", []))), labels.get("encoding", "index")
        if type(count) is not int or count < 1:
            raise Problem('the card\'s "labels" have no "count"')
        if encoding not in ("index", "onehot"):
            raise Problem(f'the card\'s labels.encoding is {encoding!r}; expected "index" or "onehot"')
        inputs.append(named("label", "float32", (count,)) if encoding == "onehot" else named("label", "int64", (), 0, count - 1))

    for text in args.further:
        name, _, kind = text.partition("=")
        dtype, _, dims = kind.partition(":")
        if dtype not in DTYPES or not all(d.isdigit() for d in dims.split(",") if dims):
            raise Problem(f"--input {text}: expected NAME=DTYPE:D1,D2,... with DTYPE {', '.join(DTYPES)}")
        if name not in parameters:
            raise Problem(f"--input {text}: {signature} has no parameter {name}")
        inputs.append(Input("further", name, name, dtype, tuple(int(d) for d in dims.split(",") if dims)))

    given = [i.parameter for i in inputs]
    for p in parameters:
        if given.count(p) > 1:
            raise Problem(f"two inputs are both parameter {p} of {signature}; the card's \"inputs\" should tell them apart")
        if p not in given and parameters[p].default is inspect.Parameter.empty:
            raise Problem(f'{signature} also needs {p}: classes need "labels" in the card, anything else --input {p}=DTYPE:SHAPE')
    return inputs


def output_names(card, result):
    """Names for what forward returned: what the card says, the keys of a dictionary, or "output"."""
    output = card.get("output")
    output = output.get("name") if isinstance(output, dict) else output
    several = card.get("predictions", {})
    if hasattr(result, "keys"):
        keys = list(result.keys())
        for name in several.values() if several else [output] if output else []:
            if name not in keys:
                raise Problem(f"the card's output {name!r} is not in what forward returns: {listed(keys)}")
        if not several and not output and len(keys) > 1:
            raise Problem(f'forward returns {", ".join(keys)}; which is the prediction? Say it in the card: "output": "NAME"')
        return list(several.values()) or [output or keys[0]]
    if isinstance(result, (tuple, list)):
        names = list(several.values()) or [output or "output"]
        if len(result) != len(names):
            raise Problem(f"forward returns {len(result)} tensors, the card names {len(names)}: return the prediction alone, or name them all in \"predictions\"")
        return names
    if several and len(several) != 1:
        raise Problem(f'forward returns one tensor, the card\'s "predictions" name {len(several)}')
    return list(several.values()) or [output or "output"]


# --- export, check, write ------------------------------------------------------------------------------------------


def wrap(net, inputs, outputs):
    """A module that takes the graph's inputs as one tuple and returns its outputs as one."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, tensors):
            result = self.net(**{i.parameter: x for i, x in zip(inputs, tensors)})
            if hasattr(result, "keys"):
                return tuple(result[name] for name in outputs)
            return tuple(result) if isinstance(result, (tuple, list)) else (result,)

    return Network().eval()


def check_outputs(card, outputs, results, n):
    channels = card["output"].get("channels") if isinstance(card.get("output"), dict) else None
    for name, y in zip(outputs, results):
        want = [n, *card["shape"]]
        if channels and list(y.shape[2:]) == want[2:] and y.shape[0] == n and y.shape[1] >= channels[1]:
            continue
        if list(y.shape) != want and "vocabulary" not in card:
            raise Problem(f"output {name} is {list(y.shape)} for a state of {want}"
                          + ('; which channels are the prediction? Say it in the card: "output": {"name": "%s", "channels": [0, %d]}' % (name, want[1])
                             if y.ndim == len(want) and y.shape[1] > want[1] else "; expected the state's shape"))


def export(network, example, inputs, outputs, args, path):
    import torch

    free = [{} if i.shared else {0: "n"} for i in inputs]
    common = dict(input_names=[i.name for i in inputs], output_names=outputs, opset_version=args.opset, verbose=False)
    if args.exporter == "dynamo":
        batch = torch.export.Dim("n", min=1)
        shapes = tuple({k: batch for k in f} for f in free)
        program = torch.onnx.export(network, (example,), dynamo=True, dynamic_shapes={"tensors": shapes}, **common)
        program.save(path, external_data=True)
        return
    axes = {i.name: f for i, f in zip(inputs, free) if f} | {name: {0: "n"} for name in outputs}
    torch.onnx.export(network, (example,), path, dynamo=False, dynamic_axes=axes, **common)


def finish(raw, path, card, inputs, outputs, external):
    """The exported graph with its card, its weights inside or in one file beside it."""
    import onnx

    model = onnx.load(raw)
    values = {value.name: value for value in model.graph.input}
    for i in inputs:
        if i.name not in values:
            raise Problem(f"forward does not use {i.parameter}, and the exporter left input {i.name} out; " + (
                "--time-rank none, if there is no time" if i.role == "time" else "leave it out too"))
        dims = values[i.name].type.tensor_type.shape.dim
        if not i.shared and dims[0].dim_param == "":
            raise Problem(f"the exporter fixed the batch of input {i.name} at {dims[0].dim_value}: does forward use the batch size as a Python number? Try --exporter torchscript or dynamo")
    for value in model.graph.output:
        dims = value.type.tensor_type.shape.dim
        if dims and dims[0].dim_param != "n":
            dims[0].Clear()
            dims[0].dim_param = "n"
    strip(model.graph)
    for function in model.functions:
        strip(function)
    del model.metadata_props[:]
    card = {k: v for k, v in card.items() if k != "network"}  # the file itself
    card["inputs"] = card.get("inputs", {}) | {i.role: i.name for i in inputs if i.role != "further"}
    model.metadata_props.add(key="odeon", value=json.dumps(card, ensure_ascii=False))
    data = dict(save_as_external_data=True, location=os.path.basename(path) + ".data") if external else {}
    onnx.save_model(model, path, **data)  # tensors below a kilobyte stay inside
    onnx.checker.check_model(path)


def strip(graph):
    """Without the exporter's notes: source lines and paths of the machine that the module was exported on."""
    things = [graph, *graph.node, *graph.value_info]
    if hasattr(graph, "initializer"):
        things += [*graph.input, *graph.output, *graph.initializer]
    for thing in things:
        thing.ClearField("metadata_props")
        thing.ClearField("doc_string")
    for node in graph.node:
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                strip(inner)


def compare(network, path, card, inputs, outputs):
    """The largest difference between ONNX Runtime and PyTorch, as a share of the outputs' largest value."""
    import numpy
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors are raised, and need no second report
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    generator = numpy.random.default_rng(0)
    worst = 0.0
    for n in BATCHES * ROUNDS:
        feed = {i.name: i.random(generator, n) for i in inputs}
        tensors = tuple(torch.from_numpy(numpy.asarray(feed[i.name])) for i in inputs)
        want = [y.numpy() for y in network(tensors)]
        if not all(numpy.array_equal(a, b.numpy(), equal_nan=True) for a, b in zip(want, network(tensors))):
            raise Problem("the module gives two answers to one input: does forward draw random numbers?")
        if not all(numpy.isfinite(y).all() for y in want):
            raise Problem("PyTorch itself returns numbers that are not finite at random inputs; --time-range LO,HI says which times are valid")
        check_outputs(card, outputs, want, n)
        try:
            found = session.run(outputs, feed)
        except Exception as e:
            raise Problem(f"ONNX Runtime cannot run the exported graph with a batch of {n}; does forward use the batch size as a Python number? {oneline(e)}") from e
        for name, y, z in zip(outputs, want, found):
            if y.shape != z.shape:
                raise Problem(f"output {name}: ONNX Runtime gives {list(z.shape)}, PyTorch {list(y.shape)}, at a batch of {n}")
            error = abs(y.astype("float64") - z).max() / (abs(y).max() or 1)
            worst = max(worst, error if numpy.isfinite(error) else numpy.inf)
    return worst


def run(args):
    card = read_card(args.card)
    folder = os.path.dirname(os.path.abspath(args.out))
    if not os.path.isdir(folder):
        raise Problem(f"{args.out}: no folder {folder}")
    if os.path.isdir(args.out):
        raise Problem(f"{args.out}: is a folder; give the name of a file")
    try:
        import numpy
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import torch

        if args.exporter == "dynamo":
            import onnxscript  # noqa: F401
    except ModuleNotFoundError as e:
        raise Problem(f"needs the Python package {e.name}: pip install torch onnx onnxscript onnxruntime numpy") from e

    warnings.filterwarnings("ignore")
    if not args.traceback:
        logging.disable(logging.CRITICAL)
    net = load_module(args.target)
    if args.weights:
        load_weights(net, args.weights, args.weights_key)
    inputs = find_inputs(net, card, args)

    generator = numpy.random.default_rng(1)
    example = tuple(torch.from_numpy(numpy.asarray(i.random(generator, TRACED))) for i in inputs)
    with torch.no_grad(), tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as scratch:
        try:
            result = net(**{i.parameter: x for i, x in zip(inputs, example)})
        except Exception as e:
            raise Problem(f"forward({', '.join(f'{i.parameter}: {i}' for i in inputs)}): {oneline(e)}") from e
        outputs = output_names(card, result)
        network = wrap(net, inputs, outputs)
        check_outputs(card, outputs, network(example), TRACED)

        raw, path = os.path.join(scratch, "raw", "model.onnx"), os.path.join(scratch, os.path.basename(args.out))
        os.mkdir(os.path.dirname(raw))
        try:
            with open(os.devnull, "w") as nowhere:  # the exporters print pages about what they cannot read
                aside = nowhere if not args.traceback else sys.stderr
                with contextlib.redirect_stdout(aside), contextlib.redirect_stderr(aside):
                    export(network, example, inputs, outputs, args, raw)
        except Exception as e:
            other = "torchscript" if args.exporter == "dynamo" else "dynamo"
            raise Problem(f"PyTorch's {args.exporter} exporter cannot read the module (try --exporter {other}, or --traceback): {oneline(e)}") from e
        weights = sum(p.numel() * p.element_size() for p in net.state_dict().values())
        external = args.external or weights > EXTERNAL
        finish(raw, path, card, inputs, outputs, external)
        error = compare(network, path, card, inputs, outputs)
        if not error <= args.tolerance:
            raise Problem(f"ONNX Runtime and PyTorch differ by {error:.1e} of the output's scale, more than --tolerance {args.tolerance:g}; {args.out} is not written")
        size = os.path.getsize(path)
        if os.path.exists(path + ".data"):
            size += os.path.getsize(path + ".data")
            os.chmod(path + ".data", os.stat(path).st_mode)  # onnx makes it private
            os.replace(path + ".data", args.out + ".data")
        os.replace(path, args.out)

    print(f"{args.out}: {size / 1e6:.2f} MB, opset {args.opset}, {', '.join(map(str, inputs))} -> {', '.join(outputs)}")
    print(f"ONNX Runtime agrees with PyTorch to {error:.1e} of the output's scale (random inputs, batches of {BATCHES[0]} and {BATCHES[1]})")


def oneline(e):
    """The first line of the error that an error began with."""
    while e.__cause__ is not None:
        e = e.__cause__
    text = next((line.strip() for line in str(e).splitlines() if line.strip()), "")
    return f"{type(e).__name__}: {text}" if text else type(e).__name__


def main(argv=None):
    args = arguments(argv)
    try:
        run(args)
    except Problem as e:
        if args.traceback:
            traceback.print_exc()
        print(f"export_torch: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
