package dev.hornbeam.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.bench.BesideOneDnn.Row;
import dev.hornbeam.bench.NetworkConvolutions.Convolution;
import dev.hornbeam.bench.OneDnnConvolution.Layout;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.Spread;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class BesideOneDnnTest {
    // Of 2 * 2 * 4 * 4 * 8 * 9 * 4 operations a pass; the stride leaves the last row of padding unread.
    private static final Convolution SMALL = new Convolution(2, 8, 8, 4, 8, 3, 3, Conv2dOptions.of(2, 1));

    @ParameterizedTest
    @EnumSource(ConvolutionPass.class)
    void bothRunEveryPass(ConvolutionPass pass) {
        long live = Engine.memory().liveTensors();
        for (DType type : List.of(DType.F32, DType.BF16)) {
            try (EngineConvolution ours = new EngineConvolution(SMALL, pass, type)) {
                ours.run();
            }
        }
        assertEquals(live, Engine.memory().liveTensors());
        for (Layout layout : Layout.values()) {
            Optional<OneDnnConvolution> theirs = OneDnnConvolution.of(SMALL, pass, DType.F32, layout);
            assertTrue(theirs.isPresent(), layout.toString());
            theirs.get().run();
            assertTrue(!theirs.get().implementation().isEmpty());
            theirs.get().close();
        }
    }

    @Test
    void turnsAlternate() {
        StringBuilder order = new StringBuilder();
        AtomicInteger count = new AtomicInteger();
        List<Spread> times = BesideOneDnn.inTurn(
                List.of(
                        () -> {
                            order.append('a');
                            count.incrementAndGet();
                        },
                        () -> order.append('b')),
                0);
        assertEquals("ab".repeat(count.get()), order.toString());
        assertEquals(2, times.size());
        assertTrue(count.get() >= 5, order.toString());
    }

    @Test
    void rowsHaveRatesAndTheRatioToTheFasterLayout() {
        assertEquals(2 * 2 * 4 * 4 * 8 * 9 * 4, SMALL.flops());
        Row row = new Row(
                SMALL,
                "net ×3",
                ConvolutionPass.DATA,
                new Spread(0.5, 0.4, 0.6),
                Map.of(Layout.BLOCKED, new Spread(1, 1, 1), Layout.NHWC, new Spread(0.75, 0.7, 0.8)),
                Map.of(Layout.BLOCKED, "jit:avx2", Layout.NHWC, "brg:avx2"));
        assertEquals(1.5, row.ratio().orElseThrow());
        assertEquals(
                "| net ×3 | 2×8×8×4 by 8 3×3, stride 2, pad 1 | data gradient | 0.50 | 0 | 1.00 | 0 | 0.75 | 0 | 1.50 |",
                BesideOneDnn.line(row));
        Row without = new Row(SMALL, "net ×3", ConvolutionPass.DATA, row.ours(), Map.of(), Map.of());
        assertTrue(without.ratio().isEmpty());
        assertEquals(
                "| net ×3 | 2×8×8×4 by 8 3×3, stride 2, pad 1 | data gradient | 0.50 | 0 | not supported | | not supported | | |",
                BesideOneDnn.line(without));
        Row slower = new Row(
                SMALL,
                "net ×3",
                ConvolutionPass.DATA,
                row.ours(),
                Map.of(Layout.NHWC, new Spread(3, 3, 3)),
                Map.of(Layout.NHWC, "brg:avx2"));
        // The geometric mean of 1.5 and 6.
        assertEquals(
                "Geometric mean of oneDNN's faster layout over Hornbeam: data gradient 3.00",
                BesideOneDnn.summary(List.of(row, slower, without)));
        assertTrue(BesideOneDnn.summary(List.of(without)).startsWith("oneDNN supports none"));
    }
}
