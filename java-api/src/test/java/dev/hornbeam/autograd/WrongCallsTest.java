package dev.hornbeam.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.hornbeam.autograd.ops.Attention;
import dev.hornbeam.autograd.ops.AvgPool2d;
import dev.hornbeam.autograd.ops.BatchNorm;
import dev.hornbeam.autograd.ops.BatchNormOptions;
import dev.hornbeam.autograd.ops.Conv2d;
import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.autograd.ops.ConvBnAct;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.autograd.ops.Dropout;
import dev.hornbeam.autograd.ops.GlobalAvgPool;
import dev.hornbeam.autograd.ops.GroupNorm;
import dev.hornbeam.autograd.ops.KlDivergence;
import dev.hornbeam.autograd.ops.LayerNorm;
import dev.hornbeam.autograd.ops.Linear;
import dev.hornbeam.autograd.ops.MaxPool2d;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.autograd.ops.PerturbWeight;
import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.autograd.ops.SoftmaxScores;
import dev.hornbeam.autograd.ops.SquaredError;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.ReleasedTensorException;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Calls with one wrong argument end in an exception that names the op and the argument, and change nothing. */
@SuppressWarnings("ArrayRecordComponent") // Tables of cases, never compared.
class WrongCallsTest {
    private static final int CALLS = 1500;

    private enum Mistake {
        RELEASED,
        NULL,
        OTHER_DEVICE,
        /** A type that the op does not take. */
        TYPE,
        /** One dimension more. */
        RANK,
        /** Another size in the last dimension. */
        LAST_SIZE,
        /** Another size in the first dimension. */
        FIRST_SIZE,
        /** No dimensions at all. */
        SCALAR
    }

    private static final Set<Mistake> ANY = EnumSet.allOf(Mistake.class);
    private static final Set<Mistake> HANDLE = EnumSet.of(Mistake.RELEASED, Mistake.NULL);
    private static final Set<Mistake> HANDLE_TYPE = EnumSet.of(Mistake.RELEASED, Mistake.NULL, Mistake.TYPE);

    private static Set<Mistake> anyBut(Mistake... mistakes) {
        Set<Mistake> rest = EnumSet.allOf(Mistake.class);
        rest.removeAll(List.of(mistakes));
        return rest;
    }

    /** An argument that is right, and the mistakes that make it wrong. */
    private record Argument(String name, DType dtype, long[] shape, Set<Mistake> mistakes) {
        Tensor right() {
            return Tensor.full(1, dtype, Device.standard(), shape);
        }

        Tensor wrong(Mistake mistake) {
            return switch (mistake) {
                case RELEASED -> {
                    Tensor tensor = right();
                    tensor.close();
                    yield tensor;
                }
                case NULL -> null;
                case OTHER_DEVICE -> Tensor.full(1, dtype, Device.nothing(), shape);
                case TYPE -> Tensor.full(1, dtype == DType.I32 ? DType.F64 : DType.I32, Device.standard(), shape);
                case RANK -> {
                    long[] longer = Arrays.copyOf(shape, shape.length + 1);
                    longer[shape.length] = 2;
                    yield Tensor.full(1, dtype, Device.standard(), longer);
                }
                case LAST_SIZE -> resized(shape.length - 1);
                case FIRST_SIZE -> resized(0);
                case SCALAR -> Tensor.full(1, dtype, Device.standard());
            };
        }

        private Tensor resized(int dimension) {
            long[] other = shape.clone();
            other[dimension] += 3;
            return Tensor.full(1, dtype, Device.standard(), other);
        }
    }

    private record Op(String name, Consumer<Tensor[]> call, Argument... arguments) {}

    private static Argument floats(String name, Set<Mistake> mistakes, long... shape) {
        return new Argument(name, DType.F32, shape, mistakes);
    }

    private static Argument longs(String name, Set<Mistake> mistakes, long... shape) {
        return new Argument(name, DType.I64, shape, mistakes);
    }

    private static final Noise NOISE =
            new Noise(Noise.Kind.MULTIPLICATIVE, Noise.Gradient.AT_PERTURBED, 2, 0.1f, 1, 0, 0, 0);
    private static final Set<Mistake> ANY_BUT_FIRST = anyBut(Mistake.FIRST_SIZE);
    private static final Set<Mistake> BROADCAST = anyBut(Mistake.SCALAR, Mistake.FIRST_SIZE);

    private static final List<Op> OPS = List.of(
            new Op("add", t -> t[0].add(t[1]), floats("a", HANDLE, 2, 3), floats("b", BROADCAST, 2, 3)),
            new Op("maximum", t -> t[0].maximum(t[1]), floats("a", HANDLE, 2, 3), floats("b", BROADCAST, 2, 3)),
            new Op("lt", t -> t[0].lt(t[1]), floats("a", HANDLE, 2, 3), floats("b", BROADCAST, 2, 3)),
            new Op("mul", t -> t[0].mul(2), floats("a", HANDLE_TYPE, 2, 3)),
            new Op("exp", t -> t[0].exp(), floats("x", HANDLE_TYPE, 2, 3)),
            new Op("gelu", t -> t[0].gelu(), floats("x", HANDLE_TYPE, 2, 3)),
            new Op("sum", t -> t[0].sum(), floats("x", HANDLE_TYPE, 2, 3)),
            new Op(
                    "softmax",
                    t -> t[0].softmax(),
                    floats(
                            "x",
                            anyBut(Mistake.OTHER_DEVICE, Mistake.RANK, Mistake.LAST_SIZE, Mistake.FIRST_SIZE),
                            2,
                            3)),
            new Op(
                    "log_softmax",
                    t -> t[0].logSoftmax(),
                    floats(
                            "x",
                            anyBut(Mistake.OTHER_DEVICE, Mistake.RANK, Mistake.LAST_SIZE, Mistake.FIRST_SIZE),
                            2,
                            3)),
            new Op("argmax", t -> t[0].argMax(), floats("x", EnumSet.of(Mistake.RELEASED, Mistake.SCALAR), 2, 3)),
            new Op("top_k", t -> t[0].topK(4), floats("x", EnumSet.of(Mistake.RELEASED, Mistake.SCALAR), 2, 4)),
            new Op("sort", t -> t[0].sort(true), floats("x", EnumSet.of(Mistake.RELEASED, Mistake.RANK), 4)),
            new Op(
                    "matmul",
                    t -> t[0].matmul(t[1]),
                    floats("a", anyBut(Mistake.FIRST_SIZE, Mistake.NULL), 2, 3),
                    floats("b", anyBut(Mistake.LAST_SIZE), 3, 4)),
            new Op(
                    "linear",
                    t -> Linear.linear(t[0], t[1], t[2], null),
                    floats("x", ANY_BUT_FIRST, 5, 3),
                    floats("w", anyBut(Mistake.FIRST_SIZE), 4, 3),
                    floats("bias", anyBut(Mistake.NULL), 4)),
            new Op(
                    "conv2d",
                    t -> Conv2d.conv2d(t[0], t[1], t[2], Conv2dOptions.of(1, 1), NOISE),
                    floats("x", ANY_BUT_FIRST, 2, 5, 5, 3),
                    floats("w", anyBut(Mistake.FIRST_SIZE), 4, 3, 3, 3),
                    floats("bias", anyBut(Mistake.NULL), 4)),
            new Op(
                    "max_pool2d",
                    t -> MaxPool2d.maxPool2d(t[0], Pool2dOptions.of(2, 2, 0)),
                    floats("x", anyBut(Mistake.OTHER_DEVICE, Mistake.FIRST_SIZE, Mistake.LAST_SIZE), 2, 4, 4, 3)),
            new Op(
                    "avg_pool2d",
                    t -> AvgPool2d.avgPool2d(t[0], Pool2dOptions.of(2, 2, 0)),
                    floats("x", anyBut(Mistake.OTHER_DEVICE, Mistake.FIRST_SIZE, Mistake.LAST_SIZE), 2, 4, 4, 3)),
            new Op(
                    "global_avg_pool",
                    t -> GlobalAvgPool.globalAvgPool(t[0]),
                    floats("x", anyBut(Mistake.OTHER_DEVICE, Mistake.FIRST_SIZE, Mistake.LAST_SIZE), 2, 4, 4, 3)),
            new Op(
                    "batch_norm",
                    t -> BatchNorm.batchNorm(t[0], t[1], t[2], t[3], t[4], t[5], BatchNormOptions.TRAINING, null),
                    floats("x", anyBut(Mistake.FIRST_SIZE, Mistake.RANK), 4, 3),
                    floats("gamma", ANY, 3),
                    floats("beta", ANY, 3),
                    floats("running_mean", ANY, 3),
                    floats("running_var", ANY, 3),
                    floats("residual", anyBut(Mistake.NULL), 4, 3)),
            new Op(
                    "conv_bn_act",
                    t -> ConvBnAct.convBnAct(
                            t[0],
                            t[1],
                            t[2],
                            t[3],
                            t[4],
                            t[5],
                            t[6],
                            Conv2dOptions.of(1, 1),
                            BatchNormOptions.TRAINING,
                            null,
                            null),
                    floats("x", anyBut(Mistake.FIRST_SIZE), 2, 5, 5, 3),
                    floats("w", anyBut(Mistake.FIRST_SIZE), 4, 3, 3, 3),
                    floats("gamma", ANY, 4),
                    floats("beta", ANY, 4),
                    floats("running_mean", ANY, 4),
                    floats("running_var", ANY, 4),
                    floats("residual", anyBut(Mistake.NULL), 2, 5, 5, 4)),
            new Op(
                    "group_norm",
                    t -> GroupNorm.groupNorm(t[0], t[1], t[2], 2, 1e-5, null),
                    floats("x", anyBut(Mistake.FIRST_SIZE), 2, 3, 4),
                    floats("gamma", ANY, 4),
                    floats("beta", ANY, 4)),
            new Op(
                    "layer_norm",
                    t -> LayerNorm.layerNorm(t[0], t[1], t[2], 1e-5, null),
                    floats("x", anyBut(Mistake.FIRST_SIZE), 2, 4),
                    floats("gamma", ANY, 4),
                    floats("beta", ANY, 4)),
            new Op(
                    "attention",
                    t -> Attention.attention(t[0], 2),
                    floats("qkv", anyBut(Mistake.OTHER_DEVICE, Mistake.FIRST_SIZE), 2, 3, 12)),
            new Op(
                    "cross_entropy",
                    t -> CrossEntropy.crossEntropy(t[0], t[1]),
                    floats("logits", anyBut(Mistake.LAST_SIZE), 3, 4),
                    longs("targets", ANY, 3)),
            new Op(
                    "softmax_scores",
                    t -> SoftmaxScores.softmaxScores(t[0], t[1]),
                    floats("logits", anyBut(Mistake.LAST_SIZE), 3, 4),
                    longs("targets", ANY, 3)),
            new Op(
                    "kl_divergence",
                    t -> KlDivergence.klDivergence(t[0], t[1]),
                    floats("p_logits", ANY, 3, 4),
                    floats("q_logits", ANY, 3, 4)),
            new Op(
                    "squared_error",
                    t -> SquaredError.squaredError(t[0], t[1]),
                    floats("x", ANY, 3, 4),
                    floats("target", ANY, 3, 4)),
            new Op(
                    "dropout",
                    t -> Dropout.dropout(t[0], 0.5, true, new Philox(1, Philox.Purpose.DROPOUT, 0, 0, 0)),
                    floats("x", EnumSet.of(Mistake.RELEASED, Mistake.NULL, Mistake.TYPE, Mistake.SCALAR), 2, 3)),
            new Op(
                    "perturb_weight",
                    t -> PerturbWeight.perturbWeight(t[0], NOISE, 1),
                    floats("w", EnumSet.of(Mistake.RELEASED, Mistake.NULL, Mistake.TYPE), 2, 3)),
            new Op(
                    "gather_rows",
                    t -> t[0].gatherRows(t[1]),
                    floats("x", EnumSet.of(Mistake.RELEASED, Mistake.OTHER_DEVICE, Mistake.SCALAR), 3, 2),
                    longs("index", anyBut(Mistake.FIRST_SIZE, Mistake.LAST_SIZE), 4)),
            new Op(
                    "take_along_rows",
                    t -> t[0].takeAlongRows(t[1]),
                    floats("x", anyBut(Mistake.LAST_SIZE, Mistake.NULL), 3, 2),
                    longs("index", ANY, 3)),
            new Op(
                    "scatter_rows",
                    t -> t[0].addRows(t[1], t[2]),
                    floats("destination", anyBut(Mistake.FIRST_SIZE, Mistake.NULL), 3, 2),
                    longs("index", ANY, 4),
                    floats("source", ANY, 4, 2)),
            new Op(
                    "where",
                    t -> t[0].where(t[1], t[2]),
                    new Argument(
                            "condition",
                            DType.U8,
                            new long[] {2, 3},
                            anyBut(Mistake.NULL, Mistake.SCALAR, Mistake.FIRST_SIZE)),
                    floats("a", BROADCAST, 2, 3),
                    floats("b", BROADCAST, 2, 3)),
            new Op(
                    "concat",
                    t -> Tensor.concat(1, t),
                    floats("tensors[0]", HANDLE, 2, 3),
                    floats("tensors[1]", anyBut(Mistake.LAST_SIZE), 2, 3)),
            new Op(
                    "pad",
                    t -> t[0].pad(new long[] {1, 0}, new long[] {0, 1}, 0),
                    floats("x", EnumSet.of(Mistake.RELEASED, Mistake.RANK, Mistake.SCALAR), 2, 3)),
            new Op(
                    "add_scaled",
                    t -> t[0].addScaled(t[1], 2),
                    floats("destination", anyBut(Mistake.NULL), 2, 3),
                    floats("source", ANY, 2, 3)),
            new Op(
                    "blend",
                    t -> t[0].blend(t[1], 2, 1),
                    floats("destination", anyBut(Mistake.NULL), 2, 3),
                    floats("source", ANY, 2, 3)),
            new Op(
                    "copy",
                    t -> t[0].copyFrom(t[1]),
                    floats("destination", EnumSet.of(Mistake.RELEASED), 2, 3),
                    floats("source", anyBut(Mistake.OTHER_DEVICE, Mistake.TYPE, Mistake.SCALAR), 2, 3)));

    @Test
    void rightArgumentsAreAccepted() {
        for (Op op : OPS) {
            try (var _ = TensorScope.open()) {
                op.call()
                        .accept(Arrays.stream(op.arguments())
                                .map(Argument::right)
                                .toArray(Tensor[]::new));
            } catch (RuntimeException e) {
                fail(op.name() + " refuses right arguments", e);
            }
        }
    }

    @Test
    void wrongArgumentsAreNamed() {
        Philox choice = new Philox(2024, Philox.Purpose.TEST, 0, 0, 0);
        Map<Mistake, Integer> made = new EnumMap<>(Mistake.class);
        for (int i = 0; i < CALLS; i++) {
            Op op = OPS.get(choice.below(3L * i, OPS.size()));
            int place = choice.below(3L * i + 1, op.arguments().length);
            Argument argument = op.arguments()[place];
            List<Mistake> mistakes = List.copyOf(EnumSet.copyOf(argument.mistakes()));
            Mistake mistake = mistakes.get(choice.below(3L * i + 2, mistakes.size()));
            if (mistake == Mistake.NULL && place == 0 && op.call() != null && isReceiver(op)) {
                continue;
            }
            call(op, place, mistake);
            made.merge(mistake, 1, Integer::sum);
        }
        int calls = made.values().stream().mapToInt(Integer::intValue).sum();
        assertTrue(calls >= 1000, "wrong calls made: " + calls);
        assertEquals(EnumSet.allOf(Mistake.class), made.keySet());
    }

    /** Methods of a tensor have no null for it. */
    private static boolean isReceiver(Op op) {
        try {
            op.call().accept(new Tensor[op.arguments().length]);
            return false;
        } catch (NullPointerException e) {
            return true;
        } catch (TensorArgumentException e) {
            return false;
        }
    }

    private static void call(Op op, int place, Mistake mistake) {
        String what = op.name() + " with " + op.arguments()[place].name() + " " + mistake;
        try (var _ = TensorScope.open()) {
            Tensor[] tensors = new Tensor[op.arguments().length];
            for (int i = 0; i < tensors.length; i++) {
                tensors[i] = i == place ? op.arguments()[i].wrong(mistake) : op.arguments()[i].right();
            }
            float[][] before = new float[tensors.length][];
            for (int i = 0; i < tensors.length; i++) {
                before[i] = i == place ? null : tensors[i].toFloats();
            }
            long live = Engine.memory().liveTensors();
            String message;
            try {
                op.call().accept(tensors);
                fail(what + " was accepted");
                return;
            } catch (TensorArgumentException | ReleasedTensorException | UnsupportedOperationException e) {
                message = e.getMessage();
            }
            assertTrue(message.contains(": "), what + ": " + message);
            String named = message.substring(message.indexOf(':'));
            assertTrue(
                    Arrays.stream(op.arguments()).anyMatch(a -> isNamed(a.name(), named)),
                    what + " does not name an argument: " + message);
            if (mistake == Mistake.RELEASED || mistake == Mistake.NULL) {
                assertTrue(
                        named.startsWith(": " + op.arguments()[place].name() + " "),
                        what + " names another: " + message);
                assertEquals(mistake == Mistake.RELEASED, message.contains("already closed"), message);
            }
            assertEquals(live, Engine.memory().liveTensors(), what + " leaves something behind");
            for (int i = 0; i < tensors.length; i++) {
                if (i != place) {
                    assertArrayEquals(before[i], tensors[i].toFloats(), what + " changed " + op.arguments()[i].name());
                }
            }
        }
    }

    /** Whether a whole word of the text is this name. */
    private static boolean isNamed(String name, String text) {
        return Pattern.compile("(?<![\\w.])" + Pattern.quote(name) + "(?!\\w)")
                .matcher(text)
                .find();
    }

    @Test
    void wrongNumbersAreNamed() {
        try (var _ = TensorScope.open()) {
            Tensor x = Tensor.zeros(2, 3);
            Tensor image = Tensor.zeros(1, 4, 4, 2);
            Tensor kernel = Tensor.zeros(2, 3, 3, 2);
            named("dimension 2", () -> x.sum(false, 2));
            named("dimension -3", () -> x.transpose(-3, 0));
            named("stop", () -> x.slice(1, 0, 4));
            named("start", () -> x.slice(1, 2, 1));
            named("step", () -> x.slice(1, 0, 2, 0));
            named("shape", () -> x.reshape(4, 2));
            named("shape", () -> x.reshape(-1, -1));
            named("shape", () -> x.expand(2, 4));
            named("order", () -> x.permute(0, 0));
            named("order", () -> x.permute(0));
            named("shape", () -> Tensor.zeros(-1));
            named("shape", () -> Tensor.zeros(1, 1, 1, 1, 1, 1, 1, 1, 1));
            named("k ", () -> x.topK(0));
            named("k ", () -> x.topK(4));
            named("index", () -> x.gatherRows(Tensor.of(new long[] {2})));
            named("index", () -> x.gatherRows(Tensor.of(new long[] {-1})));
            named("targets", () -> CrossEntropy.crossEntropy(x, Tensor.of(new long[] {0, 3})));
            named("smoothing", () -> CrossEntropy.crossEntropy(x, Tensor.of(new long[] {0, 1}), 1));
            named("stride", () -> Conv2d.conv2d(image, kernel, null, Conv2dOptions.of(0, 1), null));
            named("pad", () -> Conv2d.conv2d(image, kernel, null, Conv2dOptions.of(1, -1), null));
            named(
                    "groups",
                    () -> Conv2d.conv2d(
                            image, kernel, null, Conv2dOptions.of(1, 1).withGroups(0), null));
            named(
                    "dilation",
                    () -> Conv2d.conv2d(
                            image, kernel, null, Conv2dOptions.of(1, 1).withDilation(0), null));
            named("options", () -> Conv2d.conv2d(image, kernel, null, null, null));
            named("kernel", () -> MaxPool2d.maxPool2d(image, Pool2dOptions.of(0, 1, 0)));
            named("pad", () -> MaxPool2d.maxPool2d(image, Pool2dOptions.of(2, 1, 2)));
            named("groups", () -> GroupNorm.groupNorm(x, Tensor.ones(3), Tensor.ones(3), 2, 1e-5, null));
            named("p ", () -> Dropout.dropout(x, 1, false, new Philox(0, Philox.Purpose.DROPOUT, 0, 0, 0)));
            named("stream", () -> Dropout.dropout(x, 0.5, false, null));
            named("heads", () -> Attention.attention(Tensor.zeros(1, 2, 12), 0));
            named("scale", () -> Attention.attention(Tensor.zeros(1, 2, 12), 2, -1));
            named("scale", () -> Attention.attention(Tensor.zeros(1, 2, 12), 2, Double.POSITIVE_INFINITY));
            named("before", () -> x.pad(new long[] {1}, new long[] {0, 0}, 0));
            named("before", () -> x.pad(new long[] {-3, 0}, new long[] {0, 0}, 0));
            named("sub_batch", () -> PerturbWeight.perturbWeight(x, NOISE, 2));
            named("subBatches", () -> new Noise(Noise.Kind.ADDITIVE, Noise.Gradient.CHAIN_RULE, 0, 0.1f, 1, 0, 0, 0));
            named("sigma", () -> new Noise(Noise.Kind.ADDITIVE, Noise.Gradient.CHAIN_RULE, 1, Float.NaN, 1, 0, 0, 0));
            named("tensors", () -> Tensor.concat(0));
            named("dtype", () -> x.cast(null));
        }
    }

    private static void named(String what, Runnable call) {
        try {
            call.run();
        } catch (TensorArgumentException e) {
            assertTrue(e.getMessage().contains(what), "\"" + what + "\" is not in: " + e.getMessage());
            return;
        }
        fail("accepted, although " + what + " is wrong");
    }
}
