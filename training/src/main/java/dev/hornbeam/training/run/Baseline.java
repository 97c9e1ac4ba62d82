package dev.hornbeam.training.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.evaluation.CorruptionErrors;
import dev.hornbeam.training.evaluation.RelativeErrors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The errors of a network that others are measured against.
 *
 * @param name of the network's run
 * @param clean its error on clean test images, in [0, 1]
 * @param corruptions its errors on corrupted ones
 */
public record Baseline(String name, double clean, CorruptionErrors corruptions) {
    private static final String EVALUATION = "evaluation.json";

    /**
     * Reads a baseline.
     *
     * @param place folder of a run or of an evaluation, or the {@code summary.json} or {@code evaluation.json} in it
     * @throws UserError if there is no such file in it, or no errors on corrupted images in that
     */
    public static Baseline read(Path place) {
        Path file = Files.isDirectory(place) ? inFolder(place) : place;
        JsonNode root;
        try {
            root = new JsonMapper().readTree(Files.readString(file));
        } catch (JsonProcessingException e) {
            throw new UserError(file + ": it is not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
        double accuracy = ResultsJson.number(
                root.has("results") ? root.path("results").path("test_accuracy") : root.path("accuracy"));
        if (!root.has("corruption_errors") || Double.isNaN(accuracy)) {
            throw new UserError(file + " has no errors on corrupted images, so it can be no baseline; "
                    + "evaluate that network with --corruptions too");
        }
        Path folder = file.toAbsolutePath().normalize().getParent();
        String name = root.path("name")
                .asText(
                        folder == null || folder.getFileName() == null
                                ? file.toString()
                                : folder.getFileName().toString());
        try {
            return new Baseline(name, 1 - accuracy, ResultsJson.corruptions(root.path("corruption_errors")));
        } catch (IllegalArgumentException e) {
            throw new UserError(file + ": the errors on corrupted images are damaged: " + e.getMessage(), e);
        }
    }

    private static Path inFolder(Path folder) {
        Path summary = new RunFolder(folder).summary();
        Path evaluation = folder.resolve(EVALUATION);
        if (Files.isRegularFile(summary)) {
            return summary;
        }
        if (Files.isRegularFile(evaluation)) {
            return evaluation;
        }
        throw new UserError(folder + " has neither " + summary.getFileName() + " nor " + EVALUATION
                + "; give the folder of a finished run or of an evaluation");
    }

    /** The errors of another network beside these. */
    public RelativeErrors against(CorruptionErrors table, double cleanError) {
        return RelativeErrors.of(table, cleanError, name, corruptions, clean);
    }
}
