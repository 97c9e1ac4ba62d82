package dev.hornbeam.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class TensorScopeTest {
    @Test
    void resultsBelongToTheInnermostScope() {
        long before = Engine.memory().liveTensors();
        Tensor outerTensor;
        Tensor innerTensor;
        try (var outer = TensorScope.open()) {
            outerTensor = Tensor.ones(2);
            try (var inner = TensorScope.open()) {
                assertSame(inner, TensorScope.current());
                assertSame(outer, inner.parent());
                innerTensor = outerTensor.add(1);
                assertSame(inner, innerTensor.scope());
                assertEquals(1, inner.size());
            }
            assertFalse(innerTensor.isOpen());
            assertTrue(outerTensor.isOpen());
            assertSame(outer, TensorScope.current());
        }
        assertNull(TensorScope.current());
        assertFalse(outerTensor.isOpen());
        assertEquals(before, Engine.memory().liveTensors());
    }

    @Test
    void keptAndMovedTensorsOutliveTheirScope() {
        Tensor kept;
        try (var outer = TensorScope.open()) {
            Tensor moved;
            try (var _ = TensorScope.open()) {
                kept = Tensor.ones(2).keep();
                moved = Tensor.ones(3).moveTo(outer);
                assertNull(kept.scope());
            }
            assertArrayEquals(new float[] {1, 1}, kept.toFloats());
            assertArrayEquals(new float[] {1, 1, 1}, moved.toFloats());
            assertSame(outer, moved.scope());
        }
        kept.close();
    }

    @Test
    void keepTwiceAndMoveBack() {
        try (var scope = TensorScope.open()) {
            Tensor x = Tensor.ones(1).keep().keep();
            x.moveTo(scope);
            assertEquals(1, scope.size());
            x.moveTo(scope);
            assertEquals(1, scope.size());
        }
    }

    @Test
    void closingEarlyTakesTheTensorOut() {
        try (var scope = TensorScope.open()) {
            Tensor[] tensors = new Tensor[100];
            for (int i = 0; i < tensors.length; i++) {
                tensors[i] = Tensor.scalar(i);
            }
            for (int i = 0; i < tensors.length; i += 3) {
                tensors[i].close();
                tensors[i].close();
            }
            assertEquals(66, scope.size());
            assertEquals(50, tensors[50].item());
        }
    }

    @Test
    void withoutScopeTheCallerCloses() {
        long before = Engine.memory().liveTensors();
        try (Tensor x = Tensor.ones(2);
                Tensor y = x.add(x)) {
            assertEquals(before + 2, Engine.memory().liveTensors());
            assertNull(y.scope());
        }
    }

    @Test
    void scopesCloseInReverseOrder() {
        try (var outer = TensorScope.open();
                var inner = TensorScope.open()) {
            var error = assertThrows(IllegalStateException.class, outer::close);
            assertTrue(error.getMessage().contains("reverse order"), error.getMessage());
            assertTrue(inner.isOpen());
        }
    }

    @Test
    void closingAgainDoesNothing() {
        var scope = TensorScope.open();
        scope.close();
        scope.close();
        assertFalse(scope.isOpen());
        try (Tensor x = Tensor.ones(1)) {
            assertThrows(IllegalStateException.class, () -> x.moveTo(scope));
        }
    }

    @Test
    void scopesBelongToTheirThread() throws InterruptedException {
        try (var scope = TensorScope.open()) {
            Tensor x = Tensor.ones(2);
            Tensor handedOver = Tensor.ones(2).keep();
            AtomicReference<Throwable> closing = new AtomicReference<>();
            AtomicReference<Throwable> scopeClosing = new AtomicReference<>();
            AtomicReference<TensorScope> seen = new AtomicReference<>(scope);
            Thread other = new Thread(() -> {
                seen.set(TensorScope.current());
                closing.set(catching(x::close));
                scopeClosing.set(catching(scope::close));
                handedOver.close();
            });
            other.start();
            other.join();
            assertNull(seen.get(), "a new thread has no scope");
            assertTrue(closing.get() instanceof IllegalStateException);
            assertTrue(
                    closing.get().getMessage().contains("keep()"), closing.get().getMessage());
            assertTrue(scopeClosing.get() instanceof IllegalStateException);
            assertTrue(x.isOpen());
            assertFalse(handedOver.isOpen());
        }
    }

    private static Throwable catching(Runnable action) {
        try {
            action.run();
            return null;
        } catch (RuntimeException e) {
            return e;
        }
    }

    @Test
    void useAfterReleaseNamesOpAndArgument() {
        Tensor x;
        try (var _ = TensorScope.open()) {
            x = Tensor.ones(2, 3);
        }
        var error = assertThrows(ReleasedTensorException.class, () -> x.matmul(x));
        assertTrue(error.getMessage().startsWith("matmul: a (f32[2, 3]) was already closed"), error.getMessage());
        assertThrows(ReleasedTensorException.class, x::shape);
        assertThrows(ReleasedTensorException.class, x::toFloats);
        assertThrows(ReleasedTensorException.class, x::keep);
        assertThrows(ReleasedTensorException.class, x::requireGrad);
        assertThrows(ReleasedTensorException.class, x::detach);
        assertThrows(ReleasedTensorException.class, () -> x.fill(1));
    }
}
