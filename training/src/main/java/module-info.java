/** Data, noise, robust training methods, evaluation, and the command line program. */
module dev.hornbeam.training {
    requires transitive dev.hornbeam.models;
    requires transitive java.desktop;
    requires com.fasterxml.jackson.databind;
    requires com.fasterxml.jackson.dataformat.csv;
    requires com.fasterxml.jackson.dataformat.yaml;
    requires com.google.protobuf;
    requires com.twelvemonkeys.imageio.core;
    requires com.twelvemonkeys.imageio.jpeg;
    requires com.twelvemonkeys.imageio.metadata;
    requires com.twelvemonkeys.imageio.webp;
    requires info.picocli;
    requires java.net.http;
    requires me.tongfei.progressbar;
    requires org.apache.commons.compress;
    requires org.apache.commons.statistics.distribution;
    requires org.slf4j;
    requires us.hebi.matlab.mat.mfl.core;

    exports dev.hornbeam.training;
    exports dev.hornbeam.training.augmentation;
    exports dev.hornbeam.training.corruption;
    exports dev.hornbeam.training.corruption.build;
    exports dev.hornbeam.training.data;
    exports dev.hornbeam.training.evaluation;
    exports dev.hornbeam.training.image;
    exports dev.hornbeam.training.method;
    exports dev.hornbeam.training.noise;
    exports dev.hornbeam.training.prediction;
    exports dev.hornbeam.training.random;
    exports dev.hornbeam.training.run;
    exports dev.hornbeam.training.tensorboard;

    // Options are set by reflection.
    opens dev.hornbeam.training.cli to
            info.picocli;
}
