package dev.hornbeam.models.weights;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Which tensor of a network a name in a file means, by the names that the programs of the field use.
 *
 * <p>A name that the network has itself means that tensor. For others there are rules: kuangliu's {@code shortcut} is
 * torchvision's {@code downsample}; the last layer is called fc, linear, head or classifier; vision transformers have
 * torchvision's names, or Flax's with their layouts (Google's {@code imagenet21k_ViT-B_16.npz} and its like).
 */
final class NameMapping {
    /** What programs wrap networks in; no network here has a part of such a name. */
    private static final Set<String> WRAPPERS =
            Set.of("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module");

    /** What the layer that gives the logits is called. */
    private static final List<String> HEADS =
            List.of("fc", "linear", "head", "classifier", "heads.head", "head.fc", "last_linear", "classify", "l_c1");

    private static final List<Rule> RULES = rules();

    private final Set<String> targets;
    private final String head;

    /**
     * For a network.
     *
     * @param targets names of its parameters and buffers
     * @param head path of its head
     */
    NameMapping(Set<String> targets, String head) {
        this.targets = targets;
        this.head = head;
    }

    /** A pattern of names in files, and what they mean. */
    private record Rule(Pattern name, String target, int part, int parts, Rearrangement how) {
        Destination apply(Matcher found) {
            return target == null
                    ? new Destination.Aside(
                            found.replaceFirst(parts == 0 ? "" : "the part $0, which the network does not have"))
                    : new Destination.Into(found.replaceFirst(target), part, parts, how);
        }
    }

    private static void rule(List<Rule> rules, String name, String target, Rearrangement how) {
        rules.add(new Rule(Pattern.compile(name), target, 0, 1, how));
    }

    private static List<Rule> rules() {
        List<Rule> rules = new ArrayList<>();
        // The number of steps behind running statistics, which they do not need; what a profiler left behind.
        rules.add(new Rule(Pattern.compile("(.*\\.)?(num_batches_tracked|total_ops|total_params)"), null, 0, 0, null));
        // A layer of Google's pretraining; a group of TRADES' network that nothing uses.
        rules.add(new Rule(Pattern.compile("pre_logits\\..*"), null, 0, 1, null));
        rules.add(new Rule(Pattern.compile("sub_block1\\..*"), null, 0, 1, null));
        rule(rules, "(.*)\\.shortcut\\.(.*)", "$1.downsample.$2", Rearrangement.NONE);
        rule(rules, "(.*)\\.downsample\\.(.*)", "$1.shortcut.$2", Rearrangement.NONE);

        // torchvision's vision transformers.
        rule(rules, "class_token", "cls_token", Rearrangement.NONE);
        rule(rules, "conv_proj\\.(weight|bias)", "patch_embed.proj.$1", Rearrangement.NONE);
        rule(rules, "encoder\\.pos_embedding", "pos_embed", Rearrangement.NONE);
        String layer = "encoder\\.layers\\.encoder_layer_(\\d+)\\.";
        rule(rules, layer + "ln_([12])\\.(weight|bias)", "blocks.$1.norm$2.$3", Rearrangement.NONE);
        rule(rules, layer + "self_attention\\.in_proj_(weight|bias)", "blocks.$1.attn.qkv.$2", Rearrangement.NONE);
        rule(rules, layer + "self_attention\\.out_proj\\.(weight|bias)", "blocks.$1.attn.proj.$2", Rearrangement.NONE);
        rule(rules, layer + "mlp\\.(?:0|linear_1)\\.(weight|bias)", "blocks.$1.mlp.fc1.$2", Rearrangement.NONE);
        rule(rules, layer + "mlp\\.(?:3|linear_2)\\.(weight|bias)", "blocks.$1.mlp.fc2.$2", Rearrangement.NONE);
        rule(rules, "encoder\\.ln\\.(weight|bias)", "norm.$1", Rearrangement.NONE);

        // Flax's vision transformers.
        rule(rules, "cls", "cls_token", Rearrangement.NONE);
        rule(rules, "embedding\\.kernel", "patch_embed.proj.weight", Rearrangement.CONVOLUTION);
        rule(rules, "embedding\\.bias", "patch_embed.proj.bias", Rearrangement.NONE);
        rule(rules, "Transformer\\.posembed_input\\.pos_embedding", "pos_embed", Rearrangement.NONE);
        rule(rules, "Transformer\\.encoder_norm\\.scale", "norm.weight", Rearrangement.NONE);
        rule(rules, "Transformer\\.encoder_norm\\.bias", "norm.bias", Rearrangement.NONE);
        String block = "Transformer\\.encoderblock_(\\d+)\\.";
        // Published files count the layers of a block together; newer ones count each kind by itself.
        rule(rules, block + "LayerNorm_0\\.scale", "blocks.$1.norm1.weight", Rearrangement.NONE);
        rule(rules, block + "LayerNorm_0\\.bias", "blocks.$1.norm1.bias", Rearrangement.NONE);
        rule(rules, block + "LayerNorm_[12]\\.scale", "blocks.$1.norm2.weight", Rearrangement.NONE);
        rule(rules, block + "LayerNorm_[12]\\.bias", "blocks.$1.norm2.bias", Rearrangement.NONE);
        String attention = block + "MultiHeadDotProductAttention_[01]\\.";
        List<String> thirds = List.of("query", "key", "value");
        for (String third : thirds) {
            int part = thirds.indexOf(third);
            rules.add(new Rule(
                    Pattern.compile(attention + third + "\\.kernel"),
                    "blocks.$1.attn.qkv.weight",
                    part,
                    3,
                    Rearrangement.INTO_HEADS));
            rules.add(new Rule(
                    Pattern.compile(attention + third + "\\.bias"),
                    "blocks.$1.attn.qkv.bias",
                    part,
                    3,
                    Rearrangement.HEADS_BIAS));
        }
        rule(rules, attention + "out\\.kernel", "blocks.$1.attn.proj.weight", Rearrangement.OUT_OF_HEADS);
        rule(rules, attention + "out\\.bias", "blocks.$1.attn.proj.bias", Rearrangement.NONE);
        String mlp = block + "MlpBlock_[03]\\.";
        rule(rules, mlp + "Dense_0\\.kernel", "blocks.$1.mlp.fc1.weight", Rearrangement.DENSE);
        rule(rules, mlp + "Dense_0\\.bias", "blocks.$1.mlp.fc1.bias", Rearrangement.NONE);
        rule(rules, mlp + "Dense_1\\.kernel", "blocks.$1.mlp.fc2.weight", Rearrangement.DENSE);
        rule(rules, mlp + "Dense_1\\.bias", "blocks.$1.mlp.fc2.bias", Rearrangement.NONE);
        return List.copyOf(rules);
    }

    /** A name in a file with dots between its parts and without what programs wrap networks in. */
    static String plain(String name) {
        String dotted = name.replace('/', '.');
        StringBuilder kept = new StringBuilder();
        for (String part : dotted.split("\\.", -1)) {
            if (!WRAPPERS.contains(part)) {
                kept.append(kept.isEmpty() ? "" : ".").append(part);
            }
        }
        return kept.toString();
    }

    /** Where a tensor of that plain name goes; empty when the network has nothing of the kind. */
    Optional<Destination> destination(String name) {
        if (targets.contains(name)) {
            return Optional.of(new Destination.Into(name, 0, 1, Rearrangement.NONE));
        }
        for (Rule rule : RULES) {
            Matcher matcher = rule.name.matcher(name);
            if (matcher.matches()) {
                Destination destination = rule.apply(matcher);
                if (!(destination instanceof Destination.Into into) || targets.contains(into.target())) {
                    return Optional.of(destination);
                }
            }
        }
        return headOf(name);
    }

    private Optional<Destination> headOf(String name) {
        for (String called : HEADS) {
            String weight = null;
            Rearrangement how = Rearrangement.NONE;
            if (name.equals(called + ".weight")) {
                weight = head + ".weight";
            } else if (name.equals(called + ".bias")) {
                weight = head + ".bias";
            } else if (name.equals(called + ".kernel")) {
                weight = head + ".weight";
                how = Rearrangement.DENSE;
            }
            if (weight != null && targets.contains(weight)) {
                return Optional.of(new Destination.Into(weight, 0, 1, how));
            }
        }
        return Optional.empty();
    }

    /** How many classes the head of some file has, if one of its tensors is called as heads are; 0 for another tensor. */
    static long classes(String name, long[] shape) {
        String plain = plain(name);
        if (shape.length != 2) {
            return 0;
        }
        for (String called : HEADS) {
            if (plain.equals(called + ".weight") || plain.endsWith("." + called + ".weight")) {
                return shape[0];
            }
            if (plain.equals(called + ".kernel") || plain.endsWith("." + called + ".kernel")) {
                return shape[1];
            }
        }
        return 0;
    }
}
