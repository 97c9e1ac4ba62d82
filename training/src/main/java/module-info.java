/** Data, noise, robust training methods, evaluation, and the command line program. */
module dev.hornbeam.training {
    requires transitive dev.hornbeam.models;
    requires com.fasterxml.jackson.databind;
    requires com.fasterxml.jackson.dataformat.yaml;
    requires info.picocli;
    requires me.tongfei.progressbar;
    requires org.slf4j;
}
