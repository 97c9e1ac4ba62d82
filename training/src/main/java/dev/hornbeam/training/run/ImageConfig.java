package dev.hornbeam.training.run;

import java.util.Optional;

/** The size in which images reach the network. */
public record ImageConfig(
        @Setting(doc = "height and width in pixels; 0 is the data set's own", def = "0", range = "[0, 16384]")
        int size,

        @Setting(
                doc =
                        "stretch, or the shorter side's pixels before the centre is cut out; null is the data set's own proportion",
                def = "null")
        Optional<String> resize) {}
