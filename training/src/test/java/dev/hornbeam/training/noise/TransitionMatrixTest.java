package dev.hornbeam.training.noise;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Split;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class TransitionMatrixTest {
    @TempDir
    private Path folder;

    @Test
    void everyFormatIsRead() throws IOException {
        Path csv = Files.writeString(folder.resolve("m.csv"), "# right class in rows\n.9, .1\n\n0.25;0.75\n");
        Path blanks = Files.writeString(folder.resolve("m.txt"), "  .9 .1\n.25\t.75");
        Path json = Files.writeString(folder.resolve("m.json"), "[[0.9, 0.1], [0.25, 0.75]]");
        Path npy = folder.resolve("m.npy");
        Npy.write(npy, HostArray.of(new double[] {.9, .1, .25, .75}, 2, 2));
        for (Path file : List.of(csv, blanks, json, npy)) {
            TransitionMatrix matrix = TransitionMatrix.read(file);
            assertEquals(2, matrix.classes());
            assertEquals(.9, matrix.probability(0, 0), 1e-7, file.toString());
            assertEquals(.1, matrix.probability(0, 1), 1e-7);
            assertEquals(.25, matrix.probability(1, 0), 1e-7);
            assertEquals(1, matrix.probability(1, 0) + matrix.probability(1, 1), 1e-15);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "m.csv|.5,.5|: row 0 has 2 numbers, but there are 1 rows; expected a square matrix, a row and a column for each"
                        + " class",
                "m.csv|.5,.4;1,0|: row 0 has 4 numbers, but there are 1 rows; expected a square matrix, a row and a column for"
                        + " each class",
                "m.csv|.5 .4\\n0 1|: row 0: sums to 0.900000; expected 1",
                "m.csv|1.5 -.5\\n0 1|: row 0: entry 0 is 1.5; expected a probability, 0..1",
                "m.csv|NaN 1\\n0 1|: row 0: entry 0 is NaN; expected a probability, 0..1",
                "m.csv|1 0\\na 1|:2: 'a' is not a number",
                "m.csv|''|: has no rows; expected a row of probabilities for each class",
                "m.json|[[1, \"a\"], [0, 1]]|: row 0 has \"a\" in it; expected numbers",
                "m.json|{}|: has no rows; expected a row of probabilities for each class",
            })
    void damageIsNamed(String name, String content, String message) throws IOException {
        Path file = Files.writeString(folder.resolve(name), content.replace("\\n", "\n"));
        UserError error = assertThrows(UserError.class, () -> TransitionMatrix.read(file));
        assertEquals(file + message, error.getMessage());
    }

    @Test
    void missingFileIsNamed() {
        Path file = folder.resolve("none.csv");
        UserError error = assertThrows(UserError.class, () -> TransitionMatrix.read(file));
        assertEquals("cannot read " + file + ": no such file or folder", error.getMessage());
    }

    @Test
    void otherClassesAreRefused() {
        ImageSet set = set("x", List.of("a", "b", "c"));
        LabelNoise noise = new LabelNoise.Transition(TransitionMatrix.flips(new int[] {1, 0}, .5));
        UserError error = assertThrows(UserError.class, () -> noise.apply(set, 1));
        assertEquals("the transition matrix has 2 rows, but x has 3 classes", error.getMessage());
    }

    private static ImageSet set(String name, List<String> classes) {
        int[] labels = IntStream.range(0, classes.size()).toArray();
        return ImageSet.of(name, Split.TRAIN, 1, 1, 1, new byte[labels.length], labels, classes, List.of());
    }

    @Test
    void cifar10MistakesAreThePublishedOnes() {
        ImageSet set = set(
                "cifar10",
                List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"));
        int[] partners = AsymmetricPairs.of(set);
        assertArrayEquals(new int[] {0, 1, 0, 5, 7, 3, 6, 7, 8, 1}, partners);
        TransitionMatrix matrix = TransitionMatrix.flips(partners, .4);
        assertEquals(1, matrix.probability(0, 0));
        assertEquals(.6, matrix.probability(9, 9), 1e-15);
        assertEquals(.4, matrix.probability(9, 1), 1e-15);
        // Half of the classes are mistaken.
        assertEquals(.2, new LabelNoise.Transition(matrix).expectedError(set), 1e-12);
    }

    @Test
    void mnistMistakesAreThePublishedOnes() {
        List<String> digits = IntStream.range(0, 10).mapToObj(Integer::toString).toList();
        assertArrayEquals(new int[] {0, 1, 7, 8, 4, 6, 5, 1, 8, 9}, AsymmetricPairs.of(set("mnist", digits)));
        UserError error = assertThrows(UserError.class, () -> AsymmetricPairs.of(set("other", digits)));
        assertTrue(error.getMessage().contains("kind: transition"), error.getMessage());
    }

    @Test
    void cifar100MistakesStayInTheSuperclass() {
        List<String> names =
                List.of(("apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus"
                                + " butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab"
                                + " crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard"
                                + " lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom"
                                + " oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine"
                                + " possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake"
                                + " spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor"
                                + " train trout tulip turtle wardrobe whale willow_tree wolf woman worm")
                        .split(" "));
        int[] partners = AsymmetricPairs.of(set("cifar100", names));
        assertEquals("mushroom", names.get(partners[names.indexOf("apple")]));
        assertEquals("apple", names.get(partners[names.indexOf("sweet_pepper")]));
        assertEquals("bus", names.get(partners[names.indexOf("bicycle")]));
        for (int k = 0; k < 100; k++) {
            int at = k;
            for (int step = 0; step < 5; step++) {
                assertTrue(step == 0 || at != k, names.get(k));
                at = partners[at];
            }
            assertEquals(k, at, "five steps lead back to " + names.get(k));
        }
    }
}
