package dev.hornbeam.tensor;

import static dev.hornbeam.autograd.ops.Conv2d.conv2d;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ops.Conv2dOptions;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class EngineTest {
    @Test
    void factsAreThere() {
        Engine.load();
        assertTrue(Files.isRegularFile(Engine.library()));
        assertTrue(Engine.info().startsWith("{") && Engine.info().contains("\"tier\""), Engine.info());
        assertTrue(Engine.isAvailable(Device.cpu()));
        assertTrue(Engine.whyUnavailable(Device.cpu()).isEmpty());
        assertTrue(Device.nothing().isAvailable());
    }

    @Test
    void anAbsentDeviceHasAReason() {
        Device absent = Device.cuda(255);
        assertFalse(absent.isAvailable());
        assertFalse(Engine.whyUnavailable(absent).orElseThrow().isBlank());
        assertThrows(DeviceException.class, () -> Tensor.zeros(DType.F32, absent, 2));
    }

    @Test
    void tiersAreChosenByName() {
        String before = Engine.tier();
        try {
            Engine.setTier("scalar");
            assertEquals("scalar", Engine.tier());
            var error = assertThrows(RuntimeException.class, () -> Engine.setTier("sse9"));
            assertTrue(error.getMessage().contains("sse9"), error.getMessage());
        } finally {
            Engine.setTier(before);
        }
        assertEquals(before, Engine.tier());
    }

    @Test
    void bitsDoNotDependOnThreads() {
        int before = Engine.threads();
        float[][] results = new float[3][];
        try (var _ = TensorScope.open()) {
            Tensor x = Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.cpu(), 300, 700);
            Tensor w = Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 1, 0, 0), Device.cpu(), 700, 90);
            for (int threads = 1; threads <= 3; threads++) {
                Engine.setThreads(threads);
                assertEquals(threads, Engine.threads());
                results[threads - 1] = x.matmul(w).softmax().sum(false, 0).toFloats();
            }
        } finally {
            Engine.setThreads(before);
        }
        assertArrayEquals(results[0], results[1]);
        assertArrayEquals(results[0], results[2]);
        assertThrows(TensorArgumentException.class, () -> Engine.setThreads(-1));
    }

    @Test
    void exactnessChangesBitsAndThreadsDoNot() {
        assertFalse(Engine.isExact());
        int before = Engine.threads();
        List<float[]> fast = new ArrayList<>();
        try (var _ = TensorScope.open()) {
            Tensor x =
                    Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.cpu(), 6, 12, 12, 64);
            Tensor w =
                    Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 1, 0, 0), Device.cpu(), 96, 3, 3, 64);
            for (int threads = 1; threads <= 3; threads++) {
                Engine.setThreads(threads);
                fast.add(conv2d(x, w, null, Conv2dOptions.of(1, 1), null).toFloats());
            }
            Engine.setExact(true);
            assertTrue(Engine.isExact());
            float[] exact = conv2d(x, w, null, Conv2dOptions.of(1, 1), null).toFloats();
            assertArrayEquals(fast.get(0), fast.get(1));
            assertArrayEquals(fast.get(0), fast.get(2));
            // Sums of 576 products of order 1: the bound of docs/numerics.md, and that there is something to bound.
            double largest = 0;
            for (int i = 0; i < exact.length; i++) {
                largest = Math.max(largest, Math.abs(exact[i] - fast.get(0)[i]));
            }
            assertTrue(largest < 24 * 1.2e-4, "largest difference " + largest);
            assertEquals("scalar".equals(Engine.tier()), largest == 0);
        } finally {
            Engine.setExact(false);
            Engine.setThreads(before);
        }
    }

    @Test
    void memoryIsCountedAndBounded() {
        Device cpu = Device.cpu();
        try (var _ = TensorScope.open()) {
            Tensor.zeros(1024, 1024);
            MemoryStatistics with = Engine.memory();
            assertTrue(with.inUse() >= 4 << 20);
            assertTrue(with.peak() >= with.inUse());
            assertTrue(with.reserved() >= with.inUse());
            Engine.setMemoryLimit(cpu, with.reserved() + (1 << 20));
            assertEquals(with.reserved() + (1 << 20), Engine.memory().limit());
            var error = assertThrows(NativeMemoryException.class, () -> Tensor.zeros(1L << 30));
            assertTrue(error.getMessage().contains("limit"), error.getMessage());
        } finally {
            Engine.setMemoryLimit(cpu, 0);
        }
        Engine.resetPeak(cpu);
        assertEquals(Engine.memory().inUse(), Engine.memory().peak());
        Engine.trim(cpu);
        assertTrue(Engine.memory().reserved() >= Engine.memory().inUse());
    }

    @Test
    void aTensorThatCannotExistIsAnError() {
        assertThrows(NativeMemoryException.class, () -> Tensor.zeros(1L << 40, 1L << 10));
        assertThrows(RuntimeException.class, () -> Tensor.zeros(1L << 40, 1L << 40));
    }
}
