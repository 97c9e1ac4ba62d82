package dev.hornbeam.training.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.hornbeam.training.data.ClassSheet;
import dev.hornbeam.training.data.DataSetCatalog;
import dev.hornbeam.training.data.DataSetFetcher;
import dev.hornbeam.training.data.ImageSet;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code hornbeam data}: finds, gets and checks data sets. */
@Command(name = "data", description = "Lists, gets, checks and shows data sets.")
final class DataCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            scope = ScopeType.INHERIT,
            description = "Folder to look in first, and to download to.")
    private Path folder;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "say what to do with the data");
    }

    @Command(name = "list", description = "Lists the data sets known by name, and where they are.")
    void list(@Option(names = "--json", description = "Print JSON.") boolean json) {
        DataSetCatalog catalog = catalog();
        if (json) {
            ArrayNode array = new JsonMapper().createArrayNode();
            for (String name : catalog.names()) {
                array.addObject()
                        .put("name", name)
                        .put("title", catalog.title(name))
                        .put("folder", catalog.find(name).map(Path::toString).orElse(null));
            }
            out().println(array.toPrettyString());
            return;
        }
        for (String name : catalog.names()) {
            out().println(name + "  " + catalog.title(name));
            out().println("    "
                    + catalog.find(name)
                            .map(Path::toString)
                            .orElse("not here; get it with: hornbeam data fetch " + name));
        }
    }

    @Command(
            name = "fetch",
            description =
                    "Gets a data set: from Debian's package where that can be installed, else from its publisher, checked by SHA-256.")
    void fetch(@Parameters(paramLabel = "NAME", description = "Name as in \"hornbeam data list\".") String name) {
        Path found = DataSetFetcher.of(catalog()).fetch(name, line -> {
            out().println(line);
            out().flush();
        });
        out().println(name + " is in " + found);
    }

    @Command(
            name = "verify",
            description =
                    "Compares the files of a data set with what was published: checksums, or the number of images in each part.")
    int verify(@Parameters(paramLabel = "NAME", description = "Name as in \"hornbeam data list\".") String name) {
        List<DataSetCatalog.FileCheck> checks = catalog().verify(name);
        checks.forEach(check -> out().println(check.state() + "  " + check.path() + "  " + check.detail()));
        return checks.stream().allMatch(check -> check.state() == DataSetCatalog.FileState.GENUINE) ? 0 : 1;
    }

    @Command(
            name = "show",
            description =
                    "Draws a contact sheet of a data set: a row for each class with its name and some of its images.")
    void show(
            @Parameters(
                            paramLabel = "NAME",
                            description =
                                    "Name as in \"hornbeam data list\", or the path of a folder, .npz or .csv file.")
                    String name,
            @Option(
                            names = {"-o", "--out"},
                            paramLabel = "FILE",
                            required = true,
                            description = "PNG file to write.")
                    Path file,
            @Option(
                            names = "--part",
                            paramLabel = "PART",
                            defaultValue = "train",
                            description = "Part to show, as in train or test; default ${DEFAULT-VALUE}.")
                    String part,
            @Option(
                            names = "--classes",
                            paramLabel = "N",
                            defaultValue = "0",
                            description = "Show the first N classes only; 0, the default, shows all.")
                    int classes,
            @Option(
                            names = "--examples",
                            paramLabel = "N",
                            defaultValue = "10",
                            description = "Images of each class; default ${DEFAULT-VALUE}.")
                    int examples,
            @Option(
                            names = "--cell",
                            paramLabel = "PIXELS",
                            defaultValue = "64",
                            description = "Height and width of an image in the sheet; default ${DEFAULT-VALUE}.")
                    int cell,
            @Option(
                            names = "--seed",
                            paramLabel = "S",
                            defaultValue = "0",
                            description = "Seed of the choice of images; default ${DEFAULT-VALUE}.")
                    long seed) {
        ClassSheet sheet = new ClassSheet(classes, examples, cell, seed);
        ImageSet images = catalog().load(name).part(part);
        int rows = sheet.write(images, file);
        out().println(images + (images.isOnDemand() ? ", decoded on demand" : ""));
        out().println(file + ": " + rows + " classes, up to " + examples + " images of each");
    }

    private DataSetCatalog catalog() {
        return DataSetCatalog.of(folder, System.getenv());
    }

    private PrintWriter out() {
        return spec.commandLine().getOut();
    }
}
