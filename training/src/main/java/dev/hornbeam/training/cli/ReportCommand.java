package dev.hornbeam.training.cli;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.run.ComparisonReport;
import dev.hornbeam.training.run.Report;
import dev.hornbeam.training.run.ReportData;
import dev.hornbeam.training.run.RunComparison;
import dev.hornbeam.training.run.RunRecord;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hornbeam report}: pages and tables of runs that are finished. */
@Command(
        name = "report",
        description = {
            "Writes the report of a finished run anew, from the files in its folder; of several runs, one report of all beside each other.",
            "hornbeam report compare groups many runs by what they did and takes means over seeds."
        },
        subcommands = ReportCommand.Compare.class)
final class ReportCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "RUN", arity = "0..*", description = "Folders of finished runs.")
    private List<Path> runs = List.of();

    @Option(
            names = "--out",
            paramLabel = "FILE",
            description =
                    "Where to write the page; by default report.html in the folder of the run. Needed for several runs.")
    private Path out;

    @Override
    public Integer call() {
        if (runs.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "say which run: the folder that it was trained in");
        }
        if (runs.size() > 1 && out == null) {
            throw new ParameterException(
                    spec.commandLine(), "say with --out FILE where the report of several runs goes");
        }
        List<RunRecord> records = runs.stream().map(RunRecord::read).toList();
        List<ReportData.Run> shown = new ArrayList<>();
        Set<String> names = new LinkedHashSet<>();
        for (RunRecord record : records) {
            // Runs of one name are told apart by their folders.
            boolean alone = records.stream()
                            .filter(other -> other.name().equals(record.name()))
                            .count()
                    == 1;
            String name = alone ? record.name() : record.folder().path().toString();
            if (!names.add(name)) {
                throw new UserError(record.folder().path() + " is named twice; name each run once");
            }
            shown.add(record.forReport(name));
        }
        String lead = records.size() == 1 ? records.getFirst().setting("description") : "";
        Path page = out != null ? out : records.getFirst().folder().report();
        Report.write(page, new ReportData(String.join(", ", names), lead, shown));
        spec.commandLine().getOut().println("report: " + page);
        return 0;
    }

    /** {@code hornbeam report compare}: many runs, grouped, with means over seeds. */
    @Command(
            name = "compare",
            description = {
                "Compares finished runs: groups those whose settings differ in the seed alone, and gives means with 95 %% intervals "
                        + "and differences taken seed by seed.",
                "Prints a Markdown table, with --json JSON; --html and --markdown write files too."
            })
    static final class Compare implements Callable<Integer> {
        @Spec
        private CommandSpec spec;

        @Parameters(
                paramLabel = "RUN",
                arity = "1..*",
                description = "Folders of finished runs, or folders that such folders lie in.")
        private List<Path> places = List.of();

        @Option(
                names = "--baseline",
                paramLabel = "NAME",
                description =
                        "What the others are compared with: a group, a run's name or its folder; by default the first run's group.")
        private String baseline;

        @Option(
                names = "--title",
                paramLabel = "TEXT",
                defaultValue = "Comparison of runs",
                description = "Heading of the page.")
        private String title;

        @Option(names = "--html", paramLabel = "FILE", description = "Write one self-contained page.")
        private Path html;

        @Option(names = "--markdown", paramLabel = "FILE", description = "Write the table as Markdown.")
        private Path markdown;

        @Option(names = "--json", description = "Print JSON instead of Markdown.")
        private boolean json;

        @Override
        public Integer call() {
            Set<Path> folders = new LinkedHashSet<>();
            for (Path place : places) {
                List<Path> found = RunRecord.find(place);
                if (found.isEmpty()) {
                    throw new UserError("there is no run in " + place + "; expected folders with a config.yaml");
                }
                folders.addAll(found);
            }
            List<RunRecord> records = folders.stream().map(RunRecord::read).toList();
            ComparisonReport report = new ComparisonReport(title, RunComparison.of(records, baseline));
            if (html != null) {
                UserFile.writeText(html, report.toHtml());
            }
            if (markdown != null) {
                UserFile.writeText(markdown, report.toMarkdown());
            }
            PrintWriter console = spec.commandLine().getOut();
            console.print(json ? report.toJson() : report.toMarkdown());
            console.flush();
            return 0;
        }
    }
}
