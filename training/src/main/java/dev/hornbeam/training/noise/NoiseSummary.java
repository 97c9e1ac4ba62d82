package dev.hornbeam.training.noise;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import java.util.ArrayList;
import java.util.List;

/**
 * What noise did to a set of images.
 *
 * @param kind the noise, as in {@code symmetric-inclusive}
 * @param rate the rate asked for, NaN where there is none
 * @param expectedErrorRate share of wrong labels expected from the kind and the rate, NaN where only the outcome tells
 * @param seed of the draws
 * @param images in the set
 * @param chosen images whose label was chosen to be replaced, be it by the same one; 0 for image noise
 * @param wrongLabels labels that are wrong now
 * @param noisyImages images whose pixels are replaced
 * @param classNames names of the classes
 * @param labels how often each right label (row) is given as each label (column)
 */
public record NoiseSummary(
        String kind,
        double rate,
        double expectedErrorRate,
        long seed,
        int images,
        int chosen,
        int wrongLabels,
        int noisyImages,
        List<String> classNames,
        List<List<Integer>> labels) {
    private static final JsonMapper JSON = new JsonMapper();

    /** Keeps its own copies. */
    public NoiseSummary {
        classNames = List.copyOf(classNames);
        labels = labels.stream().map(List::copyOf).toList();
    }

    /** The share of labels that are wrong now. */
    public double errorRate() {
        return images == 0 ? 0 : (double) wrongLabels / images;
    }

    /** Counts labels. */
    static NoiseSummary of(
            String kind,
            double rate,
            double expectedErrorRate,
            long seed,
            ImageSet clean,
            NoisyLabels labels,
            NoisyImages images) {
        int classes = clean.classes();
        int[][] counts = new int[classes][classes];
        int[] given = labels == null ? clean.labels() : labels.labels();
        int wrong = 0;
        for (int i = 0; i < given.length; i++) {
            counts[clean.label(i)][given[i]]++;
            wrong += given[i] == clean.label(i) ? 0 : 1;
        }
        int chosen = 0;
        if (labels != null) {
            for (boolean c : labels.chosen()) {
                chosen += c ? 1 : 0;
            }
        }
        List<List<Integer>> rows = new ArrayList<>();
        for (int[] row : counts) {
            rows.add(java.util.Arrays.stream(row).boxed().toList());
        }
        return new NoiseSummary(
                kind,
                rate,
                expectedErrorRate,
                seed,
                given.length,
                chosen,
                wrong,
                images == null ? 0 : images.count(),
                clean.classNames(),
                rows);
    }

    /** One sentence for a terminal. */
    public String line() {
        StringBuilder line = new StringBuilder("noise " + kind);
        if (!Double.isNaN(rate)) {
            line.append(String.format(java.util.Locale.ROOT, " at rate %.4g", rate));
        }
        line.append(", seed ").append(seed).append(": ");
        line.append(String.format(
                java.util.Locale.ROOT, "%d of %d labels wrong (%.2f %%", wrongLabels, images, 100 * errorRate()));
        if (!Double.isNaN(expectedErrorRate)) {
            line.append(String.format(java.util.Locale.ROOT, ", expected %.2f %%", 100 * expectedErrorRate));
        }
        line.append(")");
        if (noisyImages > 0) {
            line.append(", ").append(noisyImages).append(" images replaced");
        }
        return line.toString();
    }

    /** The summary as a JSON object. */
    public String toJson() {
        ObjectNode root = JSON.createObjectNode().put("kind", kind);
        putNumber(root, "rate", rate);
        putNumber(root, "expected_error_rate", expectedErrorRate);
        root.put("error_rate", errorRate()).put("seed", seed).put("images", images);
        root.put("chosen", chosen).put("wrong_labels", wrongLabels).put("noisy_images", noisyImages);
        classNames.forEach(root.putArray("classes")::add);
        ArrayNode matrix = root.putArray("labels");
        for (List<Integer> row : labels) {
            row.forEach(matrix.addArray()::add);
        }
        return root.toString();
    }

    private static void putNumber(ObjectNode node, String key, double value) {
        if (Double.isNaN(value)) {
            node.putNull(key);
        } else {
            node.put(key, value);
        }
    }

    /**
     * Reads what {@link #toJson} wrote.
     *
     * @param where the text is from, for messages
     * @throws UserError if it is something else
     */
    public static NoiseSummary parse(String json, String where) {
        JsonNode root;
        try {
            root = JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new UserError(where + ": not valid JSON: " + e.getOriginalMessage(), e);
        }
        if (!root.path("kind").isTextual() || !root.path("labels").isArray()) {
            throw new UserError(where + ": is not the summary of noise; expected an object with kind, rate and labels");
        }
        List<String> names = new ArrayList<>();
        root.path("classes").forEach(name -> names.add(name.asText()));
        List<List<Integer>> rows = new ArrayList<>();
        for (JsonNode row : root.path("labels")) {
            List<Integer> counts = new ArrayList<>();
            row.forEach(count -> counts.add(count.asInt()));
            rows.add(counts);
        }
        return new NoiseSummary(
                root.path("kind").asText(),
                root.path("rate").asDouble(Double.NaN),
                root.path("expected_error_rate").asDouble(Double.NaN),
                root.path("seed").asLong(),
                root.path("images").asInt(),
                root.path("chosen").asInt(),
                root.path("wrong_labels").asInt(),
                root.path("noisy_images").asInt(),
                names,
                rows);
    }
}
