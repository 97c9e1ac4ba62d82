package dev.hornbeam.training.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code hornbeam bench}: how fast this machine trains. */
@Command(
        name = "bench",
        description = "Measures the speed of training, of inference and of single ops, and compares it with PyTorch's.",
        subcommands = {
            BenchTrainCommand.class,
            BenchInferCommand.class,
            BenchCompareCommand.class,
            BenchRooflineCommand.class,
            BenchPredictCommand.class,
            BenchOpsCommand.class
        })
final class BenchCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to measure");
    }
}
