package dev.hornbeam.training.run;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a GPU can do at most, by its maker's data sheet; nothing here was measured.
 *
 * @param name as on the command line
 * @param product what it is sold as
 * @param multiprocessors how many
 * @param memoryGigabytes 10<sup>9</sup> bytes a second from and to its memory
 * @param cacheGigabytes 10<sup>9</sup> bytes a second that multiprocessors read from the L2 cache
 * @param fmaTeraflops 10<sup>12</sup> operations a second of f32 multiply-adds
 * @param tf32Teraflops of products of tf32 by tensor cores, of dense operands
 * @param bf16Teraflops of products of bf16 by tensor cores, of dense operands
 */
public record GpuSpecification(
        String name,
        String product,
        int multiprocessors,
        double memoryGigabytes,
        double cacheGigabytes,
        double fmaTeraflops,
        double tf32Teraflops,
        double bf16Teraflops) {

    /**
     * NVIDIA's H100 Tensor Core GPU data sheet. The rate of its L2 cache is not in it: Luo et al. (2025, arXiv 2501.12084)
     * and others measure 5.5 to 5.7 TB/s.
     */
    public static final GpuSpecification H100 =
            new GpuSpecification("h100", "H100 SXM5", 132, 3350, 5500, 67, 495, 989);

    private static final List<GpuSpecification> ALL = List.of(H100);

    /** By which numbers products and convolutions of a network are multiplied. */
    public enum Arithmetic {
        /** f32 multiply-adds, without tensor cores. */
        EXACT,
        /** f32 as three products of tf32, the standard of f32. */
        TF32X3,
        /** f32 rounded to tf32. */
        TF32,
        /** bf16, of networks that compute in it. */
        BF16;

        /** Bytes of an operand as it is stored. */
        int bytes() {
            return this == BF16 ? 2 : 4;
        }

        /** As on the command line. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** The GPU of that name, as in {@code h100}. */
    public static Optional<GpuSpecification> of(String name) {
        return ALL.stream().filter(gpu -> gpu.name.equals(name)).findFirst();
    }

    /** Those that are known. */
    public static List<GpuSpecification> all() {
        return ALL;
    }

    /** 10<sup>12</sup> operations a second at most, of products as the definition counts them. */
    public double teraflops(Arithmetic arithmetic) {
        return switch (arithmetic) {
            case EXACT -> fmaTeraflops;
            case TF32X3 -> tf32Teraflops / 3;
            case TF32 -> tf32Teraflops;
            case BF16 -> bf16Teraflops;
        };
    }
}
