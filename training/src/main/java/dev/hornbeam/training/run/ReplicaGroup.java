package dev.hornbeam.training.run;

import dev.hornbeam.nn.Buffer;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.optim.AllReduce;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import dev.hornbeam.training.method.Stateful;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Phaser;
import java.util.function.IntFunction;

/**
 * The replicas of a network that share every step, each on a device of its own, and the threads that run them.
 *
 * <p>The first replica belongs to the calling thread. The others follow it: they take its weights and states when they
 * begin, and afterwards make the same steps with the same gradients, which keeps their bits equal to its own. A group of one
 * has no threads and exchanges nothing.
 */
final class ReplicaGroup implements AutoCloseable {

    /** What is left of a replica's work when another one has failed. */
    private static final class OtherReplicaFailed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private final List<TrainingLoop.Replica> replicas;
    private final List<ExecutorService> threads = new ArrayList<>();
    private final List<List<Tensor>> offered = new ArrayList<>();
    private final double[] weights;
    private final Phaser meeting;
    private volatile RuntimeException exchangeFailure;

    ReplicaGroup(List<TrainingLoop.Replica> replicas) {
        this.replicas = List.copyOf(replicas);
        this.weights = new double[replicas.size()];
        for (int r = 0; r < replicas.size(); r++) {
            offered.add(List.of());
            if (r > 0) {
                String name = "replica " + r + " on " + replicas.get(r).device();
                threads.add(Executors.newSingleThreadExecutor(task -> {
                    Thread thread = new Thread(task, name);
                    thread.setDaemon(true);
                    return thread;
                }));
            }
        }
        meeting = new Phaser(replicas.size()) {
            // The last to arrive sums for all, who wait.
            @Override
            protected boolean onAdvance(int phase, int registered) {
                try {
                    AllReduce.weighted(offered, weights);
                    return false;
                } catch (RuntimeException e) {
                    exchangeFailure = e;
                    return true;
                }
            }
        };
    }

    int size() {
        return replicas.size();
    }

    TrainingLoop.Replica get(int replica) {
        return replicas.get(replica);
    }

    /** The first of so many samples that falls to a replica; that of {@link #size()} is the number of samples. */
    int firstOf(int replica, int samples) {
        return (int) ((long) replica * samples / size());
    }

    /**
     * Calls {@code body} for every replica, on its thread, and waits for all.
     *
     * @return what it returned, in the replicas' order
     */
    <T> List<T> onEach(IntFunction<T> body) {
        List<Future<T>> others = new ArrayList<>();
        for (int r = 1; r < size(); r++) {
            int replica = r;
            others.add(threads.get(r - 1).submit(() -> call(body, replica)));
        }
        List<T> results = new ArrayList<>();
        RuntimeException failure = null;
        try {
            results.add(call(body, 0));
        } catch (RuntimeException e) {
            failure = e;
        }
        for (Future<T> other : others) {
            try {
                results.add(other.get());
            } catch (ExecutionException e) {
                failure = first(failure, e.getCause());
            } catch (InterruptedException e) {
                meeting.forceTermination();
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while waiting for a replica", e);
            }
        }
        if (failure != null) {
            throw failure;
        }
        return results;
    }

    private <T> T call(IntFunction<T> body, int replica) {
        try {
            return body.apply(replica);
        } catch (RuntimeException | Error e) {
            // The others must not wait for this one.
            meeting.forceTermination();
            throw e;
        }
    }

    // What went wrong, not that others gave up because of it.
    private static RuntimeException first(RuntimeException known, Throwable next) {
        if (next instanceof Error error) {
            throw error;
        }
        return known == null || known instanceof OtherReplicaFailed ? (RuntimeException) next : known;
    }

    /**
     * Makes tensors the sum of their fellows in all replicas, each times its replica's weight. Every replica must call it,
     * on its thread, with as many tensors.
     */
    void sum(int replica, List<Tensor> tensors, double weight) {
        offered.set(replica, tensors);
        weights[replica] = weight;
        if (meeting.arriveAndAwaitAdvance() < 0) {
            RuntimeException failure = exchangeFailure;
            throw failure != null ? failure : new OtherReplicaFailed();
        }
    }

    /** The gradients of a network, of those parameters that have one. */
    static List<Tensor> gradients(Module model) {
        return model.parameters().stream()
                .filter(Parameter::isTrainable)
                .map(Parameter::grad)
                .filter(gradient -> gradient != null)
                .toList();
    }

    /** The floating buffers of a network: running statistics. */
    static List<Tensor> statistics(Module model) {
        return model.namedBuffers().values().stream()
                .map(Buffer::value)
                .filter(value -> value.dtype().isFloating())
                .toList();
    }

    /** Gives the other replicas the weights, statistics and states of the first one. */
    void follow() {
        TrainingLoop.Replica first = get(0);
        for (TrainingLoop.Replica other : replicas.subList(1, size())) {
            try (TensorScope _ = TensorScope.open()) {
                Map<String, Parameter> parameters = other.model().namedParameters();
                first.model()
                        .namedParameters()
                        .forEach((name, parameter) ->
                                parameters.get(name).value().copyFrom(parameter.value()));
                Map<String, Buffer> buffers = other.model().namedBuffers();
                first.model()
                        .namedBuffers()
                        .forEach((name, buffer) -> buffers.get(name).value().copyFrom(buffer.value()));
                other.optimizer()
                        .loadState(first.optimizer().state(), first.optimizer().steps());
                List<Stateful> mine = other.method().axes();
                List<Stateful> theirs = first.method().axes();
                for (int i = 0; i < mine.size(); i++) {
                    Map<String, Tensor> state = theirs.get(i).state();
                    if (!state.isEmpty()) {
                        mine.get(i).load(state);
                    }
                }
            }
        }
    }

    /** Ends the threads; the replicas stay their owners'. */
    @Override
    public void close() {
        meeting.forceTermination();
        threads.forEach(ExecutorService::shutdown);
        offered.replaceAll(_ -> List.of());
        Arrays.fill(weights, 0);
    }
}
