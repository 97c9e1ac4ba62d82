package dev.hornbeam.io;

import dev.hornbeam.nn.LoadReport;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The state of a network in a safetensors file with PyTorch's names and layouts (kernels OIHW), so that it loads on both
 * sides.
 */
public final class WeightsFile {
    private WeightsFile() {}

    /**
     * Writes all parameters and buffers.
     *
     * @param metadata texts for the reader
     */
    public static void save(Module network, Path path, Map<String, String> metadata) throws IOException {
        try (var _ = TensorScope.open()) {
            Safetensors.write(path, toFile(network), metadata);
        }
    }

    /** All parameters and buffers as they lie in files, in the innermost scope. */
    public static Map<String, Tensor> toFile(Module network) {
        Map<String, WeightLayout> layouts = network.fileLayouts();
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        network.stateDict()
                .forEach((name, tensor) -> tensors.put(name, layouts.get(name).toFile(tensor.detach())));
        return tensors;
    }

    /**
     * Reads a network's state.
     *
     * @param strict whether anything that does not fit is an error; otherwise what fits is loaded
     * @return what did not fit
     * @throws TensorFileException when the file is damaged, or strict and something does not fit; nothing is changed then
     */
    public static LoadReport load(Module network, Path path, boolean strict) throws IOException {
        try (Safetensors file = Safetensors.open(path)) {
            return load(network, file, path, "", strict);
        }
    }

    /**
     * Reads a network's state from those tensors of a file whose names begin with a prefix.
     *
     * @param path names the file in messages
     */
    public static LoadReport load(Module network, Safetensors file, Path path, String prefix, boolean strict)
            throws IOException {
        Map<String, WeightLayout> layouts = network.fileLayouts();
        Map<String, long[]> shapes = new LinkedHashMap<>();
        for (Safetensors.Entry entry : file.entries().values()) {
            if (entry.name().startsWith(prefix)) {
                String name = entry.name().substring(prefix.length());
                shapes.put(name, layouts.getOrDefault(name, WeightLayout.SAME).memoryShape(entry.shape()));
            }
        }
        LoadReport report = network.compare(shapes);
        if (strict && !report.isClean()) {
            throw new TensorFileException(
                    path, "the weights are not those of " + network.getClass().getSimpleName() + ": " + report);
        }
        Map<String, Tensor> state = network.stateDict();
        for (Map.Entry<String, long[]> found : shapes.entrySet()) {
            Tensor target = state.get(found.getKey());
            if (target == null || !java.util.Arrays.equals(found.getValue(), target.shape())) {
                continue;
            }
            try (var _ = TensorScope.open()) {
                Tensor read = file.read(prefix + found.getKey());
                target.copyFrom(layouts.get(found.getKey()).fromFile(read));
            }
        }
        return report;
    }
}
