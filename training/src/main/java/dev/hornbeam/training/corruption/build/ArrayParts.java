package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.data.ImageSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The arrays of a set in the layout of CIFAR-C or MNIST-C, and which image goes where. */
final class ArrayParts {
    private final CorruptionJob job;
    private final ImageSet set;

    ArrayParts(CorruptionJob job, ImageSet set) {
        this.job = job;
        this.set = set;
    }

    /** Where an array is written until it is complete. */
    static Path aside(CorruptionJob job, String path) {
        return job.workFolder().resolve("arrays").resolve(path);
    }

    /** All arrays of images. */
    List<ArrayFile> files() {
        List<ArrayFile> files = new ArrayList<>();
        for (Corruption corruption : job.corruptions()) {
            if (job.layout() == Layout.CIFAR_C) {
                files.add(file(corruption, job.severities().getFirst()));
            } else {
                job.severities().forEach(severity -> files.add(file(corruption, severity)));
            }
        }
        return files;
    }

    /** The array that holds a corruption and severity. */
    ArrayFile file(Corruption corruption, int severity) {
        int severities = job.layout() == Layout.CIFAR_C ? job.severities().size() : 1;
        String name = job.layout() == Layout.CIFAR_C
                ? corruption.name() + ".npy"
                : folder(corruption, severity) + CorruptedSetFolder.TEST_IMAGES;
        return new ArrayFile(
                name, List.of(Math.multiplyExact(severities, set.size()), set.height(), set.width(), set.channels()));
    }

    /** Number of an image in that array. */
    int image(int severity, int position) {
        int before = job.layout() == Layout.CIFAR_C ? job.severities().indexOf(severity) : 0;
        return before * set.size() + position;
    }

    /** Arrays of labels, and how often they repeat those of the set. */
    List<String> labelFiles() {
        if (job.layout() == Layout.CIFAR_C) {
            return List.of(CorruptedSetFolder.LABELS);
        }
        List<String> files = new ArrayList<>();
        for (Corruption corruption : job.corruptions()) {
            job.severities()
                    .forEach(severity -> files.add(folder(corruption, severity) + CorruptedSetFolder.TEST_LABELS));
        }
        return files;
    }

    /** How often an array of labels repeats those of the set. */
    int repetitions() {
        return job.layout() == Layout.CIFAR_C ? job.severities().size() : 1;
    }

    // With one severity, just as published.
    private String folder(Corruption corruption, int severity) {
        return (job.severities().size() == 1 ? "" : severity + "/") + corruption.name() + "/";
    }
}
