package dev.hornbeam.training.study;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.ReportData;
import dev.hornbeam.training.run.StepRow;
import dev.hornbeam.training.run.SyntheticImages;
import dev.hornbeam.training.run.TrainingListener;
import dev.hornbeam.training.run.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DampStudyTest {
    @TempDir
    private Path folder;

    private Path data;
    private final List<String> trained = new ArrayList<>();
    private final List<String> lines = new ArrayList<>();

    @BeforeEach
    void makeData() throws IOException {
        data = SyntheticImages.write(folder.resolve("squares.npz"), 120, 40);
    }

    @AfterEach
    void allThreads() {
        Engine.setThreads(0);
    }

    private DampStudy.Plan plan(Map<String, String> changes) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("data.name", "'" + data + "'");
        settings.put("threads", "1");
        settings.put("data.batch", "16");
        settings.put("model.width", "4");
        settings.put("data.augment", "{pad: 1, flip: false}");
        settings.putAll(changes);
        return new DampStudy.Plan(
                "quickstart/sgd",
                settings,
                List.of(StudyMethod.SGD, StudyMethod.DAMP, StudyMethod.SAM),
                // With 50 nothing is learnt, so the search has something to find.
                Map.of(StudyMethod.DAMP, List.of(50.0, 0.05), StudyMethod.SAM, List.of(0.01)),
                2,
                List.of(1L, 2L),
                4,
                4,
                List.of("contrast", "gaussian_noise"));
    }

    private DampStudy study(DampStudy.Plan plan, Function<TrainingRun, Optional<ReportData.Run>> runner) {
        return new DampStudy(
                plan,
                folder.resolve("study"),
                Progress.silent(),
                List.of(),
                run -> {
                    trained.add(run.config().name());
                    return runner.apply(run);
                },
                lines::add);
    }

    @Test
    void searchesTrainsAndTells() throws IOException {
        DampStudy study = study(plan(Map.of()), TrainingRun::run);
        DampStudy.Result result = study.run();
        assertEquals(
                List.of(
                        "search damp 50",
                        "search damp 0.05",
                        "sgd seed 1",
                        "damp seed 1",
                        "sam seed 1",
                        "sgd seed 2",
                        "damp seed 2",
                        "sam seed 2"),
                trained);
        assertEquals(Map.of(StudyMethod.DAMP, 0.05, StudyMethod.SAM, 0.01), result.chosen());
        assertTrue(result.search().get(0).error() > result.search().get(1).error());
        study.write(result);

        JsonNode json =
                new JsonMapper().readTree(folder.resolve("study/study.json").toFile());
        JsonNode damp = json.path("methods").path("damp");
        JsonNode sgd = json.path("methods").path("sgd");
        assertEquals(
                damp.path("clean_error").path("mean").asDouble()
                        - sgd.path("clean_error").path("mean").asDouble(),
                damp.path("clean_error_minus_sgd").path("mean").asDouble(),
                1e-9);
        double mce = 0;
        for (String corruption : List.of("contrast", "gaussian_noise")) {
            double ratio = 0;
            for (int seed = 1; seed <= 2; seed++) {
                ratio += error("damp-" + seed, corruption) / error("sgd-" + seed, corruption) / 2;
            }
            assertEquals(
                    ratio, damp.path("ce_ratios").path(corruption).path("mean").asDouble(), 1e-9);
            mce += ratio / 2;
        }
        assertEquals(mce, damp.path("mce").path("mean").asDouble(), 1e-9);
        String text = Files.readString(folder.resolve("study/study.md"));
        assertTrue(text.contains("| DAMP | sigma 0.05 | "), text);
        assertTrue(text.contains("| DAMP, sigma 0.05 | "), text);
        assertTrue(text.contains("| contrast | "), text);
    }

    private double error(String run, String corruption) throws IOException {
        JsonNode errors = new JsonMapper()
                .readTree(folder.resolve("study/runs/" + run + "/summary.json").toFile())
                .path("corruption_errors")
                .path("errors")
                .path(corruption);
        double sum = 0;
        for (JsonNode error : errors) {
            sum += error.asDouble();
        }
        return sum;
    }

    @Test
    void goesOnWhereItWasStopped() {
        // The fourth run is stopped at its third step.
        UserError stopped = assertThrows(
                UserError.class,
                () -> study(plan(Map.of()), run -> {
                            if (trained.size() == 4) {
                                run.listen(new TrainingListener() {
                                    @Override
                                    public void stepDone(StepRow row, int images) {
                                        if (row.step() == 3) {
                                            run.requestStop();
                                        }
                                    }
                                });
                            }
                            return run.run();
                        })
                        .run());
        assertTrue(stopped.getMessage().contains("goes on where it was"), stopped.getMessage());
        List<StudyRun> whole = study(plan(Map.of()), TrainingRun::run).run().runs();
        assertEquals(
                List.of("damp seed 1", "sam seed 1", "sgd seed 2", "damp seed 2", "sam seed 2"),
                trained.subList(4, trained.size()));
        trained.clear();
        assertEquals(whole, study(plan(Map.of()), TrainingRun::run).run().runs());
        assertEquals(List.of(), trained);
        assertTrue(lines.getLast().endsWith(", was there"), lines.getLast());

        UserError other = assertThrows(
                UserError.class,
                () -> study(plan(Map.of("optimizer.lr", "0.05")), TrainingRun::run)
                        .run());
        assertTrue(other.getMessage().contains("other settings"), other.getMessage());
    }
}
