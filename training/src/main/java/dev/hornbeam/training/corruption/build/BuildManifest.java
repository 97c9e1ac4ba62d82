package dev.hornbeam.training.corruption.build;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The file manifest.json of a set of corrupted images: how it was made, and the checksum of every file in it. */
final class BuildManifest {
    static final String FILE = "manifest.json";
    static final String SEVERITIES = "severities";

    private BuildManifest() {}

    /**
     * Returns the severities that the manifest in {@code folder} names, in ascending order; empty where there is no
     * manifest or it names none.
     *
     * @throws UserError if it cannot be read
     */
    static Optional<List<Integer>> severities(Path folder) {
        Path file = folder.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        // Severities come before the files, of which there may be millions.
        try (JsonParser parser = new JsonFactory().createParser(file.toFile())) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                return Optional.empty();
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                boolean wanted = parser.currentName().equals(SEVERITIES);
                if (parser.nextToken() == JsonToken.START_ARRAY && wanted) {
                    List<Integer> severities = new ArrayList<>();
                    while (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
                        severities.add(parser.getIntValue());
                    }
                    return severities.isEmpty() ? Optional.empty() : Optional.of(List.copyOf(severities));
                }
                parser.skipChildren();
            }
            return Optional.empty();
        } catch (JsonProcessingException e) {
            throw new UserError(file + " is damaged: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }
}
