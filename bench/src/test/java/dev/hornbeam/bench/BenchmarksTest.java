package dev.hornbeam.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.tensor.Engine;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Runs every benchmark once, briefly: that they work, not how fast they are. */
final class BenchmarksTest {
    @BeforeAll
    static void allowOtherRuns() {
        // JMH has one lock for the whole machine; nothing is measured here.
        System.setProperty("jmh.ignoreLock", "true");
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                FfmCallOverhead.class,
                AutogradOverhead.class,
                OpOverhead.class,
                Allocation.class,
                LoaderRate.class,
                DjlTraining.class,
                DjlInference.class
            })
    void everyBenchmarkRuns(Class<?> benchmarks) throws RunnerException {
        long live = Engine.memory().liveTensors();
        ChainedOptionsBuilder options = new OptionsBuilder()
                .include("\\." + benchmarks.getSimpleName() + "\\.")
                .forks(0)
                .warmupIterations(0)
                .measurementIterations(1)
                .measurementTime(TimeValue.milliseconds(10))
                .shouldFailOnError(true)
                .verbosity(VerboseMode.SILENT);
        // Parameters that a class lacks are passed over.
        options.param("batch", "2").param("size", "500");
        Collection<RunResult> results = new Runner(options.build()).run();
        Set<String> ran = results.stream()
                .map(result -> result.getParams().getBenchmark())
                .map(name -> name.substring(name.lastIndexOf('.') + 1))
                .collect(Collectors.toSet());
        Set<String> written = Arrays.stream(benchmarks.getDeclaredMethods())
                .filter(method -> method.isAnnotationPresent(Benchmark.class))
                .map(Method::getName)
                .collect(Collectors.toSet());
        assertEquals(written, ran);
        results.forEach(result -> assertTrue(result.getPrimaryResult().getScore() > 0, result.toString()));
        assertEquals(live, Engine.memory().liveTensors());
    }
}
