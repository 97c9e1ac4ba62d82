package dev.hornbeam.models.onnx;

import dev.hornbeam.autograd.OpTrace.Op;
import dev.hornbeam.autograd.OpTrace.Value;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.BatchNormOptions;
import dev.hornbeam.autograd.ops.Binary;
import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.autograd.ops.Reduce;
import dev.hornbeam.autograd.ops.Unary;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.NetworkTrace;
import dev.hornbeam.nn.NetworkTrace.Step;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Turns the trace of a network's forward pass into an ONNX graph of opset {@value #OPSET}.
 *
 * <p>The batch is left open: the network is traced with two batch sizes, and what differs between the two traces follows the
 * batch. Everything else is fixed, the size of the image too.
 */
final class Translation {
    /** The opset with LayerNormalization, and no more than is needed, so that older runtimes can read the file. */
    static final int OPSET = 17;

    private static final int CHANNELS_OF_IMAGES = 4;
    private static final double GELU_TANH_CUBE = 0.044715;

    private final NetworkTrace trace;
    private final NetworkTrace other;
    private final OnnxGraph graph = new OnnxGraph();
    private final Map<Integer, Placed> placed = new HashMap<>();
    private final Map<Integer, Value> otherValues = new HashMap<>();
    private final Map<Integer, Tensor> leaves = new HashMap<>();
    private final Map<String, String> transposed = new HashMap<>();
    private final Map<String, Tensor> state;
    private final Map<String, WeightLayout> layouts;
    private Step step;

    /**
     * Of two traces of the same network in evaluation mode, with different batch sizes.
     *
     * @throws OnnxExportException when the network does not do the same for both
     */
    Translation(Module network, NetworkTrace trace, NetworkTrace other) {
        this.trace = trace;
        this.other = other;
        this.state = network.stateDict();
        this.layouts = network.fileLayouts();
        trace.constants().forEach((value, tensor) -> leaves.put(value.id(), tensor));
        compare();
    }

    OnnxGraph graph() {
        return graph;
    }

    private void compare() {
        if (trace.steps().size() != other.steps().size()) {
            throw new OnnxExportException("the network applies " + trace.steps().size() + " ops to one batch and "
                    + other.steps().size()
                    + " to a batch of another size; what it does must not depend on the batch size");
        }
        otherValues.put(trace.input().id(), other.input());
        for (int i = 0; i < trace.steps().size(); i++) {
            Op a = trace.steps().get(i).op();
            Op b = other.steps().get(i).op();
            if (!a.name().equals(b.name())
                    || !List.copyOf(a.inputs().keySet())
                            .equals(List.copyOf(b.inputs().keySet()))) {
                throw OnnxExportException.at(
                        trace.steps().get(i), "for a batch of another size the network does something else there");
            }
            a.inputs().forEach((name, value) -> otherValues.put(value.id(), b.input(name)));
            a.outputs()
                    .forEach((name, value) ->
                            otherValues.put(value.id(), b.outputs().get(name)));
        }
    }

    /**
     * Translates everything.
     *
     * @param input name of the ONNX tensor that the network reads; images lie NCHW in it
     * @param logits name that its result gets
     */
    void run(String input, String logits) {
        int rank = trace.input().shape().size();
        placed.put(
                trace.input().id(),
                Placed.ordered(input, rank == CHANNELS_OF_IMAGES ? Placed.NCHW : Placed.plainOrder(rank)));
        for (Step next : trace.steps()) {
            step = next;
            translate(next.op());
        }
        step = null;
        Value result = trace.output();
        String last = plain(result);
        graph.reserve(logits);
        if (!graph.rename(last, logits)) {
            graph.rename(graph.node("Identity", "", last).output(), logits);
        }
    }

    // ------------------------------------------------------------------------------------------------- the ops

    private void translate(Op op) {
        switch (op.name()) {
            case "conv2d" ->
                set(op, Placed.ordered(convolution(op, op.attribute("options", Conv2dOptions.class)), Placed.NCHW));
            case "conv_bn_act" -> {
                String convolved = convolution(op, op.attribute("conv", Conv2dOptions.class));
                set(
                        op,
                        Placed.ordered(
                                normalised(op, convolved, op.attribute("norm", BatchNormOptions.class), Placed.NCHW),
                                Placed.NCHW));
            }
            case "batch_norm" -> {
                List<Integer> order = Placed.channelsSecond(rank(op.input("x")));
                String x = in(op.input("x"), order);
                set(
                        op,
                        Placed.ordered(
                                normalised(op, x, op.attribute("options", BatchNormOptions.class), order), order));
            }
            case "group_norm" -> groupNorm(op);
            case "layer_norm" -> {
                int last = rank(op.input("x")) - 1;
                set(
                        op,
                        Placed.plain(
                                node(
                                                "LayerNormalization",
                                                plain(op.input("x")),
                                                plain(op.input("gamma")),
                                                plain(op.input("beta")))
                                        .integer("axis", last)
                                        .number("epsilon", op.attribute("epsilon", Double.class))
                                        .output(),
                                last + 1));
            }
            case "max_pool2d" -> {
                Pool2dOptions options = op.attribute("options", Pool2dOptions.class);
                set(op, Placed.ordered(pool("MaxPool", op, options).output(), Placed.NCHW));
            }
            case "avg_pool2d" -> {
                Pool2dOptions options = op.attribute("options", Pool2dOptions.class);
                set(
                        op,
                        Placed.ordered(
                                pool("AveragePool", op, options)
                                        .integer("count_include_pad", options.countPadding() ? 1 : 0)
                                        .output(),
                                Placed.NCHW));
            }
            case "global_avg_pool" -> {
                String means = node("GlobalAveragePool", in(op.input("x"), Placed.NCHW))
                        .output();
                set(op, Placed.plain(node("Flatten", means).integer("axis", 1).output(), 2));
            }
            case "linear" -> linear(op);
            case "matmul" -> matmul(op);
            case "attention" -> attention(op);
            case "softmax" -> set(op, overLast("Softmax", op));
            case "log_softmax" -> set(op, overLast("LogSoftmax", op));
            case "unary" -> unary(op);
            case "binary" -> binary(op);
            case "binary_scalar" -> {
                Placed a = at(op.input("a"));
                String number = graph.number(op.attribute("number", Double.class));
                set(op, a.named(arithmetic(op.attribute("kind", Binary.Kind.class), a.name(), number)));
            }
            case "where" -> {
                List<Value> values = List.of(op.input("condition"), op.input("a"), op.input("b"));
                List<Integer> order = commonOrder(values, rank(op.output()));
                String condition = cast(aligned(values.get(0), order), "BOOL");
                String a = aligned(values.get(1), order);
                String b = aligned(values.get(2), order);
                set(op, Placed.ordered(node("Where", condition, a, b).output(), order));
            }
            case "reduce" -> reduce(op);
            case "reshape" -> reshape(op);
            case "permute" -> permute(op);
            case "expand" -> expand(op);
            case "slice" -> slice(op);
            case "concat" -> concat(op);
            case "pad" -> pad(op);
            case "gather_rows" -> {
                Placed x = unflattened(op.input("x"));
                String rows = node("Gather", x.name(), plain(op.input("index")))
                        .integer("axis", x.axis(0))
                        .output();
                set(op, x.named(rows));
            }
            case "cast" -> {
                Placed x = at(op.input("x"));
                DType to = op.attribute("dtype", DType.class);
                set(op, to == op.input("x").dtype() ? x : x.named(cast(x.name(), onnxType(to))));
            }
            // The same elements.
            case "dense", "to_device" -> set(op, at(op.input("x")));
            default -> throw error("ONNX export knows no equivalent of " + op.name());
        }
    }

    private String convolution(Op op, Conv2dOptions options) {
        Value w = op.input("w");
        return node(
                        "Conv",
                        in(op.input("x"), Placed.NCHW),
                        in(w, Placed.NCHW),
                        op.optional("bias").map(this::plain).orElse(null))
                .integers("kernel_shape", w.shape().get(1), w.shape().get(2))
                .integers("strides", options.strideH(), options.strideW())
                .integers("pads", options.padH(), options.padW(), options.padH(), options.padW())
                .integers("dilations", options.dilationH(), options.dilationW())
                .integer("group", options.groups())
                .output();
    }

    private String normalised(Op op, String x, BatchNormOptions options, List<Integer> order) {
        if (options.training()) {
            throw error("its statistics are those of the batch; call eval() on the network first");
        }
        String y = node(
                        "BatchNormalization",
                        x,
                        plain(op.input("gamma")),
                        plain(op.input("beta")),
                        plain(op.input("running_mean")),
                        plain(op.input("running_var")))
                .number("epsilon", options.epsilon())
                .output();
        if (op.optional("residual").isPresent()) {
            y = node("Add", y, in(op.input("residual"), order)).output();
        }
        return switch (options.activation()) {
            case Activation.NONE -> y;
            case Activation.RELU -> node("Relu", y).output();
            case Activation.LEAKY_RELU ->
                node("LeakyRelu", y).number("alpha", options.slope()).output();
        };
    }

    // Every group of channels as one channel of InstanceNormalization, then scale and shift of each channel.
    private void groupNorm(Op op) {
        Value x = op.input("x");
        int rank = rank(x);
        List<Integer> order = Placed.channelsSecond(rank);
        int groups = op.attribute("groups", Integer.class);
        float[] ones = new float[groups];
        java.util.Arrays.fill(ones, 1);
        String one = graph.unique(prefix() + "group_scale");
        String zero = graph.unique(prefix() + "group_shift");
        graph.initializer(one, ones, groups);
        graph.initializer(zero, new float[groups], groups);
        String grouped =
                node("Reshape", in(x, order), graph.integers(0, groups, -1)).output();
        String normed = node("InstanceNormalization", grouped, one, zero)
                .number("epsilon", op.attribute("epsilon", Double.class))
                .output();
        long[] shape = new long[rank];
        for (int j = 1; j < rank; j++) {
            shape[j] = fixed(x, order.get(j));
        }
        String back = node("Reshape", normed, graph.integers(shape)).output();
        long[] after = IntStream.range(1, rank - 1).mapToLong(i -> i).toArray();
        String scaled =
                node("Mul", back, unsqueezed(plain(op.input("gamma")), after)).output();
        String shifted =
                node("Add", scaled, unsqueezed(plain(op.input("beta")), after)).output();
        set(op, Placed.ordered(shifted, order));
    }

    private OnnxGraph.Node pool(String type, Op op, Pool2dOptions options) {
        return node(type, in(op.input("x"), Placed.NCHW))
                .integers("kernel_shape", options.kernelH(), options.kernelW())
                .integers("strides", options.strideH(), options.strideW())
                .integers("pads", options.padH(), options.padW(), options.padH(), options.padW());
    }

    private void linear(Op op) {
        Value x = op.input("x");
        Value w = op.input("w");
        String bias = op.optional("bias").map(this::plain).orElse(null);
        // A weight behind a flattened image lies in files, and here, as PyTorch flattens: c, h, w.
        if (layout(w) instanceof WeightLayout.Flattened image) {
            set(op, gemm(channelsFirst(x, image), initializer(w), bias));
        } else if (rank(x) == 2) {
            set(op, gemm(plain(x), plain(w), bias));
        } else {
            String y = node("MatMul", plain(x), in(w, List.of(1, 0))).output();
            set(op, Placed.plain(bias == null ? y : node("Add", y, bias).output(), rank(x)));
        }
    }

    private Placed gemm(String x, String w, String bias) {
        return Placed.plain(node("Gemm", x, w, bias).integer("transB", 1).output(), 2);
    }

    private String channelsFirst(Value x, WeightLayout.Flattened image) {
        Placed at = at(x);
        List<Long> sizes = List.of((long) image.channels(), (long) image.height(), (long) image.width());
        if (sizes.equals(at.flattened())) {
            return at.name();
        }
        if (image.height() * image.width() == 1 || image.channels() == 1) {
            return plain(x);
        }
        String pixels = node("Reshape", plain(x), graph.integers(0, image.height(), image.width(), image.channels()))
                .output();
        String channels = node("Transpose", pixels).integers("perm", 0, 3, 1, 2).output();
        return node("Flatten", channels).integer("axis", 1).output();
    }

    private void matmul(Op op) {
        String a = factor(op.input("a"), op.attribute("transpose_a", Boolean.class));
        String b = factor(op.input("b"), op.attribute("transpose_b", Boolean.class));
        set(op, Placed.plain(node("MatMul", a, b).output(), rank(op.output())));
    }

    private String factor(Value matrix, boolean transpose) {
        List<Integer> order = new ArrayList<>(Placed.plainOrder(rank(matrix)));
        if (transpose) {
            Collections.swap(order, order.size() - 2, order.size() - 1);
        }
        return in(matrix, List.copyOf(order));
    }

    // softmax(q kT scale) v in single ops: runtimes fuse them again.
    private void attention(Op op) {
        Value qkv = op.input("qkv");
        long heads = op.attribute("heads", Integer.class);
        long size = qkv.shape().get(2) / 3 / heads;
        double given = op.attribute("scale", Double.class);
        double scale = given == 0 ? 1 / Math.sqrt((double) size) : given;
        String split = node("Reshape", plain(qkv), graph.integers(0, 0, 3, heads, size))
                .output();
        String parts = node("Transpose", split).integers("perm", 2, 0, 3, 1, 4).output();
        String q = node("Gather", parts, graph.integer(0)).integer("axis", 0).output();
        String k = node("Gather", parts, graph.integer(1)).integer("axis", 0).output();
        String v = node("Gather", parts, graph.integer(2)).integer("axis", 0).output();
        String scaled = node("Mul", q, graph.number(scale)).output();
        String turned = node("Transpose", k).integers("perm", 0, 1, 3, 2).output();
        String scores = node("MatMul", scaled, turned).output();
        String weights = node("Softmax", scores).integer("axis", -1).output();
        String mixed = node("MatMul", weights, v).output();
        String joined = node("Transpose", mixed).integers("perm", 0, 2, 1, 3).output();
        set(
                op,
                Placed.plain(
                        node("Reshape", joined, graph.integers(0, 0, heads * size))
                                .output(),
                        3));
    }

    private Placed overLast(String type, Op op) {
        Placed x = unflattened(op.input("x"));
        return x.named(node(type, x.name())
                .integer("axis", x.axis(x.order().size() - 1))
                .output());
    }

    private void unary(Op op) {
        Placed x = at(op.input("x"));
        double alpha = op.attribute("alpha", Double.class);
        String in = x.name();
        String y = switch (op.attribute("kind", Unary.Kind.class)) {
            case NEG -> node("Neg", in).output();
            case ABS -> node("Abs", in).output();
            case EXP -> node("Exp", in).output();
            case LOG -> node("Log", in).output();
            case SQRT -> node("Sqrt", in).output();
            case RSQRT -> node("Reciprocal", node("Sqrt", in).output()).output();
            case SQUARE -> node("Mul", in, in).output();
            case SIGN -> node("Sign", in).output();
            case RECIPROCAL -> node("Reciprocal", in).output();
            case RELU -> node("Relu", in).output();
            case LEAKY_RELU -> node("LeakyRelu", in).number("alpha", alpha).output();
            case GELU ->
                gelu(
                        in,
                        node(
                                        "Erf",
                                        node("Mul", in, graph.number(Math.sqrt(0.5)))
                                                .output())
                                .output());
            case GELU_TANH -> {
                String square = node("Mul", in, in).output();
                String cubes = node("Mul", square, graph.number(GELU_TANH_CUBE)).output();
                String sum = node("Add", cubes, graph.number(1)).output();
                String inner = node("Mul", node("Mul", in, sum).output(), graph.number(Math.sqrt(2 / Math.PI)))
                        .output();
                yield gelu(in, node("Tanh", inner).output());
            }
            case SIGMOID -> node("Sigmoid", in).output();
            case TANH -> node("Tanh", in).output();
            case CLAMP ->
                node("Clip", in, graph.number(alpha), graph.number(op.attribute("beta", Double.class)))
                        .output();
        };
        set(op, x.named(y));
    }

    /** x (1 + function) / 2. */
    private String gelu(String x, String function) {
        String factor = node("Add", function, graph.number(1)).output();
        return node("Mul", node("Mul", x, factor).output(), graph.number(0.5)).output();
    }

    private void binary(Op op) {
        Value a = op.input("a");
        Value b = op.input("b");
        Binary.Kind kind = op.attribute("kind", Binary.Kind.class);
        Placed placeA = at(a);
        Placed placeB = at(b);
        if (placeA.flattened() != null && placeA.flattened().equals(placeB.flattened())) {
            set(op, placeA.named(arithmetic(kind, placeA.name(), placeB.name())));
            return;
        }
        List<Integer> order = commonOrder(List.of(a, b), rank(op.output()));
        set(op, Placed.ordered(arithmetic(kind, aligned(a, order), aligned(b, order)), order));
    }

    private String arithmetic(Binary.Kind kind, String a, String b) {
        return switch (kind) {
            case ADD -> node("Add", a, b).output();
            case SUB -> node("Sub", a, b).output();
            case MUL -> node("Mul", a, b).output();
            case DIV -> node("Div", a, b).output();
            case MAX -> node("Max", a, b).output();
            case MIN -> node("Min", a, b).output();
            case EQ -> cast(node("Equal", a, b).output(), "UINT8");
            case NE -> cast(node("Not", node("Equal", a, b).output()).output(), "UINT8");
            case LT -> cast(node("Less", a, b).output(), "UINT8");
            case LE -> cast(node("LessOrEqual", a, b).output(), "UINT8");
            case GT -> cast(node("Greater", a, b).output(), "UINT8");
            case GE -> cast(node("GreaterOrEqual", a, b).output(), "UINT8");
        };
    }

    private void reduce(Op op) {
        Placed x = unflattened(op.input("x"));
        int rank = x.order().size();
        List<Integer> given = integers(op, "dimensions");
        List<Integer> dimensions = given.isEmpty() ? Placed.plainOrder(rank) : given;
        boolean keep = op.attribute("keep", Boolean.class);
        long[] axes = dimensions.stream().mapToLong(x::axis).sorted().toArray();
        long keepDimensions = keep ? 1 : 0;
        String y = switch (op.attribute("kind", Reduce.Kind.class)) {
            case SUM ->
                node("ReduceSum", x.name(), graph.integers(axes))
                        .integer("keepdims", keepDimensions)
                        .output();
            case MEAN -> reduced("ReduceMean", x, axes, keepDimensions);
            case MAX -> reduced("ReduceMax", x, axes, keepDimensions);
            case MIN -> reduced("ReduceMin", x, axes, keepDimensions);
        };
        if (keep) {
            set(op, x.named(y));
            return;
        }
        List<Integer> left =
                x.order().stream().filter(d -> !dimensions.contains(d)).toList();
        List<Integer> ascending = left.stream().sorted().toList();
        set(op, Placed.ordered(y, left.stream().map(ascending::indexOf).toList()));
    }

    private String reduced(String type, Placed x, long[] axes, long keep) {
        return node(type, x.name())
                .integers("axes", axes)
                .integer("keepdims", keep)
                .output();
    }

    // Nothing happens to the elements: only the order that they are known to lie in changes.
    private void permute(Op op) {
        Placed x = unflattened(op.input("x"));
        List<Integer> order = integers(op, "order");
        set(op, Placed.ordered(x.name(), x.order().stream().map(order::indexOf).toList()));
    }

    private void reshape(Op op) {
        Value from = op.input("x");
        Value to = op.output();
        Placed x = at(from);
        if (from.shape().equals(to.shape())) {
            set(op, x);
            return;
        }
        // An image flattened for a linear layer stays as it lies: that is how PyTorch flattens.
        if (x.order().equals(Placed.NCHW)
                && rank(to) == 2
                && to.shape().get(0).equals(from.shape().get(0))) {
            List<Long> sizes = List.of(fixed(from, 3), fixed(from, 1), fixed(from, 2));
            boolean same = sizes.get(0) == 1 || sizes.get(1) * sizes.get(2) == 1;
            String flat = node("Flatten", x.name()).integer("axis", 1).output();
            set(op, new Placed(flat, Placed.plainOrder(2), same ? null : sizes));
            return;
        }
        Placed source = x.flattened() == null && liesInOrder(from, x) ? x : Placed.plain(plain(from), rank(from));
        long[] shape = new long[rank(to)];
        int open = 0;
        for (int i = 0; i < shape.length; i++) {
            long factor = batchFactor(to, i);
            if (factor == 0) {
                shape[i] = to.shape().get(i);
            } else if (i < rank(from) && source.order().get(i) == i && factor == batchFactor(from, i)) {
                shape[i] = 0;
            } else {
                shape[i] = -1;
                open++;
            }
        }
        if (open > 1) {
            throw error("more than one dimension of its result " + to + " depends on the batch size");
        }
        set(
                op,
                Placed.plain(
                        node("Reshape", source.name(), graph.integers(shape)).output(), shape.length));
    }

    // Dimensions of size 1 may stand anywhere.
    private boolean liesInOrder(Value value, Placed at) {
        int last = -1;
        for (int dimension : at.order()) {
            if (value.shape().get(dimension) != 1 || batchFactor(value, dimension) != 0) {
                if (dimension < last) {
                    return false;
                }
                last = dimension;
            }
        }
        return true;
    }

    private void expand(Op op) {
        Value from = op.input("x");
        Value to = op.output();
        if (from.shape().equals(to.shape())) {
            set(op, at(from));
            return;
        }
        boolean sameRank = rank(from) == rank(to);
        Placed x = sameRank ? unflattened(from) : Placed.plain(plain(from), rank(from));
        List<Integer> order = sameRank ? x.order() : Placed.plainOrder(rank(to));
        set(op, Placed.ordered(node("Expand", x.name(), shape(to, order)).output(), order));
    }

    /** A tensor with the sizes of a value, those that follow the batch worked out at run time. */
    private String shape(Value value, List<Integer> order) {
        List<String> parts = new ArrayList<>();
        boolean open = false;
        for (int dimension : order) {
            long factor = batchFactor(value, dimension);
            if (factor == 0) {
                parts.add(graph.integers(value.shape().get(dimension)));
                continue;
            }
            open = true;
            String batch = node("Shape", placed.get(trace.input().id()).name())
                    .integer("start", 0)
                    .integer("end", 1)
                    .output();
            parts.add(
                    factor == 1
                            ? batch
                            : node("Mul", batch, graph.integers(factor)).output());
        }
        if (!open) {
            return graph.integers(order.stream().mapToLong(value.shape()::get).toArray());
        }
        return node("Concat", parts.toArray(String[]::new)).integer("axis", 0).output();
    }

    private void slice(Op op) {
        Value from = op.input("x");
        int dimension = op.attribute("dimension", Integer.class);
        long size = from.shape().get(dimension);
        long start = op.attribute("start", Long.class);
        long stop = op.attribute("stop", Long.class);
        long stride = op.attribute("step", Long.class);
        if (start == 0 && stop == size && stride == 1) {
            set(op, at(from));
            return;
        }
        if (batchFactor(from, dimension) != 0) {
            throw error("it takes a part of the batch, " + start + " to " + stop + " of " + size
                    + "; a network's result for an image must not depend on the image's place in the batch");
        }
        Placed x = unflattened(from);
        String y = node(
                        "Slice",
                        x.name(),
                        graph.integers(start),
                        graph.integers(stop),
                        graph.integers(x.axis(dimension)),
                        graph.integers(stride))
                .output();
        set(op, x.named(y));
    }

    private void concat(Op op) {
        List<Value> parts = List.copyOf(op.inputs().values());
        List<Integer> order = commonOrder(parts, rank(op.output()));
        String[] names = parts.stream().map(part -> in(part, order)).toArray(String[]::new);
        int axis = order.indexOf(op.attribute("dimension", Integer.class));
        set(op, Placed.ordered(node("Concat", names).integer("axis", axis).output(), order));
    }

    private void pad(Op op) {
        Placed x = unflattened(op.input("x"));
        List<Long> before = longs(op, "before");
        List<Long> after = longs(op, "after");
        int rank = x.order().size();
        long[] pads = new long[2 * rank];
        for (int j = 0; j < rank; j++) {
            pads[j] = before.get(x.order().get(j));
            pads[rank + j] = after.get(x.order().get(j));
        }
        String value = graph.number(op.attribute("value", Double.class));
        set(op, x.named(node("Pad", x.name(), graph.integers(pads), value).output()));
    }

    // ------------------------------------------------------------------------------------------- values and names

    private void set(Op op, Placed place) {
        placed.put(op.output().id(), place);
    }

    private static int rank(Value value) {
        return value.shape().size();
    }

    private OnnxGraph.Node node(String type, String... inputs) {
        return graph.node(type, step == null ? "" : step.module(), inputs);
    }

    private String prefix() {
        return step.module().isEmpty() ? "" : step.module() + "/";
    }

    private OnnxExportException error(String problem) {
        return step == null
                ? new OnnxExportException("cannot export the network: " + problem)
                : OnnxExportException.at(step, problem);
    }

    /** Where a value is; weights and constants are put into the graph when they are first needed. */
    private Placed at(Value value) {
        Placed known = placed.get(value.id());
        if (known == null) {
            known = trace.stateName(value).isPresent() ? weight(value) : constant(value);
            placed.put(value.id(), known);
        }
        return known;
    }

    private WeightLayout layout(Value value) {
        return trace.stateName(value).map(layouts::get).orElse(WeightLayout.SAME);
    }

    private Placed weight(Value value) {
        return switch (layout(value)) {
            case WeightLayout.Same _ -> Placed.plain(initializer(value), rank(value));
            case WeightLayout.Convolution _ -> Placed.ordered(initializer(value), Placed.NCHW);
            case WeightLayout.Flattened _ ->
                throw error("the weight " + trace.stateName(value).orElseThrow()
                        + " behind a flattened image can be read by a linear layer only");
        };
    }

    /** The name of a weight, which is its name in PyTorch, where it lies as in PyTorch. */
    private String initializer(Value value) {
        String name = trace.stateName(value).orElseThrow();
        if (!graph.hasInitializer(name)) {
            graph.reserve(name);
            try (TensorScope _ = TensorScope.open()) {
                put(name, layouts.get(name).toFile(state.get(name).detach()));
            }
        }
        return name;
    }

    private Placed constant(Value value) {
        Tensor tensor = leaves.get(value.id());
        if (tensor == null || !tensor.isOpen()) {
            throw error(
                    "it reads " + value + ", which was closed before it could be written to the file; make constants"
                            + " in the scope of the forward pass or keep them");
        }
        String name = graph.unique("constant");
        put(name, tensor);
        return Placed.plain(name, rank(value));
    }

    private void put(String name, Tensor tensor) {
        switch (tensor.dtype()) {
            case F32 -> graph.initializer(name, tensor.toFloats(), tensor.shape());
            case I64 -> graph.initializer(name, tensor.toLongs(), tensor.shape());
            case U8 -> graph.initializer(name, tensor.toBytes(), tensor.shape());
            default ->
                throw error(name + " is " + tensor.dtype() + "; ONNX export is for f32: convert the network with"
                        + " to(DType.F32)");
        }
    }

    private String plain(Value value) {
        return in(value, Placed.plainOrder(rank(value)));
    }

    /** Out of PyTorch's order of flattened images, if it is in it. */
    private Placed unflattened(Value value) {
        Placed place = at(value);
        return place.flattened() == null ? place : Placed.plain(plain(value), rank(value));
    }

    /** The name of a tensor with the value's dimensions in that order; transposed once, however often it is needed. */
    private String in(Value value, List<Integer> order) {
        Placed place = at(value);
        if (place.flattened() != null) {
            List<Long> image = place.flattened();
            String name = transposed.computeIfAbsent(value.id() + " unflattened", key -> {
                String channels = node(
                                "Reshape", place.name(), graph.integers(0, image.get(0), image.get(1), image.get(2)))
                        .output();
                String pixels =
                        node("Transpose", channels).integers("perm", 0, 2, 3, 1).output();
                return node("Flatten", pixels).integer("axis", 1).output();
            });
            return order.equals(Placed.plainOrder(2)) ? name : turned(value, Placed.plain(name, 2), order);
        }
        return place.order().equals(order) ? place.name() : turned(value, place, order);
    }

    private String turned(Value value, Placed place, List<Integer> order) {
        return transposed.computeIfAbsent(value.id() + " " + order, key -> {
            long[] permutation = order.stream().mapToLong(place::axis).toArray();
            return node("Transpose", place.name()).integers("perm", permutation).output();
        });
    }

    /** The order in which values that are combined element by element need the fewest transposes. */
    private List<Integer> commonOrder(List<Value> values, int rank) {
        return values.stream()
                .filter(value -> rank(value) == rank)
                .filter(value -> trace.stateName(value).isEmpty() && !leaves.containsKey(value.id()))
                .map(value -> unflattened(value).order())
                .findFirst()
                .orElse(Placed.plainOrder(rank));
    }

    /** A value that broadcasts against others in that order; one with fewer dimensions gets leading ones of size 1. */
    private String aligned(Value value, List<Integer> order) {
        int missing = order.size() - rank(value);
        if (missing == 0) {
            return in(value, order);
        }
        String name = plain(value);
        if (order.equals(Placed.plainOrder(order.size())) || rank(value) == 0) {
            return name;
        }
        String full =
                unsqueezed(name, IntStream.range(0, missing).mapToLong(i -> i).toArray());
        return node("Transpose", full)
                .integers("perm", order.stream().mapToLong(i -> i).toArray())
                .output();
    }

    private String unsqueezed(String name, long... axes) {
        return axes.length == 0
                ? name
                : node("Unsqueeze", name, graph.integers(axes)).output();
    }

    private String cast(String name, String type) {
        return node("Cast", name)
                .integer(
                        "to",
                        ai.onnx.proto.OnnxMl.TensorProto.DataType.valueOf(type).getNumber())
                .output();
    }

    private static String onnxType(DType type) {
        return switch (type) {
            case F32 -> "FLOAT";
            case F64 -> "DOUBLE";
            case BF16 -> "BFLOAT16";
            case I64 -> "INT64";
            case I32 -> "INT32";
            case U8 -> "UINT8";
        };
    }

    /** How many times the batch size a size is; 0 where it does not depend on it. */
    private long batchFactor(Value value, int dimension) {
        long here = value.shape().get(dimension);
        Value twin = otherValues.get(value.id());
        long there = twin == null ? here : twin.shape().get(dimension);
        if (here == there) {
            return 0;
        }
        long batch = trace.input().shape().getFirst();
        long otherBatch = other.input().shape().getFirst();
        if (here % batch != 0 || here / batch * otherBatch != there) {
            throw error("size " + here + " of " + value + " becomes " + there + " when the batch of " + batch
                    + " becomes one of " + otherBatch + "; ONNX needs a multiple of the batch size");
        }
        return here / batch;
    }

    private long fixed(Value value, int dimension) {
        if (batchFactor(value, dimension) != 0) {
            throw error("dimension " + dimension + " of " + value + " depends on the batch size");
        }
        return value.shape().get(dimension);
    }

    private static List<Integer> integers(Op op, String attribute) {
        List<?> numbers = op.attribute(attribute, List.class);
        return numbers.stream().map(Integer.class::cast).toList();
    }

    private static List<Long> longs(Op op, String attribute) {
        List<?> numbers = op.attribute(attribute, List.class);
        return numbers.stream().map(Long.class::cast).toList();
    }
}
