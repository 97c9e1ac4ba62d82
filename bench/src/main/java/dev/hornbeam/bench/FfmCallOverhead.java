package dev.hornbeam.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What a call from Java into the engine costs, by the kind of call: nanoseconds a call.
 *
 * <p>The method handles are made here, like those of the library's own bindings, so that the same function can be called
 * both ways: as a usual call, which tells the garbage collector where the thread is, and as a critical one, which does not.
 * Ops run on the device that computes nothing, so that what is left is the call, the engine's checks of the arguments and
 * its bookkeeping of tensors.
 */
@SuppressWarnings("restricted") // Calling native code is what is measured.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class FfmCallOverhead {
    private static final SymbolLookup LIBRARY = SymbolLookup.libraryLookup(Engine.library(), Arena.global());

    // Constants, because the JIT compiles a call through a constant handle to little more than a jump.
    private static final MethodHandle THREADS = usual("hb_threads", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle THREADS_CRITICAL = critical("hb_threads", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle DESCRIBE =
            usual("hb_describe", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
    private static final MethodHandle DESCRIBE_CRITICAL =
            critical("hb_describe", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
    private static final MethodHandle ALIAS = critical("hb_alias", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle RELEASE = critical("hb_release", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle EMPTY =
            usual("hb_empty", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle UNARY =
            usual("hb_unary", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_DOUBLE, JAVA_DOUBLE));
    private static final MethodHandle CONV2D =
            usual("hb_conv2d", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));

    private static final int RELU = 9;
    private static final int F32 = 0;
    private static final long DESCRIPTOR_BYTES = 4 * 4 + 8 + 2 * 8 * 8 + 8;

    private Arena arena;
    private MemorySegment descriptor;
    private MemorySegment convolution;
    private long images;
    private long kernel;

    /** Makes the tensors. */
    @Setup
    public void open() throws Throwable {
        arena = Arena.ofConfined();
        descriptor = arena.allocate(DESCRIPTOR_BYTES, 8);
        // stride 1 1, padding 1 1, dilation 1 1, groups 1
        convolution = arena.allocateFrom(JAVA_INT, 1, 1, 1, 1, 1, 1, 1);
        images = empty(8, 16, 16, 16);
        kernel = empty(16, 3, 3, 16);
    }

    private long empty(long... shape) throws Throwable {
        int device = Device.nothing().code();
        return checked((long) EMPTY.invokeExact(device, F32, shape.length, arena.allocateFrom(JAVA_LONG, shape)));
    }

    /** Releases the tensors. */
    @TearDown
    public void close() throws Throwable {
        release(images);
        release(kernel);
        arena.close();
    }

    /** A usual call without arguments that returns a number. */
    @Benchmark
    public int call() throws Throwable {
        return (int) THREADS.invokeExact();
    }

    /** The same as a critical call. */
    @Benchmark
    public int criticalCall() throws Throwable {
        return (int) THREADS_CRITICAL.invokeExact();
    }

    /** A usual call with a handle and a struct that the function fills. */
    @Benchmark
    public int describe() throws Throwable {
        return (int) DESCRIBE.invokeExact(images, descriptor);
    }

    /** The same as a critical call. */
    @Benchmark
    public int criticalDescribe() throws Throwable {
        return (int) DESCRIBE_CRITICAL.invokeExact(images, descriptor);
    }

    /** Two critical calls: a second handle of a tensor, and its release. */
    @Benchmark
    public int criticalAliasAndRelease() throws Throwable {
        return release((long) ALIAS.invokeExact(images));
    }

    /** An op with one handle and two numbers, and the release of its result. */
    @Benchmark
    public int unaryAndRelease() throws Throwable {
        return release((long) UNARY.invokeExact(RELU, images, 0.0, 0.0));
    }

    /** An op with two handles and a struct, and the release of its result. */
    @Benchmark
    public int convolutionAndRelease() throws Throwable {
        return release((long) CONV2D.invokeExact(images, kernel, 0L, convolution, MemorySegment.NULL));
    }

    private static int release(long handle) throws Throwable {
        return (int) RELEASE.invokeExact(checked(handle));
    }

    private static long checked(long handle) {
        if (handle <= 0) {
            throw new IllegalStateException("the engine returned status " + handle);
        }
        return handle;
    }

    private static MethodHandle usual(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(LIBRARY.findOrThrow(name), type);
    }

    private static MethodHandle critical(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(LIBRARY.findOrThrow(name), type, Linker.Option.critical(false));
    }
}
