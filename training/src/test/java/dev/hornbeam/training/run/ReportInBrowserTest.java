package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.ColorScheme;
import dev.hornbeam.training.UserFile;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Reports in a browser, on a desk and on a telephone, light and dark: nothing on the console, nothing wider than the page, no
 * text cut off or too small. Pictures go to target/report-pictures. Without a Chromium the tests are skipped.
 */
final class ReportInBrowserTest {
    private static final Path PICTURES = Path.of("target", "report-pictures");
    private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome");

    /**
     * All texts of the page with their size as it is seen, their horizontal place, and where what clips them begins and ends:
     * their drawing, their cell of a coloured table, or the page. What stands in a part that scrolls sideways is not clipped.
     */
    private static final String TEXTS = """
            (() => {
              const texts = [];
              const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              while (walker.nextNode()) {
                const node = walker.currentNode;
                const element = node.parentElement;
                if (!node.data.trim() || element.closest('title, style, details:not([open]) > :not(summary)')) continue;
                const range = document.createRange();
                range.selectNodeContents(node);
                const box = range.getBoundingClientRect();
                const drawing = element.closest('svg');
                const scale = drawing ? drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width : 1;
                const scrolls = element.closest('.scroll, pre');
                const clip = drawing || element.closest('.heat td') || document.documentElement;
                const clipBox = clip.getBoundingClientRect();
                texts.push({
                  text: node.data.trim(),
                  size: Math.round(parseFloat(getComputedStyle(element).fontSize) * scale * 100) / 100,
                  left: box.left, right: box.right,
                  clipLeft: scrolls ? -Infinity : clipBox.left, clipRight: scrolls ? Infinity : clipBox.right
                });
              }
              return texts;
            })()""";

    @TempDir
    private static Path folder;

    private static Playwright playwright;
    private static Browser browser;

    @BeforeAll
    static void open() {
        Optional<Path> program = Stream.of(
                        System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
                .flatMap(directory -> NAMES.stream().map(name -> Path.of(directory, name)))
                .filter(Files::isExecutable)
                .findFirst();
        assumeTrue(
                program.isPresent(),
                "no Chromium on the PATH: apt-get install chromium, and reports are looked at too");
        // The browser is there; none is to be fetched.
        playwright = Playwright.create(
                new Playwright.CreateOptions().setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
        browser = playwright
                .chromium()
                .launch(new BrowserType.LaunchOptions()
                        .setExecutablePath(program.get())
                        .setArgs(List.of("--no-sandbox", "--disable-gpu")));
    }

    @AfterAll
    static void close() {
        if (playwright != null) {
            playwright.close();
        }
    }

    // Names as long as there are.
    private static Map<String, List<Double>> errors(double low) {
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        for (String name : List.of(
                "gaussian_noise", "elastic_transform", "jpeg_compression", "single_frequency_greyscale", "contrast")) {
            List<Double> row = new ArrayList<>();
            for (int severity = 1; severity <= 5; severity++) {
                row.add(Math.min(1, low + .09 * severity * (1 + errors.size() * .3)));
            }
            errors.put(name, row);
        }
        return errors;
    }

    @Test
    void theReportOfARun() throws IOException {
        TinyRun run = TinyRun.train(Files.createDirectories(folder.resolve("tiny")));
        look("tiny", run.checkpoint().getParent().resolveSibling("report.html"));
    }

    @Test
    void theReportOfAFullRunAndOfTwo() {
        Path sgd = WrittenRun.finished(folder.resolve("sgd"), "quickstart/sgd", 1, .08, errors(.08));
        Path damp = WrittenRun.finished(folder.resolve("damp"), "quickstart/damp", 1, .075, errors(.05));
        Path one = folder.resolve("one.html");
        Report.write(
                one, new ReportData("A run", "", List.of(RunRecord.read(sgd).forReport("quickstart/sgd"))));
        look("run", one);
        Path two = folder.resolve("two.html");
        Report.write(
                two,
                new ReportData(
                        "Two runs",
                        "Beside each other",
                        List.of(
                                RunRecord.read(sgd).forReport("SGD"),
                                RunRecord.read(damp).forReport("DAMP"))));
        look("two-runs", two);
    }

    @Test
    void aComparison() {
        List<RunRecord> runs = new ArrayList<>();
        for (int seed = 1; seed <= 3; seed++) {
            for (String method : List.of("sgd", "damp")) {
                double low = (method.equals("sgd") ? .08 : .05) + .004 * seed * seed;
                runs.add(RunRecord.read(WrittenRun.finished(
                        folder.resolve("c/" + method + seed), "quickstart/" + method, seed, low, errors(low))));
            }
        }
        Path page = folder.resolve("comparison.html");
        UserFile.writeText(page, new ComparisonReport("Comparison", RunComparison.of(runs, null)).toHtml());
        look("comparison", page);
    }

    private static void look(String name, Path page) {
        for (int width : new int[] {1280, 390}) {
            for (ColorScheme scheme : List.of(ColorScheme.LIGHT, ColorScheme.DARK)) {
                look(name + "-" + width + (scheme == ColorScheme.DARK ? "-dark" : ""), page, width, scheme);
            }
        }
    }

    private static void look(String name, Path file, int width, ColorScheme scheme) {
        List<String> complaints = new ArrayList<>();
        try (Page page = browser.newPage(
                new Browser.NewPageOptions().setViewportSize(width, 900).setColorScheme(scheme))) {
            page.onConsoleMessage(message -> complaints.add(message.type() + ": " + message.text()));
            page.onPageError(complaints::add);
            page.onRequest(request -> {
                if (!request.url().startsWith("file:") && !request.url().startsWith("data:")) {
                    complaints.add("asks for " + request.url());
                }
            });
            page.navigate(file.toUri().toString());
            page.screenshot(new Page.ScreenshotOptions().setFullPage(true).setPath(PICTURES.resolve(name + ".png")));
            assertEquals(List.of(), complaints, name);
            assertEquals(
                    width, page.evaluate("document.documentElement.scrollWidth"), name + " is wider than the screen");
            Object small = page.evaluate(TEXTS + ".filter(t => t.size < 11).map(t => t.text + ' ' + t.size)");
            assertEquals(List.of(), small, name + ": text below 11 px");
            Object cut = page.evaluate(TEXTS
                    + ".filter(t => t.left < t.clipLeft - 1 || t.right > t.clipRight + 1)"
                    + ".map(t => t.text + ' ' + Math.round(t.left) + '..' + Math.round(t.right) + ' of ' + Math.round(t.clipLeft)"
                    + " + '..' + Math.round(t.clipRight))");
            assertEquals(List.of(), cut, name + ": text cut off");
            assertTrue(((Number) page.evaluate(TEXTS + ".length")).intValue() > 50, name + " has text");
        }
    }
}
