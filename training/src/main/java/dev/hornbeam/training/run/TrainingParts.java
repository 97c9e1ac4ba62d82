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
import dev.hornbeam.training.data.Augmentation;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.data.Preparation;
import dev.hornbeam.training.method.CrossEntropyObjective;
import dev.hornbeam.training.method.InputPerturbation;
import dev.hornbeam.training.method.Objective;
import dev.hornbeam.training.method.Projection;
import dev.hornbeam.training.method.SharpnessPerturbation;
import dev.hornbeam.training.method.WeightNoisePerturbation;
import dev.hornbeam.training.method.WeightPerturbation;
import java.util.Map;

/** Makes the parts of a run from its configuration: one place where the words of a recipe become objects. */
public final class TrainingParts {
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
        return config.pad() == 0 && !config.flip()
                ? Augmentation.none(normalization)
                : Augmentation.of(normalization, config.pad(), config.flip(), seed);
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
        boolean onePassPerSubBatch = switch (config.perturbation()) {
            case PerturbationConfig.Sam _, PerturbationConfig.Asam _ -> true;
            case PerturbationConfig.None _, PerturbationConfig.Damp _, PerturbationConfig.Daap _ -> false;
        };
        if (!onePassPerSubBatch) {
            return config.syncBn() ? 1 : config.subBatches();
        }
        boolean hasBatchNorm = model.namedModules().values().stream().anyMatch(BatchNorm2d.class::isInstance);
        if (config.syncBn() && config.subBatches() > 1 && hasBatchNorm) {
            throw new UserError("method.sync_bn is true, but with " + config.subBatches()
                    + " sub-batches sam and asam send each through the network alone, at weights of its own, and its batch"
                    + " norms cannot see the others; set method.sync_bn to false, or method.sub_batches to 1");
        }
        return 1;
    }

    /** The four axes of a training step. */
    public static TrainingLoop.Method method(MethodConfig config, long seed) {
        Objective objective = switch (config.objective()) {
            case ObjectiveConfig.CrossEntropy ce -> new CrossEntropyObjective(ce.labelSmoothing());
        };
        WeightPerturbation weights = switch (config.perturbation()) {
            case PerturbationConfig.None _ -> WeightPerturbation.none();
            case PerturbationConfig.Damp damp ->
                new WeightNoisePerturbation(
                        Noise.Kind.MULTIPLICATIVE,
                        damp.sigma(),
                        config.subBatches(),
                        switch (damp.gradient()) {
                            case AT_PERTURBED -> Noise.Gradient.AT_PERTURBED;
                            case CHAIN_RULE -> Noise.Gradient.CHAIN_RULE;
                        },
                        seed);
            case PerturbationConfig.Daap daap ->
                new WeightNoisePerturbation(
                        Noise.Kind.ADDITIVE, daap.sigma(), config.subBatches(), Noise.Gradient.AT_PERTURBED, seed);
            case PerturbationConfig.Sam sam -> SharpnessPerturbation.sam(sam.rho(), config.subBatches(), seed);
            case PerturbationConfig.Asam asam ->
                SharpnessPerturbation.asam(asam.rho(), asam.eta(), config.subBatches(), seed);
        };
        InputPerturbation input = switch (config.input()) {
            case InputConfig.None _ -> InputPerturbation.none();
        };
        Projection projection = switch (config.projection()) {
            case ProjectionConfig.None _ -> Projection.none();
        };
        return new TrainingLoop.Method(objective, weights, input, projection);
    }
}
