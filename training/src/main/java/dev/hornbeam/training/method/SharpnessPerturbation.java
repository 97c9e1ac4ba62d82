package dev.hornbeam.training.method;

import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.optim.SharpnessAscent;
import dev.hornbeam.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * SAM and ASAM: the gradient at weights that were moved uphill first.
 *
 * <p>Sources: Foret et al., "Sharpness-aware minimization for efficiently improving generalization" (ICLR 2021), equation 2
 * and Algorithm 1: with {@code g} the gradient at the weights {@code w}, the step uses the gradient at {@code w + e},
 * {@code e = rho g / |g|}. Kwon et al., "ASAM: adaptive sharpness-aware minimization for scale-invariant learning of deep
 * neural networks" (ICML 2021), equation 9 and Algorithm 1: {@code e = rho T^2 g / |T g|} with {@code T = |w| + eta} for
 * kernels of convolutions and linear layers and scales of norms, and 1 for biases, shifts and the rest. Norms are Euclidean
 * and run over all parameters together.
 *
 * <p>With M sub-batches ("m-sharpness", section 4.1 of the first paper) each has an {@code e} of its own, from its own
 * gradient, and the gradients that result are averaged by the number of samples. Sub-batch m of n samples holds those from
 * {@code m n / M} to {@code (m + 1) n / M}, both cut down. Sub-batches go through the network one after the other, so batch
 * norms normalise each with statistics of its own, and dropout draws for sub-batch m from stream m.
 *
 * <p>Running statistics of batch norms are updated by the passes at the unperturbed weights only, once a step: by the mean
 * over the sub-batches, which is what batch norm with statistics groups does. The weights are put back to the bit; the
 * optimizer and its weight decay see the clean ones.
 */
public final class SharpnessPerturbation implements WeightPerturbation {
    private final double rho;
    private final double eta;
    private final boolean adaptive;
    private final int subBatches;
    private final long seed;
    private final int firstStream;
    private SharpnessAscent ascent;
    // Sums over sub-batches; empty where there is one.
    private final Map<Parameter, Tensor> gradients = new LinkedHashMap<>();
    private final Map<String, Tensor> startingStatistics = new LinkedHashMap<>();
    private final Map<String, Tensor> statistics = new LinkedHashMap<>();

    private SharpnessPerturbation(
            double rho, double eta, boolean adaptive, int subBatches, long seed, int firstStream) {
        if (subBatches < 1) {
            throw new IllegalArgumentException("sub-batches are " + subBatches + ", but at least 1 is needed");
        }
        this.rho = rho;
        this.eta = eta;
        this.adaptive = adaptive;
        this.subBatches = subBatches;
        this.seed = seed;
        this.firstStream = firstStream;
    }

    /**
     * SAM's.
     *
     * @param rho length of the way uphill, at least 0
     * @param subBatches parts of the batch with a way of their own, at least 1
     * @param seed the run's seed, for dropout
     */
    public static SharpnessPerturbation sam(double rho, int subBatches, long seed) {
        return new SharpnessPerturbation(rho, 0, false, subBatches, seed, 0);
    }

    /**
     * ASAM's.
     *
     * @param rho length of the way uphill, measured in units of the weights, at least 0
     * @param eta added to the weights' sizes, at least 0
     * @param subBatches parts of the batch with a way of their own, at least 1
     * @param seed the run's seed, for dropout
     */
    public static SharpnessPerturbation asam(double rho, double eta, int subBatches, long seed) {
        return new SharpnessPerturbation(rho, eta, true, subBatches, seed, 0);
    }

    /**
     * The same for one of several replicas that share a step, each with as many sub-batches of its own: sub-batch m of
     * replica r draws dropout's numbers from stream {@code r M + m}, as if all were sub-batches of one.
     *
     * @param replica which, from 0
     */
    public SharpnessPerturbation ofReplica(int replica) {
        return new SharpnessPerturbation(rho, eta, adaptive, subBatches, seed, Math.multiplyExact(replica, subBatches));
    }

    @Override
    public GradientPass.Outcome gradient(Module model, GradientPass pass, long step) {
        if (ascent == null) {
            ascent = adaptive
                    ? SharpnessAscent.asam(model.parameters(), rho, eta)
                    : SharpnessAscent.sam(model.parameters(), rho);
        }
        int samples = pass.size();
        int parts = Math.min(subBatches, samples);
        if (parts == 1) {
            return uphill(model, pass, 0, samples);
        }
        gradients.values().forEach(sum -> sum.fill(0));
        rememberStatistics(model);
        double loss = 0;
        int correct = 0;
        for (int m = 0; m < subBatches; m++) {
            int first = (int) ((long) m * samples / subBatches);
            int end = (int) ((long) (m + 1) * samples / subBatches);
            if (first == end) {
                continue;
            }
            model.setStep(seed, Math.toIntExact(step), firstStream + m);
            GradientPass.Outcome part = uphill(model, pass, first, end);
            double share = (double) (end - first) / samples;
            addGradients(model, share);
            addStatistics(model, 1.0 / parts);
            loss += share * part.loss();
            correct += part.correct();
        }
        for (Map.Entry<Parameter, Tensor> sum : gradients.entrySet()) {
            Tensor gradient = sum.getKey().grad();
            if (gradient != null) {
                gradient.copyFrom(sum.getValue());
            }
        }
        statistics.forEach(
                (name, mean) -> model.namedBuffers().get(name).value().copyFrom(mean));
        return new GradientPass.Outcome(loss, correct);
    }

    private GradientPass.Outcome uphill(Module model, GradientPass pass, int first, int end) {
        GradientPass.Outcome here = pass.run(first, end);
        ascent.ascend();
        model.setUpdateRunningStatistics(false);
        try {
            pass.run(first, end);
        } finally {
            model.setUpdateRunningStatistics(true);
            ascent.restore();
        }
        return here;
    }

    private void addGradients(Module model, double share) {
        for (Parameter parameter : model.parameters()) {
            Tensor gradient = parameter.grad();
            if (gradient != null) {
                gradients
                        .computeIfAbsent(parameter, SharpnessPerturbation::zerosLike)
                        .addScaled(gradient, share);
            }
        }
    }

    private static Tensor zerosLike(Parameter parameter) {
        Tensor value = parameter.value();
        return Tensor.zeros(value.dtype(), value.device(), value.shape()).keep();
    }

    private void rememberStatistics(Module model) {
        model.namedBuffers().forEach((name, buffer) -> {
            Tensor start = startingStatistics.get(name);
            if (start == null) {
                startingStatistics.put(name, buffer.value().copy().keep());
                statistics.put(name, buffer.value().copy().keep().fill(0));
            } else {
                start.copyFrom(buffer.value());
                statistics.get(name).fill(0);
            }
        });
    }

    // Takes what the sub-batch made of the statistics, and puts them back for the next one.
    private void addStatistics(Module model, double share) {
        model.namedBuffers().forEach((name, buffer) -> {
            statistics.get(name).addScaled(buffer.value(), share);
            buffer.value().copyFrom(startingStatistics.get(name));
        });
    }

    @Override
    public void close() {
        if (ascent != null) {
            ascent.close();
            ascent = null;
        }
        for (Map<?, Tensor> tensors : List.of(gradients, startingStatistics, statistics)) {
            tensors.values().forEach(Tensor::close);
            tensors.clear();
        }
    }
}
