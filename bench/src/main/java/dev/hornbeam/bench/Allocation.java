package dev.hornbeam.bench;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Tensors and scopes made and closed, without any op: nanoseconds each. With {@code -prof gc} also the bytes of heap that
 * each takes.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class Allocation {
    /** Numbers in a tensor: 4 KiB, and 16 MiB as an activation of ResNet-20 has. */
    @Param({"1024", "4194304"})
    public long elements;

    /** An empty scope. */
    @Benchmark
    public TensorScope scope() {
        try (TensorScope scope = TensorScope.open()) {
            return scope;
        }
    }

    /** A tensor that a scope closes. */
    @Benchmark
    public Tensor tensorInScope() {
        try (TensorScope _ = TensorScope.open()) {
            return Tensor.empty(DType.F32, Device.cpu(), elements);
        }
    }

    /** A tensor that is taken out of its scope and closed by hand. */
    @Benchmark
    public Tensor tensorKept() {
        Tensor kept;
        try (TensorScope _ = TensorScope.open()) {
            kept = Tensor.empty(DType.F32, Device.cpu(), elements).keep();
        }
        kept.close();
        return kept;
    }

    /** A tensor that never was in a scope: watched for leaks. */
    @Benchmark
    public Tensor tensorWithoutScope() {
        try (Tensor tensor = Tensor.empty(DType.F32, Device.cpu(), elements)) {
            return tensor;
        }
    }

    /** A second tensor with the same memory. */
    @Benchmark
    public Tensor view() {
        try (TensorScope _ = TensorScope.open()) {
            return Tensor.empty(DType.F32, Device.cpu(), elements).slice(0, 0, 512);
        }
    }
}
