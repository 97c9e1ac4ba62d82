package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.io.StoredTensor;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.io.WeightsSource;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.models.weights.Fit;
import dev.hornbeam.models.weights.PretrainedWeights;
import dev.hornbeam.models.weights.WeightsReport;
import dev.hornbeam.nn.Module;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.TrainingParts;
import dev.hornbeam.training.run.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hornbeam weights}: what files of weights hold, and weights for PyTorch. */
@Command(
        name = "weights",
        description = {
            "Shows and converts files of weights.",
            "Formats, told apart by content: safetensors (a run's checkpoints too), PyTorch's .pth and .pt, NumPy's .npz, pickled"
                    + " NumPy arrays, Flax's MessagePack. Files are only read: one that asks to run something is refused."
        })
final class WeightsCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to do with the weights");
    }

    @Command(name = "show", description = "Lists the tensors of a file: name, type and shape.")
    void show(
            @Parameters(paramLabel = "FILE", description = "A file of weights.") Path file,
            @Option(names = "--json", description = "Print JSON.") boolean json) {
        PrintWriter out = spec.commandLine().getOut();
        try (WeightsSource source = WeightsSource.open(file)) {
            Map<String, StoredTensor> tensors = source.tensors();
            long elements =
                    tensors.values().stream().mapToLong(StoredTensor::elements).sum();
            if (json) {
                ObjectNode root = new JsonMapper().createObjectNode();
                root.put("file", file.toString()).put("format", source.format()).put("elements", elements);
                ObjectNode texts = root.putObject("metadata");
                source.metadata().forEach(texts::put);
                ArrayNode list = root.putArray("tensors");
                for (StoredTensor tensor : tensors.values()) {
                    ObjectNode node = list.addObject();
                    node.put("name", tensor.name()).put("type", tensor.type());
                    Arrays.stream(tensor.shape()).forEach(node.putArray("shape")::add);
                }
                out.println(root.toPrettyString());
                return;
            }
            out.println(file + ": " + source.format() + ", " + tensors.size() + " tensors, " + elements + " elements");
            source.metadata().forEach((name, text) -> out.println("  " + name + ": " + shortened(text)));
            TextTable table = new TextTable(3).row("name", "type", "shape");
            tensors.values().forEach(tensor -> table.row(printable(tensor.name()), tensor.type(), shape(tensor)));
            out.print(table);
            out.flush();
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    @Command(
            name = "convert",
            description = {
                "Writes the weights of a network as a safetensors file with PyTorch's names and layouts,",
                "for load_state_dict(strict=True) and for this program."
            })
    void convert(
            @Parameters(paramLabel = "IN", description = "A file of weights, or a checkpoint of a run.") Path in,
            @Parameters(paramLabel = "OUT.safetensors", description = "Where the weights go.") Path out,
            @Option(
                            names = "--model",
                            paramLabel = "NAME",
                            description = "The network, as in resnet50; a checkpoint knows its own.")
                    String model,
            @Option(names = "--width", paramLabel = "W", description = "Base width, if it is not the network's own.")
                    Integer width,
            @Option(
                            names = "--channels",
                            paramLabel = "C",
                            description = "Channels of the images; those of the published network if not given.")
                    Integer channels,
            @Option(
                            names = "--classes",
                            paramLabel = "K",
                            description =
                                    "Classes; the file's own if not given. Of another number, the head is made new.")
                    Integer classes,
            @Option(
                            names = "--size",
                            paramLabel = "S",
                            description = "Height and width of the images, for networks with learned positions.")
                    Integer size) {
        Optional<Checkpoint> checkpoint =
                Checkpoint.isCheckpoint(in) ? Optional.of(Checkpoint.read(in)) : Optional.empty();
        String name = checkpoint
                .map(Checkpoint::modelName)
                .or(() -> Optional.ofNullable(model))
                .orElseThrow(() ->
                        new UserError(in + " holds weights alone; say with --model NAME which network they are of"));
        if (model != null && !model.equals(name)) {
            throw new UserError(in + " is a checkpoint of " + name + ", not of " + model
                    + "; leave --model out or name the right one");
        }
        ModelSpec made =
                checkpoint.map(Checkpoint::modelSpec).orElseGet(() -> spec(in, name, width, channels, classes, size));
        try (Module network = TrainingParts.model(name, made, 0)) {
            WeightsReport report = Checkpoint.loadWeights(in, network, classes == null ? Fit.EXACT : Fit.NEW_HEAD);
            PretrainedWeights.save(
                    network, out, Map.of("format", "pt", "model", name, "hornbeam_version", Version.CURRENT));
            spec.commandLine().getOut().println(in + ": " + report);
            spec.commandLine()
                    .getOut()
                    .println(out + ": " + name + ", " + network.parameterCount() + " parameters, for images of "
                            + made.channels() + " channels and " + made.classes() + " classes");
        } catch (IOException e) {
            throw UserError.cannotWrite(out, e);
        }
    }

    private static ModelSpec spec(
            Path in, String name, Integer width, Integer channels, Integer classes, Integer size) {
        // A wrong name is found when the network is made.
        Optional<ModelCatalog.Entry> entry = ModelCatalog.find(name);
        int inFile = classes != null
                ? classes
                : classesIn(in, entry.map(ModelCatalog.Entry::head).orElse("fc"));
        int imageChannels = channels != null
                ? channels
                : entry.map(ModelCatalog.Entry::channels).orElse(3);
        try {
            ModelSpec spec = new ModelSpec(
                    imageChannels, inFile, width == null ? OptionalInt.empty() : OptionalInt.of(width), false);
            return size == null ? spec : spec.withSide(size);
        } catch (IllegalArgumentException e) {
            throw new UserError(e.getMessage(), e);
        }
    }

    private static int classesIn(Path file, String head) {
        try (PretrainedWeights weights = PretrainedWeights.open(file)) {
            return weights.classes(head)
                    .orElseThrow(() -> new UserError(file
                            + " has no tensor that could be a head; say with --classes K how many classes to make"));
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static UserError unreadable(Path file, IOException e) {
        return e instanceof TensorFileException ? new UserError(e.getMessage(), e) : UserError.cannotRead(file, e);
    }

    private static String shape(StoredTensor tensor) {
        return Arrays.stream(tensor.shape()).mapToObj(Long::toString).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String shortened(String text) {
        String line = printable(text);
        return line.length() <= 100 ? line : line.substring(0, 100) + "...";
    }

    // Names and texts of strangers reach a terminal.
    private static String printable(String text) {
        return text.replaceAll("[\\p{Cc}\\u2028\\u2029]", "?");
    }
}
