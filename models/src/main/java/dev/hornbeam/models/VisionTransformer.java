package dev.hornbeam.models;

import dev.hornbeam.nn.Dropout;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.LayerNorm;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;

/**
 * ViT-S/16 and ViT-B/16: patches of 16×16 pixels, twelve transformer blocks, a norm and a linear layer {@code head}. There
 * are two published forms; see {@link Form}.
 *
 * <p>Input [n, h, w, channels] of any size from 16×16, published for 224×224; pixels beyond the last whole patch are left out.
 * Output logits [n, classes]. With 1000 classes of RGB images of that size the classic ViT-S/16 has 22,050,664 parameters and
 * ViT-B/16 86,567,656, the simple ones 21,974,632 and 86,415,592.
 *
 * <p>Classic positions are learned for the grid of patches of the spec's side, 224 unless given. For images with another
 * grid they are interpolated, {@linkplain PositionGrid.Interpolation#BICUBIC bicubically}, in every forward pass, and get their
 * gradients through it.
 *
 * <p>A base width in the {@link ModelSpec} stands in the place of 384 or 768; the heads then are as many of the published number
 * as divide it. The drop rate is 0 unless given.
 *
 * <p>Parameters are named as in timm: {@code cls_token, pos_embed, patch_embed.proj, blocks.0.norm1, blocks.0.attn.qkv,
 * blocks.0.attn.proj, blocks.0.norm2, blocks.0.mlp.fc1, blocks.0.mlp.fc2 … norm, head}.
 */
public final class VisionTransformer extends Module implements Headed {
    private static final int PATCH = 16;
    private static final int SIDE = 224;
    private static final int DEPTH = 12;
    private static final int MLP_RATIO = 4;
    private static final double DEVIATION = 0.02;
    private static final double SMALL_DEVIATION = 1e-6;

    /** What is added to the patches, and what is classified. */
    public enum Form {
        /**
         * Dosovitskiy et al. 2021, as in timm: a token of its own is classified; positions are learned; the GELU is exact.
         * Weights start as timm's: normal with deviation 0.02 (cut off at 2, where they never are), biases at 0.
         */
        CLASSIC,
        /**
         * "Simple ViT" (Beyer et al. 2022), as in big_vision and in DAMP's code: the mean of all patches is classified;
         * positions are {@linkplain PositionGrid#sinCos fixed}; the GELU is the one with tanh. Weights start uniform by fan in and fan
         * out, for queries, keys and values each by itself, the head at 0.
         */
        SIMPLE
    }

    private final Form form;
    private final int dim;
    private final int grid;
    private final Parameter classToken;
    private final Parameter positions;
    private final PatchEmbedding patches;
    private final Dropout dropout;
    private final Sequential blocks;
    private final LayerNorm norm;
    private final Linear head;
    private Tensor cached;
    private int cachedHeight;
    private int cachedWidth;

    private VisionTransformer(Form form, int publishedWidth, int publishedHeads, ModelSpec spec) {
        this.form = form;
        dim = spec.width().orElse(publishedWidth);
        grid = ImageSide.of(spec, SIDE, PATCH) / PATCH;
        int heads = publishedHeads;
        while (dim % heads != 0) {
            heads--;
        }
        if (form == Form.CLASSIC) {
            classToken = parameter("cls_token", Tensor.zeros(1, 1, dim), Parameter.Role.OTHER);
            positions = parameter("pos_embed", Tensor.zeros(1, 1 + (long) grid * grid, dim), Parameter.Role.OTHER);
        } else {
            PositionGrid.quarter(dim);
            classToken = null;
            positions = null;
        }
        patches = child("patch_embed", new PatchEmbedding(spec.channels(), dim, PATCH));
        double dropRate = spec.dropRate().orElse(0);
        dropout = child("pos_drop", Dropout.elements(dropRate));
        blocks = child("blocks", new Sequential());
        for (int i = 0; i < DEPTH; i++) {
            blocks.add(new TransformerBlock(
                    dim,
                    heads,
                    MLP_RATIO * dim,
                    form == Form.CLASSIC ? Tensor::gelu : Tensor::geluTanh,
                    dropRate,
                    spec.dropPath() * i / (DEPTH - 1)));
        }
        norm = child("norm", TransformerBlock.norm(dim));
        head = child("head", new Linear(dim, spec.classes()));
    }

    /** ViT-S/16 with weights drawn from {@code seed}. */
    public static VisionTransformer small(Form form, ModelSpec spec, long seed) {
        return new VisionTransformer(form, 384, 6, spec).initialised(seed);
    }

    /** ViT-B/16 with weights drawn from {@code seed}. */
    public static VisionTransformer base(Form form, ModelSpec spec, long seed) {
        return new VisionTransformer(form, 768, 12, spec).initialised(seed);
    }

    private VisionTransformer initialised(long seed) {
        Init.standard(this, seed);
        switch (form) {
            case CLASSIC -> {
                Init.normal(classToken, 0, SMALL_DEVIATION, seed);
                Init.normal(positions, 0, DEVIATION, seed);
                apply(module -> {
                    if (module instanceof Linear linear) {
                        Init.normal(linear.weight(), 0, DEVIATION, seed);
                        Init.constant(linear.bias(), 0);
                    }
                });
            }
            case SIMPLE -> {
                Init.lecunNormal(patches.proj().weight(), seed);
                Init.constant(patches.proj().bias(), 0);
                apply(module -> {
                    if (module instanceof TransformerBlock block) {
                        initialise(block, seed);
                    }
                });
                Init.constant(head.weight(), 0);
                Init.constant(head.bias(), 0);
            }
        }
        return this;
    }

    private void initialise(TransformerBlock block, long seed) {
        Linear qkv = block.attention().qkv();
        // Three square matrices, one below the other.
        double bound = Math.sqrt(6.0 / (2.0 * dim));
        Init.uniform(qkv.weight(), -bound, bound, seed);
        Init.constant(qkv.bias(), 0);
        Linear proj = block.attention().proj();
        Init.xavierUniform(proj.weight(), seed);
        Init.constant(proj.bias(), 0);
        for (Linear linear : new Linear[] {block.mlp().fc1(), block.mlp().fc2()}) {
            Init.xavierUniform(linear.weight(), seed);
            Init.normal(linear.bias(), 0, SMALL_DEVIATION, seed);
        }
    }

    @Override
    public String head() {
        return "head";
    }

    @Override
    protected Tensor compute(Tensor x) {
        if (x.rank() != 4 || x.size(1) < PATCH || x.size(2) < PATCH) {
            throw new TensorArgumentException("vision transformer: x " + Arrays.toString(x.shape())
                    + " is not [n, h, w, channels] with h and w at least " + PATCH);
        }
        Tensor embedded = patches.forward(x);
        int height = (int) embedded.size(1);
        int width = (int) embedded.size(2);
        Tensor tokens = embedded.reshape(embedded.size(0), (long) height * width, dim);
        return switch (form) {
            case CLASSIC -> {
                // Repeated first: so its gradient is summed over the batch in its own type.
                Tensor first = classToken.value().expand(tokens.size(0), 1, dim).as(tokens.dtype());
                Tensor y = Tensor.concat(1, first, tokens)
                        .add(learned(height, width).as(tokens.dtype()));
                y = blocks.forward(dropout.forward(y));
                // The norm is of each token by itself: only one is needed.
                yield head.forward(norm.forward(y.select(1, 0).dense()));
            }
            case SIMPLE -> {
                Tensor y = blocks.forward(dropout.forward(tokens.add(forGrid(height, width, tokens))));
                yield head.forward(norm.forward(y).mean(false, 1));
            }
        };
    }

    /** Positions [1, 1 + height * width, dim]. */
    private Tensor learned(int height, int width) {
        Tensor stored = positions.value();
        if (height == grid && width == grid) {
            return stored;
        }
        Tensor weights = forGrid(height, width, stored);
        Tensor others = weights.matmul(stored.slice(1, 1, stored.size(1)).reshape((long) grid * grid, dim));
        return Tensor.concat(1, stored.slice(1, 0, 1), others.reshape(1, (long) height * width, dim));
    }

    // Fixed positions, or what interpolates learned ones. Images mostly have the same size as those before.
    private Tensor forGrid(int height, int width, Tensor like) {
        DType dtype = like.dtype();
        Device device = like.device();
        if (cached == null
                || cachedHeight != height
                || cachedWidth != width
                || cached.dtype() != dtype
                || !cached.device().equals(device)) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor made = form == Form.SIMPLE
                        ? PositionGrid.sinCos(height, width, dim)
                        : PositionGrid.interpolation(grid, grid, height, width, PositionGrid.Interpolation.BICUBIC);
                Tensor placed = made.cast(dtype).to(device).detach().keep();
                if (cached != null) {
                    cached.close();
                }
                cached = placed;
            }
            cachedHeight = height;
            cachedWidth = width;
        }
        return cached;
    }

    @Override
    public void close() {
        super.close();
        if (cached != null) {
            cached.close();
        }
    }
}
