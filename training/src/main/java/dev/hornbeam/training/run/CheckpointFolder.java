package dev.hornbeam.training.run;

import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The checkpoints of one run: {@code step-00000469.safetensors} and so on.
 *
 * @param path the folder
 */
public record CheckpointFolder(Path path) {
    private static final Pattern NAME = Pattern.compile("step-(\\d+)\\.safetensors");

    /** The file for a checkpoint after that many steps. */
    public Path file(long step) {
        return path.resolve(String.format(Locale.ROOT, "step-%08d.safetensors", step));
    }

    /** The latest checkpoint, if there is one. */
    public Optional<Path> latest() {
        List<Path> all = all();
        return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast());
    }

    /**
     * Deletes all but the latest.
     *
     * @param count how many stay; 0 keeps all
     */
    public void keep(int count) {
        List<Path> all = all();
        for (int i = 0; count > 0 && i < all.size() - count; i++) {
            try {
                Files.deleteIfExists(all.get(i));
            } catch (IOException e) {
                throw UserError.cannotWrite(all.get(i), e);
            }
        }
    }

    // By step, the latest last.
    private List<Path> all() {
        if (!Files.isDirectory(path)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.filter(file -> step(file) >= 0)
                    .sorted(Comparator.comparingLong(CheckpointFolder::step))
                    .toList();
        } catch (IOException e) {
            throw UserError.cannotRead(path, e);
        }
    }

    private static long step(Path file) {
        Matcher matcher = NAME.matcher(file.getFileName().toString());
        return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
    }
}
