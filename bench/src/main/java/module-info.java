// JMH benchmarks of the Java side, and comparisons with other libraries. JMH and picocli reach into them by reflection:
// open.
open module dev.hornbeam.bench {
    requires ai.djl.api;
    requires com.fasterxml.jackson.databind;
    requires dev.hornbeam.training;
    requires info.picocli;
    requires java.management;
    requires jmh.core;
    requires org.bytedeco.dnnl;
    requires org.bytedeco.javacpp;
}
