package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.GpuSpecification.Arithmetic;
import dev.hornbeam.training.run.PredictedStep.Assumptions;
import dev.hornbeam.training.run.PredictedStep.Limit;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class PredictedStepTest {
    // 10 multiprocessors; 100 bytes a nanosecond from memory and 1000 from the cache; 1, 3 and 10 TFLOP/s.
    private static final GpuSpecification GPU = new GpuSpecification("g", "G", 10, 100, 1000, 1, 3, 10);
    private static final Assumptions ASSUMED = new Assumptions(0.5, 1, 0.5, 0.25, 2);

    @Test
    void bytesBoundWhatComputesNothing() {
        PredictedStep step = predicted(Arithmetic.EXACT, simple("binary", 1_000_000), simple("binary", 1_000_000));
        PredictedStep.Row row = step.rows().getFirst();
        assertEquals(1, step.rows().size());
        assertEquals(2, row.calls());
        assertEquals(2, row.kernels());
        assertEquals(2, row.megabytes(), 1e-12);
        // 1e6 bytes take 10 us at 100 a nanosecond, and 20 us at half of it; 2 us to start.
        assertEquals(20, row.boundMicros(), 1e-9);
        assertEquals(44, row.micros(), 1e-9);
        assertEquals(Limit.MEMORY, row.bound());
        assertEquals(Limit.MEMORY, row.limit());
    }

    @Test
    void startingAKernelCanBeAllThereIs() {
        PredictedStep.Row row =
                predicted(Arithmetic.EXACT, simple("relu", 1000)).rows().getFirst();
        assertEquals(Limit.LAUNCH, row.limit());
        assertEquals(0.01, row.boundMicros(), 1e-12);
        assertEquals(2.02, row.micros(), 1e-12);
    }

    @Test
    void productsAreBoundByArithmetic() {
        // 2 * 256 * 512 * 256 operations: 67.1 us at 1 TFLOP/s, four times as long at a quarter of it.
        OpRecord linear = linear("linear", 256, 512, 256);
        PredictedStep.Row row = predicted(Arithmetic.EXACT, linear).rows().getFirst();
        double operations = 2.0 * 256 * 512 * 256;
        assertEquals(operations * 1e-9, row.gigaflops(), 1e-12);
        assertEquals(operations * 1e-6, row.boundMicros(), 1e-9);
        assertEquals(4 * operations * 1e-6 + 2, row.micros(), 1e-9);
        assertEquals(Limit.COMPUTE, row.limit());
        // Three products of tf32 at 3 TFLOP/s are as fast, one is three times as fast.
        assertEquals(
                row.boundMicros(),
                predicted(Arithmetic.TF32X3, linear).rows().getFirst().boundMicros(),
                1e-9);
        assertEquals(
                row.boundMicros() / 3,
                predicted(Arithmetic.TF32, linear).rows().getFirst().boundMicros(),
                1e-9);
    }

    @Test
    void theCacheCanBoundProducts() {
        GpuSpecification slow = new GpuSpecification("g", "G", 10, 100, 1, 1, 3, 10);
        PredictedStep.Row row = PredictedStep.of(
                        List.of(linear("linear", 256, 512, 256)), slow, Arithmetic.TF32, ASSUMED)
                .rows()
                .getFirst();
        // 16 tiles of 64 by 64 read 128 columns of 512 numbers each, at a byte a nanosecond.
        assertEquals(Limit.CACHE, row.limit());
        assertEquals(16 * 128 * 512 * 4 * 1e-3 + 2, row.micros(), 1e-9);
        assertEquals(Limit.COMPUTE, row.bound());
    }

    @Test
    void partsCountInsteadOfTheirCall() {
        OpRecord part = norm("batch_norm", 4000, Optional.of(op("conv_bn_act")));
        PredictedStep step = predicted(
                Arithmetic.EXACT,
                convolution("conv2d", 16, 16, 1, Optional.of(op("conv_bn_act"))),
                part,
                simple("conv_bn_act", 9999));
        assertEquals(
                List.of("conv2d", "batch_norm"),
                step.rows().stream().map(PredictedStep.Row::name).toList());
        // A norm alone is a row, though its shape is the same; views are none.
        assertEquals(
                3,
                predicted(
                                Arithmetic.EXACT,
                                part,
                                simple("conv_bn_act", 9999),
                                norm("batch_norm", 4000, Optional.empty()),
                                simple("reshape", 0),
                                simple("relu", 8))
                        .rows()
                        .size());
    }

    @Test
    void sumsAddUp() {
        PredictedStep step = predicted(
                Arithmetic.TF32,
                simple("binary", 1000),
                linear("linear", 256, 512, 256),
                linear("linear", 64, 64, 64),
                simple("binary", 3_000_000));
        assertEquals(3, step.rows().size());
        assertEquals(2, step.sums().size());
        assertEquals("binary", step.sums().getFirst().name());
        assertEquals(
                step.micros(),
                step.sums().stream().mapToDouble(PredictedStep.Row::micros).sum(),
                1e-9);
        assertEquals(
                step.micros(),
                step.microsByLimit().values().stream()
                        .mapToDouble(Double::doubleValue)
                        .sum(),
                1e-9);
        assertEquals(
                step.boundMicros(),
                step.sums().stream().mapToDouble(PredictedStep.Row::boundMicros).sum(),
                1e-9);
        assertEquals(4, step.kernels());
    }

    @Test
    void layersOfANetworkInBf16MayBeF32() {
        OpRecord f32 = linear("linear", 256, 512, 256);
        OpRecord bf16 = new OpRecord(
                f32.op(),
                f32.partOf(),
                f32.thread(),
                f32.startNanos(),
                f32.nanos(),
                f32.bytesRead(),
                f32.bytesWritten(),
                f32.operations(),
                f32.algorithm(),
                f32.estimate(),
                Optional.of(DType.BF16),
                f32.shape(),
                f32.otherShape(),
                0,
                0,
                0);
        PredictedStep.Row single = predicted(Arithmetic.BF16, f32).rows().getFirst();
        assertEquals(predicted(Arithmetic.TF32X3, f32).rows().getFirst(), single);
        PredictedStep.Row half = predicted(Arithmetic.BF16, bf16).rows().getFirst();
        // At ten times the rate the bytes take longer; and a kernel rounds the weights.
        assertEquals(f32.bytes() / 100.0 * 1e-3, half.boundMicros(), 1e-2);
        assertEquals(Limit.MEMORY, half.bound());
        assertEquals(2, half.kernels());
    }

    @Test
    void tilesHangOver() {
        // 3 rows and 5 columns are one tile of 64 by 64 (tensor cores: 128 by 32), 33 terms are 64.
        assertEquals(
                2.0 * 64 * 64 * 64,
                work(linear("linear", 3, 33, 5), Arithmetic.EXACT).operations());
        assertEquals(
                2.0 * 128 * 32 * 64,
                work(linear("linear", 3, 33, 5), Arithmetic.TF32).operations());
        assertEquals(
                (128 + 32) * 64 * 2,
                work(linear("linear", 3, 33, 5), Arithmetic.BF16).cacheBytes());
        assertEquals(0.1, work(linear("linear", 3, 33, 5), Arithmetic.TF32).filled(), 1e-12);
        // Large tiles where there are enough of them: 264.
        assertEquals(
                264.0 * (128 + 128) * 64 * 4,
                work(linear("linear", 128 * 264, 64, 128), Arithmetic.TF32).cacheBytes());
        assertEquals(
                263.0 * 2 * 2 * (64 + 64) * 64 * 4,
                work(linear("linear", 128 * 263, 64, 128), Arithmetic.TF32).cacheBytes());
    }

    @Test
    void longSumsAreCut() {
        // A weight gradient of 128 by 64, two tiles: 4096 terms in parts of at least 256, 16 of them.
        OpRecord weight = linear("linear_backward_weight", 4096, 64, 128);
        KernelWork work = work(weight, Arithmetic.TF32);
        assertEquals(2, work.kernels());
        assertEquals(weight.bytes() + 8.0 * 16 * 128 * 64, work.bytes());
        assertEquals(1, work.filled());
        // Forward, 2048 terms: parts of at least 512.
        OpRecord forward = linear("linear", 64, 2048, 64);
        assertEquals(
                forward.bytes() + 8.0 * 4 * 64 * 64,
                work(forward, Arithmetic.TF32).bytes());
        assertEquals(0.4, work(forward, Arithmetic.TF32).filled(), 1e-12);
        assertEquals(1, work(linear("linear", 64, 1023, 64), Arithmetic.TF32).kernels());
    }

    @Test
    void convolutionsAreProducts() {
        // 8 images of 16 by 16; each pass has the operations of the definition where no tile hangs over.
        for (String pass : List.of("conv2d", "conv2d_backward_data", "conv2d_backward_weight")) {
            OpRecord convolution = convolution(pass, 64, 64, 1, Optional.empty());
            assertEquals(
                    convolution.operations(),
                    work(convolution, Arithmetic.EXACT).operations(),
                    1e-3,
                    pass);
        }
        // The data gradient of stride 2 is four products with a quarter of the taps each; 9 * 64 / 4 = 144 are 160.
        OpRecord strided = convolution("conv2d_backward_data", 64, 64, 2, Optional.empty());
        KernelWork work = work(strided, Arithmetic.EXACT);
        assertEquals(4, work.kernels());
        assertEquals(strided.operations() * 160 / 144, work.operations(), 1e-3);
    }

    @Test
    void someKernelsReadTwice() {
        Optional<Engine.Op> block = Optional.of(op("conv_bn_act"));
        assertEquals(new KernelWork(2, 4000, 0, 0, 1), work(norm("batch_norm", 4000, block), Arithmetic.TF32));
        assertEquals(
                new KernelWork(3, 6000, 0, 0, 1), work(norm("batch_norm", 4000, Optional.empty()), Arithmetic.TF32));
        assertEquals(new KernelWork(3, 7000, 0, 0, 1), work(norm("batch_norm_backward", 4000, block), Arithmetic.TF32));
        assertEquals(0, work(simple("reshape", 0), Arithmetic.TF32).kernels());
    }

    @Test
    void attentionHangsOver() {
        OpRecord attention = new OpRecord(
                op("attention"),
                Optional.empty(),
                1,
                0,
                1,
                100,
                0,
                1000,
                "",
                0,
                Optional.of(DType.BF16),
                List.of(2L, 96L, 64L),
                List.of(),
                0,
                0,
                0);
        // 96 positions are two tiles of 64; bf16 takes six products for four.
        double over = (128.0 / 96) * (128.0 / 96);
        assertEquals(1000 * 1.5 * over, work(attention, Arithmetic.BF16).operations(), 1e-9);
        assertEquals(1000 * over, work(attention, Arithmetic.TF32X3).operations(), 1e-9);
    }

    @Test
    void theGpuIsKnown() {
        GpuSpecification h100 = GpuSpecification.of("h100").orElseThrow();
        assertEquals(989, h100.teraflops(Arithmetic.BF16));
        assertEquals(165, h100.teraflops(Arithmetic.TF32X3));
        assertTrue(GpuSpecification.of("abacus").isEmpty());
    }

    private static PredictedStep predicted(Arithmetic arithmetic, OpRecord... records) {
        return PredictedStep.of(List.of(records), GPU, arithmetic, ASSUMED);
    }

    private static KernelWork work(OpRecord record, Arithmetic arithmetic) {
        return KernelWork.of(record, arithmetic, GPU.multiprocessors());
    }

    private static Engine.Op op(String name) {
        return new Engine.Op(name, "family", "none");
    }

    private static OpRecord simple(String name, long bytes) {
        return norm(name, bytes, Optional.empty());
    }

    private static OpRecord norm(String name, long bytes, Optional<Engine.Op> partOf) {
        return new OpRecord(
                op(name),
                partOf,
                1,
                0,
                1,
                bytes,
                0,
                0,
                "",
                0,
                Optional.of(DType.F32),
                List.of(8L, 4L),
                List.of(),
                0,
                0,
                0);
    }

    private static OpRecord linear(String name, long rows, long in, long out) {
        return new OpRecord(
                op(name),
                Optional.empty(),
                1,
                0,
                1,
                4 * (rows * in + in * out),
                4 * rows * out,
                2.0 * rows * in * out,
                "",
                0,
                Optional.of(DType.F32),
                List.of(rows, in),
                List.of(out, in),
                0,
                0,
                0);
    }

    // 3x3 over 8 images of 16x16, with padding: as many results, or one for every stride * stride.
    private static OpRecord convolution(String name, long in, long out, int stride, Optional<Engine.Op> partOf) {
        long results = 8L * 16 * 16 / ((long) stride * stride);
        return new OpRecord(
                op(name),
                partOf,
                1,
                0,
                1,
                4 * (8L * 16 * 16 * in + 9 * in * out + results * out),
                0,
                2.0 * results * out * 9 * in,
                "",
                0,
                Optional.of(DType.F32),
                List.of(8L, 16L, 16L, in),
                List.of(out, 3L, 3L, in),
                stride,
                stride,
                1);
    }
}
