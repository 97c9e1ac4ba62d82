package dev.hornbeam.autograd;

import static dev.hornbeam.autograd.ops.CrossEntropy.crossEntropy;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.hornbeam.autograd.ops.Activation;
import dev.hornbeam.autograd.ops.Attention;
import dev.hornbeam.autograd.ops.AvgPool2d;
import dev.hornbeam.autograd.ops.BatchNorm;
import dev.hornbeam.autograd.ops.BatchNormOptions;
import dev.hornbeam.autograd.ops.Binary;
import dev.hornbeam.autograd.ops.BinaryScalar;
import dev.hornbeam.autograd.ops.Conv2d;
import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.autograd.ops.ConvBnAct;
import dev.hornbeam.autograd.ops.Dropout;
import dev.hornbeam.autograd.ops.GlobalAvgPool;
import dev.hornbeam.autograd.ops.GroupNorm;
import dev.hornbeam.autograd.ops.KlDivergence;
import dev.hornbeam.autograd.ops.LayerNorm;
import dev.hornbeam.autograd.ops.Linear;
import dev.hornbeam.autograd.ops.MaxPool2d;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.autograd.ops.PerturbWeight;
import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.autograd.ops.Reduce;
import dev.hornbeam.autograd.ops.SoftmaxScores;
import dev.hornbeam.autograd.ops.SquaredError;
import dev.hornbeam.autograd.ops.Unary;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.optim.Adam;
import dev.hornbeam.optim.GradientClipping;
import dev.hornbeam.optim.Optimizer;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.optim.SharpnessAscent;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.testing.FlatJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.TestFactory;

/** Every op, with its gradient by autograd, against what PyTorch computed: testdata/golden, whose README tells the rules. */
class GoldenTest {
    private static final Path FOLDER = Path.of("..", "testdata", "golden");

    @TestFactory
    List<DynamicNode> cases() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            List<DynamicNode> nodes = files.filter(file -> file.toString().endsWith(".safetensors"))
                    .filter(file -> !file.getFileName().toString().matches("(model|method)\\..*"))
                    .sorted()
                    .map(GoldenTest::file)
                    .toList();
            assertEquals(13, nodes.size(), "files of ops in " + FOLDER);
            return nodes;
        }
    }

    private static DynamicNode file(Path path) {
        try (Safetensors file = Safetensors.open(path)) {
            return DynamicContainer.dynamicContainer(
                    path.getFileName().toString(),
                    file.metadata().entrySet().stream()
                            .filter(entry -> entry.getValue().startsWith("{\"op\""))
                            .map(entry -> dynamicTest(
                                    entry.getKey(), () -> check(path, entry.getKey(), new FlatJson(entry.getValue()))))
                            .toList());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void check(Path path, String name, FlatJson attributes) throws IOException {
        try (Safetensors file = Safetensors.open(path);
                var _ = TensorScope.open()) {
            Map<String, Tensor> inputs = new LinkedHashMap<>();
            List<String> outputs = attributes.strings("outputs");
            for (String input : attributes.strings("inputs")) {
                Tensor tensor = file.read(name + "/" + input).to(Device.standard());
                inputs.put(input, outputs.contains("d" + input) ? tensor.requireGrad() : tensor);
            }
            Map<String, Tensor> results = new Case(attributes, inputs).run();
            for (String arriving : new String[] {"dy", "dloss"}) {
                if (inputs.containsKey(arriving)) {
                    Autograd.backward(results.get(arriving.substring(1)), inputs.get(arriving));
                }
            }
            int compared = 0;
            for (String output : outputs) {
                Tensor wanted = file.read(name + "/" + output);
                Tensor got = results.get(output);
                if (got == null && output.startsWith("d") && inputs.containsKey(output.substring(1))) {
                    got = inputs.get(output.substring(1)).grad();
                }
                if (got == null && Case.NOT_FROM_JAVA.contains(output)) {
                    continue;
                }
                assertNotNull(got, output + " was not computed");
                compare(output, wanted, got, attributes);
                compared++;
            }
            assertEquals(true, compared > 0, "something was compared");
        }
    }

    private static void compare(String output, Tensor wanted, Tensor got, FlatJson attributes) {
        assertArrayEquals(wanted.shape(), got.shape(), output);
        assertEquals(wanted.dtype(), got.dtype(), output);
        double[] expected = wanted.toDoubles();
        double[] actual = got.toDoubles();
        double largest = 0;
        for (double value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < expected.length; i++) {
            if (expected[i] == actual[i] || (Double.isNaN(expected[i]) && Double.isNaN(actual[i]))) {
                continue;
            }
            double bound = attributes.number("relative") * Math.abs(expected[i])
                    + attributes.number("of_largest") * largest
                    + attributes.number("absolute");
            if (!(Math.abs(expected[i] - actual[i]) <= bound)) {
                fail(output + "[" + i + "]: PyTorch gives " + expected[i] + ", Hornbeam " + actual[i] + ", allowed "
                        + bound);
            }
        }
    }

    /** One case: calls the op that the attributes name. */
    private record Case(FlatJson a, Map<String, Tensor> in) {
        /** Results that the Java ops keep to themselves, for their gradient. */
        static final List<String> NOT_FROM_JAVA = List.of("mean", "inverse_deviation", "convolved", "index");

        Map<String, Tensor> run() {
            return switch (a.string("op")) {
                case "unary" ->
                    y(Unary.unary(kind(Unary.Kind.class), in.get("x"), a.number("alpha"), a.number("beta")));
                case "binary" -> y(Binary.binary(kind(Binary.Kind.class), in.get("a"), in.get("b")));
                case "binary_scalar" ->
                    y(BinaryScalar.binaryScalar(kind(Binary.Kind.class), in.get("a"), a.number("b")));
                case "add_scaled" ->
                    Map.of("result", in.get("destination").addScaled(in.get("source"), a.number("alpha")));
                case "blend" ->
                    Map.of(
                            "result",
                            in.get("destination").blend(in.get("source"), a.number("beta"), a.number("alpha")));
                case "reduce" ->
                    y(Reduce.reduce(kind(Reduce.Kind.class), in.get("x"), flag("keep"), a.integers("dimensions")));
                case "argmax" -> y(in.get("x").argMax());
                case "top_k" -> {
                    var top = in.get("x").topK(a.integer("k"));
                    yield Map.of("values", top.values(), "indices", top.indices());
                }
                case "sort" -> {
                    var sorted = in.get("x").sort(flag("descending"));
                    yield Map.of("values", sorted.values(), "indices", sorted.permutation());
                }
                case "concat" -> y(Tensor.concat(a.integer("dimension"), in.get("x0"), in.get("x1"), in.get("x2")));
                case "pad" -> y(in.get("x").pad(a.longs("before"), a.longs("after"), a.number("value")));
                case "permute" -> y(in.get("x").permute(a.integers("order")));
                case "slice" ->
                    y(in.get("x")
                            .slice(a.integer("dimension"), a.integer("start"), a.integer("stop"), a.integer("step")));
                case "expand" -> y(in.get("x").expand(a.longs("shape")));
                case "reshape" ->
                    y((a.has("order") ? in.get("x").permute(a.integers("order")) : in.get("x"))
                            .reshape(a.longs("shape")));
                case "gather_rows" -> y(in.get("x").gatherRows(in.get("index")));
                case "scatter_rows" -> {
                    Tensor x = in.get("destination");
                    yield Map.of(
                            "result",
                            flag("add")
                                    ? x.addRows(in.get("index"), in.get("source"))
                                    : x.setRows(in.get("index"), in.get("source")));
                }
                case "take_along_rows" -> y(in.get("x").takeAlongRows(in.get("index")));
                case "where" -> y(in.get("condition").where(in.get("a"), in.get("b")));
                case "cast" ->
                    y(in.get("x").cast(DType.valueOf(a.string("dtype").toUpperCase(Locale.ROOT))));
                case "matmul" -> y(in.get("a").matmul(in.get("b"), flag("transpose_a"), flag("transpose_b")));
                case "linear" -> y(Linear.linear(in.get("x"), in.get("w"), in.get("bias"), noise()));
                case "conv2d" -> y(Conv2d.conv2d(in.get("x"), in.get("w"), in.get("bias"), conv(), noise()));
                case "max_pool2d" -> y(MaxPool2d.maxPool2d(in.get("x"), pool()));
                case "avg_pool2d" -> y(AvgPool2d.avgPool2d(in.get("x"), pool()));
                case "global_avg_pool" -> y(GlobalAvgPool.globalAvgPool(in.get("x")));
                case "batch_norm" -> batchNorm();
                case "conv_bn_act" -> convBnAct();
                case "group_norm" ->
                    y(GroupNorm.groupNorm(
                            in.get("x"),
                            in.get("gamma"),
                            in.get("beta"),
                            a.integer("groups"),
                            a.number("epsilon"),
                            noise()));
                case "layer_norm" ->
                    y(LayerNorm.layerNorm(in.get("x"), in.get("gamma"), in.get("beta"), a.number("epsilon"), noise()));
                case "attention" -> y(Attention.attention(in.get("qkv"), a.integer("heads"), a.number("scale")));
                case "softmax" -> y(in.get("x").softmax());
                case "log_softmax" -> y(in.get("x").logSoftmax());
                case "cross_entropy" -> crossEntropyLoss();
                case "softmax_scores" -> {
                    var scores = SoftmaxScores.softmaxScores(in.get("logits"), in.get("targets"));
                    yield Map.of(
                            "probabilities",
                            scores.probabilities(),
                            "loss",
                            scores.losses(),
                            "score",
                            scores.gradientNorms());
                }
                case "kl_divergence" ->
                    Map.of("loss", KlDivergence.klDivergence(in.get("p_logits"), in.get("q_logits")));
                case "squared_error" -> Map.of("loss", SquaredError.squaredError(in.get("x"), in.get("target")));
                case "dropout" -> y(Dropout.dropout(in.get("x"), a.number("p"), flag("channels"), stream()));
                case "perturb_weight" -> y(PerturbWeight.perturbWeight(in.get("w"), noise(), a.integer("sub_batch")));
                case "random_normal" ->
                    y(Tensor.randomNormal(a.number("mean"), a.number("deviation"), stream(), Device.standard(), 3, 7));
                case "random_uniform" ->
                    y(Tensor.randomUniform(a.number("low"), a.number("high"), stream(), Device.standard(), 3, 7));
                case "sgd_step" -> sgd();
                case "adam_step" -> adam();
                case "global_norm" -> clip();
                case "ascend" -> ascend();
                default -> throw new AssertionError("no call for " + a.string("op"));
            };
        }

        private static Map<String, Tensor> y(Tensor tensor) {
            return Map.of("y", tensor);
        }

        private boolean flag(String name) {
            return a.integer(name) != 0;
        }

        private <E extends Enum<E>> E kind(Class<E> type) {
            return Enum.valueOf(type, a.string("kind").toUpperCase(Locale.ROOT));
        }

        private Noise noise() {
            if (!a.has("noise_kind")) {
                return null;
            }
            if (a.string("noise_kind").equals("none")) {
                return Noise.runs(a.integer("sub_batches"));
            }
            return new Noise(
                    Noise.Kind.valueOf(a.string("noise_kind").toUpperCase(Locale.ROOT)),
                    Noise.Gradient.valueOf(a.string("gradient").toUpperCase(Locale.ROOT)),
                    a.integer("sub_batches"),
                    (float) a.number("sigma"),
                    Long.parseUnsignedLong(a.string("seed")),
                    a.integer("tensor"),
                    a.integer("step"),
                    a.integer("first_stream"));
        }

        private Philox stream() {
            Philox.Purpose purpose = Stream.of(Philox.Purpose.values())
                    .filter(p -> p.code() == a.integer("purpose"))
                    .findFirst()
                    .orElseThrow();
            return new Philox(
                    Long.parseUnsignedLong(a.string("seed")),
                    purpose,
                    a.integer("tensor"),
                    a.integer("step"),
                    a.integer("stream"));
        }

        private Conv2dOptions conv() {
            return new Conv2dOptions(
                    a.integer("stride_h"),
                    a.integer("stride_w"),
                    a.integer("pad_h"),
                    a.integer("pad_w"),
                    a.integer("dilation_h"),
                    a.integer("dilation_w"),
                    a.integer("groups"));
        }

        private Pool2dOptions pool() {
            return new Pool2dOptions(
                    a.integer("kernel_h"),
                    a.integer("kernel_w"),
                    a.integer("stride_h"),
                    a.integer("stride_w"),
                    a.integer("pad_h"),
                    a.integer("pad_w"),
                    flag("count_padding"));
        }

        private BatchNormOptions norm() {
            return new BatchNormOptions(
                    flag("training"),
                    flag("update_running"),
                    a.integer("statistics_groups"),
                    Activation.valueOf(a.string("activation").toUpperCase(Locale.ROOT)),
                    (float) a.number("slope"),
                    (float) a.number("momentum"),
                    (float) a.number("epsilon"));
        }

        private Map<String, Tensor> batchNorm() {
            long channels = in.get("gamma").size(0);
            Tensor mean = in.getOrDefault("running_mean", Tensor.zeros(channels));
            Tensor variance = in.getOrDefault("running_var", Tensor.ones(channels));
            Tensor y = BatchNorm.batchNorm(
                    in.get("x"), in.get("gamma"), in.get("beta"), mean, variance, in.get("residual"), norm(), noise());
            return Map.of("y", y, "running_mean_after", mean, "running_var_after", variance);
        }

        private Map<String, Tensor> convBnAct() {
            Tensor y = ConvBnAct.convBnAct(
                    in.get("x"),
                    in.get("w"),
                    in.get("gamma"),
                    in.get("beta"),
                    in.get("running_mean"),
                    in.get("running_var"),
                    in.get("residual"),
                    conv(),
                    norm(),
                    null,
                    noise());
            return Map.of(
                    "y", y, "running_mean_after", in.get("running_mean"), "running_var_after", in.get("running_var"));
        }

        private Map<String, Tensor> crossEntropyLoss() {
            Tensor losses = crossEntropy(in.get("logits"), in.get("targets"), a.number("smoothing"));
            if (!a.has("reduction")) {
                return Map.of("loss", losses);
            }
            Tensor loss = a.string("reduction").equals("mean")
                    ? losses.mean()
                    : losses.mul(in.get("weights")).sum();
            Autograd.backward(loss);
            return Map.of("loss", loss);
        }

        private Map<String, Parameter> parameters() {
            Map<String, Parameter> parameters = new LinkedHashMap<>();
            for (int i = 0; i < 2; i++) {
                Tensor start = in.get("p" + i);
                Parameter parameter = new Parameter(start, Parameter.Role.OTHER, WeightLayout.SAME);
                start.moveTo(TensorScope.current());
                if (a.has("decay")) {
                    parameter.setDecay(a.doubles("decay")[i]);
                }
                parameters.put("p" + i, parameter);
            }
            return parameters;
        }

        /** Gives the leaf this gradient, as backward would. */
        private static void setGradient(Parameter parameter, Tensor gradient) {
            parameter.value().zeroGrad();
            Autograd.backward(parameter.value(), gradient);
        }

        private Map<String, Tensor> steps(Map<String, Parameter> parameters, Optimizer optimizer) {
            Map<String, Tensor> results = new HashMap<>();
            try (optimizer) {
                for (int step = 1; step <= a.integer("steps"); step++) {
                    for (int i = 0; i < 2; i++) {
                        setGradient(parameters.get("p" + i), in.get("g" + i + ".step" + step));
                    }
                    optimizer.step();
                    for (int i = 0; i < 2; i++) {
                        results.put(
                                "p" + i + ".after" + step,
                                parameters.get("p" + i).value().detach().copy());
                    }
                }
                optimizer
                        .state()
                        .forEach((name, tensor) ->
                                results.put(name.replace(".p", "") + ".after" + a.integer("steps"), tensor.copy()));
            }
            return results;
        }

        private Map<String, Tensor> sgd() {
            Map<String, Parameter> parameters = parameters();
            return steps(
                    parameters,
                    new Sgd(
                            parameters,
                            a.number("learning_rate"),
                            a.number("momentum"),
                            a.number("dampening"),
                            a.number("weight_decay"),
                            flag("nesterov")));
        }

        private Map<String, Tensor> adam() {
            Map<String, Parameter> parameters = parameters();
            double rate = a.number("learning_rate");
            double beta1 = a.number("beta1");
            double beta2 = a.number("beta2");
            double epsilon = a.number("epsilon");
            double decay = a.number("weight_decay");
            boolean amsgrad = flag("amsgrad");
            return steps(
                    parameters,
                    flag("decoupled")
                            ? Adam.adamW(parameters, rate, beta1, beta2, epsilon, decay, amsgrad)
                            : Adam.adam(parameters, rate, beta1, beta2, epsilon, decay, amsgrad));
        }

        private Map<String, Tensor> clip() {
            Map<String, Parameter> parameters = new LinkedHashMap<>();
            for (int i = 0; i < 2; i++) {
                Tensor value = Tensor.zeros(in.get("g" + i).shape());
                parameters.put("g" + i, new Parameter(value, Parameter.Role.OTHER, WeightLayout.SAME));
                value.moveTo(TensorScope.current());
                setGradient(parameters.get("g" + i), in.get("g" + i));
            }
            double norm = GradientClipping.clipNorm(parameters.values(), a.number("max_norm"));
            return Map.of(
                    "norm",
                    Tensor.scalar(norm),
                    "g0.after",
                    parameters.get("g0").grad().copy(),
                    "g1.after",
                    parameters.get("g1").grad().copy());
        }

        private Map<String, Tensor> ascend() {
            Map<String, Parameter> parameters = new LinkedHashMap<>();
            int[] adaptive = a.integers("adaptive_tensor");
            for (int i = 0; i < 2; i++) {
                Tensor value = in.get("p" + i);
                Parameter.Role role = adaptive[i] != 0 ? Parameter.Role.KERNEL : Parameter.Role.SHIFT;
                parameters.put("p" + i, new Parameter(value, role, WeightLayout.SAME));
                value.moveTo(TensorScope.current());
                setGradient(parameters.get("p" + i), in.get("g" + i));
            }
            float[] before = in.get("p0").toFloats();
            try (SharpnessAscent ascent = flag("adaptive")
                    ? SharpnessAscent.asam(parameters.values(), a.number("rho"), a.number("eta"))
                    : SharpnessAscent.sam(parameters.values(), a.number("rho"))) {
                double norm = ascent.ascend();
                Map<String, Tensor> results = Map.of(
                        "norm",
                        Tensor.scalar(norm),
                        "p0.after",
                        in.get("p0").detach().copy(),
                        "p1.after",
                        in.get("p1").detach().copy());
                ascent.restore();
                assertArrayEquals(before, in.get("p0").toFloats(), "restored to the bit");
                return results;
            }
        }
    }
}
