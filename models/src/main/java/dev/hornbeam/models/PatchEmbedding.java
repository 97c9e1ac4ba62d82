package dev.hornbeam.models;

import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Tensor;

/** A linear map of every patch of an image: [n, h, w, c] gives [n, h / patch, w / patch, dim]. Rests of patches are left out. */
final class PatchEmbedding extends Module {
    private final Conv2d proj;

    PatchEmbedding(int channels, int dim, int patch) {
        proj = child("proj", new Conv2d(channels, dim, patch, Conv2dOptions.of(patch, 0), true));
    }

    /** The map, a convolution with the patch for its stride. */
    Conv2d proj() {
        return proj;
    }

    @Override
    protected Tensor compute(Tensor x) {
        return proj.forward(x);
    }
}
