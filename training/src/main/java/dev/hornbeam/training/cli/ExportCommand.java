package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.hornbeam.models.onnx.OnnxExport;
import dev.hornbeam.models.onnx.OnnxExportException;
import dev.hornbeam.nn.Module;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.Normalization;
import dev.hornbeam.training.image.Preprocessing;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hornbeam export}: a trained network as an ONNX file. */
@Command(
        name = "export",
        description = {
            "Writes a trained network as an ONNX file (opset 17), for inference by other programs.",
            "Input \"input\": float32 [batch, channels, height, width], any batch size. Output \"logits\": float32"
                    + " [batch, classes].",
            "The file's metadata say how images are to be prepared: image.preparation, image.mean, image.std."
        })
final class ExportCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Mixin
    private WeightsOptions weights;

    @Mixin
    private PreprocessingOptions preparation;

    @Option(names = "--output", required = true, paramLabel = "NET.onnx", description = "Where the file goes.")
    private Path output;

    @Option(
            names = "--with-normalisation",
            description = "Let the graph scale the pixels itself: its input is then pixels in 0..1.")
    private boolean inGraph;

    @Override
    public Integer call() {
        Preprocessing images = preparation.preprocessing(weights);
        Normalization pixels = preparation.normalization(weights, images);
        PrintWriter err = spec.commandLine().getErr();
        preparation.assumptions(weights, images, pixels).ifPresent(err::println);
        WeightsOptions.Loaded loaded = weights.load(images.channels(), preparation.side(images));
        String name = weights.requiredModelName();
        try (Module network = loaded.network()) {
            OnnxExport.write(
                    network,
                    new long[] {images.height(), images.width(), images.channels()},
                    output,
                    Optional.of(new OnnxExport.Scaling(pixels.mean(), pixels.std(), inGraph)),
                    metadata(name, images, loaded.checkpoint()));
            spec.commandLine()
                    .getOut()
                    .println(output + ": " + name + " for images [batch, " + images.channels() + ", " + images.height()
                            + ", " + images.width() + "], " + Files.size(output) + " bytes");
        } catch (OnnxExportException e) {
            throw new UserError(e.getMessage(), e);
        } catch (IllegalArgumentException e) {
            throw new UserError(
                    name + " cannot read images of " + images.height() + "x" + images.width() + "x" + images.channels()
                            + ": " + e.getMessage(),
                    e);
        } catch (IOException e) {
            throw UserError.cannotWrite(output, e);
        }
        return 0;
    }

    private static Map<String, String> metadata(String name, Preprocessing images, Optional<Checkpoint> checkpoint) {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("hornbeam", Version.CURRENT);
        facts.put("model", name);
        facts.put("image.preparation", images.toString());
        checkpoint.map(Checkpoint::classNames).filter(names -> !names.isEmpty()).ifPresent(names -> {
            ArrayNode array = new JsonMapper().createArrayNode();
            names.forEach(array::add);
            facts.put("classes", array.toString());
        });
        return facts;
    }
}
