package dev.hornbeam.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.hornbeam.autograd.ops.Activation;
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
import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.autograd.ops.SquaredError;
import dev.hornbeam.autograd.ops.Unary;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Every differentiable op against finite differences, in f64 on the CPU; and where the {@linkplain Device#standard() standard
 * device} is another, the gradients that it computes in f32 against those.
 */
class GradientTest {
    private static final double TOLERANCE = 2e-8;
    /** Of f32 on another device, relative to the largest element of a gradient. */
    private static final double F32_TOLERANCE = 2e-5;

    /** Where inputs are made, and of which type: every test runs on the CPU first. */
    private Device place = Device.cpu();

    private DType type = DType.F64;
    /** The gradients that the CPU computed, in the order of the checks of one test. */
    private final List<double[][]> expected = new ArrayList<>();

    private int compared;

    private final List<DynamicTest> tests = new ArrayList<>();

    /** Numbers of this shape between low and high, at least {@code apart} from each other and from 0. */
    private Tensor numbers(int which, double low, double high, long... shape) {
        int count = 1;
        for (long size : shape) {
            count *= (int) size;
        }
        double[] values = new double[count];
        Philox stream = new Philox(11, Philox.Purpose.TEST, which, 0, 0);
        for (int i = 0; i < count; i++) {
            // A place of its own for every element, so that no maximum is near a tie.
            values[i] = low + (high - low) * ((i * 7919L % count) + 0.2 + 0.6 * stream.uniform(i)) / count;
        }
        return Tensor.of(values, shape).to(place).cast(type).requireGrad();
    }

    private Tensor normal(int which, long... shape) {
        return numbers(which, -2, 2, shape);
    }

    private void check(String name, Function<Tensor[], Tensor> function, Tensor... inputs) {
        if (place.equals(Device.cpu())) {
            GradientCheck.Result result = GradientCheck.check(function, inputs);
            assertTrue(result.worst() <= TOLERANCE, name + ": " + result);
            expected.add(gradients(function, inputs));
        } else {
            double[][] cpu = expected.get(compared++);
            double[][] got = gradients(function, inputs);
            for (int i = 0; i < got.length; i++) {
                double largest = 1;
                for (double value : cpu[i]) {
                    largest = Math.max(largest, Math.abs(value));
                }
                assertArrayEquals(cpu[i], got[i], F32_TOLERANCE * largest, name + ", gradient " + i + " on " + place);
            }
        }
    }

    /** Of the sum of the function's elements, each times another number. */
    private double[][] gradients(Function<Tensor[], Tensor> function, Tensor... inputs) {
        Tensor[] leaves = Arrays.stream(inputs).filter(Tensor::requiresGrad).toArray(Tensor[]::new);
        Tensor y = function.apply(inputs);
        double[] weights = new double[Math.toIntExact(y.elements())];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = 0.5 + (i * 29L % 97) / 97.0;
        }
        Tensor loss = y.mul(Tensor.of(weights, y.shape()).to(y.device()).cast(y.dtype()))
                .sum();
        return Arrays.stream(Autograd.grad(loss, leaves)).map(Tensor::toDoubles).toArray(double[][]::new);
    }

    private void run(Case body, Device device, DType numbers) {
        place = device;
        type = numbers;
        try (var _ = TensorScope.open()) {
            body.run();
        }
    }

    private interface Case {
        void run();
    }

    private void add(String name, Case body) {
        tests.add(dynamicTest(name, () -> {
            expected.clear();
            run(body, Device.cpu(), DType.F64);
            if (!Device.standard().equals(Device.cpu())) {
                compared = 0;
                run(body, Device.standard(), DType.F32);
            }
        }));
    }

    @TestFactory
    List<DynamicTest> elementwise() {
        for (Unary.Kind kind : Unary.Kind.values()) {
            boolean positive = kind == Unary.Kind.LOG
                    || kind == Unary.Kind.SQRT
                    || kind == Unary.Kind.RSQRT
                    || kind == Unary.Kind.RECIPROCAL;
            add(kind.name(), () -> {
                Tensor x = numbers(1, positive ? 0.3 : -2, 2, 3, 5);
                check(kind.name(), t -> Unary.unary(kind, t[0], kind == Unary.Kind.CLAMP ? -1.01 : 0.1, 0.97), x);
            });
        }
        long[][][] shapes = {{{3, 4}, {3, 4}}, {{3, 4}, {4}}, {{3, 1}, {2, 1, 4}}, {{}, {2, 3}}};
        for (long[][] shape : shapes) {
            String name = java.util.Arrays.deepToString(shape);
            add("add " + name, () -> check("add", t -> t[0].add(t[1]), normal(1, shape[0]), normal(2, shape[1])));
            add("sub " + name, () -> check("sub", t -> t[0].sub(t[1]), normal(1, shape[0]), normal(2, shape[1])));
            add("mul " + name, () -> check("mul", t -> t[0].mul(t[1]), normal(1, shape[0]), normal(2, shape[1])));
            add(
                    "div " + name,
                    () -> check("div", t -> t[0].div(t[1]), normal(1, shape[0]), numbers(2, 0.5, 2, shape[1])));
            add(
                    "maximum " + name,
                    () -> check("maximum", t -> t[0].maximum(t[1]), normal(1, shape[0]), normal(3, shape[1])));
            add(
                    "minimum " + name,
                    () -> check("minimum", t -> t[0].minimum(t[1]), normal(1, shape[0]), normal(3, shape[1])));
        }
        add("one side only", () -> {
            Tensor constant = normal(2, 3).requireGrad(false);
            check("mul", t -> t[0].mul(constant), normal(1, 3));
            check("div", t -> constant.div(t[0]), numbers(1, 0.5, 2, 3));
            check("sub", t -> constant.sub(t[0]), normal(1, 2, 3));
        });
        add("numbers", () -> {
            check("add", t -> t[0].add(3), normal(1, 4));
            check("sub", t -> t[0].sub(3), normal(1, 4));
            check("mul", t -> t[0].mul(-2.5), normal(1, 4));
            check("div", t -> t[0].div(7), normal(1, 4));
            check("maximum", t -> t[0].maximum(0.1), normal(1, 4));
            check("minimum", t -> t[0].minimum(0.1), normal(1, 4));
        });
        add("the same tensor twice", () -> check("square", t -> t[0].mul(t[0]).add(t[0]), normal(1, 4)));
        return tests;
    }

    @TestFactory
    List<DynamicTest> reductions() {
        int[][] choices = {{}, {0}, {1}, {2}, {0, 2}, {0, 1, 2}, {-1}};
        for (int[] dimensions : choices) {
            String name = java.util.Arrays.toString(dimensions);
            for (boolean keep : new boolean[] {false, true}) {
                if (dimensions.length == 0) {
                    continue;
                }
                add("sum " + name + keep, () -> check("sum", t -> t[0].sum(keep, dimensions), normal(1, 2, 3, 4)));
                add("mean " + name + keep, () -> check("mean", t -> t[0].mean(keep, dimensions), normal(1, 2, 3, 4)));
                add("max " + name + keep, () -> check("max", t -> t[0].max(keep, dimensions), normal(1, 2, 3, 4)));
                add("min " + name + keep, () -> check("min", t -> t[0].min(keep, dimensions), normal(1, 2, 3, 4)));
            }
        }
        add("all", () -> {
            check("sum", t -> t[0].sum(), normal(1, 2, 3));
            check("mean", t -> t[0].mean(), normal(1, 2, 3));
            check("max", t -> t[0].max(), normal(1, 2, 3));
            check("min", t -> t[0].min(), normal(1, 2, 3));
        });
        return tests;
    }

    @TestFactory
    List<DynamicTest> movement() {
        add("reshape", () -> check("reshape", t -> t[0].reshape(4, -1).square(), normal(1, 2, 3, 4)));
        add(
                "reshape of a view",
                () -> check("reshape", t -> t[0].transpose(0, 1).reshape(12), normal(1, 3, 4)));
        add("flatten", () -> check("flatten", t -> t[0].flatten(1), normal(1, 2, 3, 4)));
        add("slice", () -> check("slice", t -> t[0].slice(1, 1, 3), normal(1, 2, 4)));
        add("slice by 2", () -> check("slice", t -> t[0].slice(0, 1, 5, 2), normal(1, 5, 2)));
        add("select", () -> check("select", t -> t[0].select(1, 2), normal(1, 2, 3, 2)));
        add("permute", () -> check("permute", t -> t[0].permute(2, 0, 1), normal(1, 2, 3, 4)));
        add("expand", () -> check("expand", t -> t[0].expand(4, 2, 3), normal(1, 2, 1)));
        add("dense", () -> check("dense", t -> t[0].transpose(0, 1).dense().square(), normal(1, 2, 3)));
        add(
                "concat",
                () -> check(
                        "concat", t -> Tensor.concat(1, t[0], t[1], t[0]).square(), normal(1, 2, 1), normal(2, 2, 3)));
        add("pad", () -> check("pad", t -> t[0].pad(new long[] {1, -1}, new long[] {0, 2}, 5), normal(1, 2, 4)));
        add("gather rows", () -> {
            Tensor index = Tensor.of(new long[] {2, 0, 2, 2}).to(place);
            check("gather", t -> t[0].gatherRows(index), normal(1, 3, 2));
        });
        add("take along rows", () -> {
            Tensor index = Tensor.of(new long[] {2, 0, 1}).to(place);
            check("take", t -> t[0].takeAlongRows(index), normal(1, 3, 4));
        });
        add("where", () -> {
            Tensor condition = Tensor.of(new byte[] {1, 0, 0, 1, 1, 0}, 2, 3).to(place);
            check("where", t -> condition.where(t[0], t[1]), normal(1, 2, 3), normal(2, 3));
            check("where", t -> condition.where(t[0], t[1]), normal(1, 1), normal(2, 4, 2, 3));
        });
        add("cast", () -> check("cast", t -> t[0].cast(type).mul(2), normal(1, 3)));
        add("to device", () -> check("to", t -> t[0].to(Device.cpu()).mul(2), normal(1, 3)));
        return tests;
    }

    @TestFactory
    List<DynamicTest> linearAlgebra() {
        long[][][] plain = {{{3, 4}, {4, 5}}, {{2, 3, 4}, {2, 4, 5}}, {{2, 3, 4}, {4, 5}}, {{3, 4}, {2, 4, 5}}};
        for (long[][] shape : plain) {
            for (int flags = 0; flags < 4; flags++) {
                boolean transposeA = (flags & 1) != 0;
                boolean transposeB = (flags & 2) != 0;
                long[] a = transposeA ? swapped(shape[0]) : shape[0];
                long[] b = transposeB ? swapped(shape[1]) : shape[1];
                add(
                        "matmul " + java.util.Arrays.deepToString(shape) + flags,
                        () -> check(
                                "matmul", t -> t[0].matmul(t[1], transposeA, transposeB), normal(1, a), normal(2, b)));
            }
        }
        add(
                "matmul, four dimensions",
                () -> check("matmul", t -> t[0].matmul(t[1]), normal(1, 2, 2, 3, 2), normal(2, 2, 3)));
        for (boolean bias : new boolean[] {false, true}) {
            add("linear " + bias, () -> {
                if (bias) {
                    check(
                            "linear",
                            t -> Linear.linear(t[0], t[1], t[2], null),
                            normal(1, 4, 3),
                            normal(2, 2, 3),
                            normal(3, 2));
                } else {
                    check("linear", t -> Linear.linear(t[0], t[1], null, null), normal(1, 2, 2, 3), normal(2, 2, 3));
                }
            });
        }
        return tests;
    }

    @TestFactory
    List<DynamicTest> attention() {
        long[][] shapes = {{2, 5, 2, 3}, {1, 1, 1, 4}, {2, 6, 3, 1}, {1, 9, 1, 8}};
        for (long[] shape : shapes) {
            int heads = (int) shape[2];
            add(
                    "attention " + java.util.Arrays.toString(shape),
                    () -> check(
                            "attention",
                            t -> Attention.attention(t[0], heads),
                            normal(1, shape[0], shape[1], 3L * heads * shape[3])));
        }
        add(
                "attention with a scale",
                () -> check("attention", t -> Attention.attention(t[0], 2, 0.7), normal(1, 2, 4, 18)));
        return tests;
    }

    private static long[] swapped(long[] shape) {
        long[] swapped = shape.clone();
        swapped[shape.length - 1] = shape[shape.length - 2];
        swapped[shape.length - 2] = shape[shape.length - 1];
        return swapped;
    }

    /** With chain-rule noise the gradient is that of the function; at the perturbed weight it is not, by design. */
    private static Noise noise(int subBatches, Noise.Kind kind) {
        return new Noise(kind, Noise.Gradient.CHAIN_RULE, subBatches, 0.3f, 99, 4, 2, 0);
    }

    @TestFactory
    List<DynamicTest> convolutionAndPooling() {
        Conv2dOptions[] choices = {
            Conv2dOptions.of(1, 1),
            Conv2dOptions.of(2, 1),
            Conv2dOptions.of(1, 2).withDilation(2),
            Conv2dOptions.of(1, 1).withGroups(2),
            new Conv2dOptions(1, 2, 0, 1, 1, 1, 1)
        };
        for (Conv2dOptions options : choices) {
            add(
                    "conv2d " + options,
                    () -> check(
                            "conv2d",
                            t -> Conv2d.conv2d(t[0], t[1], t[2], options, null),
                            normal(1, 2, 5, 5, 4),
                            normal(2, 2, 3, 3, 4 / options.groups()),
                            normal(3, 2)));
        }
        for (Noise.Kind kind : Noise.Kind.values()) {
            add(
                    "conv2d with noise " + kind,
                    () -> check(
                            "conv2d",
                            t -> Conv2d.conv2d(t[0], t[1], null, Conv2dOptions.of(1, 1), noise(2, kind)),
                            normal(1, 4, 3, 3, 2),
                            normal(2, 2, 3, 3, 2)));
            add(
                    "linear with noise " + kind,
                    () -> check(
                            "linear",
                            t -> Linear.linear(t[0], t[1], t[2], noise(3, kind)),
                            normal(1, 6, 3),
                            normal(2, 2, 3),
                            normal(3, 2)));
        }
        add(
                "max pool",
                () -> check("max", t -> MaxPool2d.maxPool2d(t[0], Pool2dOptions.of(3, 2, 1)), normal(1, 2, 5, 5, 2)));
        for (boolean count : new boolean[] {false, true}) {
            Pool2dOptions options = Pool2dOptions.of(3, 2, 1).withCountPadding(count);
            add(
                    "average pool " + count,
                    () -> check("average", t -> AvgPool2d.avgPool2d(t[0], options), normal(1, 2, 5, 5, 2)));
        }
        add(
                "global average pool",
                () -> check("global", t -> GlobalAvgPool.globalAvgPool(t[0]), normal(1, 2, 3, 4, 2)));
        return tests;
    }

    @TestFactory
    List<DynamicTest> normalisation() {
        for (Activation activation : Activation.values()) {
            for (boolean training : new boolean[] {true, false}) {
                for (int groups = 1; groups <= 2; groups++) {
                    for (boolean residual : new boolean[] {false, true}) {
                        BatchNormOptions options = new BatchNormOptions(
                                training, false, training ? groups : 1, activation, 0.1f, 0.1f, 1e-3f);
                        Noise runs = noise(2, Noise.Kind.MULTIPLICATIVE);
                        add(
                                "batch norm " + options + residual,
                                () -> check(
                                        "batch norm",
                                        t -> BatchNorm.batchNorm(
                                                t[0],
                                                t[1],
                                                t[2],
                                                plain(0.1, 0.3, 0.2),
                                                plain(1.1, 0.9, 1.3),
                                                residual ? t[3] : null,
                                                options,
                                                runs),
                                        normal(1, 4, 2, 2, 3),
                                        numbers(2, 0.5, 1.5, 3),
                                        normal(3, 3),
                                        residual
                                                ? normal(4, 4, 2, 2, 3)
                                                : normal(4, 1).requireGrad(false)));
                        add(
                                "conv bn act " + options + residual,
                                () -> check(
                                        "conv bn act",
                                        t -> ConvBnAct.convBnAct(
                                                t[0],
                                                t[1],
                                                t[2],
                                                t[3],
                                                plain(0.1, 0.3),
                                                plain(1.1, 0.9),
                                                residual ? t[4] : null,
                                                Conv2dOptions.of(2, 1),
                                                options,
                                                noise(2, Noise.Kind.ADDITIVE),
                                                runs),
                                        normal(1, 4, 4, 4, 2),
                                        normal(2, 2, 3, 3, 2),
                                        numbers(3, 0.5, 1.5, 2),
                                        normal(5, 2),
                                        residual
                                                ? normal(4, 4, 2, 2, 2)
                                                : normal(4, 1).requireGrad(false)));
                    }
                }
            }
        }
        for (Noise runs : new Noise[] {null, noise(2, Noise.Kind.MULTIPLICATIVE)}) {
            add(
                    "group norm " + runs,
                    () -> check(
                            "group norm",
                            t -> GroupNorm.groupNorm(t[0], t[1], t[2], 2, 1e-3, runs),
                            normal(1, 2, 2, 3, 4),
                            numbers(2, 0.5, 1.5, 4),
                            normal(3, 4)));
            add(
                    "layer norm " + runs,
                    () -> check(
                            "layer norm",
                            t -> LayerNorm.layerNorm(t[0], t[1], t[2], 1e-3, runs),
                            normal(1, 2, 3, 5),
                            numbers(2, 0.5, 1.5, 5),
                            normal(3, 5)));
        }
        return tests;
    }

    private Tensor plain(double... values) {
        return Tensor.of(values).to(place).cast(type);
    }

    @TestFactory
    List<DynamicTest> losses() {
        add("softmax", () -> check("softmax", t -> t[0].softmax(), normal(1, 3, 4)));
        add("log softmax", () -> check("log softmax", t -> t[0].logSoftmax(), normal(1, 2, 2, 4)));
        for (double smoothing : new double[] {0, 0.1}) {
            add("cross entropy of classes " + smoothing, () -> {
                Tensor targets = Tensor.of(new long[] {2, 0, 3}).to(place);
                check("ce", t -> CrossEntropy.crossEntropy(t[0], targets, smoothing), normal(1, 3, 4));
            });
            add(
                    "cross entropy of probabilities " + smoothing,
                    () -> check(
                            "ce",
                            t -> CrossEntropy.crossEntropy(t[0], t[1], smoothing),
                            normal(1, 3, 4),
                            numbers(2, 0.1, 0.9, 3, 4)));
        }
        add("weighted mean of cross entropies", () -> {
            Tensor targets = Tensor.of(new long[] {2, 0, 3}).to(place);
            check(
                    "ce",
                    t -> CrossEntropy.crossEntropy(t[0], targets).mul(t[1]).mean(),
                    normal(1, 3, 4),
                    numbers(2, 0.5, 2, 3));
        });
        add(
                "kl divergence",
                () -> check("kl", t -> KlDivergence.klDivergence(t[0], t[1]), normal(1, 3, 4), normal(2, 3, 4)));
        add(
                "squared error",
                () -> check(
                        "squared", t -> SquaredError.squaredError(t[0], t[1]), normal(1, 3, 2, 2), normal(2, 3, 2, 2)));
        for (boolean channels : new boolean[] {false, true}) {
            Philox stream = new Philox(5, Philox.Purpose.DROPOUT, 1, 2, 3);
            add(
                    "dropout " + channels,
                    () -> check("dropout", t -> Dropout.dropout(t[0], 0.4, channels, stream), normal(1, 3, 2, 2, 4)));
        }
        return tests;
    }
}
