package dev.hornbeam.bench;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.Linear;
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
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A single op through {@link Tensor} on the device that computes nothing, in a scope of its own, recorded for its gradient
 * or not: nanoseconds an op. The scope itself is in {@link Allocation}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class OpOverhead {
    /** Whether the op's gradient is asked for. */
    @Param({"false", "true"})
    public boolean recorded;

    private Tensor x;
    private Tensor other;
    private Tensor weight;
    private Tensor bias;
    private Tensor dy;

    /** Makes the operands. */
    @Setup
    public void open() {
        x = empty(32, 64).requireGrad(recorded);
        other = empty(32, 64).requireGrad(recorded);
        weight = empty(10, 64).requireGrad(recorded);
        bias = empty(10).requireGrad(recorded);
        dy = empty(32, 10);
    }

    private static Tensor empty(long... shape) {
        return Tensor.empty(DType.F32, Device.nothing(), shape).keep();
    }

    /** Releases them. */
    @TearDown
    public void close() {
        for (Tensor tensor : new Tensor[] {x, other, weight, bias, dy}) {
            tensor.close();
        }
    }

    /** One input. */
    @Benchmark
    public Tensor relu() {
        try (TensorScope _ = TensorScope.open()) {
            return x.relu();
        }
    }

    /** Two inputs. */
    @Benchmark
    public Tensor add() {
        try (TensorScope _ = TensorScope.open()) {
            return x.add(other);
        }
    }

    /** Three inputs, of which the gradient needs two. */
    @Benchmark
    public Tensor linear() {
        try (TensorScope _ = TensorScope.open()) {
            return Linear.linear(x, weight, bias, null);
        }
    }

    /** The same and, where it is recorded, its backward pass: three gradients made and released. */
    @Benchmark
    public Tensor linearAndBackward() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor y = Linear.linear(x, weight, bias, null);
            if (recorded) {
                Autograd.backward(y, dy);
                x.zeroGrad();
                weight.zeroGrad();
                bias.zeroGrad();
            }
            return y;
        }
    }
}
