package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.io.AtomicFile;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.image.ImageFiles;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.prediction.Prediction;
import dev.hornbeam.training.prediction.PredictionPipeline;
import dev.hornbeam.training.prediction.Predictor;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.Progress;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam predict}: what a network says about image files, or its outputs for images in an .npy file. */
@Command(
        name = "predict",
        description = {
            "Writes the most probable classes of images as CSV, or the logits for images in an .npy file.",
            "Images: PNG, JPEG, BMP, GIF, WebP, turned upright and resized as in the network's training. An image that cannot be"
                    + " read is reported and left out, and the exit code is then 1.",
            "An .npy file: uint8 [n, h, w, c] or [n, h, w], scaled as in training; or float32, taken as they are. Output:"
                    + " float32 [n, classes]."
        })
final class PredictCommand implements Callable<Integer> {
    private static final int SMALL_SIDE = 64;
    private static final int SMALL_BATCH = 256;
    private static final int LARGE_BATCH = 32;

    @Spec
    private CommandSpec spec;

    @Mixin
    private WeightsOptions weights;

    @Mixin
    private PreprocessingOptions preprocessing;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description =
                    "Type to compute in: ${COMPLETION-CANDIDATES}; by default the checkpoint's own, f32 for weights alone.")
    private Precision dtype;

    @Option(
            names = "--input",
            required = true,
            paramLabel = "FOLDER|FILE|X.npy",
            description = "A folder of images, one image, or an array of images.")
    private Path input;

    @Option(
            names = "--output",
            paramLabel = "OUT.csv|Y.npy",
            description =
                    "Where the predictions go; standard output if not given. For an .npy file, where the logits go.")
    private Path output;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "5",
            description = "Classes of each image, the most probable first; default ${DEFAULT-VALUE}.")
    private int top;

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Images per forward pass; by default " + SMALL_BATCH + ", or " + LARGE_BATCH
                    + " for image files that the network reads with more than " + SMALL_SIDE + " pixels a side.")
    private Integer batch;

    @Option(
            names = "--workers",
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads that decode images; 0, the default, takes one per core.")
    private int workers;

    @Option(names = "--recursive", description = "Search the folders in FOLDER too.")
    private boolean recursive;

    @Option(
            names = "--labels",
            paramLabel = "FILE",
            description = "Names of the classes, one a line in their order; by default the checkpoint's.")
    private Path labels;

    @Option(
            names = "--json",
            description = "Print JSON and no progress: a summary, and without --output the predictions too.")
    private boolean json;

    @Override
    public Integer call() {
        if (batch != null && batch < 1) {
            throw new UserError("--batch is " + batch + "; expected at least 1");
        }
        if (top < 1) {
            throw new UserError("--top-k is " + top + "; expected at least 1");
        }
        if (workers < 0 || workers > 1024) {
            throw new UserError("--workers is " + workers + "; expected 0..1024");
        }
        return input.toString().toLowerCase(Locale.ROOT).endsWith(".npy") ? predictArray() : predictImages();
    }

    // ---------------------------------------------------------------------------------------------------- image files

    private int predictImages() {
        if (output != null && output.toString().toLowerCase(Locale.ROOT).endsWith(".npy")) {
            throw new UserError(
                    "--output is " + output + ", but predictions for image files are written as CSV; name a .csv");
        }
        boolean folder = Files.isDirectory(input);
        List<Path> images = folder ? ImageFiles.list(input, recursive) : List.of(oneImage());
        try (Predictor predictor = predictor()) {
            int side = Math.max(
                    predictor.preprocessing().height(),
                    predictor.preprocessing().width());
            PredictionPipeline pipeline = new PredictionPipeline(
                    predictor,
                    batch != null ? batch : side <= SMALL_SIDE ? SMALL_BATCH : LARGE_BATCH,
                    workers > 0 ? workers : Runtime.getRuntime().availableProcessors(),
                    top);
            return run(pipeline, images, folder ? input : null);
        }
    }

    private Path oneImage() {
        if (!Files.exists(input)) {
            throw new UserError("cannot read " + input + ": no such file or folder");
        }
        return input;
    }

    private Predictor predictor() {
        Preprocessing images = preprocessing.preprocessing(weights);
        WeightsOptions.Loaded loaded = weights.load(images.channels(), preprocessing.side(images));
        loaded.computeIn(dtype);
        try {
            Normalization scaling = preprocessing.normalization(weights, images);
            preprocessing
                    .assumptions(weights, images, scaling)
                    .ifPresent(spec.commandLine().getErr()::println);
            return Predictor.of(
                    loaded.network(),
                    loaded.device(),
                    images,
                    scaling,
                    labels != null
                            ? readLabels(loaded)
                            : loaded.checkpoint().map(Checkpoint::classNames).orElse(List.of()),
                    preprocessing.maxPixels());
        } catch (UserError e) {
            loaded.network().close();
            throw e;
        }
    }

    private List<String> readLabels(WeightsOptions.Loaded loaded) {
        List<String> names;
        try {
            names = Files.readString(labels).strip().lines().map(String::strip).toList();
        } catch (IOException e) {
            throw UserError.cannotRead(labels, e);
        }
        int known = loaded.checkpoint().map(Checkpoint::classes).orElse(names.size());
        if (names.size() != known) {
            throw new UserError(
                    labels + " has " + names.size() + " names, one a line; the network has " + known + " classes");
        }
        return names;
    }

    @SuppressWarnings("ClosingStandardOutputStreams") // Progress leaves the stream open.
    private int run(PredictionPipeline pipeline, List<Path> images, Path folder) {
        try (Progress progress = json ? Progress.silent() : Progress.create(Progress.Mode.AUTO, System.err)) {
            Collected collected = new Collected(folder, progress);
            progress.stage("predict", images.size());
            long start = System.nanoTime();
            // On Ctrl-C the half-written file is to go, not to stay beside the others.
            Interruption.during(() -> collected.stop = true, () -> {
                write(pipeline, images, collected);
                return null;
            });
            progress.stageDone();
            report(collected, (System.nanoTime() - start) / 1e9);
            return collected.skipped.isEmpty() ? 0 : 1;
        }
    }

    private void write(PredictionPipeline pipeline, List<Path> images, Collected collected) {
        PrintWriter out = spec.commandLine().getOut();
        try {
            if (output == null) {
                predict(pipeline, images, collected, json ? Writer.nullWriter() : out);
                out.flush();
                return;
            }
            // The folder is made, and the file begun, before hours of computing.
            Path parent = output.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            AtomicFile.write(output, channel -> {
                Writer rows = new BufferedWriter(
                        new OutputStreamWriter(Channels.newOutputStream(channel), StandardCharsets.UTF_8));
                predict(pipeline, images, collected, rows);
                rows.flush();
            });
        } catch (UncheckedIOException e) {
            throw cannotWrite(e.getCause());
        } catch (IOException e) {
            throw cannotWrite(e);
        }
    }

    private UserError cannotWrite(IOException e) {
        return output == null
                ? new UserError("cannot write to standard output: " + e.getMessage(), e)
                : UserError.cannotWrite(output, e);
    }

    private static void predict(PredictionPipeline pipeline, List<Path> images, Collected collected, Writer rows)
            throws IOException {
        collected.csv = new PredictionCsv(rows, pipeline.top());
        pipeline.run(images, collected);
        collected.csv.finish();
    }

    /** What came out: rows to the CSV, and for JSON everything. */
    private final class Collected implements PredictionPipeline.Receiver {
        private final Path folder;
        private final Progress progress;
        private final ArrayNode predictions = new JsonMapper().createArrayNode();
        private final ArrayNode skipped = new JsonMapper().createArrayNode();
        private PredictionCsv csv;
        private volatile boolean stop;
        private long predicted;

        Collected(Path folder, Progress progress) {
            this.folder = folder;
            this.progress = progress;
        }

        @Override
        public void predicted(Path image, List<Prediction> best) {
            count();
            predicted++;
            String name = name(image);
            csv.write(name, best);
            if (json && output == null) {
                ArrayNode classes = predictions.addObject().put("path", name).putArray("classes");
                for (Prediction one : best) {
                    classes.addObject()
                            .put("name", one.className())
                            .put("index", one.index())
                            .put("probability", one.probability());
                }
            }
        }

        @Override
        public void skipped(Path image, String reason) {
            count();
            progress.pause();
            spec.commandLine().getErr().println("hornbeam: warning: skipped: " + reason.replaceAll("\\s*\\R\\s*", " "));
            skipped.addObject().put("path", name(image)).put("reason", reason);
        }

        private void count() {
            if (stop) {
                throw new UserError("stopped before all images were predicted");
            }
            progress.stageAdvance(1);
        }

        private String name(Path image) {
            return folder == null ? image.toString() : ImageFiles.name(folder, image);
        }
    }

    private void report(Collected collected, double seconds) {
        if (json) {
            ObjectNode root = new JsonMapper().createObjectNode();
            root.put("images", collected.predicted);
            root.set("skipped", collected.skipped);
            root.put("seconds", seconds);
            if (output == null) {
                root.set("predictions", collected.predictions);
            } else {
                root.put("output", output.toString());
            }
            spec.commandLine().getOut().println(root.toPrettyString());
            return;
        }
        String line = String.format(
                Locale.ROOT,
                "%d images predicted, %d skipped, %,.1f images/s%s",
                collected.predicted,
                collected.skipped.size(),
                (collected.predicted + collected.skipped.size()) / Math.max(1e-9, seconds),
                output == null ? "" : "; written to " + output);
        // Standard output has the rows already.
        (output == null ? spec.commandLine().getErr() : spec.commandLine().getOut()).println(line);
    }

    // ------------------------------------------------------------------------------------------------------ .npy files

    private int predictArray() {
        if (output == null || !output.toString().toLowerCase(Locale.ROOT).endsWith(".npy")) {
            throw new UserError(
                    "the logits for the images in " + input + " go to an .npy file; name it with --output Y.npy");
        }
        HostArray images = read();
        long[] shape = images.rank() == 3 ? withOneChannel(images.shape()) : images.shape();
        WeightsOptions.Loaded loaded = weights.load(Math.toIntExact(shape[3]));
        loaded.computeIn(dtype);
        try (Module network = loaded.network()) {
            HostArray logits = predict(network, loaded, images, shape);
            Npy.write(output, logits);
            spec.commandLine().getOut().println(Arrays.toString(logits.shape()) + " logits written to " + output);
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotWrite(output, e);
        }
        return 0;
    }

    private HostArray predict(Module network, WeightsOptions.Loaded loaded, HostArray images, long[] shape) {
        int n = Math.toIntExact(shape[0]);
        int imageLength = Math.toIntExact(shape[1] * shape[2] * shape[3]);
        int perPass = batch == null ? SMALL_BATCH : batch;
        Normalization normalization =
                preprocessing.givenNormalization().orElseGet(() -> loaded.normalization(Math.toIntExact(shape[3])));
        float[] pixels = new float[Math.multiplyExact(perPass, imageLength)];
        float[] logits = new float[0];
        int classes = 0;
        try (var _ = Autograd.noGrad()) {
            for (int first = 0; first < n; first += perPass) {
                int count = Math.min(perPass, n - first);
                images.read((long) first * imageLength, pixels, 0, count * imageLength);
                if (images.dtype() == DType.U8) {
                    scale(pixels, count * imageLength, normalization);
                }
                try (TensorScope _ = TensorScope.open()) {
                    Tensor x = Tensor.empty(DType.F32, loaded.device(), count, shape[1], shape[2], shape[3]);
                    x.write(0, pixels, 0, count * imageLength);
                    Tensor y = network.forward(x);
                    if (first == 0) {
                        classes = Math.toIntExact(y.size(1));
                        logits = new float[Math.multiplyExact(n, classes)];
                    }
                    y.read(0, logits, first * classes, count * classes);
                }
            }
        }
        return HostArray.of(logits, n, classes);
    }

    // Bytes as they were read to what the network was trained on.
    private static void scale(float[] pixels, int count, Normalization normalization) {
        int channels = normalization.channels();
        float[] factors = new float[channels];
        float[] summands = new float[channels];
        for (int c = 0; c < channels; c++) {
            double std = normalization.std().get(c);
            factors[c] = (float) (1 / (255 * std));
            summands[c] = (float) (-normalization.mean().get(c) / std);
        }
        for (int i = 0; i < count; i++) {
            pixels[i] = Math.fma(pixels[i], factors[i % channels], summands[i % channels]);
        }
    }

    private HostArray read() {
        try {
            HostArray images = Npy.read(input);
            if ((images.rank() != 3 && images.rank() != 4)
                    || (images.dtype() != DType.U8 && images.dtype() != DType.F32)) {
                throw new UserError(input + " has shape " + Arrays.toString(images.shape()) + " and type "
                        + images.dtype() + "; expected uint8 or float32 [n, h, w, c] or [n, h, w]");
            }
            return images;
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(input, e);
        }
    }

    private static long[] withOneChannel(long[] shape) {
        return new long[] {shape[0], shape[1], shape[2], 1};
    }
}
