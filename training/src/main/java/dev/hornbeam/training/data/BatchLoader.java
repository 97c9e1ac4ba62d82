package dev.hornbeam.training.data;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import java.util.Arrays;
import java.util.NoSuchElementException;

/**
 * Delivers the images of a set in batches, prepared ahead of time by worker threads.
 *
 * <p>Every epoch visits every image once, in an order drawn from Philox (seed, SHUFFLE, tensor 0, step = epoch), or in
 * the set's order. Batches come in the same order with the same content whatever the number of workers, and after
 * {@link #seek} to a saved {@link #position}. Memory is taken when the loader is opened and used again for every
 * batch.
 *
 * <p>One thread calls {@link #next}. A loader must be closed; that ends its threads.
 *
 * <pre>{@code
 * try (BatchLoader loader = BatchLoader.of(train, augmentation).batchSize(128).shuffle(seed).workers(2).open()) {
 *     for (int step = 0; step < epochs * loader.batchesPerEpoch(); step++) {
 *         Batch batch = loader.next();
 *     }
 * }
 * }</pre>
 */
public final class BatchLoader implements AutoCloseable {
    /**
     * The next batch to be delivered.
     *
     * @param epoch pass over the data, from 0
     * @param batch place in the epoch, from 0
     */
    public record Position(int epoch, int batch) {}

    /** The settings of a loader before it is opened. */
    public static final class Builder {
        private final ImageSet set;
        private final Preparation preparation;
        private int batchSize = 128;
        private boolean shuffled;
        private long seed;
        private boolean dropLast;
        private int workers = 1;
        private int prefetch = 4;
        private int epochs = Integer.MAX_VALUE;
        private BatchMixing mixing;

        private Builder(ImageSet set, Preparation preparation) {
            this.set = set;
            this.preparation = preparation;
        }

        /** Sets the images per batch; 128 if not called. */
        public Builder batchSize(int images) {
            batchSize = images;
            return this;
        }

        /** Draws a new order for every epoch from {@code newSeed}; without it the set's order is kept. */
        public Builder shuffle(long newSeed) {
            shuffled = true;
            seed = newSeed;
            return this;
        }

        /** Leaves out what is too little for a full batch at the end of an epoch. */
        public Builder dropLast() {
            dropLast = true;
            return this;
        }

        /** Sets the threads that prepare batches; 0 prepares each one in {@link BatchLoader#next}; 1 if not called. */
        public Builder workers(int threads) {
            workers = threads;
            return this;
        }

        /** Sets how many batches may be prepared ahead; 4 if not called. */
        public Builder prefetch(int batches) {
            prefetch = batches;
            return this;
        }

        /** Mixes the images of every batch with one another, after each is prepared. */
        public Builder mixing(BatchMixing newMixing) {
            mixing = newMixing;
            return this;
        }

        /** Ends after so many epochs; endless if not called. */
        public Builder epochs(int count) {
            epochs = count;
            return this;
        }

        /**
         * Opens the loader at the first batch of epoch 0.
         *
         * @throws UserError if the set is empty, a setting is out of range, or a full batch is wanted of fewer images
         */
        public BatchLoader open() {
            atLeast("batch size", batchSize, 1);
            atLeast("number of loader workers", workers, 0);
            atLeast("number of batches loaded ahead", prefetch, 1);
            atLeast("number of epochs", epochs, 1);
            if (set.size() == 0) {
                throw new UserError(set.name() + ": no images to load");
            }
            if (dropLast && set.size() < batchSize) {
                throw new UserError(set.name() + ": " + set.size() + " images are too few for one full batch of "
                        + batchSize + "; choose a smaller batch");
            }
            if (mixing != null && set.targets().isPresent()) {
                throw new UserError(set.name() + ": images with regression targets are not mixed; only classes can be");
            }
            return new BatchLoader(this);
        }

        private static void atLeast(String what, int value, int least) {
            if (value < least) {
                throw new UserError(what + " is " + value + "; expected at least " + least);
            }
        }
    }

    /** A batch and how far it is: its arrays are written by one worker and then read by the caller. */
    private static final class Slot {
        private final Batch batch;
        private boolean ready;
        private Throwable failure;

        Slot(Batch batch) {
            this.batch = batch;
        }
    }

    private final ImageSet set;
    private final Preparation preparation;
    private final BatchMixing mixing;
    private final int batchSize;
    private final boolean shuffled;
    private final long seed;
    private final int batchesPerEpoch;
    private final long end;
    private final Thread[] workers;
    private final byte[] callersScratch;

    // Batches are numbered through all epochs. Everything below is guarded by this object's monitor.
    private final Slot[] slots;
    // The order of epoch e is in orders[e % length]; there is one for every epoch that may be in work at once.
    private final int[][] orders;
    private final int[] orderEpochs;
    private long nextToDeliver;
    private long nextToPrepare;
    // Slots of batches before this number may be filled again.
    private long released;
    private int inWork;
    private boolean seeking;
    private boolean closed;

    private BatchLoader(Builder settings) {
        set = settings.set;
        preparation = settings.preparation;
        mixing = settings.mixing;
        shuffled = settings.shuffled;
        seed = settings.seed;
        batchSize = Math.min(settings.batchSize, set.size());
        batchesPerEpoch = settings.dropLast ? set.size() / batchSize : (set.size() + batchSize - 1) / batchSize;
        end = (long) settings.epochs * batchesPerEpoch;
        // One more than is prepared ahead: the caller holds one.
        slots = new Slot[settings.workers == 0 ? 1 : Math.max(settings.prefetch, settings.workers) + 1];
        Arrays.setAll(slots, i -> new Slot(new Batch(set, batchSize, mixing == null ? 0 : mixing.classes())));
        orders = new int[shuffled ? slots.length / batchesPerEpoch + 2 : 1][set.size()];
        orderEpochs = new int[orders.length];
        Arrays.fill(orderEpochs, -1);
        callersScratch = new byte[set.imageLength()];
        workers = new Thread[settings.workers];
        for (int i = 0; i < workers.length; i++) {
            workers[i] =
                    Thread.ofPlatform().name("hornbeam-loader-" + i).daemon().start(this::work);
        }
    }

    /** Begins the settings of a loader of {@code set}, whose images {@code preparation} turns into numbers. */
    public static Builder of(ImageSet set, Preparation preparation) {
        return new Builder(set, preparation);
    }

    /** Returns the number of batches in every epoch. */
    public int batchesPerEpoch() {
        return batchesPerEpoch;
    }

    /** Returns the set that is loaded. */
    public ImageSet set() {
        return set;
    }

    /** Tells whether there is another batch; false only after the last of a limited number of epochs. */
    public synchronized boolean hasNext() {
        return nextToDeliver < end;
    }

    /** Returns which batch {@link #next} delivers next; save it to go on there with {@link #seek}. */
    public synchronized Position position() {
        return new Position((int) (nextToDeliver / batchesPerEpoch), (int) (nextToDeliver % batchesPerEpoch));
    }

    /**
     * Makes {@code position} the next batch to be delivered.
     *
     * @throws UserError if it is not one of this loader's batches, as when a run goes on with another batch size
     */
    public synchronized void seek(Position position) {
        if (position.epoch() < 0 || position.batch() < 0 || position.batch() >= batchesPerEpoch) {
            throw new UserError("cannot go on at batch " + position.batch() + " of epoch " + position.epoch()
                    + ": an epoch has " + batchesPerEpoch + " batches here. Was the run saved with another batch size"
                    + " or another data set?");
        }
        checkOpen();
        seeking = true;
        try {
            while (inWork > 0) {
                await();
            }
            nextToDeliver = (long) position.epoch() * batchesPerEpoch + position.batch();
            nextToPrepare = nextToDeliver;
            released = nextToDeliver;
            for (Slot slot : slots) {
                slot.ready = false;
                slot.failure = null;
            }
        } finally {
            seeking = false;
            notifyAll();
        }
    }

    /**
     * Returns the next batch, waiting for it if need be. The batch returned before is no longer valid.
     *
     * @throws NoSuchElementException after the last epoch
     * @throws IllegalStateException if the loader is closed, the thread is interrupted, or an image could not be
     *     prepared (then with the cause); a {@link UserError} from a preparation is thrown as it is
     */
    public Batch next() {
        if (workers.length == 0) {
            return prepareNext();
        }
        synchronized (this) {
            checkOpen();
            if (nextToDeliver >= end) {
                throw new NoSuchElementException("all epochs have been delivered");
            }
            released = nextToDeliver;
            notifyAll();
            Slot slot = slots[slotOf(nextToDeliver)];
            while (!slot.ready) {
                await();
                checkOpen();
            }
            if (slot.failure != null) {
                throw failure(slot.batch, slot.failure);
            }
            slot.ready = false;
            nextToDeliver++;
            return slot.batch;
        }
    }

    private Batch prepareNext() {
        checkOpen();
        if (!hasNext()) {
            throw new NoSuchElementException("all epochs have been delivered");
        }
        Batch batch = slots[0].batch;
        try {
            fill(batch, nextToDeliver, order(nextToDeliver), callersScratch);
        } catch (RuntimeException e) {
            throw failure(batch, e);
        }
        nextToDeliver++;
        return batch;
    }

    private static RuntimeException failure(Batch batch, Throwable cause) {
        return cause instanceof UserError error
                ? error
                : new IllegalStateException(
                        "preparing batch " + batch.index() + " of epoch " + batch.epoch() + " failed: " + cause, cause);
    }

    private int slotOf(long number) {
        return (int) (number % slots.length);
    }

    // Fills slot after slot until the loader is closed.
    private void work() {
        byte[] scratch = new byte[set.imageLength()];
        while (true) {
            long number;
            int[] order;
            synchronized (this) {
                while (!closed && (seeking || nextToPrepare >= Math.min(end, released + slots.length))) {
                    await();
                }
                if (closed) {
                    return;
                }
                number = nextToPrepare++;
                order = order(number);
                inWork++;
            }
            Slot slot = slots[slotOf(number)];
            Throwable failure = null;
            try {
                fill(slot.batch, number, order, scratch);
            } catch (Throwable e) {
                // Also errors such as OutOfMemoryError: a silent end of the worker would leave the caller waiting.
                failure = e;
            }
            synchronized (this) {
                slot.failure = failure;
                slot.ready = true;
                inWork--;
                notifyAll();
            }
        }
    }

    private int[] order(long number) {
        int epoch = (int) (number / batchesPerEpoch);
        if (!shuffled) {
            if (orderEpochs[0] < 0) {
                Arrays.setAll(orders[0], i -> i);
                orderEpochs[0] = 0;
            }
            return orders[0];
        }
        int place = epoch % orders.length;
        if (orderEpochs[place] != epoch) {
            shuffle(orders[place], new Philox(seed, Purpose.SHUFFLE, 0, epoch, 0));
            orderEpochs[place] = epoch;
        }
        return orders[place];
    }

    // The order that Philox.permutation gives, in an array that is there already.
    private static void shuffle(int[] order, Philox draw) {
        for (int i = 0; i < order.length; i++) {
            order[i] = i;
        }
        for (int i = order.length - 1; i > 0; i--) {
            int j = draw.below(i, i + 1);
            int moved = order[i];
            order[i] = order[j];
            order[j] = moved;
        }
    }

    private void fill(Batch batch, long number, int[] order, byte[] scratch) {
        int index = (int) (number % batchesPerEpoch);
        int first = index * batchSize;
        int size = Math.min(batchSize, set.size() - first);
        batch.begin((int) (number / batchesPerEpoch), index, size, index == batchesPerEpoch - 1);
        for (int i = 0; i < size; i++) {
            batch.fill(i, order[first + i], preparation, scratch);
        }
        if (mixing != null) {
            mixing.mix(batch);
        }
    }

    private synchronized void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the loader is closed");
        }
    }

    // Waits on this object's monitor, which the caller holds; the caller checks its condition again.
    @SuppressWarnings("WaitNotInLoop")
    private void await() {
        try {
            wait();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for a batch", e);
        }
    }

    /** Ends the worker threads and waits for them. A second call does nothing. */
    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        boolean interrupted = false;
        for (Thread worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
