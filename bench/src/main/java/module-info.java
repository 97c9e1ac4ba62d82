// JMH benchmarks of the Java side, and comparison programs. JMH reaches into its benchmarks by reflection: open to it.
open module dev.hornbeam.bench {
    requires com.fasterxml.jackson.databind;
    requires dev.hornbeam.training;
    requires jmh.core;
}
