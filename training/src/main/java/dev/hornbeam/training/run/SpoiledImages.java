package dev.hornbeam.training.run;

import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.noise.NoiseFiles;
import dev.hornbeam.training.noise.NoisySet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The images of a run with what is wrong with them on purpose: first a mixture of severities, then noise.
 *
 * @param train the images to train with
 * @param noise the noise, with the same images before it
 * @param mixture the mixture of severities
 * @param validation images held out, as they were read; the division of a mixture leaves some, too
 */
public record SpoiledImages(
        ImageSet train, Optional<NoisySet> noise, Optional<SeverityMixture> mixture, Optional<ImageSet> validation) {

    /**
     * Makes the images of a configuration.
     *
     * @param clean the training images as they were read
     * @param device where a network that noise is made with computes
     */
    public static SpoiledImages of(RunConfig config, ImageSet clean, Device device, Progress progress) {
        return of(config, Optional.empty(), clean, Optional.empty(), device, progress);
    }

    /**
     * Makes the images of a run. One that goes on gets the noise that it began with from its folder.
     *
     * @param before the folder of a run that goes on
     * @param clean the training images as they were read
     * @param heldOut validation images as they were read
     */
    static SpoiledImages of(
            RunConfig config,
            Optional<RunFolder> before,
            ImageSet clean,
            Optional<ImageSet> heldOut,
            Device device,
            Progress progress) {
        ImageSet train = clean;
        Optional<SeverityMixture> mixture = Optional.empty();
        if (!config.data().photonLimited().isNone()) {
            mixture = Optional.of(SeverityMixture.of(config, clean, Engine.threads()));
            train = mixture.get().train();
        }
        Optional<Path> written = before.map(RunFolder::noise).filter(NoiseFiles::isComplete);
        Optional<NoisySet> noise = written.isPresent()
                ? Optional.of(NoiseFiles.read(written.get(), train))
                : NoiseParts.noise(config, train, device, progress);
        Optional<ImageSet> validation =
                heldOut.isPresent() ? heldOut : mixture.map(m -> m.division().validation());
        return new SpoiledImages(noise.map(NoisySet::noisy).orElse(train), noise, mixture, validation);
    }

    /**
     * Writes the noise and the lists of the mixture, where there are such, to folders that are made where they are missing.
     *
     * @throws dev.hornbeam.training.UserError if they cannot be written
     */
    public void write(Path noiseFolder, Path mixtureFolder) {
        mixture.ifPresent(m -> m.write(mixtureFolder));
        noise.ifPresent(set -> NoiseFiles.write(noiseFolder, set));
    }

    /** Returns what there is to say of them, a line for mixture and noise each. */
    public List<String> lines() {
        List<String> lines = new ArrayList<>();
        mixture.ifPresent(m -> lines.add(m.line()));
        noise.ifPresent(set -> lines.add(set.summary().line()));
        return lines;
    }
}
