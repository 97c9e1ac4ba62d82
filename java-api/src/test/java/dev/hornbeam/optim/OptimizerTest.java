package dev.hornbeam.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the engine does not do: state, first steps, resuming. The updates themselves are checked by the golden cases. */
class OptimizerTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private Map<String, Parameter> parameters() {
        Map<String, Parameter> parameters = new LinkedHashMap<>();
        for (String name : new String[] {"conv.weight", "bn.weight", "bn.bias"}) {
            Tensor value = Tensor.of(new float[] {1, -2, 3});
            Parameter.Role role = name.endsWith("bias") ? Parameter.Role.SHIFT : Parameter.Role.KERNEL;
            parameters.put(name, new Parameter(value, role, WeightLayout.SAME));
            value.moveTo(scope);
        }
        return parameters;
    }

    private static void gradient(Parameter parameter, float... values) {
        Autograd.backward(parameter.value(), Tensor.of(values));
    }

    private static void gradients(Map<String, Parameter> parameters, float value) {
        parameters.values().forEach(parameter -> gradient(parameter, value, -value, 2 * value));
    }

    @Test
    void plainDescent() {
        Map<String, Parameter> parameters = parameters();
        try (Sgd sgd = new Sgd(parameters, 0.5)) {
            gradients(parameters, 1);
            sgd.step();
            assertArrayEquals(
                    new float[] {0.5f, -1.5f, 2},
                    parameters.get("bn.bias").value().toFloats());
            assertTrue(sgd.state().isEmpty());
            assertEquals(1, sgd.steps());
            sgd.zeroGrad();
            sgd.setLearningRate(100);
            sgd.step();
            assertArrayEquals(
                    new float[] {0.5f, -1.5f, 2},
                    parameters.get("bn.bias").value().toFloats(),
                    "no gradients");
        }
    }

    @Test
    void aParametersDecayScalesTheOptimizers() {
        Map<String, Parameter> parameters = parameters();
        parameters.get("bn.bias").setDecay(0);
        try (Sgd sgd = new Sgd(parameters, 1, 0, 0.5, false)) {
            gradients(parameters, 0);
            sgd.step();
        }
        assertArrayEquals(
                new float[] {0.5f, -1, 1.5f},
                parameters.get("conv.weight").value().toFloats());
        assertArrayEquals(
                new float[] {1, -2, 3}, parameters.get("bn.bias").value().toFloats());
    }

    @Test
    void momentumStartsWithAParametersFirstGradient() {
        Map<String, Parameter> parameters = parameters();
        Parameter late = parameters.get("bn.bias");
        try (Sgd sgd = new Sgd(parameters, 1, 0.5, 0.5, 0, false)) {
            gradient(parameters.get("conv.weight"), 1, 1, 1);
            sgd.step();
            assertEquals(Set.of("momentum.conv.weight"), sgd.state().keySet());
            sgd.zeroGrad();
            gradient(parameters.get("conv.weight"), 1, 1, 1);
            gradient(late, 1, 1, 1);
            sgd.step();
            // The late one's momentum is its whole gradient, not half of it as dampening would make it.
            assertArrayEquals(new float[] {0, -3, 2}, late.value().toFloats());
            assertArrayEquals(
                    new float[] {1, 1, 1},
                    sgd.state().get("momentum.conv.weight").toFloats());
        }
    }

    @Test
    void frozenParametersStay() {
        Map<String, Parameter> parameters = parameters();
        Parameter frozen = parameters.get("conv.weight");
        try (Adam adam = Adam.adamW(parameters, 0.1, 0.1)) {
            gradients(parameters, 1);
            frozen.setTrainable(false);
            adam.step();
            assertArrayEquals(new float[] {1, -2, 3}, frozen.value().toFloats());
            assertFalse(adam.state().containsKey("first.conv.weight"));
        }
    }

    @Test
    void aResumedRunIsEqualToTheBit() {
        Map<String, Function<Map<String, Parameter>, Optimizer>> kinds = Map.of(
                "sgd", p -> new Sgd(p, 0.1, 0.9, 0.01, true),
                "adam", p -> Adam.adam(p, 0.1, 0.9, 0.99, 1e-8, 0.01, true),
                "adamw", p -> Adam.adamW(p, 0.1, 0.1));
        kinds.forEach((name, make) -> {
            Map<String, Parameter> whole = parameters();
            Map<String, Parameter> first = parameters();
            Map<String, Parameter> second = parameters();
            try (Optimizer uninterrupted = make.apply(whole);
                    Optimizer before = make.apply(first);
                    Optimizer after = make.apply(second)) {
                for (int step = 0; step < 6; step++) {
                    gradients(whole, 0.3f + step);
                    uninterrupted.step();
                    uninterrupted.zeroGrad();
                }
                for (int step = 0; step < 3; step++) {
                    gradients(first, 0.3f + step);
                    before.step();
                    before.zeroGrad();
                }
                second.forEach((key, parameter) ->
                        parameter.value().copyFrom(first.get(key).value().detach()));
                after.loadState(before.state(), before.steps());
                for (int step = 3; step < 6; step++) {
                    gradients(second, 0.3f + step);
                    after.step();
                    after.zeroGrad();
                }
                assertEquals(6, after.steps());
                second.forEach((key, parameter) -> assertArrayEquals(
                        whole.get(key).value().toFloats(), parameter.value().toFloats(), name + " " + key));
                uninterrupted
                        .state()
                        .forEach((key, tensor) -> assertArrayEquals(
                                tensor.toFloats(), after.state().get(key).toFloats(), name + " " + key));
            }
        });
    }

    @Test
    void anothersStateIsRefusedWhole() {
        Map<String, Parameter> parameters = parameters();
        try (Sgd sgd = new Sgd(parameters, 0.1, 0.9, 0, false)) {
            gradients(parameters, 1);
            sgd.step();
            Map<String, Tensor> wrong = new HashMap<>(sgd.state());
            wrong.put("momentum.fc.weight", Tensor.zeros(3));
            var error = assertThrows(IllegalArgumentException.class, () -> sgd.loadState(wrong, 5));
            assertTrue(error.getMessage().contains("momentum.fc.weight"), error.getMessage());
            assertThrows(
                    IllegalArgumentException.class, () -> sgd.loadState(Map.of("first.bn.bias", Tensor.zeros(3)), 5));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> sgd.loadState(Map.of("momentum.bn.bias", Tensor.zeros(2)), 5));
            assertThrows(IllegalArgumentException.class, () -> sgd.loadState(Map.of("step", Tensor.zeros(3)), 5));
            assertEquals(1, sgd.steps());
            assertEquals(3, sgd.state().size());
        }
    }

    @Test
    void settingsAreChecked() {
        Map<String, Parameter> parameters = parameters();
        assertThrows(IllegalArgumentException.class, () -> new Sgd(parameters, -1));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(parameters, Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(parameters, 1, 1, 0, false));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(parameters, 1, 0, 0, true));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(parameters, 1, 0.9, 0.1, 0, true));
        assertThrows(IllegalArgumentException.class, () -> new Sgd(Map.of(), 1));
        assertThrows(IllegalArgumentException.class, () -> Adam.adam(parameters, 1, 0.9, 1, 1e-8, 0, false));
        assertThrows(IllegalArgumentException.class, () -> SharpnessAscent.sam(parameters.values(), -0.1));
        assertThrows(IllegalArgumentException.class, () -> GradientClipping.clipNorm(parameters.values(), 0));
    }

    @Test
    void clippingBoundsTheCommonNorm() {
        Map<String, Parameter> parameters = parameters();
        assertEquals(0, GradientClipping.norm(parameters.values()));
        gradient(parameters.get("conv.weight"), 3, 0, 0);
        gradient(parameters.get("bn.bias"), 0, 4, 0);
        assertEquals(5, GradientClipping.norm(parameters.values()), 1e-12);
        assertEquals(5, GradientClipping.clipNorm(parameters.values(), 10), 1e-12);
        assertEquals(3, parameters.get("conv.weight").grad().toFloats()[0]);
        assertEquals(5, GradientClipping.clipNorm(parameters.values(), 1), 1e-12);
        assertEquals(0.6f, parameters.get("conv.weight").grad().toFloats()[0], 1e-6f);
        assertEquals(0.8f, parameters.get("bn.bias").grad().toFloats()[1], 1e-6f);
    }

    @Test
    void ascentAndReturn() {
        Map<String, Parameter> parameters = parameters();
        Parameter moved = parameters.get("conv.weight");
        Parameter still = parameters.get("bn.bias");
        try (SharpnessAscent sam = SharpnessAscent.sam(parameters.values(), 0.1)) {
            sam.restore();
            assertEquals(0, sam.ascend(), "nothing has a gradient");
            gradient(moved, 3, 0, -4);
            assertEquals(5, sam.ascend(), 1e-12);
            assertArrayEquals(new float[] {1.06f, -2, 2.92f}, moved.value().toFloats(), 1e-6f);
            assertArrayEquals(new float[] {1, -2, 3}, still.value().toFloats());
            assertThrows(IllegalStateException.class, sam::ascend);
            sam.restore();
            assertArrayEquals(new float[] {1, -2, 3}, moved.value().toFloats());
            sam.ascend();
            sam.restore();
            assertArrayEquals(new float[] {1, -2, 3}, moved.value().toFloats());
        }
    }

    @Test
    void ascentIsNoticedByAGraphThatKeptTheWeight() {
        Map<String, Parameter> parameters = parameters();
        Parameter weight = parameters.get("conv.weight");
        Tensor loss = weight.value().square().sum();
        gradient(weight, 1, 1, 1);
        try (SharpnessAscent sam = SharpnessAscent.sam(parameters.values(), 0.1)) {
            sam.ascend();
            assertThrows(IllegalStateException.class, () -> Autograd.backward(loss));
        }
    }
}
