package dev.hornbeam.training.run;

import static dev.hornbeam.training.run.Markup.escape;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * A page that needs nothing else: style sheet within, no script, and nothing is asked of any server.
 *
 * @param title heading
 * @param lead one line under the heading, may be empty
 * @param sections HTML between the heading and the foot
 * @param foot text of the last line
 */
record ReportPage(String title, String lead, String sections, String foot) {
    private static final String LEAF =
            "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M4 20C4 10 9 4 20 4c0 11-6 15-13 14M4 20"
                    + "c3-6 6-9 11-11M9 13.5l.2-4M12.5 10.7l3.8.3\"/></svg>";

    String toHtml() {
        StringBuilder html = new StringBuilder();
        html.append("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
                .append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ")
                .append("style-src 'unsafe-inline'; img-src data:\">\n")
                .append("<link rel=\"icon\" href=\"data:,\">\n<title>")
                .append(escape(title))
                .append(" · Hornbeam</title>\n<style>\n")
                .append(resource("colours.css"))
                .append(resource("report.css"))
                .append("</style>\n</head>\n<body>\n<main>\n");
        html.append("<header><p class=\"brand\">")
                .append(LEAF)
                .append("Hornbeam <span>")
                .append(escape(Version.CURRENT))
                .append("</span></p><h1>")
                .append(escape(title))
                .append("</h1>");
        if (!lead.isEmpty()) {
            html.append("<p class=\"lead\">").append(escape(lead)).append("</p>");
        }
        html.append("</header>\n").append(sections);
        html.append("<footer>").append(escape(foot)).append("</footer>\n");
        return html.append("</main>\n</body>\n</html>\n").toString();
    }

    /** A style sheet of the report, as text. */
    static String resource(String name) {
        try (InputStream in = ReportPage.class.getResourceAsStream("/dev/hornbeam/training/report/" + name)) {
            if (in == null) {
                throw new IllegalStateException("resource " + name + " of the report is missing from the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
