package dev.hornbeam.models;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ReadmeTest {

    // The example is built and run against the installed artifacts (see pom.xml): what the README shows is what was
    // run.
    @Test
    void showsTheLibraryExampleAsItIs() throws IOException {
        String example = Files.readString(Path.of("..", "docs/library-example/src/main/java/example/Main.java"));
        int start = example.indexOf("        try (var network");
        String body = example.substring(start, example.lastIndexOf("    }\n}"))
                        .stripTrailing()
                        .stripIndent() + "\n";
        String readme = Files.readString(Path.of("..", "README.md"));
        assertTrue(readme.contains("```java\n" + body + "```"), "README.md lacks this block:\n" + body);
    }
}
