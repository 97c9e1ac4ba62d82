package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.ConstantSet;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.build.CleanImages.CleanImage;
import dev.hornbeam.training.image.PixelImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Does chunks of a job: in this process, or in one on another machine that sees the same files.
 *
 * <p>Any number of threads may use one worker.
 */
public final class CorruptionWorker {
    private static final AtomicLong NUMBER = new AtomicLong();

    private final CorruptionJob job;
    private final CleanImages images;
    private final List<Chunk> chunks;
    private final List<String> names;

    CorruptionWorker(CorruptionJob job, CleanImages images) {
        this.job = job;
        this.images = images;
        this.chunks = Chunk.of(job, images);
        this.names = images instanceof CleanImages.OfFolder folder ? folder.names(job.encoding()) : List.of();
    }

    /**
     * Makes a worker from what {@link CorruptionEngine.Work} describes.
     *
     * @throws UserError if the images cannot be opened here, or are others than those of the job
     */
    public static CorruptionWorker of(String description, String fingerprint) {
        CorruptionJob job = CorruptionJob.fromJson(description);
        CleanImages images = CleanImages.open(job.images());
        if (!images.fingerprint().equals(fingerprint)) {
            throw new UserError(images.description() + ": a worker finds other images than the one that began the job;"
                    + " expected the same files on every machine, unchanged until the job has ended");
        }
        return new CorruptionWorker(job, images);
    }

    List<Chunk> chunks() {
        return chunks;
    }

    /** Number of corrupted images in a chunk. */
    public long images(int chunk) {
        return chunks.get(chunk).images(job);
    }

    /**
     * Corrupts the images of a chunk, writes them, and enters the chunk into the journal.
     *
     * @param progress is told of corrupted images and asked whether to go on
     * @throws CancellationException if it says no; the chunk then counts as not done
     * @throws UserError if the images are too small, or the disk is full
     */
    public void run(int chunk, CorruptionEngine.Progress progress) {
        Chunk piece = chunks.get(chunk);
        try {
            ChunkRecord entry = switch (images) {
                case CleanImages.OfDataSet data -> arrays(piece, data, progress);
                case CleanImages.OfFolder folder -> files(piece, folder, progress);
            };
            entry.write(job, chunk);
        } catch (IOException e) {
            throw UserError.cannotWrite(job.output(), e);
        }
    }

    private static void count(CorruptionEngine.Progress progress, int images) {
        progress.done(images);
        if (progress.isStopped()) {
            throw new CancellationException("the build was stopped");
        }
    }

    private PixelImage corrupt(CleanImage clean, Corruption corruption, int severity) {
        PixelImage image = clean.pixels();
        byte[] pixels = image.pixels().clone();
        ConstantSet constants = job.constants().orElseGet(() -> ConstantSet.forSize(image.height(), image.width()));
        CorruptedImages.corrupt(
                pixels,
                image.height(),
                image.width(),
                image.channels(),
                corruption,
                severity,
                constants,
                job.seed(),
                clean.index());
        return new PixelImage(image.width(), image.height(), image.channels(), pixels);
    }

    private ChunkRecord arrays(Chunk chunk, CleanImages.OfDataSet data, CorruptionEngine.Progress progress)
            throws IOException {
        ArrayParts parts = new ArrayParts(job, data.set());
        List<ChunkRecord.Output> outputs = new ArrayList<>();
        int length = data.set().imageLength();
        byte[] block = new byte[(chunk.end() - chunk.first()) * length];
        for (Corruption corruption : job.corruptions().subList(chunk.firstCorruption(), chunk.endCorruption())) {
            for (int severity : job.severities()) {
                for (int i = chunk.first(); i < chunk.end(); i++) {
                    PixelImage corrupted = corrupt(data.read(i), corruption, severity);
                    System.arraycopy(corrupted.pixels(), 0, block, (i - chunk.first()) * length, length);
                    count(progress, 1);
                }
                ArrayFile file = parts.file(corruption, severity);
                int first = parts.image(severity, chunk.first());
                file.write(ArrayParts.aside(job, file.name()), block, first);
                outputs.add(new ChunkRecord.Output(file.name(), file.offset(first), block.length, Checksum.of(block)));
            }
        }
        return new ChunkRecord(outputs, List.of(), List.of());
    }

    private ChunkRecord files(Chunk chunk, CleanImages.OfFolder folder, CorruptionEngine.Progress progress)
            throws IOException {
        ChunkRecord entry = new ChunkRecord(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        for (int i = chunk.first(); i < chunk.end(); i++) {
            CleanImage clean;
            try {
                clean = folder.read(i);
            } catch (UserError e) {
                entry.skipped().add(new ChunkRecord.Skipped(folder.name(i), e.getMessage()));
                count(progress, job.versions());
                continue;
            }
            entry.sources().add(new ChunkRecord.Source(folder.name(i), clean.sha256()));
            for (Corruption corruption : job.corruptions()) {
                for (int severity : job.severities()) {
                    String path = corruption.name() + "/" + severity + "/" + names.get(i);
                    try {
                        byte[] content = job.encoding().encode(corrupt(clean, corruption, severity));
                        write(path, content);
                        entry.outputs().add(new ChunkRecord.Output(path, 0, content.length, Checksum.of(content)));
                    } catch (UserError e) {
                        entry.skipped().add(new ChunkRecord.Skipped(path, e.getMessage()));
                    }
                    count(progress, 1);
                }
            }
        }
        return entry;
    }

    // Aside, then renamed. Unlike the journal's entries, images are not forced to the disk one by one, which would take
    // longer than to corrupt them: whoever continues a build after a power cut checks them by their checksums.
    private void write(String path, byte[] content) throws IOException {
        Path target = job.output().resolve(path);
        Path aside = job.workFolder()
                .resolve("image-" + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet() + ".tmp");
        Files.createDirectories(target.getParent());
        try (FileChannel channel = FileChannel.open(
                aside, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(content);
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }
        Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
