package dev.hornbeam.nn;

import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import java.util.Arrays;

/**
 * How a weight lies in PyTorch's files, as against in memory: files keep PyTorch's order of dimensions, so that they load
 * on both sides.
 */
public sealed interface WeightLayout {
    /** The same in both. */
    WeightLayout SAME = new Same();

    /** Kernels: OIHW in files, OHWI in memory. */
    WeightLayout CONVOLUTION = new Convolution();

    /** Weights of a linear layer behind a flattened image: [out, c * h * w] in files, [out, h * w * c] in memory. */
    static WeightLayout flattened(int channels, int height, int width) {
        return new Flattened(channels, height, width);
    }

    /** The sizes in memory of a weight with these sizes in a file; a rank that does not fit is left as it is. */
    long[] memoryShape(long[] fileShape);

    /** The weight as in a file, dense. */
    Tensor toFile(Tensor weight);

    /** The weight as in memory; perhaps a view. */
    Tensor fromFile(Tensor weight);

    /** The same in both. */
    record Same() implements WeightLayout {
        @Override
        public long[] memoryShape(long[] fileShape) {
            return fileShape.clone();
        }

        @Override
        public Tensor toFile(Tensor weight) {
            return weight.dense();
        }

        @Override
        public Tensor fromFile(Tensor weight) {
            return weight;
        }
    }

    /** OIHW and OHWI. */
    record Convolution() implements WeightLayout {
        @Override
        public long[] memoryShape(long[] fileShape) {
            return fileShape.length == 4
                    ? new long[] {fileShape[0], fileShape[2], fileShape[3], fileShape[1]}
                    : fileShape.clone();
        }

        @Override
        public Tensor toFile(Tensor weight) {
            return weight.permute(0, 3, 1, 2).dense();
        }

        @Override
        public Tensor fromFile(Tensor weight) {
            return weight.permute(0, 2, 3, 1);
        }
    }

    /**
     * Flattened CHW and HWC.
     *
     * @param channels of the image
     * @param height of the image
     * @param width of the image
     */
    record Flattened(int channels, int height, int width) implements WeightLayout {
        @Override
        public long[] memoryShape(long[] fileShape) {
            return fileShape.clone();
        }

        @Override
        public Tensor toFile(Tensor weight) {
            long rows = checked(weight);
            return weight.reshape(rows, height, width, channels)
                    .permute(0, 3, 1, 2)
                    .dense()
                    .reshape(rows, -1);
        }

        @Override
        public Tensor fromFile(Tensor weight) {
            long rows = checked(weight);
            return weight.reshape(rows, channels, height, width)
                    .permute(0, 2, 3, 1)
                    .reshape(rows, (long) height * width * channels);
        }

        private long checked(Tensor weight) {
            if (weight.rank() != 2 || weight.size(1) != (long) channels * height * width) {
                throw new TensorArgumentException("a weight of shape " + Arrays.toString(weight.shape())
                        + " does not follow an image of " + channels + " channels, " + height + " by " + width);
            }
            return weight.size(0);
        }
    }
}
