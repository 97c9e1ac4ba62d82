package dev.hornbeam.training.spark;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.build.CorruptionEngine;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaFutureAction;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.util.LongAccumulator;

/**
 * Runs the chunks of a job as partitions of a Spark job.
 *
 * <p>Executors read the clean images and write the set themselves, so every machine has to see both under the same paths:
 * a shared file system. A chunk whose executor is lost is done again by another one, to the same bytes.
 *
 * <p>Spark's own settings are taken from system properties that begin with {@code spark.}; where they do not say otherwise
 * there is no web page, and executors get this program's class path.
 */
public final class SparkEngine implements CorruptionEngine {
    // Partitions are cheap, but not free; each has a chunk at least.
    private static final int MOST_PARTITIONS = 10_000;
    private static final long LOOK_MILLIS = 200;
    // Of the engine's and Spark's own libraries, which would warn of them on every executor.
    private static final String JVM_OPTIONS =
            "--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow";

    /** For the service loader. */
    public SparkEngine() {}

    @Override
    public String name() {
        return "spark";
    }

    @Override
    public void run(Work work, Optional<String> master, Progress progress) {
        SparkConf conf = new SparkConf()
                .setMaster(master.orElse("local[*]"))
                .setAppName("hornbeam corrupt")
                .setIfMissing("spark.ui.enabled", "false")
                .setIfMissing("spark.executor.extraJavaOptions", JVM_OPTIONS);
        try (ShippedClasses classes = ShippedClasses.forMaster(conf.get("spark.master"))) {
            conf.setJars(classes.jars());
            try (JavaSparkContext context = new JavaSparkContext(conf)) {
                run(context, work, progress);
            }
        } catch (Exception e) {
            throw failure(e);
        }
    }

    private static void run(JavaSparkContext context, Work work, Progress progress)
            throws InterruptedException, ExecutionException {
        LongAccumulator done = context.sc().longAccumulator("corrupted images");
        context.sc().addSparkListener(new Counter(done, progress));
        JavaFutureAction<List<String>> problems = context.parallelize(
                        work.chunks(), Math.min(work.chunks().size(), MOST_PARTITIONS))
                .map(new ChunkTask(work.description(), work.fingerprint(), done))
                .filter(problem -> !problem.isEmpty())
                .collectAsync();
        while (true) {
            try {
                List<String> found = problems.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
                if (!found.isEmpty()) {
                    throw new UserError(found.getFirst());
                }
                return;
            } catch (TimeoutException e) {
                if (progress.isStopped()) {
                    problems.cancel(true);
                    throw new CancellationException("the build was stopped");
                }
            }
        }
    }

    private static RuntimeException failure(Exception e) {
        return switch (e) {
            case UserError _, CancellationException _ -> (RuntimeException) e;
            case InterruptedException _ -> {
                Thread.currentThread().interrupt();
                yield new CancellationException("the build was interrupted");
            }
            case ExecutionException _ when e.getCause() instanceof Exception cause -> failure(cause);
            case SparkException _ -> new UserError("Spark: " + firstLine(e), e);
            case RuntimeException other -> other;
            default -> new UserError("Spark: " + firstLine(e), e);
        };
    }

    private static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    /** Hands on how many images are done, which Spark adds up as tasks end. */
    private static final class Counter extends SparkListener {
        private final LongAccumulator done;
        private final Progress progress;
        private long told;

        Counter(LongAccumulator done, Progress progress) {
            this.done = done;
            this.progress = progress;
        }

        @Override
        public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
            long now = done.value();
            progress.done(now - told);
            told = now;
        }
    }
}
