"""Arm's own estimates for the Ethos-U55, kernel by kernel.

Writes int8 .tflite files of one operator each, compiles them with Vela (pip install ethos-u-vela) and writes, as CSV, the
cycles that its performance report says. The estimates are Arm's, not measurements.

With --networks it compiles whole networks instead.

Run: python scripts/vela/estimate_operators.py --out scripts/fit-profiles/vela-operators.csv
     python scripts/vela/estimate_operators.py --networks ../shared/data/hardware/tflite \
         --out scripts/fit-profiles/vela-networks.csv
"""

import argparse
import contextlib
import csv
import io
import itertools
import os
import random
import tempfile

import flatbuffers
import numpy as np
from ethosu.vela import vela
from ethosu.vela.tflite import (
    ActivationFunctionType,
    AddOptions,
    Buffer,
    BuiltinOperator,
    BuiltinOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    FullyConnectedOptions,
    HardSwishOptions,
    Model,
    MulOptions,
    Operator,
    OperatorCode,
    Padding,
    Pool2DOptions,
    QuantizationParameters,
    ReducerOptions,
    SoftmaxOptions,
    SubGraph,
    Tensor,
    TensorType,
)

ACCELERATORS = ("ethos-u55-128", "ethos-u55-256")
COLUMNS = ("accelerator", "kind", "height", "width", "in_channels", "out_channels", "kernel", "stride", "cycles")


def vector(builder, start, items, prepend):
    start(builder, len(items))
    for item in reversed(items):
        prepend(item)
    return builder.EndVector()


def ints(builder, start, values):
    return vector(builder, start, values, builder.PrependInt32)


def offsets(builder, start, values):
    return vector(builder, start, values, builder.PrependUOffsetTRelative)


def quantisation(builder, scales):
    scale = vector(builder, QuantizationParameters.StartScaleVector, scales, builder.PrependFloat32)
    zero = vector(builder, QuantizationParameters.StartZeroPointVector, [-128 if scale == 1 / 256 else 0 for scale in scales], builder.PrependInt64)
    QuantizationParameters.Start(builder)
    QuantizationParameters.AddScale(builder, scale)
    QuantizationParameters.AddZeroPoint(builder, zero)
    QuantizationParameters.AddQuantizedDimension(builder, 0)
    return QuantizationParameters.End(builder)


def tensor(builder, name, shape, kind, buffer, scales):
    label = builder.CreateString(name)
    dimensions = ints(builder, Tensor.StartShapeVector, shape)
    how = quantisation(builder, scales)
    Tensor.Start(builder)
    Tensor.AddShape(builder, dimensions)
    Tensor.AddType(builder, kind)
    Tensor.AddBuffer(builder, buffer)
    Tensor.AddName(builder, label)
    Tensor.AddQuantization(builder, how)
    return Tensor.End(builder)


def options_of(builder, kind, kernel, stride):
    same, none = Padding.Padding.SAME, ActivationFunctionType.ActivationFunctionType.NONE
    if kind == "conv2d" or kind == "depthwiseConv2d":
        options = Conv2DOptions if kind == "conv2d" else DepthwiseConv2DOptions
        options.Start(builder)
        options.AddPadding(builder, same)
        options.AddStrideW(builder, stride)
        options.AddStrideH(builder, stride)
        if kind == "depthwiseConv2d":
            options.AddDepthMultiplier(builder, 1)
        options.AddFusedActivationFunction(builder, none)
        return options.End(builder)
    if kind in ("averagePool", "maxPool"):
        Pool2DOptions.Start(builder)
        Pool2DOptions.AddPadding(builder, Padding.Padding.VALID)
        Pool2DOptions.AddStrideW(builder, stride)
        Pool2DOptions.AddStrideH(builder, stride)
        Pool2DOptions.AddFilterWidth(builder, kernel)
        Pool2DOptions.AddFilterHeight(builder, kernel)
        return Pool2DOptions.End(builder)
    if kind == "softmax":
        SoftmaxOptions.Start(builder)
        SoftmaxOptions.AddBeta(builder, 1.0)
        return SoftmaxOptions.End(builder)
    if kind in ("globalAveragePool", "hardSwish"):
        options = HardSwishOptions if kind == "hardSwish" else ReducerOptions
        options.Start(builder)
        return options.End(builder)
    options = {"dense": FullyConnectedOptions, "add": AddOptions, "multiply": MulOptions}[kind]
    options.Start(builder)
    options.AddFusedActivationFunction(builder, none)
    return options.End(builder)


CODES = {
    "conv2d": ("CONV_2D", "Conv2DOptions"),
    "depthwiseConv2d": ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"),
    "dense": ("FULLY_CONNECTED", "FullyConnectedOptions"),
    "add": ("ADD", "AddOptions"),
    "averagePool": ("AVERAGE_POOL_2D", "Pool2DOptions"),
    "maxPool": ("MAX_POOL_2D", "Pool2DOptions"),
    "globalAveragePool": ("MEAN", "ReducerOptions"),
    "multiply": ("MUL", "MulOptions"),
    "softmax": ("SOFTMAX", "SoftmaxOptions"),
    "hardSwish": ("HARD_SWISH", "HardSwishOptions"),
    "sigmoid": ("LOGISTIC", None),
    "relu": ("RELU", None),
}
VECTORS = ("dense", "softmax")


def trained_weights(shape, channel_axis, random_numbers):
    """Weights such as training leaves them: Laplace distributed, the largest of each channel (or tensor) at 127.

    Vela compresses weights, so their distribution decides how long they stream from flash.
    """
    weights = random_numbers.laplace(size=shape)
    axes = tuple(i for i in range(len(shape)) if i != channel_axis)
    return np.round(127 * weights / np.abs(weights).max(axis=axes, keepdims=True)).astype(np.int8)


def single_operator(kind, height, width, inner, outer, kernel, stride, random_numbers):
    """A .tflite file of one int8 operator."""
    builder = flatbuffers.Builder(1 << 16)
    windowed = kind in ("averagePool", "maxPool")
    size = lambda length: (length - kernel) // stride + 1 if windowed else -(-length // stride)
    source = [1, inner] if kind in VECTORS else [1, height, width, inner]
    flat = kind in VECTORS or kind == "globalAveragePool"
    result = [1, outer] if flat else [1, size(height), size(width), outer]
    weights = {
        "conv2d": [outer, kernel, kernel, inner],
        "depthwiseConv2d": [1, kernel, kernel, outer],
        "dense": [outer, inner],
    }.get(kind)
    contents, tensors = [b""], []
    int8, int32 = TensorType.TensorType.INT8, TensorType.TensorType.INT32
    tensors.append(("input", source, int8, 0, [0.05]))
    if weights is not None:
        # Converters quantise convolutions channel by channel, dense layers as a whole.
        channel_axis = {"conv2d": 0, "depthwiseConv2d": 3}.get(kind)
        contents.append(trained_weights(weights, channel_axis, random_numbers).tobytes())
        contents.append(random_numbers.integers(-1000, 1000, outer, dtype=np.int32).tobytes())
        tensors.append(("weights", weights, int8, 1, [0.01]))
        tensors.append(("bias", [outer], int32, 2, [0.0005]))
    elif kind in ("add", "multiply"):
        tensors.append(("other", source, int8, 0, [0.04]))
    elif kind == "globalAveragePool":
        contents.append(np.array([1, 2], dtype=np.int32).tobytes())
        tensors.append(("axes", [2], int32, 1, []))
    inputs = list(range(len(tensors)))
    scale = 1 / 256 if kind in ("softmax", "sigmoid") else 0.05 if windowed or kind == "relu" else 0.1
    tensors.append(("output", result, int8, 0, [scale]))

    def buffer(content):
        data = builder.CreateByteVector(content) if content else None
        Buffer.Start(builder)
        if data is not None:
            Buffer.AddData(builder, data)
        return Buffer.End(builder)

    buffers = offsets(builder, Model.StartBuffersVector, [buffer(content) for content in contents])
    made = offsets(builder, SubGraph.StartTensorsVector, [tensor(builder, *one) for one in tensors])
    code, options_kind = CODES[kind]
    options = None if options_kind is None else options_of(builder, kind, kernel, stride)
    operands = ints(builder, Operator.StartInputsVector, inputs)
    results = ints(builder, Operator.StartOutputsVector, [len(inputs)])
    Operator.Start(builder)
    Operator.AddOpcodeIndex(builder, 0)
    Operator.AddInputs(builder, operands)
    Operator.AddOutputs(builder, results)
    if options is not None:
        Operator.AddBuiltinOptionsType(builder, getattr(BuiltinOptions.BuiltinOptions, options_kind))
        Operator.AddBuiltinOptions(builder, options)
    operators = offsets(builder, SubGraph.StartOperatorsVector, [Operator.End(builder)])
    graph_inputs = ints(builder, SubGraph.StartInputsVector, [0, 1] if kind in ("add", "multiply") else [0])
    graph_outputs = ints(builder, SubGraph.StartOutputsVector, [len(inputs)])
    SubGraph.Start(builder)
    SubGraph.AddTensors(builder, made)
    SubGraph.AddInputs(builder, graph_inputs)
    SubGraph.AddOutputs(builder, graph_outputs)
    SubGraph.AddOperators(builder, operators)
    graphs = offsets(builder, Model.StartSubgraphsVector, [SubGraph.End(builder)])
    number = getattr(BuiltinOperator.BuiltinOperator, code)
    OperatorCode.Start(builder)
    OperatorCode.AddDeprecatedBuiltinCode(builder, number)
    OperatorCode.AddBuiltinCode(builder, number)
    OperatorCode.AddVersion(builder, 3 if weights is not None else 2)
    codes = offsets(builder, Model.StartOperatorCodesVector, [OperatorCode.End(builder)])
    Model.Start(builder)
    Model.AddVersion(builder, 3)
    Model.AddOperatorCodes(builder, codes)
    Model.AddSubgraphs(builder, graphs)
    Model.AddBuffers(builder, buffers)
    builder.Finish(Model.End(builder), b"TFL3")
    return bytes(builder.Output())


def operators(picker):
    """Kernels such as small networks have: channels that fill blocks and such that do not, maps of 1 to 112 pixels."""
    channels = (3, 4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 120, 128, 160, 192, 256, 320, 384, 512)
    maps = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112)
    found = set()

    def take(kind, count, one):
        own = set()
        while len(own) < count:
            candidate = one()
            if candidate is not None:
                own.add((kind, *candidate))
        found.update(own)

    def convolution(kernels):
        size, inner, outer, kernel, stride = (picker.choice(v) for v in (maps, channels, channels, kernels, (1, 1, 2)))
        macs = (size // stride) ** 2 * inner * outer * kernel**2
        return (size, size, inner, outer, kernel, stride) if 1e3 < macs < 6e7 and inner * outer * kernel**2 < 4e5 else None

    def same_channels(kernels, strides):
        size, inner, kernel, stride = (picker.choice(v) for v in (maps, channels, kernels, strides))
        return (size, size, inner, inner, kernel, stride) if size**2 * inner < 3e5 and kernel <= size else None

    take("conv2d", 400, lambda: convolution((1,)))
    take("conv2d", 300, lambda: convolution((3, 3, 5, 7)))
    take("depthwiseConv2d", 300, lambda: same_channels((3, 3, 5, 7), (1, 1, 2)))
    # Vela's choice of blocks makes depthwise kernels of nearly one size differ by half: the usual ones are all listed.
    usual = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
    for size, inner, (kernel, stride) in itertools.product(maps[3:], usual, ((3, 1), (3, 2), (5, 1))):
        if size**2 * inner < 3e5 and kernel <= size:
            found.add(("depthwiseConv2d", size, size, inner, inner, kernel, stride))
    take("add", 90, lambda: same_channels((1,), (1,)))
    take("multiply", 90, lambda: same_channels((1,), (1,)))
    take("relu", 90, lambda: same_channels((1,), (1,)))
    take("sigmoid", 90, lambda: same_channels((1,), (1,)))
    take("hardSwish", 90, lambda: same_channels((1,), (1,)))
    take("globalAveragePool", 90, lambda: same_channels((1,), (1,)))
    take("softmax", 25, lambda: (1, 1, *(2 * (picker.choice(range(2, 200)),)), 1, 1))
    take("averagePool", 120, lambda: same_channels((2, 3, 4, 5, 7, 8), (1, 2)))
    take("maxPool", 120, lambda: same_channels((2, 3), (1, 2)))
    take("dense", 120, lambda: (1, 1, picker.choice(channels + (640, 1024)), picker.choice(channels + (10,)), 1, 1))
    return sorted(found)


def compile_with_vela(file, accelerator, folder):
    """Rows of Vela's report on each operator and its summary of the network."""
    arguments = [file, "--accelerator-config", accelerator, "--output-dir", folder, "--verbose-performance"]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        vela.main(arguments)
    stem = os.path.splitext(os.path.basename(file))[0]
    reports = {}
    for name in os.listdir(folder):
        if name.startswith(stem + "_per-layer"):
            with open(os.path.join(folder, name), newline="") as lines:
                reports["layers"] = list(csv.DictReader(lines))
        if name.startswith(stem + "_summary"):
            with open(os.path.join(folder, name), newline="") as lines:
                reports["summary"] = next(csv.DictReader(lines))
    return reports


NETWORKS = {
    "mlperfTiny ad": "ad01_int8",
    "mlperfTiny ic": "pretrainedResnet_quant",
    "mlperfTiny kws": "kws_ref_model",
    "fdMobilenet 0.25 128 5": "flowers_fdmobilenet_0.25_128_fdmobilenet_0.25_128_int8",
    "fdMobilenet 0.25 224 5": "flowers_fdmobilenet_0.25_224_fdmobilenet_0.25_224_int8",
    "mobilenetV1 0.25 96 5": "flowers_mobilenet_v1_0.25_96_mobilenet_v1_0.25_96_int8",
    "mobilenetV1 0.5 224 5": "flowers_mobilenet_v1_0.5_224_mobilenet_v1_0.5_224_int8",
    "mobilenetV1 0.25 96 5 1": "flowers_mobilenet_v1_0.25_96_grayscale_mobilenet_v1_0.25_96_grayscale_int8",
    "mobilenetV1 0.25 224 5": "flowers_mobilenet_v1_0.25_224_mobilenet_v1_0.25_224_int8",
    "mobilenetV2 0.35 128 5": "flowers_mobilenet_v2_0.35_128_mobilenet_v2_0.35_128_int8",
    "mobilenetV2 0.35 224 5": "flowers_mobilenet_v2_0.35_224_mobilenet_v2_0.35_224_int8",
}


def weight_bits(file):
    """Bits of entropy that a weight of each convolution and dense layer holds, in the order of the file, to 1/64."""
    with open(file, "rb") as content:
        model = Model.Model.GetRootAs(content.read())
    graph, bits = model.Subgraphs(0), []
    kinds = ("conv2d", "depthwiseConv2d", "dense")
    with_weights = [getattr(BuiltinOperator.BuiltinOperator, CODES[kind][0]) for kind in kinds]
    for operator in map(graph.Operators, range(graph.OperatorsLength())):
        code = model.OperatorCodes(operator.OpcodeIndex())
        if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) not in with_weights:
            continue
        weights = model.Buffers(graph.Tensors(operator.Inputs(1)).Buffer()).DataAsNumpy()
        shares = np.bincount(weights, minlength=256) / len(weights)
        shares = shares[shares > 0]
        bits.append(round(float(-(shares * np.log2(shares)).sum()) * 64) / 64)
    return bits


def estimate_networks(folder, writer):
    """Whole networks, with what their files spend on bringing images of bytes to int8, which no network here has."""
    writer.writerow(("accelerator", "network", "cycles", "quantize_cycles", "weight_bits"))
    for accelerator, (network, stem) in itertools.product(ACCELERATORS, NETWORKS.items()):
        name = next(name for name in sorted(os.listdir(folder)) if name.endswith(stem + ".tflite"))
        with tempfile.TemporaryDirectory() as out:
            report = compile_with_vela(os.path.join(folder, name), accelerator, out)
        quantize = sum(int(row["Op Cycles"]) for row in report["layers"] if row["Original Operator"] == "Quantize")
        bits = " ".join(str(bits) for bits in weight_bits(os.path.join(folder, name)))
        writer.writerow((accelerator, network, report["summary"]["cycles_total"], quantize, bits))


def estimate_operators(writer):
    """One line for each generated kernel and accelerator."""
    writer.writerow(COLUMNS)
    random_numbers = np.random.default_rng(1)
    for accelerator, shape in itertools.product(ACCELERATORS, operators(random.Random(1))):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "one.tflite")
            with open(file, "wb") as out:
                out.write(single_operator(*shape, random_numbers))
            report = compile_with_vela(file, accelerator, folder)
        writer.writerow((accelerator, *shape, report["summary"]["cycles_total"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", help="folder with the .tflite files of whole networks: estimate those instead")
    parser.add_argument("--out", required=True, help="CSV file to write")
    arguments = parser.parse_args()
    with open(arguments.out, "w", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        if arguments.networks is not None:
            estimate_networks(arguments.networks, writer)
        else:
            estimate_operators(writer)


if __name__ == "__main__":
    main()
