package dev.hornbeam.bench;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
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
 * A ResNet-20 training step, in this engine and in DJL 0.35.1 on PyTorch 2.7.1, in one JVM that has both: milliseconds a
 * step. DJL is how one trains with PyTorch from Java.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(2)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 5)
public class DjlTraining {
    /** Images a step. */
    @Param("128")
    public int batch;

    private FixedBatchTraining ours;
    private DjlResNet20 theirs;

    /** Makes both networks and their batches. */
    @Setup(Level.Trial)
    public void open() {
        ours = new FixedBatchTraining(
                new FixedBatchTraining.Task("resnet20", batch, 32, 3, 10, false, Precision.F32),
                WeightPerturbation.none(),
                Device.cpu());
        theirs = new DjlResNet20(batch, Engine.threads());
        theirs.requireParameters(ours.parameters());
    }

    /** Releases them. */
    @TearDown(Level.Trial)
    public void close() {
        ours.close();
        theirs.close();
    }

    /** This engine. */
    @Benchmark
    public double hornbeam() {
        return ours.step();
    }

    /** DJL. */
    @Benchmark
    public double djl() {
        return theirs.step();
    }
}
