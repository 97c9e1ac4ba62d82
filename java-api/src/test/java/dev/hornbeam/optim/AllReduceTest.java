package dev.hornbeam.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorArgumentException;
import dev.hornbeam.tensor.TensorScope;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sums over replicas on one device; cuda-kernels/tests/host/engine_test.cpp has several. */
class AllReduceTest {
    private TensorScope scope;

    @BeforeEach
    void open() {
        scope = TensorScope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static List<Tensor> replica(float first, float second, float third) {
        return List.of(Tensor.of(new float[] {first, second}, 2), Tensor.of(new float[] {third}, 1, 1));
    }

    private static void assertHolds(List<Tensor> replica, float first, float second, float third) {
        assertArrayEquals(new float[] {first, second}, replica.get(0).toFloats());
        assertArrayEquals(new float[] {third}, replica.get(1).toFloats());
    }

    @Test
    void allReplicasGetTheSum() {
        List<List<Tensor>> replicas = List.of(replica(1, 2, 3), replica(10, 20, 30), replica(100, 200, 300));
        AllReduce.sum(replicas);
        replicas.forEach(replica -> assertHolds(replica, 111, 222, 333));
    }

    @Test
    void theMean() {
        List<List<Tensor>> replicas = List.of(replica(1, 2, 3), replica(3, 6, 0));
        AllReduce.mean(replicas);
        replicas.forEach(replica -> assertHolds(replica, 2, 4, 1.5f));
    }

    @Test
    void weightsAreOfReplicas() {
        List<List<Tensor>> replicas = List.of(replica(4, 8, 12), replica(8, 16, -24));
        AllReduce.weighted(replicas, 0.25, 0.75);
        replicas.forEach(replica -> assertHolds(replica, 7, 14, -15));
    }

    @Test
    void noReplicasAndNoTensors() {
        AllReduce.sum(List.of());
        AllReduce.mean(List.of(List.of(), List.of()));
    }

    @Test
    void tensorsCountAsChanged() {
        Tensor w = Tensor.of(new float[] {1, 2}, 2).requireGrad();
        Tensor loss = w.mul(w).sum();
        AllReduce.sum(List.of(List.of(w), List.of(Tensor.of(new float[] {1, 1}, 2))));
        assertThrows(RuntimeException.class, () -> Autograd.backward(loss), "w was changed after it was used");
    }

    @Test
    void replicasThatDifferAreRefused() {
        List<Tensor> one = replica(1, 2, 3);
        List<Tensor> fewer = List.of(one.get(0));
        assertEquals(
                "replica 1 has 1 tensors, but replica 0 has 2",
                assertThrows(IllegalArgumentException.class, () -> AllReduce.sum(List.of(one, fewer)))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> AllReduce.weighted(List.of(one), 1, 2));
        List<Tensor> turned = List.of(one.get(1), one.get(0));
        String message = assertThrows(TensorArgumentException.class, () -> AllReduce.sum(List.of(one, turned)))
                .getMessage();
        assertTrue(message.contains("tensors[1][0] has shape [1, 1]; tensors[0][0] has [2]"), message);
    }
}
