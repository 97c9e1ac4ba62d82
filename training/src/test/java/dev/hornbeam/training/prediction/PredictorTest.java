package dev.hornbeam.training.prediction;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.image.GoldenImages;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.run.TinyRun;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PredictorTest {
    @TempDir
    private static Path folder;

    private static TinyRun tiny;
    private long tensorsBefore;

    @BeforeAll
    static void train() {
        tiny = TinyRun.train(folder);
    }

    @BeforeEach
    void count() {
        tensorsBefore = Engine.memory().liveTensors();
    }

    @AfterEach
    void nothingIsLeft() {
        Engine.setThreads(0);
        assertEquals(tensorsBefore, Engine.memory().liveTensors());
    }

    @Test
    void fiveLinesOfJava() throws IOException {
        Path checkpoint = tiny.checkpoint();
        Path image = tiny.export(folder.resolve("one"), 1).resolve("0000.png");
        PrintStream before = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            // docs/predicting.md shows these lines as they are.
            try (var predictor = Predictor.open(checkpoint)) {
                for (Prediction prediction : predictor.predict(image)) {
                    System.out.printf("%s %.3f%n", prediction.className(), prediction.probability());
                }
            }
            // End of the lines.
        } finally {
            System.setOut(before);
        }
        List<String> lines = printed.toString(StandardCharsets.UTF_8).lines().toList();
        assertEquals(4, lines.size());
        assertTrue(lines.getFirst().matches("[0-3] (0\\.\\d{3}|1\\.000)"), lines.getFirst());
    }

    @Test
    void theDocumentationShowsTheFiveLines() throws IOException {
        Path source = Path.of("src/test/java/dev/hornbeam/training/prediction/PredictorTest.java");
        List<String> code = Files.readAllLines(source);
        int begin = indexOf(code, "docs/predicting.md shows these lines");
        String block = String.join("\n", code.subList(begin + 1, indexOf(code, "// End of the lines.")))
                .stripIndent();
        String page = Files.readString(Path.of("..", "docs/predicting.md"));
        assertTrue(page.contains("```java\n" + block + "\n```"), "docs/predicting.md lacks this block:\n" + block);
    }

    private static int indexOf(List<String> lines, String text) {
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).contains(text)) {
                return i;
            }
        }
        throw new AssertionError("no line has " + text);
    }

    @Test
    void probabilitiesAreTheSoftmaxInDescendingOrder() throws IOException {
        int right = 0;
        try (Predictor predictor = Predictor.open(tiny.checkpoint())) {
            for (int i = 0; i < tiny.test().size(); i++) {
                List<Prediction> all = predictor.predict(tiny.image(i));
                assertEquals(4, all.size());
                assertEquals(
                        1, all.stream().mapToDouble(Prediction::probability).sum(), 1e-9);
                for (int rank = 1; rank < all.size(); rank++) {
                    assertTrue(all.get(rank - 1).probability() >= all.get(rank).probability());
                }
                assertEquals(
                        predictor.classNames().get(all.getFirst().index()),
                        all.getFirst().className());
                right += all.getFirst().index() == tiny.test().label(i) ? 1 : 0;
            }
        }
        // It has learned something, so the right one is first far more often than by chance.
        assertTrue(right > 25, right + " of 40");
    }

    @Test
    void theNumbersAreTheNetworks() {
        Preprocessing preprocessing = Preprocessing.of(8, 8, 3);
        Normalization scaling = new Normalization(List.of(.4, .5, .6), List.of(.2, .25, .3));
        PixelImage image = preprocessing.apply(new PixelImage(2, 2, 1, new byte[] {0, 50, 100, (byte) 200}));
        float[] input = new float[8 * 8 * 3];
        for (int i = 0; i < input.length; i++) {
            input[i] = (float)
                    (((image.pixels()[i] & 0xff) / 255.0 - scaling.mean().get(i % 3))
                            / scaling.std().get(i % 3));
        }
        Module network = ModelCatalog.create("resnet20", ModelSpec.of(3, 5).withWidth(4), 3);
        try (Predictor predictor = Predictor.of(network, Device.cpu(), preprocessing, scaling, List.of("a", "b"))) {
            List<Prediction> found = predictor.predict(List.of(image, image), 3).getLast();
            assertEquals(3, found.size());
            try (var _ = Autograd.noGrad();
                    TensorScope _ = TensorScope.open()) {
                float[] logits = network.forward(Tensor.of(input, 1, 8, 8, 3)).toFloats();
                double sum = 0;
                for (float logit : logits) {
                    sum += Math.exp(logit);
                }
                for (Prediction one : found) {
                    assertEquals(Math.exp(logits[one.index()]) / sum, one.probability(), 1e-6);
                    List<String> names = List.of("a", "b", "2", "3", "4");
                    assertEquals(names.get(one.index()), one.className());
                }
            }
        }
    }

    @Test
    void manyThreadsMayAsk() throws InterruptedException {
        try (Predictor predictor = Predictor.open(tiny.checkpoint())) {
            List<List<Prediction>> expected = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                expected.add(predictor.predict(tiny.image(i)));
            }
            AtomicReference<Throwable> failure = new AtomicReference<>();
            List<Thread> threads = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                int first = t;
                threads.add(Thread.ofPlatform()
                        .uncaughtExceptionHandler((_, e) -> failure.set(e))
                        .start(() -> {
                            for (int i = 0; i < 8; i++) {
                                int at = (first * 2 + i) % 8;
                                assertEquals(expected.get(at), predictor.predict(tiny.image(at)));
                            }
                        }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(null, failure.get());
        }
    }

    @Test
    void colourImagesAreReadGreyWhereTheNetworkIs() {
        try (Predictor predictor = Predictor.open(tiny.checkpoint())) {
            PixelImage prepared = predictor.prepare(GoldenImages.folder().resolve("baseline.jpg"));
            assertEquals("12x12x1", prepared.toString());
            assertEquals(
                    4,
                    predictor
                            .predict(GoldenImages.folder().resolve("baseline.jpg"))
                            .size());
        }
    }

    @Test
    void whatCannotWorkIsRefused() throws IOException {
        Path none = folder.resolve("none.safetensors");
        assertThrows(UserError.class, () -> Predictor.open(none));
        Module network = ModelCatalog.create("resnet20", ModelSpec.of(3, 5).withWidth(4), 3);
        assertThrows(
                UserError.class,
                () -> Predictor.of(network, Device.cpu(), Preprocessing.of(8, 8, 3), Normalization.none(1), List.of()));
        assertThrows(
                UserError.class,
                () -> Predictor.of(network, Device.cpu(), Preprocessing.of(8, 8, 4), Normalization.none(4), List.of()));
        try (Predictor predictor =
                Predictor.of(network, Device.cpu(), Preprocessing.of(8, 8, 3), Normalization.none(3), List.of())) {
            PixelImage other = new PixelImage(9, 8, 3, new byte[9 * 8 * 3]);
            assertThrows(IllegalArgumentException.class, () -> predictor.predict(List.of(other), 1));
            assertThrows(IllegalArgumentException.class, () -> predictor.predict(List.of(), 1));
            Path text = Files.writeString(folder.resolve("text.png"), "no image");
            UserError e = assertThrows(UserError.class, () -> predictor.predict(text));
            assertTrue(e.getMessage().contains(text.toString()), e.getMessage());
        }
    }
}
