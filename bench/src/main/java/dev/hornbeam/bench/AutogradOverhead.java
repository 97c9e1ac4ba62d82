package dev.hornbeam.bench;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Precision;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
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
 * A whole training step, with kernels and without: milliseconds a step.
 *
 * <p>On the device {@code null} every op checks its arguments, takes memory for its results and returns at once, so a step
 * there is all that is not arithmetic: Java, the tape, the calls, and the engine's checks and bookkeeping. Divided by a step
 * on {@code cpu}, it bounds from above the share that Java has in training.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 2)
public class AutogradOverhead {
    /** Where the step runs. */
    @Param({"null", "cpu"})
    public String device;

    /** The network. */
    @Param("resnet20")
    public String model;

    /** Images a step. */
    @Param("128")
    public int batch;

    private FixedBatchTraining training;

    /** Makes the network and its batch. */
    @Setup(Level.Trial)
    public void open() {
        training = new FixedBatchTraining(
                new FixedBatchTraining.Task(model, batch, 32, 3, 10, false, Precision.F32),
                WeightPerturbation.none(),
                Device.parse(device));
    }

    /** Releases them. */
    @TearDown(Level.Trial)
    public void close() {
        training.close();
    }

    /** Gradients released, forward, cross-entropy, backward, SGD; the loss. */
    @Benchmark
    public double step() {
        return training.step();
    }
}
