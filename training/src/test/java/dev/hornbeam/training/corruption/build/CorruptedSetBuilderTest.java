package dev.hornbeam.training.corruption.build;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.ConstantSet;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.PixelImage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sets are the same however they are built: number of threads, interruptions, kills, damage. */
final class CorruptedSetBuilderTest {
    private static final ImageDecoder DECODER = new ImageDecoder(Background.WHITE);

    @TempDir
    private Path folder;

    private Path path(String name) {
        return folder.resolve(name);
    }

    @Test
    void arraysHoldEveryCorruptionAndSeverity() throws IOException {
        CorruptionJob job = SmallJobs.arrays(folder, path("set"));
        assertEquals(6L * SmallJobs.COUNT, SmallJobs.build(job, 2));
        CorruptedSetFolder set = CorruptedSetFolder.open(path("set"));
        assertEquals(Layout.CIFAR_C, set.layout());
        assertEquals(List.of("gaussian_noise", "brightness", "contrast"), set.corruptions());
        assertEquals(List.of(1, 4), set.severities());
        ImageSet clean = SmallJobs.images();
        for (Corruption corruption : job.corruptions()) {
            for (int severity : job.severities()) {
                ImageSet expected = CorruptedImages.of(clean, corruption, severity, SmallJobs.SEED, 1);
                ImageSet read = set.read(corruption.name(), severity);
                assertArrayEquals(expected.labels(), read.labels());
                for (int i = 0; i < SmallJobs.COUNT; i++) {
                    assertArrayEquals(expected.image(i), read.image(i), corruption.name() + severity + " " + i);
                }
            }
        }
        assertEquals(
                List.of("brightness.npy", "contrast.npy", "gaussian_noise.npy", "labels.npy", "manifest.json"),
                List.copyOf(SmallJobs.contents(path("set")).keySet()));
    }

    @Test
    void mnistLayoutHasOneFolderPerCorruption() throws IOException {
        SmallJobs.build(SmallJobs.arrays(folder, path("one"), Layout.MNIST_C, List.of(4)), 1);
        assertTrue(Files.exists(path("one/contrast/test_images.npy")));
        SmallJobs.build(SmallJobs.arrays(folder, path("two"), Layout.MNIST_C, List.of(1, 4)), 1);
        assertTrue(Files.exists(path("two/4/contrast/test_labels.npy")));
        CorruptedSetFolder set = CorruptedSetFolder.open(path("two"));
        assertEquals(List.of(1, 4), set.severities());
        ImageSet read = set.read("contrast", 4);
        assertArrayEquals(
                CorruptedSetFolder.open(path("one")).read("contrast", 1).image(69), read.image(69));
        assertArrayEquals(SmallJobs.images().labels(), read.labels());
    }

    @Test
    void numberOfThreadsChangesNothing() throws IOException {
        SmallJobs.build(SmallJobs.arrays(folder, path("a")), 1);
        SmallJobs.build(SmallJobs.arrays(folder, path("b")), 4);
        assertEquals(SmallJobs.contents(path("a")), SmallJobs.contents(path("b")));
        ImageEncoding jpeg = ImageEncoding.jpeg(85);
        SmallJobs.build(SmallJobs.files(folder, path("c"), jpeg), 1);
        SmallJobs.build(SmallJobs.files(folder, path("d"), jpeg), 4);
        assertEquals(SmallJobs.contents(path("c")), SmallJobs.contents(path("d")));
    }

    @Test
    void stoppedBuildGoesOn() throws IOException {
        SmallJobs.build(SmallJobs.arrays(folder, path("whole")), 2);
        CorruptionJob job = SmallJobs.arrays(folder, path("set"));
        SmallJobs.begin(job, 1, 200);
        assertFalse(Files.exists(path("set/manifest.json")));
        assertFalse(Files.exists(path("set/gaussian_noise.npy")));
        // 128 + 12 images of the first corruption are two whole chunks; of the third one 60 images were made in vain.
        assertEquals(420 - 140, SmallJobs.build(job, 3));
        assertEquals(SmallJobs.contents(path("whole")), SmallJobs.contents(path("set")));
    }

    @Test
    void stoppedBuildOfFilesGoesOn() throws IOException {
        SmallJobs.build(SmallJobs.files(folder, path("whole"), ImageEncoding.PNG), 2);
        CorruptionJob job = SmallJobs.files(folder, path("set"), ImageEncoding.PNG);
        SmallJobs.begin(job, 1, 25);
        assertTrue(SmallJobs.build(job, 2) < 40);
        assertEquals(SmallJobs.contents(path("whole")), SmallJobs.contents(path("set")));
    }

    /** Is killed, as by a power cut, when a number of images is done. */
    static final class Victim {
        private Victim() {}

        public static void main(String[] args) throws IOException {
            Path folder = Path.of(args[0]);
            CorruptionJob job = args[1].equals("arrays")
                    ? SmallJobs.arrays(folder, folder.resolve("set"))
                    : SmallJobs.files(folder, folder.resolve("set"), ImageEncoding.PNG);
            int limit = Integer.parseInt(args[2]);
            try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, "test", List.of())) {
                builder.prepare();
                SmallJobs.Count count = new SmallJobs.Count(Long.MAX_VALUE);
                builder.build(new LocalEngine(2), Optional.empty(), new CorruptionEngine.Progress() {
                    @Override
                    public void done(long images) {
                        count.done(images);
                        if (count.done().get() >= limit) {
                            Runtime.getRuntime().halt(9);
                        }
                    }

                    @Override
                    public boolean isStopped() {
                        return false;
                    }
                });
            }
        }
    }

    private void kill(String kind, int images) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path")));
        if (System.getProperty("hornbeam.library") != null) {
            command.add("-Dhornbeam.library=" + System.getProperty("hornbeam.library"));
        }
        command.addAll(List.of(Victim.class.getName(), folder.toString(), kind, Integer.toString(images)));
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "the build hangs");
        assertEquals(9, process.exitValue());
    }

    @Test
    void killedBuildGoesOn() throws IOException, InterruptedException {
        kill("arrays", 130);
        kill("arrays", 120);
        CorruptionJob job = SmallJobs.arrays(folder, path("set"));
        assertTrue(SmallJobs.build(job, 2) <= 420, "nothing may be done twice in one build");
        SmallJobs.build(SmallJobs.arrays(folder, path("whole")), 1);
        assertEquals(SmallJobs.contents(path("whole")), SmallJobs.contents(path("set")));
    }

    @Test
    void killedBuildOfFilesGoesOn() throws IOException, InterruptedException {
        kill("files", 25);
        SmallJobs.build(SmallJobs.files(folder, path("set"), ImageEncoding.PNG), 2);
        SmallJobs.build(SmallJobs.files(folder, path("whole"), ImageEncoding.PNG), 1);
        assertEquals(SmallJobs.contents(path("whole")), SmallJobs.contents(path("set")));
    }

    @Test
    void damagedChunksAreDoneAgain() throws IOException {
        SmallJobs.build(SmallJobs.arrays(folder, path("whole")), 2);
        CorruptionJob job = SmallJobs.arrays(folder, path("set"));
        SmallJobs.begin(job, 1, 200);
        try (RandomAccessFile array = new RandomAccessFile(
                path("set/.hornbeam-corrupt/arrays/gaussian_noise.npy").toFile(), "rw")) {
            array.seek(5000);
            int value = array.read();
            array.seek(5000);
            array.write(value ^ 1);
        }
        // The chunk of the first 64 images is lost, and has to be made again.
        assertEquals(420 - 12, SmallJobs.build(job, 1));
        assertEquals(SmallJobs.contents(path("whole")), SmallJobs.contents(path("set")));
    }

    @Test
    void completeSetIsLeftAlone() throws IOException {
        CorruptionJob job = SmallJobs.arrays(folder, path("set"));
        SmallJobs.build(job, 1);
        Map<String, String> before = SmallJobs.contents(path("set"));
        assertEquals(0, SmallJobs.build(job, 1));
        assertEquals(before, SmallJobs.contents(path("set")));
    }

    private static CorruptionJob withSeed(CorruptionJob job, long seed) {
        return new CorruptionJob(
                job.images(),
                job.corruptions(),
                job.severities(),
                seed,
                job.constants(),
                job.frostTextures(),
                job.layout(),
                job.encoding(),
                job.output());
    }

    private static String refused(CorruptionJob job) {
        return assertThrows(UserError.class, () -> SmallJobs.build(job, 1)).getMessage();
    }

    @Test
    void otherJobsAreRefused() throws IOException {
        CorruptionJob job = SmallJobs.arrays(folder, path("set"));
        SmallJobs.begin(job, 1, 200);
        String unfinished = refused(withSeed(job, 8));
        assertTrue(unfinished.contains("seed was 7, is 8"), unfinished);
        SmallJobs.build(job, 1);
        assertTrue(refused(withSeed(job, 8)).contains("was built by another job"));
        Files.createDirectories(path("other"));
        Files.writeString(path("other/letter.txt"), "dear");
        String taken = refused(SmallJobs.arrays(folder, path("other")));
        assertTrue(taken.contains("is not empty"), taken);
        assertTrue(refused(SmallJobs.arrays(folder, path("other/letter.txt"))).contains("is a file"));
    }

    @Test
    void frostIsMadeOfTheGivenPictures() throws IOException {
        List<Map<String, String>> built = new ArrayList<>();
        for (String textures : List.of("a", "b")) {
            Path pictures = path("textures " + textures);
            Files.createDirectories(pictures);
            byte[] bytes = new byte[300 * 300 * 3];
            Arrays.fill(bytes, (byte) (textures.equals("a") ? 90 : 200));
            Files.write(pictures.resolve("1.png"), ImageEncoding.PNG.encode(new PixelImage(300, 300, 3, bytes)));
            CorruptionJob job = SmallJobs.files(folder, path("set " + textures), ImageEncoding.PNG);
            SmallJobs.build(
                    new CorruptionJob(
                            job.images(),
                            Corruptions.select(List.of("frost")),
                            List.of(5),
                            job.seed(),
                            job.constants(),
                            Optional.of(pictures),
                            job.layout(),
                            job.encoding(),
                            job.output()),
                    2);
            built.add(SmallJobs.contents(job.output()));
        }
        String image = "frost/5/class0/image0.png";
        assertNotEquals(built.get(0).get(image), built.get(1).get(image));
        assertEquals(11, built.get(0).size());
    }

    @Test
    void oneProcessAtATime() throws IOException {
        CorruptionJob job = SmallJobs.arrays(folder, path("set"));
        try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, "test", List.of())) {
            builder.prepare();
            assertTrue(refused(job).contains("another process"));
        }
        assertEquals(420, SmallJobs.build(job, 1));
    }

    @Test
    void treeIsKept() throws IOException {
        SmallJobs.build(SmallJobs.files(folder, path("set"), ImageEncoding.PNG), 1);
        Corruption noise = Corruptions.named("gaussian_noise");
        // Image 3 is the fifth file: class0 has 0, 2, 4, 6, 8, then comes class1 with 1, 3.
        PixelImage clean = DECODER.decode(path("tree/class1/image3.png"));
        byte[] expected = clean.pixels().clone();
        CorruptedImages.corrupt(
                expected, clean.height(), clean.width(), 3, noise, 5, ConstantSet.CIFAR, SmallJobs.SEED, 6);
        assertArrayEquals(
                expected,
                DECODER.decode(path("set/gaussian_noise/5/class1/image3.png")).pixels());
        CorruptedSetFolder set = CorruptedSetFolder.open(path("set"));
        assertEquals(Layout.IMAGENET_C, set.layout());
        assertEquals(10, set.read("pixelate", 2).size());
        assertEquals(41, SmallJobs.contents(path("set")).size());
    }

    @Test
    void unreadableImagesAreSkipped() throws IOException {
        CorruptionJob job = SmallJobs.files(folder, path("set"), ImageEncoding.jpeg(90));
        Files.writeString(path("tree/class0/broken.png"), "no image");
        // Of the same name as another, but for the extension.
        Files.copy(path("tree/class0/image0.png"), path("tree/class0/image0.bmp"));
        SmallJobs.build(job, 2);
        Map<String, String> contents = SmallJobs.contents(path("set"));
        assertEquals(4 * 11 + 1, contents.size());
        assertTrue(contents.containsKey("pixelate/2/class0/image0.jpg"), contents::toString);
        assertTrue(contents.containsKey("pixelate/2/class0/image0.png.jpg"), contents::toString);
        JsonNode manifest = new JsonMapper().readTree(path("set/manifest.json").toFile());
        assertEquals("class0/broken.png", manifest.at("/skipped/0/path").asText());
        assertEquals(11, manifest.get("sources").size());
        assertEquals(
                Checksum.of(path("tree/class0/image0.bmp")),
                manifest.at("/sources/0/sha256").asText());
        assertEquals("jpeg 90", manifest.at("/job/encoding").asText());
    }

    @Test
    void verificationFindsWhatChanged() throws IOException {
        SmallJobs.build(SmallJobs.files(folder, path("set"), ImageEncoding.PNG), 2);
        assertEquals(List.of(), verify());
        Files.delete(path("set/pixelate/2/class0/image0.png"));
        Path changed = path("set/pixelate/2/class0/image2.png");
        byte[] bytes = Files.readAllBytes(changed);
        bytes[bytes.length - 1] ^= 1;
        Files.write(changed, bytes);
        Files.write(path("set/pixelate/2/class0/image4.png"), new byte[3]);
        Files.write(path("set/pixelate/2/class0/extra.png"), new byte[3]);
        List<String> problems = verify();
        assertEquals(4, problems.size(), problems::toString);
        assertTrue(problems.get(0).endsWith("image0.png: missing"), problems::toString);
        assertTrue(problems.get(1).contains("image2.png: has SHA-256"), problems::toString);
        assertTrue(problems.get(2).contains("image4.png: has 3 bytes"), problems::toString);
        assertTrue(problems.get(3).startsWith("1 arrays or images are there"), problems::toString);
    }

    private List<String> verify() {
        List<Integer> seen = new ArrayList<>();
        SetVerification.Result result = SetVerification.of(path("set"), seen::add);
        assertEquals(40, result.files());
        assertEquals(40, seen.size());
        return result.problems();
    }
}
