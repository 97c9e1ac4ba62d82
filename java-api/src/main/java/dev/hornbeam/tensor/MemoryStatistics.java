package dev.hornbeam.tensor;

/**
 * What the allocator of one device holds, at one moment.
 *
 * @param inUse bytes in live storages and scratch
 * @param peak largest {@code inUse} since the start or {@link Engine#resetPeak}
 * @param reserved bytes taken from the system
 * @param limit upper bound of {@code reserved}, 0 for none
 * @param allocations requests served since the start
 * @param systemCalls times that the system was asked for memory or given some back
 * @param liveTensors handles not yet released, on every device
 * @param liveStorages storages that some handle still uses
 */
public record MemoryStatistics(
        long inUse,
        long peak,
        long reserved,
        long limit,
        long allocations,
        long systemCalls,
        long liveTensors,
        long liveStorages) {}
