package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.ConstantSet;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.corruption.build.CleanImages;
import dev.hornbeam.training.corruption.build.ContactSheet;
import dev.hornbeam.training.corruption.build.CorruptedSetBuilder;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import dev.hornbeam.training.corruption.build.CorruptionEngine;
import dev.hornbeam.training.corruption.build.CorruptionJob;
import dev.hornbeam.training.corruption.build.Fitting;
import dev.hornbeam.training.corruption.build.ImageEncoding;
import dev.hornbeam.training.corruption.build.LocalEngine;
import dev.hornbeam.training.corruption.build.SetVerification;
import dev.hornbeam.training.corruption.build.SingleImage;
import dev.hornbeam.training.data.Split;
import dev.hornbeam.training.image.ImageFormat;
import dev.hornbeam.training.run.Progress;
import dev.hornbeam.training.run.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam corrupt}: corrupts an image, a folder of images, or a data set, and checks what came out. */
@Command(
        name = "corrupt",
        description = {
            "Corrupts an image, a folder of images, or a data set, in the layouts of the published -C sets.",
            "An image becomes one file, or one for each corruption and severity in the folder OUT. A folder becomes"
                    + " OUT/CORRUPTION/SEVERITY/ with the same tree in it, as ImageNet-C. A data set becomes"
                    + " OUT/CORRUPTION.npy and OUT/labels.npy, as CIFAR-10-C.",
            "A build that was cut off goes on when the same command is run again. The pixels depend on the input, the"
                    + " corruption, the severity, the constants and the seed alone."
        })
final class CorruptCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--input",
            paramLabel = "FILE|FOLDER|NAME",
            description =
                    "An image file, a folder with images in it or below it, or a data set: its name or .npz file.")
    private String input;

    @Option(
            names = "--output",
            paramLabel = "OUT",
            description = "Folder to build the set in; of one image in one corruption and severity also an image file.")
    private Path output;

    @Option(
            names = "--corruptions",
            split = ",",
            paramLabel = "LIST",
            defaultValue = "common",
            description = "Corruptions and sets of them, with commas; default ${DEFAULT-VALUE}.")
    private List<String> corruptions;

    @Option(
            names = "--severities",
            paramLabel = "LIST",
            defaultValue = "1-5",
            description = "Severities, as in 1,3,5 or 1-3; default ${DEFAULT-VALUE}.")
    private String severities;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of the random draws; default ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--constants",
            paramLabel = "SET",
            defaultValue = "auto",
            description = "Constants of the severities: cifar, tiny, imagenet, or auto for those of each image's size;"
                    + " default ${DEFAULT-VALUE}.")
    private String constants;

    @Option(
            names = "--frost-textures",
            paramLabel = "DIR",
            description = "Folder of pictures that the corruption frost is made of; by default textures are drawn.")
    private Path frostTextures;

    @Option(names = "--data", paramLabel = "DIR", description = "Folder to look for a data set in first.")
    private Path dataFolder;

    @Option(
            names = "--split",
            paramLabel = "PART",
            defaultValue = "test",
            description = "Part of a data set, test or train; default ${DEFAULT-VALUE}.")
    private String split;

    @Option(
            names = "--layout",
            paramLabel = "LAYOUT",
            description = "Layout of a data set: cifar-c, the default, or mnist-c.")
    private String layout;

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description = "Format of image files: jpeg or png; by default jpeg for a folder, as published, and png for"
                    + " one image.")
    private String format;

    @Option(
            names = "--jpeg-quality",
            paramLabel = "Q",
            description = "Quality of JPEG files, 1..100; default " + ImageEncoding.PUBLISHED_QUALITY + ".")
    private Integer quality;

    @Option(
            names = "--resize",
            paramLabel = "PIXELS",
            description = "First resize the shorter side of image files to this; ImageNet-C: 256. Needs --crop.")
    private Integer resize;

    @Option(
            names = "--crop",
            paramLabel = "PIXELS",
            description = "First cut this square out of the centre of image files; ImageNet-C: 224.")
    private Integer crop;

    @Option(names = "--limit", paramLabel = "N", defaultValue = "0", description = "Take only the first N images.")
    private int limit;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads that corrupt images; 0, the default, takes one per core.")
    private int threads;

    @Option(
            names = "--engine",
            paramLabel = "ENGINE",
            defaultValue = "local",
            description =
                    "Where the work is done: local (this process) or spark (Apache Spark, on many machines that see"
                            + " the same files); default ${DEFAULT-VALUE}.")
    private String engine;

    @Option(
            names = "--master",
            paramLabel = "URL",
            description = "Spark's master, as in local[4] or spark://HOST:7077; by default all cores of this machine.")
    private String master;

    @Option(
            names = "--contact-sheet",
            paramLabel = "FILE.png",
            description = "Draw one image in every corruption and severity to FILE.png; --output may then be left out.")
    private Path sheet;

    @Option(
            names = "--sheet-image",
            paramLabel = "N",
            defaultValue = "0",
            description = "Which image the contact sheet shows, counted from 0; default ${DEFAULT-VALUE}.")
    private int sheetImage;

    @Option(names = "--dry-run", description = "Say what would be done, and write nothing.")
    private boolean dryRun;

    @Option(
            names = "--verify",
            paramLabel = "DIR",
            description = "Compare every file of a set that was built with its manifest; nothing else is done.")
    private Path verify;

    @Option(names = "--json", description = "Print JSON and no progress.")
    private boolean json;

    @Override
    public Integer call() {
        if (verify != null) {
            if (input != null || output != null) {
                throw new UserError("--verify checks a set that is there; leave --input and --output out");
            }
            return verify();
        }
        if (input == null) {
            throw new UserError("--input is missing; expected an image file, a folder, or a data set");
        }
        if (output == null && sheet == null) {
            throw new UserError("--output is missing; expected a folder, or --contact-sheet FILE.png");
        }
        if (threads < 0 || threads > 1024) {
            throw new UserError("--threads is " + threads + "; expected 0..1024");
        }
        if (limit < 0) {
            throw new UserError("--limit is " + limit + "; expected at least 1, or 0 for all images");
        }
        boolean oneFile = Files.isRegularFile(Path.of(input)) && ImageFormat.isImageName(Path.of(input));
        if (sheet != null) {
            drawSheet(oneFile);
            if (output == null) {
                return 0;
            }
        }
        return oneFile ? image() : set();
    }

    // ----------------------------------------------------------------------------------------------------------
    // options

    private List<Corruption> selected() {
        List<Corruption> named =
                Corruptions.select(corruptions.stream().map(String::strip).toList());
        return frostTextures == null ? named : Corruptions.withFrostTextures(named, frostTextures);
    }

    private List<Integer> severities() {
        TreeSet<Integer> chosen = new TreeSet<>();
        for (String part : severities.split(",", -1)) {
            String[] ends = part.strip().split("-", -1);
            try {
                int first = Integer.parseInt(ends[0]);
                int last = Integer.parseInt(ends[ends.length - 1]);
                Corruptions.checkSeverity(first);
                Corruptions.checkSeverity(last);
                if (ends.length > 2 || last < first) {
                    throw new NumberFormatException(part);
                }
                for (int severity = first; severity <= last; severity++) {
                    chosen.add(severity);
                }
            } catch (NumberFormatException e) {
                throw new UserError("--severities is " + severities + "; expected numbers 1..5, as in 1,3,5 or 1-3", e);
            }
        }
        return List.copyOf(chosen);
    }

    private Optional<ConstantSet> constants() {
        return constants.equalsIgnoreCase("auto") ? Optional.empty() : Optional.of(ConstantSet.named(constants));
    }

    private Split split() {
        return switch (split.toLowerCase(Locale.ROOT)) {
            case "test" -> Split.TEST;
            case "train" -> Split.TRAIN;
            default -> throw new UserError("--split is " + split + "; expected test or train");
        };
    }

    private Fitting fitting() {
        if (resize == null && crop == null) {
            return Fitting.NONE;
        }
        if (crop == null) {
            throw new UserError("--resize needs --crop: the side of the square that is cut out of the resized image");
        }
        return new Fitting(resize == null ? crop : resize, crop);
    }

    private ImageEncoding encoding(boolean jpegByDefault) {
        String chosen =
                format != null ? format.toLowerCase(Locale.ROOT) : jpegByDefault || quality != null ? "jpeg" : "png";
        return switch (chosen) {
            case "png" -> {
                if (quality != null) {
                    throw new UserError("--jpeg-quality is given, but the format is png");
                }
                yield ImageEncoding.PNG;
            }
            case "jpeg", "jpg" -> ImageEncoding.jpeg(quality == null ? ImageEncoding.PUBLISHED_QUALITY : quality);
            default -> throw new UserError("--format is " + format + "; expected jpeg or png");
        };
    }

    private CleanImages.Location location() {
        Path path = Path.of(input);
        if (Files.isDirectory(path) && hasImages(path)) {
            if (layout != null && Layout.named(layout) != Layout.IMAGENET_C) {
                throw new UserError("--layout is " + layout + ", which is for data sets; a folder of images becomes"
                        + " folders of images");
            }
            return CleanImages.Location.ofFolder(path, limit, fitting());
        }
        if (resize != null || crop != null || format != null || quality != null) {
            throw new UserError("--resize, --crop, --format and --jpeg-quality are for image files; " + input
                    + " is a data set, whose images become arrays as they are");
        }
        return CleanImages.Location.ofDataSet(input, split(), dataFolder, limit);
    }

    // A data set may be a folder too, with files of its own kind in it.
    private static boolean hasImages(Path folder) {
        try (Stream<Path> files = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
            return files.anyMatch(ImageFormat::isImageName);
        } catch (IOException e) {
            throw UserError.cannotRead(folder, e);
        } catch (UncheckedIOException e) {
            throw UserError.cannotRead(folder, e.getCause());
        }
    }

    // -------------------------------------------------------------------------------------------------------- one
    // image

    private int image() {
        List<Corruption> chosen = selected();
        List<Integer> levels = severities();
        boolean toFile = ImageFormat.isImageName(output) && !Files.isDirectory(output);
        if (toFile && chosen.size() * levels.size() != 1) {
            throw new UserError("--output is the file " + output + ", but " + chosen.size() + " corruptions at "
                    + levels.size() + " severities are " + chosen.size() * levels.size()
                    + " images; name a folder, or one corruption and one severity");
        }
        SingleImage image = SingleImage.read(Path.of(input), fitting(), seed, constants());
        ObjectNode report = new JsonMapper().createObjectNode();
        ArrayNode files = report.putArray("files");
        String name = Path.of(input).getFileName().toString();
        String stem = name.substring(0, name.lastIndexOf('.'));
        for (Corruption corruption : chosen) {
            for (int severity : levels) {
                ImageEncoding encoding = toFile
                        ? ImageEncoding.ofName(output.toString(), Optional.ofNullable(quality))
                                .orElseThrow(() -> new UserError(
                                        "--output is " + output + "; expected a name that ends in .png or .jpg"))
                        : encoding(false);
                Path target = toFile
                        ? output
                        : output.resolve(stem + "-" + corruption.name() + "-" + severity + encoding.extension());
                files.add(target.toString());
                if (!dryRun) {
                    image.write(target, corruption, severity, encoding);
                }
                if (!json) {
                    out().println((dryRun ? "would write " : "") + target);
                }
            }
        }
        if (json) {
            out().println(report.put("dry_run", dryRun).toPrettyString());
        }
        return 0;
    }

    private void drawSheet(boolean oneFile) {
        CleanImages.Location location = oneFile ? CleanImages.Location.ofFile(Path.of(input), fitting()) : location();
        if (dryRun) {
            return;
        }
        ContactSheet.write(sheet, location, sheetImage, selected(), severities(), seed, constants());
        if (!json) {
            out().println("contact sheet written to " + sheet);
        }
    }

    // ----------------------------------------------------------------------------------------------------------- a set

    private int set() {
        CleanImages.Location location = location();
        boolean folder = location.folder().isPresent();
        CorruptionJob job = new CorruptionJob(
                location,
                selected(),
                severities(),
                seed,
                constants(),
                Optional.ofNullable(frostTextures),
                folder ? Layout.IMAGENET_C : layout == null ? Layout.CIFAR_C : Layout.named(layout),
                folder ? encoding(true) : ImageEncoding.PNG,
                output);
        CorruptionEngine chosen = engine.equalsIgnoreCase("local")
                ? new LocalEngine(threads > 0 ? threads : Runtime.getRuntime().availableProcessors())
                : CorruptionEngine.named(engine.toLowerCase(Locale.ROOT));
        List<String> command = spec.commandLine().getParseResult().originalArgs();
        try (CorruptedSetBuilder builder = CorruptedSetBuilder.open(job, Version.CURRENT, command)) {
            if (dryRun) {
                say(builder.plan(), job);
                return 0;
            }
            return build(builder, chosen, job);
        }
    }

    private void say(CorruptedSetBuilder.Plan plan, CorruptionJob job) {
        if (json) {
            out().println(planJson(plan, job).put("dry_run", true).toPrettyString());
            return;
        }
        out().println(plan.source());
        out().println(plan.complete() ? "complete already in " + job.output() : planned(plan, job));
    }

    private static String planned(CorruptedSetBuilder.Plan plan, CorruptionJob job) {
        String done = plan.pendingImages() < plan.images()
                ? String.format(Locale.ROOT, ", %,d of them already there", plan.images() - plan.pendingImages())
                : "";
        String size = plan.arrayBytes() > 0
                ? String.format(Locale.ROOT, ", %,.1f MiB", plan.arrayBytes() / (double) (1 << 20))
                : " as " + job.encoding();
        return String.format(
                Locale.ROOT,
                "%d corruptions at %d severities: %,d images%s%s, in %d chunks, to %s",
                job.corruptions().size(),
                job.severities().size(),
                plan.images(),
                size,
                done,
                plan.chunks(),
                job.output());
    }

    private static ObjectNode planJson(CorruptedSetBuilder.Plan plan, CorruptionJob job) {
        return new JsonMapper()
                .createObjectNode()
                .put("source", plan.source())
                .put("output", job.output().toString())
                .put("images", plan.images())
                .put("images_to_do", plan.pendingImages())
                .put("chunks", plan.chunks())
                .put("chunks_to_do", plan.pendingChunks())
                .put("complete", plan.complete());
    }

    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    private int build(CorruptedSetBuilder builder, CorruptionEngine chosen, CorruptionJob job) {
        CorruptedSetBuilder.Plan plan = builder.prepare();
        long start = System.nanoTime();
        CorruptedSetBuilder.Result result;
        try (Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            if (!json && !plan.complete() && plan.pendingImages() < plan.images()) {
                progress.line("going on with a build that was cut off: " + planned(plan, job));
            }
            progress.stage("corrupt", plan.pendingImages());
            Counter counter = new Counter(progress);
            result = Interruption.during(
                    () -> counter.stopped = true, () -> builder.build(chosen, Optional.ofNullable(master), counter));
            progress.stageDone();
        } catch (CancellationException e) {
            throw new UserError("stopped before the set was complete; run the same command again to go on", e);
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        if (json) {
            ObjectNode report = planJson(plan, job);
            report.put("seconds", seconds).put("files", result.files());
            ArrayNode skipped = report.putArray("skipped");
            result.skipped().forEach(skipped::add);
            out().println(report.toPrettyString());
        } else {
            result.skipped()
                    .forEach(line -> spec.commandLine().getErr().println("hornbeam: warning: skipped: " + line));
            out().println(
                            plan.complete()
                                    ? job.output() + " is complete already; check it with: hornbeam corrupt --verify "
                                            + job.output()
                                    : String.format(
                                            Locale.ROOT,
                                            "%,d images in %,d files, %d skipped, %,.0f images/s; written to %s",
                                            result.images(),
                                            result.files(),
                                            result.skipped().size(),
                                            plan.pendingImages() / Math.max(1e-9, seconds),
                                            job.output()));
        }
        return result.skipped().isEmpty() ? 0 : 1;
    }

    /** Hands counts of several threads to the display, which is for one. */
    private static final class Counter implements CorruptionEngine.Progress {
        private final Progress progress;
        private volatile boolean stopped;

        Counter(Progress progress) {
            this.progress = progress;
        }

        @Override
        public synchronized void done(long images) {
            progress.stageAdvance(images);
        }

        @Override
        public boolean isStopped() {
            return stopped;
        }
    }

    // ------------------------------------------------------------------------------------------------------------
    // check

    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    private int verify() {
        SetVerification.Result result;
        try (Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            progress.stage("verify", SetVerification.files(verify));
            result = SetVerification.of(verify, progress::stageAdvance);
            progress.stageDone();
        }
        if (json) {
            ObjectNode report = new JsonMapper().createObjectNode();
            report.put("folder", verify.toString()).put("files", result.files());
            ArrayNode problems = report.putArray("problems");
            result.problems().forEach(problems::add);
            out().println(report.toPrettyString());
        } else {
            result.problems().forEach(out()::println);
            out().println(
                            result.problems().isEmpty()
                                    ? verify + ": all " + result.files() + " files are as the manifest says"
                                    : verify + ": " + result.problems().size() + " problems in " + result.files()
                                            + " files");
        }
        return result.problems().isEmpty() ? 0 : 1;
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
