package dev.hornbeam.training.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.profile.Profiler;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.NativeMemoryException;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.method.WeightPerturbation;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Precision;
import dev.hornbeam.training.run.TrainingParts;
import dev.hornbeam.training.run.Version;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam info}: what this program and this machine are. */
@Command(
        name = "info",
        description = {
            "Shows versions, devices, instruction tiers and models.",
            "With --verbose also by which algorithm each convolution and linear layer of a network is computed here."
        })
final class InfoCommand implements Runnable {
    /** The largest network here has some 3,000 in a step. */
    private static final int RECORDS = 1 << 15;

    @Spec
    private CommandSpec spec;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Option(
            names = "--verbose",
            description =
                    "Also train a step of a network on random images, and show which algorithms the engine chose.")
    private boolean verbose;

    @Option(
            names = "--model",
            paramLabel = "MODEL",
            description = "With --verbose: the network; resnet18 if not given.")
    private String model;

    @Option(names = "--batch", paramLabel = "B", description = "With --verbose: images in the batch; 128 if not given.")
    private Integer batch;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "With --verbose: type to compute in: ${COMPLETION-CANDIDATES}; f32 if not given.")
    private Precision dtype;

    @Override
    public void run() {
        String without = model != null ? "--model" : batch != null ? "--batch" : dtype != null ? "--dtype" : null;
        if (!verbose && without != null) {
            throw new ParameterException(spec.commandLine(), without + " says nothing without --verbose");
        }
        if (batch != null && (batch < 1 || batch > 1 << 20)) {
            throw new ParameterException(spec.commandLine(), "--batch is " + batch + "; expected 1 to 1048576");
        }
        PrintWriter out = spec.commandLine().getOut();
        ObjectNode facts = facts();
        if (!verbose) {
            print(out, facts);
            return;
        }
        ModelCatalog.Entry published = TrainingParts.requireModel(model == null ? "resnet18" : model);
        FixedBatchTraining.Task task = new FixedBatchTraining.Task(
                published.name(),
                batch == null ? 128 : batch,
                published.side(),
                published.channels(),
                published.classes(),
                false,
                dtype == null ? Precision.F32 : dtype);
        AlgorithmTable algorithms = algorithms(task);
        if (json) {
            ObjectNode choices = facts.putObject("algorithms")
                    .put("model", task.model())
                    .put("batch", task.batch())
                    .put("dtype", task.dtype().toString());
            algorithms.addTo(choices.putArray("layers"));
        }
        print(out, facts);
        if (!json) {
            out.println();
            out.println(task.model() + ", " + task.dtype() + ", batches of " + task.batch() + " images of "
                    + BenchNetworkOptions.size(task) + "; in brackets how much faster than the direct sum Winograd's"
                    + " algorithm is expected to be:");
            out.print(algorithms.text());
        }
    }

    private void print(PrintWriter out, ObjectNode facts) {
        if (json) {
            out.println(facts.toPrettyString());
        } else {
            facts.properties().forEach(fact -> {
                if (fact.getKey().equals("cuda")) {
                    CudaFacts.lines(fact.getValue()).forEach(out::println);
                } else {
                    out.println(fact.getKey() + ": " + text(fact.getValue()));
                }
            });
        }
    }

    private static AlgorithmTable algorithms(FixedBatchTraining.Task task) {
        try (FixedBatchTraining training = new FixedBatchTraining(task, WeightPerturbation.none(), Device.cpu());
                Profiler profiler = Profiler.start(RECORDS)) {
            training.step();
            return new AlgorithmTable(profiler.stop().ops());
        } catch (NativeMemoryException e) {
            throw new UserError(
                    "not enough memory for a step of " + task.model() + " on " + task.batch()
                            + " images: choose a smaller --batch (" + e.getMessage() + ")",
                    e);
        }
    }

    private static ObjectNode facts() {
        JsonMapper mapper = new JsonMapper();
        ObjectNode facts = mapper.createObjectNode();
        facts.put("hornbeam", Version.CURRENT);
        facts.put("java", Runtime.version().toString());
        try {
            mapper.readTree(Engine.info()).properties().forEach(fact -> facts.set(fact.getKey(), fact.getValue()));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("the engine's description is no JSON: " + Engine.info(), e);
        }
        for (Precision type : Precision.values()) {
            facts.withArray("types").add(type.toString());
        }
        facts.put("library", Engine.library().toString());
        facts.put("jpeg", ImageDecoder.jpegDecoder());
        ModelCatalog.names().forEach(facts.putArray("models")::add);
        return facts;
    }

    private static String text(JsonNode value) {
        if (!value.isArray()) {
            return value.asText();
        }
        StringBuilder text = new StringBuilder();
        value.forEach(element -> text.append(text.isEmpty() ? "" : ", ").append(element.asText()));
        return text.toString();
    }
}
