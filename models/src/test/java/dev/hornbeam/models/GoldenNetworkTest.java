package dev.hornbeam.models;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Networks of every family against PyTorch: testdata/golden/model.*.safetensors, made by testdata/python/golden_networks.py,
 * where the rule for the tolerances stands. In f64 once, and in f32 with the plain and with the fastest kernels.
 */
class GoldenNetworkTest {
    private static final Path GOLDEN = Path.of("..", "testdata", "golden");

    private static final List<String> FILES = List.of(
            "resnet20_gn",
            "resnet18_imagenet",
            "resnet50",
            "preactresnet18",
            "preactresnet18_damp",
            "wrn-16-2",
            "wrn-28-2_sharpdro",
            "cnn9",
            "smallcnn_trades",
            "vgg16_bn",
            "vit-s-16",
            "vit-s-16_resized",
            "vit-s-16_simple");

    // In networks as small as these threads wait longer than they compute.
    @BeforeEach
    void oneThread() {
        Engine.setThreads(1);
    }

    @AfterEach
    void allThreadsAndTheFastestTier() {
        Engine.setThreads(0);
        Engine.setTier("auto");
    }

    static Stream<Arguments> runs() {
        return FILES.stream()
                .flatMap(file -> Stream.of(
                        Arguments.of(file, DType.F64, "scalar"),
                        Arguments.of(file, DType.F32, "scalar"),
                        Arguments.of(file, DType.F32, "auto")));
    }

    @ParameterizedTest
    @MethodSource("runs")
    void computesAndTrainsLikePyTorch(String file, DType dtype, String tier) throws IOException {
        Engine.setTier(tier);
        Map<String, Double> shares = new LinkedHashMap<>();
        try (TensorScope _ = TensorScope.open();
                GoldenNetwork golden = GoldenNetwork.open(GOLDEN.resolve("model." + file + ".safetensors"))) {
            Tensor x = golden.input(dtype).requireGrad();
            Tensor targets = golden.targets();
            for (String mode : List.of("eval", "train")) {
                try (Module network = golden.network(dtype);
                        TensorScope _ = TensorScope.open()) {
                    network.train(mode.equals("train"));
                    Tensor logits = network.forward(x);
                    Tensor loss = CrossEntropy.crossEntropy(logits, targets).mean();
                    x.zeroGrad();
                    Autograd.backward(loss);
                    String prefix = mode + "/";
                    shares.put(prefix + "logits", golden.share(prefix + "logits", dtype, logits.toDoubles()));
                    shares.put(prefix + "loss", golden.share(prefix + "loss", dtype, loss.toDoubles()));
                    shares.put(
                            prefix + "input_gradient", golden.inputShare(prefix + "input_gradient", dtype, x.grad()));
                    shares.put(
                            prefix + "gradients",
                            golden.sampledShare(prefix + "gradients", dtype, gradients(network), false));
                    boolean statistics = !network.namedBuffers().isEmpty();
                    if (mode.equals("train") && statistics) {
                        shares.put(
                                "train/statistics",
                                golden.sampledShare("train/statistics", dtype, network.stateDict(), true));
                    }
                }
            }
            train(golden, x.detach(), targets, dtype, shares);
            x.zeroGrad();
        }
        shares.forEach((name, share) ->
                assertTrue(share <= 1, () -> name + ": the largest difference is " + share + " times the allowed one"));
    }

    private static void train(GoldenNetwork golden, Tensor x, Tensor targets, DType dtype, Map<String, Double> shares)
            throws IOException {
        List<Double> losses = new ArrayList<>();
        try (Module network = golden.network(dtype);
                Sgd optimizer = new Sgd(
                        network.namedParameters(),
                        golden.number("learning_rate"),
                        golden.number("momentum"),
                        golden.number("weight_decay"),
                        true);
                TensorScope _ = TensorScope.open()) {
            for (int step = 0; step < golden.expected("losses").length; step++) {
                try (TensorScope _ = TensorScope.open()) {
                    optimizer.zeroGrad();
                    Tensor loss = CrossEntropy.crossEntropy(network.forward(x), targets)
                            .mean();
                    Autograd.backward(loss);
                    optimizer.step();
                    losses.add(loss.item());
                }
            }
            double[] all = losses.stream().mapToDouble(Double::doubleValue).toArray();
            shares.put("losses", golden.share("losses", dtype, all));
            network.eval();
            try (var _ = Autograd.noGrad()) {
                double[] logits = network.forward(x).toDoubles();
                shares.put("logits_after", golden.share("logits_after", dtype, logits));
            }
            Map<String, Tensor> weights = new HashMap<>();
            Map<String, WeightLayout> layouts = network.fileLayouts();
            network.namedParameters()
                    .forEach((name, parameter) -> weights.put(
                            name, layouts.get(name).toFile(parameter.value().detach())));
            shares.put("weights_after", golden.sampledShare("weights_after", dtype, weights, false));
        }
    }

    private static Map<String, Tensor> gradients(Module network) {
        Map<String, Tensor> gradients = new HashMap<>();
        network.namedParameters()
                .forEach((name, parameter) ->
                        gradients.put(name, parameter.layout().toFile(parameter.grad())));
        return gradients;
    }

    // A network that is added to the catalog needs a golden file of its family.
    @Test
    void everyFamilyOfTheCatalogHasAGoldenFile() {
        Set<String> covered = new TreeSet<>(Set.of("SmallCnn28", "ResNet", "ThinResNet"));
        for (String file : FILES) {
            covered.add(kind(file.replace("_resized", "")));
        }
        for (String name : ModelCatalog.names()) {
            assertTrue(covered.contains(kind(name)), name);
        }
    }

    private static String kind(String name) {
        int side = ModelCatalog.find(name).orElseThrow().side();
        ModelSpec spec = ModelSpec.of(1, 2).withWidth(8).withSide(side);
        try (Module network = ModelCatalog.create(name, spec, 1)) {
            return network.getClass().getSimpleName();
        }
    }
}
