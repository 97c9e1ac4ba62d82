package dev.hornbeam.models;

import dev.hornbeam.nn.Sequential;

/** The stages of a residual network: runs of blocks, each stage after the first at half the resolution. */
final class ResidualStages {
    private ResidualStages() {}

    /** A stage of {@code blocks} blocks; the first may change the number of channels and the resolution. */
    static Sequential stage(
            int blocks, int in, int out, int stride, BasicBlock.Shortcut shortcut, Normalisation normalisation) {
        Sequential stage = new Sequential();
        for (int i = 0; i < blocks; i++) {
            stage.add(new BasicBlock(i == 0 ? in : out, out, i == 0 ? stride : 1, shortcut, normalisation));
        }
        return stage;
    }
}
