package dev.hornbeam.training.run;

import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.training.run.GpuSpecification.Arithmetic;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * How long a training step would take on a GPU, from what its ops must do: never a measurement.
 *
 * <p>Two times for each op. The bound is the longer of its bytes, by definition, at the memory's full rate, and its
 * operations, by definition, at the full rate of the arithmetic (Williams, Waterman and Patterson 2009): nothing that calls
 * these ops one by one can be faster. The prediction takes what the kernels really do ({@link KernelWork}) at the rates that
 * {@link Assumptions} grant, and adds the starts of kernels.
 *
 * @param rows calls that are alike, in the order in which a step first makes them
 * @param gpu where
 * @param arithmetic of products
 */
public record PredictedStep(List<Row> rows, GpuSpecification gpu, Arithmetic arithmetic) {
    /** What takes longest. */
    public enum Limit {
        /** Bytes from and to memory. */
        MEMORY,
        /** Operations of products. */
        COMPUTE,
        /** What tiles of products read from the L2 cache. */
        CACHE,
        /** Starting the kernels takes longer than what they do. */
        LAUNCH;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * What part of the full rates kernels are taken to reach.
     *
     * @param memory of the memory's rate: streaming kernels are reported at 80 to 93 % of it
     * @param cache of the L2 cache's rate, which is a measured one already
     * @param tensor of the tensor cores' rate: {@code mma.sync}, which these kernels use, reaches some 60 % of what {@code
     *     wgmma} does on an H100 (Luo et al. 2024, arXiv 2402.13499)
     * @param fma of the rate of multiply-adds
     * @param launchMicros from the end of one kernel to the work of the next, without graphs
     */
    public record Assumptions(double memory, double cache, double tensor, double fma, double launchMicros) {
        /** Those that documents are made with. */
        public static final Assumptions STANDARD = new Assumptions(0.85, 1, 0.6, 0.6, 2.5);
    }

    /**
     * Calls that are alike.
     *
     * @param name of the op
     * @param shape what would be computed
     * @param calls in a step
     * @param kernels started in a step
     * @param gigaflops by definition
     * @param megabytes by definition
     * @param bound which limit holds at the full rates: memory or compute
     * @param boundMicros how long the calls take at least
     * @param limit which limit holds in the prediction
     * @param micros how long they are predicted to take
     */
    public record Row(
            String name,
            String shape,
            int calls,
            int kernels,
            double gigaflops,
            double megabytes,
            Limit bound,
            double boundMicros,
            Limit limit,
            double micros) {
        private Row plus(Row other) {
            // Of rows that differ, the limit of the one that takes longer.
            Row longer = other.micros > micros ? other : this;
            return new Row(
                    name,
                    shape,
                    calls + other.calls,
                    kernels + other.kernels,
                    gigaflops + other.gigaflops,
                    megabytes + other.megabytes,
                    longer.bound,
                    boundMicros + other.boundMicros,
                    longer.limit,
                    micros + other.micros);
        }
    }

    /** Keeps its own copy. */
    public PredictedStep {
        rows = List.copyOf(rows);
    }

    /**
     * Works it out.
     *
     * @param records of one step, on any device: how long the calls took is not looked at
     */
    public static PredictedStep of(
            Collection<OpRecord> records, GpuSpecification gpu, Arithmetic arithmetic, Assumptions assumptions) {
        Map<List<Object>, Row> rows = new LinkedHashMap<>();
        List<OpRecord> parts = new ArrayList<>();
        for (OpRecord record : records) {
            if (record.partOf().isPresent()) {
                parts.add(record);
            } else if (!parts.isEmpty()
                    && parts.stream()
                            .allMatch(part -> part.partOf().orElseThrow().equals(record.op()))) {
                // The whole call: its parts are counted.
                parts.clear();
                continue;
            }
            Row row = row(record, gpu, arithmetic, assumptions);
            if (row.kernels() > 0) {
                rows.merge(List.of(row.name(), row.shape(), record.partOf().isPresent()), row, Row::plus);
            }
        }
        return new PredictedStep(List.copyOf(rows.values()), gpu, arithmetic);
    }

    // What a network in bf16 keeps in f32, as its head, is multiplied as f32 is.
    private static Arithmetic arithmetic(OpRecord record, Arithmetic wanted) {
        boolean single = record.dtype().filter(type -> type == DType.F32).isPresent();
        return wanted == Arithmetic.BF16 && single ? Arithmetic.TF32X3 : wanted;
    }

    private static Row row(OpRecord record, GpuSpecification gpu, Arithmetic wanted, Assumptions assumptions) {
        Arithmetic arithmetic = arithmetic(record, wanted);
        // Bytes at 10^9 a second are 10^-3 microseconds each; operations at 10^12 a second 10^-6.
        double memory = record.bytes() / gpu.memoryGigabytes() * 1e-3;
        double compute = record.operations() / gpu.teraflops(arithmetic) * 1e-6;
        KernelWork work = KernelWork.of(record, arithmetic, gpu.multiprocessors());
        double share = arithmetic == Arithmetic.EXACT ? assumptions.fma() : assumptions.tensor();
        double launches = work.kernels() * assumptions.launchMicros();
        Map<Limit, Double> times = new EnumMap<>(Limit.class);
        times.put(Limit.MEMORY, work.bytes() / (gpu.memoryGigabytes() * assumptions.memory()) * 1e-3);
        times.put(Limit.COMPUTE, work.operations() / (gpu.teraflops(arithmetic) * share * work.filled()) * 1e-6);
        times.put(Limit.CACHE, work.cacheBytes() / (gpu.cacheGigabytes() * assumptions.cache() * work.filled()) * 1e-3);
        double longest = Collections.max(times.values());
        times.put(Limit.LAUNCH, launches);
        Limit limit =
                Collections.max(times.entrySet(), Map.Entry.comparingByValue()).getKey();
        return new Row(
                record.op().name(),
                record.shapeText(),
                1,
                work.kernels(),
                record.operations() * 1e-9,
                record.bytes() * 1e-6,
                compute > memory ? Limit.COMPUTE : Limit.MEMORY,
                Math.max(memory, compute),
                limit,
                launches + longest);
    }

    /** The rows by op, the one that is predicted to take longest first; their shapes are empty. */
    public List<Row> sums() {
        Map<String, Row> sums = new LinkedHashMap<>();
        for (Row row : rows) {
            Row unshaped = new Row(
                    row.name,
                    "",
                    row.calls,
                    row.kernels,
                    row.gigaflops,
                    row.megabytes,
                    row.bound,
                    row.boundMicros,
                    row.limit,
                    row.micros);
            sums.merge(row.name, unshaped, Row::plus);
        }
        return sums.values().stream()
                .sorted(Comparator.comparingDouble(Row::micros).reversed())
                .toList();
    }

    /** Microseconds that the step takes at least. */
    public double boundMicros() {
        return rows.stream().mapToDouble(Row::boundMicros).sum();
    }

    /** Microseconds that the step is predicted to take. */
    public double micros() {
        return rows.stream().mapToDouble(Row::micros).sum();
    }

    /** Kernels that a step starts. */
    public int kernels() {
        return rows.stream().mapToInt(Row::kernels).sum();
    }

    /** Of the predicted time, in microseconds, what each limit holds; all limits are there. */
    public Map<Limit, Double> microsByLimit() {
        Map<Limit, Double> times = new LinkedHashMap<>();
        for (Limit limit : Limit.values()) {
            times.put(
                    limit,
                    rows.stream()
                            .filter(row -> row.limit == limit)
                            .mapToDouble(Row::micros)
                            .sum());
        }
        return times;
    }
}
