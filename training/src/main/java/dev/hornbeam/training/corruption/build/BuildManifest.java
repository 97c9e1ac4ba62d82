package dev.hornbeam.training.corruption.build;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.io.AtomicFile;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.SourceFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The file manifest.json of a set of corrupted images: how it was made, and the checksum of every file in it.
 *
 * <p>There may be millions of files: the manifest is written and read as a stream. The same job gives the same manifest
 * but for {@code command}.
 */
final class BuildManifest {
    static final String FILE = "manifest.json";
    static final String SEVERITIES = "severities";

    private static final String FORMAT = "hornbeam corrupted set 1";
    private static final JsonMapper JSON = new JsonMapper();

    private BuildManifest() {}

    /** A file of the set: its path with slashes, size and checksum. */
    record FileEntry(String path, long bytes, String sha256) {
        static FileEntry of(Path folder, String path) throws IOException {
            Path file = folder.resolve(path);
            return new FileEntry(path, Files.size(file), Checksum.of(file));
        }
    }

    /** How many files there are, and which images are missing. */
    record Counts(long files, List<String> skipped) {}

    /** Receives the files one after the other. */
    @FunctionalInterface
    interface FileReceiver {
        void accept(FileEntry entry) throws IOException;
    }

    /**
     * Writes the manifest.
     *
     * @param chunks number of the journal's entries, from which image files, sources and skipped images are taken
     * @param arrays files that are not in the journal as a whole
     */
    static void write(
            CorruptionJob job,
            ObjectNode identity,
            List<String> command,
            CleanImages images,
            int chunks,
            List<FileEntry> arrays)
            throws IOException {
        AtomicFile.write(job.output().resolve(FILE), channel -> {
            // Closed by the caller, with the channel.
            OutputStream out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            JsonGenerator json = JSON.getFactory().createGenerator(out, JsonEncoding.UTF8);
            DefaultPrettyPrinter lines = new DefaultPrettyPrinter();
            lines.indentArraysWith(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE.withLinefeed("\n"));
            json.setPrettyPrinter(lines);
            json.writeStartObject();
            json.writeStringField("format", FORMAT);
            json.writeFieldName("job");
            JSON.writeTree(json, identity);
            json.writeArrayFieldStart("command");
            for (String word : command) {
                json.writeString(word);
            }
            json.writeEndArray();
            json.writeStringField("source", images.description());
            writeSources(json, job, images, chunks);
            json.writeArrayFieldStart("files");
            for (FileEntry entry : arrays) {
                writeFile(json, entry);
            }
            for (int i = 0; i < chunks && arrays.isEmpty(); i++) {
                for (ChunkRecord.Output output : entry(job, i).outputs()) {
                    writeFile(json, new FileEntry(output.path(), output.bytes(), output.sha256()));
                }
            }
            json.writeEndArray();
            json.writeArrayFieldStart("skipped");
            for (int i = 0; i < chunks; i++) {
                for (ChunkRecord.Skipped skipped : entry(job, i).skipped()) {
                    json.writeStartObject();
                    json.writeStringField("path", skipped.path());
                    json.writeStringField("reason", skipped.reason());
                    json.writeEndObject();
                }
            }
            json.writeEndArray();
            json.writeEndObject();
            json.writeRaw('\n');
            json.flush();
        });
    }

    private static void writeSources(JsonGenerator json, CorruptionJob job, CleanImages images, int chunks)
            throws IOException {
        json.writeArrayFieldStart("sources");
        if (images instanceof CleanImages.OfDataSet data) {
            for (SourceFile source : data.sources()) {
                writeSource(json, source.path().getFileName().toString(), source.sha256());
            }
        } else {
            for (int i = 0; i < chunks; i++) {
                for (ChunkRecord.Source source : entry(job, i).sources()) {
                    writeSource(json, source.path(), source.sha256());
                }
            }
        }
        json.writeEndArray();
    }

    private static void writeSource(JsonGenerator json, String path, String sha256) throws IOException {
        json.writeStartObject();
        json.writeStringField("path", path);
        json.writeStringField("sha256", sha256);
        json.writeEndObject();
    }

    private static void writeFile(JsonGenerator json, FileEntry entry) throws IOException {
        json.writeStartObject();
        json.writeStringField("path", entry.path);
        json.writeNumberField("bytes", entry.bytes);
        json.writeStringField("sha256", entry.sha256);
        json.writeEndObject();
    }

    private static ChunkRecord entry(CorruptionJob job, int chunk) {
        return ChunkRecord.read(job, chunk)
                .orElseThrow(() -> new UserError(ChunkRecord.file(job, chunk)
                        + " is missing or damaged: the journal of the build was changed from outside; run the same"
                        + " command again"));
    }

    // ----------------------------------------------------------------------------------------------------------
    // reading

    /** Looks at the value of one field; the parser stands at its first token. */
    @FunctionalInterface
    private interface Field {
        /** Returns whether to go on with the next field. */
        boolean read(String name, JsonParser parser) throws IOException;
    }

    private static void read(Path folder, Field field) {
        Path file = folder.resolve(FILE);
        try (JsonParser parser = JSON.getFactory().createParser(file.toFile())) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new UserError(file + " is damaged: expected a JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (!field.read(name, parser)) {
                    return;
                }
            }
            if (parser.currentToken() != JsonToken.END_OBJECT) {
                throw new UserError(file + " is damaged: it is cut short");
            }
        } catch (JsonProcessingException e) {
            throw new UserError(file + " is damaged: " + e.getOriginalMessage(), e);
        } catch (InvalidPathException e) {
            throw new UserError(file + " is damaged: it lists a file that cannot be: " + e.getInput(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }

    /** Returns what decided about the bytes of the set in {@code folder}; empty where a manifest does not say. */
    static Optional<ObjectNode> job(Path folder) {
        List<ObjectNode> found = new ArrayList<>();
        read(folder, (name, parser) -> {
            if (name.equals("job") && parser.currentToken() == JsonToken.START_OBJECT) {
                found.add(JSON.readTree(parser));
                return false;
            }
            parser.skipChildren();
            return true;
        });
        return found.stream().findFirst();
    }

    /**
     * Returns the severities that the manifest in {@code folder} names, in ascending order; empty where there is no
     * manifest or it names none.
     *
     * @throws UserError if it cannot be read
     */
    static Optional<List<Integer>> severities(Path folder) {
        if (!Files.isRegularFile(folder.resolve(FILE))) {
            return Optional.empty();
        }
        List<Integer> severities = new ArrayList<>();
        job(folder).ifPresent(job -> job.path(SEVERITIES).forEach(number -> severities.add(number.asInt())));
        return severities.isEmpty() ? Optional.empty() : Optional.of(List.copyOf(severities));
    }

    /** Hands over the entry of every file. */
    static void forEachFile(Path folder, FileReceiver receiver) {
        read(folder, (name, parser) -> {
            if (!name.equals("files") || parser.currentToken() != JsonToken.START_ARRAY) {
                parser.skipChildren();
                return true;
            }
            while (parser.nextToken() == JsonToken.START_OBJECT) {
                JsonNode entry = JSON.readTree(parser);
                receiver.accept(new FileEntry(
                        entry.path("path").asText(),
                        entry.path("bytes").asLong(),
                        entry.path("sha256").asText()));
            }
            return true;
        });
    }

    /** Counts the files, and lists the images that are missing. */
    static Counts counts(Path folder) {
        long[] files = {0};
        List<String> skipped = new ArrayList<>();
        forEachFile(folder, entry -> files[0]++);
        read(folder, (name, parser) -> {
            if (name.equals("skipped")) {
                JsonNode all = JSON.readTree(parser);
                all.forEach(one -> skipped.add(
                        one.path("path").asText() + ": " + one.path("reason").asText()));
            } else {
                parser.skipChildren();
            }
            return true;
        });
        return new Counts(files[0], skipped);
    }

    /** Reads a file with one JSON object. */
    static ObjectNode object(Path file) {
        try {
            if (JSON.readTree(Files.readAllBytes(file)) instanceof ObjectNode object) {
                return object;
            }
            throw new UserError(file + " is damaged: expected a JSON object");
        } catch (JsonProcessingException e) {
            throw new UserError(file + " is damaged: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }
}
