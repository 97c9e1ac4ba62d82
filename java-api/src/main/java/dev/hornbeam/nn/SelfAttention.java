package dev.hornbeam.nn;

import dev.hornbeam.tensor.Tensor;

/**
 * Multi-head self-attention (Vaswani et al. 2017) with timm's names: one linear layer {@code qkv} that makes queries, keys
 * and values of all heads, softmax attention within every head, and a linear layer {@code proj}. Both have biases, and both
 * weights take weight noise.
 */
public final class SelfAttention extends Module {
    private final int heads;
    private final Linear qkv;
    private final Linear proj;

    /**
     * Of tokens of that size.
     *
     * @param heads divides dim
     */
    public SelfAttention(int dim, int heads) {
        if (dim < 1 || heads < 1 || dim % heads != 0) {
            throw new IllegalArgumentException(
                    "self-attention: dim " + dim + " is no multiple of heads " + heads + ", or one of them is below 1");
        }
        this.heads = heads;
        this.qkv = child("qkv", new Linear(dim, 3 * dim));
        this.proj = child("proj", new Linear(dim, dim));
    }

    /** The number of heads. */
    public int heads() {
        return heads;
    }

    /** The layer that makes queries, keys and values: its weight is [3 * dim, dim], in this order, each head after head. */
    public Linear qkv() {
        return qkv;
    }

    /** The layer behind the heads; its weight is [dim, dim]. */
    public Linear proj() {
        return proj;
    }

    /** x [n, t, dim]: like x. */
    @Override
    protected Tensor compute(Tensor x) {
        return proj.forward(dev.hornbeam.autograd.ops.Attention.attention(qkv.forward(x), heads));
    }
}
