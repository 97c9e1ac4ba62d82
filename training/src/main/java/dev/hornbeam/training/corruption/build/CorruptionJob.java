package dev.hornbeam.training.corruption.build;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.corruption.ConstantSet;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.Corruptions;
import dev.hornbeam.training.corruption.build.CorruptedSetFolder.Layout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is to be built: which images are corrupted how, and where the set goes.
 *
 * @param images the clean images
 * @param corruptions in the order of the chunks
 * @param severities in ascending order, each once
 * @param seed of the random draws
 * @param constants which published constants to use; empty to choose by each image's size
 * @param frostTextures folder of pictures that frost is made of; empty for those that are drawn
 * @param layout of the set; a folder of images becomes {@link Layout#IMAGENET_C}, a data set one of the others
 * @param encoding of image files
 * @param output folder of the set
 */
public record CorruptionJob(
        CleanImages.Location images,
        List<Corruption> corruptions,
        List<Integer> severities,
        long seed,
        Optional<ConstantSet> constants,
        Optional<Path> frostTextures,
        Layout layout,
        ImageEncoding encoding,
        Path output) {
    private static final JsonMapper JSON = new JsonMapper();

    /**
     * Checks that there is something to do and that the layout fits the images.
     *
     * @throws UserError if a list is empty, a severity out of range, or a folder is to become arrays
     */
    public CorruptionJob {
        frostTextures = frostTextures.map(folder -> folder.toAbsolutePath().normalize());
        corruptions = frostTextures.isPresent()
                ? Corruptions.withFrostTextures(corruptions, frostTextures.get())
                : List.copyOf(corruptions);
        severities = severities.stream().distinct().sorted().toList();
        if (corruptions.isEmpty() || severities.isEmpty()) {
            throw new UserError("no " + (corruptions.isEmpty() ? "corruption" : "severity") + " is named");
        }
        severities.forEach(Corruptions::checkSeverity);
        boolean files = layout == Layout.IMAGENET_C;
        if (files != images.folder().isPresent()) {
            throw new UserError(
                    files
                            ? "a data set is built as arrays; expected the layout cifar-c or mnist-c"
                            : "a folder of images is built as a folder of images; expected the layout imagenet-c");
        }
        output = output.toAbsolutePath().normalize();
    }

    /** Number of corrupted images of each clean one. */
    int versions() {
        return corruptions.size() * severities.size();
    }

    /** Where the work in progress is kept. */
    Path workFolder() {
        return output.resolve(".hornbeam-corrupt");
    }

    /**
     * What decides about the bytes of the set, as JSON: two builds of which this is the same may continue each other.
     * Where the images lie is not part of it, their fingerprint is.
     */
    ObjectNode identity(String version, String fingerprint) {
        ObjectNode json = what();
        json.put("version", version).put("fingerprint", fingerprint);
        // By what is in it, as the images.
        frostTextures.ifPresent(folder -> json.put(
                "frost_textures",
                CleanImages.open(CleanImages.Location.ofFolder(folder, 0, Fitting.NONE))
                        .fingerprint()));
        try {
            // As it will be read: the same number is another node before it was written than after.
            return (ObjectNode) JSON.readTree(json.toString());
        } catch (JsonProcessingException e) {
            throw new AssertionError("JSON just written is read", e);
        }
    }

    private ObjectNode what() {
        ObjectNode json = JSON.createObjectNode();
        json.put("layout", layout.label());
        ArrayNode names = json.putArray("corruptions");
        corruptions.forEach(corruption -> names.add(corruption.name()));
        ArrayNode numbers = json.putArray(BuildManifest.SEVERITIES);
        severities.forEach(numbers::add);
        json.put("seed", seed);
        json.put("constants", constants.map(ConstantSet::label).orElse("auto"));
        if (layout == Layout.IMAGENET_C) {
            json.put("encoding", encoding.toString());
            json.put("fitting", images.fitting().toString());
        }
        return json;
    }

    /** The whole job as JSON, for workers elsewhere. */
    String toJson() {
        ObjectNode json = what();
        json.set("images", images.toJson());
        frostTextures.ifPresent(folder -> json.put("frost_textures", folder.toString()));
        json.put("encoding", encoding.toString());
        json.put("output", output.toString());
        return json.toString();
    }

    static CorruptionJob fromJson(String text) {
        try {
            JsonNode json = JSON.readTree(text);
            List<Corruption> corruptions = new ArrayList<>();
            json.get("corruptions").forEach(name -> corruptions.add(Corruptions.named(name.textValue())));
            List<Integer> severities = new ArrayList<>();
            json.get(BuildManifest.SEVERITIES).forEach(number -> severities.add(number.intValue()));
            String constants = json.get("constants").textValue();
            return new CorruptionJob(
                    CleanImages.Location.fromJson((ObjectNode) json.get("images")),
                    corruptions,
                    severities,
                    json.get("seed").longValue(),
                    constants.equals("auto") ? Optional.empty() : Optional.of(ConstantSet.named(constants)),
                    json.has("frost_textures")
                            ? Optional.of(Path.of(json.get("frost_textures").textValue()))
                            : Optional.empty(),
                    Layout.named(json.get("layout").textValue()),
                    ImageEncoding.parse(json.get("encoding").textValue()),
                    Path.of(json.get("output").textValue()));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("no job: " + text, e);
        }
    }
}
