package dev.hornbeam.training.run;

import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.training.run.GpuSpecification.Arithmetic;
import java.util.List;

/**
 * What the kernels of the CUDA backend do for one call of an op, which is more than the op's definition has: tiles hang
 * over the edges, norms read twice, some calls are several kernels. The openings of the files in {@code
 * cuda-kernels/kernels} say the same in words, and {@code gemm.cu} chooses the tiles.
 *
 * @param kernels started
 * @param bytes moved from and to memory
 * @param operations of products, with what hangs over
 * @param cacheBytes read from the L2 cache by tiles of products; 0 for other ops
 * @param filled the part of the multiprocessors that has something to do, 0 to 1
 */
record KernelWork(int kernels, double bytes, double operations, double cacheBytes, double filled) {
    private static final int LARGE = 128;
    private static final int SMALL = 64;
    private static final int TALL_COLUMNS = 32;
    /** A product's tiles advance by so many terms of the sum. */
    private static final int STEP = 32;
    /** Tiles that are enough: twice the multiprocessors of an H100. */
    private static final int ENOUGH = 264;
    /** Queries, or keys, of a block of attention. */
    private static final int ATTENTION_TILE = 64;

    private static final List<String> THREE_KERNELS = List.of(
            "batch_norm_backward", "layer_norm_backward", "group_norm", "group_norm_backward", "attention_backward");
    private static final List<String> TWO_KERNELS = List.of("max_pool_backward", "reduce");

    /** Of a call, or of a kernel that is a part of one. */
    static KernelWork of(OpRecord record, Arithmetic arithmetic, int multiprocessors) {
        String name = record.op().name();
        double bytes = record.bytes();
        if (bytes == 0) {
            return new KernelWork(0, 0, 0, 0, 1);
        }
        if (record.isConvolution() && record.groups() > 1) {
            return new KernelWork(1, bytes, record.operations(), 0, 1);
        }
        if (record.isConvolution() || record.isLinear()) {
            return product(record, arithmetic, multiprocessors);
        }
        return switch (name) {
            // After a convolution its tiles have the statistics; else x is read once more for them.
            case "batch_norm" ->
                record.partOf().isPresent()
                        ? new KernelWork(2, bytes, 0, 0, 1)
                        : new KernelWork(3, bytes + bytes / 2, 0, 0, 1);
            // x, dy and y are read for the sums, and again.
            case "batch_norm_backward", "group_norm_backward" -> new KernelWork(3, bytes * 7 / 4, 0, 0, 1);
            case "layer_norm_backward" -> new KernelWork(3, bytes * 5 / 3, 0, 0, 1);
            case "attention" -> attention(record, arithmetic == Arithmetic.BF16 ? 6.0 / 4 : 1);
            case "attention_backward" -> attention(record, (arithmetic == Arithmetic.BF16 ? 10.0 : 7.0) / 5);
            default -> new KernelWork(kernels(name), bytes, record.operations(), 0, 1);
        };
    }

    private static int kernels(String name) {
        return THREE_KERNELS.contains(name) ? 3 : TWO_KERNELS.contains(name) ? 2 : 1;
    }

    // Scores are computed in tiles of 64 by 64. The positions are the last dimension but one of [.., t, d], or the
    // second of [n, t, ..]; either way they are what hangs over.
    private static KernelWork attention(OpRecord record, double products) {
        double positions = record.shape().size() > 1 ? record.shape().get(1) : 1;
        double over = up(positions, ATTENTION_TILE) / positions;
        return new KernelWork(
                kernels(record.op().name()), record.bytes(), record.operations() * products * over * over, 0, 1);
    }

    private static KernelWork product(OpRecord record, Arithmetic arithmetic, int multiprocessors) {
        List<Long> weights = record.otherShape();
        boolean convolution = record.isConvolution();
        double out = weights.get(0);
        double in = convolution ? weights.get(3) : weights.get(1);
        double taps = convolution ? (double) weights.get(1) * weights.get(2) : 1;
        double pixels = record.operations() / (2 * out * in * taps);
        String name = record.op().name();
        int extra = arithmetic == Arithmetic.BF16 ? 1 : 0; // weights, rounded
        if (name.endsWith("_backward_weight")) {
            return tiles(record, arithmetic, multiprocessors, out, in * taps, pixels, true, 1, 0);
        }
        if (name.endsWith("_backward_data")) {
            // One product for each remainder of the stride, each with its share of the taps.
            int products = convolution ? Math.min(record.strideHeight() * record.strideWidth(), (int) taps) : 1;
            double rows = convolution
                    ? (double) record.shape().get(0)
                            * record.shape().get(1)
                            * record.shape().get(2)
                            / (record.strideHeight() * record.strideWidth())
                    : pixels;
            return tiles(record, arithmetic, multiprocessors, rows, in, out * taps / products, false, products, extra);
        }
        return tiles(record, arithmetic, multiprocessors, pixels, out, in * taps, false, 1, extra);
    }

    // `products` products [m, k] by [k, n], one after another.
    private static KernelWork tiles(
            OpRecord record,
            Arithmetic arithmetic,
            int multiprocessors,
            double m,
            double n,
            double k,
            boolean splits,
            int products,
            int extra) {
        // As shape_for in gemm.cu; the exact product has the small tile only.
        double runs = splits ? up(k, 1024) / 1024 : 1;
        boolean exact = arithmetic == Arithmetic.EXACT;
        boolean tall = !exact && n <= TALL_COLUMNS && !splits;
        boolean large = !exact
                && !tall
                && m > SMALL
                && n > SMALL
                && up(m, LARGE) / LARGE * (up(n, LARGE) / LARGE) * runs >= ENOUGH;
        double rows = large || tall ? LARGE : SMALL;
        double columns = tall ? TALL_COLUMNS : large ? LARGE : SMALL;
        double blocks = up(m, rows) / rows * (up(n, columns) / columns);
        double parts = 1;
        if (splits) {
            parts = Math.max(1, Math.min(Math.ceil(ENOUGH / blocks), Math.floor(k / 256)));
        } else if (2 * blocks <= ENOUGH && k >= 1024) {
            parts = Math.max(1, Math.min(Math.floor(ENOUGH / blocks), Math.floor(k / 512)));
        }
        double terms = up(k, STEP);
        double operations = 2 * blocks * rows * columns * terms * products;
        double cacheBytes = blocks * (rows + columns) * terms * arithmetic.bytes() * products;
        // Parts are written and read once more, as f32.
        double partBytes = parts > 1 ? 8 * parts * m * n * products : 0;
        int kernels = products * (parts > 1 ? 2 : 1) + extra;
        return new KernelWork(
                kernels,
                record.bytes() + partBytes,
                operations,
                cacheBytes,
                Math.min(1, blocks * parts / multiprocessors));
    }

    private static double up(double size, double step) {
        return Math.ceil(size / step) * step;
    }
}
