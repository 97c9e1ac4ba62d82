package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What the engine says of CUDA, as lines of text: devices, versions, libraries, or why none can be used. */
final class CudaFacts {
    private CudaFacts() {}

    static List<String> lines(JsonNode cuda) {
        List<String> lines = new ArrayList<>();
        String reason = cuda.path("reason").asText();
        if (cuda.path("devices").isEmpty()) {
            lines.add("cuda: not available: " + reason);
            return lines;
        }
        for (JsonNode device : cuda.path("devices")) {
            lines.add(String.format(
                    Locale.ROOT,
                    "%s: %s, compute capability %s, %d multiprocessors, %.1f GiB",
                    device.path("device").asText(),
                    device.path("name").asText(),
                    device.path("compute_capability").asText(),
                    device.path("multiprocessors").asInt(),
                    device.path("memory_bytes").asLong() / (double) (1L << 30)));
        }
        lines.add("cuda: runtime " + cuda.path("runtime").asText() + ", driver for CUDA "
                + cuda.path("driver").asText() + ", "
                + cuda.path("library").asText());
        cuda.path("libraries")
                .properties()
                .forEach(library -> lines.add(library.getKey() + ": "
                        + (library.getValue().has("reason")
                                ? "not available: "
                                        + library.getValue().path("reason").asText()
                                : library.getValue().path("version").asText() + ", "
                                        + library.getValue().path("file").asText())));
        List<String> ways = new ArrayList<>();
        cuda.path("variants")
                .properties()
                .forEach(op -> ways.add(op.getKey() + " " + op.getValue().asText()));
        if (!ways.isEmpty()) {
            lines.add("cuda variants: " + String.join(", ", ways));
        }
        return lines;
    }
}
