package dev.hornbeam.models.weights;

import dev.hornbeam.tensor.Tensor;

/** How a tensor of a file becomes one in PyTorch's layout. */
enum Rearrangement {
    /** It is in PyTorch's layout. */
    NONE(0) {
        @Override
        long[] shape(long[] s) {
            return s;
        }

        @Override
        Tensor apply(Tensor x) {
            return x;
        }
    },
    /** Kernel of a convolution in Flax: HWIO to OIHW. */
    CONVOLUTION(4) {
        @Override
        long[] shape(long[] s) {
            return new long[] {s[3], s[2], s[0], s[1]};
        }

        @Override
        Tensor apply(Tensor x) {
            return x.permute(3, 2, 0, 1).dense();
        }
    },
    /** Kernel of a dense layer in Flax: [in, out] to [out, in]. */
    DENSE(2) {
        @Override
        long[] shape(long[] s) {
            return new long[] {s[1], s[0]};
        }

        @Override
        Tensor apply(Tensor x) {
            return x.transpose(0, 1).dense();
        }
    },
    /** Kernel of a query, key or value in Flax: [in, heads, per head] to [heads * per head, in]. */
    INTO_HEADS(3) {
        @Override
        long[] shape(long[] s) {
            return new long[] {s[1] * s[2], s[0]};
        }

        @Override
        Tensor apply(Tensor x) {
            return x.reshape(x.size(0), x.size(1) * x.size(2)).transpose(0, 1).dense();
        }
    },
    /** Its bias: [heads, per head] to [heads * per head]. */
    HEADS_BIAS(2) {
        @Override
        long[] shape(long[] s) {
            return new long[] {s[0] * s[1]};
        }

        @Override
        Tensor apply(Tensor x) {
            return x.reshape(x.elements());
        }
    },
    /** Kernel of the layer that joins the heads in Flax: [heads, per head, out] to [out, heads * per head]. */
    OUT_OF_HEADS(3) {
        @Override
        long[] shape(long[] s) {
            return new long[] {s[2], s[0] * s[1]};
        }

        @Override
        Tensor apply(Tensor x) {
            return x.reshape(x.size(0) * x.size(1), x.size(2)).transpose(0, 1).dense();
        }
    };

    private final int rank;

    Rearrangement(int rank) {
        this.rank = rank;
    }

    /** Whether a tensor of this shape can be rearranged so. */
    boolean takes(long[] shape) {
        return rank == 0 || shape.length == rank;
    }

    /** The shape in PyTorch's layout of a tensor of this shape, which it {@link #takes}. */
    abstract long[] shape(long[] file);

    /** The tensor in PyTorch's layout, in the innermost scope. */
    abstract Tensor apply(Tensor x);
}
