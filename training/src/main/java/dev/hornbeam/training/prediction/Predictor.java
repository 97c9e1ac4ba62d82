package dev.hornbeam.training.prediction;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.run.Checkpoint;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A trained network that says what is in an image.
 *
 * <pre>{@code
 * try (var predictor = Predictor.open(Path.of("runs/damp/checkpoints/step-00001872.safetensors"))) {
 *     for (Prediction prediction : predictor.predict(Path.of("shirt.png"))) {
 *         System.out.println(prediction.className() + " " + prediction.probability());
 *     }
 * }
 * }</pre>
 *
 * <p>Images are read, resized and scaled as the checkpoint says. Any number of threads may use one predictor; the network runs
 * for one of them at a time, on all cores. {@link #close} frees the network.
 */
public final class Predictor implements AutoCloseable {
    private final Module network;
    private final Device device;
    private final Preprocessing preprocessing;
    private final float[] table;
    private final List<String> classNames;
    private final ImageDecoder decoder;
    // Of the batch in work; used again for the next.
    private float[] pixels = new float[0];
    private float[] logits = new float[0];

    private Predictor(
            Module network,
            Device device,
            Preprocessing preprocessing,
            Normalization normalization,
            List<String> classNames,
            long maxPixels) {
        if (normalization.channels() != preprocessing.channels()) {
            throw new UserError("means and standard deviations are given for " + normalization.channels()
                    + " channels; the network reads " + preprocessing.channels());
        }
        if (preprocessing.channels() != 1 && preprocessing.channels() != 3) {
            throw new UserError("the network reads images of " + preprocessing.channels()
                    + " channels; image files have 1 (grey) or 3 (colour), so give it an .npy file");
        }
        this.network = network;
        this.device = device;
        this.preprocessing = preprocessing;
        this.table = normalization.table();
        this.classNames = List.copyOf(classNames);
        this.decoder = new ImageDecoder(preprocessing.background(), maxPixels);
        network.eval();
    }

    /**
     * Opens a checkpoint of a run, on the CPU; it computes in the type that the run did.
     *
     * @throws UserError if the file cannot be read, is damaged, or is no checkpoint of Hornbeam
     */
    public static Predictor open(Path checkpoint) {
        Checkpoint known = Checkpoint.read(checkpoint);
        Module network = known.network(checkpoint);
        try {
            Checkpoint.loadWeights(checkpoint, network);
            known.dtype().applyTo(network);
            return of(checkpoint, known, network);
        } catch (UserError e) {
            network.close();
            throw e;
        }
    }

    private static Predictor of(Path checkpoint, Checkpoint known, Module network) {
        try {
            return of(network, Device.cpu(), known.preprocessing(), known.normalization(), known.classNames());
        } catch (UserError e) {
            throw new UserError(checkpoint + ": " + e.getMessage(), e);
        }
    }

    /**
     * Makes a predictor of any network.
     *
     * @param network that gives [n, classes] for [n, height, width, channels]; taken over, put into evaluation mode, and closed
     *     with the predictor
     * @param device where the network is
     * @param preprocessing what is done to images first
     * @param normalization how their pixels are scaled then
     * @param classNames names of the classes in order; fewer than there are classes, or none, where they have none
     * @throws UserError if preprocessing and normalisation differ in the number of channels, or it is neither 1 nor 3
     */
    public static Predictor of(
            Module network,
            Device device,
            Preprocessing preprocessing,
            Normalization normalization,
            List<String> classNames) {
        return of(network, device, preprocessing, normalization, classNames, ImageDecoder.MAX_PIXELS);
    }

    /**
     * Makes a predictor that refuses images of more than {@code maxPixels} pixels.
     *
     * @see #of(Module, Device, Preprocessing, Normalization, List)
     */
    public static Predictor of(
            Module network,
            Device device,
            Preprocessing preprocessing,
            Normalization normalization,
            List<String> classNames,
            long maxPixels) {
        return new Predictor(network, device, preprocessing, normalization, classNames, maxPixels);
    }

    /**
     * Returns all classes for the image in a file, the most probable first.
     *
     * @throws UserError if the file is no image that can be read, with the reason
     */
    public List<Prediction> predict(Path image) {
        return predict(List.of(prepare(image)), Integer.MAX_VALUE).getFirst();
    }

    /** Returns all classes for an image, the most probable first. Of equal ones the lower index comes first. */
    public List<Prediction> predict(BufferedImage image) {
        return predict(List.of(prepare(image)), Integer.MAX_VALUE).getFirst();
    }

    /**
     * Reads an image file and makes of it what the network reads. This is the part of a prediction that threads do side by side.
     *
     * @throws UserError if the file is no image that can be read, with the reason
     */
    public PixelImage prepare(Path image) {
        PixelImage decoded = decoder.decode(image);
        try {
            return preprocessing.apply(decoded);
        } catch (UserError e) {
            throw new UserError("cannot use " + image + ": " + e.getMessage(), e);
        }
    }

    /** Makes of an image what the network reads. */
    public PixelImage prepare(BufferedImage image) {
        return preprocessing.apply(decoder.convert(image));
    }

    /**
     * Runs the network once over several images.
     *
     * @param images as {@link #prepare} gives them
     * @param top how many classes to return of each image, at least 1; all, where there are fewer
     * @return for each image its most probable classes, the most probable first
     * @throws UserError if an output is not a number
     */
    public synchronized List<List<Prediction>> predict(List<PixelImage> images, int top) {
        if (images.isEmpty() || top < 1) {
            throw new IllegalArgumentException(
                    images.size() + " images, top " + top + "; expected at least one of each");
        }
        int count = images.size();
        int classes = run(images);
        List<List<Prediction>> predictions = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            predictions.add(mostProbable(i * classes, classes, Math.min(top, classes)));
        }
        return predictions;
    }

    /** Returns what is done to images. */
    public Preprocessing preprocessing() {
        return preprocessing;
    }

    /** Returns the names of the classes, as far as they have some. */
    public List<String> classNames() {
        return classNames;
    }

    @Override
    public synchronized void close() {
        network.close();
    }

    // Leaves the outputs in logits and returns how many there are of each image.
    private int run(List<PixelImage> images) {
        int length = preprocessing.length();
        int count = Math.multiplyExact(images.size(), length);
        if (pixels.length < count) {
            pixels = new float[count];
        }
        for (int i = 0; i < images.size(); i++) {
            scale(images.get(i), i * length);
        }
        try (var _ = Autograd.noGrad();
                TensorScope _ = TensorScope.open()) {
            Tensor x = Tensor.empty(
                    DType.F32,
                    device,
                    images.size(),
                    preprocessing.height(),
                    preprocessing.width(),
                    preprocessing.channels());
            x.write(0, pixels, 0, count);
            Tensor y = network.forward(x);
            int classes = Math.toIntExact(y.size(1));
            if (logits.length < images.size() * classes) {
                logits = new float[images.size() * classes];
            }
            y.read(0, logits, 0, images.size() * classes);
            return classes;
        }
    }

    private void scale(PixelImage image, int at) {
        byte[] bytes = image.pixels();
        int channels = preprocessing.channels();
        if (image.width() != preprocessing.width()
                || image.height() != preprocessing.height()
                || image.channels() != channels) {
            throw new IllegalArgumentException(
                    "an image of " + image + " (width x height x channels) was not prepared for" + " this network");
        }
        for (int i = 0; i < bytes.length; i += channels) {
            for (int c = 0; c < channels; c++) {
                pixels[at + i + c] = table[256 * c + (bytes[i + c] & 0xff)];
            }
        }
    }

    private List<Prediction> mostProbable(int first, int classes, int top) {
        double largest = Double.NEGATIVE_INFINITY;
        long[] order = new long[classes];
        for (int c = 0; c < classes; c++) {
            float logit = logits[first + c];
            if (!Float.isFinite(logit)) {
                throw new UserError("the network's output " + c + " is " + logit
                        + "; its weights are damaged, or not those of this network");
            }
            largest = Math.max(largest, logit);
            order[c] = ((long) ~ascending(logit) << 32) | c;
        }
        double sum = 0;
        for (int c = 0; c < classes; c++) {
            sum += Math.exp(logits[first + c] - largest);
        }
        Arrays.sort(order);
        List<Prediction> predictions = new ArrayList<>(top);
        for (int rank = 0; rank < top; rank++) {
            int index = (int) order[rank];
            String name = index < classNames.size() ? classNames.get(index) : Integer.toString(index);
            predictions.add(new Prediction(name, index, Math.exp(logits[first + index] - largest) / sum));
        }
        return List.copyOf(predictions);
    }

    // A whole number that grows with the given one; both zeros are the same.
    private static int ascending(float number) {
        int bits = Float.floatToIntBits(number + 0f);
        return bits ^ ((bits >> 31) & Integer.MAX_VALUE);
    }
}
