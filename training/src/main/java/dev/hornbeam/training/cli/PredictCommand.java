package dev.hornbeam.training.cli;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npy;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam predict}: a network's outputs for images in an .npy file. */
@Command(
        name = "predict",
        description = {
            "Writes a network's logits for images in an .npy file.",
            "Input: uint8 [n, h, w, c] or [n, h, w], scaled as in training; or float32, taken as they are. Output: float32 [n, classes]."
        })
final class PredictCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private WeightsOptions weights;

    @Option(names = "--input", required = true, paramLabel = "X.npy", description = "Images.")
    private Path input;

    @Option(names = "--output", required = true, paramLabel = "Y.npy", description = "Where the logits go.")
    private Path output;

    @Option(
            names = "--batch",
            paramLabel = "N",
            defaultValue = "256",
            description = "Images per forward pass; default ${DEFAULT-VALUE}.")
    private int batch;

    @Override
    public Integer call() {
        if (batch < 1) {
            throw new UserError("--batch is " + batch + "; expected at least 1");
        }
        HostArray images = read();
        long[] shape = images.rank() == 3 ? withOneChannel(images.shape()) : images.shape();
        WeightsOptions.Loaded loaded = weights.load(Math.toIntExact(shape[3]));
        try (Module network = loaded.network()) {
            HostArray logits = predict(network, loaded, images, shape);
            Npy.write(output, logits);
            spec.commandLine().getOut().println(Arrays.toString(logits.shape()) + " logits written to " + output);
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotWrite(output, e);
        }
        return 0;
    }

    private HostArray predict(Module network, WeightsOptions.Loaded loaded, HostArray images, long[] shape) {
        int n = Math.toIntExact(shape[0]);
        int imageLength = Math.toIntExact(shape[1] * shape[2] * shape[3]);
        Normalization normalization = loaded.normalization(Math.toIntExact(shape[3]));
        float[] pixels = new float[Math.multiplyExact(batch, imageLength)];
        float[] logits = new float[0];
        int classes = 0;
        try (var _ = Autograd.noGrad()) {
            for (int first = 0; first < n; first += batch) {
                int count = Math.min(batch, n - first);
                images.read((long) first * imageLength, pixels, 0, count * imageLength);
                if (images.dtype() == DType.U8) {
                    scale(pixels, count * imageLength, normalization);
                }
                try (TensorScope _ = TensorScope.open()) {
                    Tensor x = Tensor.empty(DType.F32, loaded.device(), count, shape[1], shape[2], shape[3]);
                    x.write(0, pixels, 0, count * imageLength);
                    Tensor y = network.forward(x);
                    if (first == 0) {
                        classes = Math.toIntExact(y.size(1));
                        logits = new float[Math.multiplyExact(n, classes)];
                    }
                    y.read(0, logits, first * classes, count * classes);
                }
            }
        }
        return HostArray.of(logits, n, classes);
    }

    // Bytes as they were read to what the network was trained on.
    private static void scale(float[] pixels, int count, Normalization normalization) {
        int channels = normalization.channels();
        float[] factors = new float[channels];
        float[] summands = new float[channels];
        for (int c = 0; c < channels; c++) {
            double std = normalization.std().get(c);
            factors[c] = (float) (1 / (255 * std));
            summands[c] = (float) (-normalization.mean().get(c) / std);
        }
        for (int i = 0; i < count; i++) {
            pixels[i] = Math.fma(pixels[i], factors[i % channels], summands[i % channels]);
        }
    }

    private HostArray read() {
        try {
            HostArray images = Npy.read(input);
            if ((images.rank() != 3 && images.rank() != 4)
                    || (images.dtype() != DType.U8 && images.dtype() != DType.F32)) {
                throw new UserError(input + " has shape " + Arrays.toString(images.shape()) + " and type "
                        + images.dtype() + "; expected uint8 or float32 [n, h, w, c] or [n, h, w]");
            }
            return images;
        } catch (TensorFileException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IOException e) {
            throw UserError.cannotRead(input, e);
        }
    }

    private static long[] withOneChannel(long[] shape) {
        return new long[] {shape[0], shape[1], shape[2], 1};
    }
}
