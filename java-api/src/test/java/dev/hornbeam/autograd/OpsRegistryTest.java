package dev.hornbeam.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.ops.NativeOp;
import dev.hornbeam.tensor.Engine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every op of the engine's registry has a Java class, which claims the same gradient. */
class OpsRegistryTest {
    /** Ops that are factories of Tensor itself. */
    private static final Set<String> FACTORIES = Set.of("full", "random_uniform", "random_normal");

    @Test
    void registryAndClassesAgree() throws IOException, ClassNotFoundException {
        Map<String, String> claimed = new TreeMap<>();
        Path sources = Path.of("src", "main", "java");
        try (Stream<Path> files = Files.walk(sources)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
                String name =
                        sources.relativize(file).toString().replace(".java", "").replace('/', '.');
                if (name.contains(".autograd.ops.") || name.contains(".optim.")) {
                    for (NativeOp op : Class.forName(name).getAnnotationsByType(NativeOp.class)) {
                        claimed.put(op.value(), op.gradient());
                    }
                }
            }
        }
        Map<String, String> registered = new TreeMap<>();
        for (Engine.Op op : Engine.ops()) {
            if (!op.name().endsWith("_backward")
                    && !op.name().contains("_backward_")
                    && !FACTORIES.contains(op.name())) {
                registered.put(op.name(), op.gradient());
            }
        }
        assertEquals(registered, claimed);
    }

    @Test
    void gradientsNameOpsOfTheRegistry() {
        Set<String> names = Engine.ops().stream().map(Engine.Op::name).collect(Collectors.toSet());
        for (Engine.Op op : Engine.ops()) {
            if (!op.gradient().equals("none") && !op.gradient().equals("composed")) {
                for (String gradient : op.gradient().split(" ", -1)) {
                    assertTrue(names.contains(gradient), op + " names " + gradient);
                }
            }
        }
    }
}
