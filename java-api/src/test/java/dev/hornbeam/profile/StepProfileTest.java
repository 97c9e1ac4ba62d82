package dev.hornbeam.profile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StepProfileTest {
    private static final Engine.Op CONV = new Engine.Op("conv2d", "convolution", "none");
    private static final Engine.Op NORM = new Engine.Op("batch_norm", "normalisation", "none");
    private static final Engine.Op FUSED = new Engine.Op("conv_bn_act", "normalisation", "none");
    private static final Engine.Op LINEAR = new Engine.Op("linear_backward_data", "linear_algebra", "none");

    @Test
    void aFusedOpCountsAsItsKernels() {
        // Two threads whose calls interleave; the fused call takes 100 ns, of which 90 in its kernels.
        List<OpRecord> records = List.of(
                record(CONV, FUSED, 1, 1005, 60, 6000, "direct"),
                record(CONV, null, 2, 1000, 300, 600, "direct"),
                record(NORM, FUSED, 1, 1070, 30, 0, ""),
                record(FUSED, null, 1, 1000, 100, 6000, ""),
                record(CONV, null, 1, 1200, 40, 4000, "direct"));
        StepProfile profile = StepProfile.of(records, 2, 1000);
        assertEquals(2, profile.steps());
        assertEquals(440, profile.engineNanos());
        assertEquals(560, profile.outsideNanos());
        assertEquals(
                List.of(
                        new StepProfile.Row("convolution", "convolution", "", "", 3, 400, 300, 10_600),
                        new StepProfile.Row("normalisation", "normalisation", "", "", 1, 40, 100, 0)),
                profile.families());
        assertEquals(
                List.of(
                        new StepProfile.Row("conv2d", "convolution", "2x4 to 5, 3x3", "direct", 3, 400, 300, 10_600),
                        new StepProfile.Row("batch_norm", "normalisation", "2x4", "", 1, 30, 100, 0),
                        new StepProfile.Row("conv_bn_act", "normalisation", "2x4 to 5, 3x3", "", 1, 10, 0, 0)),
                profile.ops());
        StepProfile.Row convolution = profile.families().getFirst();
        assertEquals(26.5, convolution.gflops());
        assertEquals(0.75, convolution.gigabytesPerSecond());
    }

    @Test
    void algorithmsAreToldApart() {
        StepProfile profile = StepProfile.of(
                List.of(
                        record(CONV, null, 1, 0, 10, 1, "direct"),
                        record(CONV, null, 1, 20, 30, 1, "winograd f(4x4,3x3)")),
                1,
                40);
        assertEquals(
                List.of("winograd f(4x4,3x3)", "direct"),
                profile.ops().stream().map(StepProfile.Row::algorithm).toList());
        assertEquals(1, profile.families().size());
    }

    @Test
    void aPartWithoutItsCallIsCounted() {
        // The recording ended before the call did.
        StepProfile profile = StepProfile.of(List.of(record(NORM, FUSED, 1, 0, 10, 0, "")), 1, 10);
        assertEquals(10, profile.engineNanos());
        assertEquals(0, profile.outsideNanos());
    }

    @Test
    void nothingRecordedIsAllOutside() {
        StepProfile profile = StepProfile.of(List.of(), 1, 7);
        assertEquals(7, profile.outsideNanos());
        assertEquals(List.of(), profile.families());
        assertThrows(IllegalArgumentException.class, () -> StepProfile.of(List.of(), 0, 7));
    }

    @Test
    void shapesAreShort() {
        assertEquals("2x4 to 5, 3x3", record(CONV, null, 1, 0, 1, 1, "").shapeText());
        OpRecord strided = new OpRecord(
                CONV,
                Optional.empty(),
                1,
                0,
                1,
                1,
                1,
                1,
                "",
                0,
                Optional.of(DType.F32),
                List.of(8L, 32L, 32L, 16L),
                List.of(16L, 3L, 1L, 1L),
                2,
                1,
                16);
        assertEquals("8x32x32x16 to 16, 3x1 stride 2x1, 16 groups", strided.shapeText());
        assertEquals("6x4 to 9", linear(List.of(6L, 4L), List.of(9L, 4L)).shapeText());
        OpRecord product = new OpRecord(
                new Engine.Op("matmul", "linear_algebra", "composed"),
                Optional.empty(),
                1,
                0,
                1,
                1,
                1,
                8,
                "",
                0,
                Optional.of(DType.F32),
                List.of(2L, 3L),
                List.of(3L, 4L),
                0,
                0,
                0);
        assertEquals("2x3 by 3x4", product.shapeText());
    }

    private static OpRecord linear(List<Long> shape, List<Long> weights) {
        return new OpRecord(
                LINEAR,
                Optional.empty(),
                1,
                0,
                1,
                1,
                1,
                8,
                "direct",
                0,
                Optional.of(DType.F32),
                shape,
                weights,
                0,
                0,
                0);
    }

    private static OpRecord record(
            Engine.Op op, Engine.Op partOf, int thread, long start, long nanos, double operations, String algorithm) {
        boolean convolution = !op.equals(NORM);
        return new OpRecord(
                op,
                Optional.ofNullable(partOf),
                thread,
                start,
                nanos,
                60,
                40,
                operations,
                algorithm,
                0,
                Optional.of(DType.F32),
                List.of(2L, 4L),
                convolution ? List.of(5L, 3L, 3L, 4L) : List.of(),
                convolution ? 1 : 0,
                convolution ? 1 : 0,
                convolution ? 1 : 0);
    }
}
