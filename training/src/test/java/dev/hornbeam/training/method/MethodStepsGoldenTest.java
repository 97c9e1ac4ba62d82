package dev.hornbeam.training.method;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.autograd.ops.Noise;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ten steps of every method against PyTorch in f64 with the same draws; testdata/python/golden_methods.py writes the file. */
final class MethodStepsGoldenTest {
    private static final Path FILE = Path.of("..", "testdata", "golden", "method.steps.safetensors");

    // The engine's noise is f32 polynomials, the reference's f64: 1e-7 of a weight, which ten steps make larger.
    private static final double TOLERANCE_F64 = 1e-5;
    private static final double TOLERANCE_F32 = 1e-4;

    private record Batch(Module model, Tensor images, Tensor labels) implements GradientPass {
        @Override
        public int size() {
            return (int) labels.size(0);
        }

        @Override
        public Outcome run(int first, int end) {
            model.zeroGrad();
            try (TensorScope _ = TensorScope.open()) {
                Tensor logits = model.forward(images.slice(0, first, end));
                Tensor loss = CrossEntropy.crossEntropy(logits, labels.slice(0, first, end), 0)
                        .mean();
                Autograd.backward(loss);
                return new Outcome(loss.item(), 0);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "sgd, F32", "sgd, F64",
        "sgd_m4_apart, F32", "sgd_m4_apart, F64",
        "damp_m8, F32", "damp_m8, F64",
        "damp_m4_apart, F32", "damp_m4_apart, F64",
        "damp_m2_chain, F32", "damp_m2_chain, F64",
        "daap_m8, F32", "daap_m8, F64",
        "sam, F32", "sam, F64",
        "sam_m4, F32", "sam_m4, F64",
        "asam, F32", "asam, F64",
        "asam_m2, F32", "asam_m2, F64"
    })
    void tenSteps(String name, DType type) throws IOException {
        long before = Engine.memory().liveTensors();
        try (Safetensors golden = Safetensors.open(FILE);
                Module model = ModelCatalog.create(
                        "smallcnn28", ModelSpec.of(1, 4).withWidth(4).withSide(8), 0);
                TensorScope _ = TensorScope.open()) {
            Map<String, String> metadata = golden.metadata();
            JsonNode settings = new JsonMapper().readTree(metadata.get(name));
            model.namedParameters()
                    .forEach((key, parameter) -> parameter.value().copyFrom(read(golden, "start/" + key)));
            model.to(type).train();
            String method = settings.path("method").asText();
            int subBatches = settings.path("m").asInt();
            boolean sharp = method.equals("sam") || method.equals("asam");
            boolean sync = settings.path("sync_bn").asBoolean(true);
            model.setStatisticsGroups(sharp || sync ? 1 : subBatches);
            Tensor images = read(golden, "images").cast(type);
            Tensor labels = read(golden, "labels");
            double[] losses = read(golden, name + "/losses").toDoubles();
            double tolerance = type == DType.F64 ? TOLERANCE_F64 : TOLERANCE_F32;
            try (WeightPerturbation weights = weights(settings, Long.parseLong(metadata.get("seed")));
                    Sgd optimizer = new Sgd(
                            model.namedParameters(),
                            Double.parseDouble(metadata.get("learning_rate")),
                            Double.parseDouble(metadata.get("momentum")),
                            Double.parseDouble(metadata.get("weight_decay")),
                            true)) {
                for (int step = 0; step < losses.length; step++) {
                    Batch batch = new Batch(model, images.select(0, step), labels.select(0, step));
                    assertEquals(
                            losses[step],
                            weights.gradient(model, batch, step).loss(),
                            tolerance * losses[step],
                            "loss of step " + step);
                    optimizer.step();
                }
            }
            Map<String, Double> errors = new TreeMap<>();
            model.stateDict().forEach((key, tensor) -> {
                errors.put(key, relative(read(golden, name + "/" + key).toDoubles(), tensor));
            });
            errors.forEach((key, error) -> assertTrue(error <= tolerance, key + ": " + error + " of " + errors));
        }
        assertEquals(before, Engine.memory().liveTensors());
    }

    private static WeightPerturbation weights(JsonNode settings, long seed) {
        int subBatches = settings.path("m").asInt();
        double sigma = settings.path("sigma").asDouble();
        double rho = settings.path("rho").asDouble();
        Noise.Gradient form =
                settings.path("chain").asBoolean() ? Noise.Gradient.CHAIN_RULE : Noise.Gradient.AT_PERTURBED;
        return switch (settings.path("method").asText()) {
            case "sgd" -> WeightPerturbation.none();
            case "damp" -> new WeightNoisePerturbation(Noise.Kind.MULTIPLICATIVE, sigma, subBatches, form, seed);
            case "daap" -> new WeightNoisePerturbation(Noise.Kind.ADDITIVE, sigma, subBatches, form, seed);
            case "sam" -> SharpnessPerturbation.sam(rho, subBatches, seed);
            case "asam" -> SharpnessPerturbation.asam(rho, settings.path("eta").asDouble(), subBatches, seed);
            default -> throw new AssertionError(settings);
        };
    }

    // |got - wanted| / |wanted|, norms over the tensor.
    private static double relative(double[] wanted, Tensor tensor) {
        double[] got = tensor.cast(DType.F64).toDoubles();
        double squares = 0;
        double difference = 0;
        for (int i = 0; i < wanted.length; i++) {
            squares += wanted[i] * wanted[i];
            difference += (got[i] - wanted[i]) * (got[i] - wanted[i]);
        }
        return Math.sqrt(difference / squares);
    }

    private static Tensor read(Safetensors file, String name) {
        try {
            return file.read(name);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
