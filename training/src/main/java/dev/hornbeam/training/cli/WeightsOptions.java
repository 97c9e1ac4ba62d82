package dev.hornbeam.training.cli;

import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.models.weights.PretrainedWeights;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.Precision;
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
            description =
                    "A checkpoint of a run, or weights: safetensors, .pth, .npz and others (see hornbeam weights).")
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

    @Option(names = "--exact", description = "Direct sums in all convolutions: slower, smaller rounding errors.")
    private boolean exact;

    /** A network with its weights. */
    record Loaded(Module network, Optional<Checkpoint> checkpoint, Device device) {
        /**
         * Makes the network compute in a type.
         *
         * @param dtype null for the type that the checkpoint's run computed in; f32 for weights alone
         */
        Precision computeIn(Precision dtype) {
            Precision chosen =
                    dtype != null ? dtype : checkpoint.map(Checkpoint::dtype).orElse(Precision.F32);
            chosen.applyTo(network);
            return chosen;
        }

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
        return load(channels, OptionalInt.empty());
    }

    /**
     * Makes the network and reads its weights.
     *
     * @param channels of the images it is for
     * @param side of the images it is for, if they are square; counts for weights alone
     */
    Loaded load(int channels, OptionalInt side) {
        Engine.setThreads(threads);
        Engine.setExact(exact);
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
        Module network = checkpoint.map(known -> known.network(file)).orElseGet(() -> {
            ModelSpec spec = new ModelSpec(channels, classesInFile(), widthGiven(), false);
            return TrainingParts.model(
                    requiredModelName(), side.isPresent() ? spec.withSide(side.getAsInt()) : spec, 0);
        });
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

    /** The file with the weights. */
    Path file() {
        return file;
    }

    /**
     * The name of the network: the checkpoint's own, or the one given.
     *
     * @throws UserError if there are weights alone and no name is given
     */
    String requiredModelName() {
        return modelName()
                .orElseThrow(() ->
                        new UserError(file + " holds weights alone; say with --model NAME which network they are of"));
    }

    /** The checkpoint's description, if the file is one. */
    Optional<Checkpoint> checkpoint() {
        return Checkpoint.isCheckpoint(file) ? Optional.of(Checkpoint.read(file)) : Optional.empty();
    }

    /** The network's name in the catalog: the checkpoint's, or the one that was given. */
    Optional<String> modelName() {
        return checkpoint().map(Checkpoint::modelName).or(() -> Optional.ofNullable(model));
    }

    /** How many classes the network tells apart: the checkpoint's, or those of the head among the weights. */
    int classes() {
        return checkpoint().map(Checkpoint::classes).orElseGet(this::classesInFile);
    }

    private OptionalInt widthGiven() {
        return width == null ? OptionalInt.empty() : OptionalInt.of(width);
    }

    private int classesInFile() {
        String name = requiredModelName();
        String head = ModelCatalog.find(name).map(ModelCatalog.Entry::head).orElse("fc");
        try (PretrainedWeights weights = PretrainedWeights.open(file)) {
            return weights.classes(head)
                    .orElseThrow(() -> new UserError(file + " has no tensor that could be the head of " + name
                            + ": neither " + head + ".weight nor one that heads are usually called"));
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(file, e);
        }
    }
}
