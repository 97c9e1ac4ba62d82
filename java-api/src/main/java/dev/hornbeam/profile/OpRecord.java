package dev.hornbeam.profile;

import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * One call of an op of the engine, or one kernel of an op that runs several.
 *
 * <p>Bytes are counted as if every element of the inputs were read once and every element of the results written once;
 * operations are those of the definition, whatever algorithm was taken. So neither depends on how it was computed, and a
 * rate made of them can be above what the machine can do.
 *
 * @param op what was called, or the op that would run this kernel alone
 * @param partOf the op whose call this is a part of; empty for a whole call, whose parts have records of their own
 * @param thread number of the calling thread, from 1; {@link Profiler#thread} gives one's own
 * @param startNanos when it began, by {@link System#nanoTime}
 * @param nanos how long it took
 * @param bytesRead bytes of the inputs
 * @param bytesWritten bytes of the results, and of inputs that were changed in place
 * @param operations multiplications and additions of a product, convolution or attention; 0 for other ops
 * @param algorithm such as {@code direct}; empty where there is but one
 * @param estimate the cost model's time of the direct sum over that of the other algorithm, which is taken above 1; 0 where
 *     no cost model was asked
 * @param dtype of the first tensor that is read, or of the first result; empty for a call without tensors
 * @param shape of the images of a convolution or the rows of a linear layer, in all their passes; the number of elements
 *     of an optimizer's parameters; else of the first tensor that is read, or of the first result
 * @param otherShape of the weights [o, kh, kw, c / groups] or [out, in]; else of the second tensor that is read; may be empty
 * @param strideHeight of a convolution; else 0
 * @param strideWidth of a convolution; else 0
 * @param groups of a convolution; else 0
 */
public record OpRecord(
        Engine.Op op,
        Optional<Engine.Op> partOf,
        int thread,
        long startNanos,
        long nanos,
        long bytesRead,
        long bytesWritten,
        double operations,
        String algorithm,
        double estimate,
        Optional<DType> dtype,
        List<Long> shape,
        List<Long> otherShape,
        int strideHeight,
        int strideWidth,
        int groups) {

    /** When it ended, by {@link System#nanoTime}. */
    public long endNanos() {
        return startNanos + nanos;
    }

    /** Bytes read and written. */
    public long bytes() {
        return bytesRead + bytesWritten;
    }

    /** Whether this is a pass of a convolution. */
    public boolean isConvolution() {
        return strideHeight > 0;
    }

    /** Whether this is a pass of a linear layer. */
    public boolean isLinear() {
        return op.name().startsWith("linear");
    }

    /**
     * What was computed, in short: {@code 128x32x32x16 to 32, 3x3 stride 2} for a convolution, {@code 3152x384 to 1536} for a
     * linear layer, {@code 128x32x32x16} for others, with the second shape where it tells more.
     */
    public String shapeText() {
        if (isConvolution()) {
            return text(shape) + " to " + otherShape.get(0) + ", " + otherShape.get(1) + "x" + otherShape.get(2)
                    + strideText() + (groups == 1 ? "" : ", " + groups + " groups");
        }
        if (isLinear()) {
            return text(shape) + " to " + otherShape.get(0);
        }
        boolean product = operations > 0 && !otherShape.isEmpty() && !otherShape.equals(shape);
        return text(shape) + (product ? " by " + text(otherShape) : "");
    }

    private String strideText() {
        if (strideHeight == 1 && strideWidth == 1) {
            return "";
        }
        return " stride " + (strideHeight == strideWidth ? strideHeight : strideHeight + "x" + strideWidth);
    }

    private static String text(List<Long> sizes) {
        return sizes.isEmpty() ? "1" : sizes.stream().map(String::valueOf).collect(Collectors.joining("x"));
    }
}
