package dev.hornbeam.nn;

import dev.hornbeam.tensor.Tensor;

/** Modules one after the other, named 0, 1, 2, .. unless named otherwise. */
public final class Sequential extends Module {
    private boolean checkpointing;

    /** Of these modules, in order. */
    public Sequential(Module... modules) {
        for (Module module : modules) {
            add(module);
        }
    }

    /** Puts a module at the end, named by its place. Returns this module. */
    public Sequential add(Module module) {
        return add(Integer.toString(children().size()), module);
    }

    /** Puts a module at the end under a name. Returns this module. */
    public Sequential add(String name, Module module) {
        child(name, module);
        return this;
    }

    void setCheckpointing(boolean enabled) {
        checkpointing = enabled;
    }

    /** The last module's result. */
    @Override
    protected Tensor compute(Tensor x) {
        return chain(x, children().values(), (module, y) -> {
            // A sequence within this one checkpoints its own blocks, and layers alone have nothing to save.
            boolean block = checkpointing && !module.children().isEmpty() && !(module instanceof Sequential);
            return block ? CheckpointedBlock.forward(module, y) : module.forward(y);
        });
    }
}
