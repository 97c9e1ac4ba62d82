package dev.hornbeam.models.onnx;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.io.AtomicFile;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.NetworkTrace;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Writes networks as ONNX files for inference, which other programs can run without Hornbeam: opset 17.
 *
 * <pre>{@code
 * OnnxExport.write(network, new long[] {32, 32, 3}, Path.of("net.onnx"));
 * }</pre>
 *
 * <p>The file's input {@value #INPUT} is f32 [batch, channels, height, width], with any batch size and the size of image that it
 * was written for; its output {@value #OUTPUT} is f32 [batch, classes]. Weights have PyTorch's names and layout. The graph is made
 * from what the network does to an image in evaluation mode, so every network can be written whose ops ONNX knows. See
 * docs/onnx.md.
 */
public final class OnnxExport {
    /** Name of the file's input. */
    public static final String INPUT = "input";

    /** Name of the file's output. */
    public static final String OUTPUT = "logits";

    // The format of the file that came with opset 17.
    private static final int IR_VERSION = 8;
    private static final int BATCH = 2;
    private static final int OTHER_BATCH = 3;

    private OnnxExport() {}

    /**
     * What the file says about pixels: a network reads {@code (pixel - mean) / std}, for pixels in 0..1.
     *
     * @param mean one per channel
     * @param std one per channel, positive
     * @param inGraph whether the graph does this itself, so that its input is pixels in 0..1; otherwise whoever runs it must
     */
    public record Scaling(List<Double> mean, List<Double> std, boolean inGraph) {
        /** Keeps its own copies. */
        public Scaling {
            mean = List.copyOf(mean);
            std = List.copyOf(std);
            if (mean.isEmpty() || mean.size() != std.size()) {
                throw new IllegalArgumentException("scaling with " + mean.size() + " means and " + std.size()
                        + " deviations; expected one of each" + " per channel");
            }
        }
    }

    /**
     * Writes a network, with nothing said about pixels.
     *
     * @param network is put into evaluation mode
     * @param image sizes of one image as the network takes it: height, width, channels
     * @throws OnnxExportException when ONNX has no equivalent of something that the network does; the message names the op
     *     and the module
     * @throws IOException when the file cannot be written; an older file of that name is then still whole
     */
    public static void write(Module network, long[] image, Path file) throws IOException {
        write(network, image, file, Optional.empty(), Map.of());
    }

    /**
     * Writes a network.
     *
     * @param network is put into evaluation mode
     * @param image sizes of one image as the network takes it: height, width, channels
     * @param scaling of pixels, written to the metadata as {@code image.mean} and {@code image.std}
     * @param metadata more for the file's {@code metadata_props}
     * @throws OnnxExportException when ONNX has no equivalent of something that the network does; the message names the op
     *     and the module
     * @throws IOException when the file cannot be written; an older file of that name is then still whole
     */
    public static void write(
            Module network, long[] image, Path file, Optional<Scaling> scaling, Map<String, String> metadata)
            throws IOException {
        ModelProto model = model(network, image, scaling, metadata);
        AtomicFile.write(file, channel -> {
            // Not closed: the channel is its owner's.
            OutputStream out = Channels.newOutputStream(channel);
            model.writeTo(out);
            out.flush();
        });
    }

    private static ModelProto model(
            Module network, long[] image, Optional<Scaling> scaling, Map<String, String> metadata) {
        scaling.ifPresent(pixels -> {
            if (pixels.mean().size() != image[image.length - 1]) {
                throw new IllegalArgumentException("scaling has figures for "
                        + pixels.mean().size() + " channels, but images of shape " + Arrays.toString(image) + " have "
                        + image[image.length - 1]);
            }
        });
        network.eval();
        // Files are f32, whatever the network computes in here.
        List<Runnable> restore = new ArrayList<>();
        network.apply(module -> {
            DType type = module.computeType();
            DType result = module.resultType();
            restore.add(() -> module.setComputeType(type, result));
            module.setComputeType(null);
        });
        try (TensorScope _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            Device device = network.parameters().isEmpty()
                    ? Device.cpu()
                    : network.parameters().getFirst().value().device();
            // What a network makes when it first runs and keeps, such as positions, is no part of every pass.
            network.forward(images(1, image, device));
            NetworkTrace trace = NetworkTrace.of(network, images(BATCH, image, device));
            NetworkTrace other = NetworkTrace.of(network, images(OTHER_BATCH, image, device));
            Translation translation = new Translation(network, trace, other);
            OnnxGraph graph = translation.graph();
            graph.reserve(INPUT);
            String read = scaling.filter(Scaling::inGraph)
                    .map(pixels -> scaled(graph, pixels, image.length))
                    .orElse(INPUT);
            translation.run(read, OUTPUT);

            Map<String, String> facts = new LinkedHashMap<>();
            scaling.ifPresent(pixels -> {
                facts.put("image.mean", numbers(pixels.mean()));
                facts.put("image.std", numbers(pixels.std()));
                facts.put("image.input", pixels.inGraph() ? "pixels in 0..1" : "(pixels in 0..1 - mean) / std");
            });
            facts.putAll(metadata);
            List<Long> result = trace.output().shape();
            ModelProto.Builder model = ModelProto.newBuilder()
                    .setIrVersion(IR_VERSION)
                    .setProducerName("hornbeam")
                    .addOpsetImport(
                            OperatorSetIdProto.newBuilder().setDomain("").setVersion(Translation.OPSET))
                    .setGraph(graph.build(
                            network.getClass().getSimpleName(),
                            input(image),
                            OnnxGraph.batchOf(OUTPUT, result.subList(1, result.size()))));
            facts.forEach((key, value) -> model.addMetadataProps(
                    StringStringEntryProto.newBuilder().setKey(key).setValue(value)));
            return model.build();
        } finally {
            // A module that is registered twice has its own type in the first place.
            restore.reversed().forEach(Runnable::run);
        }
    }

    private static Tensor images(int batch, long[] image, Device device) {
        long[] shape = new long[image.length + 1];
        shape[0] = batch;
        System.arraycopy(image, 0, shape, 1, image.length);
        return Tensor.zeros(DType.F32, device, shape);
    }

    // Images come NCHW.
    private static ValueInfoProto input(long[] image) {
        List<Long> sizes = Arrays.stream(image).boxed().collect(Collectors.toList());
        if (image.length == 3) {
            sizes.addFirst(sizes.removeLast());
        }
        return OnnxGraph.batchOf(INPUT, sizes);
    }

    private static String scaled(OnnxGraph graph, Scaling pixels, int dimensions) {
        int channels = pixels.mean().size();
        long[] shape = new long[dimensions];
        Arrays.fill(shape, 1);
        shape[0] = channels;
        graph.reserve("image.mean");
        graph.initializer("image.mean", floats(pixels.mean()), shape);
        graph.reserve("image.std");
        graph.initializer("image.std", floats(pixels.std()), shape);
        String centred = graph.node("Sub", "image", INPUT, "image.mean").output();
        return graph.node("Div", "image", centred, "image.std").output();
    }

    private static float[] floats(List<Double> numbers) {
        float[] values = new float[numbers.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = numbers.get(i).floatValue();
        }
        return values;
    }

    private static String numbers(List<Double> values) {
        return values.stream().map(String::valueOf).collect(Collectors.joining(","));
    }
}
