package dev.hornbeam.models;

import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import java.util.Arrays;

/** The size of images that a network with dense layers behind its features is made for. */
final class ImageSide {
    private ImageSide() {}

    /** That of the spec, or the published one. */
    static int of(ModelSpec spec, int published, int least) {
        int side = spec.side().orElse(published);
        if (side < least) {
            throw new IllegalArgumentException("side is " + side + "; expected at least " + least);
        }
        return side;
    }

    /** Refuses images of another size. */
    static void require(Tensor x, int side, String network) {
        if (x.rank() != 4 || x.size(1) != side || x.size(2) != side) {
            throw new TensorArgumentException(network + ": x " + Arrays.toString(x.shape()) + " is not [n, " + side
                    + ", " + side + ", channels]; make the network for images of that side");
        }
    }
}
