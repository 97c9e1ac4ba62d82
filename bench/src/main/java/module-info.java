/** JMH benchmarks of the Java side, and comparison programs. */
module dev.hornbeam.bench {
    requires dev.hornbeam.training;
    requires jmh.core;
}
