package dev.hornbeam.training.corruption.build;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.io.AtomicFile;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The journal's entry for a finished chunk: what was written, with checksums.
 *
 * @param outputs files, or parts of arrays
 * @param sources image files that were read
 * @param skipped images that could not be read or corrupted
 */
record ChunkRecord(List<Output> outputs, List<Source> sources, List<Skipped> skipped) {
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * A file, or a part of an array.
     *
     * @param path in the set, with slashes
     * @param offset of the part in the file; 0 for a whole file
     */
    record Output(String path, long offset, long bytes, String sha256) {}

    /** A clean image: its path in the folder of clean images. */
    record Source(String path, String sha256) {}

    /** An image that is missing in the set, and why. */
    record Skipped(String path, String reason) {}

    static Path file(CorruptionJob job, int chunk) {
        return job.workFolder().resolve(String.format("chunk-%08d.json", chunk));
    }

    /** Writes the entry; from then on the chunk counts as finished. */
    void write(CorruptionJob job, int chunk) throws IOException {
        ObjectNode json = JSON.createObjectNode();
        ArrayNode outputNodes = json.putArray("outputs");
        for (Output output : outputs) {
            outputNodes
                    .addObject()
                    .put("path", output.path)
                    .put("offset", output.offset)
                    .put("bytes", output.bytes)
                    .put("sha256", output.sha256);
        }
        ArrayNode sourceNodes = json.putArray("sources");
        sources.forEach(
                source -> sourceNodes.addObject().put("path", source.path).put("sha256", source.sha256));
        ArrayNode skippedNodes = json.putArray("skipped");
        skipped.forEach(
                image -> skippedNodes.addObject().put("path", image.path).put("reason", image.reason));
        ByteBuffer bytes = ByteBuffer.wrap(json.toString().getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(file(job, chunk), channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** Reads the entry of a chunk; empty where there is none or it is damaged. */
    static Optional<ChunkRecord> read(CorruptionJob job, int chunk) {
        Path file = file(job, chunk);
        try {
            JsonNode json = JSON.readTree(Files.readAllBytes(file));
            List<Output> outputs = new ArrayList<>();
            for (JsonNode node : json.path("outputs")) {
                outputs.add(new Output(
                        node.path("path").asText(),
                        node.path("offset").asLong(),
                        node.path("bytes").asLong(),
                        node.path("sha256").asText()));
            }
            List<Source> sources = new ArrayList<>();
            json.path("sources")
                    .forEach(node -> sources.add(new Source(
                            node.path("path").asText(), node.path("sha256").asText())));
            List<Skipped> skipped = new ArrayList<>();
            json.path("skipped")
                    .forEach(node -> skipped.add(new Skipped(
                            node.path("path").asText(), node.path("reason").asText())));
            return Optional.of(new ChunkRecord(outputs, sources, skipped));
        } catch (JsonProcessingException e) {
            return Optional.empty();
        } catch (IOException e) {
            if (!Files.exists(file)) {
                return Optional.empty();
            }
            throw UserError.cannotRead(file, e);
        }
    }

    /** Whether everything that was written is still there, unchanged. */
    boolean isIntact(CorruptionJob job) {
        for (Output output : outputs) {
            if (output.offset < 0 || output.bytes < 0) {
                return false;
            }
            try {
                Path file = placeOf(job, output.path);
                boolean whole = job.layout() == CorruptedSetFolder.Layout.IMAGENET_C;
                if ((whole && Files.size(file) != output.bytes)
                        || !Checksum.of(file, output.offset, output.bytes).equals(output.sha256)) {
                    return false;
                }
            } catch (IOException | InvalidPathException e) {
                return false;
            }
        }
        return true;
    }

    // Arrays are kept aside until they are complete.
    private static Path placeOf(CorruptionJob job, String path) {
        Path aside = ArrayParts.aside(job, path);
        return Files.exists(aside) ? aside : job.output().resolve(path);
    }
}
