package dev.hornbeam.models.weights;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.io.HostArray;
import dev.hornbeam.io.Npz;
import dev.hornbeam.io.Safetensors;
import dev.hornbeam.io.TensorFileException;
import dev.hornbeam.io.WeightsFile;
import dev.hornbeam.models.Headed;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of testdata/python/make_weights_files.py, and files whose tensors have others' names. */
final class PretrainedWeightsTest {
    private static final double TOLERANCE = 1e-4;

    @TempDir
    private Path folder;

    private Path resource(String name) throws IOException {
        Path copy = folder.resolve(name);
        try (InputStream in = PretrainedWeightsTest.class.getResourceAsStream("/weights/" + name)) {
            Files.write(copy, in.readAllBytes());
        }
        return copy;
    }

    private static Module narrow(String name, int classes, long seed) {
        return ModelCatalog.create(name, ModelSpec.of(3, classes).withWidth(2), seed);
    }

    private static Map<String, float[]> copyOf(Module network) {
        Map<String, float[]> copy = new LinkedHashMap<>();
        network.stateDict().forEach((name, tensor) -> copy.put(name, tensor.toFloats()));
        return copy;
    }

    private static void assertEqualStates(Module wanted, Module got) {
        Map<String, float[]> values = copyOf(got);
        copyOf(wanted).forEach((name, value) -> assertArrayEquals(value, values.get(name), name));
    }

    // -------------------------------------------------------------------------------------------------- torchvision

    @Test
    void torchvisionsResNetGivesItsLogits() throws IOException {
        try (Module network = narrow("resnet18_imagenet", 7, 1);
                var weights = PretrainedWeights.open(resource("resnet.pth"));
                var expected = Safetensors.open(resource("resnet-logits.safetensors"));
                var _ = TensorScope.open();
                var _ = Autograd.noGrad()) {
            assertEquals(OptionalInt.of(7), weights.classes());
            WeightsReport report = weights.loadInto(network, Fit.EXACT);
            assertEquals("model.", report.prefix());
            assertEquals(network.stateDict().size(), report.matched().size());
            assertEquals("102 tensors match under model. (PyTorch)", report.toString());
            network.eval();
            float[] logits = network.forward(expected.read("images")).toFloats();
            float[] wanted = expected.read("logits").toFloats();
            assertEquals(14, wanted.length);
            for (int i = 0; i < wanted.length; i++) {
                assertEquals(wanted[i], logits[i], TOLERANCE * Math.max(1, Math.abs(wanted[i])));
            }
        }
    }

    @Test
    void aHeadOfAnotherNumberOfClassesStaysAsInitialised() throws IOException {
        try (Module network = narrow("resnet18_imagenet", 3, 1);
                var weights = PretrainedWeights.open(resource("resnet.pth"))) {
            Map<String, float[]> before = copyOf(network);
            var error = assertThrows(TensorFileException.class, () -> weights.loadInto(network, Fit.EXACT));
            assertTrue(error.getMessage().contains("fc.weight ([7, 16] given, [3, 16] needed)"), error.getMessage());
            copyOf(network).forEach((name, value) -> assertArrayEquals(before.get(name), value, name));
            WeightsReport report = weights.loadInto(network, Fit.NEW_HEAD);
            assertEquals(
                    List.of("fc.weight (7 classes in the file, 3 here)", "fc.bias (7 classes in the file, 3 here)"),
                    report.newHead());
            assertArrayEquals(before.get("fc.weight"), copyOf(network).get("fc.weight"));
            assertFalse(
                    Arrays.equals(before.get("conv1.weight"), copyOf(network).get("conv1.weight")));
        }
    }

    // -------------------------------------------------------------------------------------------------- other names

    /** What {@code network} would be saved as by a program with these names. */
    private Path renamed(Module network, String... replacements) throws IOException {
        Path file = folder.resolve("renamed.safetensors");
        try (var _ = TensorScope.open()) {
            Map<String, Tensor> state = new LinkedHashMap<>();
            WeightsFile.toFile(network).forEach((name, tensor) -> {
                String other = name;
                for (int i = 0; i < replacements.length; i += 2) {
                    other = other.replaceFirst(replacements[i], replacements[i + 1]);
                }
                state.put(other, tensor);
            });
            Safetensors.write(file, state);
        }
        return file;
    }

    private WeightsReport load(Path file, Module network, Fit fit) throws IOException {
        try (var weights = PretrainedWeights.open(file)) {
            return weights.loadInto(network, fit);
        }
    }

    @Test
    void namesOfOtherProgramsAreUnderstood() throws IOException {
        String[][] dialects = {
            {"resnet18", "shortcut", "downsample", "^fc", "linear"},
            {"resnet18", "^", "module.", "fc", "head"},
            {"resnet18", "^", "net._orig_mod.module.", "fc", "classifier"},
            {"resnet18", "^", "backbone.", "layer2", "module.layer2"},
            {"resnet20", "fc", "last_linear"},
            {"resnet18_imagenet", "downsample", "shortcut"},
            {"preactresnet18", "linear", "fc"},
        };
        for (String[] dialect : dialects) {
            try (Module saved = narrow(dialect[0], 5, 3);
                    Module network = narrow(dialect[0], 5, 4)) {
                Path file = renamed(saved, Arrays.copyOfRange(dialect, 1, dialect.length));
                WeightsReport report = load(file, network, Fit.EXACT);
                assertEquals(network.stateDict().size(), report.matched().size());
                assertEqualStates(saved, network);
            }
        }
    }

    @Test
    void everythingThatDoesNotFitIsReported() throws IOException {
        Path file = folder.resolve("odd.safetensors");
        try (Module saved = narrow("resnet18", 5, 3);
                Module network = narrow("resnet18", 5, 4);
                var _ = TensorScope.open()) {
            Map<String, Tensor> state = new LinkedHashMap<>();
            WeightsFile.toFile(saved).forEach((name, tensor) -> state.put("state_dict." + name, tensor));
            state.remove("state_dict.layer1.0.bn1.bias");
            state.put("state_dict.layer9.weight", Tensor.zeros(2));
            state.put("state_dict.conv1.weight", Tensor.zeros(2, 3, 5, 5));
            state.put("state_dict.bn1.num_batches_tracked", Tensor.of(new long[] {4}));
            state.put("optimizer.a", Tensor.zeros(1));
            state.put("optimizer.b", Tensor.zeros(1));
            Safetensors.write(file, state);
            Map<String, float[]> before = copyOf(network);
            for (Fit fit : new Fit[] {Fit.EXACT, Fit.NEW_HEAD}) {
                var error = assertThrows(TensorFileException.class, () -> load(file, network, fit));
                for (String word : new String[] {
                    "ResNet",
                    "1 missing: layer1.0.bn1.bias",
                    "1 left over: state_dict.layer9.weight",
                    "1 of another shape: conv1.weight ([2, 5, 5, 3] given, [2, 3, 3, 3] needed)"
                }) {
                    assertTrue(error.getMessage().contains(word), error.getMessage());
                }
            }
            copyOf(network).forEach((name, value) -> assertArrayEquals(before.get(name), value, name));
            WeightsReport report = load(file, network, Fit.PARTIAL);
            assertEquals(Map.of("optimizer", 2), report.aside());
            assertEquals(network.stateDict().size() - 2, report.matched().size());
            assertArrayEquals(before.get("conv1.weight"), copyOf(network).get("conv1.weight"));
            assertArrayEquals(copyOf(saved).get("fc.weight"), copyOf(network).get("fc.weight"));
        }
    }

    @Test
    void weightsOfSomethingElseAndAmbiguousOnesAreRefused() throws IOException {
        Path file = folder.resolve("other.safetensors");
        try (Module network = narrow("resnet18", 5, 4);
                var _ = TensorScope.open()) {
            Safetensors.write(file, Map.of("encoder.w", Tensor.zeros(1), "decoder.w", Tensor.zeros(1)));
            var none = assertThrows(TensorFileException.class, () -> load(file, network, Fit.PARTIAL));
            assertTrue(none.getMessage().contains("decoder.w, encoder.w"), none.getMessage());
            Map<String, Tensor> state = new LinkedHashMap<>(WeightsFile.toFile(network));
            state.put("module.conv1.weight", Tensor.zeros(2, 3, 3, 3));
            Safetensors.write(file, state);
            var twice = assertThrows(TensorFileException.class, () -> load(file, network, Fit.PARTIAL));
            assertTrue(twice.getMessage().contains("both mean conv1.weight"), twice.getMessage());
        }
    }

    // ------------------------------------------------------------------------------------------ vision transformers

    /** A network of nothing but parameters with these names and shapes. */
    private static final class Bare extends Module implements Headed {
        private Bare(Map<String, long[]> shapes) {
            Map<String, Map<String, long[]>> below = new LinkedHashMap<>();
            shapes.forEach((name, shape) -> {
                int dot = name.indexOf('.');
                if (dot < 0) {
                    boolean kernel = shape.length == 4;
                    long[] memory = kernel ? WeightLayout.CONVOLUTION.memoryShape(shape) : shape;
                    parameter(
                            name,
                            Tensor.zeros(memory),
                            Parameter.Role.OTHER,
                            kernel ? WeightLayout.CONVOLUTION : WeightLayout.SAME);
                } else {
                    below.computeIfAbsent(name.substring(0, dot), _ -> new LinkedHashMap<>())
                            .put(name.substring(dot + 1), shape);
                }
            });
            below.forEach((name, rest) -> child(name, new Bare(rest)));
        }

        @Override
        public String head() {
            return "head";
        }

        @Override
        protected Tensor compute(Tensor x) {
            return x;
        }
    }

    private static Map<String, Tensor> transformer(Safetensors expected) throws IOException {
        Map<String, Tensor> wanted = expected.readAll();
        wanted.remove("pos_embed_3x3");
        return wanted;
    }

    private static Bare bare(Map<String, Tensor> tensors) {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        return new Bare(shapes);
    }

    private static void assertHas(Module network, Map<String, Tensor> wanted) {
        Map<String, Tensor> got = WeightsFile.toFile(network);
        assertEquals(wanted.keySet().size(), got.size());
        wanted.forEach((name, tensor) ->
                assertArrayEquals(tensor.toFloats(), got.get(name).toFloats(), name));
    }

    @Test
    void googlesVisionTransformerIsRearranged() throws IOException {
        try (var expected = Safetensors.open(resource("vit-expected.safetensors"));
                var _ = TensorScope.open()) {
            Map<String, Tensor> wanted = transformer(expected);
            try (Bare network = bare(wanted)) {
                WeightsReport report = load(resource("vit.npz"), network, Fit.EXACT);
                assertEquals(wanted.size(), report.matched().size());
                assertEquals(
                        Map.of(
                                "the part pre_logits.kernel, which the network does not have", 1,
                                "the part pre_logits.bias, which the network does not have", 1),
                        report.aside());
                assertHas(network, wanted);
            }
        }
    }

    @Test
    void positionsAreResizedAsTorchDoes() throws IOException {
        try (var expected = Safetensors.open(resource("vit-expected.safetensors"));
                var _ = TensorScope.open()) {
            Map<String, Tensor> wanted = transformer(expected);
            Tensor larger = expected.read("pos_embed_3x3");
            wanted.put("pos_embed", larger);
            try (Bare network = bare(wanted)) {
                WeightsReport report = load(resource("vit.npz"), network, Fit.EXACT);
                assertEquals(List.of("pos_embed from 2x2 to 3x3"), report.resized());
                assertArrayEquals(
                        larger.toFloats(), network.stateDict().get("pos_embed").toFloats(), 1e-6f);
            }
        }
    }

    @Test
    void torchvisionsVisionTransformerIsUnderstood() throws IOException {
        try (var expected = Safetensors.open(resource("vit-expected.safetensors"));
                var _ = TensorScope.open()) {
            Map<String, Tensor> wanted = transformer(expected);
            Map<String, Tensor> theirs = new LinkedHashMap<>();
            wanted.forEach((name, tensor) -> theirs.put(
                    name.replace("cls_token", "class_token")
                            .replace("pos_embed", "encoder.pos_embedding")
                            .replace("patch_embed.proj", "conv_proj")
                            .replaceFirst("^norm", "encoder.ln")
                            .replaceFirst("^head", "heads.head")
                            .replaceFirst("^blocks\\.(\\d)", "encoder.layers.encoder_layer_$1")
                            .replace(".norm", ".ln_")
                            .replace("attn.qkv.", "self_attention.in_proj_")
                            .replace("attn.proj", "self_attention.out_proj")
                            .replace("mlp.fc1", "mlp.0")
                            .replace("mlp.fc2", "mlp.linear_2"),
                    tensor));
            Path file = folder.resolve("torchvision.safetensors");
            Safetensors.write(file, theirs);
            try (Bare network = bare(wanted)) {
                load(file, network, Fit.EXACT);
                assertHas(network, wanted);
            }
        }
    }

    /** The names that Flax has for what timm calls so, with zeros of Flax's shapes. */
    private static Map<String, HostArray> flax(Module network, int heads) {
        Map<String, HostArray> arrays = new LinkedHashMap<>();
        try (var _ = TensorScope.open()) {
            WeightsFile.toFile(network).forEach((name, tensor) -> {
                String other = name.replaceFirst("^blocks\\.(\\d+)\\.", "Transformer/encoderblock_$1/")
                        .replaceFirst("^norm", "Transformer/encoder_norm")
                        .replace("norm1", "LayerNorm_0")
                        .replace("norm2", "LayerNorm_1")
                        .replace("mlp.fc1", "MlpBlock_0/Dense_0")
                        .replace("mlp.fc2", "MlpBlock_0/Dense_1")
                        .replace("attn.", "MultiHeadDotProductAttention_0.")
                        .replace(".proj", "/out")
                        .replace("patch_embed/out", "embedding")
                        .replace("cls_token", "cls")
                        .replace("pos_embed", "Transformer/posembed_input/pos_embedding")
                        .replaceFirst("(LayerNorm_.|encoder_norm)\\.weight", "$1.scale")
                        .replace("weight", "kernel")
                        .replace('.', '/');
                long[] shape = tensor.shape();
                long[] turned = shape;
                if (other.contains("qkv")) {
                    long perHead = shape[0] / 3 / heads;
                    turned = shape.length == 1 ? new long[] {heads, perHead} : new long[] {shape[1], heads, perHead};
                } else if (shape.length == 2) {
                    turned = other.contains("/out/")
                            ? new long[] {heads, shape[1] / heads, shape[0]}
                            : new long[] {shape[1], shape[0]};
                } else if (shape.length == 4) {
                    turned = new long[] {shape[2], shape[3], shape[1], shape[0]};
                }
                for (String part : other.contains("qkv") ? new String[] {"query", "key", "value"} : new String[] {""}) {
                    arrays.put(other.replace("qkv", part), HostArray.of(Tensor.ones(turned)));
                }
            });
        }
        return arrays;
    }

    @Test
    void everyPartOfTheCatalogsVisionTransformersHasFlaxsName() throws IOException {
        Path file = folder.resolve("flax.npz");
        for (String name : new String[] {"vit-s-16", "vit-s-16_simple"}) {
            try (Module network =
                    ModelCatalog.create(name, ModelSpec.of(3, 5).withWidth(12).withSide(32), 1)) {
                Npz.write(file, flax(network, 6), false);
                WeightsReport report = load(file, network, Fit.EXACT);
                assertEquals(network.stateDict().size(), report.matched().size(), report.toString());
                assertEquals(
                        1, network.stateDict().get("blocks.11.attn.qkv.weight").toFloats()[0]);
            }
        }
    }

    // ------------------------------------------------------------------------------------------------------- export

    @Test
    void whatIsSavedHasEverythingThatPyTorchAsksFor() throws IOException {
        Path file = folder.resolve("out.safetensors");
        try (Module saved = narrow("resnet18_imagenet", 5, 3);
                Module network = narrow("resnet18_imagenet", 5, 4)) {
            PretrainedWeights.save(saved, file, Map.of("from", "here"));
            try (var written = Safetensors.open(file);
                    var _ = TensorScope.open()) {
                // As many as torchvision's resnet18 has.
                assertEquals(122, written.entries().size());
                assertEquals(Map.of("from", "here"), written.metadata());
                var counter = written.entries().get("layer2.0.downsample.1.num_batches_tracked");
                assertEquals(Safetensors.Type.I64, counter.type());
                assertArrayEquals(new long[0], counter.shape());
                assertArrayEquals(
                        new long[] {2, 3, 7, 7},
                        written.entries().get("conv1.weight").shape());
            }
            load(file, network, Fit.EXACT);
            assertEqualStates(saved, network);
        }
    }
}
