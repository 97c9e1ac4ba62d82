package dev.hornbeam.autograd.ops;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.hornbeam.internal.ffi.Structs;
import java.lang.foreign.MemorySegment;

/**
 * Window, stride and padding of a pooling. The engine checks them.
 *
 * @param kernelH rows of the window
 * @param kernelW columns of the window
 * @param strideH rows from one output to the next
 * @param strideW columns from one output to the next
 * @param padH rows added above and below, at most half the window
 * @param padW columns added left and right, at most half the window
 * @param countPadding for the average: whether it is over the whole window or over its part inside the image
 */
public record Pool2dOptions(
        int kernelH, int kernelW, int strideH, int strideW, int padH, int padW, boolean countPadding) {
    /** A square window; the average is over the whole window, as PyTorch's. */
    public static Pool2dOptions of(int kernel, int stride, int pad) {
        return new Pool2dOptions(kernel, kernel, stride, stride, pad, pad, true);
    }

    /** The same with the average over the whole window, or over its part inside the image. */
    public Pool2dOptions withCountPadding(boolean count) {
        return new Pool2dOptions(kernelH, kernelW, strideH, strideW, padH, padW, count);
    }

    /** Fills the struct and returns it. */
    MemorySegment fill(MemorySegment at) {
        at.set(JAVA_INT, Structs.Pool2d.KERNEL_H, kernelH);
        at.set(JAVA_INT, Structs.Pool2d.KERNEL_W, kernelW);
        at.set(JAVA_INT, Structs.Pool2d.STRIDE_H, strideH);
        at.set(JAVA_INT, Structs.Pool2d.STRIDE_W, strideW);
        at.set(JAVA_INT, Structs.Pool2d.PAD_H, padH);
        at.set(JAVA_INT, Structs.Pool2d.PAD_W, padW);
        at.set(JAVA_INT, Structs.Pool2d.COUNT_PADDING, countPadding ? 1 : 0);
        return at;
    }
}
