package dev.hornbeam.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.Attention;
import dev.hornbeam.autograd.ops.AvgPool2d;
import dev.hornbeam.autograd.ops.BatchNorm;
import dev.hornbeam.autograd.ops.BatchNormOptions;
import dev.hornbeam.autograd.ops.Binary;
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
import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.autograd.ops.SoftmaxScores;
import dev.hornbeam.autograd.ops.SquaredError;
import dev.hornbeam.autograd.ops.Unary;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Values and gradients of ops on bf16 activations, against the same ops in f32 on the same numbers. */
class Bf16Test {
    /** Half a step between neighbours in bf16, over the number: the largest error of one rounding to 8 bits. */
    private static final double ROUNDING = 0x1p-8;

    private final List<DynamicTest> tests = new ArrayList<>();

    /** Numbers between low and high that bf16 has, so that both types compute with the same. */
    private static Tensor numbers(int which, double low, double high, long... shape) {
        int count = 1;
        for (long size : shape) {
            count *= (int) size;
        }
        float[] values = new float[count];
        Philox stream = new Philox(12, Philox.Purpose.TEST, which, 0, 0);
        for (int i = 0; i < count; i++) {
            // A place of its own for every element, so that no maximum is near a tie.
            values[i] = rounded(
                    (float) (low + (high - low) * ((i * 7919L % count) + 0.2 + 0.6 * stream.uniform(i)) / count));
        }
        return shape.length == 0 ? Tensor.scalar(values[0]) : Tensor.of(values, shape);
    }

    private static Tensor normal(int which, long... shape) {
        return numbers(which, -2, 2, shape);
    }

    /** To bf16: nearest, ties to even. */
    private static float rounded(float x) {
        int bits = Float.floatToRawIntBits(x);
        return Float.intBitsToFloat((bits + 0x7fff + (bits >>> 16 & 1)) & 0xffff0000);
    }

    private interface Case {
        void run();
    }

    private void add(String name, Case body) {
        tests.add(dynamicTest(name, () -> {
            try (var _ = TensorScope.open()) {
                body.run();
            }
        }));
    }

    /** What a function of activations and parameters gives, and its gradients for a fixed gradient of the value. */
    private static final class Run {
        final DType type;
        final float[] value;
        final List<DType> gradientTypes;
        final List<float[]> gradients;

        private Run(DType type, float[] value, List<DType> gradientTypes, List<float[]> gradients) {
            this.type = type;
            this.value = value;
            this.gradientTypes = gradientTypes;
            this.gradients = gradients;
        }

        static Run of(Function<Tensor[], Tensor> function, DType type, Tensor[] activations, Tensor[] parameters) {
            Tensor[] inputs = new Tensor[activations.length + parameters.length];
            for (int i = 0; i < inputs.length; i++) {
                inputs[i] = i < activations.length
                        ? activations[i].cast(type).detach().requireGrad()
                        : parameters[i - activations.length].copy().detach().requireGrad();
            }
            Tensor y = function.apply(inputs);
            Tensor seed = numbers(99, 0.5, 1.5, y.shape());
            Tensor[] gradients = Autograd.grad(y, seed.cast(y.dtype()), false, inputs);
            List<DType> types = new ArrayList<>();
            List<float[]> values = new ArrayList<>();
            for (Tensor gradient : gradients) {
                types.add(gradient.dtype());
                values.add(gradient.toFloats());
            }
            return new Run(y.dtype(), y.toFloats(), types, values);
        }
    }

    /**
     * Checks a function in bf16.
     *
     * @param roundings errors of one rounding, of the tensor's largest element, that values and bf16 gradients may have: 1 for
     *     an op that rounds once, more where what it reads has been rounded on the way
     * @param ofParameters the same for f32 gradients of parameters: 0, for f32's own errors alone, where the op reads nothing
     *     that was rounded on the way
     */
    private static void check(
            double roundings,
            double ofParameters,
            Function<Tensor[], Tensor> function,
            Tensor[] activations,
            Tensor... parameters) {
        Run exact = Run.of(function, DType.F32, activations, parameters);
        Run bf16 = Run.of(function, DType.BF16, activations, parameters);
        assertClose(exact.value, bf16.value, bf16.type == DType.BF16 ? roundings : 0, "value");
        for (int i = 0; i < exact.gradients.size(); i++) {
            boolean activation = i < activations.length;
            assertEquals(activation ? DType.BF16 : DType.F32, bf16.gradientTypes.get(i), "type of gradient " + i);
            assertClose(
                    exact.gradients.get(i),
                    bf16.gradients.get(i),
                    activation ? roundings : ofParameters,
                    "gradient " + i);
        }
    }

    private static void check(double roundings, Function<Tensor[], Tensor> function, Tensor... activations) {
        check(roundings, 0, function, activations);
    }

    private static void assertClose(float[] expected, float[] actual, double roundings, String what) {
        assertEquals(expected.length, actual.length, what);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        // What is left of f32: a few roundings in another order.
        double bound = largest * (roundings * ROUNDING + 2e-6);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], actual[i], bound, what + ", element " + i);
        }
    }

    private static Tensor[] on(Tensor... activations) {
        return activations;
    }

    @TestFactory
    List<DynamicTest> elementwise() {
        for (Unary.Kind kind : Unary.Kind.values()) {
            boolean positive = kind == Unary.Kind.LOG
                    || kind == Unary.Kind.SQRT
                    || kind == Unary.Kind.RSQRT
                    || kind == Unary.Kind.RECIPROCAL;
            add(
                    kind.name(),
                    () -> check(
                            1,
                            t -> Unary.unary(kind, t[0], kind == Unary.Kind.CLAMP ? -1.01 : 0.1, 0.97),
                            numbers(1, positive ? 0.3 : -2, 2, 7, 11)));
        }
        for (Binary.Kind kind : Binary.Kind.values()) {
            if (kind.isArithmetic()) {
                // Quotients' second gradient is a chain of three ops, each rounding.
                double roundings = kind == Binary.Kind.DIV ? 4 : 1;
                add(
                        kind.name(),
                        () -> check(
                                roundings,
                                t -> Binary.binary(kind, t[0], t[1]),
                                normal(1, 5, 9),
                                numbers(2, 0.6, 2, 5, 9)));
                // The sum over what was repeated is of rounded numbers, of both signs.
                add(
                        kind.name() + " broadcast",
                        () -> check(
                                2 * roundings,
                                t -> Binary.binary(kind, t[0], t[1]),
                                normal(1, 5, 9),
                                numbers(2, 0.6, 2, 9)));
            }
        }
        add("numbers", () -> check(1, t -> t[0].mul(3), normal(1, 50)));
        add("dropout", () -> {
            Philox stream = new Philox(5, Philox.Purpose.DROPOUT, 1, 2, 3);
            check(1, t -> Dropout.dropout(t[0], 0.4, false, stream), normal(1, 9, 20));
            check(1, t -> Dropout.dropout(t[0], 0.4, true, stream), normal(1, 3, 2, 2, 4));
        });
        return tests;
    }

    @TestFactory
    List<DynamicTest> reductionsAndMovement() {
        // The mean's gradient is scaled, then repeated.
        add("sum", () -> check(1, t -> t[0].sum(false, 1), normal(1, 3, 40, 2)));
        add("mean", () -> check(1, t -> t[0].mean(true, 0, 2), normal(1, 3, 40, 2)));
        add("max", () -> check(1, t -> t[0].max(false, 1), normal(1, 3, 40, 2)));
        add("min", () -> check(1, t -> t[0].min(), normal(1, 3, 40, 2)));
        // Nothing is computed, so that nothing is rounded.
        add("reshape", () -> check(0, t -> t[0].transpose(0, 1).reshape(12), normal(1, 3, 4)));
        add("slice", () -> check(0, t -> t[0].slice(1, 1, 3), normal(1, 2, 4)));
        add("slice by 2", () -> check(0, t -> t[0].slice(0, 1, 5, 2), normal(1, 5, 2)));
        add("concat", () -> check(0, t -> Tensor.concat(1, t[0], t[1]), normal(1, 2, 1), normal(2, 2, 3)));
        add("pad", () -> check(0, t -> t[0].pad(new long[] {1, 0}, new long[] {0, 2}, 5), normal(1, 2, 4)));
        add("permute", () -> check(0, t -> t[0].permute(1, 2, 0).dense(), normal(1, 2, 3, 4)));
        add("expand", () -> check(1, t -> t[0].expand(7, 2, 3), normal(1, 2, 1)));
        add("gather rows", () -> {
            Tensor index = Tensor.of(new long[] {2, 0, 2, 2});
            // Three parts of a row's gradient are added one by one.
            check(3, t -> t[0].gatherRows(index), normal(1, 3, 2));
        });
        add("take along rows", () -> {
            Tensor index = Tensor.of(new long[] {2, 0, 1});
            check(0, t -> t[0].takeAlongRows(index), normal(1, 3, 4));
        });
        add("where", () -> {
            Tensor condition = Tensor.of(new byte[] {1, 0, 0, 1, 1, 0}, 2, 3);
            check(1, t -> condition.where(t[0], t[1]), normal(1, 2, 3), normal(2, 3));
        });
        return tests;
    }

    // Products of parameters may round these to bf16 too, as AMX does: an error of each summand, and so of the sum.
    private static final double PRODUCT = 3;

    private static Noise noise(int subBatches) {
        return new Noise(Noise.Kind.MULTIPLICATIVE, Noise.Gradient.AT_PERTURBED, subBatches, 0.3f, 99, 4, 2, 0);
    }

    @TestFactory
    List<DynamicTest> products() {
        add("matmul", () -> {
            check(1, t -> t[0].matmul(t[1]), normal(1, 2, 9, 20), normal(2, 2, 20, 7));
            check(1, t -> t[0].matmul(t[1], false, true), normal(1, 3, 9, 20), normal(2, 7, 20));
        });
        add(
                "linear",
                () -> check(
                        PRODUCT,
                        0,
                        t -> Linear.linear(t[0], t[1], t[2], null),
                        on(normal(1, 10, 40)),
                        normal(2, 33, 40),
                        normal(3, 33)));
        add(
                "linear with noise",
                () -> check(
                        PRODUCT,
                        0,
                        t -> Linear.linear(t[0], t[1], null, noise(2)),
                        on(normal(1, 10, 40)),
                        normal(2, 33, 40)));
        for (Conv2dOptions options : new Conv2dOptions[] {
            Conv2dOptions.of(1, 1),
            Conv2dOptions.of(2, 1),
            Conv2dOptions.of(1, 1).withGroups(4)
        }) {
            for (Noise noise : new Noise[] {null, noise(2)}) {
                add(
                        "conv2d " + options + (noise == null ? "" : " with noise"),
                        () -> check(
                                PRODUCT,
                                0,
                                t -> Conv2d.conv2d(t[0], t[1], t[2], options, noise),
                                on(normal(1, 4, 9, 9, 16)),
                                normal(2, 24, 3, 3, 16 / options.groups()),
                                normal(3, 24)));
            }
        }
        // Of the scores, of their gradients and of the values; computed in f32 and rounded at the end.
        add("attention", () -> check(2, t -> Attention.attention(t[0], 3), normal(1, 2, 17, 72)));
        return tests;
    }

    @TestFactory
    List<DynamicTest> normalisationAndPooling() {
        for (boolean training : new boolean[] {true, false}) {
            BatchNormOptions options = new BatchNormOptions(training, false, 1, Activation.RELU, 0, 0.1f, 1e-3f);
            add(
                    "batch norm " + training,
                    () -> check(
                            1,
                            0,
                            t -> BatchNorm.batchNorm(
                                    t[0], t[2], t[3], normal(7, 6), numbers(8, 1, 2, 6), t[1], options, null),
                            on(normal(1, 4, 5, 5, 6), normal(2, 4, 5, 5, 6)),
                            numbers(3, 0.5, 1.5, 6),
                            normal(4, 6)));
            // The convolution's result is rounded before it is normalised: a mask where it is near 0 may differ, so
            // there
            // is no activation here; and its gradient before the weights' and the image's are made of it.
            BatchNormOptions plain = new BatchNormOptions(training, false, 1, Activation.NONE, 0, 0.1f, 1e-3f);
            add(
                    "conv bn act " + training,
                    () -> check(
                            8,
                            8,
                            t -> ConvBnAct.convBnAct(
                                    t[0],
                                    t[2],
                                    t[3],
                                    t[4],
                                    normal(7, 6),
                                    numbers(8, 1, 2, 6),
                                    t[1],
                                    Conv2dOptions.of(1, 1),
                                    plain,
                                    null,
                                    null),
                            on(normal(1, 4, 5, 5, 8), normal(2, 4, 5, 5, 6)),
                            numbers(5, -0.5, 0.5, 6, 3, 3, 8),
                            numbers(3, 0.5, 1.5, 6),
                            normal(4, 6)));
        }
        add(
                "group norm",
                () -> check(
                        1,
                        0,
                        t -> GroupNorm.groupNorm(t[0], t[1], t[2], 2, 1e-3, null),
                        on(normal(1, 3, 4, 4, 8)),
                        numbers(2, 0.5, 1.5, 8),
                        normal(3, 8)));
        add(
                "layer norm",
                () -> check(
                        1,
                        0,
                        t -> LayerNorm.layerNorm(t[0], t[1], t[2], 1e-3, null),
                        on(normal(1, 6, 3, 24)),
                        numbers(2, 0.5, 1.5, 24),
                        normal(3, 24)));
        add(
                "max pool",
                () -> check(1, t -> MaxPool2d.maxPool2d(t[0], Pool2dOptions.of(3, 2, 1)), normal(1, 2, 7, 7, 9)));
        add(
                "average pool",
                () -> check(1, t -> AvgPool2d.avgPool2d(t[0], Pool2dOptions.of(3, 2, 1)), normal(1, 2, 7, 7, 9)));
        add("global average pool", () -> check(1, t -> GlobalAvgPool.globalAvgPool(t[0]), normal(1, 2, 5, 4, 9)));
        return tests;
    }

    @TestFactory
    List<DynamicTest> lossesAreF32() {
        // Their gradients are differences of products of the rounded result.
        add("softmax", () -> check(4, t -> t[0].softmax(), normal(1, 6, 10)));
        add("log softmax", () -> check(8, t -> t[0].logSoftmax(), normal(1, 6, 10)));
        Function<Tensor[], Tensor> hard =
                t -> f32(CrossEntropy.crossEntropy(t[0], Tensor.of(new long[] {2, 0, 3}), 0.1));
        add("cross entropy of classes", () -> check(1, hard, normal(1, 3, 4)));
        add(
                "cross entropy of probabilities",
                () -> check(
                        1,
                        0,
                        t -> f32(CrossEntropy.crossEntropy(t[0], t[1])),
                        on(normal(1, 3, 4)),
                        numbers(2, 0.1, 0.9, 3, 4)));
        add(
                "kl divergence",
                () -> check(1, t -> f32(KlDivergence.klDivergence(t[0], t[1])), normal(1, 3, 4), normal(2, 3, 4)));
        add(
                "squared error",
                () -> check(1, t -> f32(SquaredError.squaredError(t[0], t[1])), normal(1, 3, 8), normal(2, 3, 8)));
        add("softmax scores", () -> {
            Tensor logits = normal(1, 5, 7);
            Tensor targets = Tensor.of(new long[] {2, 0, 3, 6, 1});
            SoftmaxScores.Result exact = SoftmaxScores.softmaxScores(logits, targets);
            SoftmaxScores.Result bf16 = SoftmaxScores.softmaxScores(logits.cast(DType.BF16), targets);
            assertEquals(DType.BF16, bf16.probabilities().dtype());
            assertClose(exact.probabilities().toFloats(), bf16.probabilities().toFloats(), 1, "probabilities");
            assertClose(exact.losses().toFloats(), f32(bf16.losses()).toFloats(), 0, "losses");
            assertClose(
                    exact.gradientNorms().toFloats(), f32(bf16.gradientNorms()).toFloats(), 0, "gradient norms");
        });
        return tests;
    }

    private static Tensor f32(Tensor loss) {
        assertEquals(DType.F32, loss.dtype());
        return loss;
    }

    @Test
    void orderIsThatOfF32() {
        try (var _ = TensorScope.open()) {
            Tensor x = normal(1, 60);
            Tensor y = x.cast(DType.BF16);
            assertArrayEquals(
                    x.sort(true).permutation().toLongs(),
                    y.sort(true).permutation().toLongs());
            assertArrayEquals(x.topK(5).indices().toLongs(), y.topK(5).indices().toLongs());
            assertEquals(x.argMax().itemLong(), y.argMax().itemLong());
            assertEquals(DType.BF16, y.sort(true).values().dtype());
            assertArrayEquals(x.gt(0.25).toBytes(), y.gt(0.25).toBytes());
            assertArrayEquals(x.toFloats(), y.toFloats());
            assertEquals(x.slice(0, 3, 4).item(), y.slice(0, 3, 4).item());
        }
    }

    @Test
    void castsRoundToNearestEvenAndTheirGradientsGoBack() {
        try (var _ = TensorScope.open()) {
            float[] values = {1, 1 + 0x1p-8f, 1 + 0x1p-7f, 1 + 3 * 0x1p-8f, -3.14159f, 0x1p-130f, 3e38f, 0};
            Tensor x = Tensor.of(values).requireGrad();
            Tensor y = x.cast(DType.BF16);
            float[] expected = new float[values.length];
            for (int i = 0; i < values.length; i++) {
                expected[i] = rounded(values[i]);
            }
            assertEquals(1, expected[1]);
            assertEquals(1 + 0x1p-6f, expected[3]);
            assertArrayEquals(expected, y.toFloats());
            Tensor weights = Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}).cast(DType.BF16);
            Autograd.backward(y.mul(weights).sum());
            assertEquals(DType.F32, x.grad().dtype());
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, x.grad().toFloats());
            assertEquals(x, x.as(DType.F32));
            assertEquals(DType.BF16, x.as(DType.BF16).dtype());
        }
    }

    /** Parts of a bf16 gradient are added one by one, the youngest op's first, and each sum is rounded. */
    @Test
    void partsOfAGradientAreAddedInBf16() {
        try (var _ = TensorScope.open()) {
            Tensor leaf = Tensor.of(new float[] {1, -1, 2}).requireGrad();
            Tensor x = leaf.cast(DType.BF16);
            // Alone, each small part is lost beside 1; together they are not.
            float[] parts = {1, 0x1p-9f, 3 * 0x1p-10f, 0x1p-8f};
            Tensor sum = null;
            for (float part : parts) {
                Tensor term = x.mul(part);
                sum = sum == null ? term : sum.add(term);
            }
            Autograd.backward(sum.sum());
            float expected = 0;
            for (int i = parts.length - 1; i >= 0; i--) {
                expected = rounded(expected + parts[i]);
            }
            assertEquals(1 + 0x1p-7f, expected);
            assertArrayEquals(
                    new float[] {expected, expected, expected}, leaf.grad().toFloats());
        }
    }

    @Test
    void typesOfOneCallMustFit() {
        try (var _ = TensorScope.open()) {
            Tensor a = normal(1, 3, 4).cast(DType.BF16);
            Tensor b = normal(2, 3, 4);
            assertThrows(TensorArgumentException.class, () -> a.add(b));
            assertThrows(TensorArgumentException.class, () -> Linear.linear(b, a, null, null));
            assertThrows(TensorArgumentException.class, () -> Linear.linear(a, a, null, null));
            assertThrows(
                    TensorArgumentException.class,
                    () -> Autograd.backward(a.requireGrad().sum(), Tensor.scalar(1)));
        }
    }

    @Test
    void bf16ReadsBackAsFloats() {
        try (var _ = TensorScope.open()) {
            Tensor x = normal(1, 4, 5);
            HostArray host = HostArray.of(x.cast(DType.BF16));
            assertEquals(DType.BF16, host.dtype());
            assertArrayEquals(x.toFloats(), host.toFloats());
            float[] part = new float[4];
            host.read(7, part, 1, 3);
            assertArrayEquals(new float[] {0, host.toFloats()[7], host.toFloats()[8], host.toFloats()[9]}, part);
            assertArrayEquals(x.toFloats(), x.cast(DType.BF16).toFloats());
            assertEquals(
                    "Tensor(bf16[4, 5])", x.cast(DType.BF16).to(Device.cpu()).toString());
        }
    }
}
