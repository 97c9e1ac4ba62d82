package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.run.SyntheticImages;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class NoiseCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    private Path data;

    @BeforeEach
    void makeData() throws IOException {
        data = SyntheticImages.write(folder.resolve("squares.npz"), 100, 40);
    }

    private int hornbeam(String... args) {
        return Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }

    @Test
    void tableAndFilesAgree() throws IOException {
        Path files = folder.resolve("noise");
        int code = hornbeam(
                "noise",
                "--dataset",
                data.toString(),
                "--kind",
                "pairflip",
                "--rate",
                "0.4",
                "--seed",
                "7",
                "--set",
                "noise.choice=exact-count",
                "--out",
                files.toString());
        assertEquals(0, code, err::toString);
        List<String> lines = out.toString().lines().toList();
        assertEquals(
                "noise pairflip at rate 0.4000, seed 7: 40 of 100 labels wrong (40.00 %, expected 40.00 %)",
                lines.getFirst());
        long[] pairs = Npy.read(files.resolve("noisy_idx_labels.npy")).toLongs();
        int[] ofClass = new int[4];
        for (int k = 0; k < pairs.length; k += 2) {
            assertEquals((pairs[k] % 4 + 1) % 4, pairs[k + 1], "image " + pairs[k]);
            ofClass[(int) (pairs[k] % 4)]++;
        }
        // Four classes of 25 in the rows of the table, after a blank line and the head.
        for (int c = 0; c < 4; c++) {
            int[] row = new int[4];
            row[c] = 25 - ofClass[c];
            row[(c + 1) % 4] = ofClass[c];
            String expected = c + " " + row[0] + " " + row[1] + " " + row[2] + " " + row[3];
            assertEquals(expected, lines.get(3 + c).replaceAll(" +", " "));
        }

        // What was written is a kind of noise.
        out.getBuffer().setLength(0);
        assertEquals(
                0,
                hornbeam(
                        "noise",
                        "--dataset",
                        data.toString(),
                        "--kind",
                        "file",
                        "--set",
                        "noise.path=" + files,
                        "--json"),
                err::toString);
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertEquals(40, json.get("noise").get("wrong_labels").asInt());
        assertEquals("pairflip", json.get("noise").get("kind").asText());
        assertEquals(64, json.get("checksum").asText().length());
        assertEquals("", err.toString());
    }

    @Test
    void mixtureIsWrittenAsLists() throws IOException {
        Path lists = folder.resolve("lists");
        assertEquals(
                0,
                hornbeam(
                        "noise",
                        "--dataset",
                        data.toString(),
                        "--set",
                        "data.photon_limited={corruption: contrast, n: 20, severities: 3}",
                        "--out",
                        lists.toString()),
                err::toString);
        assertEquals(
                "photon-limited contrast, severities 0-3: 28/28/12/4 images to train with, 28 left for validation",
                out.toString().lines().findFirst().orElseThrow());
        assertEquals(12, Files.readAllLines(lists.resolve("distribution_2.txt")).size());
        assertEquals(28, Files.readAllLines(lists.resolve("val.txt")).size());
    }

    @Test
    void mistakesAreNamed() {
        assertEquals(2, hornbeam("noise", "--kind", "pairflip"));
        assertTrue(err.toString().contains("name a data set with --dataset, or a recipe with --recipe"), err::toString);
        assertEquals(2, hornbeam("noise", "--dataset", data.toString()));
        assertTrue(err.toString().contains("say which noise with --kind"), err::toString);
        assertEquals(1, hornbeam("noise", "--dataset", data.toString(), "--kind", "pairflip"));
        assertTrue(err.toString().contains("noise.rate is missing; expected a number from 0 to 1"), err::toString);
        assertEquals(1, hornbeam("noise", "--dataset", data.toString(), "--kind", "pairflip", "--rate", "1.5"));
        assertTrue(err.toString().contains("noise.rate is '1.5'"), err::toString);
        assertEquals(
                1,
                hornbeam(
                        "noise",
                        "--dataset",
                        data.toString(),
                        "--kind",
                        "pairflip",
                        "--rate",
                        "1",
                        "--out",
                        data.toString()));
        assertTrue(err.toString().contains("--out " + data + " is a file; name a folder"), err::toString);
        assertFalse(Files.exists(folder.resolve("noise")));
    }
}
