package dev.hornbeam.training.cli;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.data.DataSelection;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.ImageSet;
import dev.hornbeam.training.run.Checkpoint;
import dev.hornbeam.training.run.RunConfig;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The images that weights are tried on: those of a data set that is named, or of the run that a checkpoint is from, divided
 * and resized as there.
 *
 * @param weights the weights
 * @param folder folder that the data set lies in; null looks where the run did, and in the usual places
 */
record ImagesOfWeights(WeightsOptions weights, Path folder) {

    /**
     * The test images, all of them even where the run took a few.
     *
     * @param dataset a data set's name or path; null for the run's own
     */
    ImageSet test(String dataset) {
        return dataset == null ? own().test() : catalog().load(dataset).test();
    }

    /** The training images, likewise. */
    ImageSet train(String dataset) {
        return dataset == null ? own().train() : catalog().load(dataset).train();
    }

    private DataSetCatalog catalog() {
        Path place = folder != null
                ? folder
                : weights.checkpoint()
                        .flatMap(_ -> ofRun().data().folder())
                        .map(Path::of)
                        .orElse(null);
        return DataSetCatalog.of(place, System.getenv());
    }

    private RunConfig ofRun() {
        return RunConfig.parse(
                weights.checkpoint()
                        .map(Checkpoint::config)
                        .orElseThrow(() ->
                                new UserError("weights alone do not say what data they are for; give --dataset NAME")),
                "configuration in the checkpoint");
    }

    private DataSelection.Parts own() {
        Map<String, String> changes = new LinkedHashMap<>();
        changes.put("data.train_subset", "0");
        changes.put("data.test_subset", "0");
        if (folder != null) {
            changes.put("data.folder", "'" + folder.toString().replace("'", "''") + "'");
        }
        return ofRun().with(changes).data().load(System.getenv());
    }
}
