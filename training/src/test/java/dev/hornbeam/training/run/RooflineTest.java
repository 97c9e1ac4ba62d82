package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.profile.StepProfile;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RooflineTest {
    // 100 operations and 10 bytes a nanosecond.
    private static final Engine.Peaks PEAKS = new Engine.Peaks(100, 10);

    @Test
    void theLongerOfTheTwoTimesIsTheLimit() {
        // Two steps, each with a convolution of 8e6 operations and 3e5 bytes, and an addition of 1e6 bytes.
        List<OpRecord> records = List.of(
                convolution("conv2d", "direct", 0, 100_000, 8e6, 300_000),
                addition(200_000, 150_000, 1_000_000),
                convolution("conv2d", "direct", 400_000, 120_000, 8e6, 300_000),
                addition(600_000, 170_000, 1_000_000));
        Roofline roofline = Roofline.of(records, StepProfile.of(records, 2, 800_000), PEAKS);
        assertEquals(2, roofline.rows().size());
        Roofline.Row convolution = roofline.rows().getFirst();
        assertEquals("conv2d", convolution.name());
        assertEquals("128x32x32x16 to 32, 3x3", convolution.shape());
        assertEquals(1, convolution.calls());
        assertEquals(0.008, convolution.gigaflops(), 1e-12);
        assertEquals(0.3, convolution.megabytes(), 1e-12);
        // 8e6 / 100 = 80,000 ns, against 3e5 / 10 = 30,000 ns.
        assertEquals(Roofline.Bound.COMPUTE, convolution.bound());
        assertEquals(0.08, convolution.limitMillis(), 1e-12);
        assertEquals(0.11, convolution.millis(), 1e-12);
        Roofline.Row addition = roofline.rows().getLast();
        assertEquals(Roofline.Bound.MEMORY, addition.bound());
        assertEquals(0.1, addition.limitMillis(), 1e-12);
        assertEquals(0.16, addition.millis(), 1e-12);
        assertEquals(0.27, roofline.engineMillis(), 1e-12);
        assertEquals(0.18, roofline.limitMillis(), 1e-12);
        assertEquals(0.4, roofline.stepMillis(), 1e-12);
        assertEquals(0.13, roofline.outsideMillis(), 1e-12);
    }

    @Test
    void rowsAreInTheOrderOfTheStep() {
        List<OpRecord> records = List.of(
                addition(0, 10, 100),
                convolution("conv2d", "direct", 20, 500, 1e3, 100),
                convolution("conv2d_backward_data", "direct", 600, 50, 1e3, 100));
        assertEquals(
                List.of("binary", "conv2d", "conv2d_backward_data"),
                Roofline.of(records, StepProfile.of(records, 1, 1000), PEAKS).rows().stream()
                        .map(Roofline.Row::name)
                        .toList());
    }

    @Test
    void sumsAreByOpAndAlgorithm() {
        List<OpRecord> records = List.of(
                convolution("conv2d", "direct", 0, 100, 1e3, 10),
                addition(200, 500, 1000),
                convolution("conv2d", "winograd f(4x4,3x3)", 800, 50, 1e3, 10),
                addition(900, 300, 1000),
                convolution("conv2d", "direct", 1300, 20, 1e3, 10));
        List<Roofline.Sum> sums =
                Roofline.of(records, StepProfile.of(records, 1, 2000), PEAKS).sums();
        assertEquals(
                List.of("binary ", "conv2d direct", "conv2d winograd f(4x4,3x3)"),
                sums.stream().map(sum -> sum.name() + " " + sum.algorithm()).toList());
        assertEquals(800e-6, sums.get(0).millis(), 1e-12);
        assertEquals(200e-6, sums.get(0).limitMillis(), 1e-12);
        assertEquals(120e-6, sums.get(1).millis(), 1e-12);
        assertEquals(20e-6, sums.get(1).limitMillis(), 1e-12);
        assertEquals(2.5e-6, sums.get(2).limitMillis(), 1e-12);
    }

    @Test
    void algorithmsWithLessArithmeticHaveALowerLimit() {
        // 1.44e6 operations at 100 a nanosecond are 14,400 ns; a quarter of it with Winograd's F(4, 3).
        List<OpRecord> records = List.of(convolution("conv2d", "winograd f(4x4,3x3)", 0, 9_000, 1.44e6, 10));
        Roofline.Row row = Roofline.of(records, StepProfile.of(records, 1, 10_000), PEAKS)
                .rows()
                .getFirst();
        assertEquals(3_600e-6, row.limitMillis(), 1e-12);
        assertEquals(Roofline.Bound.COMPUTE, row.bound());
        assertEquals(16.0 / 36, Roofline.work("winograd f(2x2,3x3)"));
        assertEquals(1.0 / 16, Roofline.work("amx"));
        assertEquals(0.5, Roofline.work("avx512_bf16"));
        assertEquals(1, Roofline.work("direct"));
        assertEquals(1, Roofline.work(""));
    }

    private static OpRecord convolution(
            String name, String algorithm, long start, long nanos, double operations, long bytes) {
        return new OpRecord(
                new Engine.Op(name, "convolution", "none"),
                Optional.empty(),
                1,
                start,
                nanos,
                bytes,
                0,
                operations,
                algorithm,
                0,
                Optional.of(DType.F32),
                List.of(128L, 32L, 32L, 16L),
                List.of(32L, 3L, 3L, 16L),
                1,
                1,
                1);
    }

    private static OpRecord addition(long start, long nanos, long bytes) {
        return new OpRecord(
                new Engine.Op("binary", "elementwise", "none"),
                Optional.empty(),
                1,
                start,
                nanos,
                bytes,
                0,
                0,
                "",
                0,
                Optional.of(DType.F32),
                List.of(128L, 32L),
                List.of(128L, 32L),
                0,
                0,
                0);
    }
}
