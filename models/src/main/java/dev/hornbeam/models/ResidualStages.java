package dev.hornbeam.models;

import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Sequential;

/** The stages of a residual network: runs of blocks, each stage after the first at half the resolution. */
final class ResidualStages {
    private ResidualStages() {}

    /** Makes one block. */
    @FunctionalInterface
    interface BlockFactory {
        /** A block with so many channels in and out, whose result has 1/stride of the resolution. */
        Module block(int in, int out, int stride);
    }

    /** A block whose residual branch ends in a norm, so that it can begin at zero. */
    interface EndsInNorm {
        /** Makes the residual branch zero, so that the block begins as its shortcut. */
        void zeroResidual();
    }

    /** A stage of {@code blocks} blocks; the first may change the number of channels and the resolution. */
    static Sequential stage(int blocks, int in, int out, int stride, BlockFactory factory) {
        Sequential stage = new Sequential();
        for (int i = 0; i < blocks; i++) {
            stage.add(factory.block(i == 0 ? in : out, out, i == 0 ? stride : 1));
        }
        return stage;
    }

    /** Makes the residual branches of all blocks zero. */
    static void zeroResiduals(Module network) {
        network.apply(module -> {
            if (module instanceof EndsInNorm block) {
                block.zeroResidual();
            }
        });
    }
}
