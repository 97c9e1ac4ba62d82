package dev.hornbeam.profile;

import static dev.hornbeam.autograd.ops.CrossEntropy.crossEntropy;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.ConvBnAct;
import dev.hornbeam.nn.GlobalAvgPool;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProfilerTest {
    private static final int BATCH = 8;

    /** A block of convolution, norm and ReLU, a convolution and a norm of their own, and a classifier. */
    private static final class Network extends Module {
        private final ConvBnAct block;
        private final Sequential rest;

        Network() {
            var conv = child("conv", new Conv2d(3, 16, 3, 1, 1));
            var norm = child("norm", new BatchNorm2d(16));
            block = new ConvBnAct(conv, norm, Activation.RELU);
            rest = child(
                    "rest",
                    new Sequential(
                            new Conv2d(16, 32, 3, 2, 1),
                            new BatchNorm2d(32),
                            Lambda.relu(),
                            new GlobalAvgPool(),
                            new Linear(32, 10)));
        }

        @Override
        protected Tensor compute(Tensor x) {
            return rest.forward(block.forward(x));
        }
    }

    /** Records of one training step. */
    private static Profiler.Recording step() {
        try (var network = new Network();
                var optimizer = new Sgd(network.namedParameters(), 0.1, 0.9, 1e-4, true);
                var _ = TensorScope.open()) {
            Init.standard(network, 1);
            Tensor images = Tensor.ones(BATCH, 12, 12, 3);
            Tensor labels = Tensor.of(new long[BATCH]);
            try (var profiler = Profiler.start(1000)) {
                optimizer.zeroGrad();
                Autograd.backward(
                        crossEntropy(network.forward(images), labels, 0).mean());
                optimizer.step();
                return profiler.stop();
            }
        }
    }

    private static OpRecord only(List<OpRecord> records, String op, String partOf) {
        List<OpRecord> found = records.stream()
                .filter(r -> r.op().name().equals(op))
                .filter(r -> r.partOf().map(Engine.Op::name).orElse("").equals(partOf))
                .toList();
        assertEquals(1, found.size(), op + " in " + records);
        return found.getFirst();
    }

    @Test
    void aStepsRecordsSayWhatWasComputed() {
        Profiler.Recording recording = step();
        assertEquals(0, recording.lost());
        List<OpRecord> ops = recording.ops();

        // Convolution of 8 x 12 x 12 pixels, 3 to 16 channels, within the block.
        double first = 2.0 * BATCH * 144 * 16 * 27;
        OpRecord forward = only(ops, "conv2d", "conv_bn_act");
        assertEquals(first, forward.operations());
        assertEquals(List.of(8L, 12L, 12L, 3L), forward.shape());
        assertEquals(List.of(16L, 3L, 3L, 3L), forward.otherShape());
        assertEquals("8x12x12x3 to 16, 3x3", forward.shapeText());
        assertEquals(Optional.of(DType.F32), forward.dtype());
        assertEquals(4L * (BATCH * 144 * 3 + 16 * 27), forward.bytesRead());
        assertEquals(4L * BATCH * 144 * 16, forward.bytesWritten());
        assertFalse(forward.algorithm().isEmpty());
        assertEquals(
                first,
                only(ops, "conv2d_backward_weight", "conv_bn_act_backward").operations());
        only(ops, "batch_norm", "conv_bn_act");
        only(ops, "batch_norm_backward", "conv_bn_act_backward");
        // Nobody asks for the gradient of the images.
        assertTrue(ops.stream()
                .noneMatch(r -> r.op().name().equals("conv2d_backward_data")
                        && r.partOf().isPresent()));

        // The second, of stride 2, by itself.
        double second = 2.0 * BATCH * 36 * 32 * 144;
        for (String op : List.of("conv2d", "conv2d_backward_data", "conv2d_backward_weight")) {
            OpRecord pass = only(ops, op, "");
            assertEquals(second, pass.operations(), op);
            assertEquals("8x12x12x16 to 32, 3x3 stride 2", pass.shapeText(), op);
            assertEquals("direct", pass.algorithm(), op);
            assertEquals(0, pass.estimate(), op);
        }
        only(ops, "batch_norm", "");

        double classifier = 2.0 * BATCH * 32 * 10;
        for (String op : List.of("linear", "linear_backward_data", "linear_backward_weight")) {
            OpRecord pass = only(ops, op, "");
            assertEquals(classifier, pass.operations(), op);
            assertEquals("8x32 to 10", pass.shapeText(), op);
        }
        // Convolutions have no bias here.
        long parameters = 16 * 27 + 2 * 16 + 32 * 144 + 2 * 32 + 32 * 10 + 10;
        OpRecord update = only(ops, "sgd_step", "");
        assertEquals(List.of(parameters), update.shape());
        // Weights and momenta are read and written, gradients read.
        assertEquals(4 * 3 * parameters, update.bytesRead());
        assertEquals(4 * 2 * parameters, update.bytesWritten());
    }

    @Test
    void partsAreInsideTheirCallAndCallsInOrder() {
        int thread = Profiler.thread();
        long before = System.nanoTime();
        List<OpRecord> ops = step().ops();
        long after = System.nanoTime();
        long end = before;
        long parts = 0;
        OpRecord first = null;
        for (OpRecord op : ops) {
            assertEquals(thread, op.thread());
            if (op.partOf().isPresent()) {
                first = first == null ? op : first;
                parts += op.nanos();
                continue;
            }
            assertTrue(op.startNanos() >= end, op + " begins before the last call ended");
            if (first != null) {
                assertTrue(first.startNanos() >= op.startNanos(), first + " begins before " + op);
                assertTrue(parts <= op.nanos(), "parts take " + parts + " of " + op);
            }
            end = op.endNanos();
            parts = 0;
            first = null;
        }
        assertTrue(end <= after, "the engine's times are the JVM's");
    }

    @Test
    void timesOfAProfileAddUp() {
        long before = System.nanoTime();
        List<OpRecord> ops = step().ops();
        long wall = System.nanoTime() - before;
        StepProfile profile = StepProfile.of(ops, 1, wall);
        long calls = ops.stream()
                .filter(r -> r.partOf().isEmpty())
                .mapToLong(OpRecord::nanos)
                .sum();
        assertEquals(calls, profile.engineNanos());
        assertEquals(wall - calls, profile.outsideNanos());
        for (List<StepProfile.Row> rows : List.of(profile.families(), profile.ops())) {
            assertEquals(calls, rows.stream().mapToLong(StepProfile.Row::nanos).sum());
        }
        double operations = 2.0 * BATCH * (2 * 144 * 16 * 27 + 3 * 36 * 32 * 144);
        StepProfile.Row convolution = profile.families().stream()
                .filter(row -> row.name().equals("convolution"))
                .findFirst()
                .orElseThrow();
        assertEquals(operations, convolution.operations());
        assertEquals(5, convolution.calls());
    }

    @Test
    void nothingIsRecordedBeforeAndAfter() {
        Profiler profiler = Profiler.start(10);
        Profiler.Recording recording = profiler.stop();
        try (var _ = TensorScope.open()) {
            Tensor.ones(4).relu();
        }
        assertEquals(List.of(), recording.ops());
        assertThrows(IllegalStateException.class, profiler::stop);
        try (var next = Profiler.start(10)) {
            assertEquals(List.of(), next.stop().ops());
        }
    }

    @Test
    void whatFindsNoRoomIsCounted() {
        try (var _ = TensorScope.open();
                var profiler = Profiler.start(2)) {
            Tensor x = Tensor.ones(4);
            for (int i = 0; i < 4; i++) {
                x = x.relu();
            }
            Profiler.Recording recording = profiler.stop();
            assertEquals(2, recording.ops().size());
            assertEquals(3, recording.lost());
        }
    }

    @Test
    void thereIsOneAtATime() {
        try (var _ = Profiler.start(1)) {
            var error = assertThrows(IllegalStateException.class, () -> Profiler.start(1));
            assertTrue(error.getMessage().contains("close"), error.getMessage());
        }
        // One that could not start does not stand in the way.
        assertThrows(TensorArgumentException.class, () -> Profiler.start(0));
        Profiler.start(1).close();
    }

    @Test
    void threadsAreToldApart() throws InterruptedException {
        try (var profiler = Profiler.start(100)) {
            Runnable work = () -> {
                try (var _ = TensorScope.open()) {
                    Tensor.ones(4).relu();
                }
            };
            Thread other = Thread.ofPlatform().start(work);
            other.join();
            work.run();
            List<OpRecord> ops = profiler.stop().ops();
            assertEquals(
                    List.of("full", "unary", "full", "unary"),
                    ops.stream().map(r -> r.op().name()).toList());
            assertEquals(Profiler.thread(), ops.get(2).thread());
            assertNotEquals(ops.get(0).thread(), ops.get(2).thread());
            assertEquals(ops.get(0).thread(), ops.get(1).thread());
        }
    }

    @Test
    void theMachineHasPeaks() {
        Engine.Peaks peaks = Engine.measurePeaks();
        assertTrue(peaks.gflops() > 0 || Engine.tier().equals("scalar"), peaks.toString());
        assertTrue(peaks.gigabytes() > 0, peaks.toString());
    }
}
