package dev.hornbeam.training.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.training.evaluation.CorruptionErrors;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

final class ReportTest {
    @TempDir
    Path folder;

    private static ReportData.Run run(String name, String recipe, double accuracy, double noise, double contrast) {
        List<EpochRow> epochs = IntStream.rangeClosed(1, 3)
                .mapToObj(e -> new EpochRow(
                        e,
                        10L * e,
                        .1 / e,
                        2.0 / e,
                        .5,
                        e == 2 ? Double.NaN : 1.5 / e,
                        e == 2 ? Double.NaN : .6,
                        5,
                        999,
                        Map.of()))
                .toList();
        Map<String, List<Double>> errors = new LinkedHashMap<>();
        errors.put("gaussian_noise", List.of(noise, noise + .1));
        errors.put("contrast", List.of(contrast, contrast + .2));
        RunResults results = new RunResults(
                accuracy,
                .4321,
                .875,
                .2345,
                125,
                1234.5,
                Optional.of(new CorruptionErrors(List.of(1, 5), errors)),
                Map.of("label_precision", .987));
        Map<String, String> provenance = new LinkedHashMap<>();
        provenance.put("Processor", "a <fast> one");
        provenance.put("Seed", name.equals("SGD") ? "11" : "12");
        return new ReportData.Run(name, results, epochs, Recipes.load(recipe).toYaml(), provenance);
    }

    private static ReportData two() {
        return new ReportData(
                "SGD & DAMP",
                "The lead.",
                List.of(
                        run("SGD", "quickstart/sgd", .9012, .20, .30),
                        run("DAMP", "quickstart/damp", .9234, .15, .35)));
    }

    @Test
    void hasNoExternalReferences() {
        String html = Report.html(two());
        assertFalse(html.contains("<script"), "no script");
        assertFalse(html.contains("http:") || html.contains("https:"), "no address");
        assertFalse(html.contains("url(") || html.contains("@import"), "no file from the style sheet");
        assertFalse(html.contains(" src="), "no image");
        Matcher links = Pattern.compile("href=\"([^\"]*)\"").matcher(html);
        while (links.find()) {
            assertEquals("data:,", links.group(1));
        }
        assertTrue(html.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\""));
    }

    @Test
    void holdsTheNumbersGiven() {
        String html = Report.html(two());
        for (String expected : List.of(
                "<h1>SGD &amp; DAMP</h1>",
                "The lead.",
                // key numbers
                "<b>90.12 <small>%</small></b>",
                "<b>92.34 <small>%</small></b><span class=\"change better\">+2.22</span>",
                "<b>32.50 <small>%</small></b>",
                "<b>2:05 <small>min:s</small></b>",
                // the table: clean, each corruption, their mean, with differences
                row("clean", "9.88", "7.66", "better\">−2.22", true),
                row("gaussian noise", "25.00", "20.00", "better\">−5.00", false),
                row("contrast", "40.00", "45.00", "worse\">+5.00", false),
                row("mean of corruptions", "32.50", "32.50", "\">0.00", true),
                "<td>0.4321</td>",
                "<td>1,235</td>",
                "<th scope=\"row\">label precision</th><td>0.9870</td>",
                // provenance: shared facts once, others by run
                "<td>a &lt;fast&gt; one</td>",
                "SGD: 11",
                "DAMP: 12")) {
            assertTrue(html.contains(expected), expected);
        }
    }

    private static String row(String label, String first, String second, String change, boolean strong) {
        return (strong ? "<tr class=\"strong\">" : "<tr>") + "<th scope=\"row\">" + label + "</th><td>" + first
                + "</td><td>" + second + "</td><td class=\"change" + (change.startsWith("\"") ? "" : " ") + change;
    }

    @Test
    void heatMapHasEveryCellAndTheDifference() {
        String html = Report.html(two());
        assertEquals(3, count(html, "<figure class=\"heat\">"));
        assertTrue(html.contains("DAMP − SGD, points"));
        // 2 corruptions x (2 severities and the mean) x 3 tables.
        assertEquals(18, count(html, "style=\"--l:#"));
        assertTrue(html.contains(">−5.0</td>") && html.contains(">+5.0</td>"));
    }

    @Test
    void configurationShowsWhatDiffers() {
        String html = Report.html(two());
        String table = html.substring(html.indexOf("<th scope=\"col\">differs in</th>"));
        table = table.substring(0, table.indexOf("</table>")).replace("<wbr>", "");
        assertTrue(table.contains(
                "<th scope=\"row\" class=\"mono\">method.perturbation.kind</th><td class=\"mono\">none</td>"
                        + "<td class=\"mono\">damp</td>"));
        assertTrue(table.contains("method.sub_batches</th><td class=\"mono\">1</td><td class=\"mono\">8</td>"));
        assertFalse(table.contains("optimizer"), table);
        assertTrue(html.contains("weight_decay: 0.0005"));
    }

    @Test
    void curvesSkipEpochsThatWereNotTested() {
        String html = Report.html(two());
        Matcher test = Pattern.compile("<polyline class=\"line r0\" points=\"([^\"]*)\"")
                .matcher(html);
        assertTrue(test.find());
        assertEquals(2, test.group(1).split(" ").length);
        Matcher training = Pattern.compile("<polyline class=\"line r0 dashed\" points=\"([^\"]*)\"")
                .matcher(html);
        assertTrue(training.find());
        assertEquals(3, training.group(1).split(" ").length);
        assertFalse(html.contains("NaN"));
    }

    @Test
    void runWithoutCorruptionsOrEpochs() {
        RunResults bare =
                new RunResults(.5, .7, Double.NaN, Double.NaN, Double.NaN, Double.NaN, Optional.empty(), Map.of());
        ReportData.Run run = new ReportData.Run("r", bare, List.of(), "epochs: 1\n", Map.of());
        ReportData data = new ReportData("Bare", "", List.of(run));
        String html = Report.html(data);
        assertTrue(html.contains("<b>50.00 <small>%</small></b>"));
        assertFalse(html.contains("NaN") || html.contains("Learning curves") || html.contains("<figure"));
        assertThrows(IllegalArgumentException.class, () -> Report.overviewSvg(data));
        assertThrows(IllegalArgumentException.class, () -> new ReportData("none", "", List.of()));
    }

    @Test
    void overviewIsADrawingOfItsOwn() throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document svg = factory.newDocumentBuilder().parse(new InputSource(new StringReader(Report.overviewSvg(two()))));
        assertEquals("svg", svg.getDocumentElement().getTagName());
        // Two bars for clean, two corruptions and the mean; a frame; two keys.
        assertEquals(11, svg.getElementsByTagName("rect").getLength());
    }

    // The page is HTML, but its body is written so that an XML parser can check that every element closes.
    @Test
    void everyElementCloses() throws Exception {
        String html = Report.html(two());
        String body = html.substring(html.indexOf("<main>"), html.indexOf("</main>") + "</main>".length());
        String xml = body.replace("<br>", "<br/>").replace("<wbr>", "<wbr/>");
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document document = factory.newDocumentBuilder().parse(new InputSource(new StringReader(xml)));
        assertEquals(6, document.getElementsByTagName("section").getLength());
    }

    @Test
    void writesTheFile() throws IOException {
        Path file = folder.resolve("report.html");
        Report.write(file, two());
        assertEquals(Report.html(two()), Files.readString(file));
    }

    private static int count(String text, String part) {
        return text.split(Pattern.quote(part), -1).length - 1;
    }
}
