package dev.hornbeam.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.bench.NetworkConvolutions.Convolution;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * One pass of a convolution in this engine, by itself. Through the C ABI, because Java's ops have the gradients only as part
 * of a backward pass.
 */
@SuppressWarnings("restricted") // Calling native code is what is measured.
final class EngineConvolution implements AutoCloseable {
    private static final SymbolLookup LIBRARY = SymbolLookup.libraryLookup(Engine.library(), Arena.global());
    private static final MethodHandle UNIFORM = link(
            "hb_random_uniform",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, JAVA_DOUBLE, JAVA_DOUBLE, ADDRESS));
    private static final MethodHandle CAST = link("hb_cast", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle RELEASE = link("hb_release", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle FORWARD =
            link("hb_conv2d", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle DATA = link(
            "hb_conv2d_backward_data",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle WEIGHT = link(
            "hb_conv2d_backward_weight",
            FunctionDescriptor.of(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    private static final int BF16 = 2;

    private final Arena arena = Arena.ofConfined();
    private final Convolution shape;
    private final ConvolutionPass pass;
    private final MemorySegment options;
    private final MemorySegment results;
    private final long x;
    private final long w;
    private final long dy;

    /** With random operands; x and dy of that type, w and its gradient always f32. */
    EngineConvolution(Convolution shape, ConvolutionPass pass, DType type) {
        this.shape = shape;
        this.pass = pass;
        var o = shape.options();
        options = arena.allocateFrom(
                JAVA_INT, o.strideH(), o.strideW(), o.padH(), o.padW(), o.dilationH(), o.dilationW(), o.groups());
        results = arena.allocate(JAVA_LONG, 2);
        boolean half = type == DType.BF16;
        x = pass == ConvolutionPass.DATA ? 0 : random(half, shape.n(), shape.h(), shape.w(), shape.c());
        w = pass == ConvolutionPass.WEIGHT ? 0 : random(false, shape.o(), shape.kh(), shape.kw(), shape.c());
        dy = pass == ConvolutionPass.FORWARD ? 0 : random(half, shape.n(), shape.outH(), shape.outW(), shape.o());
    }

    private long random(boolean half, long... sizes) {
        try {
            // All zeros: any stream of random numbers will do.
            MemorySegment stream = arena.allocate(32, 8);
            long tensor = checked((long) UNIFORM.invokeExact(
                    Device.cpu().code(), sizes.length, arena.allocateFrom(JAVA_LONG, sizes), -1.0, 1.0, stream));
            if (!half) {
                return tensor;
            }
            long cast = checked((long) CAST.invokeExact(tensor, BF16));
            release(tensor);
            return cast;
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    /** Runs it once. */
    void run() {
        try {
            switch (pass) {
                case FORWARD -> release(checked((long) FORWARD.invokeExact(x, w, 0L, options, MemorySegment.NULL)));
                case DATA ->
                    release(checked((long)
                            DATA.invokeExact(dy, w, (long) shape.h(), (long) shape.w(), options, MemorySegment.NULL)));
                case WEIGHT -> {
                    checked((int) WEIGHT.invokeExact(
                            x, dy, (long) shape.kh(), (long) shape.kw(), 0, options, MemorySegment.NULL, results));
                    release(results.getAtIndex(JAVA_LONG, 0));
                }
            }
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    /** Releases the operands. */
    @Override
    public void close() {
        for (long tensor : new long[] {x, w, dy}) {
            if (tensor != 0) {
                release(tensor);
            }
        }
        arena.close();
    }

    private static void release(long tensor) {
        try {
            checked((int) RELEASE.invokeExact(tensor));
        } catch (Throwable e) {
            throw failed(e);
        }
    }

    private static long checked(long status) {
        if (status < 0) {
            throw new IllegalStateException("the engine returned status " + status);
        }
        return status;
    }

    private static RuntimeException failed(Throwable e) {
        if (e instanceof RuntimeException known) {
            return known;
        }
        return new IllegalStateException(e);
    }

    private static MethodHandle link(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(LIBRARY.findOrThrow(name), type);
    }
}
