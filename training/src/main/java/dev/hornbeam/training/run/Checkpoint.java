package dev.hornbeam.training.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.io.WeightsSource;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.models.weights.Fit;
import dev.hornbeam.models.weights.PretrainedWeights;
import dev.hornbeam.models.weights.WeightsReport;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.image.Resize;
import dev.hornbeam.training.method.Stateful;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * A run as it stands after a step, in one safetensors file: all that is needed to go on to the same bits.
 *
 * <p>Tensors are named {@code model.<PyTorch's name>} (in PyTorch's layout, so that other programs can read them),
 * {@code optimizer.<kind>.<parameter>} and {@code method.<axis>.<name>}. The metadata key {@code hornbeam} holds a JSON object
 * with everything else: the network's shape, the scaling of pixels, class names, the run's position and its configuration.
 * There is no state of random generators: every draw follows from the seed and the step. The file is written aside and
 * renamed: it is complete or absent.
 *
 * @param modelName name in the catalog of models
 * @param channels of the input images
 * @param height of the images it was trained on
 * @param width of the images it was trained on
 * @param classNames names of the classes, in order
 * @param classes outputs of the network, at least as many as there are names
 * @param baseWidth of the network, empty for its own
 * @param dtype what the network computed in; checkpoints older than it are f32. The tensors are f32 in any case
 * @param normalization how pixels are scaled
 * @param preprocessing what is done to image files before that; checkpoints older than it get {@link Preprocessing#of} their size
 * @param position how far the run is
 * @param optimizerSteps steps that the optimizer counts
 * @param config the run's configuration, as YAML
 * @param dataChecksum of the training images: a run cannot go on with others
 */
public record Checkpoint(
        String modelName,
        int channels,
        int height,
        int width,
        List<String> classNames,
        int classes,
        OptionalInt baseWidth,
        Precision dtype,
        Normalization normalization,
        Preprocessing preprocessing,
        TrainingLoop.Position position,
        long optimizerSteps,
        String config,
        String dataChecksum) {
    private static final String KEY = "hornbeam";
    private static final int FORMAT = 1;
    private static final String MODEL = "model.";
    private static final String OPTIMIZER = "optimizer.";
    private static final JsonMapper JSON = new JsonMapper();

    /** Keeps its own copy of the names. */
    public Checkpoint {
        classNames = List.copyOf(classNames);
    }

    /** What the network was made for. */
    public ModelSpec modelSpec() {
        ModelSpec spec = new ModelSpec(channels, classes, baseWidth, false);
        return height == width ? spec.withSide(height) : spec;
    }

    /**
     * Makes the network, with weights yet to be loaded.
     *
     * @param file that this was read from, for messages
     * @throws UserError if this version does not know the network
     */
    public Module network(Path file) {
        try {
            return TrainingParts.model(modelName, modelSpec(), 0);
        } catch (UserError e) {
            throw new UserError(file + ": " + e.getMessage(), e);
        }
    }

    /**
     * Writes this and the tensors of {@code loop} to {@code file}.
     *
     * @throws UserError if the file cannot be written; an older file of that name is then still whole
     */
    public void write(Path file, TrainingLoop loop) {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        try (TensorScope _ = TensorScope.open()) {
            WeightsFile.toFile(loop.model()).forEach((name, tensor) -> tensors.put(MODEL + name, tensor));
            loop.optimizer().state().forEach((name, tensor) -> tensors.put(OPTIMIZER + name, tensor));
            axes(loop.method())
                    .forEach((axis, part) -> part.state().forEach((name, tensor) -> tensors.put(axis + name, tensor)));
            Safetensors.write(file, tensors, Map.of(KEY, toJson().toString()));
        } catch (IOException e) {
            throw UserError.cannotWrite(file, e);
        }
    }

    /**
     * Reads all but the tensors.
     *
     * @throws UserError if the file cannot be read, is damaged, or is not a checkpoint of Hornbeam
     */
    public static Checkpoint read(Path file) {
        try (Safetensors tensors = Safetensors.open(file)) {
            return of(file, tensors);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** Whether the file is a checkpoint, and not weights alone, of whatever format. */
    public static boolean isCheckpoint(Path file) {
        try (WeightsSource tensors = WeightsSource.open(file)) {
            return tensors instanceof Safetensors && tensors.metadata().containsKey(KEY);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /**
     * Puts the weights in {@code file}, a checkpoint or a plain file of weights of any format, into {@code model}.
     *
     * @throws UserError if the file cannot be read or its weights are another network's
     */
    public static void loadWeights(Path file, Module model) {
        if (!isCheckpoint(file)) {
            loadWeights(file, model, Fit.EXACT);
            return;
        }
        try (Safetensors tensors = Safetensors.open(file)) {
            WeightsFile.load(model, tensors, file, MODEL, true);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /**
     * Puts weights to start from into {@code model}.
     *
     * @return what was loaded and what was not
     * @throws UserError if the file cannot be read or its weights do not fit as asked for
     */
    public static WeightsReport loadWeights(Path file, Module model, Fit fit) {
        try (PretrainedWeights weights = PretrainedWeights.open(file)) {
            return weights.loadInto(model, fit);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /**
     * Puts everything in {@code file} into {@code loop}: weights, optimizer, what the method remembers, the position.
     *
     * @throws UserError if the file cannot be read or belongs to another network, optimizer or method
     */
    public static void restore(Path file, TrainingLoop loop) {
        loadWeights(file, loop.model());
        try (Safetensors tensors = Safetensors.open(file);
                TensorScope _ = TensorScope.open()) {
            Checkpoint checkpoint = of(file, tensors);
            loop.optimizer().loadState(withPrefix(tensors, OPTIMIZER), checkpoint.optimizerSteps);
            for (Map.Entry<String, Stateful> axis : axes(loop.method()).entrySet()) {
                axis.getValue().load(withPrefix(tensors, axis.getKey()));
            }
            loop.resume(checkpoint.position);
        } catch (IOException e) {
            throw unreadable(file, e);
        } catch (IllegalArgumentException e) {
            throw new UserError(file + " does not fit this run: " + e.getMessage(), e);
        }
    }

    private static Map<String, Stateful> axes(TrainingLoop.Method method) {
        Map<String, Stateful> axes = new LinkedHashMap<>();
        axes.put("method.objective.", method.objective());
        axes.put("method.weights.", method.weights());
        axes.put("method.input.", method.input());
        axes.put("method.projection.", method.projection());
        return axes;
    }

    private static Map<String, Tensor> withPrefix(Safetensors file, String prefix) throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (String name : file.entries().keySet()) {
            if (name.startsWith(prefix)) {
                tensors.put(name.substring(prefix.length()), file.read(name));
            }
        }
        return tensors;
    }

    private ObjectNode toJson() {
        ObjectNode root = JSON.createObjectNode();
        root.put("format", FORMAT);
        root.put("version", Version.CURRENT);
        ObjectNode model = root.putObject("model");
        model.put("name", modelName);
        model.put("classes", classes);
        model.put("channels", channels).put("height", height).put("width", width);
        if (baseWidth.isPresent()) {
            model.put("base_width", baseWidth.getAsInt());
        }
        model.put("dtype", dtype.toString());
        classNames.forEach(model.putArray("class_names")::add);
        ObjectNode pixels = root.putObject("normalization");
        normalization.mean().forEach(pixels.putArray("mean")::add);
        normalization.std().forEach(pixels.putArray("std")::add);
        ObjectNode images = root.putObject("preprocessing");
        images.put("height", preprocessing.height()).put("width", preprocessing.width());
        images.put("channels", preprocessing.channels());
        images.put("resize", preprocessing.resize().toString());
        images.put("interpolation", preprocessing.interpolation().toString());
        images.put("background", preprocessing.background().toString());
        ObjectNode at = root.putObject("position");
        at.put("step", position.step()).put("epoch", position.epoch()).put("batch", position.batch());
        // Bits, not decimals: the epoch's mean must come out equal after a resume.
        at.put("loss_sum_bits", Double.doubleToRawLongBits(position.lossSum()));
        at.put("correct", position.correct()).put("images", position.images());
        root.put("optimizer_steps", optimizerSteps);
        root.put("data_checksum", dataChecksum);
        root.put("config", config);
        return root;
    }

    private static Checkpoint of(Path file, Safetensors tensors) {
        String text = tensors.metadata().get(KEY);
        if (text == null) {
            throw new UserError(file + " is no checkpoint of Hornbeam: its metadata lacks the key \"" + KEY
                    + "\"; expected a file that a run wrote to its checkpoints folder");
        }
        JsonNode root;
        try {
            root = JSON.readTree(text);
            int format = required(root, "format").asInt();
            if (format != FORMAT) {
                throw new UserError(
                        file + " is a checkpoint of format " + format + "; this version reads format " + FORMAT);
            }
        } catch (JsonProcessingException | IllegalArgumentException e) {
            throw damaged(file, e);
        }
        try {
            Checkpoint checkpoint = of(root);
            checkpoint.checkSizes(tensors);
            return checkpoint;
        } catch (IllegalArgumentException | UserError e) {
            throw damaged(file, e);
        }
    }

    private static UserError damaged(Path file, Exception e) {
        return new UserError(file + " is damaged: its description cannot be understood: " + e.getMessage(), e);
    }

    // The network is made before its weights are compared with it: a damaged number must not make it larger than they
    // are.
    private void checkSizes(Safetensors tensors) {
        ModelSpec spec = modelSpec();
        long largest = tensors.entries().values().stream()
                .map(Safetensors.Entry::shape)
                .filter(shape -> Arrays.stream(shape).noneMatch(size -> size == 0))
                .flatMapToLong(Arrays::stream)
                .max()
                .orElse(0);
        requireAtMost("classes", spec.classes(), largest);
        requireAtMost("channels", spec.channels(), largest);
        spec.width().ifPresent(width -> requireAtMost("base_width", width, largest));
    }

    private static void requireAtMost(String key, int value, long largest) {
        if (value > largest) {
            throw new IllegalArgumentException(
                    key + " is " + value + ", but no tensor in the file is longer than " + largest);
        }
    }

    private static Checkpoint of(JsonNode root) {
        JsonNode model = required(root, "model");
        JsonNode pixels = required(root, "normalization");
        JsonNode at = required(root, "position");
        return new Checkpoint(
                required(model, "name").asText(),
                required(model, "channels").asInt(),
                required(model, "height").asInt(),
                required(model, "width").asInt(),
                elements(model, "class_names").map(JsonNode::asText).toList(),
                required(model, "classes").asInt(),
                model.has("base_width") ? OptionalInt.of(model.get("base_width").asInt()) : OptionalInt.empty(),
                dtype(model),
                new Normalization(
                        elements(pixels, "mean").map(JsonNode::asDouble).toList(),
                        elements(pixels, "std").map(JsonNode::asDouble).toList()),
                preprocessing(root, model),
                new TrainingLoop.Position(
                        required(at, "step").asLong(),
                        required(at, "epoch").asInt(),
                        required(at, "batch").asInt(),
                        Double.longBitsToDouble(required(at, "loss_sum_bits").asLong()),
                        required(at, "correct").asLong(),
                        required(at, "images").asLong()),
                required(root, "optimizer_steps").asLong(),
                required(root, "config").asText(),
                required(root, "data_checksum").asText());
    }

    private static Precision dtype(JsonNode model) {
        String name = model.path("dtype").asText(Precision.F32.toString());
        for (Precision precision : Precision.values()) {
            if (precision.toString().equals(name)) {
                return precision;
            }
        }
        throw new IllegalArgumentException("dtype is \"" + name + "\"; this version knows f32 and bf16");
    }

    private static Preprocessing preprocessing(JsonNode root, JsonNode model) {
        JsonNode images = root.get("preprocessing");
        if (images == null) {
            return Preprocessing.of(
                    required(model, "height").asInt(),
                    required(model, "width").asInt(),
                    required(model, "channels").asInt());
        }
        try {
            return new Preprocessing(
                    required(images, "height").asInt(),
                    required(images, "width").asInt(),
                    required(images, "channels").asInt(),
                    Resize.parse(required(images, "resize").asText()),
                    Interpolation.parse(required(images, "interpolation").asText()),
                    Background.parse(required(images, "background").asText()));
        } catch (UserError e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    private static JsonNode required(JsonNode node, String key) {
        JsonNode value = node.get(key);
        if (value == null) {
            throw new IllegalArgumentException("the key \"" + key + "\" is missing");
        }
        return value;
    }

    private static Stream<JsonNode> elements(JsonNode node, String key) {
        List<JsonNode> list = new ArrayList<>();
        required(node, key).forEach(list::add);
        return list.stream();
    }

    private static UserError unreadable(Path file, IOException e) {
        // The readers of tensor files already name the file and what is wrong with it.
        return e instanceof dev.hornbeam.io.TensorFileException
                ? new UserError(e.getMessage(), e)
                : UserError.cannotRead(file, e);
    }
}
