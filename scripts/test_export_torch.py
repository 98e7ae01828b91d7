#!/usr/bin/env python3
"""Tests of export_torch.py: python scripts/test_export_torch.py. Skipped where torch and its companions are missing."""
import contextlib
import io
import json
import os
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))

try:
    import numpy
    import onnx
    import onnxruntime
    import onnxscript  # noqa: F401
    import torch
except ModuleNotFoundError as e:
    reason = f"the Python package {e.name} is missing (pip install torch onnx onnxscript onnxruntime numpy)"
    if __name__ != "__main__":
        raise unittest.SkipTest(reason) from e
    print("skipped:", reason)
    raise SystemExit(0) from e

import export_torch

MODULES = '''
import torch
from torch import nn

class Pictures(nn.Module):
    """A class-conditional convolution net; forward's time is [n, 1, 1, 1], or an index, or one number."""
    def __init__(self, out=2, onehot=False):
        super().__init__()
        self.enter = nn.Conv2d(2, 8, 3, padding=1)
        self.leave = nn.Conv2d(8, out, 3, padding=1)
        self.classes = nn.Linear(4, 8) if onehot else nn.Embedding(4, 8)
    def forward(self, x, t, y):
        e = self.classes(y)[:, :, None, None]
        return self.leave(torch.tanh(self.enter(x) + e + torch.sin(t.float().reshape(-1, 1, 1, 1) / 10)))

def onehot(): return Pictures(onehot=True)
def variances(): return Pictures(out=4)

class Keyed(Pictures):
    def forward(self, sample, timestep, class_labels):
        p = super().forward(sample, timestep, class_labels)
        return {"velocity": p, "score": 2 * p}

class Pair(Pictures):
    def forward(self, x, t, y):
        p = super().forward(x, t, y)
        return p, 2 * p

class Backwards(nn.Module):
    def forward(self, time, state): return state * time[:, None]

class Context(nn.Module):
    def __init__(self):
        super().__init__()
        self.read = nn.Linear(3, 2)
    def forward(self, x, t, context): return x + t[:, None] * self.read(context).mean(1)

class Timeless(nn.Module):
    def forward(self, x): return -x

class Unmoved(nn.Module):
    def forward(self, x, t): return -x

class Branches(nn.Module):
    """The branch taken for the traced input is baked into the graph."""
    def forward(self, x, t): return t[:, None] + (x if x[0, 0] < 0 else x + 1)

class Fixed(nn.Module):
    def forward(self, x, t): return x.reshape(int(x.shape[0]), 2) * t[:, None]

class Random(nn.Module):
    def forward(self, x, t): return x * t[:, None] + torch.randn_like(x)

class Infinite(nn.Module):
    def forward(self, x, t): return x / (t - t)[:, None]

class Short(nn.Module):
    def forward(self, x, t): return x[:, :1]

class Broken(nn.Module):
    def forward(self, x, t): return x @ x

class NeedsArguments(nn.Module):
    def __init__(self, width): super().__init__()

def number(): return 3
'''

POINTS = {"prediction": "velocity", "path": "condot", "shape": [2]}
PICTURES = {"prediction": "velocity", "path": "condot", "shape": [2, 6, 6], "labels": {"count": 4}}
INDEXED = {"prediction": "noise", "path": {"betas": "linear(1e-4,0.02)", "count": 100}, "shape": [2, 6, 6], "labels": {"count": 4}}


class ExportTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = scratch.name
        self.modules = self.file("modules.py", MODULES)
        torch.manual_seed(0)

    def file(self, name, text=""):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def run_export(self, target, card, *flags):
        """Exit status and what was printed."""
        card = card if isinstance(card, str) else self.file("card.json", json.dumps(card))
        target = target if ":" in target else f"{self.modules}:{target}"
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = export_torch.main([target, "--card", card, "-o", os.path.join(self.folder, "out.onnx"), *flags])
        return status, out.getvalue(), err.getvalue()

    def export(self, target, card, *flags):
        status, out, err = self.run_export(target, card, *flags)
        self.assertEqual((status, err), (0, ""))
        self.assertIn("ONNX Runtime agrees with PyTorch", out)
        return onnx.load(os.path.join(self.folder, "out.onnx"))

    def inputs(self, model):
        """name -> (dtype, dims) with free ones by name."""
        return {i.name: (onnx.TensorProto.DataType.Name(i.type.tensor_type.elem_type),
                         [d.dim_param or d.dim_value for d in i.type.tensor_type.shape.dim]) for i in model.graph.input}

    def card(self, model):
        return json.loads({p.key: p.value for p in model.metadata_props}["odeon"])

    def left(self):
        return sorted(f for f in os.listdir(self.folder) if f not in ("modules.py", "card.json", "__pycache__"))


class Exports(ExportTest):
    def test_the_example_of_the_readme(self):
        with open(os.path.join(HERE, "example_mlp.json"), encoding="utf-8") as f:
            card = json.load(f)
        for exporter in ("dynamo", "torchscript"):
            with self.subTest(exporter):
                model = self.export(os.path.join(HERE, "example_mlp.py:make"), card, "--exporter", exporter)
                self.assertEqual(self.inputs(model), {"x": ("FLOAT", ["n", 2]), "t": ("FLOAT", ["n"])})
                self.assertEqual(self.card(model), card)
                self.assertEqual(self.left(), ["out.onnx"])

    def test_the_numbers_are_the_modules_with_its_weights(self):
        import example_mlp

        net = example_mlp.make().eval()
        weights = os.path.join(self.folder, "w.pt")
        torch.save(net.state_dict(), weights)
        self.export(os.path.join(HERE, "example_mlp.py:make"), POINTS, "--weights", weights)
        x, t = torch.randn(7, 2), torch.rand(7)
        session = onnxruntime.InferenceSession(os.path.join(self.folder, "out.onnx"))
        found, = session.run(None, {"x": x.numpy(), "t": t.numpy()})
        numpy.testing.assert_allclose(found, net(x, t).detach().numpy(), atol=1e-5)

    def test_weights_come_in_several_wrappings(self):
        import example_mlp

        state = example_mlp.make().state_dict()
        pt = os.path.join(self.folder, "w.pt")
        target = os.path.join(HERE, "example_mlp.py:make")
        for saved, flags in (
            ({"step": 3, "ema": {"net": state}}, ["--weights-key", "ema.net"]),
            ({"module." + k: v for k, v in state.items()}, []),
            ({"_orig_mod." + k: v for k, v in state.items()}, []),
        ):
            torch.save(saved, pt)
            self.export(target, POINTS, "--weights", pt, *flags)
        try:
            from safetensors.torch import save_file
        except ModuleNotFoundError:
            self.skipTest("safetensors is missing")
        path = os.path.join(self.folder, "w.safetensors")
        save_file(state, path)
        self.export(target, POINTS, "--weights", path)

    def test_roles_become_inputs(self):
        model = self.export("Pictures", PICTURES, "--time-rank", "4")
        self.assertEqual(self.inputs(model), {"x": ("FLOAT", ["n", 2, 6, 6]), "t": ("FLOAT", ["n", 1, 1, 1]), "y": ("INT64", ["n"])})
        self.assertEqual(self.card(model)["inputs"], {"state": "x", "time": "t", "label": "y"})

        model = self.export("Pictures", INDEXED)
        self.assertEqual(self.inputs(model)["t"], ("INT64", ["n"]))
        model = self.export("Pictures", INDEXED, "--time-dtype", "float32", "--time-rank", "2", "--exporter", "torchscript")
        self.assertEqual(self.inputs(model)["t"], ("FLOAT", ["n", 1]))
        model = self.export("Pictures", PICTURES, "--time-rank", "0")
        self.assertEqual(self.inputs(model)["t"], ("FLOAT", []))
        model = self.export("onehot", PICTURES | {"labels": {"names": list("abcd"), "encoding": "onehot"}})
        self.assertEqual(self.inputs(model)["y"], ("FLOAT", ["n", 4]))

    def test_the_card_names_and_tells_apart(self):
        names = {"state": "pictures", "time": "when", "label": "class"}  # no parameter has these: forward's usual names decide
        model = self.export("Pictures", PICTURES | {"inputs": names, "output": "out", "network": "elsewhere.onnx"})
        self.assertEqual(list(self.inputs(model)), ["pictures", "when", "class"])
        self.assertEqual([o.name for o in model.graph.output], ["out"])
        self.assertNotIn("network", self.card(model))

        model = self.export("Backwards", POINTS | {"inputs": {"state": "state", "time": "time"}})
        self.assertEqual(self.inputs(model), {"state": ("FLOAT", ["n", 2]), "time": ("FLOAT", ["n"])})

    def test_outputs(self):
        output = {"name": "eps", "channels": [0, 2]}
        model = self.export("variances", PICTURES | {"output": output})
        self.assertEqual([o.name for o in model.graph.output], ["eps"])

        model = self.export("Keyed", PICTURES | {"output": "velocity"})
        self.assertEqual([o.name for o in model.graph.output], ["velocity"])

        both = {k: v for k, v in PICTURES.items() if k != "prediction"} | {"predictions": {"velocity": "velocity", "score": "score"}}
        for target in ("Keyed", "Pair"):
            model = self.export(target, both)
            self.assertEqual([o.name for o in model.graph.output], ["velocity", "score"])

    def test_further_inputs_and_none(self):
        model = self.export("Context", POINTS, "--input", "context=float32:5,3")
        self.assertEqual(self.inputs(model)["context"], ("FLOAT", ["n", 5, 3]))
        model = self.export("Timeless", POINTS, "--time-rank", "none")
        self.assertEqual(list(self.inputs(model)), ["x"])

    def test_external_weights(self):
        target = os.path.join(HERE, "example_mlp.py:make")
        model = self.export(target, POINTS, "--external")
        self.assertEqual(self.left(), ["out.onnx", "out.onnx.data"])
        self.assertIn("odeon", [p.key for p in model.metadata_props])
        session = onnxruntime.InferenceSession(os.path.join(self.folder, "out.onnx"))
        self.assertEqual(session.get_inputs()[0].shape, ["n", 2])

    def test_the_file_tells_nothing_of_the_machine(self):
        for exporter in ("dynamo", "torchscript"):
            self.export("Pictures", PICTURES, "--exporter", exporter)
            with open(os.path.join(self.folder, "out.onnx"), "rb") as f:
                data = f.read()
            self.assertNotIn(self.folder.encode(), data)
            self.assertNotIn(HERE.encode(), data)


class Refusals(ExportTest):
    def refused(self, message, target, card, *flags):
        """One line, exit 1, no file; an older file of the name stays as it was."""
        self.file("out.onnx", "older")
        before = self.left()
        with self.subTest(message):
            status, out, err = self.run_export(target, card, *flags)
            self.assertIn(message, err)
            self.assertEqual((status, out, err.count("\n")), (1, "", 1), err)
            self.assertTrue(err.startswith("export_torch: "), err)
        self.assertEqual(self.left(), before)
        with open(os.path.join(self.folder, "out.onnx"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "older")

    def test_cards(self):
        self.refused("card nowhere.json: No such file", "Timeless", "nowhere.json")
        self.refused("not JSON", "Timeless", self.file("bad.json", "{"))
        self.refused("found a list, expected an object", "Timeless", self.file("list.json", "[]"))
        self.refused("unknown field 'lables' (did you mean 'labels'?)", "Pictures", PICTURES | {"lables": {}})
        self.refused('no "prediction"', "Timeless", {"path": "condot", "shape": [2]})
        self.refused('no "path"', "Timeless", {"prediction": "data", "shape": [2]})
        self.refused('"shape" is null', "Timeless", {"prediction": "data", "path": "condot"})
        self.refused('"labels" is 3', "Timeless", POINTS | {"labels": 3})
        self.refused('have no "count"', "Pictures", PICTURES | {"labels": {"encoding": "index"}})
        self.refused("labels.encoding is 'one-hot'", "Pictures", PICTURES | {"labels": {"count": 4, "encoding": "one-hot"}})

    def test_modules(self):
        self.refused("gone.py: no such file", "gone.py:make", POINTS)
        self.refused("no.such.module: cannot be imported", "no.such.module:make", POINTS)
        self.refused("cannot be imported: SyntaxError", self.file("syntax.py", "def") + ":make", POINTS)
        self.refused("has no Picture (did you mean Pictures?)", "Picture", POINTS)
        self.refused("missing 1 required positional argument: 'width'", "NeedsArguments", POINTS)
        self.refused("returned a int, expected a torch.nn.Module", "number", POINTS)

    def test_roles(self):
        self.refused('which parameter of forward(x) is the time?', "Timeless", POINTS)
        self.refused('which parameter of forward(time, state) is the state? Say it in the card: "inputs": {"state": "NAME"}', "Backwards", POINTS)
        self.refused("also needs y: classes need \"labels\" in the card", "Pictures", PICTURES | {"labels": {}})
        self.refused("also needs context", "Context", POINTS)
        self.refused("has no parameter text", "Context", POINTS, "--input", "text=float32:3")
        self.refused("expected NAME=DTYPE:D1,D2", "Context", POINTS, "--input", "context=float8:3")
        self.refused("both parameter x", "Context", POINTS | {"inputs": {"state": "x", "time": "x"}}, "--input", "context=float32:5,3")

    def test_outputs(self):
        self.refused("forward(x: x float32[n, 2], t: t float32[n]): RuntimeError", "Broken", POINTS)
        self.refused("output output is [3, 1] for a state of [3, 2]; expected the state's shape", "Short", POINTS)
        self.refused('which channels are the prediction? Say it in the card', "variances", PICTURES)
        self.refused("forward returns velocity, score; which is the prediction?", "Keyed", PICTURES)
        self.refused("'speed' is not in what forward returns: velocity, score", "Keyed", PICTURES | {"output": "speed"})
        self.refused("forward returns 2 tensors, the card names 1", "Pair", PICTURES)
        self.refused("the module gives two answers", "Random", POINTS, "--exporter", "torchscript")
        self.refused("PyTorch itself returns numbers that are not finite", "Infinite", POINTS)

    def test_weights(self):
        target, path = os.path.join(HERE, "example_mlp.py:make"), os.path.join(self.folder, "w.pt")
        import example_mlp

        state = example_mlp.make().state_dict()
        self.refused("no such file", target, POINTS, "--weights", path)
        for saved, flags, message in (
            ({"ema": state}, [], "expected a state dict, found ema; --weights-key names the entry"),
            ({"ema": state}, ["--weights-key", "model"], "no entry 'model'; found ema"),
            ({k: v for k, v in state.items() if k != "layers.0.bias"}, [], "1 missing (layers.0.bias)"),
            (state | {"more": torch.zeros(1)}, [], "1 that it does not have (more)"),
            (state | {"layers.0.bias": torch.zeros(3)}, [], "layers.0.bias is [3], the module's is [128]"),
            (torch.nn.Linear(2, 2), [], "holds more than tensors"),
        ):
            torch.save(saved, path)
            self.refused(message, target, POINTS, "--weights", path, *flags)
        self.refused("weights " + self.file("w.safetensors", "x"), target, POINTS, "--weights", os.path.join(self.folder, "w.safetensors"))

    def test_graphs_that_are_not_the_module(self):
        self.refused("of the output's scale, more than --tolerance 0.0001", "Branches", POINTS, "--exporter", "torchscript")
        self.refused("cannot read the module (try --exporter torchscript", "Branches", POINTS)
        self.refused("more than --tolerance 1e-12", os.path.join(HERE, "example_mlp.py:make"), POINTS, "--tolerance", "1e-12")
        self.refused("forward does not use t, and the exporter left input t out; --time-rank none", "Unmoved", POINTS, "--exporter", "torchscript")
        self.refused("batch", "Fixed", POINTS)
        self.refused("batch", "Fixed", POINTS, "--exporter", "torchscript")

    def test_command_lines(self):
        for flags, message in (
            (["models.py"], "expected MODULE:FACTORY"),
            (["m:f", "--opset", "9"], "expected 17 or higher"),
            (["m:f", "--time-range", "3"], "expected 2 numbers"),
        ):
            err = io.StringIO()
            with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as stop:
                export_torch.main([*flags, "--card", "c.json", "-o", "x.onnx"])
            self.assertEqual(stop.exception.code, 2)
            self.assertIn(message, err.getvalue())

    def test_places(self):
        card = self.file("card.json", json.dumps(POINTS))
        for out, message in ((os.path.join(self.folder, "none", "x.onnx"), "no folder"), (self.folder, "is a folder")):
            err = io.StringIO()
            with contextlib.redirect_stderr(err):
                self.assertEqual(export_torch.main([f"{self.modules}:Timeless", "--time-rank", "none", "--card", card, "-o", out]), 1)
            self.assertIn(message, err.getvalue())


if __name__ == "__main__":
    unittest.main()
