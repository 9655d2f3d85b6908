"""Trains a network given as JSON with PyTorch and prints how fast: the other half of bench/training.ts.

Input on stdin: {"graph": NetworkGraph, "batch": n, "seconds": s, "recipe": {...}}. Output: one JSON object.
One thread, channels last. Routed experts: all run, weighted by the chosen gates, as the engine does it.
"""

import json
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


def same_padding(length, kernel, stride):
    total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
    return total // 2, total - total // 2


class Conv(nn.Module):
    def __init__(self, op, shape, groups, filters):
        super().__init__()
        pads = [(0, 0), (0, 0)]
        if op["padding"] == "same":
            pads = [same_padding(shape[i], op["kernel"][i], op["stride"][i]) for i in (0, 1)]
        even = all(before == after for before, after in pads)
        self.pad = None if even else [*pads[1], *pads[0]]
        self.conv = nn.Conv2d(
            shape[2], filters, op["kernel"], op["stride"], [p[0] for p in pads] if even else 0, groups=groups, bias=op["bias"]
        )

    def forward(self, x):
        return self.conv(x if self.pad is None else F.pad(x, self.pad))


class Experts(nn.Module):
    def __init__(self, op):
        super().__init__()
        self.bodies = nn.ModuleList(Network(op["body"]) for _ in range(op["experts"]))
        self.top_k = op["topK"]
        self.balance = torch.zeros(())

    def forward(self, x, gates):
        mask = torch.zeros_like(gates).scatter(1, gates.topk(self.top_k, 1).indices, 1.0)
        chosen = gates * mask
        shares = chosen / chosen.sum(1, keepdim=True)
        self.balance = len(self.bodies) * (mask.mean(0) / self.top_k * gates.mean(0)).sum()
        return sum(body(x) * shares[:, e, None, None, None] for e, body in enumerate(self.bodies))


class Network(nn.Module):
    def __init__(self, graph):
        super().__init__()
        self.nodes = graph["nodes"]
        self.result = graph["output"]
        self.layers = nn.ModuleDict()
        shapes = {node["id"]: node["shape"] for node in self.nodes}
        for node in self.nodes:
            op = node["op"]
            kind = op["kind"]
            shape = shapes[node["inputs"][0]] if node["inputs"] else None
            if kind == "conv2d":
                layer = Conv(op, shape, 1, op["filters"])
            elif kind == "depthwiseConv2d":
                layer = Conv(op, shape, shape[2], shape[2])
            elif kind == "dense":
                layer = nn.Linear(shape[0], op["units"], bias=op["bias"])
            elif kind == "batchNorm":
                layer = nn.BatchNorm2d(shape[2], eps=op["epsilon"])
            elif kind == "routedExperts":
                layer = Experts(op)
            elif kind in ("relu", "relu6"):
                layer = {"relu": nn.ReLU, "relu6": nn.ReLU6}[kind]()
            elif kind == "softmax":
                layer = nn.Softmax(1)
            elif kind == "globalAveragePool":
                layer = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            elif kind in ("input", "add"):
                continue
            else:
                raise ValueError(f"this benchmark has no PyTorch layer for {kind}")
            self.layers[node["id"]] = layer

    def forward(self, x):
        values = {}
        for node in self.nodes:
            operands = [values[i] for i in node["inputs"]]
            kind = node["op"]["kind"]
            if kind == "input":
                values[node["id"]] = x
            elif kind == "add":
                values[node["id"]] = sum(operands[1:], operands[0])
            else:
                values[node["id"]] = self.layers[node["id"]](*operands)
        return values[self.result]


def main():
    task = json.load(sys.stdin)
    torch.set_num_threads(1)
    graph, batch, recipe = task["graph"], task["batch"], task["recipe"]
    net = Network(graph).train().to(memory_format=torch.channels_last)
    experts = [module for module in net.modules() if isinstance(module, Experts)]
    optimiser = torch.optim.SGD(
        net.parameters(), lr=0.01, momentum=recipe["momentum"], weight_decay=recipe["weightDecay"]
    )
    height, width, channels = graph["nodes"][0]["shape"]
    x = torch.randn(batch, channels, height, width).contiguous(memory_format=torch.channels_last)
    classes = next(node["shape"][0] for node in graph["nodes"] if node["id"] == graph["output"])
    labels = torch.randint(0, classes, (batch,))

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), labels, label_smoothing=recipe["labelSmoothing"])
        for module in experts:
            loss = loss + recipe["loadBalancing"] * module.balance
        loss.backward()
        optimiser.step()
        return loss.item()

    for _ in range(3):
        step()
    steps = 0
    started = time.process_time()
    while time.process_time() - started < task["seconds"]:
        step()
        steps += 1
    spent = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"samplesPerCpuSecond": steps * batch / spent, "peakBytes": peak, "version": torch.__version__}))


main()
