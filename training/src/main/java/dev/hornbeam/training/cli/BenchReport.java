package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.training.run.FixedBatchTraining;
import dev.hornbeam.training.run.Throughput;
import dev.hornbeam.training.run.Version;
import java.io.PrintWriter;
import java.util.Locale;

/** What {@code bench train} and {@code bench infer} say of what they measured, alike in both. */
record BenchReport(FixedBatchTraining.Task task, Device device, long parameters, boolean exact, Throughput result) {
    /** Task, engine, milliseconds, images a second and memory, in bytes. */
    ObjectNode json() {
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("engine", "hornbeam " + Version.CURRENT)
                .put("model", task.model())
                .put("parameters", parameters)
                .put("dtype", task.dtype().toString())
                .put("device", device.toString())
                .put("threads", Engine.threads())
                .put("tier", Engine.tier())
                .put("batch", task.batch())
                .put("side", task.side())
                .put("channels", task.channels())
                .put("classes", task.classes())
                .put("exact", exact)
                .put("steps", result.steps());
        root.putObject("step_ms")
                .put("median", result.medianMillis())
                .put("min", result.minMillis())
                .put("max", result.maxMillis());
        return root.put("images_per_second", result.imagesPerSecond(task.batch()))
                .put("memory_peak_bytes", result.peakBytes())
                .put("system_calls", result.systemCalls());
    }

    /**
     * The same in words.
     *
     * @param how as in "sgd" or "inference"
     * @param unit what was timed, as in "step"
     */
    void print(PrintWriter out, String how, String unit) {
        out.printf(
                Locale.ROOT,
                "%s, %s, %s, batches of %d images of %s, %d classes%n",
                task.model(),
                how,
                task.dtype(),
                task.batch(),
                BenchNetworkOptions.size(task),
                task.classes());
        out.printf(
                Locale.ROOT,
                "%-11s %.2f ms (median of %d; %.2f to %.2f)%n",
                unit,
                result.medianMillis(),
                result.steps(),
                result.minMillis(),
                result.maxMillis());
        out.printf(Locale.ROOT, "images/s    %.1f%n", result.imagesPerSecond(task.batch()));
        out.printf(
                Locale.ROOT,
                "memory      %.1f MiB at most, %d system calls while measuring%n",
                result.peakBytes() / 1048576.0,
                result.systemCalls());
        out.printf(
                Locale.ROOT,
                "engine      hornbeam %s, %s%n",
                Version.CURRENT,
                device.equals(Device.cpu())
                        ? "tier " + Engine.tier() + ", " + Engine.threads() + " threads"
                        : "device " + device);
    }
}
