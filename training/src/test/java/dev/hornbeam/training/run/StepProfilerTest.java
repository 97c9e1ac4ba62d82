package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.profile.OpRecord;
import dev.hornbeam.profile.Profiler;
import dev.hornbeam.profile.StepProfile;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.TrainingProfile.Phase;
import dev.hornbeam.training.run.TrainingProfile.Span;
import dev.hornbeam.training.run.TrainingProfile.Step;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepProfilerTest {
    private static final FixedBatchTraining.Task TASK =
            new FixedBatchTraining.Task("smallcnn28", 4, 8, 1, 10, false, Precision.F32);

    @TempDir
    private Path folder;

    private int threads;

    @BeforeEach
    void oneThread() {
        threads = Engine.threads();
        Engine.setThreads(1);
    }

    @AfterEach
    void threadsAsBefore() {
        Engine.setThreads(threads);
    }

    private static TrainingProfile profile(int warmUp, int steps) {
        List<TrainingProfile> result = new ArrayList<>();
        try (FixedBatchTraining training = new FixedBatchTraining(TASK, WeightPerturbation.none(), Device.cpu());
                StepProfiler profiler = new StepProfiler(warmUp, steps, result::add)) {
            training.profileWith(profiler);
            for (int i = 0; i < warmUp + steps + 2; i++) {
                training.step();
                assertEquals(i + 1 >= warmUp + steps, profiler.isReported(), "after step " + (i + 1));
            }
        }
        assertEquals(1, result.size());
        return result.getFirst();
    }

    @Test
    void stepsAfterTheWarmUpAreTaken() {
        TrainingProfile profile = profile(2, 3);
        assertEquals(
                List.of(3L, 4L, 5L), profile.steps().stream().map(Step::number).toList());
        assertEquals(0, profile.lost());
        for (Step step : profile.steps()) {
            assertEquals(
                    List.of(Phase.FORWARD, Phase.BACKWARD, Phase.OPTIMIZER),
                    step.phases().stream().map(Span::phase).toList());
        }
        // The same calls in every step.
        List<List<String>> names = profile.steps().stream()
                .map(step -> step.ops().stream().map(op -> op.op().name()).toList())
                .distinct()
                .toList();
        assertEquals(1, names.size());
        assertTrue(names.getFirst().contains("sgd_step"), names.toString());
    }

    @Test
    void phasesHaveTheirCalls() {
        Step step = profile(1, 1).steps().getFirst();
        for (OpRecord op : step.ops()) {
            String name = op.op().name();
            Phase expected = name.equals("sgd_step")
                    ? Phase.OPTIMIZER
                    : name.contains("_backward") ? Phase.BACKWARD : name.startsWith("conv") ? Phase.FORWARD : null;
            if (expected == null) {
                continue;
            }
            Span span = step.phases().stream()
                    .filter(s -> s.phase() == expected)
                    .findFirst()
                    .orElseThrow();
            assertTrue(
                    op.startNanos() >= span.startNanos() && op.endNanos() <= span.startNanos() + span.nanos(),
                    name + " is not inside " + expected);
        }
    }

    @Test
    void timesAddUpToTheStep() {
        TrainingProfile profile = profile(1, 3);
        StepProfile sums = profile.sums();
        assertEquals(3, sums.steps());
        assertEquals(profile.wallNanos(), sums.engineNanos() + sums.outsideNanos());
        assertTrue(sums.engineNanos() > 0 && sums.outsideNanos() > 0, sums.engineNanos() + " " + sums.outsideNanos());
        long phases = 0;
        long outside = 0;
        for (TrainingProfile.Share share : profile.phases().values()) {
            assertTrue(share.outsideNanos() < share.nanos(), share.toString());
            phases += share.nanos();
            outside += share.outsideNanos();
        }
        assertTrue(phases <= profile.wallNanos(), phases + " of " + profile.wallNanos());
        assertTrue(outside <= sums.outsideNanos(), outside + " of " + sums.outsideNanos());
    }

    @Test
    void whatThereIsIsGivenWhenTrainingEndsEarly() {
        List<TrainingProfile> result = new ArrayList<>();
        try (FixedBatchTraining training = new FixedBatchTraining(TASK, WeightPerturbation.none(), Device.cpu());
                StepProfiler profiler = new StepProfiler(0, 5, result::add)) {
            training.profileWith(profiler);
            training.step();
            training.step();
            profiler.beginStep();
            profiler.begin(Phase.DATA);
            profiler.finish();
        }
        assertEquals(1, result.size());
        assertEquals(2, result.getFirst().steps().size());
        // The step that was cut off does not go on recording.
        Profiler.start(1).close();
    }

    @Test
    void aProfileChangesNoBit() {
        List<Double> with = new ArrayList<>();
        List<Double> without = new ArrayList<>();
        try (FixedBatchTraining plain = new FixedBatchTraining(TASK, WeightPerturbation.none(), Device.cpu());
                FixedBatchTraining profiled = new FixedBatchTraining(TASK, WeightPerturbation.none(), Device.cpu());
                StepProfiler profiler = new StepProfiler(1, 2, _ -> {})) {
            profiled.profileWith(profiler);
            for (int i = 0; i < 4; i++) {
                without.add(plain.step());
                with.add(profiled.step());
            }
        }
        assertEquals(without, with);
    }

    @Test
    void nothingIsGivenOfWarmUpAlone() {
        try (StepProfiler profiler = new StepProfiler(2, 1, _ -> {
            throw new AssertionError("a profile of no step");
        })) {
            profiler.beginStep();
            profiler.endStep(1);
            profiler.finish();
            assertFalse(profiler.isReported());
        }
        assertThrows(IllegalArgumentException.class, () -> new TrainingProfile(List.of()));
    }

    @Test
    void theTraceIsWhatViewersRead() throws IOException {
        TrainingProfile profile = profile(1, 2);
        Path file = folder.resolve("new/trace.json");
        ChromeTrace.write(file, profile, "hornbeam: \"test\"", Map.of("cpu", "this one"));
        JsonNode root = new JsonMapper().readTree(file.toFile());
        assertEquals("this one", root.at("/otherData/cpu").asText());
        List<JsonNode> events = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (JsonNode event : root.path("traceEvents")) {
            assertEquals(1, event.path("pid").asInt());
            if (event.path("ph").asText().equals("M")) {
                names.add(event.path("name").asText() + " "
                        + event.at("/args/name").asText());
            } else {
                assertEquals("X", event.path("ph").asText());
                events.add(event);
            }
        }
        assertEquals(List.of("process_name hornbeam: \"test\"", "thread_name training"), names);
        int ops = profile.steps().stream().mapToInt(step -> step.ops().size()).sum();
        assertEquals(ops + 2 + 2 * 3, events.size());
        assertNests(events);
        assertStepsHoldTheirCalls(profile, events);

        JsonNode conv = events.stream()
                .filter(event -> event.path("cat").asText().equals("convolution"))
                .findFirst()
                .orElseThrow();
        OpRecord record = profile.steps().getFirst().ops().stream()
                .filter(op -> op.op().family().equals("convolution"))
                .findFirst()
                .orElseThrow();
        assertEquals(record.shapeText(), conv.at("/args/shape").asText());
        assertEquals(record.algorithm(), conv.at("/args/algorithm").asText());
        assertEquals(record.bytesRead(), conv.at("/args/bytes_read").asLong());
        assertEquals(record.bytesWritten(), conv.at("/args/bytes_written").asLong());
        assertEquals(record.operations(), conv.at("/args/flops").asDouble());
        assertEquals("f32", conv.at("/args/dtype").asText());
    }

    // In the order of the file, a bar is inside the one before it or begins after its end.
    private static void assertNests(List<JsonNode> events) {
        ArrayDeque<BigDecimal> ends = new ArrayDeque<>();
        BigDecimal last = BigDecimal.ZERO;
        for (JsonNode event : events) {
            BigDecimal start = new BigDecimal(event.path("ts").asText());
            BigDecimal end = start.add(new BigDecimal(event.path("dur").asText()));
            assertTrue(start.compareTo(last) >= 0, "out of order: " + event);
            last = start;
            while (!ends.isEmpty() && ends.peek().compareTo(start) <= 0) {
                ends.pop();
            }
            assertTrue(ends.isEmpty() || end.compareTo(ends.peek()) <= 0, "not inside what is around it: " + event);
            ends.push(end);
        }
    }

    private static void assertStepsHoldTheirCalls(TrainingProfile profile, List<JsonNode> events) {
        double engine = 0;
        double wall = 0;
        int parts = 0;
        for (JsonNode event : events) {
            String category = event.path("cat").asText();
            if (category.equals("step")) {
                wall += event.path("dur").asDouble();
            } else if (category.equals("phase")) {
                assertNull(event.get("args"));
            } else {
                engine += event.path("dur").asDouble();
            }
        }
        double inParts = 0;
        for (Step step : profile.steps()) {
            for (OpRecord op : step.ops()) {
                if (op.partOf().isPresent()) {
                    inParts += op.nanos() / 1e3;
                    parts++;
                }
            }
        }
        assertEquals(profile.wallNanos() / 1e3, wall, 1e-3);
        assertTrue(engine - inParts <= wall, engine + " us in " + parts + " parts and calls of " + wall);
    }

    @Test
    void aTraceThatCannotBeWrittenLeavesWhatWasThere() throws IOException {
        TrainingProfile profile = profile(0, 1);
        Path occupied =
                Files.createDirectories(folder.resolve("occupied/inner")).getParent();
        UserError error = assertThrows(UserError.class, () -> ChromeTrace.write(occupied, profile, "x", Map.of()));
        assertTrue(error.getMessage().contains(occupied.toString()), error.getMessage());
        assertTrue(Files.isDirectory(occupied.resolve("inner")));
    }
}
