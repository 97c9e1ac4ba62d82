package dev.hornbeam.nn;

import dev.hornbeam.autograd.ActivationCheckpoint;
import dev.hornbeam.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** A forward pass of a block that keeps only its input. */
final class CheckpointedBlock {
    private final Module block;
    private final List<Object> settings;

    private CheckpointedBlock(Module block) {
        this.block = block;
        this.settings = settings();
    }

    /** block(x), computed again in the backward pass. */
    static Tensor forward(Module block, Tensor x) {
        List<Parameter> parameters = block.parameters();
        Tensor[] values = new Tensor[parameters.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = parameters.get(i).value();
        }
        return ActivationCheckpoint.checkpoint(new CheckpointedBlock(block)::run, x, values);
    }

    private Tensor run(Tensor x) {
        if (ActivationCheckpoint.isRecomputing() && !settings().equals(settings)) {
            throw new IllegalStateException(
                    "activation checkpoint: the mode, the compute type, the weight noise or the step of "
                            + block.getClass().getSimpleName()
                            + " changed between its forward and its backward pass, which would compute something else; run backward"
                            + " before the change");
        }
        return block.forward(x);
    }

    // Everything that a module is told from outside and that its result depends on.
    private List<Object> settings() {
        List<Object> found = new ArrayList<>();
        block.apply(module -> {
            found.add(module.isTraining());
            found.add(module.computeType());
            found.add(module.resultType());
            if (module instanceof RandomLayer layer) {
                found.add(layer.numbers());
            }
            if (module instanceof BatchNorm2d norm) {
                found.add(norm.statistics());
            }
        });
        for (Parameter parameter : block.parameters()) {
            found.add(parameter.noise());
        }
        return found;
    }
}
