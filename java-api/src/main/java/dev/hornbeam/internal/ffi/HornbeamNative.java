package dev.hornbeam.internal.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The functions of {@code native/include/hornbeam.h}, one method each, in the header's order and with its names less the
 * prefix {@code hb_}.
 *
 * <p>A method whose C function gives a tensor returns its handle, which is above 0; one whose C function gives only a
 * status returns nothing. Both throw the exception that {@link NativeErrors} makes of a status below 0, so that no caller
 * has to look at one. Where the header allows a null pointer, pass {@link MemorySegment#NULL}; where it allows "no tensor",
 * pass 0.
 *
 * <p>Every method handle is a constant, so that the JIT compiles a call to little more than a jump. When the library is
 * missing or of another ABI the class still loads, and every method throws the reason.
 */
public final class HornbeamNative {
    /** The number of the header that this class was written for. */
    public static final int HEADER_VERSION = 6;

    private static final Map<String, FunctionDescriptor> BINDINGS = new LinkedHashMap<>();

    private static final MethodHandle ABI_VERSION = critical("hb_abi_version", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle LAST_ERROR = link("hb_last_error", FunctionDescriptor.of(ADDRESS));
    private static final MethodHandle INFO = link("hb_info", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG));
    private static final MethodHandle SET_TIER = link("hb_set_tier", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle TIER = link("hb_tier", FunctionDescriptor.of(ADDRESS));
    private static final MethodHandle SET_THREADS = link("hb_set_threads", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle THREADS = critical("hb_threads", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle SET_EXACT = link("hb_set_exact", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle EXACT = critical("hb_exact", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle DEVICE_AVAILABLE =
            link("hb_device_available", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle OP_COUNT = link("hb_op_count", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle OP_DESCRIBE =
            link("hb_op_describe", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle MEMORY_STATS =
            link("hb_memory_stats", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle MEMORY_RESET_PEAK =
            link("hb_memory_reset_peak", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle MEMORY_LIMIT =
            link("hb_memory_limit", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MEMORY_TRIM = link("hb_memory_trim", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle PROFILE_START =
            link("hb_profile_start", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle PROFILE_STOP = link("hb_profile_stop", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle PROFILE_READ =
            link("hb_profile_read", FunctionDescriptor.of(JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS));
    private static final MethodHandle PROFILE_CLOCK = link("hb_profile_clock", FunctionDescriptor.of(JAVA_LONG));
    private static final MethodHandle PROFILE_THREAD = link("hb_profile_thread", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle MEASURE_PEAKS =
            link("hb_measure_peaks", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle EMPTY =
            link("hb_empty", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle FULL =
            link("hb_full", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_DOUBLE));
    private static final MethodHandle RANDOM_UNIFORM = link(
            "hb_random_uniform",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, JAVA_DOUBLE, JAVA_DOUBLE, ADDRESS));
    private static final MethodHandle RANDOM_NORMAL = link(
            "hb_random_normal",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, JAVA_DOUBLE, JAVA_DOUBLE, ADDRESS));
    private static final MethodHandle ALIAS = critical("hb_alias", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle RELEASE = critical("hb_release", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle DESCRIBE =
            critical("hb_describe", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
    private static final MethodHandle READ =
            link("hb_read", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG));
    private static final MethodHandle WRITE =
            link("hb_write", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG));
    private static final MethodHandle DATA = critical("hb_data", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS));
    private static final MethodHandle COPY = link("hb_copy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle CAST = link("hb_cast", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle TO_DEVICE =
            link("hb_to_device", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle RESHAPE =
            link("hb_reshape", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS));
    private static final MethodHandle SLICE =
            link("hb_slice", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle PERMUTE =
            link("hb_permute", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS));
    private static final MethodHandle EXPAND =
            link("hb_expand", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS));
    private static final MethodHandle DENSE = link("hb_dense", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle CONCAT =
            link("hb_concat", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle PAD =
            link("hb_pad", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, JAVA_DOUBLE));
    private static final MethodHandle GATHER_ROWS =
            link("hb_gather_rows", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle SCATTER_ROWS =
            link("hb_scatter_rows", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle TAKE_ALONG_ROWS =
            link("hb_take_along_rows", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle WHERE =
            link("hb_where", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle UNARY =
            link("hb_unary", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_DOUBLE, JAVA_DOUBLE));
    private static final MethodHandle UNARY_BACKWARD = link(
            "hb_unary_backward",
            FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_DOUBLE, JAVA_DOUBLE));
    private static final MethodHandle BINARY =
            link("hb_binary", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle BINARY_SCALAR =
            link("hb_binary_scalar", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_DOUBLE));
    private static final MethodHandle ADD_SCALED =
            link("hb_add_scaled", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_DOUBLE));
    private static final MethodHandle BLEND =
            link("hb_blend", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_DOUBLE, JAVA_DOUBLE));
    private static final MethodHandle REDUCE =
            link("hb_reduce", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle REDUCE_EXTREME_BACKWARD =
            link("hb_reduce_extreme_backward", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle ARGMAX = link("hb_argmax", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle TOP_K =
            link("hb_top_k", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle SORT =
            link("hb_sort", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, ADDRESS));
    private static final MethodHandle PERTURB_WEIGHT =
            link("hb_perturb_weight", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_INT));
    private static final MethodHandle MATMUL =
            link("hb_matmul", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT));
    private static final MethodHandle LINEAR =
            link("hb_linear", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle LINEAR_BACKWARD_DATA =
            link("hb_linear_backward_data", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle LINEAR_BACKWARD_WEIGHT = link(
            "hb_linear_backward_weight",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle CONV2D =
            link("hb_conv2d", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle CONV2D_BACKWARD_DATA = link(
            "hb_conv2d_backward_data",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle CONV2D_BACKWARD_WEIGHT = link(
            "hb_conv2d_backward_weight",
            FunctionDescriptor.of(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle MAX_POOL2D =
            link("hb_max_pool2d", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle MAX_POOL2D_BACKWARD = link(
            "hb_max_pool2d_backward", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle AVG_POOL2D =
            link("hb_avg_pool2d", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle AVG_POOL2D_BACKWARD =
            link("hb_avg_pool2d_backward", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle GLOBAL_AVG_POOL =
            link("hb_global_avg_pool", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle GLOBAL_AVG_POOL_BACKWARD =
            link("hb_global_avg_pool_backward", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle BATCH_NORM = link(
            "hb_batch_norm",
            FunctionDescriptor.of(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS,
                    ADDRESS));
    private static final MethodHandle BATCH_NORM_BACKWARD = link(
            "hb_batch_norm_backward",
            FunctionDescriptor.of(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS,
                    ADDRESS, ADDRESS));
    private static final MethodHandle CONV_BN_ACT = link(
            "hb_conv_bn_act",
            FunctionDescriptor.of(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS,
                    ADDRESS, ADDRESS, ADDRESS, JAVA_INT, ADDRESS));
    private static final MethodHandle CONV_BN_ACT_BACKWARD = link(
            "hb_conv_bn_act_backward",
            FunctionDescriptor.of(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                    JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle GROUP_NORM = link(
            "hb_group_norm",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_DOUBLE, ADDRESS, ADDRESS));
    private static final MethodHandle GROUP_NORM_BACKWARD = link(
            "hb_group_norm_backward",
            FunctionDescriptor.of(
                    JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle LAYER_NORM = link(
            "hb_layer_norm",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_DOUBLE, ADDRESS, ADDRESS));
    private static final MethodHandle LAYER_NORM_BACKWARD = link(
            "hb_layer_norm_backward",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS));
    private static final MethodHandle ATTENTION =
            link("hb_attention", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_DOUBLE, ADDRESS));
    private static final MethodHandle ATTENTION_BACKWARD = link(
            "hb_attention_backward",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_DOUBLE));
    private static final MethodHandle SOFTMAX = link("hb_softmax", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle SOFTMAX_BACKWARD =
            link("hb_softmax_backward", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle LOG_SOFTMAX = link("hb_log_softmax", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle LOG_SOFTMAX_BACKWARD =
            link("hb_log_softmax_backward", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle CROSS_ENTROPY =
            link("hb_cross_entropy", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_DOUBLE));
    private static final MethodHandle CROSS_ENTROPY_BACKWARD = link(
            "hb_cross_entropy_backward",
            FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_DOUBLE));
    private static final MethodHandle SOFTMAX_SCORES =
            link("hb_softmax_scores", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle KL_DIVERGENCE =
            link("hb_kl_divergence", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle KL_DIVERGENCE_BACKWARD = link(
            "hb_kl_divergence_backward", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS));
    private static final MethodHandle SQUARED_ERROR =
            link("hb_squared_error", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle SQUARED_ERROR_BACKWARD =
            link("hb_squared_error_backward", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle DROPOUT =
            link("hb_dropout", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_DOUBLE, JAVA_INT, ADDRESS));
    private static final MethodHandle SGD_STEP =
            link("hb_sgd_step", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle ADAM_STEP = link(
            "hb_adam_step",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle GLOBAL_NORM =
            link("hb_global_norm", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle SCALE_ALL =
            link("hb_scale_all", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_DOUBLE));
    private static final MethodHandle ASCEND = link(
            "hb_ascend",
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle RESTORE =
            link("hb_restore", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle ALL_REDUCE =
            link("hb_all_reduce", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle IMAGE_JPEG = onArrays(
            "hb_image_jpeg", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle IMAGE_PIXELATE = onArrays(
            "hb_image_pixelate",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle IMAGE_GAUSSIAN = onArrays(
            "hb_image_gaussian",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle IMAGE_DEFOCUS = onArrays(
            "hb_image_defocus",
            FunctionDescriptor.of(
                    JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS,
                    ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle IMAGE_SPATTER = onArrays(
            "hb_image_spatter",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle IMAGE_FOG = onArrays(
            "hb_image_fog",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_DOUBLE, JAVA_DOUBLE, ADDRESS));
    private static final MethodHandle IMAGE_NOISE = onArrays(
            "hb_image_noise",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_FLOAT, JAVA_INT, ADDRESS));
    private static final MethodHandle IMAGE_POISSON = onArrays(
            "hb_image_poisson",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS));
    private static final MethodHandle IMAGE_MIX = onArrays(
            "hb_image_mix",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, JAVA_FLOAT, JAVA_FLOAT));
    private static final MethodHandle IMAGE_CUT =
            onArrays("hb_image_cut", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG));

    private HornbeamNative() {}

    /** The bound functions by their C name, in the header's order. */
    public static Map<String, FunctionDescriptor> bindings() {
        return Collections.unmodifiableMap(BINDINGS);
    }

    private static MethodHandle link(String name, FunctionDescriptor type, Linker.Option... options) {
        BINDINGS.put(name, type);
        return NativeLibrary.function(name, type, options);
    }

    /** For functions that return at once and never wait: the thread's state is not changed around the call. */
    private static MethodHandle critical(String name, FunctionDescriptor type) {
        return link(name, type, Linker.Option.critical(false));
    }

    /** For functions that read and write arrays of Java's where they are; a garbage collection may have to wait for them. */
    private static MethodHandle onArrays(String name, FunctionDescriptor type) {
        return link(name, type, Linker.Option.critical(true));
    }

    public static int abiVersion() {
        try {
            return (int) ABI_VERSION.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static MemorySegment lastError() {
        try {
            return (MemorySegment) LAST_ERROR.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static long info(MemorySegment buffer, long capacity) {
        try {
            return (long) INFO.invokeExact(buffer, capacity);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static void setTier(MemorySegment tier) {
        int status;
        try {
            status = (int) SET_TIER.invokeExact(tier);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static MemorySegment tier() {
        try {
            return (MemorySegment) TIER.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static void setThreads(int threads) {
        int status;
        try {
            status = (int) SET_THREADS.invokeExact(threads);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static int threads() {
        try {
            return (int) THREADS.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static void setExact(int exact) {
        int status;
        try {
            status = (int) SET_EXACT.invokeExact(exact);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static int exact() {
        try {
            return (int) EXACT.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static int deviceAvailable(int device) {
        try {
            return (int) DEVICE_AVAILABLE.invokeExact(device);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static int opCount() {
        try {
            return (int) OP_COUNT.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static void opDescribe(int index, MemorySegment info) {
        int status;
        try {
            status = (int) OP_DESCRIBE.invokeExact(index, info);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void memoryStats(int device, MemorySegment stats) {
        int status;
        try {
            status = (int) MEMORY_STATS.invokeExact(device, stats);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void memoryResetPeak(int device) {
        int status;
        try {
            status = (int) MEMORY_RESET_PEAK.invokeExact(device);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void memoryLimit(int device, long bytes) {
        int status;
        try {
            status = (int) MEMORY_LIMIT.invokeExact(device, bytes);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void memoryTrim(int device) {
        int status;
        try {
            status = (int) MEMORY_TRIM.invokeExact(device);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void profileStart(long capacity) {
        int status;
        try {
            status = (int) PROFILE_START.invokeExact(capacity);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void profileStop() {
        int status;
        try {
            status = (int) PROFILE_STOP.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long profileRead(MemorySegment records, long capacity, MemorySegment lost) {
        long result;
        try {
            result = (long) PROFILE_READ.invokeExact(records, capacity, lost);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result < 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long profileClock() {
        try {
            return (long) PROFILE_CLOCK.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static int profileThread() {
        try {
            return (int) PROFILE_THREAD.invokeExact();
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
    }

    public static void measurePeaks(MemorySegment gflops, MemorySegment gigabytes) {
        int status;
        try {
            status = (int) MEASURE_PEAKS.invokeExact(gflops, gigabytes);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long empty(int device, int dtype, int rank, MemorySegment shape) {
        long result;
        try {
            result = (long) EMPTY.invokeExact(device, dtype, rank, shape);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long full(int device, int dtype, int rank, MemorySegment shape, double value) {
        long result;
        try {
            result = (long) FULL.invokeExact(device, dtype, rank, shape, value);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long randomUniform(
            int device, int rank, MemorySegment shape, double low, double high, MemorySegment stream) {
        long result;
        try {
            result = (long) RANDOM_UNIFORM.invokeExact(device, rank, shape, low, high, stream);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long randomNormal(
            int device, int rank, MemorySegment shape, double mean, double deviation, MemorySegment stream) {
        long result;
        try {
            result = (long) RANDOM_NORMAL.invokeExact(device, rank, shape, mean, deviation, stream);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long alias(long tensor) {
        long result;
        try {
            result = (long) ALIAS.invokeExact(tensor);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void release(long tensor) {
        int status;
        try {
            status = (int) RELEASE.invokeExact(tensor);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void describe(long tensor, MemorySegment descriptor) {
        int status;
        try {
            status = (int) DESCRIBE.invokeExact(tensor, descriptor);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void read(long tensor, MemorySegment destination, long bytes) {
        int status;
        try {
            status = (int) READ.invokeExact(tensor, destination, bytes);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void write(long tensor, MemorySegment source, long bytes) {
        int status;
        try {
            status = (int) WRITE.invokeExact(tensor, source, bytes);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void data(long tensor, MemorySegment address) {
        int status;
        try {
            status = (int) DATA.invokeExact(tensor, address);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void copy(long destination, long source) {
        int status;
        try {
            status = (int) COPY.invokeExact(destination, source);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long cast(long x, int dtype) {
        long result;
        try {
            result = (long) CAST.invokeExact(x, dtype);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long toDevice(long x, int device) {
        long result;
        try {
            result = (long) TO_DEVICE.invokeExact(x, device);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long reshape(long x, int rank, MemorySegment shape) {
        long result;
        try {
            result = (long) RESHAPE.invokeExact(x, rank, shape);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long slice(long x, int dimension, long start, long stop, long step) {
        long result;
        try {
            result = (long) SLICE.invokeExact(x, dimension, start, stop, step);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long permute(long x, int rank, MemorySegment order) {
        long result;
        try {
            result = (long) PERMUTE.invokeExact(x, rank, order);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long expand(long x, int rank, MemorySegment shape) {
        long result;
        try {
            result = (long) EXPAND.invokeExact(x, rank, shape);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long dense(long x) {
        long result;
        try {
            result = (long) DENSE.invokeExact(x);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long concat(int count, MemorySegment tensors, int dimension) {
        long result;
        try {
            result = (long) CONCAT.invokeExact(count, tensors, dimension);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long pad(long x, MemorySegment before, MemorySegment after, double value) {
        long result;
        try {
            result = (long) PAD.invokeExact(x, before, after, value);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long gatherRows(long x, long index) {
        long result;
        try {
            result = (long) GATHER_ROWS.invokeExact(x, index);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void scatterRows(long destination, long index, long source, int add) {
        int status;
        try {
            status = (int) SCATTER_ROWS.invokeExact(destination, index, source, add);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long takeAlongRows(long x, long index) {
        long result;
        try {
            result = (long) TAKE_ALONG_ROWS.invokeExact(x, index);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long where(long condition, long a, long b) {
        long result;
        try {
            result = (long) WHERE.invokeExact(condition, a, b);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long unary(int kind, long x, double alpha, double beta) {
        long result;
        try {
            result = (long) UNARY.invokeExact(kind, x, alpha, beta);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long unaryBackward(int kind, long x, long dy, double alpha, double beta) {
        long result;
        try {
            result = (long) UNARY_BACKWARD.invokeExact(kind, x, dy, alpha, beta);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long binary(int kind, long a, long b) {
        long result;
        try {
            result = (long) BINARY.invokeExact(kind, a, b);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long binaryScalar(int kind, long a, double b) {
        long result;
        try {
            result = (long) BINARY_SCALAR.invokeExact(kind, a, b);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void addScaled(long destination, long source, double alpha) {
        int status;
        try {
            status = (int) ADD_SCALED.invokeExact(destination, source, alpha);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void blend(long destination, long source, double beta, double alpha) {
        int status;
        try {
            status = (int) BLEND.invokeExact(destination, source, beta, alpha);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long reduce(int kind, long x, int count, MemorySegment dimensions, int keep) {
        long result;
        try {
            result = (long) REDUCE.invokeExact(kind, x, count, dimensions, keep);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long reduceExtremeBackward(long x, long y, long dy) {
        long result;
        try {
            result = (long) REDUCE_EXTREME_BACKWARD.invokeExact(x, y, dy);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long argmax(long x) {
        long result;
        try {
            result = (long) ARGMAX.invokeExact(x);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void topK(long x, long k, MemorySegment out) {
        int status;
        try {
            status = (int) TOP_K.invokeExact(x, k, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void sort(long x, int descending, MemorySegment out) {
        int status;
        try {
            status = (int) SORT.invokeExact(x, descending, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long perturbWeight(long w, MemorySegment noise, int subBatch) {
        long result;
        try {
            result = (long) PERTURB_WEIGHT.invokeExact(w, noise, subBatch);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long matmul(long a, long b, int transposeA, int transposeB) {
        long result;
        try {
            result = (long) MATMUL.invokeExact(a, b, transposeA, transposeB);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long linear(long x, long w, long bias, MemorySegment noise) {
        long result;
        try {
            result = (long) LINEAR.invokeExact(x, w, bias, noise);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long linearBackwardData(long dy, long w, MemorySegment noise) {
        long result;
        try {
            result = (long) LINEAR_BACKWARD_DATA.invokeExact(dy, w, noise);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void linearBackwardWeight(long x, long dy, int wantBias, MemorySegment noise, MemorySegment out) {
        int status;
        try {
            status = (int) LINEAR_BACKWARD_WEIGHT.invokeExact(x, dy, wantBias, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long conv2d(long x, long w, long bias, MemorySegment params, MemorySegment noise) {
        long result;
        try {
            result = (long) CONV2D.invokeExact(x, w, bias, params, noise);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long conv2dBackwardData(
            long dy, long w, long height, long width, MemorySegment params, MemorySegment noise) {
        long result;
        try {
            result = (long) CONV2D_BACKWARD_DATA.invokeExact(dy, w, height, width, params, noise);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void conv2dBackwardWeight(
            long x,
            long dy,
            long kernelH,
            long kernelW,
            int wantBias,
            MemorySegment params,
            MemorySegment noise,
            MemorySegment out) {
        int status;
        try {
            status = (int) CONV2D_BACKWARD_WEIGHT.invokeExact(x, dy, kernelH, kernelW, wantBias, params, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void maxPool2d(long x, MemorySegment params, MemorySegment out) {
        int status;
        try {
            status = (int) MAX_POOL2D.invokeExact(x, params, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long maxPool2dBackward(long dy, long index, long height, long width) {
        long result;
        try {
            result = (long) MAX_POOL2D_BACKWARD.invokeExact(dy, index, height, width);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long avgPool2d(long x, MemorySegment params) {
        long result;
        try {
            result = (long) AVG_POOL2D.invokeExact(x, params);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long avgPool2dBackward(long dy, long height, long width, MemorySegment params) {
        long result;
        try {
            result = (long) AVG_POOL2D_BACKWARD.invokeExact(dy, height, width, params);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long globalAvgPool(long x) {
        long result;
        try {
            result = (long) GLOBAL_AVG_POOL.invokeExact(x);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long globalAvgPoolBackward(long dy, long height, long width) {
        long result;
        try {
            result = (long) GLOBAL_AVG_POOL_BACKWARD.invokeExact(dy, height, width);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void batchNorm(
            long x,
            long gamma,
            long beta,
            long runningMean,
            long runningVar,
            long residual,
            MemorySegment params,
            MemorySegment noise,
            MemorySegment out) {
        int status;
        try {
            status =
                    (int) BATCH_NORM.invokeExact(x, gamma, beta, runningMean, runningVar, residual, params, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void batchNormBackward(
            long x,
            long y,
            long dy,
            long gamma,
            long mean,
            long inverseDeviation,
            int wantResidual,
            MemorySegment params,
            MemorySegment noise,
            MemorySegment out) {
        int status;
        try {
            status = (int) BATCH_NORM_BACKWARD.invokeExact(
                    x, y, dy, gamma, mean, inverseDeviation, wantResidual, params, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void convBnAct(
            long x,
            long w,
            long gamma,
            long beta,
            long runningMean,
            long runningVar,
            long residual,
            MemorySegment conv,
            MemorySegment norm,
            MemorySegment convNoise,
            MemorySegment normNoise,
            int wantGradient,
            MemorySegment out) {
        int status;
        try {
            status = (int) CONV_BN_ACT.invokeExact(
                    x,
                    w,
                    gamma,
                    beta,
                    runningMean,
                    runningVar,
                    residual,
                    conv,
                    norm,
                    convNoise,
                    normNoise,
                    wantGradient,
                    out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void convBnActBackward(
            long x,
            long w,
            long convolved,
            long y,
            long dy,
            long gamma,
            long mean,
            long inverseDeviation,
            int wantDx,
            int wantResidual,
            MemorySegment conv,
            MemorySegment norm,
            MemorySegment convNoise,
            MemorySegment normNoise,
            MemorySegment out) {
        int status;
        try {
            status = (int) CONV_BN_ACT_BACKWARD.invokeExact(
                    x,
                    w,
                    convolved,
                    y,
                    dy,
                    gamma,
                    mean,
                    inverseDeviation,
                    wantDx,
                    wantResidual,
                    conv,
                    norm,
                    convNoise,
                    normNoise,
                    out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void groupNorm(
            long x, long gamma, long beta, int groups, double epsilon, MemorySegment noise, MemorySegment out) {
        int status;
        try {
            status = (int) GROUP_NORM.invokeExact(x, gamma, beta, groups, epsilon, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void groupNormBackward(
            long x,
            long dy,
            long gamma,
            long mean,
            long inverseDeviation,
            int groups,
            MemorySegment noise,
            MemorySegment out) {
        int status;
        try {
            status = (int) GROUP_NORM_BACKWARD.invokeExact(x, dy, gamma, mean, inverseDeviation, groups, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void layerNorm(
            long x, long gamma, long beta, double epsilon, MemorySegment noise, MemorySegment out) {
        int status;
        try {
            status = (int) LAYER_NORM.invokeExact(x, gamma, beta, epsilon, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void layerNormBackward(
            long x, long dy, long gamma, long mean, long inverseDeviation, MemorySegment noise, MemorySegment out) {
        int status;
        try {
            status = (int) LAYER_NORM_BACKWARD.invokeExact(x, dy, gamma, mean, inverseDeviation, noise, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void attention(long qkv, int heads, double scale, MemorySegment out) {
        int status;
        try {
            status = (int) ATTENTION.invokeExact(qkv, heads, scale, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long attentionBackward(long qkv, long y, long logSum, long dy, int heads, double scale) {
        long result;
        try {
            result = (long) ATTENTION_BACKWARD.invokeExact(qkv, y, logSum, dy, heads, scale);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long softmax(long x) {
        long result;
        try {
            result = (long) SOFTMAX.invokeExact(x);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long softmaxBackward(long y, long dy) {
        long result;
        try {
            result = (long) SOFTMAX_BACKWARD.invokeExact(y, dy);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long logSoftmax(long x) {
        long result;
        try {
            result = (long) LOG_SOFTMAX.invokeExact(x);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long logSoftmaxBackward(long y, long dy) {
        long result;
        try {
            result = (long) LOG_SOFTMAX_BACKWARD.invokeExact(y, dy);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long crossEntropy(long logits, long targets, double smoothing) {
        long result;
        try {
            result = (long) CROSS_ENTROPY.invokeExact(logits, targets, smoothing);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long crossEntropyBackward(long logits, long targets, long dloss, double smoothing) {
        long result;
        try {
            result = (long) CROSS_ENTROPY_BACKWARD.invokeExact(logits, targets, dloss, smoothing);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void softmaxScores(long logits, long targets, MemorySegment out) {
        int status;
        try {
            status = (int) SOFTMAX_SCORES.invokeExact(logits, targets, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long klDivergence(long pLogits, long qLogits) {
        long result;
        try {
            result = (long) KL_DIVERGENCE.invokeExact(pLogits, qLogits);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void klDivergenceBackward(long pLogits, long qLogits, long dloss, MemorySegment out) {
        int status;
        try {
            status = (int) KL_DIVERGENCE_BACKWARD.invokeExact(pLogits, qLogits, dloss, out);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static long squaredError(long x, long target) {
        long result;
        try {
            result = (long) SQUARED_ERROR.invokeExact(x, target);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long squaredErrorBackward(long x, long target, long dloss) {
        long result;
        try {
            result = (long) SQUARED_ERROR_BACKWARD.invokeExact(x, target, dloss);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static long dropout(long x, double p, int channels, MemorySegment stream) {
        long result;
        try {
            result = (long) DROPOUT.invokeExact(x, p, channels, stream);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (result <= 0) {
            throw NativeErrors.failure(result);
        }
        return result;
    }

    public static void sgdStep(
            int count,
            MemorySegment parameters,
            MemorySegment gradients,
            MemorySegment momenta,
            MemorySegment decay,
            MemorySegment params) {
        int status;
        try {
            status = (int) SGD_STEP.invokeExact(count, parameters, gradients, momenta, decay, params);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void adamStep(
            int count,
            MemorySegment parameters,
            MemorySegment gradients,
            MemorySegment first,
            MemorySegment second,
            MemorySegment maxSecond,
            MemorySegment decay,
            MemorySegment params) {
        int status;
        try {
            status = (int) ADAM_STEP.invokeExact(count, parameters, gradients, first, second, maxSecond, decay, params);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void globalNorm(int count, MemorySegment tensors, MemorySegment norm) {
        int status;
        try {
            status = (int) GLOBAL_NORM.invokeExact(count, tensors, norm);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void scaleAll(int count, MemorySegment tensors, double factor) {
        int status;
        try {
            status = (int) SCALE_ALL.invokeExact(count, tensors, factor);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void ascend(
            int count,
            MemorySegment parameters,
            MemorySegment gradients,
            MemorySegment backups,
            MemorySegment adaptiveTensor,
            MemorySegment params,
            MemorySegment norm) {
        int status;
        try {
            status = (int) ASCEND.invokeExact(count, parameters, gradients, backups, adaptiveTensor, params, norm);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void restore(int count, MemorySegment parameters, MemorySegment backups) {
        int status;
        try {
            status = (int) RESTORE.invokeExact(count, parameters, backups);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void allReduce(int replicas, int count, MemorySegment tensors, MemorySegment weights) {
        int status;
        try {
            status = (int) ALL_REDUCE.invokeExact(replicas, count, tensors, weights);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageJpeg(
            MemorySegment in, MemorySegment out, int height, int width, MemorySegment luma, MemorySegment chroma) {
        int status;
        try {
            status = (int) IMAGE_JPEG.invokeExact(in, out, height, width, luma, chroma);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imagePixelate(
            MemorySegment in, MemorySegment out, int height, int width, int smallHeight, int smallWidth) {
        int status;
        try {
            status = (int) IMAGE_PIXELATE.invokeExact(in, out, height, width, smallHeight, smallWidth);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageGaussian(
            MemorySegment in, MemorySegment levels, int height, int width, MemorySegment kernel, int radius) {
        int status;
        try {
            status = (int) IMAGE_GAUSSIAN.invokeExact(in, levels, height, width, kernel, radius);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageDefocus(
            MemorySegment in,
            MemorySegment levels,
            int height,
            int width,
            MemorySegment disk,
            MemorySegment halfWidth,
            MemorySegment at,
            MemorySegment from,
            MemorySegment length,
            MemorySegment gauss,
            MemorySegment weight,
            MemorySegment columns) {
        int status;
        try {
            status = (int) IMAGE_DEFOCUS.invokeExact(
                    in, levels, height, width, disk, halfWidth, at, from, length, gauss, weight, columns);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageSpatter(
            MemorySegment in,
            MemorySegment levels,
            int height,
            int width,
            MemorySegment drops,
            MemorySegment weights,
            MemorySegment softWeights,
            MemorySegment stream) {
        int status;
        try {
            status = (int) IMAGE_SPATTER.invokeExact(in, levels, height, width, drops, weights, softWeights, stream);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageFog(
            MemorySegment in,
            MemorySegment levels,
            int height,
            int width,
            double strength,
            double decay,
            MemorySegment stream) {
        int status;
        try {
            status = (int) IMAGE_FOG.invokeExact(in, levels, height, width, strength, decay, stream);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageNoise(
            MemorySegment in,
            MemorySegment levels,
            long count,
            float deviation,
            int proportional,
            MemorySegment stream) {
        int status;
        try {
            status = (int) IMAGE_NOISE.invokeExact(in, levels, count, deviation, proportional, stream);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imagePoisson(
            MemorySegment in,
            MemorySegment levels,
            long count,
            MemorySegment place,
            MemorySegment guide,
            MemorySegment cumulative,
            MemorySegment levelOf,
            MemorySegment stream) {
        int status;
        try {
            status = (int) IMAGE_POISSON.invokeExact(in, levels, count, place, guide, cumulative, levelOf, stream);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageMix(
            MemorySegment in, MemorySegment other, MemorySegment levels, long count, float a, float b) {
        int status;
        try {
            status = (int) IMAGE_MIX.invokeExact(in, other, levels, count, a, b);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }

    public static void imageCut(MemorySegment levels, MemorySegment out, long count) {
        int status;
        try {
            status = (int) IMAGE_CUT.invokeExact(levels, out, count);
        } catch (Throwable e) {
            throw NativeErrors.unexpected(e);
        }
        if (status < 0) {
            throw NativeErrors.failure(status);
        }
    }
}
