package dev.hornbeam.bench;

import dev.hornbeam.bench.NetworkConvolutions.Convolution;
import dev.hornbeam.tensor.DType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.convolution_backward_data;
import org.bytedeco.dnnl.convolution_backward_weights;
import org.bytedeco.dnnl.convolution_forward;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.primitive;
import org.bytedeco.dnnl.primitive_desc_base;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.Pointer;

/**
 * One pass of a convolution in oneDNN, by itself. Operands and results are ready in the layout that it runs in; bringing them
 * there is not timed, which is in its favour.
 */
@SuppressWarnings("restricted") // oneDNN's memory and its OpenMP are reached through native calls.
final class OneDnnConvolution implements AutoCloseable {
    /** How operands lie in memory. */
    enum Layout {
        /** What oneDNN likes best: blocks of channels, and packed weights. */
        BLOCKED,
        /** Images as this engine and PyTorch's channels_last have them; weights packed as oneDNN likes. */
        NHWC
    }

    private static final engine ENGINE = new engine(engine.kind.cpu, 0);
    private static final stream STREAM = new stream(ENGINE);

    private final List<Pointer> owned = new ArrayList<>();
    private final primitive program;
    private final IntMemoryMap arguments = new IntMemoryMap();
    private final String implementation;

    private OneDnnConvolution(Convolution shape, ConvolutionPass pass, DType type, Layout layout) {
        owned.add(arguments);
        memory.data_type half = type == DType.BF16 ? memory.data_type.bf16 : memory.data_type.f32;
        // Gradients of weights are f32 in training, here and there.
        memory.data_type weights = pass == ConvolutionPass.WEIGHT ? memory.data_type.f32 : half;
        memory.format_tag images = layout == Layout.NHWC ? memory.format_tag.nhwc : memory.format_tag.any;
        memory.desc x = desc(half, images, shape.n(), shape.c(), shape.h(), shape.w());
        memory.desc w = desc(weights, memory.format_tag.any, shape.o(), shape.c(), shape.kh(), shape.kw());
        memory.desc y = desc(half, images, shape.n(), shape.o(), shape.outH(), shape.outW());
        var o = shape.options();
        if (o.dilationH() != 1 || o.dilationW() != 1) {
            throw new IllegalArgumentException("dilation is " + o.dilationH() + "; expected 1");
        }
        long[] strides = {o.strideH(), o.strideW()};
        long[] padding = {o.padH(), o.padW()};
        // A kernel or stride may leave rows at the far end unread; oneDNN wants the padding that is really used.
        long[] far = {
            (shape.outH() - 1L) * o.strideH() + shape.kh() - shape.h() - o.padH(),
            (shape.outW() - 1L) * o.strideW() + shape.kw() - shape.w() - o.padW()
        };
        dnnl.algorithm direct = dnnl.algorithm.convolution_direct;
        memory.desc hintWeights = desc(half, memory.format_tag.any, shape.o(), shape.c(), shape.kh(), shape.kw());
        var forward = own(new convolution_forward.primitive_desc(
                ENGINE, dnnl.prop_kind.forward_training, direct, x, hintWeights, y, strides, padding, far));
        primitive_desc_base chosen;
        switch (pass) {
            case FORWARD -> {
                chosen = forward;
                program = own(new convolution_forward(forward));
                argument(dnnl.DNNL_ARG_SRC, forward.src_desc());
                argument(dnnl.DNNL_ARG_WEIGHTS, forward.weights_desc());
                argument(dnnl.DNNL_ARG_DST, forward.dst_desc());
            }
            case DATA -> {
                var data = own(new convolution_backward_data.primitive_desc(
                        ENGINE, direct, x, w, y, strides, padding, far, forward));
                chosen = data;
                program = own(new convolution_backward_data(data));
                argument(dnnl.DNNL_ARG_DIFF_DST, data.diff_dst_desc());
                argument(dnnl.DNNL_ARG_WEIGHTS, data.weights_desc());
                argument(dnnl.DNNL_ARG_DIFF_SRC, data.diff_src_desc());
            }
            case WEIGHT -> {
                var weight = own(new convolution_backward_weights.primitive_desc(
                        ENGINE, direct, x, w, y, strides, padding, far, forward));
                chosen = weight;
                program = own(new convolution_backward_weights(weight));
                argument(dnnl.DNNL_ARG_SRC, weight.src_desc());
                argument(dnnl.DNNL_ARG_DIFF_DST, weight.diff_dst_desc());
                argument(dnnl.DNNL_ARG_DIFF_WEIGHTS, weight.diff_weights_desc());
            }
            default -> throw new AssertionError(pass);
        }
        implementation = chosen.impl_info_str().getString();
    }

    /**
     * Makes it. Empty where oneDNN has nothing for this type on this CPU, or only the loops that it checks itself with, which
     * take minutes.
     */
    static Optional<OneDnnConvolution> of(Convolution shape, ConvolutionPass pass, DType type, Layout layout) {
        OneDnnConvolution convolution;
        try {
            convolution = new OneDnnConvolution(shape, pass, type, layout);
        } catch (RuntimeException unsupported) {
            // Its only sign of that, with no type of its own.
            return Optional.empty();
        }
        if (convolution.implementation().startsWith("ref")) {
            convolution.close();
            return Optional.empty();
        }
        return Optional.of(convolution);
    }

    private memory.desc desc(memory.data_type type, memory.format_tag tag, long... sizes) {
        return own(new memory.desc(sizes, type, tag));
    }

    private void argument(int name, memory.desc lies) {
        memory place = own(new memory(own(lies), ENGINE));
        // Written to: untouched pages are all one page of zeros, which would be in the cache. As f32 and as bf16:
        // 0.186.
        MemorySegment.ofAddress(place.get_data_handle().address())
                .reinterpret(lies.get_size())
                .fill((byte) 0x3e);
        arguments.put(name, place);
    }

    private <P extends Pointer> P own(P pointer) {
        owned.add(pointer);
        return pointer;
    }

    /** As in {@code jit:avx512_core}. */
    String implementation() {
        return implementation;
    }

    /** Runs it once. */
    void run() {
        program.execute(STREAM, arguments);
        STREAM._wait();
    }

    /** Releases its memory. */
    @Override
    public void close() {
        owned.reversed().forEach(Pointer::close);
        owned.clear();
    }

    /** The version of oneDNN. */
    static String version() {
        return dnnl.DNNL_VERSION_MAJOR + "." + dnnl.DNNL_VERSION_MINOR + "." + dnnl.DNNL_VERSION_PATCH;
    }

    /** Sets the threads of the OpenMP that came with oneDNN; it may be another than the engine's. */
    static void setThreads(int threads) throws IOException {
        List<String> runtimes;
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            runtimes = lines.filter(line -> line.contains("libgomp"))
                    .map(line -> line.substring(line.indexOf('/')))
                    .distinct()
                    .toList();
        }
        for (String runtime : runtimes) {
            var symbol =
                    SymbolLookup.libraryLookup(Path.of(runtime), Arena.global()).findOrThrow("omp_set_num_threads");
            try {
                Linker.nativeLinker()
                        .downcallHandle(symbol, FunctionDescriptor.ofVoid(ValueLayout.JAVA_INT))
                        .invokeExact(threads);
            } catch (Throwable e) {
                throw new IllegalStateException("omp_set_num_threads of " + runtime, e);
            }
        }
    }
}
