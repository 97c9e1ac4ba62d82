package dev.hornbeam.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ops.Conv2dOptions;
import dev.hornbeam.bench.NetworkConvolutions.Convolution;
import dev.hornbeam.bench.NetworkConvolutions.Sized;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.models.inspect.NetworkInspection;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class NetworkConvolutionsTest {
    @Test
    void resnet20HasSixDifferentOnes() {
        Map<Convolution, Integer> layers = NetworkConvolutions.of(new Sized("resnet20", "resnet20", 128, 32, 10));
        assertEquals(6, layers.size());
        assertEquals(19, layers.values().stream().mapToInt(Integer::intValue).sum());
        Convolution first = layers.keySet().iterator().next();
        assertEquals(new Convolution(128, 32, 32, 3, 16, 3, 3, Conv2dOptions.of(1, 1)), first);
        assertEquals(
                6, layers.get(new Convolution(128, 32, 32, 16, 16, 3, 3, Conv2dOptions.of(1, 1))), layers.toString());
        assertEquals(
                1, layers.get(new Convolution(128, 32, 32, 16, 32, 3, 3, Conv2dOptions.of(2, 1))), layers.toString());
    }

    @Test
    void theyDoTheWorkOfTheNetworks() {
        for (Sized sized : NetworkConvolutions.NETWORKS) {
            double convolutions = NetworkConvolutions.of(sized).entrySet().stream()
                    .mapToDouble(layer -> layer.getKey().flops() * layer.getValue())
                    .sum();
            ModelSpec spec = ModelSpec.of(3, sized.classes()).withSide(sized.side());
            double all = 2.0
                    * sized.batch()
                    * NetworkInspection.of(
                                    () -> ModelCatalog.create(sized.model(), spec, 0),
                                    List.of((long) sized.side(), (long) sized.side(), 3L),
                                    sized.batch())
                            .multiplyAdds();
            if (sized.name().startsWith("vit")) {
                assertTrue(convolutions < 0.1 * all, sized.name());
            } else {
                // The rest is the head.
                assertTrue(
                        convolutions > 0.999 * all && convolutions < all, sized + ": " + convolutions + " of " + all);
            }
        }
    }

    @Test
    void textSaysWhatItIs() {
        assertEquals(
                "128×32×32×16 by 32 3×3, stride 2, pad 1",
                new Convolution(128, 32, 32, 16, 32, 3, 3, Conv2dOptions.of(2, 1)).toString());
        assertEquals(
                "32×16×16×320 by 640 1×1, stride 2",
                new Convolution(32, 16, 16, 320, 640, 1, 1, Conv2dOptions.of(2, 0)).toString());
    }
}
