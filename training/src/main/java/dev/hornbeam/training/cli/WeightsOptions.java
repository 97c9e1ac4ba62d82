package dev.hornbeam.training.cli;

import dev.hornbeam.io.Safetensors;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.TrainingParts;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** The options of every command that uses a trained network: where its weights are, and what network they are of. */
final class WeightsOptions {
    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "FILE",
            description = "A checkpoint of a run, or a .safetensors file of weights.")
    private Path file;

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description = "The network, as in resnet18; a checkpoint knows its own.")
    private String model;

    @Option(
            names = "--width",
            paramLabel = "W",
            description = "Base width, for weights of a network of another than its own.")
    private Integer width;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "cpu",
            description = "Where to compute; default ${DEFAULT-VALUE}.")
    private String device;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads of the engine; 0, the default, takes all cores.")
    private int threads;

    /** A network with its weights. */
    record Loaded(Module network, Optional<Checkpoint> checkpoint, Device device) {
        /** How pixels are scaled; weights alone say nothing of it, and pixels stay in [0, 1]. */
        Normalization normalization(int channels) {
            return checkpoint.map(Checkpoint::normalization).orElseGet(() -> Normalization.none(channels));
        }
    }

    /**
     * Makes the network and reads its weights.
     *
     * @param channels of the images it is for
     */
    Loaded load(int channels) {
        Engine.setThreads(threads);
        Device target = TrainingParts.device(device);
        Optional<Checkpoint> checkpoint = checkpoint();
        checkpoint.ifPresent(known -> {
            if (model != null && !model.equals(known.modelName())) {
                throw new UserError(file + " is a checkpoint of " + known.modelName() + ", not of " + model
                        + "; leave --model out or name the right one");
            }
            if (known.channels() != channels) {
                throw new UserError(file + " is of a network for images of " + known.channels()
                        + " channels; the input has " + channels);
            }
        });
        if (checkpoint.isEmpty() && model == null) {
            throw new UserError(file + " holds weights alone; say with --model NAME which network they are of");
        }
        Module network = TrainingParts.model(
                checkpoint.map(Checkpoint::modelName).orElse(model),
                checkpoint
                        .map(known -> new ModelSpec(known.channels(), known.classes(), known.baseWidth(), false))
                        .orElseGet(() -> new ModelSpec(channels, classesInFile(), widthGiven(), false)),
                0);
        try {
            Checkpoint.loadWeights(file, network);
        } catch (UserError e) {
            network.close();
            throw e;
        }
        network.to(target);
        network.eval();
        return new Loaded(network, checkpoint, target);
    }

    /** The checkpoint's description, if the file is one. */
    Optional<Checkpoint> checkpoint() {
        return Checkpoint.isCheckpoint(file) ? Optional.of(Checkpoint.read(file)) : Optional.empty();
    }

    private OptionalInt widthGiven() {
        return width == null ? OptionalInt.empty() : OptionalInt.of(width);
    }

    // The last linear layer of every network here is called fc.
    private int classesInFile() {
        try (Safetensors weights = Safetensors.open(file)) {
            Safetensors.Entry head = weights.entries().get("fc.weight");
            if (head == null) {
                throw new UserError(
                        file + " has no tensor fc.weight: it is not a file of weights of a network of Hornbeam");
            }
            return Math.toIntExact(head.shape()[0]);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }
}
