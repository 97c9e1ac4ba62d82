/** The networks of the five methods. */
module dev.hornbeam.models {
    requires transitive dev.hornbeam;
    requires com.google.protobuf;
    requires org.tribuo.util.onnx;

    exports dev.hornbeam.models;
    exports dev.hornbeam.models.inspect;
    exports dev.hornbeam.models.onnx;
    exports dev.hornbeam.models.weights;
}
