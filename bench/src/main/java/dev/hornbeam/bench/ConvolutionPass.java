package dev.hornbeam.bench;

/** What a training step does with a convolution. */
enum ConvolutionPass {
    FORWARD("forward"),
    DATA("data gradient"),
    WEIGHT("weight gradient");

    private final String words;

    ConvolutionPass(String words) {
        this.words = words;
    }

    @Override
    public String toString() {
        return words;
    }
}
