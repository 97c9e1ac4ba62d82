package dev.hornbeam.training.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class SharpnessPerturbationTest {
    private static final int STEP = 5;
    private long tensorsBefore;
    private TensorScope scope;
    private Module model;

    @BeforeEach
    void makeNetwork() {
        tensorsBefore = Engine.memory().liveTensors();
        model = network("smallcnn28");
        scope = TensorScope.open();
    }

    @AfterEach
    void nothingIsLeft() {
        scope.close();
        model.close();
        assertEquals(tensorsBefore, Engine.memory().liveTensors());
    }

    private static Module network(String name) {
        Module network =
                ModelCatalog.create(name, ModelSpec.of(1, 4).withWidth(4).withSide(12), 1);
        network.train();
        return network;
    }

    // e = rho g / |g| and e = rho T^2 g / |T g|, computed here in f64 and applied by hand.
    @Test
    void gradientIsTakenUphill() {
        for (boolean adaptive : new boolean[] {false, true}) {
            ImagePass pass = ImagePass.of(model, 8, 12, 1);
            double loss = pass.run().loss();
            Map<String, float[]> before = pass.state();
            Map<String, double[]> ascent = ascent(pass.gradients(), adaptive, 0.3, 0.05);
            for (Map.Entry<String, double[]> way : ascent.entrySet()) {
                Tensor value = model.namedParameters().get(way.getKey()).value();
                float[] moved = value.toFloats();
                for (int i = 0; i < moved.length; i++) {
                    moved[i] += (float) way.getValue()[i];
                }
                value.copyFrom(moved);
            }
            pass.run();
            Map<String, float[]> expected = pass.gradients();
            model.stateDict().forEach((name, tensor) -> tensor.copyFrom(before.get(name)));

            try (WeightPerturbation method =
                    adaptive ? SharpnessPerturbation.asam(0.3, 0.05, 1, 1) : SharpnessPerturbation.sam(0.3, 1, 1)) {
                assertEquals(loss, method.gradient(model, pass, STEP).loss());
            }
            assertNear(expected, pass.gradients(), 2e-5);
        }
    }

    private Map<String, double[]> ascent(Map<String, float[]> gradients, boolean adaptive, double rho, double eta) {
        Map<String, double[]> ascent = new LinkedHashMap<>();
        double squares = 0;
        for (Map.Entry<String, float[]> entry : gradients.entrySet()) {
            Parameter parameter = model.namedParameters().get(entry.getKey());
            float[] weights = parameter.value().toFloats();
            double[] way = new double[weights.length];
            for (int i = 0; i < way.length; i++) {
                double scale = adaptive && parameter.isMultiplicative() ? Math.abs(weights[i]) + eta : 1;
                double scaled = scale * entry.getValue()[i];
                squares += scaled * scaled;
                way[i] = scale * scaled;
            }
            ascent.put(entry.getKey(), way);
        }
        for (double[] way : ascent.values()) {
            for (int i = 0; i < way.length; i++) {
                way[i] *= rho / Math.sqrt(squares);
            }
        }
        return ascent;
    }

    // Without a way uphill what is left is batch norm with a group for each sub-batch.
    @Test
    void subBatchesAreStatisticsGroups() {
        ImagePass pass = ImagePass.of(model, 10, 12, 1);
        Map<String, float[]> start = pass.state();
        model.setStatisticsGroups(4);
        double loss = pass.run().loss();
        Map<String, float[]> expected = pass.gradients();
        Map<String, float[]> expectedState = pass.state();
        model.setStatisticsGroups(1);
        model.stateDict().forEach((name, tensor) -> tensor.copyFrom(start.get(name)));

        // The second step works in the memory that the first one took.
        try (WeightPerturbation method = SharpnessPerturbation.sam(0, 4, 1)) {
            for (int i = 0; i < 2; i++) {
                model.stateDict().forEach((name, tensor) -> tensor.copyFrom(start.get(name)));
                assertEquals(loss, method.gradient(model, pass, STEP).loss(), 1e-5);
                assertNear(expected, pass.gradients(), 1e-5);
                assertNear(expectedState, pass.state(), 1e-6);
            }
        }
    }

    @Test
    void everySubBatchGoesItsOwnWay() {
        ImagePass pass = ImagePass.of(model, 8, 12, 1);
        Map<String, float[]> start = pass.state();
        Map<String, float[]> expected = new LinkedHashMap<>();
        for (int m = 0; m < 2; m++) {
            ImagePass half = pass.part(4 * m, 4 * m + 4);
            try (WeightPerturbation alone = SharpnessPerturbation.asam(0.5, 0.01, 1, 1)) {
                alone.gradient(model, half, STEP);
            }
            half.gradients().forEach((name, gradient) -> {
                float[] sum = expected.computeIfAbsent(name, _ -> new float[gradient.length]);
                for (int i = 0; i < sum.length; i++) {
                    sum[i] += gradient[i] / 2;
                }
            });
            model.stateDict().forEach((name, tensor) -> tensor.copyFrom(start.get(name)));
        }
        try (WeightPerturbation method = SharpnessPerturbation.asam(0.5, 0.01, 2, 1)) {
            method.gradient(model, pass, STEP);
        }
        assertNear(expected, pass.gradients(), 1e-6);
    }

    @Test
    void weightsComeBackAndStatisticsAreOfTheFirstPass() {
        ImagePass pass = ImagePass.of(model, 8, 12, 1);
        Map<String, float[]> start = pass.state();
        pass.run();
        Map<String, float[]> expected = pass.state();
        model.stateDict().forEach((name, tensor) -> tensor.copyFrom(start.get(name)));
        try (WeightPerturbation method = SharpnessPerturbation.sam(2, 1, 1)) {
            method.gradient(model, pass, STEP);
            Map<String, float[]> after = pass.state();
            expected.forEach((name, bits) -> assertArrayEquals(bits, after.get(name), name));
        }
    }

    @Test
    void aSmallerLastBatchMayLeaveSubBatchesEmpty() {
        ImagePass pass = ImagePass.of(model, 3, 12, 1);
        try (WeightPerturbation method = SharpnessPerturbation.sam(0.1, 8, 1)) {
            assertTrue(Double.isFinite(method.gradient(model, pass, STEP).loss()));
            pass.gradients().values().forEach(g -> assertFalse(Float.isNaN(g[0])));
        }
        assertThrows(IllegalArgumentException.class, () -> SharpnessPerturbation.sam(0.1, 0, 1));
    }

    @Test
    void worksInDoublePrecision() {
        model.to(DType.F64);
        ImagePass single = ImagePass.of(model, 8, 12, 1);
        ImagePass pass = new ImagePass(model, single.images().cast(DType.F64), single.labels());
        try (WeightPerturbation method = SharpnessPerturbation.sam(0.1, 2, 1)) {
            assertEquals(Math.log(4), method.gradient(model, pass, STEP).loss(), 1);
        }
    }

    private static void assertNear(Map<String, float[]> expected, Map<String, float[]> actual, double tolerance) {
        assertEquals(expected.keySet(), actual.keySet());
        expected.forEach((name, wanted) -> {
            double largest = 0;
            for (float value : wanted) {
                largest = Math.max(largest, Math.abs(value));
            }
            assertArrayEquals(wanted, actual.get(name), (float) (tolerance * largest + 1e-9), name);
        });
    }
}
