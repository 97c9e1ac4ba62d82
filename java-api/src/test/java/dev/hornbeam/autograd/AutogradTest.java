package dev.hornbeam.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.autograd.ops.Linear;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.NativeMemoryException;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AutogradTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Tensor leaf(float... values) {
        return Tensor.of(values).requireGrad();
    }

    private static long live() {
        return Engine.memory().liveTensors();
    }

    @Test
    void gradientsAddUpInLeaves() {
        Tensor x = leaf(1, 2, 3);
        Autograd.backward(x.square().sum());
        assertArrayEquals(new float[] {2, 4, 6}, x.grad().toFloats());
        Tensor grad = x.grad();
        Autograd.backward(x.mul(10).sum());
        assertSame(grad, x.grad(), "added to in place");
        assertArrayEquals(new float[] {12, 14, 16}, x.grad().toFloats());
        x.zeroGrad();
        assertNull(x.grad());
        assertFalse(grad.isOpen());
    }

    @Test
    void aLeafsGradientHasMemoryOfItsOwn() {
        Tensor a = leaf(1, 2);
        Tensor b = leaf(3, 4);
        Autograd.backward(a.add(b).sum());
        assertFalse(a.grad().sharesStorage(b.grad()));
        assertTrue(a.grad().isDense());
        a.grad().fill(7);
        assertArrayEquals(new float[] {1, 1}, b.grad().toFloats());
        Autograd.backward(a.reshape(2, 1).transpose(0, 1).sum());
        assertArrayEquals(new float[] {8, 8}, a.grad().toFloats());
    }

    @Test
    void aGradientIsNeverTheOneThatWasGiven() {
        Tensor x = leaf(1, 2);
        Tensor given = Tensor.of(new float[] {5, 6});
        Autograd.backward(x.add(0), given);
        assertFalse(x.grad().sharesStorage(given));
        assertArrayEquals(new float[] {5, 6}, x.grad().toFloats());
    }

    @Test
    void aResultUsedOftenCollectsAllItsParts() {
        Tensor x = leaf(2);
        Tensor y = x.mul(3);
        Tensor z = y.mul(y).add(y).add(y.neg()).add(y.mul(4));
        Autograd.backward(z.sum());
        // z = 9 x^2 + 12 x
        assertEquals(18 * 2 + 12, x.grad().item());
    }

    @Test
    void theGraphIsUsedUpUnlessRetained() {
        Tensor x = leaf(1, 2);
        Tensor loss = x.square().sum();
        Autograd.backward(loss, null, true);
        Autograd.backward(loss);
        assertArrayEquals(new float[] {4, 8}, x.grad().toFloats());
        var error = assertThrows(IllegalStateException.class, () -> Autograd.backward(loss));
        assertTrue(error.getMessage().contains("retainGraph"), error.getMessage());
        Tensor shared = x.square();
        Autograd.backward(shared.sum());
        Tensor other = shared.mul(2).sum();
        assertThrows(IllegalStateException.class, () -> Autograd.backward(other));
    }

    @Test
    void outputNeedsOneElementOrItsGradient() {
        Tensor x = leaf(1, 2);
        assertThrows(TensorArgumentException.class, () -> Autograd.backward(x.mul(2)));
        assertThrows(TensorArgumentException.class, () -> Autograd.backward(x.mul(2), Tensor.ones(3)));
        assertThrows(
                TensorArgumentException.class,
                () -> Autograd.backward(x.mul(2), Tensor.full(1, DType.F64, Device.standard(), 2)));
        var error = assertThrows(TensorArgumentException.class, () -> Autograd.backward(Tensor.ones(1)));
        assertTrue(error.getMessage().contains("requireGrad"), error.getMessage());
        assertNull(x.grad());
    }

    @Test
    void onlyFloatingLeavesAskForGradients() {
        assertThrows(
                TensorArgumentException.class, () -> Tensor.of(new long[] {1}).requireGrad());
        Tensor x = leaf(1);
        assertTrue(x.requiresGrad() && x.isLeaf());
        Tensor y = x.mul(2);
        assertTrue(y.requiresGrad() && !y.isLeaf());
        assertThrows(IllegalStateException.class, y::requireGrad);
        assertFalse(x.requireGrad(false).requiresGrad());
        assertFalse(x.gt(0).requiresGrad());
        assertFalse(leaf(1).cast(DType.I64).requiresGrad());
    }

    @Test
    void nothingIsRecordedInsideNoGrad() {
        Tensor x = leaf(1);
        try (var _ = Autograd.noGrad()) {
            assertFalse(Autograd.isRecording());
            assertFalse(x.mul(2).requiresGrad());
            try (var _ = Autograd.noGrad()) {
                assertFalse(Autograd.isRecording());
            }
            assertFalse(Autograd.isRecording());
        }
        assertTrue(Autograd.isRecording());
        assertTrue(x.mul(2).requiresGrad());
    }

    @Test
    void detachCutsTheGraph() {
        Tensor x = leaf(3);
        Tensor y = x.square();
        Tensor constant = y.detach();
        assertTrue(constant.sharesStorage(y));
        Autograd.backward(y.mul(constant).sum());
        // d(x^2 c)/dx = 2 x c with c = 9
        assertEquals(54, x.grad().item());
    }

    @Test
    void changesInPlaceAreNoticed() {
        Tensor x = leaf(1, 2);
        Tensor kept = x.square();
        x.fill(5);
        var error = assertThrows(IllegalStateException.class, () -> Autograd.backward(kept.sum()));
        assertTrue(error.getMessage().startsWith("square: x was changed in place"), error.getMessage());
        Tensor view = x.detach().reshape(2, 1);
        Tensor exponential = x.exp();
        view.fill(1);
        assertThrows(IllegalStateException.class, () -> Autograd.backward(exponential.sum()), "through a view");
        Tensor linear = x.add(1);
        x.fill(7);
        Autograd.backward(linear.sum());
        assertArrayEquals(new float[] {1, 1}, x.grad().toFloats(), "addition keeps nothing");
        Tensor result = x.mul(2);
        assertThrows(IllegalStateException.class, () -> result.fill(0));
        assertThrows(IllegalStateException.class, () -> result.copyFrom(new float[] {1, 2}));
    }

    @Test
    void savedTensorsOutliveScopes() {
        Tensor x = leaf(1, 2, 3);
        long before = live();
        Tensor loss;
        try (var inner = TensorScope.open()) {
            loss = x.square().exp().sum().moveTo(inner.parent());
        }
        assertTrue(live() > before + 1, "the graph keeps what it needs");
        Autograd.backward(loss);
        assertEquals((float) (2 * Math.E), x.grad().toFloats()[0], 1e-5f);
        loss.close();
        x.zeroGrad();
        assertEquals(before, live());
    }

    @Test
    void aGraphThatNobodyCanAskIsReleased() {
        Tensor x = leaf(1, 2, 3);
        long before = live();
        try (var _ = TensorScope.open()) {
            x.square().exp().mul(x).sum();
            assertTrue(live() > before + 4);
        }
        assertEquals(before, live());
        Tensor y = x.square();
        Tensor z = y.exp();
        y.close();
        Autograd.backward(z.sum());
        assertNotNull(x.grad());
    }

    @Test
    void backwardReleasesAsItGoes() {
        Tensor x = leaf(1, 2, 3);
        long before = live();
        Tensor loss = x.square().exp().sum();
        long recorded = live();
        Autograd.backward(loss, null, true);
        assertEquals(recorded + 1, live(), "retained, and a gradient more");
        Autograd.backward(loss);
        assertEquals(before + 3 + 1, live(), "three results and a gradient");
    }

    @Test
    void deepGraphsNeedNoStack() {
        Tensor x = leaf(1);
        int depth = 50_000;
        try (var outer = TensorScope.open()) {
            Tensor y = x;
            for (int i = 0; i < depth; i++) {
                try (var inner = TensorScope.open()) {
                    y = y.mul(1).moveTo(inner.parent());
                }
            }
            Autograd.backward(y.sum());
            assertEquals(depth + 1, outer.size());
        }
        assertEquals(1, x.grad().item());
        long before = live();
        try (var inner = TensorScope.open()) {
            Tensor y = x;
            for (int i = 0; i < depth; i++) {
                y = y.exp();
            }
            assertEquals(depth, inner.size());
        }
        assertEquals(before, live(), "never run, released without recursion");
    }

    @Test
    void gradGivesChosenGradientsAndCollectsNone() {
        Tensor x = leaf(1, 2);
        Tensor w = leaf(3, 4);
        Tensor h = x.mul(w);
        Tensor loss = h.square().sum();
        Tensor[] gradients = Autograd.grad(loss, null, true, x, h, x);
        assertArrayEquals(new float[] {18, 64}, gradients[0].toFloats());
        assertArrayEquals(new float[] {6, 16}, gradients[1].toFloats());
        assertArrayEquals(new float[] {18, 64}, gradients[2].toFloats());
        assertFalse(gradients[0].sharesStorage(gradients[2]));
        assertSame(scope, gradients[0].scope());
        assertNull(x.grad());
        assertNull(w.grad());
        Autograd.backward(loss);
        assertArrayEquals(new float[] {6, 32}, w.grad().toFloats());
    }

    @Test
    void gradComputesOnlyWhatIsAskedFor() {
        Tensor x = Tensor.randomNormal(0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), 4, 8)
                .requireGrad();
        Tensor w = Tensor.zeros(5, 8).requireGrad();
        Tensor loss = Linear.linear(x, w, null, null).sum();
        long before = Engine.memory(Device.standard()).allocations();
        Autograd.grad(loss, null, true, x);
        long forInput = Engine.memory(Device.standard()).allocations() - before;
        before = Engine.memory(Device.standard()).allocations();
        Autograd.grad(loss, null, true, x, w);
        long forBoth = Engine.memory(Device.standard()).allocations() - before;
        assertTrue(forInput < forBoth, forInput + " requests for one, " + forBoth + " for both");
    }

    @Test
    void gradRefusesWhatHasNone() {
        Tensor x = leaf(1);
        Tensor other = leaf(2);
        Tensor loss = x.square().sum();
        assertThrows(TensorArgumentException.class, () -> Autograd.grad(loss, Tensor.ones(1)));
        Tensor retained = x.exp().sum();
        var error = assertThrows(TensorArgumentException.class, () -> Autograd.grad(retained, null, true, x, other));
        assertTrue(error.getMessage().contains("inputs[1]"), error.getMessage());
    }

    @Test
    void theGradientOfALeafWithRespectToItselfIsOne() {
        Tensor x = leaf(5);
        assertArrayEquals(new float[] {1}, Autograd.grad(x, x)[0].toFloats());
        Autograd.backward(x);
        assertArrayEquals(new float[] {1}, x.grad().toFloats());
    }

    @Test
    void aLeafFrozenAfterTheForwardPassTakesNothing() {
        Tensor x = leaf(1, 2);
        Tensor w = leaf(3, 4);
        Tensor loss = x.mul(w).sum();
        w.requireGrad(false);
        Autograd.backward(loss);
        assertNull(w.grad());
        assertArrayEquals(new float[] {3, 4}, x.grad().toFloats());
    }

    @Test
    void aClosedLeafIsPassedOver() {
        Tensor x = leaf(1, 2);
        Tensor w = leaf(3, 4);
        Tensor loss = x.mul(w).sum();
        x.close();
        Autograd.backward(loss);
        assertArrayEquals(new float[] {1, 2}, w.grad().toFloats());
    }

    @Test
    void anErrorInBackwardLeavesNothingBehind() {
        Tensor x = Tensor.zeros(256, 256).requireGrad();
        Tensor y = x.square().exp().mul(x);
        Tensor loss = y.mul(y).sum();
        long before = live();
        Engine.trim(Device.standard());
        Engine.setMemoryLimit(Device.standard(), Math.max(1, Engine.memory().inUse() + 1000));
        Tensor[] filler = new Tensor[400];
        try {
            // Uses up what the allocator had in reserve.
            for (int i = 0; i < filler.length; i++) {
                filler[i] = Tensor.empty(DType.F32, Device.standard(), 256, 256);
            }
        } catch (NativeMemoryException expected) {
            assertTrue(expected.getMessage().contains("limit"), expected.getMessage());
        }
        try {
            assertThrows(NativeMemoryException.class, () -> Autograd.backward(loss, null, true));
        } finally {
            Engine.setMemoryLimit(Device.standard(), 0);
            for (Tensor tensor : filler) {
                if (tensor != null) {
                    tensor.close();
                }
            }
        }
        assertEquals(before, live());
        Autograd.backward(loss);
        assertNotNull(x.grad());
    }

    @Test
    void theSameStepGivesTheSameBits() {
        float[][] gradients = new float[2][];
        for (int run = 0; run < 2; run++) {
            try (var _ = TensorScope.open()) {
                Tensor x = Tensor.randomNormal(
                        0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.standard(), 64, 32);
                Tensor w = Tensor.randomNormal(
                                0, 1, new Philox(1, Philox.Purpose.TEST, 1, 0, 0), Device.standard(), 32, 32)
                        .requireGrad();
                Tensor h = x;
                for (int i = 0; i < 4; i++) {
                    h = Linear.linear(h, w, null, null).tanh().add(h);
                }
                Autograd.backward(CrossEntropy.crossEntropy(h, Tensor.zeros(DType.I64, Device.standard(), 64))
                        .mean());
                gradients[run] = w.grad().toFloats();
            }
        }
        assertArrayEquals(gradients[0], gradients[1]);
    }

    private static final class Cube extends DifferentiableFunction {
        @Override
        protected Tensor forward(Tensor... inputs) {
            save(inputs[0]);
            return inputs[0].square().mul(inputs[0]);
        }

        @Override
        protected Tensor[] backward(Tensor gradient) {
            return new Tensor[] {saved(0).square().mul(3).mul(gradient), null};
        }
    }

    @Test
    void functionsCanBeWrittenInJava() {
        Tensor x = Tensor.of(new double[] {0.5, -2, 3}).to(Device.cpu()).requireGrad();
        Tensor unused = Tensor.of(new double[] {1, 1, 1}).to(Device.cpu());
        var result = GradientCheck.check(t -> new Cube().apply(t[0], unused), x);
        assertTrue(result.worst() < 1e-8, result.toString());
        long before = live();
        Tensor y = new Cube().apply(x, unused);
        assertFalse(x.square().isLeaf());
        assertTrue(y.requiresGrad());
        Cube used = new Cube();
        used.apply(x, unused);
        assertThrows(IllegalStateException.class, () -> used.apply(x, unused));
        assertTrue(live() > before);
        var wrong = new DifferentiableFunction() {
            @Override
            protected Tensor forward(Tensor... inputs) {
                return inputs[0];
            }

            @Override
            protected Tensor[] backward(Tensor gradient) {
                return new Tensor[0];
            }
        };
        Tensor z = wrong.apply(x).sum();
        assertThrows(TensorArgumentException.class, () -> Autograd.backward(z));
    }

    @Test
    void aFalseGradientIsFound() {
        var wrong = new java.util.function.Function<Tensor[], Tensor>() {
            @Override
            public Tensor apply(Tensor[] t) {
                return t[0].mul(t[0].detach());
            }
        };
        var result = GradientCheck.check(
                wrong, Tensor.of(new double[] {1, 2}).to(Device.cpu()).requireGrad());
        assertTrue(result.worst() > 0.4, result.toString());
        assertTrue(result.where().startsWith("input 0, element"), result.where());
        assertThrows(TensorArgumentException.class, () -> GradientCheck.check(t -> t[0], leaf(1)));
    }
}
