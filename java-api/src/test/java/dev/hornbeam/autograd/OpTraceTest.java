package dev.hornbeam.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import dev.hornbeam.autograd.ops.NativeOp;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.autograd.ops.PerturbWeight;
import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.autograd.ops.SoftmaxScores;
import dev.hornbeam.autograd.ops.SquaredError;
import dev.hornbeam.autograd.ops.Unary;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.NetworkTrace;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.testing.LeakAlarm;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(LeakAlarm.class)
class OpTraceTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor ones(long... shape) {
        return Tensor.ones(shape);
    }

    /** A call of every op, by its name in the registry. */
    private static Map<String, Supplier<Tensor>> calls() {
        Map<String, Supplier<Tensor>> calls = new TreeMap<>();
        Noise noise = new Noise(Noise.Kind.MULTIPLICATIVE, Noise.Gradient.AT_PERTURBED, 1, 0.1f, 1, 0, 0, 0);
        Tensor image = ones(2, 4, 4, 3);
        Tensor matrix = ones(2, 3);
        Tensor channels = ones(3);
        Tensor labels = Tensor.of(new long[] {1, 0}, 2);
        calls.put("argmax", matrix::argMax);
        calls.put("attention", () -> Attention.attention(ones(2, 5, 24), 2));
        calls.put("avg_pool2d", () -> AvgPool2d.avgPool2d(image, Pool2dOptions.of(2, 2, 0)));
        calls.put("max_pool2d", () -> MaxPool2d.maxPool2d(image, Pool2dOptions.of(2, 2, 0)));
        calls.put("global_avg_pool", () -> GlobalAvgPool.globalAvgPool(image));
        calls.put(
                "batch_norm",
                () -> BatchNorm.batchNorm(
                        image, channels, channels, Tensor.zeros(3), ones(3), image, BatchNormOptions.TRAINING, null));
        calls.put(
                "conv_bn_act",
                () -> ConvBnAct.convBnAct(
                        image,
                        ones(3, 1, 1, 3),
                        channels,
                        channels,
                        Tensor.zeros(3),
                        ones(3),
                        image,
                        Conv2dOptions.DEFAULT,
                        BatchNormOptions.EVALUATION,
                        null,
                        null));
        calls.put("group_norm", () -> GroupNorm.groupNorm(image, channels, channels, 3, 1e-5, null));
        calls.put("layer_norm", () -> LayerNorm.layerNorm(image, channels, channels, 1e-5, null));
        calls.put("conv2d", () -> Conv2d.conv2d(image, ones(3, 1, 1, 3), channels, Conv2dOptions.DEFAULT, noise));
        calls.put("linear", () -> Linear.linear(matrix, ones(4, 3), null, null));
        calls.put("matmul", () -> matrix.matmul(matrix, false, true));
        calls.put("binary", () -> matrix.add(matrix));
        calls.put("binary_scalar", () -> matrix.gt(1));
        calls.put("unary", () -> matrix.clamp(0, 1));
        calls.put("where", () -> matrix.gt(1).where(matrix, matrix));
        calls.put("reduce", matrix::mean);
        calls.put("cast", () -> matrix.cast(DType.F64));
        calls.put("concat", () -> Tensor.concat(1, matrix, matrix));
        calls.put("dense", matrix::dense);
        calls.put("expand", () -> matrix.expand(4, 2, 3));
        calls.put("permute", () -> matrix.permute(1, 0));
        calls.put("reshape", () -> matrix.reshape(-1));
        calls.put("slice", () -> matrix.slice(1, 0, 2));
        calls.put("pad", () -> matrix.pad(new long[] {0, 1}, new long[] {0, 0}, 2));
        calls.put("gather_rows", () -> matrix.gatherRows(labels));
        calls.put("take_along_rows", () -> matrix.takeAlongRows(labels));
        calls.put("dropout", () -> Dropout.dropout(matrix, 0.5, false, new Philox(1, Philox.Purpose.DROPOUT, 0, 0, 0)));
        calls.put("perturb_weight", () -> PerturbWeight.perturbWeight(matrix, noise, 0));
        calls.put("softmax", matrix::softmax);
        calls.put("log_softmax", matrix::logSoftmax);
        calls.put(
                "softmax_scores",
                () -> SoftmaxScores.softmaxScores(matrix, labels).losses());
        calls.put("cross_entropy", () -> CrossEntropy.crossEntropy(matrix, labels));
        calls.put("kl_divergence", () -> KlDivergence.klDivergence(matrix, matrix));
        calls.put("squared_error", () -> SquaredError.squaredError(matrix, matrix));
        calls.put("top_k", () -> matrix.topK(2).indices());
        calls.put("sort", () -> channels.sort(true).permutation());
        calls.put("copy", () -> Tensor.zeros(2, 3).copyFrom(matrix));
        calls.put("add_scaled", () -> Tensor.zeros(2, 3).addScaled(matrix, 2));
        calls.put("blend", () -> Tensor.zeros(2, 3).blend(matrix, 1, 2));
        calls.put("scatter_rows", () -> Tensor.zeros(2, 3).setRows(labels, matrix));
        return calls;
    }

    @Test
    void everyOpReportsItselfAndItsResult() throws IOException, ClassNotFoundException {
        Map<String, Supplier<Tensor>> calls = calls();
        Set<String> missing = new TreeSet<>(opsOfTheLayer());
        missing.removeAll(calls.keySet());
        assertEquals(Set.of(), missing, "ops without a call in this test");
        calls.forEach((name, call) -> {
            OpTrace trace = OpTrace.of(call);
            OpTrace.Op last = trace.ops().getLast();
            assertEquals(name, last.name());
            assertTrue(last.outputs().containsValue(trace.result()), trace.ops()::toString);
            assertFalse(last.inputs().isEmpty(), name);
        });
    }

    private static Set<String> opsOfTheLayer() throws IOException, ClassNotFoundException {
        Set<String> names = new TreeSet<>();
        Path folder = Path.of("src", "main", "java", "dev", "hornbeam", "autograd", "ops");
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString().replace(".java", "");
                for (NativeOp op :
                        Class.forName("dev.hornbeam.autograd.ops." + name).getAnnotationsByType(NativeOp.class)) {
                    names.add(op.value());
                }
            }
        }
        return names;
    }

    @Test
    void valuesKeepTheirNumbersThroughViewsAndOps() {
        Tensor x = ones(2, 3);
        Tensor[] between = new Tensor[2];
        OpTrace trace = OpTrace.of(() -> {
            between[0] = x.reshape(3, 2);
            between[1] = between[0].detach();
            return between[1].mul(2).add(between[0]);
        });
        assertEquals(List.of("reshape", "binary_scalar", "binary"), names(trace));
        OpTrace.Value view = trace.ops().get(0).output();
        assertEquals(trace.valueOf(x).orElseThrow(), trace.ops().get(0).input("x"));
        assertEquals(List.of(3L, 2L), view.shape());
        assertEquals(view, trace.valueOf(between[0]).orElseThrow());
        assertEquals(view, trace.valueOf(between[1]).orElseThrow());
        assertEquals(view, trace.ops().get(1).input("a"));
        assertEquals(trace.ops().get(1).output(), trace.ops().get(2).input("a"));
        assertEquals(view, trace.ops().get(2).input("b"));
        assertEquals(Set.of(trace.valueOf(x).orElseThrow()), trace.leaves().keySet());
        assertEquals(Binary.Kind.MUL, trace.ops().get(1).attribute("kind", Binary.Kind.class));
        assertEquals(2.0, trace.ops().get(1).attribute("number", Double.class));
        assertThrows(ClassCastException.class, () -> trace.ops().get(1).attribute("number", Unary.Kind.class));
    }

    @Test
    void writingInPlaceMakesANewValue() {
        Tensor x = Tensor.zeros(2);
        OpTrace trace = OpTrace.of(() -> {
            x.add(1);
            x.fill(3);
            return x.add(1);
        });
        assertEquals(List.of("binary_scalar", "copy", "binary_scalar"), names(trace));
        assertNotEquals(trace.ops().get(0).input("a"), trace.ops().get(2).input("a"));
        assertEquals(trace.ops().get(1).output(), trace.ops().get(2).input("a"));
    }

    @Test
    void keptBytesAreThoseThatNoLeafAndNoEarlierOpKeeps() {
        Tensor x = ones(4, 8);
        Tensor w = ones(16, 8).requireGrad();
        OpTrace trace = OpTrace.of(() -> {
            Tensor y = Linear.linear(x, w, null, null).tanh();
            return y.mul(y).relu();
        });
        List<Long> kept = trace.ops().stream().map(OpTrace.Op::keptBytes).toList();
        // linear keeps x and w, which are leaves; tanh its input; the product tanh's result, once; relu the product.
        assertEquals(List.of(0L, 4L * 16 * 4, 4L * 16 * 4, 4L * 16 * 4), kept);
        try (var _ = Autograd.noGrad()) {
            assertEquals(0, OpTrace.of(() -> w.tanh().tanh()).ops().getLast().keptBytes());
        }
    }

    @Test
    void functionsInJavaAreSeenByTheirOps() {
        Tensor x = ones(2).requireGrad();
        OpTrace trace = OpTrace.of(() -> new Doubled().apply(x).add(1));
        assertEquals(List.of("binary_scalar", "binary_scalar"), names(trace));
        assertEquals(trace.ops().get(0).output(), trace.ops().get(1).input("a"));
    }

    private static final class Doubled extends DifferentiableFunction {
        @Override
        protected Tensor forward(Tensor... inputs) {
            return inputs[0].mul(2);
        }

        @Override
        protected Tensor[] backward(Tensor gradient) {
            return new Tensor[] {gradient.mul(2)};
        }
    }

    @Test
    void otherThreadsAndTheTimeAfterAnErrorAreNotTraced() throws InterruptedException, ExecutionException {
        Tensor x = ones(2);
        OpTrace trace = OpTrace.of(() -> {
            FutureTask<Object> elsewhere = new FutureTask<>(() -> {
                try (TensorScope _ = TensorScope.open()) {
                    Tensor.full(1, DType.F32, Device.standard(), 2).add(1);
                }
                return null;
            });
            Thread thread = new Thread(elsewhere);
            thread.start();
            try {
                elsewhere.get();
            } catch (InterruptedException | ExecutionException e) {
                throw new IllegalStateException(e);
            }
            return x.mul(2);
        });
        assertEquals(List.of("binary_scalar"), names(trace));
        assertThrows(
                IllegalStateException.class,
                () -> OpTrace.of(() -> {
                    OpTrace.of(() -> x.mul(1));
                    return x;
                }));
        assertThrows(
                ArithmeticException.class,
                () -> OpTrace.of(() -> {
                    throw new ArithmeticException();
                }));
        assertEquals(1, OpTrace.of(() -> x.mul(1)).ops().size());
    }

    @Test
    void aResultThatNoOpMadeIsAnError() {
        Tensor x = ones(2);
        assertThrows(IllegalArgumentException.class, () -> OpTrace.of(() -> x));
    }

    // ------------------------------------------------------------------------------------------------- modules

    private static final class Block extends Module {
        private final dev.hornbeam.nn.Linear first = child("first", new dev.hornbeam.nn.Linear(4, 4));
        private final dev.hornbeam.nn.Linear second = child("second", new dev.hornbeam.nn.Linear(4, 4));

        @Override
        protected Tensor compute(Tensor x) {
            return second.forward(first.forward(x).relu()).add(x);
        }
    }

    @Test
    void opsHaveTheirModuleAndStateItsNames() {
        try (Module network = new Sequential(new Block(), new Block()).add("head", new dev.hornbeam.nn.Linear(4, 2))) {
            Tensor constant = ones(4);
            Module whole = new Sequential(network, new dev.hornbeam.nn.Lambda(x -> x.mul(ones(1, 2))));
            NetworkTrace trace = NetworkTrace.of(network, ones(3, 4).add(constant));
            assertEquals(
                    List.of(
                            "linear of 0.first",
                            "unary of 0",
                            "linear of 0.second",
                            "binary of 0",
                            "linear of 1.first",
                            "unary of 1",
                            "linear of 1.second",
                            "binary of 1",
                            "linear of head"),
                    trace.steps().stream().map(NetworkTrace.Step::place).toList());
            OpTrace.Op head = trace.steps().getLast().op();
            assertEquals("head.weight", trace.stateName(head.input("w")).orElseThrow());
            assertEquals("head.bias", trace.stateName(head.input("bias")).orElseThrow());
            assertEquals(head.output(), trace.output());
            assertEquals(trace.input(), trace.steps().getFirst().op().input("x"));
            assertTrue(trace.constants().isEmpty());
            assertEquals(
                    List.of(1L, 2L),
                    new ArrayList<>(NetworkTrace.of(whole, ones(3, 4))
                                    .constants()
                                    .keySet())
                            .getFirst()
                            .shape());
        }
    }

    private static List<String> names(OpTrace trace) {
        return trace.ops().stream().map(OpTrace.Op::name).toList();
    }
}
