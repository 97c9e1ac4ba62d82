package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.models.inspect.NetworkInspection;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.NativeMemoryException;
import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.run.Precision;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hornbeam models}: the networks, and what they cost. */
@Command(name = "models", description = "Lists the networks and shows what they are made of and cost.")
final class ModelsCommand implements Runnable {
    private static final String JSON_HELP = "Print JSON.";
    private static final String BATCH_HELP = "Images a step, for the memory; default ${DEFAULT-VALUE}.";
    private static final String CHECKPOINTING_HELP =
            "Keep only the inputs of blocks for the backward pass and compute the rest again.";
    private static final String DTYPE_HELP =
            "Type to compute in, for the memory: ${COMPLETION-CANDIDATES}; default ${DEFAULT-VALUE}.";
    private static final double MEBI = 1 << 20;
    private static final double MILLION = 1e6;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to do with the models");
    }

    @Command(
            name = "list",
            description = {
                "Lists the networks: image and classes of the published network, parameters, million multiply-adds"
                        + " (MMACs) an image, memory in MiB.",
                "\"activations\" is what a batch's forward pass keeps for the backward pass; \"step\" is the most in"
                        + " use during a training step: weights, gradients, momenta, images, activations. A FLOP count is"
                        + " twice the multiply-adds."
            })
    void list(
            @Option(names = "--batch", paramLabel = "B", defaultValue = "32", description = BATCH_HELP) int batch,
            @Option(names = "--activation-checkpointing", description = CHECKPOINTING_HELP) boolean checkpointing,
            @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "f32", description = DTYPE_HELP)
                    Precision dtype,
            @Option(names = "--json", description = JSON_HELP) boolean json) {
        requireBatch(batch);
        PrintWriter out = spec.commandLine().getOut();
        List<ModelCatalog.Entry> entries = ModelCatalog.all();
        if (json) {
            ArrayNode array = new JsonMapper().createArrayNode();
            for (ModelCatalog.Entry entry : entries) {
                NetworkInspection inspection =
                        inspect(entry, entry.publishedSpec(), entry.side(), batch, checkpointing, dtype);
                array.add(json(entry, entry.publishedSpec(), inspection, checkpointing, dtype));
            }
            out.println(array.toPrettyString());
            return;
        }
        TextTable table = new TextTable(2)
                .row("name", "image", "classes", "parameters", "MMACs", "activations", "step")
                .row("", "", "", "", "per image", "MiB, b=" + batch, "MiB, b=" + batch);
        for (ModelCatalog.Entry entry : entries) {
            NetworkInspection inspection =
                    inspect(entry, entry.publishedSpec(), entry.side(), batch, checkpointing, dtype);
            table.row(
                    entry.name(),
                    image(inspection.image()),
                    entry.classes(),
                    grouped(inspection.parameters()),
                    number(inspection.multiplyAdds() / MILLION),
                    number(inspection.activationBytes() / MEBI),
                    number(inspection.peakBytes() / MEBI));
        }
        out.print(table);
        out.flush();
    }

    @Command(
            name = "show",
            description = {
                "Shows a network op by op: its module, the op, the shape of the result (without the batch),"
                        + " parameters, multiply-adds an image, and the memory that the op's gradient keeps until the"
                        + " backward pass.",
                "Memory that two ops keep is the first one's."
            })
    void show(
            @Parameters(index = "0", paramLabel = "NAME", description = "Network, as in resnet18.") String name,
            @Option(names = "--size", paramLabel = "S", description = "Side of the images in pixels.") Integer size,
            @Option(names = "--classes", paramLabel = "N", description = "Classes.") Integer classes,
            @Option(names = "--channels", paramLabel = "C", description = "Channels of the images.") Integer channels,
            @Option(names = "--batch", paramLabel = "B", defaultValue = "32", description = BATCH_HELP) int batch,
            @Option(names = "--activation-checkpointing", description = CHECKPOINTING_HELP) boolean checkpointing,
            @Option(names = "--dtype", paramLabel = "TYPE", defaultValue = "f32", description = DTYPE_HELP)
                    Precision dtype,
            @Option(names = "--json", description = JSON_HELP) boolean json) {
        requireBatch(batch);
        ModelCatalog.Entry entry = ModelCatalog.find(name)
                .orElseThrow(() -> new UserError("there is no model \"" + name + "\""
                        + NearestNames.didYouMean(name, ModelCatalog.names()) + " The models are "
                        + String.join(", ", ModelCatalog.names())));
        int side = size == null ? entry.side() : size;
        ModelSpec what;
        try {
            what = ModelSpec.of(
                            channels == null ? entry.channels() : channels, classes == null ? entry.classes() : classes)
                    .withSide(side);
        } catch (IllegalArgumentException e) {
            throw new UserError(e.getMessage(), e);
        }
        NetworkInspection inspection = inspect(entry, what, side, batch, checkpointing, dtype);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(withLayers(json(entry, what, inspection, checkpointing, dtype), inspection)
                    .toPrettyString());
        } else {
            print(out, entry, what, inspection);
        }
    }

    private void requireBatch(int batch) {
        if (batch < 1) {
            throw new ParameterException(spec.commandLine(), "--batch is " + batch + "; expected at least 1");
        }
    }

    private static NetworkInspection inspect(
            ModelCatalog.Entry entry, ModelSpec what, int side, int batch, boolean checkpointing, Precision dtype) {
        try {
            return NetworkInspection.of(
                    () -> {
                        Module network = ModelCatalog.create(entry.name(), what, 1);
                        network.setActivationCheckpointing(checkpointing);
                        dtype.applyTo(network);
                        return network;
                    },
                    List.of((long) side, (long) side, (long) what.channels()),
                    batch);
        } catch (NativeMemoryException e) {
            throw new UserError(
                    "not enough memory to look at " + entry.name() + " in batches of " + batch
                            + ": choose a smaller --batch (" + e.getMessage() + ")",
                    e);
        } catch (IllegalArgumentException e) {
            throw new UserError(
                    entry.name() + " cannot train on " + side + "x" + side + "x" + what.channels()
                            + " images in batches of " + batch + ": " + e.getMessage(),
                    e);
        }
    }

    private static ObjectNode json(
            ModelCatalog.Entry entry,
            ModelSpec what,
            NetworkInspection inspection,
            boolean checkpointing,
            Precision dtype) {
        ObjectNode node = new JsonMapper().createObjectNode();
        node.put("name", entry.name()).put("description", entry.description());
        inspection.image().forEach(node.putArray("image")::add);
        return node.put("classes", what.classes())
                .put("parameters", inspection.parameters())
                .put("multiply_adds_per_image", inspection.multiplyAdds())
                .put("batch", inspection.batch())
                .put("activation_checkpointing", checkpointing)
                .put("dtype", dtype.toString())
                .put("activation_bytes", inspection.activationBytes())
                .put("step_peak_bytes", inspection.peakBytes());
    }

    private static ObjectNode withLayers(ObjectNode node, NetworkInspection inspection) {
        ArrayNode layers = node.putArray("layers");
        for (NetworkInspection.Layer layer : inspection.layers()) {
            ObjectNode row = layers.addObject().put("module", layer.module()).put("op", layer.op());
            layer.shape().forEach(row.putArray("shape")::add);
            row.put("parameters", layer.parameters())
                    .put("multiply_adds_per_image", layer.multiplyAdds())
                    .put("activation_bytes", layer.activationBytes());
        }
        return node;
    }

    private static void print(PrintWriter out, ModelCatalog.Entry entry, ModelSpec what, NetworkInspection inspection) {
        out.println(entry.name() + ": " + entry.description() + "; images " + image(inspection.image()) + ", "
                + what.classes() + " classes, batches of " + inspection.batch());
        TextTable table = new TextTable(3)
                .row("module", "op", "result", "parameters", "MMACs", "activations")
                .row("", "", "", "", "per image", "MiB");
        long kept = 0;
        for (NetworkInspection.Layer layer : inspection.layers()) {
            kept += layer.activationBytes();
            table.row(
                    layer.module().isEmpty() ? "-" : layer.module(),
                    layer.op(),
                    image(perImage(layer.shape(), inspection.batch())),
                    layer.parameters() == 0 ? "" : grouped(layer.parameters()),
                    layer.multiplyAdds() == 0 ? "" : number(layer.multiplyAdds() / MILLION),
                    layer.activationBytes() == 0 ? "" : number(layer.activationBytes() / MEBI));
        }
        table.row(
                "all",
                "",
                "",
                grouped(inspection.parameters()),
                number(inspection.multiplyAdds() / MILLION),
                number(kept / MEBI));
        out.print(table);
        out.printf(
                Locale.ROOT,
                "%.3f GMACs an image (%.3f GFLOPs); activations %s MiB and at most %s MiB in use during a training"
                        + " step%n",
                inspection.multiplyAdds() / 1e9,
                2 * inspection.multiplyAdds() / 1e9,
                number(inspection.activationBytes() / MEBI),
                number(inspection.peakBytes() / MEBI));
    }

    // Results that do not follow the batch, such as resized positions, are shown whole.
    private static List<Long> perImage(List<Long> shape, int batch) {
        return !shape.isEmpty() && shape.getFirst() == batch ? shape.subList(1, shape.size()) : shape;
    }

    private static String image(List<Long> sizes) {
        return sizes.stream().map(String::valueOf).collect(Collectors.joining("x"));
    }

    private static String grouped(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%,.1f", value);
    }
}
