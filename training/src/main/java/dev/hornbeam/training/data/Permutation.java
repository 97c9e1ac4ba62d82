package dev.hornbeam.training.data;

import dev.hornbeam.tensor.Philox;

/** Seeded shuffling: the same draw gives the same order everywhere. */
public final class Permutation {
    private Permutation() {}

    /** Returns the numbers 0..n-1 in an order given by {@code draw}. */
    public static int[] of(int n, Philox draw) {
        int[] order = new int[n];
        shuffle(order, draw);
        return order;
    }

    /** Fills {@code order} with 0..length-1 and shuffles it, so that an array can be used again. */
    static void shuffle(int[] order, Philox draw) {
        for (int i = 0; i < order.length; i++) {
            order[i] = i;
        }
        shuffleItems(order, draw);
    }

    /** Shuffles {@code items} in place: Fisher and Yates from the end, the swap of place i drawn from element i. */
    public static void shuffleItems(int[] items, Philox draw) {
        for (int i = items.length - 1; i > 0; i--) {
            int j = draw.below(i, i + 1);
            int item = items[i];
            items[i] = items[j];
            items[j] = item;
        }
    }
}
