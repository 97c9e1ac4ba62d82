package dev.hornbeam.models;

import dev.hornbeam.nn.Dropout;
import dev.hornbeam.nn.LayerNorm;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.SelfAttention;
import dev.hornbeam.nn.StochasticDepth;
import dev.hornbeam.tensor.Tensor;
import java.util.function.UnaryOperator;

/**
 * A pre-norm transformer block (Dosovitskiy et al. 2021): x + attn(norm1(x)), then x + mlp(norm2(x)), each branch with
 * stochastic depth. Dropout follows every linear layer but that of queries, keys and values.
 */
final class TransformerBlock extends Module {
    private static final double EPSILON = 1e-6;

    private final LayerNorm norm1;
    private final SelfAttention attention;
    private final Dropout attentionDropout;
    private final StochasticDepth attentionDepth;
    private final LayerNorm norm2;
    private final Mlp mlp;
    private final StochasticDepth mlpDepth;

    /**
     * The block.
     *
     * @param gelu the exact one or the one with tanh
     */
    TransformerBlock(int dim, int heads, int hidden, UnaryOperator<Tensor> gelu, double dropRate, double depthRate) {
        norm1 = child("norm1", norm(dim));
        attention = child("attn", new SelfAttention(dim, heads));
        attentionDropout = child("drop1", Dropout.elements(dropRate));
        attentionDepth = child("drop_path1", new StochasticDepth(depthRate));
        norm2 = child("norm2", norm(dim));
        mlp = child("mlp", new Mlp(dim, hidden, gelu, dropRate));
        mlpDepth = child("drop_path2", new StochasticDepth(depthRate));
    }

    /** A norm with the constant of vision transformers. */
    static LayerNorm norm(int dim) {
        return new LayerNorm(dim, EPSILON);
    }

    SelfAttention attention() {
        return attention;
    }

    Mlp mlp() {
        return mlp;
    }

    @Override
    protected Tensor compute(Tensor x) {
        Tensor attended = attentionDropout.forward(attention.forward(norm1.forward(x)));
        Tensor y = x.add(attentionDepth.forward(attended));
        return y.add(mlpDepth.forward(mlp.forward(norm2.forward(y))));
    }

    /** Two linear layers with a GELU between them. */
    static final class Mlp extends Module {
        private final Linear fc1;
        private final UnaryOperator<Tensor> gelu;
        private final Dropout drop1;
        private final Linear fc2;
        private final Dropout drop2;

        Mlp(int dim, int hidden, UnaryOperator<Tensor> gelu, double dropRate) {
            this.gelu = gelu;
            fc1 = child("fc1", new Linear(dim, hidden));
            drop1 = child("drop1", Dropout.elements(dropRate));
            fc2 = child("fc2", new Linear(hidden, dim));
            drop2 = child("drop2", Dropout.elements(dropRate));
        }

        Linear fc1() {
            return fc1;
        }

        Linear fc2() {
            return fc2;
        }

        @Override
        protected Tensor compute(Tensor x) {
            Tensor hidden = drop1.forward(gelu.apply(fc1.forward(x)));
            return drop2.forward(fc2.forward(hidden));
        }
    }
}
