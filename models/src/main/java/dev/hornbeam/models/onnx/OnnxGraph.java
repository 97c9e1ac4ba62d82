package dev.hornbeam.models.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An ONNX graph while it is put together: nodes in order, weights and constants, and names that are all different. */
final class OnnxGraph {
    private final List<NodeProto.Builder> nodes = new ArrayList<>();
    private final Map<String, TensorProto> initializers = new LinkedHashMap<>();
    private final Map<String, String> constants = new HashMap<>();
    private final Set<String> names = new HashSet<>();
    private long bytes;

    /** A node under construction, already in the graph. */
    static final class Node {
        private final NodeProto.Builder proto;

        private Node(NodeProto.Builder proto) {
            this.proto = proto;
        }

        Node integer(String name, long value) {
            attribute(name, AttributeProto.AttributeType.INT).setI(value);
            return this;
        }

        Node integers(String name, long... values) {
            AttributeProto.Builder list = attribute(name, AttributeProto.AttributeType.INTS);
            Arrays.stream(values).forEach(list::addInts);
            return this;
        }

        Node number(String name, double value) {
            attribute(name, AttributeProto.AttributeType.FLOAT).setF((float) value);
            return this;
        }

        /** The name of its result. */
        String output() {
            return proto.getOutput(0);
        }

        private AttributeProto.Builder attribute(String name, AttributeProto.AttributeType type) {
            return proto.addAttributeBuilder().setName(name).setType(type);
        }
    }

    /** Adds a node with one result; {@code place} begins its name, null inputs at the end are left out. */
    Node node(String type, String place, String... inputs) {
        String name = unique(place.isEmpty() ? type : place + "/" + type);
        NodeProto.Builder proto = NodeProto.newBuilder().setOpType(type).setName(name);
        for (String input : inputs) {
            if (input != null) {
                proto.addInput(input);
            }
        }
        proto.addOutput(unique(name + "_output"));
        nodes.add(proto);
        return new Node(proto);
    }

    /** A name that nothing has yet, and nothing else gets. */
    String unique(String wanted) {
        String name = wanted;
        for (int i = 1; !names.add(name); i++) {
            name = wanted + "_" + i;
        }
        return name;
    }

    /** Keeps a name for something that will have exactly that. */
    void reserve(String name) {
        if (!names.add(name)) {
            throw new OnnxExportException("the name " + name + " is used twice; rename the module or parameter");
        }
    }

    boolean hasInitializer(String name) {
        return initializers.containsKey(name);
    }

    /** Adds f32 numbers under a reserved name. */
    void initializer(String name, float[] values, long... shape) {
        ByteBuffer data = room(values.length, Float.BYTES);
        data.asFloatBuffer().put(values);
        add(name, TensorProto.DataType.FLOAT, data, shape);
    }

    /** Adds i64 numbers under a reserved name. */
    void initializer(String name, long[] values, long... shape) {
        ByteBuffer data = room(values.length, Long.BYTES);
        data.asLongBuffer().put(values);
        add(name, TensorProto.DataType.INT64, data, shape);
    }

    /** Adds bytes 0..255 under a reserved name. */
    void initializer(String name, byte[] values, long... shape) {
        add(name, TensorProto.DataType.UINT8, ByteBuffer.wrap(values), shape);
    }

    /** The name of a vector of integers, such as a shape. */
    String integers(long... values) {
        return constants.computeIfAbsent(Arrays.toString(values), key -> {
            String name = unique("integers_" + constants.size());
            initializer(name, values, values.length);
            return name;
        });
    }

    /** The name of a scalar integer. */
    String integer(long value) {
        return constants.computeIfAbsent("integer " + value, key -> {
            String name = unique("integer_" + value);
            initializer(name, new long[] {value});
            return name;
        });
    }

    /** The name of a scalar f32. */
    String number(double value) {
        return constants.computeIfAbsent("number " + (float) value, key -> {
            String name = unique("number_" + constants.size());
            initializer(name, new float[] {(float) value});
            return name;
        });
    }

    private static ByteBuffer room(int count, int size) {
        return ByteBuffer.allocate(Math.multiplyExact(count, size)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private void add(String name, TensorProto.DataType type, ByteBuffer data, long... shape) {
        bytes += data.capacity();
        // Protocol buffers count their bytes in an int.
        if (bytes > Integer.MAX_VALUE - (64L << 20)) {
            throw new OnnxExportException(
                    "the network's weights have more than 2 GB, which is the most that a single ONNX"
                            + " file can hold");
        }
        ByteString content = UnsafeByteOperations.unsafeWrap(data.clear());
        TensorProto.Builder tensor = TensorProto.newBuilder()
                .setName(name)
                .setDataType(type.getNumber())
                .setRawData(content);
        Arrays.stream(shape).forEach(tensor::addDims);
        initializers.put(name, tensor.build());
    }

    /** Gives a node's result another name, wherever it is used. Returns whether some node makes it. */
    boolean rename(String from, String to) {
        boolean made = false;
        for (NodeProto.Builder node : nodes) {
            for (int i = 0; i < node.getOutputCount(); i++) {
                if (node.getOutput(i).equals(from)) {
                    node.setOutput(i, to);
                    made = true;
                }
            }
        }
        for (NodeProto.Builder node : nodes) {
            for (int i = 0; made && i < node.getInputCount(); i++) {
                if (node.getInput(i).equals(from)) {
                    node.setInput(i, to);
                }
            }
        }
        return made;
    }

    /** The finished graph. */
    GraphProto build(String name, ValueInfoProto input, ValueInfoProto output) {
        GraphProto.Builder graph =
                GraphProto.newBuilder().setName(name).addInput(input).addOutput(output);
        nodes.forEach(node -> graph.addNode(node.build()));
        graph.addAllInitializer(initializers.values());
        return graph.build();
    }

    /** The declaration of an f32 tensor whose first dimension is the batch. */
    static ValueInfoProto batchOf(String name, List<Long> sizes) {
        TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
        shape.addDimBuilder().setDimParam("batch");
        sizes.forEach(size -> shape.addDimBuilder().setDimValue(size));
        return ValueInfoProto.newBuilder()
                .setName(name)
                .setType(TypeProto.newBuilder()
                        .setTensorType(TypeProto.Tensor.newBuilder()
                                .setElemType(TensorProto.DataType.FLOAT.getNumber())
                                .setShape(shape)))
                .build();
    }
}
