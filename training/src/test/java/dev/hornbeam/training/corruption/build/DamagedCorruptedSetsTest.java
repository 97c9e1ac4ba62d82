package dev.hornbeam.training.corruption.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.DamagedFiles;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.data.TestImages;
import dev.hornbeam.training.image.PixelImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The readers of corrupted sets, their manifests and the journals of their builds on {@link DamagedFiles}. */
final class DamagedCorruptedSetsTest {
    private static final ImageSet IMAGES = TestImages.random(4, 2, 3, 3, 3, 5);

    @TempDir
    private Path folder;

    private byte[] npy(HostArray array) throws IOException {
        return Files.readAllBytes(write(array));
    }

    private Path write(HostArray array) throws IOException {
        Path file = folder.resolve("array.npy");
        Npy.write(file, array);
        return file;
    }

    private static byte[] pixels() {
        byte[] pixels = new byte[IMAGES.size() * IMAGES.imageLength()];
        for (int i = 0; i < IMAGES.size(); i++) {
            IMAGES.copyImage(i, pixels, i * IMAGES.imageLength());
        }
        return pixels;
    }

    private static long read(Path place) {
        CorruptedSetFolder set = CorruptedSetFolder.open(place);
        long bytes = 0;
        for (String corruption : set.corruptions()) {
            for (int severity : set.severities()) {
                ImageSet images = set.read(corruption, severity);
                for (int i = 0; i < images.size(); i++) {
                    assertTrue(images.label(i) >= 0 && images.label(i) < images.classes());
                    bytes += images.original(i).pixels().length;
                }
            }
        }
        return bytes;
    }

    @Test
    void arraysAsOfCifar() throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("fog.npy", npy(HostArray.of(pixels(), 4, 2, 3, 3)));
        files.put("labels.npy", npy(HostArray.of(new long[] {0, 2})));
        files.put("manifest.json", "{\"job\": {\"severities\": [1, 4]}}".getBytes(StandardCharsets.UTF_8));
        new DamagedFiles("corrupted set as CIFAR-10-C", files, (place, _) -> read(place)).check();
    }

    @Test
    void arraysAsOfMnist() throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("fog/test_images.npy", npy(HostArray.of(pixels(), 4, 2, 3, 3)));
        files.put("fog/test_labels.npy", npy(HostArray.of(new byte[] {0, 2, 1, 1})));
        new DamagedFiles("corrupted set as MNIST-C", files, (place, _) -> read(place)).check();
    }

    @Test
    void filesAsOfImageNet() {
        Map<String, byte[]> files = new LinkedHashMap<>();
        byte[] image = ImageEncoding.PNG.encode(new PixelImage(2, 3, 3, IMAGES.image(0)));
        files.put("fog/1/a/0.png", image);
        files.put("fog/1/b/1.png", image);
        new DamagedFiles("corrupted set as ImageNet-C", files, (place, _) -> read(place)).check();
    }

    // A set of three arrays, as it was built and while it is built.
    private Map<String, byte[]> files(Path set) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (String file : SmallJobs.contents(set).keySet()) {
            files.put(file, Files.readAllBytes(set.resolve(file)));
        }
        return files;
    }

    private CorruptionJob job(Path output) throws IOException {
        Path images = folder.resolve("clean.npz");
        if (!Files.exists(images)) {
            Map<String, HostArray> arrays = new LinkedHashMap<>();
            arrays.put("x_test", HostArray.of(pixels(), 4, 2, 3, 3));
            arrays.put("y_test", HostArray.of(IMAGES.labels(), 4));
            dev.hornbeam.io.Npz.write(images, arrays, false);
        }
        return new CorruptionJob(
                CleanImages.Location.ofDataSet(images.toString(), Split.TEST, null, 0),
                Corruptions.select(List.of("contrast", "brightness")),
                List.of(1),
                7,
                Optional.empty(),
                Optional.empty(),
                Layout.CIFAR_C,
                ImageEncoding.PNG,
                output);
    }

    @Test
    void manifests() throws IOException {
        Path set = folder.resolve("set");
        SmallJobs.build(job(set), 1);
        new DamagedFiles("manifest", files(set), (place, _) -> {
                    SetVerification.Result result = SetVerification.of(place, _ -> {});
                    assertTrue(result.files() > 0 || !result.problems().isEmpty());
                    return SetVerification.files(place)
                            + BuildManifest.job(place).map(ignored -> 1).orElse(0);
                })
                .only(file -> file.equals("manifest.json"))
                .check();
    }

    @Test
    void journals() throws IOException {
        Path set = folder.resolve("set");
        CorruptionJob job = job(set);
        SmallJobs.build(job, 1);
        String array = "contrast.npy";
        byte[] bytes = Files.readAllBytes(set.resolve(array));
        String entry = "{\"outputs\": [{\"path\": \"" + array + "\", \"offset\": 4, \"bytes\": 12, \"sha256\": \""
                + Checksum.of(set.resolve(array), 4, 12) + "\"}], \"sources\": [], \"skipped\": [{\"path\": \"a.png\","
                + " \"reason\": \"it is empty\"}]}";
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put(array, bytes);
        files.put(".hornbeam-corrupt/chunk-00000000.json", entry.getBytes(StandardCharsets.UTF_8));
        new DamagedFiles("journal of a build", files, (place, damaged) -> {
                    Optional<ChunkRecord> found = ChunkRecord.read(job(place), 0);
                    boolean intact = found.isPresent() && found.get().isIntact(job(place));
                    assertEquals(true, intact || !damaged.isEmpty());
                    return 1;
                })
                .only(file -> file.endsWith(".json"))
                .refusingAtLeast(0)
                .check();
    }

    @Test
    void entriesThatCannotBeAreNotTakenForFiles() throws IOException {
        Path set = folder.resolve("set");
        CorruptionJob job = job(set);
        SmallJobs.build(job, 1);
        for (ChunkRecord.Output output : List.of(
                new ChunkRecord.Output("contrast.npy", -1, 4, ""),
                new ChunkRecord.Output("contrast.npy", 0, -4, ""),
                new ChunkRecord.Output("contrast\0.npy", 0, 4, ""))) {
            assertFalse(new ChunkRecord(List.of(output), List.of(), List.of()).isIntact(job), output.toString());
        }
        Path manifest = set.resolve("manifest.json");
        Files.writeString(manifest, Files.readString(manifest).replace("\"contrast.npy\"", "\"con\\u0000.npy\""));
        UserError error = assertThrows(UserError.class, () -> SetVerification.of(set, _ -> {}));
        assertEquals(manifest + " is damaged: it lists a file that cannot be: con?.npy", error.getMessage());
    }
}
