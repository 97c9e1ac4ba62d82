package dev.hornbeam.training.run;

import java.util.Optional;
import java.util.OptionalDouble;
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

        @Setting(doc = "rate of every dropout layer; null is the published rates", def = "null", range = "[0, 1)")
        OptionalDouble dropRate,

        @Setting(
                doc = "stochastic depth: rate of the last residual branch of a transformer",
                def = "0",
                range = "[0, 1)")
        double dropPath,

        @Setting(
                doc =
                        "keep only the inputs of blocks for the backward pass, and compute the rest again: less memory, same bits",
                def = "false")
        boolean activationCheckpointing,

        @Setting(doc = "start from the weights in this file, of any format that is read", def = "null")
        Optional<String> init,

        @Setting(doc = "take what fits of model.init; otherwise all but the head must fit", def = "false")
        boolean initPartial) {}
