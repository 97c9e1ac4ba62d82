package dev.hornbeam.training.cli.comparison;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A contestant that measures nothing: whenever it is run it prints the next of some times, and leaves its name. */
final class FakeProgram {
    static final String ORDER = "order";

    private FakeProgram() {}

    static Contestant of(Path folder, String name, int batch, String millis) throws IOException {
        Path rest = Files.writeString(folder.resolve(name), millis.replace(' ', '\n') + "\n");
        String script = "head -n 1 '" + rest + "' | { read t; echo \"{\\\"peer\\\": \\\"fake 1.0\\\", \\\"batch\\\": "
                + batch
                + ", \\\"step_ms\\\": {\\\"median\\\": $t}}\"; }; sed -i 1d '" + rest + "'; echo " + name + " >>'"
                + folder.resolve(ORDER) + "'";
        return shell(name, script);
    }

    static Contestant shell(String name, String script) {
        return new Contestant(name, List.of("sh", "-c", script), Map.of());
    }
}
