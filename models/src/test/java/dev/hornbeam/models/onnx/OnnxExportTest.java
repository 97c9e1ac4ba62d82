package dev.hornbeam.models.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.Attention;
import dev.hornbeam.autograd.ops.Pool2dOptions;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.AvgPool2d;
import dev.hornbeam.nn.BatchNorm2d;
import dev.hornbeam.nn.GroupNorm;
import dev.hornbeam.nn.Lambda;
import dev.hornbeam.nn.LayerNorm;
import dev.hornbeam.nn.Linear;
import dev.hornbeam.nn.MaxPool2d;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.nn.SelfAttention;
import dev.hornbeam.nn.Sequential;
import dev.hornbeam.nn.WeightLayout;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Exported files give, in ONNX Runtime, the logits that the network gives here. */
class OnnxExportTest {
    /** Of the largest logit: both sides sum in f32, in orders of their own. */
    private static final double TOLERANCE = 1e-4;

    @TempDir
    Path folder;

    static List<String> networks() {
        return ModelCatalog.names();
    }

    @ParameterizedTest
    @MethodSource("networks")
    void everyNetworkOfTheCatalogGivesTheSameLogits(String name) throws IOException, OrtException {
        ModelCatalog.Entry entry = ModelCatalog.find(name).orElseThrow();
        int side = Math.min(entry.side(), 64);
        ModelSpec spec = ModelSpec.of(entry.channels(), 7).withWidth(8).withSide(side);
        try (Module network = ModelCatalog.create(name, spec, 1)) {
            scramble(network);
            compare(network, side, side, entry.channels());
        }
    }

    // Fresh norms do nothing and fresh biases are zero: a mistake in them would not be seen.
    private static void scramble(Module network) {
        try (TensorScope _ = TensorScope.open()) {
            int number = 0;
            for (Map.Entry<String, Tensor> entry : network.stateDict().entrySet()) {
                Philox stream = new Philox(5, Philox.Purpose.TEST, number++, 0, 0);
                Tensor tensor = entry.getValue();
                Tensor noise = Tensor.randomUniform(-0.1, 0.1, stream, Device.cpu(), tensor.shape());
                tensor.copyFrom(tensor.detach().add(noise));
            }
        }
    }

    // ---------------------------------------------------------------------------------------------------- single ops

    /** Functions of images [n, 6, 5, 4], one or a few ops each; together they use every op that has an equivalent. */
    static Stream<Arguments> functions() {
        Map<String, UnaryOperator<Tensor>> all = new TreeMap<>();
        all.put(
                "unary",
                x -> x.abs()
                        .add(0.5)
                        .log()
                        .exp()
                        .sqrt()
                        .neg()
                        .square()
                        .rsqrt()
                        .reciprocal()
                        .sign()
                        .add(x));
        all.put(
                "activations",
                x -> x.leakyRelu(0.2).add(x.sigmoid()).add(x.tanh()).add(x.clamp(-0.3, 0.4)));
        all.put("gelu", x -> x.gelu().add(x.geluTanh().mul(2)));
        all.put("relu", Tensor::relu);
        all.put("scalars", x -> x.add(1).sub(0.25).mul(3).div(7).maximum(0.1).minimum(0.5));
        all.put("comparisons", x -> x.gt(0).where(x, x.mul(2)).add(x.le(0.1).cast(DType.F32)));
        all.put(
                "more comparisons",
                x -> x.lt(x.neg())
                        .cast(DType.F32)
                        .add(x.ge(0.2).cast(DType.F32))
                        .add(x.eq(x).cast(DType.F32))
                        .add(x.ne(x).cast(DType.F32)));
        all.put(
                "arithmetic",
                x -> x.add(x.mul(x)).sub(x.div(x.abs().add(1))).maximum(x.neg()).minimum(x));
        all.put(
                "vector of channels",
                x -> x.mul(Tensor.of(new float[] {1, 2, 3, 4})).add(Tensor.scalar(0.5)));
        all.put("row of pixels", x -> x.add(Tensor.of(new float[] {1, 2, 3, 4, 5}, 5, 1)));
        all.put("flattened", x -> x.flatten(1));
        all.put("flattened and shifted", x -> x.flatten(1).mul(2).relu().add(x.flatten(1)));
        all.put("flattened and indexed", x -> x.flatten(1).slice(1, 3, 40, 2));
        all.put("tokens", x -> x.reshape(-1, 30, 4).permute(0, 2, 1));
        all.put("tokens of all images", x -> x.reshape(-1, 4).reshape(-1, 6, 5, 4));
        all.put("permuted", x -> x.permute(0, 3, 1, 2).reshape(-1, 4, 30));
        all.put("permuted twice", x -> x.permute(0, 2, 3, 1).relu().permute(0, 3, 1, 2));
        all.put("transposed", x -> x.transpose(1, 2).add(1));
        all.put("sliced", x -> x.slice(1, 0, 6, 2).slice(2, 1, 5).slice(3, 2, 4));
        all.put("selected", x -> x.select(1, 2).select(1, 4));
        all.put("padded", x -> x.pad(new long[] {0, 1, 0, 2}, new long[] {0, 0, 1, 3}, 0.5));
        all.put("cut", x -> x.pad(new long[] {0, -1, 0, 0}, new long[] {0, -2, 1, 0}, 0));
        all.put("joined", x -> Tensor.concat(3, x, x.mul(2)).slice(3, 1, 7));
        all.put("joined tokens", x -> {
            Tensor tokens = x.reshape(x.size(0), 30, 4);
            Tensor first = Tensor.of(new float[] {1, 2, 3, 4}, 1, 1, 4).expand(x.size(0), 1, 4);
            return Tensor.concat(1, first, tokens);
        });
        all.put("repeated", x -> x.mean(true, 1, 2).expand(x.size(0), 6, 5, 4).add(x));
        all.put("sum", x -> x.sum(false, 1, 2));
        all.put("mean", x -> x.mean(false, 3));
        all.put("largest", x -> x.max(true, 3).add(x.min(false, 3).unsqueeze(3)));
        all.put("softmax", x -> x.softmax().add(x.logSoftmax()));
        all.put("softmax of a matrix", x -> x.flatten(1).softmax());
        all.put("matmul", x -> x.matmul(Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 4, 2)));
        all.put("matmul transposed", x -> {
            Tensor tokens = x.reshape(x.size(0), 30, 4);
            return tokens.matmul(tokens, false, true).matmul(tokens).matmul(tokens, true, false);
        });
        all.put(
                "rows",
                x -> x.permute(3, 0, 1, 2)
                        .gatherRows(Tensor.of(new long[] {2, 0, 2}))
                        .permute(1, 0, 2, 3));
        all.put("detached", x -> x.mul(2).detach().dense().copy());
        return all.entrySet().stream().map(e -> Arguments.of(e.getKey(), e.getValue()));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("functions")
    void functionsOfImagesGiveTheSame(String name, UnaryOperator<Tensor> function) throws IOException, OrtException {
        compare(new Lambda(function), 6, 5, 4);
    }

    @Test
    void layersOfTokensGiveTheSame() throws IOException, OrtException {
        try (Module network = new Sequential(
                new Lambda(x -> x.reshape(x.size(0), 30, 4)),
                new LayerNorm(4),
                new SelfAttention(4, 2),
                new Lambda(x -> Attention.attention(x.matmul(Tensor.ones(4, 12)).mul(0.1), 2, 0.3)),
                new Linear(4, 6),
                Lambda.gelu(),
                new Linear(6, 3, false, WeightLayout.SAME))) {
            scramble(network);
            compare(network, 6, 5, 4);
        }
    }

    @Test
    void otherPoolingAndNormsGiveTheSame() throws IOException, OrtException {
        var window = new Pool2dOptions(3, 2, 2, 1, 1, 1, false);
        try (Module network = new Sequential(
                new GroupNorm(2, 4),
                new AvgPool2d(window),
                new AvgPool2d(3, 1, 1),
                new MaxPool2d(2, 1, 1),
                new BatchNorm2d(4))) {
            scramble(network);
            compare(network, 6, 5, 4);
        }
    }

    @Test
    void positionsOfAnotherGridAreInterpolatedInTheGraph() throws IOException, OrtException {
        ModelSpec spec = ModelSpec.of(3, 7).withWidth(8).withSide(64);
        try (Module network = ModelCatalog.create("vit-s-16", spec, 1)) {
            scramble(network);
            ModelProto model = compare(network, 96, 48, 3);
            assertTrue(
                    names(model).containsAll(network.stateDict().keySet()),
                    () -> names(model).toString());
        }
    }

    @Test
    void aPositionEmbeddingIsAnInitializer() throws IOException, OrtException {
        try (Module network = new Positions()) {
            scramble(network);
            ModelProto model = compare(network, 6, 5, 4);
            assertEquals(List.of("positions"), names(model));
        }
    }

    private static final class Positions extends Module {
        private final Parameter positions = parameter("positions", Tensor.zeros(1, 30, 4), Parameter.Role.OTHER);

        @Override
        protected Tensor compute(Tensor x) {
            return x.reshape(x.size(0), 30, 4).add(positions.value());
        }
    }

    // ------------------------------------------------------------------------------------------------- the file

    @ParameterizedTest
    @ValueSource(strings = {"resnet20", "resnet18", "smallcnn_trades", "vgg16_bn"})
    void weightsAreThoseOfPyTorchAndNothingIsTransposed(String name) throws IOException, OrtException {
        ModelCatalog.Entry entry = ModelCatalog.find(name).orElseThrow();
        ModelSpec spec = entry.publishedSpec().withWidth(4);
        try (Module network = ModelCatalog.create(name, spec, 1)) {
            scramble(network);
            ModelProto model = compare(network, entry.side(), entry.side(), entry.channels());
            List<String> weights = names(model);
            assertTrue(weights.containsAll(network.stateDict().keySet()), () -> weights.toString());
            for (TensorProto tensor : model.getGraph().getInitializerList()) {
                Tensor own = network.stateDict().get(tensor.getName());
                if (own != null) {
                    try (TensorScope _ = TensorScope.open()) {
                        Tensor file =
                                network.fileLayouts().get(tensor.getName()).toFile(own.detach());
                        assertArrayEquals(
                                file.shape(),
                                tensor.getDimsList().stream().mapToLong(d -> d).toArray(),
                                tensor.getName());
                    }
                }
            }
            assertFalse(types(model).contains("Transpose"), () -> types(model).toString());
            assertEquals(17, model.getOpsetImport(0).getVersion());
        }
    }

    @Test
    void scalingIsInTheMetadataAndWhereAskedForInTheGraph() throws IOException, OrtException {
        List<Double> mean = List.of(0.5, 0.25);
        List<Double> std = List.of(0.125, 2.0);
        ModelSpec spec = ModelSpec.of(2, 3).withWidth(4);
        try (Module network = ModelCatalog.create("resnet20", spec, 1);
                TensorScope _ = TensorScope.open()) {
            Path file = folder.resolve("scaled.onnx");
            OnnxExport.write(
                    network,
                    new long[] {8, 8, 2},
                    file,
                    Optional.of(new OnnxExport.Scaling(mean, std, true)),
                    Map.of("classes", "a,b,c"));
            Tensor pixels =
                    Tensor.randomUniform(0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.cpu(), 2, 8, 8, 2);
            Tensor scaled = pixels.sub(Tensor.of(new float[] {0.5f, 0.25f})).div(Tensor.of(new float[] {0.125f, 2}));
            assertClose(forward(network, scaled), run(file, pixels));
            Map<String, String> facts = read(file).getMetadataPropsList().stream()
                    .collect(Collectors.toMap(StringStringEntryProto::getKey, StringStringEntryProto::getValue));
            assertEquals(
                    Map.of(
                            "image.mean",
                            "0.5,0.25",
                            "image.std",
                            "0.125,2.0",
                            "image.input",
                            "pixels in 0..1",
                            "classes",
                            "a,b,c"),
                    facts);
        }
    }

    // -------------------------------------------------------------------------------------------------- refusals

    @Test
    void anOpWithoutEquivalentIsNamedWithItsModule() {
        try (Module network = new Sequential(
                new Lambda(x -> x.flatten(1)),
                new Sequential(new Linear(12, 4), new Lambda(x -> x.topK(2).values())))) {
            OnnxExportException e = assertThrows(
                    OnnxExportException.class,
                    () -> OnnxExport.write(network, new long[] {2, 2, 3}, folder.resolve("a.onnx")));
            assertTrue(e.getMessage().contains("top_k of 1"), e.getMessage());
            assertFalse(Files.exists(folder.resolve("a.onnx")));
        }
    }

    @Test
    void aResultThatDependsOnThePlaceInTheBatchIsRefused() {
        Module network = new Lambda(x -> x.slice(0, 0, 1).add(x));
        OnnxExportException e = assertThrows(
                OnnxExportException.class,
                () -> OnnxExport.write(network, new long[] {2, 2, 3}, folder.resolve("a.onnx")));
        assertTrue(e.getMessage().contains("slice of") && e.getMessage().contains("batch"), e.getMessage());
    }

    @Test
    void anotherTypeThanF32IsRefused() {
        try (Module network = new Sequential(new Linear(3, 2))) {
            network.to(DType.F64);
            assertThrows(
                    RuntimeException.class, () -> OnnxExport.write(network, new long[] {3}, folder.resolve("a.onnx")));
        }
    }

    // --------------------------------------------------------------------------------------------------- helpers

    private ModelProto compare(Module network, int height, int width, int channels) throws IOException, OrtException {
        Path file = folder.resolve("net.onnx");
        OnnxExport.write(network, new long[] {height, width, channels}, file);
        try (TensorScope _ = TensorScope.open()) {
            for (int batch : new int[] {1, 3}) {
                Tensor x = Tensor.randomNormal(
                        0,
                        1,
                        new Philox(3, Philox.Purpose.TEST, batch, 0, 0),
                        Device.cpu(),
                        batch,
                        height,
                        width,
                        channels);
                assertClose(forward(network, x), run(file, x));
            }
        }
        return read(file);
    }

    private static float[] forward(Module network, Tensor x) {
        try (var _ = Autograd.noGrad()) {
            return network.forward(x).toFloats();
        }
    }

    private static float[] run(Path file, Tensor x) throws OrtException {
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        Tensor image = x.permute(0, 3, 1, 2).dense();
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            try (OrtSession session = environment.createSession(file.toString(), options);
                    OnnxTensor input =
                            OnnxTensor.createTensor(environment, FloatBuffer.wrap(image.toFloats()), image.shape());
                    OrtSession.Result result = session.run(Map.of(OnnxExport.INPUT, input))) {
                OnnxTensor logits = (OnnxTensor) result.get(OnnxExport.OUTPUT).orElseThrow();
                FloatBuffer numbers = logits.getFloatBuffer();
                float[] values = new float[numbers.remaining()];
                numbers.get(values);
                return values;
            }
        }
    }

    private static void assertClose(float[] expected, float[] actual) {
        assertEquals(expected.length, actual.length);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest > 0 && largest < Float.MAX_VALUE, "the largest logit is " + largest);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(
                    expected[i], actual[i], TOLERANCE * largest, "element " + i + " of " + Arrays.toString(expected));
        }
    }

    private static ModelProto read(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return ModelProto.parseFrom(in);
        }
    }

    private static List<String> names(ModelProto model) {
        return model.getGraph().getInitializerList().stream()
                .map(TensorProto::getName)
                .filter(name -> !name.startsWith("integer"))
                .toList();
    }

    private static List<String> types(ModelProto model) {
        return model.getGraph().getNodeList().stream().map(NodeProto::getOpType).toList();
    }
}
