package dev.hornbeam.training.cli;

import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.image.Background;
import dev.hornbeam.training.image.ImageDecoder;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.image.Resize;
import dev.hornbeam.training.run.Checkpoint;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/**
 * The options that say what is done to image files before a network reads them. What is not given comes from the checkpoint; weights
 * alone say nothing of it, and then the network's published use counts.
 */
final class PreprocessingOptions {
    private static final Pattern SIZE = Pattern.compile("(\\d{1,5})(?:x(\\d{1,5}))?");
    private static final int IMAGENET_CLASSES = 1000;

    @Option(
            names = "--size",
            paramLabel = "C|HxW",
            description = "Pixels that the network reads: a square, or height x width; by default the checkpoint's.")
    private String size;

    @Option(
            names = "--resize",
            paramLabel = "S|stretch",
            description = "Shorter side before the centre is cut out, or stretch; by default the checkpoint's.")
    private String resize;

    @Option(
            names = "--interpolation",
            paramLabel = "KIND",
            description = "bilinear, bicubic, box or lanczos, all antialiased; by default the checkpoint's.")
    private String interpolation;

    @Option(
            names = "--channels",
            paramLabel = "1|3",
            description = "For weights alone: whether the network reads grey images or colours.")
    private Integer channels;

    @Option(
            names = "--mean",
            paramLabel = "M",
            split = ",",
            description = "Mean of each channel, for pixels in 0..1; by default the checkpoint's.")
    private List<Double> mean;

    @Option(
            names = "--std",
            paramLabel = "S",
            split = ",",
            description = "Standard deviation of each channel; by default the checkpoint's.")
    private List<Double> std;

    @Option(
            names = "--background",
            paramLabel = "COLOUR",
            description = "Behind transparent images: white, black, #rrggbb, or none to drop transparency.")
    private String background;

    @Option(
            names = "--max-pixels",
            paramLabel = "N",
            defaultValue = "" + ImageDecoder.MAX_PIXELS,
            description = "Images of more pixels are skipped; default ${DEFAULT-VALUE}.")
    private long maxPixels;

    long maxPixels() {
        if (maxPixels < 1) {
            throw new UserError("--max-pixels is " + maxPixels + "; expected at least 1");
        }
        return maxPixels;
    }

    /** What is done to images: as given, else as in the checkpoint, else as published for the network. */
    Preprocessing preprocessing(WeightsOptions weights) {
        Preprocessing known =
                weights.checkpoint().map(Checkpoint::preprocessing).orElseGet(() -> published(weights));
        int depth = channels == null ? known.channels() : channels;
        if (channels != null && weights.checkpoint().isPresent() && channels != known.channels()) {
            throw new UserError("--channels is " + channels + ", but the checkpoint's network reads " + known.channels()
                    + "; leave --channels out");
        }
        int[] pixels = size == null ? new int[] {known.height(), known.width()} : parseSize();
        return new Preprocessing(
                pixels[0],
                pixels[1],
                depth,
                resize == null ? rule(known, pixels) : Resize.parse(resize),
                interpolation == null ? known.interpolation() : Interpolation.parse(interpolation),
                background == null ? known.background() : Background.parse(background));
    }

    /** How pixels are scaled: as given, else as in the checkpoint, else as for ImageNet where the network is for it. */
    Normalization normalization(WeightsOptions weights, Preprocessing images) {
        return givenNormalization()
                .or(() -> weights.checkpoint().map(Checkpoint::normalization))
                .orElseGet(() -> isForImageNet(weights) && images.channels() == 3
                        ? Normalization.imageNet()
                        : Normalization.none(images.channels()));
    }

    /** The scaling that the command line asks for, if it does. */
    Optional<Normalization> givenNormalization() {
        if (mean == null && std == null) {
            return Optional.empty();
        }
        if (mean == null || std == null) {
            throw new UserError("--mean and --std belong together; give both");
        }
        return Optional.of(new Normalization(mean, std));
    }

    /** The side of square images, for networks that are made for one size; empty for others. */
    OptionalInt side(Preprocessing images) {
        return images.height() == images.width() ? OptionalInt.of(images.height()) : OptionalInt.empty();
    }

    /** One line on what was taken for granted because the weights do not say it; empty for a checkpoint, which does. */
    Optional<String> assumptions(WeightsOptions weights, Preprocessing images, Normalization scaling) {
        if (weights.checkpoint().isPresent()) {
            return Optional.empty();
        }
        return Optional.of(String.format(
                Locale.ROOT,
                "%s holds weights alone; images are prepared as is usual for %s: %s, mean %s, std %s"
                        + " (change it with --size, --resize, --interpolation, --mean, --std)",
                weights.file(),
                weights.requiredModelName(),
                images,
                scaling.mean(),
                scaling.std()));
    }

    private Preprocessing published(WeightsOptions weights) {
        ModelCatalog.Entry entry =
                ModelCatalog.find(weights.requiredModelName()).orElse(null);
        if (entry == null) {
            // Making the network will say so, and which there are.
            return Preprocessing.imageNet();
        }
        if (entry.classes() != IMAGENET_CLASSES) {
            return Preprocessing.of(entry.side(), entry.side(), entry.channels());
        }
        Preprocessing usual = Preprocessing.imageNet();
        int[] pixels = {entry.side(), entry.side()};
        return new Preprocessing(
                entry.side(),
                entry.side(),
                entry.channels(),
                rule(usual, pixels),
                usual.interpolation(),
                usual.background());
    }

    private static boolean isForImageNet(WeightsOptions weights) {
        return ModelCatalog.find(weights.requiredModelName())
                .filter(entry -> entry.classes() == IMAGENET_CLASSES)
                .isPresent();
    }

    // The shorter side grows and shrinks with what is cut out.
    private static Resize rule(Preprocessing known, int[] pixels) {
        return switch (known.resize()) {
            case Resize.Stretch stretch -> stretch;
            case Resize.ShorterSide(int shorter) ->
                pixels[0] == pixels[1]
                        ? new Resize.ShorterSide((int)
                                Math.round((double) shorter * pixels[0] / Math.max(known.height(), known.width())))
                        : new Resize.Stretch();
        };
    }

    private int[] parseSize() {
        Matcher matcher = SIZE.matcher(size);
        if (!matcher.matches()) {
            throw new UserError("--size is " + size + "; expected pixels as in 224, or height x width as in 224x320");
        }
        int height = Integer.parseInt(matcher.group(1));
        return new int[] {height, matcher.group(2) == null ? height : Integer.parseInt(matcher.group(2))};
    }
}
