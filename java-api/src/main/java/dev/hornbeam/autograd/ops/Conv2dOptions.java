package dev.hornbeam.autograd.ops;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.hornbeam.internal.ffi.Structs;
import java.lang.foreign.MemorySegment;

/**
 * Stride, padding, dilation and groups of a convolution. The engine checks them.
 *
 * @param strideH rows from one output to the next
 * @param strideW columns from one output to the next
 * @param padH rows of zeros above and below
 * @param padW columns of zeros left and right
 * @param dilationH rows from one tap of the kernel to the next
 * @param dilationW columns from one tap of the kernel to the next
 * @param groups parts into which input and output channels are split
 */
public record Conv2dOptions(int strideH, int strideW, int padH, int padW, int dilationH, int dilationW, int groups) {
    /** Stride 1, no padding. */
    public static final Conv2dOptions DEFAULT = of(1, 0);

    /** Equal in both directions, without dilation or groups. */
    public static Conv2dOptions of(int stride, int pad) {
        return new Conv2dOptions(stride, stride, pad, pad, 1, 1, 1);
    }

    /** The same with a dilation. */
    public Conv2dOptions withDilation(int dilation) {
        return new Conv2dOptions(strideH, strideW, padH, padW, dilation, dilation, groups);
    }

    /** The same with groups. */
    public Conv2dOptions withGroups(int count) {
        return new Conv2dOptions(strideH, strideW, padH, padW, dilationH, dilationW, count);
    }

    /** Fills the struct and returns it. */
    MemorySegment fill(MemorySegment at) {
        at.set(JAVA_INT, Structs.Conv2d.STRIDE_H, strideH);
        at.set(JAVA_INT, Structs.Conv2d.STRIDE_W, strideW);
        at.set(JAVA_INT, Structs.Conv2d.PAD_H, padH);
        at.set(JAVA_INT, Structs.Conv2d.PAD_W, padW);
        at.set(JAVA_INT, Structs.Conv2d.DILATION_H, dilationH);
        at.set(JAVA_INT, Structs.Conv2d.DILATION_W, dilationW);
        at.set(JAVA_INT, Structs.Conv2d.GROUPS, groups);
        return at;
    }
}
