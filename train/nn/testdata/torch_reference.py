"""What PyTorch's networks give for the weights and inputs of TestTheBenchmarkNetworksAreThoseOfPyTorch.

python torch_reference.py FOLDER, the folder of torch_nets.py, which defines the four networks. Everything is float64. The weights are
made of their numbers, so that neither side needs a file: element e of the k-th parameter, in Odeon's order and layout, is
a (hash(e, k)/2^31 - 1), a = sqrt(3/fan in), or a = 1/2 for vectors.
"""
import math
import sys

import numpy as np
import torch

sys.path.insert(0, sys.argv[1])
import torch_nets


def embed(t, dim):
    f = 10000.0 ** (-torch.arange(dim // 2, dtype=torch.float64) / (dim // 2))
    a = 1000.0 * t[:, None] * f
    return torch.cat([torch.cos(a), torch.sin(a)], 1)


torch_nets.embed = embed
torch.set_default_dtype(torch.float64)


def scramble(e, k):
    h = (e * 2654435761 + k * 40503 + 1) % 2**32
    h = (h ^ h >> 15) * 2246822519 % 2**32
    return h ^ h >> 13


def fill(parts):
    """parts: functions that take an array in Odeon's layout, and its shape, in Odeon's order."""
    for k, (shape, put) in enumerate(parts):
        n = math.prod(shape)
        fan = {1: 12, 2: shape[0]}.get(len(shape), n // shape[0])
        a = (scramble(np.arange(n, dtype=np.uint64), k) / 2**31 - 1) * math.sqrt(3 / fan)
        put(torch.from_numpy(a.reshape(shape)))


def linear(m):
    return [((m.in_features, m.out_features), lambda a: m.weight.data.copy_(a.T)), ((m.out_features,), m.bias.data.copy_)]


def conv(m):
    return [(tuple(m.weight.shape), m.weight.data.copy_), (tuple(m.bias.shape), m.bias.data.copy_)]


norm = conv


def qkv(m):
    d = m.in_features
    parts = []
    for i in range(3):
        parts += [((d, d), lambda a, i=i: m.weight.data[i * d:(i + 1) * d].copy_(a.T)), ((d,), lambda a, i=i: m.bias.data[i * d:(i + 1) * d].copy_(a))]
    return parts


def res(m):
    parts = norm(m.n1) + conv(m.c1) + linear(m.e) + norm(m.n2) + conv(m.c2)
    return parts + (conv(m.s) if isinstance(m.s, torch.nn.Conv2d) else [])


def mlp(net):
    return [p for m in net.net if isinstance(m, torch.nn.Linear) for p in linear(m)]


def unet28(net):
    parts = linear(net.temb[0]) + linear(net.temb[2]) + conv(net.cin) + res(net.r0)
    parts += conv(net.d0) + res(net.r1) + conv(net.d1) + res(net.r2)
    parts += conv(net.u1) + res(net.r3) + conv(net.u0) + res(net.r4)
    return parts + norm(net.n) + conv(net.cout)


def dit28(net):
    parts = linear(net.temb[0]) + linear(net.temb[2]) + linear(net.inp) + [(tuple(net.pos.shape), net.pos.data.copy_)]
    for b in net.blocks:
        parts += linear(b.ada) + qkv(b.qkv) + linear(b.proj) + linear(b.m1) + linear(b.m2)
    return parts + linear(net.ada) + linear(net.out)


for name, parts in {"mlp2d": mlp, "mlp784": mlp, "unet28": unet28, "dit28": dit28}.items():
    net = torch_nets.NETS[name]()
    fill(parts(net))
    n = math.prod(net.shape)
    x = torch.sin(0.37 * torch.arange(2 * n, dtype=torch.float64)).reshape((2,) + net.shape)
    with torch.no_grad():
        y = net(x, torch.tensor([0.25, 0.875])).flatten().numpy()
    spots = [y[i] for i in (0, len(y) // 3, len(y) // 2, len(y) - 1)]
    print(name, sum(p.numel() for p in net.parameters()), [float("%.10g" % v) for v in [*spots, math.sqrt((y * y).mean())]])
