package dev.hornbeam.models;

/** How a network normalises the results of its convolutions. */
public enum Normalisation {
    /** Batch norm (Ioffe and Szegedy 2015). */
    BATCH,
    /** Group norm with min(32, channels) groups (Wu and He 2018): samples do not see each other, as PRL-G needs it. */
    GROUP
}
