package dev.hornbeam.training.run;

import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.optim.Adam;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.optim.Schedule;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.NearestNames;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.augmentation.AugmentationPipeline;
import dev.hornbeam.training.augmentation.InceptionCrop;
import dev.hornbeam.training.augmentation.RandomErasing;
import dev.hornbeam.training.augmentation.SampleMixing;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.BatchMixing;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Preparation;
import dev.hornbeam.training.method.CorruptionAugmentation;
import dev.hornbeam.training.method.CrossEntropyObjective;
import dev.hornbeam.training.method.InputPerturbation;
import dev.hornbeam.training.method.Objective;
import dev.hornbeam.training.method.Projection;
import dev.hornbeam.training.method.SharpnessPerturbation;
import dev.hornbeam.training.method.WeightNoisePerturbation;
import dev.hornbeam.training.method.WeightPerturbation;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes the parts of a run from its configuration: one place where the words of a recipe become objects. */
public final class TrainingParts {
    // Odd, so that every replica has a seed of its own.
    private static final long SEED_PER_REPLICA = 0xD1B54A32D192ED03L;

    private TrainingParts() {}

    /**
     * The device of that name.
     *
     * @throws UserError if it is unknown or cannot be used, with the reason
     */
    public static Device device(String name) {
        Device device;
        try {
            device = Device.parse(name);
        } catch (IllegalArgumentException e) {
            throw new UserError(e.getMessage(), e);
        }
        Engine.whyUnavailable(device).ifPresent(reason -> {
            throw new UserError("device " + name + " cannot be used: " + reason);
        });
        return device;
    }

    /**
     * The devices of a run, by names with commas between them: the replicas of its network, in that order.
     *
     * @throws UserError if one is unknown or cannot be used, or if they are not of one kind
     */
    public static List<Device> devices(String names) {
        List<Device> devices = Arrays.stream(names.split(",", -1))
                .map(name -> device(name.strip()))
                .toList();
        for (Device device : devices) {
            if (device.kind() != devices.getFirst().kind()) {
                throw new UserError("device is " + names + ", but the devices of a run are of one kind: gradients are"
                        + " summed over them");
            }
        }
        return devices;
    }

    /**
     * How many sub-batches each of several replicas of the network has: their share of the method's, or all that there is,
     * one.
     *
     * @throws UserError if they cannot be shared evenly
     */
    public static int subBatchesOfReplica(MethodConfig config, int replicas) {
        int all = config.subBatches();
        if (all == 1 || all % replicas == 0) {
            return Math.max(1, all / replicas);
        }
        throw new UserError("method.sub_batches is " + all + ", which " + replicas
                + " devices cannot share evenly; choose a multiple of " + replicas + ", or 1");
    }

    /** Whether several replicas must average gradients after every pass of a step, and not at its end alone. */
    public static boolean averagesEveryPass(MethodConfig config) {
        return switch (config.perturbation()) {
            case PerturbationConfig.Sam _, PerturbationConfig.Asam _ -> config.subBatches() == 1;
            case PerturbationConfig.None _, PerturbationConfig.Damp _, PerturbationConfig.Daap _ -> false;
        };
    }

    /**
     * The network of that name with fresh weights.
     *
     * @throws UserError if there is none of that name, or if the network does not have what the spec asks for
     */
    public static Module model(String name, ModelSpec spec, long seed) {
        requireModel(name);
        try {
            return ModelCatalog.create(name, spec, seed);
        } catch (IllegalArgumentException e) {
            throw new UserError(e.getMessage(), e);
        }
    }

    /**
     * The entry of the catalog with that name.
     *
     * @throws UserError if there is none
     */
    public static ModelCatalog.Entry requireModel(String name) {
        return ModelCatalog.find(name)
                .orElseThrow(() -> new UserError(
                        "there is no model \"" + name + "\"" + NearestNames.didYouMean(name, ModelCatalog.names())
                                + " The models are " + String.join(", ", ModelCatalog.names())));
    }

    /** How pixels are scaled, for images like those of {@code train}. */
    public static Normalization normalization(NormalizeConfig config, ImageSet train) {
        return switch (config) {
            case NormalizeConfig.Dataset _ -> Normalization.of(train);
            case NormalizeConfig.None _ -> Normalization.none(train.channels());
            case NormalizeConfig.Values values -> {
                if (values.mean().size() != train.channels()) {
                    throw new UserError("data.normalize has figures for "
                            + values.mean().size() + " channels, but " + train.name() + " has " + train.channels());
                }
                yield new Normalization(values.mean(), values.std());
            }
        };
    }

    /** What happens to training images. */
    public static Preparation augmentation(AugmentConfig config, Normalization normalization, long seed) {
        if (config.isPlain()) {
            return config.pad() == 0 && !config.flip()
                    ? Augmentation.none(normalization)
                    : Augmentation.of(normalization, config.pad(), config.flip(), seed);
        }
        return pipeline(config, normalization, seed);
    }

    /** What happens to training images, for showing it: {@link AugmentationPipeline#augment} gives images. */
    public static AugmentationPipeline pipeline(AugmentConfig config, Normalization normalization, long seed) {
        AugmentationPipeline.Builder builder =
                AugmentationPipeline.of(normalization, seed).pad(config.pad());
        if (config.flip()) {
            builder.flip();
        }
        if (config.crop() instanceof CropConfig.Inception crop) {
            builder.inceptionCrop(
                    new InceptionCrop(crop.minArea(), crop.maxArea(), crop.minRatio(), crop.maxRatio()),
                    crop.interpolation());
        }
        AugmentConfig.RandAugmentConfig rand = config.randAugment();
        if (rand.operations() > 0) {
            builder.randAugment(rand.operations(), rand.level());
        }
        AugmentConfig.AugMixConfig mix = config.augMix();
        if (mix.severity() > 0) {
            builder.augMix(mix.severity(), mix.width(), mix.depth(), mix.alpha());
        }
        AugmentConfig.ColourJitterConfig jitter = config.colourJitter();
        if (jitter.brightness() > 0 || jitter.contrast() > 0 || jitter.saturation() > 0 || jitter.hue() > 0) {
            builder.colourJitter(jitter.brightness(), jitter.contrast(), jitter.saturation(), jitter.hue());
        }
        AugmentConfig.ErasingConfig erasing = config.erasing();
        if (erasing.probability() > 0) {
            builder.erasing(
                    new RandomErasing(erasing.probability(), erasing.minArea(), erasing.maxArea(), erasing.fill()));
        }
        return builder.build();
    }

    /** How the images of a batch are mixed, if they are. */
    public static Optional<BatchMixing> mixing(AugmentConfig config, int classes, long seed) {
        double mixUp = config.mixUp().alpha();
        double cutMix = config.cutMix().alpha();
        return mixUp == 0 && cutMix == 0
                ? Optional.empty()
                : Optional.of(new SampleMixing(mixUp, cutMix, config.mixProbability(), classes, seed));
    }

    /** The optimizer for those parameters. */
    public static Optimizer optimizer(OptimizerConfig config, Map<String, Parameter> parameters) {
        return switch (config) {
            case OptimizerConfig.Sgd sgd ->
                new Sgd(parameters, sgd.lr(), sgd.momentum(), sgd.weightDecay(), sgd.nesterov());
            case OptimizerConfig.Adam adam ->
                Adam.adam(
                        parameters,
                        adam.lr(),
                        adam.beta1(),
                        adam.beta2(),
                        adam.eps(),
                        adam.weightDecay(),
                        adam.amsgrad());
            case OptimizerConfig.AdamW adam ->
                Adam.adamW(parameters, adam.lr(), adam.beta1(), adam.beta2(), adam.eps(), adam.weightDecay(), false);
        };
    }

    /**
     * The factor of the learning rate over the run.
     *
     * @param lr learning rate that the factor is of
     * @param epochs of the run
     * @param stepsPerEpoch of the run
     */
    public static Schedule schedule(ScheduleConfig config, double lr, int epochs, int stepsPerEpoch) {
        Schedule course = switch (config) {
            case ScheduleConfig.Constant _ -> Schedule.constant();
            case ScheduleConfig.Step step -> Schedule.step(step.every(), step.gamma());
            case ScheduleConfig.MultiStep multi ->
                Schedule.multiStep(
                        multi.gamma(),
                        multi.milestones().stream()
                                .map(at -> (int) Math.round(at < 1 ? at * epochs : at))
                                .toArray(Integer[]::new));
            case ScheduleConfig.Cosine cosine -> Schedule.cosine(cosine.finalFactor());
            case ScheduleConfig.LinearAnneal anneal ->
                new Schedule.LinearAnneal(anneal.hold(), anneal.until(), anneal.finalFactor());
        };
        WarmupConfig warmup = config.warmup();
        long steps = warmup.steps() > 0 ? warmup.steps() : Math.round(warmup.epochs() * stepsPerEpoch);
        return steps == 0 ? course : course.afterWarmUp(steps, warmup.from() / lr);
    }

    /**
     * How many parts of a pass have batch-norm statistics of their own under a method.
     *
     * @throws UserError if the method cannot have the statistics that its configuration asks for
     */
    public static int statisticsGroups(MethodConfig config, Module model) {
        return statisticsGroups(config, model, 1);
    }

    /** The same for one of several replicas that share the sub-batches of a step. */
    public static int statisticsGroups(MethodConfig config, Module model, int replicas) {
        boolean onePassPerSubBatch = switch (config.perturbation()) {
            case PerturbationConfig.Sam _, PerturbationConfig.Asam _ -> true;
            case PerturbationConfig.None _, PerturbationConfig.Damp _, PerturbationConfig.Daap _ -> false;
        };
        if (!onePassPerSubBatch) {
            return config.syncBn() ? 1 : subBatchesOfReplica(config, replicas);
        }
        boolean hasBatchNorm = model.namedModules().values().stream().anyMatch(BatchNorm2d.class::isInstance);
        if (config.syncBn() && config.subBatches() > 1 && hasBatchNorm) {
            throw new UserError("method.sync_bn is true, but with " + config.subBatches()
                    + " sub-batches sam and asam send each through the network alone, at weights of its own, and its batch"
                    + " norms cannot see the others; set method.sync_bn to false, or method.sub_batches to 1");
        }
        return 1;
    }

    /**
     * The four axes of a training step.
     *
     * @param normalization of the images that the network is trained on
     * @throws UserError if the configuration names something that there is not
     */
    public static TrainingLoop.Method method(MethodConfig config, Normalization normalization, long seed) {
        return method(config, normalization, seed, 0, 1);
    }

    /**
     * The same for one of several replicas that share every step: it has its share of the sub-batches, with the noise that
     * they have on one device. What is done to its images is drawn under a seed of its own.
     *
     * @param replica which, from 0
     * @param replicas how many there are
     */
    public static TrainingLoop.Method method(
            MethodConfig config, Normalization normalization, long seed, int replica, int replicas) {
        int subBatches = subBatchesOfReplica(config, replicas);
        // One sub-batch is the whole batch's, on whatever devices.
        int place = config.subBatches() == 1 ? 0 : replica;
        Objective objective = switch (config.objective()) {
            case ObjectiveConfig.CrossEntropy ce -> new CrossEntropyObjective(ce.labelSmoothing());
        };
        WeightPerturbation weights = switch (config.perturbation()) {
            case PerturbationConfig.None _ -> WeightPerturbation.none();
            case PerturbationConfig.Damp damp ->
                new WeightNoisePerturbation(
                        Noise.Kind.MULTIPLICATIVE,
                        damp.sigma(),
                        subBatches,
                        switch (damp.gradient()) {
                            case AT_PERTURBED -> Noise.Gradient.AT_PERTURBED;
                            case CHAIN_RULE -> Noise.Gradient.CHAIN_RULE;
                        },
                        seed,
                        place);
            case PerturbationConfig.Daap daap ->
                new WeightNoisePerturbation(
                        Noise.Kind.ADDITIVE, daap.sigma(), subBatches, Noise.Gradient.AT_PERTURBED, seed, place);
            case PerturbationConfig.Sam sam ->
                SharpnessPerturbation.sam(sam.rho(), subBatches, seed).ofReplica(place);
            case PerturbationConfig.Asam asam ->
                SharpnessPerturbation.asam(asam.rho(), asam.eta(), subBatches, seed)
                        .ofReplica(place);
        };
        InputPerturbation input = switch (config.input()) {
            case InputConfig.None _ -> InputPerturbation.none();
            case InputConfig.CorruptionAugmentation half ->
                new CorruptionAugmentation(
                        Corruptions.named(half.corruption()),
                        half.severities(),
                        normalization,
                        seed + replica * SEED_PER_REPLICA);
        };
        Projection projection = switch (config.projection()) {
            case ProjectionConfig.None _ -> Projection.none();
        };
        return new TrainingLoop.Method(objective, weights, input, projection);
    }
}
