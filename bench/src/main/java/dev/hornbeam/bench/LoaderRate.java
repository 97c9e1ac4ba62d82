package dev.hornbeam.bench;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.Batch;
import dev.hornbeam.training.data.BatchLoader;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Split;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Images that the loader delivers in a second, shuffled, cropped, mirrored and normalised, with nobody computing anything
 * in between: the rate beyond which training would wait for data.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class LoaderRate {
    private static final int BATCH = 128;
    private static final int CLASSES = 10;

    /** Threads that prepare batches; 0 prepares them where they are asked for. */
    @Param({"0", "1", "2"})
    public int workers;

    /** Images in the set. */
    @Param("10000")
    public int size;

    /** Height and width of the images. */
    @Param("32")
    public int side;

    /** Channels of the images. */
    @Param("3")
    public int channels;

    private BatchLoader loader;
    private Tensor images;

    /** Makes a set of random images. */
    @Setup
    public void open() {
        byte[] pixels = new byte[size * side * side * channels];
        Philox draws = new Philox(1, Purpose.DATA, 0, 0, 0);
        int word = 0;
        for (int i = 0; i < pixels.length; i++) {
            // Four pixels a word.
            word = i % 4 == 0 ? draws.word(i / 4) : word >>> 8;
            pixels[i] = (byte) word;
        }
        int[] labels = IntStream.range(0, size).map(i -> i % CLASSES).toArray();
        List<String> names =
                IntStream.range(0, CLASSES).mapToObj(Integer::toString).toList();
        ImageSet set =
                ImageSet.of("random images", Split.TRAIN, side, side, channels, pixels, labels, names, List.of());
        loader = BatchLoader.of(set, Augmentation.of(Normalization.of(set), 4, true, 1))
                .batchSize(BATCH)
                .shuffle(1)
                .dropLast()
                .workers(workers)
                .open();
        images = Tensor.empty(DType.F32, Device.cpu(), BATCH, side, side, channels)
                .keep();
    }

    /** Ends the loader's threads. */
    @TearDown
    public void close() {
        loader.close();
        images.close();
    }

    /** A batch in the loader's arrays. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public Batch batch() {
        return loader.next();
    }

    /** A batch in a tensor, as training needs it. */
    @Benchmark
    @OperationsPerInvocation(BATCH)
    public Tensor batchInTensor() {
        return images.copyFrom(loader.next().images());
    }
}
