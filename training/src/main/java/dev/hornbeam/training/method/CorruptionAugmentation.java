package dev.hornbeam.training.method;

import dev.hornbeam.nn.Module;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Split;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Corrupts half of each batch by one corruption: what a network trained for a known corruption would see.
 *
 * <p>Source: Trinh et al., "Improving robustness to corruptions with multiplicative weight perturbations" (NeurIPS 2024),
 * Algorithm 2. Of n images n/2 (cut down) are chosen at random, and each gets a severity drawn uniformly from those
 * given. Images are brought back to 8 bits, which is exact for those that were 8-bit pixels before normalisation, corrupted as the test images
 * are, and normalised again. So they are corrupted after cropping and mirroring.
 *
 * <p>Draws come from Philox (seed, INPUT, tensor 0, step = optimizer step): stream 0 is the permutation whose first n/2 places
 * are corrupted, stream 1 has the severity of each, element = its rank among them. The corruption's own draws are keyed by rank under the seed
 * {@code seed + (step + 1) * 0x9E3779B97F4A7C15}. Nothing depends on the number of threads or on where a run was resumed.
 */
public final class CorruptionAugmentation implements InputPerturbation {
    // Odd, so that every step has a seed of its own.
    private static final long SEED_PER_STEP = 0x9E3779B97F4A7C15L;

    private final Corruption corruption;
    private final List<Integer> severities;
    private final Normalization normalization;
    private final float[] table;
    private final long seed;

    /**
     * For images normalised in one way.
     *
     * @param severities to draw from, each 1 to 5, at least one
     * @param normalization of the images that {@link #perturb} gets
     * @param seed the run's seed
     * @throws UserError if there is no severity
     */
    public CorruptionAugmentation(
            Corruption corruption, List<Integer> severities, Normalization normalization, long seed) {
        if (severities.isEmpty()) {
            throw new UserError("corruption augmentation by " + corruption.name()
                    + " has no severities to draw from; name at least one of 1 to 5");
        }
        this.corruption = corruption;
        this.severities = List.copyOf(severities);
        this.normalization = normalization;
        this.table = normalization.table();
        this.seed = seed;
    }

    @Override
    public Tensor perturb(Tensor images, Samples samples, Module model) {
        int n = samples.size();
        int step = Math.toIntExact(samples.step());
        int[] order = new Philox(seed, Purpose.INPUT, 0, step, 0).permutation(n);
        int[] chosen = Arrays.copyOf(order, n / 2);
        if (chosen.length == 0) {
            return images;
        }
        float[] values = images.toFloats();
        byte[] pixels = new byte[chosen.length * (values.length / n)];
        int length = values.length / n;
        for (int rank = 0; rank < chosen.length; rank++) {
            for (int k = 0; k < length; k++) {
                pixels[rank * length + k] = pixel(values[chosen[rank] * length + k], k % normalization.channels());
            }
        }
        ImageSet clean = ImageSet.of(
                "batch of step " + (step + 1L),
                Split.TRAIN,
                (int) images.size(1),
                (int) images.size(2),
                (int) images.size(3),
                pixels,
                new int[chosen.length],
                List.of("any"),
                List.of());
        Philox draws = new Philox(seed, Purpose.INPUT, 0, step, 1);
        for (int s = 0; s < severities.size(); s++) {
            List<Integer> ranks = new ArrayList<>();
            for (int rank = 0; rank < chosen.length; rank++) {
                if (draws.below(rank, severities.size()) == s) {
                    ranks.add(rank);
                }
            }
            if (!ranks.isEmpty()) {
                ImageSet corrupted = CorruptedImages.of(
                        clean.subset(ranks.stream().mapToInt(Integer::intValue).toArray()),
                        corruption,
                        severities.get(s),
                        seed + (step + 1) * SEED_PER_STEP,
                        Engine.threads());
                for (int i = 0; i < ranks.size(); i++) {
                    write(corrupted.image(i), values, chosen[ranks.get(i)] * length);
                }
            }
        }
        return Tensor.of(values, images.shape()).to(images.device());
    }

    private byte pixel(float value, int channel) {
        double unit =
                value * normalization.std().get(channel) + normalization.mean().get(channel);
        return (byte) Math.clamp(Math.round(255 * unit), 0, 255);
    }

    private void write(byte[] image, float[] values, int at) {
        int channels = normalization.channels();
        for (int k = 0; k < image.length; k++) {
            values[at + k] = table[256 * (k % channels) + (image[k] & 0xff)];
        }
    }
}
