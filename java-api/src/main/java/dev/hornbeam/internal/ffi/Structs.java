package dev.hornbeam.internal.ffi;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.List;

/** The structs of {@code native/include/hornbeam.h}: a layout each, with the offset of every field. */
public final class Structs {
    /** Largest rank of a tensor. */
    public static final int MAX_RANK = 8;

    private Structs() {}

    /** Every layout, named as in the header. */
    public static List<StructLayout> all() {
        return List.of(
                OpInfo.LAYOUT,
                Memory.LAYOUT,
                ProfileRecord.LAYOUT,
                Stream.LAYOUT,
                Descriptor.LAYOUT,
                Noise.LAYOUT,
                Conv2d.LAYOUT,
                Pool2d.LAYOUT,
                BatchNorm.LAYOUT,
                Sgd.LAYOUT,
                Adam.LAYOUT,
                Ascent.LAYOUT,
                Disk.LAYOUT,
                Drops.LAYOUT);
    }

    private static long offset(StructLayout layout, String field) {
        return layout.byteOffset(groupElement(field));
    }

    /** {@code hb_op_info}. */
    public static final class OpInfo {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        ADDRESS.withName("name"), ADDRESS.withName("family"), ADDRESS.withName("gradient"))
                .withName("hb_op_info");
        public static final long NAME = offset(LAYOUT, "name");
        public static final long FAMILY = offset(LAYOUT, "family");
        public static final long GRADIENT = offset(LAYOUT, "gradient");

        private OpInfo() {}
    }

    /** {@code hb_memory}. */
    public static final class Memory {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_LONG.withName("in_use"),
                        JAVA_LONG.withName("peak"),
                        JAVA_LONG.withName("reserved"),
                        JAVA_LONG.withName("limit"),
                        JAVA_LONG.withName("allocations"),
                        JAVA_LONG.withName("system_calls"),
                        JAVA_LONG.withName("live_tensors"),
                        JAVA_LONG.withName("live_storages"))
                .withName("hb_memory");
        public static final long IN_USE = offset(LAYOUT, "in_use");
        public static final long PEAK = offset(LAYOUT, "peak");
        public static final long RESERVED = offset(LAYOUT, "reserved");
        public static final long LIMIT = offset(LAYOUT, "limit");
        public static final long ALLOCATIONS = offset(LAYOUT, "allocations");
        public static final long SYSTEM_CALLS = offset(LAYOUT, "system_calls");
        public static final long LIVE_TENSORS = offset(LAYOUT, "live_tensors");
        public static final long LIVE_STORAGES = offset(LAYOUT, "live_storages");

        private Memory() {}
    }

    /** {@code hb_profile_record}. */
    public static final class ProfileRecord {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_LONG.withName("start"),
                        JAVA_LONG.withName("duration"),
                        JAVA_LONG.withName("bytes_read"),
                        JAVA_LONG.withName("bytes_written"),
                        JAVA_DOUBLE.withName("operations"),
                        JAVA_DOUBLE.withName("estimate"),
                        ADDRESS.withName("algorithm"),
                        JAVA_INT.withName("op"),
                        JAVA_INT.withName("part_of"),
                        JAVA_INT.withName("thread"),
                        JAVA_INT.withName("dtype"),
                        JAVA_INT.withName("stride_h"),
                        JAVA_INT.withName("stride_w"),
                        JAVA_INT.withName("groups"),
                        JAVA_INT.withName("rank"),
                        JAVA_INT.withName("other_rank"),
                        JAVA_INT.withName("reserved"),
                        MemoryLayout.sequenceLayout(MAX_RANK, JAVA_LONG).withName("shape"),
                        MemoryLayout.sequenceLayout(MAX_RANK, JAVA_LONG).withName("other_shape"))
                .withName("hb_profile_record");
        public static final long START = offset(LAYOUT, "start");
        public static final long DURATION = offset(LAYOUT, "duration");
        public static final long BYTES_READ = offset(LAYOUT, "bytes_read");
        public static final long BYTES_WRITTEN = offset(LAYOUT, "bytes_written");
        public static final long OPERATIONS = offset(LAYOUT, "operations");
        public static final long ESTIMATE = offset(LAYOUT, "estimate");
        public static final long ALGORITHM = offset(LAYOUT, "algorithm");
        public static final long OP = offset(LAYOUT, "op");
        public static final long PART_OF = offset(LAYOUT, "part_of");
        public static final long THREAD = offset(LAYOUT, "thread");
        public static final long DTYPE = offset(LAYOUT, "dtype");
        public static final long STRIDE_H = offset(LAYOUT, "stride_h");
        public static final long STRIDE_W = offset(LAYOUT, "stride_w");
        public static final long GROUPS = offset(LAYOUT, "groups");
        public static final long RANK = offset(LAYOUT, "rank");
        public static final long OTHER_RANK = offset(LAYOUT, "other_rank");
        public static final long RESERVED = offset(LAYOUT, "reserved");
        public static final long SHAPE = offset(LAYOUT, "shape");
        public static final long OTHER_SHAPE = offset(LAYOUT, "other_shape");

        private ProfileRecord() {}
    }

    /** {@code hb_stream}. */
    public static final class Stream {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_LONG.withName("seed"),
                        JAVA_INT.withName("purpose"),
                        JAVA_INT.withName("tensor"),
                        JAVA_INT.withName("step"),
                        JAVA_INT.withName("stream"))
                .withName("hb_stream");
        public static final long SEED = offset(LAYOUT, "seed");
        public static final long PURPOSE = offset(LAYOUT, "purpose");
        public static final long TENSOR = offset(LAYOUT, "tensor");
        public static final long STEP = offset(LAYOUT, "step");
        public static final long STREAM = offset(LAYOUT, "stream");

        private Stream() {}

        /** Fills {@code at} and returns it. */
        public static MemorySegment fill(MemorySegment at, long seed, int purpose, int tensor, int step, int stream) {
            at.set(JAVA_LONG, SEED, seed);
            at.set(JAVA_INT, PURPOSE, purpose);
            at.set(JAVA_INT, TENSOR, tensor);
            at.set(JAVA_INT, STEP, step);
            at.set(JAVA_INT, STREAM, stream);
            return at;
        }
    }

    /** {@code hb_descriptor}. */
    public static final class Descriptor {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_INT.withName("device"),
                        JAVA_INT.withName("dtype"),
                        JAVA_INT.withName("rank"),
                        JAVA_INT.withName("dense"),
                        JAVA_LONG.withName("elements"),
                        MemoryLayout.sequenceLayout(MAX_RANK, JAVA_LONG).withName("shape"),
                        MemoryLayout.sequenceLayout(MAX_RANK, JAVA_LONG).withName("strides"),
                        JAVA_LONG.withName("storage"))
                .withName("hb_descriptor");
        public static final long DEVICE = offset(LAYOUT, "device");
        public static final long DTYPE = offset(LAYOUT, "dtype");
        public static final long RANK = offset(LAYOUT, "rank");
        public static final long DENSE = offset(LAYOUT, "dense");
        public static final long ELEMENTS = offset(LAYOUT, "elements");
        public static final long SHAPE = offset(LAYOUT, "shape");
        public static final long STRIDES = offset(LAYOUT, "strides");
        public static final long STORAGE = offset(LAYOUT, "storage");

        private Descriptor() {}
    }

    /** {@code hb_noise}. */
    public static final class Noise {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_INT.withName("kind"),
                        JAVA_INT.withName("gradient"),
                        JAVA_INT.withName("sub_batches"),
                        JAVA_FLOAT.withName("sigma"),
                        JAVA_LONG.withName("seed"),
                        JAVA_INT.withName("tensor"),
                        JAVA_INT.withName("step"),
                        JAVA_INT.withName("first_stream"),
                        JAVA_INT.withName("reserved"))
                .withName("hb_noise");
        public static final long KIND = offset(LAYOUT, "kind");
        public static final long GRADIENT = offset(LAYOUT, "gradient");
        public static final long SUB_BATCHES = offset(LAYOUT, "sub_batches");
        public static final long SIGMA = offset(LAYOUT, "sigma");
        public static final long SEED = offset(LAYOUT, "seed");
        public static final long TENSOR = offset(LAYOUT, "tensor");
        public static final long STEP = offset(LAYOUT, "step");
        public static final long FIRST_STREAM = offset(LAYOUT, "first_stream");
        public static final long RESERVED = offset(LAYOUT, "reserved");

        private Noise() {}
    }

    /** {@code hb_conv2d_params}. */
    public static final class Conv2d {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_INT.withName("stride_h"),
                        JAVA_INT.withName("stride_w"),
                        JAVA_INT.withName("pad_h"),
                        JAVA_INT.withName("pad_w"),
                        JAVA_INT.withName("dilation_h"),
                        JAVA_INT.withName("dilation_w"),
                        JAVA_INT.withName("groups"))
                .withName("hb_conv2d_params");
        public static final long STRIDE_H = offset(LAYOUT, "stride_h");
        public static final long STRIDE_W = offset(LAYOUT, "stride_w");
        public static final long PAD_H = offset(LAYOUT, "pad_h");
        public static final long PAD_W = offset(LAYOUT, "pad_w");
        public static final long DILATION_H = offset(LAYOUT, "dilation_h");
        public static final long DILATION_W = offset(LAYOUT, "dilation_w");
        public static final long GROUPS = offset(LAYOUT, "groups");

        private Conv2d() {}
    }

    /** {@code hb_pool2d_params}. */
    public static final class Pool2d {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_INT.withName("kernel_h"),
                        JAVA_INT.withName("kernel_w"),
                        JAVA_INT.withName("stride_h"),
                        JAVA_INT.withName("stride_w"),
                        JAVA_INT.withName("pad_h"),
                        JAVA_INT.withName("pad_w"),
                        JAVA_INT.withName("count_padding"))
                .withName("hb_pool2d_params");
        public static final long KERNEL_H = offset(LAYOUT, "kernel_h");
        public static final long KERNEL_W = offset(LAYOUT, "kernel_w");
        public static final long STRIDE_H = offset(LAYOUT, "stride_h");
        public static final long STRIDE_W = offset(LAYOUT, "stride_w");
        public static final long PAD_H = offset(LAYOUT, "pad_h");
        public static final long PAD_W = offset(LAYOUT, "pad_w");
        public static final long COUNT_PADDING = offset(LAYOUT, "count_padding");

        private Pool2d() {}
    }

    /** {@code hb_batch_norm_params}. */
    public static final class BatchNorm {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_INT.withName("training"),
                        JAVA_INT.withName("update_running"),
                        JAVA_INT.withName("statistics_groups"),
                        JAVA_INT.withName("activation"),
                        JAVA_FLOAT.withName("slope"),
                        JAVA_FLOAT.withName("momentum"),
                        JAVA_FLOAT.withName("epsilon"),
                        JAVA_INT.withName("reserved"))
                .withName("hb_batch_norm_params");
        public static final long TRAINING = offset(LAYOUT, "training");
        public static final long UPDATE_RUNNING = offset(LAYOUT, "update_running");
        public static final long STATISTICS_GROUPS = offset(LAYOUT, "statistics_groups");
        public static final long ACTIVATION = offset(LAYOUT, "activation");
        public static final long SLOPE = offset(LAYOUT, "slope");
        public static final long MOMENTUM = offset(LAYOUT, "momentum");
        public static final long EPSILON = offset(LAYOUT, "epsilon");
        public static final long RESERVED = offset(LAYOUT, "reserved");

        private BatchNorm() {}
    }

    /** {@code hb_sgd_params}. */
    public static final class Sgd {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_DOUBLE.withName("learning_rate"),
                        JAVA_DOUBLE.withName("momentum"),
                        JAVA_DOUBLE.withName("dampening"),
                        JAVA_DOUBLE.withName("weight_decay"),
                        JAVA_INT.withName("nesterov"),
                        JAVA_INT.withName("first_step"))
                .withName("hb_sgd_params");
        public static final long LEARNING_RATE = offset(LAYOUT, "learning_rate");
        public static final long MOMENTUM = offset(LAYOUT, "momentum");
        public static final long DAMPENING = offset(LAYOUT, "dampening");
        public static final long WEIGHT_DECAY = offset(LAYOUT, "weight_decay");
        public static final long NESTEROV = offset(LAYOUT, "nesterov");
        public static final long FIRST_STEP = offset(LAYOUT, "first_step");

        private Sgd() {}
    }

    /** {@code hb_adam_params}. */
    public static final class Adam {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_DOUBLE.withName("learning_rate"),
                        JAVA_DOUBLE.withName("beta1"),
                        JAVA_DOUBLE.withName("beta2"),
                        JAVA_DOUBLE.withName("epsilon"),
                        JAVA_DOUBLE.withName("weight_decay"),
                        JAVA_INT.withName("decoupled"),
                        JAVA_INT.withName("amsgrad"),
                        JAVA_LONG.withName("step"))
                .withName("hb_adam_params");
        public static final long LEARNING_RATE = offset(LAYOUT, "learning_rate");
        public static final long BETA1 = offset(LAYOUT, "beta1");
        public static final long BETA2 = offset(LAYOUT, "beta2");
        public static final long EPSILON = offset(LAYOUT, "epsilon");
        public static final long WEIGHT_DECAY = offset(LAYOUT, "weight_decay");
        public static final long DECOUPLED = offset(LAYOUT, "decoupled");
        public static final long AMSGRAD = offset(LAYOUT, "amsgrad");
        public static final long STEP = offset(LAYOUT, "step");

        private Adam() {}
    }

    /** {@code hb_ascent_params}. */
    public static final class Ascent {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_DOUBLE.withName("rho"),
                        JAVA_DOUBLE.withName("eta"),
                        JAVA_INT.withName("adaptive"),
                        JAVA_INT.withName("reserved"))
                .withName("hb_ascent_params");
        public static final long RHO = offset(LAYOUT, "rho");
        public static final long ETA = offset(LAYOUT, "eta");
        public static final long ADAPTIVE = offset(LAYOUT, "adaptive");
        public static final long RESERVED = offset(LAYOUT, "reserved");

        private Ascent() {}
    }

    /** {@code hb_disk}. */
    public static final class Disk {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_INT.withName("rows"),
                        JAVA_INT.withName("reach"),
                        JAVA_INT.withName("margin"),
                        JAVA_INT.withName("corrections"),
                        JAVA_FLOAT.withName("scale"),
                        JAVA_FLOAT.withName("bias"))
                .withName("hb_disk");
        public static final long ROWS = offset(LAYOUT, "rows");
        public static final long REACH = offset(LAYOUT, "reach");
        public static final long MARGIN = offset(LAYOUT, "margin");
        public static final long CORRECTIONS = offset(LAYOUT, "corrections");
        public static final long SCALE = offset(LAYOUT, "scale");
        public static final long BIAS = offset(LAYOUT, "bias");

        private Disk() {}
    }

    /** {@code hb_drops}. */
    public static final class Drops {
        public static final StructLayout LAYOUT = MemoryLayout.structLayout(
                        JAVA_FLOAT.withName("mean"),
                        JAVA_FLOAT.withName("deviation"),
                        JAVA_FLOAT.withName("threshold"),
                        JAVA_FLOAT.withName("alpha"),
                        JAVA_INT.withName("mud"),
                        JAVA_INT.withName("radius"),
                        JAVA_INT.withName("soft_radius"),
                        JAVA_INT.withName("reserved"))
                .withName("hb_drops");
        public static final long MEAN = offset(LAYOUT, "mean");
        public static final long DEVIATION = offset(LAYOUT, "deviation");
        public static final long THRESHOLD = offset(LAYOUT, "threshold");
        public static final long ALPHA = offset(LAYOUT, "alpha");
        public static final long MUD = offset(LAYOUT, "mud");
        public static final long RADIUS = offset(LAYOUT, "radius");
        public static final long SOFT_RADIUS = offset(LAYOUT, "soft_radius");
        public static final long RESERVED = offset(LAYOUT, "reserved");

        private Drops() {}
    }
}
