package dev.hornbeam.training.corruption.build;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.data.ImageSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Builds a set of corrupted images in a folder, in chunks, and goes on where an earlier build of the same job was cut
 * off.
 *
 * <p>Work in progress is kept in the hidden folder {@code .hornbeam-corrupt} of the set: the job, a journal with one file
 * for each finished chunk, and arrays until they are complete. When everything is done the arrays get their names, {@code
 * manifest.json} is written, and that folder goes. Pixels depend on the job alone: not on the number of threads or
 * machines, nor on where a build was cut off.
 *
 * <pre>{@code
 * try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, version, command)) {
 *     Plan plan = builder.prepare();
 *     Result result = builder.build(new LocalEngine(4), Optional.empty(), progress);
 * }
 * }</pre>
 */
public final class CorruptedSetBuilder implements AutoCloseable {
    private static final String JOB = "job.json";
    private static final String LOCK = "lock";
    private static final long MEBIBYTE = 1 << 20;

    private final CorruptionJob job;
    private final List<String> command;
    private final CleanImages images;
    private final String fingerprint;
    private final ObjectNode identity;
    private final CorruptionWorker worker;
    private List<Integer> pending = List.of();
    private boolean complete;
    private FileChannel lock;

    private CorruptedSetBuilder(CorruptionJob job, String version, List<String> command) {
        this.job = job;
        this.command = List.copyOf(command);
        this.images = CleanImages.open(job.images());
        this.fingerprint = images.fingerprint();
        this.identity = job.identity(version, fingerprint);
        this.worker = new CorruptionWorker(job, images);
    }

    /**
     * How much there is to do.
     *
     * @param source what is corrupted, in a few words
     * @param images corrupted images of the whole set
     * @param pendingImages those that are still to be made
     * @param chunks pieces of the whole set
     * @param pendingChunks those that are still to be done
     * @param arrayBytes size of the arrays, 0 for image files
     * @param complete whether the set is there already
     */
    public record Plan(
            String source,
            long images,
            long pendingImages,
            int chunks,
            int pendingChunks,
            long arrayBytes,
            boolean complete) {}

    /**
     * What was built.
     *
     * @param images corrupted images in the set
     * @param files files in the set, without the manifest
     * @param skipped images that could not be read or corrupted, with the reason
     */
    public record Result(long images, long files, List<String> skipped) {
        /** Copies the list. */
        public Result {
            skipped = List.copyOf(skipped);
        }
    }

    /**
     * Finds the clean images; nothing is written.
     *
     * @param version of the program
     * @param command line that asked for the set, for the manifest
     * @throws UserError if the images cannot be found
     */
    public static CorruptedSetBuilder open(CorruptionJob job, String version, List<String> command) {
        return new CorruptedSetBuilder(job, version, command);
    }

    /**
     * Says what {@link #build} would do, without writing or checking anything.
     *
     * @throws UserError if the folder of the set holds something else
     */
    public Plan plan() {
        complete = look();
        pending = new ArrayList<>();
        for (Chunk chunk : worker.chunks()) {
            if (!complete && !Files.exists(ChunkRecord.file(job, chunk.number()))) {
                pending.add(chunk.number());
            }
        }
        return plan(pending);
    }

    /**
     * Makes the folder ready, and finds out what is still to be done: chunks of an earlier build whose files are not as
     * the journal says are done again.
     *
     * @throws UserError if the folder holds something else, another process builds there, or the disk is too full
     */
    public Plan prepare() {
        complete = look();
        pending = new ArrayList<>();
        if (complete) {
            removeWork();
            return plan(pending);
        }
        try {
            Files.createDirectories(job.workFolder());
            lock();
            Path description = job.workFolder().resolve(JOB);
            if (!Files.exists(description)) {
                UserFile.writeText(description, identity.toPrettyString() + "\n");
            }
            for (Chunk chunk : worker.chunks()) {
                if (ChunkRecord.read(job, chunk.number())
                        .filter(entry -> entry.isIntact(job))
                        .isEmpty()) {
                    Files.deleteIfExists(ChunkRecord.file(job, chunk.number()));
                    pending.add(chunk.number());
                }
            }
            if (!pending.isEmpty() && images instanceof CleanImages.OfDataSet data) {
                makeRoom(data.set());
            }
        } catch (IOException e) {
            throw UserError.cannotWrite(job.output(), e);
        }
        return plan(pending);
    }

    private Plan plan(List<Integer> chunks) {
        long all =
                worker.chunks().stream().mapToLong(chunk -> chunk.images(job)).sum();
        long left = chunks.stream().mapToLong(worker::images).sum();
        long bytes = images instanceof CleanImages.OfDataSet data
                ? new ArrayParts(job, data.set())
                        .files().stream().mapToLong(ArrayFile::bytes).sum()
                : 0;
        return new Plan(images.description(), all, left, worker.chunks().size(), chunks.size(), bytes, complete);
    }

    // Whether the set is there already. Refuses a folder with anything but this set or a part of it.
    private boolean look() {
        Path output = job.output();
        if (!Files.exists(output)) {
            return false;
        }
        if (!Files.isDirectory(output)) {
            throw new UserError(output + " is a file; expected a folder to build the set in");
        }
        if (Files.exists(output.resolve(BuildManifest.FILE))) {
            if (BuildManifest.job(output).filter(identity::equals).isEmpty()) {
                throw another("holds a set that was built by another job, see " + BuildManifest.FILE + " there");
            }
            return true;
        }
        Path description = job.workFolder().resolve(JOB);
        if (Files.exists(description)) {
            ObjectNode there = BuildManifest.object(description);
            if (!there.equals(identity)) {
                throw another("holds the unfinished set of another job: " + difference(there)
                        + "; give the same options to go on with it");
            }
            return false;
        }
        if (!Files.isDirectory(job.workFolder()) && !isEmpty(output)) {
            throw another("is not empty and holds no unfinished set");
        }
        return false;
    }

    private UserError another(String what) {
        return new UserError(job.output() + " " + what + ". To build this set, name another folder or remove that one");
    }

    private String difference(ObjectNode there) {
        List<String> differences = new ArrayList<>();
        identity.fieldNames().forEachRemaining(field -> {
            if (!identity.get(field).equals(there.get(field))) {
                differences.add(field + " was " + there.get(field) + ", is " + identity.get(field));
            }
        });
        return differences.isEmpty() ? "it was begun for another layout" : String.join("; ", differences);
    }

    private static boolean isEmpty(Path folder) {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.findAny().isEmpty();
        } catch (IOException e) {
            throw UserError.cannotRead(folder, e);
        }
    }

    private void lock() throws IOException {
        lock = FileChannel.open(job.workFolder().resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock held;
        try {
            held = lock.tryLock();
        } catch (OverlappingFileLockException e) {
            held = null;
        }
        if (held == null) {
            lock.close();
            lock = null;
            throw new UserError(job.output() + ": another process is building this set; wait for it, or end it");
        }
    }

    private void makeRoom(ImageSet set) throws IOException {
        List<ArrayFile> files = new ArrayParts(job, set).files();
        long missing = 0;
        for (ArrayFile file : files) {
            missing += Files.exists(ArrayParts.aside(job, file.name())) ? 0 : file.bytes();
        }
        long free = Files.getFileStore(job.output()).getUsableSpace();
        if (missing > free) {
            throw new UserError(job.output() + ": the set takes " + missing / MEBIBYTE + " MiB, but there are only "
                    + free / MEBIBYTE + " MiB free; free some space there or choose a folder on another disk");
        }
        for (ArrayFile file : files) {
            file.create(ArrayParts.aside(job, file.name()));
        }
    }

    /**
     * Does what {@link #prepare} found to be done, and completes the set.
     *
     * @param engine that runs the chunks
     * @param master where it runs them, in its own words
     * @throws UserError if a chunk fails for a reason that the user can mend, or no image could be corrupted
     * @throws java.util.concurrent.CancellationException if {@code progress} says to stop; the same job goes on later
     */
    public Result build(CorruptionEngine engine, Optional<String> master, CorruptionEngine.Progress progress) {
        if (!complete) {
            if (!pending.isEmpty()) {
                engine.run(
                        new CorruptionEngine.Work(job.toJson(), fingerprint, List.copyOf(pending), worker),
                        master,
                        progress);
            }
            finish();
        }
        return result();
    }

    private void finish() {
        try {
            List<BuildManifest.FileEntry> arrays = images instanceof CleanImages.OfDataSet data
                    ? finishArrays(new ArrayParts(job, data.set()), data.set())
                    : List.of();
            BuildManifest.write(job, identity, command, images, worker.chunks().size(), arrays);
        } catch (IOException e) {
            throw UserError.cannotWrite(job.output(), e);
        }
        removeWork();
    }

    private List<BuildManifest.FileEntry> finishArrays(ArrayParts parts, ImageSet set) throws IOException {
        List<BuildManifest.FileEntry> entries = new ArrayList<>();
        for (ArrayFile file : parts.files()) {
            Path aside = ArrayParts.aside(job, file.name());
            Path target = job.output().resolve(file.name());
            // An earlier attempt may have come to just here.
            if (Files.exists(aside)) {
                Files.createDirectories(target.getParent());
                Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            }
            entries.add(BuildManifest.FileEntry.of(job.output(), file.name()));
        }
        byte[] labels = new byte[set.size() * parts.repetitions()];
        long[] wide = new long[labels.length];
        for (int i = 0; i < labels.length; i++) {
            wide[i] = set.label(i % set.size());
            labels[i] = (byte) wide[i];
        }
        // As published: bytes in CIFAR-10-C, 64-bit integers in MNIST-C; and there may be more classes than a byte
        // holds.
        HostArray array = job.layout() == Layout.CIFAR_C && set.classes() <= 256
                ? HostArray.of(labels, labels.length)
                : HostArray.of(wide, wide.length);
        for (String name : parts.labelFiles()) {
            Npy.write(job.output().resolve(name), array);
            entries.add(BuildManifest.FileEntry.of(job.output(), name));
        }
        return entries;
    }

    private Result result() {
        BuildManifest.Counts counts = BuildManifest.counts(job.output());
        long all =
                worker.chunks().stream().mapToLong(chunk -> chunk.images(job)).sum();
        long made = job.layout() == Layout.IMAGENET_C ? counts.files() : all;
        if (made == 0) {
            throw new UserError(
                    "no image could be corrupted: " + counts.skipped().getFirst());
        }
        return new Result(made, counts.files(), counts.skipped());
    }

    private void removeWork() {
        if (!Files.isDirectory(job.workFolder())) {
            return;
        }
        try (Stream<Path> entries = Files.walk(job.workFolder())) {
            for (Path path : entries.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (IOException | UncheckedIOException e) {
            throw UserError.cannotWrite(
                    job.workFolder(), e instanceof UncheckedIOException wrapped ? wrapped.getCause() : (IOException) e);
        }
    }

    /** Lets another process go on with the set. */
    @Override
    public void close() {
        if (lock != null) {
            try {
                lock.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
