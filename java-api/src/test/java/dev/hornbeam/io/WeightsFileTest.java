package dev.hornbeam.io;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.Conv2d;
import dev.hornbeam.nn.Init;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.LoadReport;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightsFileTest {
    @TempDir
    private Path folder;

    private static Sequential network() {
        return new Sequential(
                new Conv2d(2, 3, 3, 1, 0),
                new BatchNorm2d(3),
                Lambda.flatten(),
                new Linear(3 * 2 * 2, 4, true, WeightLayout.flattened(3, 2, 2)));
    }

    @Test
    void layoutsAreTurnedAndTurnedBack() {
        try (var _ = TensorScope.open()) {
            float[] numbers = new float[2 * 3 * 4 * 5];
            for (int i = 0; i < numbers.length; i++) {
                numbers[i] = i;
            }
            Tensor ohwi = Tensor.of(numbers, 2, 3, 4, 5);
            Tensor oihw = WeightLayout.CONVOLUTION.toFile(ohwi);
            assertArrayEquals(new long[] {2, 5, 3, 4}, oihw.shape());
            // Element o 1, i 2, h 2, w 3 of both.
            assertEquals(((1 * 3 + 2) * 4 + 3) * 5 + 2, oihw.toFloats()[((1 * 5 + 2) * 3 + 2) * 4 + 3]);
            assertArrayEquals(numbers, WeightLayout.CONVOLUTION.fromFile(oihw).toFloats());
            WeightLayout flattened = WeightLayout.flattened(5, 3, 4);
            Tensor linear = Tensor.of(numbers, 2, 60);
            Tensor inFile = flattened.toFile(linear);
            // Row 1, channel 2, row 2 and column 3 of the image.
            assertEquals(60 + (2 * 4 + 3) * 5 + 2, inFile.toFloats()[60 + (2 * 3 + 2) * 4 + 3]);
            assertArrayEquals(numbers, flattened.fromFile(inFile).toFloats());
            assertThrows(IllegalArgumentException.class, () -> flattened.toFile(Tensor.zeros(2, 7)));
        }
    }

    @Test
    void aNetworkComesBackWithPyTorchsNamesAndShapes() throws IOException {
        Path path = folder.resolve("net.safetensors");
        try (Sequential network = network();
                Sequential other = network();
                var _ = TensorScope.open()) {
            Init.standard(network, 5);
            WeightsFile.save(network, path, Map.of("epoch", "3"));
            try (Safetensors file = Safetensors.open(path)) {
                assertArrayEquals(
                        new long[] {3, 2, 3, 3}, file.entries().get("0.weight").shape());
                assertArrayEquals(
                        new long[] {3}, file.entries().get("1.running_var").shape());
                assertEquals("3", file.metadata().get("epoch"));
            }
            assertTrue(WeightsFile.load(other, path, true).isClean());
            Map<String, Tensor> copy = other.stateDict();
            network.stateDict()
                    .forEach((name, tensor) ->
                            assertArrayEquals(tensor.toFloats(), copy.get(name).toFloats(), name));
        }
    }

    @Test
    void whatDoesNotFitIsReportedAndNothingChanges() throws IOException {
        Path path = folder.resolve("net.safetensors");
        try (Sequential network = network();
                var _ = TensorScope.open()) {
            Init.standard(network, 5);
            Map<String, Tensor> state = new LinkedHashMap<>(WeightsFile.toFile(network));
            state.remove("3.bias");
            state.put("0.weight", Tensor.zeros(3, 2, 5, 5));
            state.put("9.weight", Tensor.zeros(1));
            state.put("1.num_batches_tracked", Tensor.of(new long[] {0}));
            state.put("1.weight", Tensor.full(7, 3));
            Safetensors.write(path, state);
            var error = assertThrows(TensorFileException.class, () -> WeightsFile.load(network, path, true));
            assertTrue(
                    error.getMessage().contains("3.bias") && error.getMessage().contains("9.weight"),
                    error.getMessage());
            assertArrayEquals(
                    new float[] {1, 1, 1}, network.stateDict().get("1.weight").toFloats());
            LoadReport report = WeightsFile.load(network, path, false);
            assertEquals(List.of("3.bias"), report.missing());
            assertEquals(List.of("9.weight"), report.unexpected());
            assertEquals(List.of("0.weight ([3, 5, 5, 2] given, [3, 3, 3, 2] needed)"), report.mismatched());
            assertArrayEquals(
                    new float[] {7, 7, 7}, network.stateDict().get("1.weight").toFloats());
        }
    }

    @Test
    void aPrefixChoosesAPartOfAFile() throws IOException {
        Path path = folder.resolve("net.safetensors");
        try (Sequential network = network();
                Sequential other = network();
                var _ = TensorScope.open()) {
            Init.standard(network, 5);
            Map<String, Tensor> state = new LinkedHashMap<>();
            WeightsFile.toFile(network).forEach((name, tensor) -> state.put("model." + name, tensor));
            state.put("optimizer.x", Tensor.zeros(2));
            Safetensors.write(path, state);
            try (Safetensors file = Safetensors.open(path)) {
                assertTrue(WeightsFile.load(other, file, path, "model.", true).isClean());
            }
            assertArrayEquals(
                    network.stateDict().get("3.weight").toFloats(),
                    other.stateDict().get("3.weight").toFloats());
        }
    }
}
