package dev.hornbeam.training.run;

import java.util.Optional;
import java.util.OptionalInt;

/** The network and its initial weights. */
public record ModelConfig(
        @Setting(doc = "network, as in resnet18 or smallcnn28")
        String name,

        @Setting(doc = "base width; null is the network's own", def = "null", range = "[1, 65536]")
        OptionalInt width,

        @Setting(doc = "outputs; null is the number of classes of the data", def = "null", range = "[1, 16777216]")
        OptionalInt classes,

        @Setting(doc = "start residual branches at zero through the scale of their last norm", def = "false")
        boolean zeroInitResidual,

        @Setting(doc = "start from the weights in this .safetensors file", def = "null")
        Optional<String> init) {}
