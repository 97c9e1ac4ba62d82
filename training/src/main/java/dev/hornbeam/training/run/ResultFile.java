package dev.hornbeam.training.run;

import dev.hornbeam.io.AtomicFile;
import dev.hornbeam.training.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Results as a file of text. */
public final class ResultFile {
    private ResultFile() {}

    /**
     * Writes the file and ends its last line, in place of one that may be there; a failure leaves that one as it is.
     *
     * @throws UserError if it cannot be written
     */
    public static void write(Path file, String content) {
        ByteBuffer text = StandardCharsets.UTF_8.encode(content + "\n");
        try {
            AtomicFile.write(file, channel -> {
                while (text.hasRemaining()) {
                    channel.write(text);
                }
            });
        } catch (IOException e) {
            throw new UserError("cannot write " + file + ": " + e.getMessage(), e);
        }
    }
}
