package dev.hornbeam.training.corruption.build;

import java.util.ArrayList;
import java.util.List;

/**
 * A piece of a job: some images, corrupted in some ways at every severity. Chunks do not depend on the number of
 * threads, so a build may be continued with another one.
 *
 * @param number from 0
 * @param firstCorruption index of the first corruption
 * @param endCorruption index after the last one
 * @param first position of the first image
 * @param end position after the last one
 */
record Chunk(int number, int firstCorruption, int endCorruption, int first, int end) {
    // About a second's work each: of small images many, of files few, as each is decoded once for all corruptions.
    private static final int PIXELS = 1 << 18;
    private static final int FILES = 4;

    /** Clean images times corruptions times severities. */
    long images(CorruptionJob job) {
        return (long) (end - first)
                * (endCorruption - firstCorruption)
                * job.severities().size();
    }

    static List<Chunk> of(CorruptionJob job, CleanImages images) {
        int corruptions = job.corruptions().size();
        int step;
        int together;
        if (images instanceof CleanImages.OfDataSet data) {
            step = Math.max(1, PIXELS / (data.set().height() * data.set().width()));
            together = 1;
        } else {
            step = FILES;
            together = corruptions;
        }
        List<Chunk> chunks = new ArrayList<>();
        for (int c = 0; c < corruptions; c += together) {
            for (int first = 0; first < images.size(); first += step) {
                int end = Math.min(first + step, images.size());
                chunks.add(new Chunk(chunks.size(), c, c + together, first, end));
            }
        }
        return chunks;
    }
}
