package dev.hornbeam.nn;

import static dev.hornbeam.autograd.ops.CrossEntropy.crossEntropy;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.optim.GradientClipping;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.optim.SharpnessAscent;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.MemoryStatistics;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole training steps of a small network with weight noise and dropout: memory, bits, resuming. */
class TrainingStepTest {
    private static final int BATCH = 16;
    private static final int CLASSES = 4;

    private int threads;

    /** Ops this small gain nothing from a second thread, and on a busy machine they wait for it. */
    @BeforeEach
    void oneThread() {
        threads = Engine.threads();
        Engine.setThreads(1);
    }

    @AfterEach
    void threadsAsBefore() {
        Engine.setThreads(threads);
    }

    /** A stem, a residual block and a head, as a ResNet has them. */
    private static final class Network extends Module {
        private final ConvBnAct stem;
        private final ConvBnAct first;
        private final ConvBnAct second;
        private final MaxPool2d pool = new MaxPool2d(2, 2, 0);
        private final Dropout dropout;
        private final Linear fc;

        Network() {
            Conv2d conv1 = child("conv1", new Conv2d(3, 8, 3, 1, 1));
            BatchNorm2d bn1 = child("bn1", new BatchNorm2d(8));
            Conv2d conv2 = child("conv2", new Conv2d(8, 8, 3, 1, 1));
            BatchNorm2d bn2 = child("bn2", new BatchNorm2d(8));
            Conv2d conv3 = child("conv3", new Conv2d(8, 8, 3, 1, 1));
            BatchNorm2d bn3 = child("bn3", new BatchNorm2d(8));
            stem = new ConvBnAct(conv1, bn1, Activation.RELU);
            first = new ConvBnAct(conv2, bn2, Activation.RELU);
            second = new ConvBnAct(conv3, bn3, Activation.RELU);
            dropout = child("dropout", Dropout.elements(0.1));
            fc = child("fc", new Linear(8, CLASSES));
            Init.standard(this, 17);
        }

        @Override
        protected Tensor compute(Tensor x) {
            Tensor h = pool.forward(stem.forward(x));
            h = second.forward(first.forward(h), h);
            return fc.forward(dropout.forward(h.mean(false, 1, 2)));
        }
    }

    /** A network, its optimizer and a batch whose images tell their class. */
    private static final class Training implements AutoCloseable {
        private final Network network = new Network();
        private final Optimizer optimizer = new Sgd(network.namedParameters(), 0.05, 0.9, 5e-4, true);
        private final Tensor images = Tensor.randomNormal(
                        0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), BATCH, 12, 12, 3)
                .keep();
        private final Tensor labels;

        Training() {
            long[] classes = new long[BATCH];
            for (int i = 0; i < BATCH; i++) {
                classes[i] = i % CLASSES;
            }
            labels = Tensor.of(classes).keep();
        }

        double step(int step) {
            try (var _ = TensorScope.open()) {
                network.setWeightNoise(WeightNoise.damp(4, 0.1f, 5, step));
                network.setStep(5, step);
                Tensor loss = crossEntropy(network.forward(images), labels).mean();
                Autograd.backward(loss);
                GradientClipping.clipNorm(network.parameters(), 5);
                optimizer.step();
                optimizer.zeroGrad();
                return loss.item();
            }
        }

        List<float[]> weights() {
            List<float[]> weights = new ArrayList<>();
            network.stateDict().values().forEach(tensor -> weights.add(tensor.toFloats()));
            return weights;
        }

        @Override
        public void close() {
            optimizer.close();
            network.close();
            images.close();
            labels.close();
        }
    }

    private static void assertSameBits(List<float[]> expected, List<float[]> actual, String what) {
        assertEquals(expected.size(), actual.size());
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), actual.get(i), what + ", tensor " + i);
        }
    }

    @Test
    void aWarmStepTakesNothingFromTheSystemAndLeavesNothingBehind() {
        try (Training training = new Training()) {
            double first = training.step(0);
            for (int step = 1; step < 5; step++) {
                training.step(step);
            }
            MemoryStatistics before = Engine.memory();
            double last = 0;
            for (int step = 5; step < 205; step++) {
                last = training.step(step);
                assertEquals(before.liveTensors(), Engine.memory().liveTensors());
            }
            MemoryStatistics after = Engine.memory();
            assertEquals(before.systemCalls(), after.systemCalls(), "no memory from the system");
            assertEquals(before.inUse(), after.inUse());
            assertEquals(before.liveStorages(), after.liveStorages());
            assertTrue(after.allocations() > before.allocations() + 200);
            assertTrue(last < first / 2, "it learns: " + first + " to " + last);
        }
    }

    @Test
    void bitsDoNotDependOnThreads() {
        List<List<float[]>> results = new ArrayList<>();
        for (int count = 1; count <= 3; count++) {
            Engine.setThreads(count);
            try (Training training = new Training()) {
                for (int step = 0; step < 3; step++) {
                    training.step(step);
                }
                results.add(training.weights());
            }
        }
        assertSameBits(results.get(0), results.get(1), "two threads");
        assertSameBits(results.get(0), results.get(2), "three threads");
    }

    @Test
    void tiersAgreeWithinRounding() {
        String tier = Engine.tier();
        List<List<float[]>> results = new ArrayList<>();
        try {
            for (String name : new String[] {"scalar", "auto"}) {
                Engine.setTier(name);
                try (Training training = new Training()) {
                    training.step(0);
                    results.add(training.weights());
                }
            }
        } finally {
            Engine.setTier(tier);
        }
        for (int i = 0; i < results.get(0).size(); i++) {
            assertArrayEquals(results.get(0).get(i), results.get(1).get(i), 1e-5f, "tensor " + i);
        }
    }

    @Test
    void aRunThatWasStoppedGoesOnToTheBit(@TempDir Path folder) throws IOException {
        List<float[]> whole;
        try (Training training = new Training()) {
            for (int step = 0; step < 6; step++) {
                training.step(step);
            }
            whole = training.weights();
        }
        Path weights = folder.resolve("weights.safetensors");
        Path state = folder.resolve("state.safetensors");
        try (Training training = new Training()) {
            for (int step = 0; step < 3; step++) {
                training.step(step);
            }
            WeightsFile.save(training.network, weights, Map.of());
            Safetensors.write(
                    state, training.optimizer.state(), Map.of("steps", Long.toString(training.optimizer.steps())));
        }
        try (Training resumed = new Training();
                Safetensors file = Safetensors.open(state)) {
            WeightsFile.load(resumed.network, weights, true);
            try (var _ = TensorScope.open()) {
                resumed.optimizer.loadState(
                        file.readAll(), Long.parseLong(file.metadata().get("steps")));
            }
            for (int step = 3; step < 6; step++) {
                resumed.step(step);
            }
            assertSameBits(whole, resumed.weights(), "resumed");
        }
    }

    @Test
    void sharpnessAwareStepsUpdateStatisticsOnce() {
        try (Training training = new Training();
                SharpnessAscent sam = SharpnessAscent.sam(training.network.parameters(), 0.05)) {
            Network network = training.network;
            network.setStep(5, 0);
            BatchNorm2d norm = (BatchNorm2d) network.module("bn1");
            for (int step = 0; step < 2; step++) {
                float[] afterFirst;
                try (var _ = TensorScope.open()) {
                    Autograd.backward(crossEntropy(network.forward(training.images), training.labels)
                            .mean());
                    afterFirst = norm.runningMean().toFloats();
                    assertTrue(sam.ascend() > 0);
                    network.zeroGrad();
                    network.setUpdateRunningStatistics(false);
                    Autograd.backward(crossEntropy(network.forward(training.images), training.labels)
                            .mean());
                    network.setUpdateRunningStatistics(true);
                    sam.restore();
                    training.optimizer.step();
                    training.optimizer.zeroGrad();
                }
                assertArrayEquals(afterFirst, norm.runningMean().toFloats());
            }
        }
    }

    @Test
    void theSameStepInDoublePrecisionIsClose() {
        try (Training training = new Training();
                var _ = TensorScope.open()) {
            training.network.setStep(5, 0);
            Tensor single = training.network.forward(training.images);
            training.network.to(DType.F64).to(Device.cpu());
            Tensor exact =
                    training.network.forward(training.images.cast(DType.F64).to(Device.cpu()));
            double[] expected = exact.toDoubles();
            double[] actual = single.toDoubles();
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], actual[i], 1e-5);
            }
        }
    }
}
