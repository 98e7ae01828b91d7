#!/usr/bin/env python3
"""A small flow for points in the plane, to walk through export_torch.py with.

    python scripts/example_mlp.py spirals.pt

trains it for some seconds and saves its weights. It learns the velocity of the straight path x_t = t z + (1-t) eps, by
regression on z - eps (conditional flow matching, Lipman et al., 2023); z lies on two spirals. `make` builds the module.
"""
import math
import sys

import torch


class Flow(torch.nn.Module):
    """v(x, t) for x [n, 2] and t [n]: an MLP that sees x, t and waves of both."""

    def __init__(self, width=128):
        super().__init__()
        self.register_buffer("frequencies", math.pi * torch.tensor([0.25, 0.5, 1.0]))
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(3 * (1 + 2 * 3), width), torch.nn.SiLU(),
            torch.nn.Linear(width, width), torch.nn.SiLU(),
            torch.nn.Linear(width, width), torch.nn.SiLU(),
            torch.nn.Linear(width, 2))

    def forward(self, x, t):
        xt = torch.cat([x, t[:, None]], dim=1)
        angles = (xt[:, :, None] * self.frequencies).flatten(1)
        return self.layers(torch.cat([xt, angles.sin(), angles.cos()], dim=1))


def make():
    return Flow()


def spirals(n):
    turn = torch.rand(n).sqrt() * 2 * math.pi
    points = torch.stack([turn.cos(), turn.sin()], dim=1) * turn[:, None] / 3
    return points * (1 - 2 * torch.randint(0, 2, (n, 1))) + 0.03 * torch.randn(n, 2)


def train(net, steps, batch=512):
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        z, eps, t = spirals(batch), torch.randn(batch, 2), torch.rand(batch, 1)
        x = t * z + (1 - t) * eps
        loss = (net(x, t[:, 0]) - (z - eps)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


if __name__ == "__main__":
    torch.manual_seed(0)
    net = make()
    train(net, steps=3000)
    torch.save(net.state_dict(), sys.argv[1] if len(sys.argv) > 1 else "spirals.pt")
