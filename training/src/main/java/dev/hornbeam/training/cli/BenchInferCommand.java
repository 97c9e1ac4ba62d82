package dev.hornbeam.training.cli;

import dev.hornbeam.training.run.FixedBatchInference;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Throughput;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam bench infer}: how fast a network answers, on one fixed batch. */
@Command(
        name = "infer",
        description = "Measures forward passes in evaluation mode, without gradients, on one random batch.")
final class BenchInferCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchTaskOptions options;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private long parameters;

    @Override
    public void run() {
        FixedBatchTraining.Task task = options.task(false);
        Throughput result = options.measured(task, "look at", () -> {
            try (FixedBatchInference inference = new FixedBatchInference(task, options.device())) {
                parameters = inference.parameters();
                return Throughput.measure(inference, options.seconds());
            }
        });
        BenchReport report = new BenchReport(task, options.device(), parameters, options.exact(), result);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(report.json());
        } else {
            report.print(out, "inference", "pass");
        }
    }
}
