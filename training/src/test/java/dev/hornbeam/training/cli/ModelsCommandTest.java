package dev.hornbeam.training.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.models.ModelCatalog;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ModelsCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void listHasEveryNetworkOnce() {
        assertEquals(0, hornbeam("models", "list", "--batch", "2"), err::toString);
        List<String> names = out.toString()
                .lines()
                .skip(2)
                .map(line -> line.substring(0, line.indexOf(' ')))
                .toList();
        assertEquals(ModelCatalog.names(), names);
        assertTrue(
                out.toString().lines().anyMatch(line -> line.matches("resnet18 .* 32x32x3 .* 11,173,962 +555\\.4 .*")));
    }

    @Test
    void showAddsUp() throws IOException {
        assertEquals(
                0,
                hornbeam(
                        "models",
                        "show",
                        "smallcnn28_gn",
                        "--size",
                        "16",
                        "--channels",
                        "2",
                        "--classes",
                        "7",
                        "--batch",
                        "4",
                        "--json"),
                err::toString);
        JsonNode json = new JsonMapper().readTree(out.toString());
        assertEquals("[16,16,2]", json.get("image").toString());
        assertEquals(4, json.get("batch").asInt());
        long parameters = 0;
        long multiplyAdds = 0;
        for (JsonNode layer : json.get("layers")) {
            parameters += layer.get("parameters").asLong();
            multiplyAdds += layer.get("multiply_adds_per_image").asLong();
        }
        assertEquals(json.get("parameters").asLong(), parameters);
        assertEquals(json.get("multiply_adds_per_image").asLong(), multiplyAdds);
        JsonNode first = json.at("/layers/0");
        assertEquals("conv1", first.get("module").asText());
        assertEquals("[4,16,16,32]", first.get("shape").toString());
        assertEquals(2 * 9 * 32, first.get("parameters").asInt());
        assertEquals(16 * 16 * 2 * 9 * 32, first.get("multiply_adds_per_image").asInt());
        JsonNode last = json.get("layers").get(json.get("layers").size() - 1);
        assertEquals("linear", last.get("op").asText());
        assertEquals("[4,7]", last.get("shape").toString());
    }

    @Test
    void checkpointingKeepsLess() throws IOException {
        long whole = activations("models", "show", "resnet20", "--batch", "4", "--json");
        long less = activations("models", "show", "resnet20", "--batch", "4", "--json", "--activation-checkpointing");
        assertTrue(less < whole / 2, less + " of " + whole);
    }

    private long activations(String... line) throws IOException {
        out.getBuffer().setLength(0);
        assertEquals(0, hornbeam(line), err::toString);
        return new JsonMapper().readTree(out.toString()).get("activation_bytes").asLong();
    }

    @Test
    void textHasTheTotals() {
        assertEquals(0, hornbeam("models", "show", "resnet20", "--batch", "8"), err::toString);
        assertTrue(out.toString().contains("layer2.0        slice"), out.toString());
        assertTrue(out.toString().contains("0.041 GMACs an image (0.081 GFLOPs)"), out.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"models show resnet21", "models show resnet18 --size 0", "models show vgg16_bn --size 8"})
    void badInputIsOneLine(String line) {
        assertEquals(1, hornbeam(line.split(" ")));
        assertTrue(err.toString().startsWith("hornbeam: error: "), err.toString());
        assertEquals(1, err.toString().lines().count(), err.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"models", "models list --batch 0", "models show"})
    void wrongCommandLinesExitWithTwo(String line) {
        assertEquals(2, hornbeam(line.split(" ")));
    }

    private int hornbeam(String... args) {
        return Hornbeam.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    }
}
