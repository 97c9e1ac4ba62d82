package dev.hornbeam.training.corruption.build;

import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.corruption.ConstantSet;
import dev.hornbeam.training.corruption.CorruptedImages;
import dev.hornbeam.training.corruption.Corruption;
import dev.hornbeam.training.corruption.build.CleanImages.CleanImage;
import dev.hornbeam.training.image.Interpolation;
import dev.hornbeam.training.image.PixelImage;
import dev.hornbeam.training.image.Resampling;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;

/** One picture of an image in every corruption and severity: a row for each corruption, the clean image at its left. */
public final class ContactSheet {
    // Small images are enlarged by a whole number to about this side, so that their pixels show; large ones shrink.
    private static final int SMALL = 96;
    private static final int LARGE = 160;
    private static final int GAP = 6;
    private static final int MARGIN = 12;
    private static final int FONT_SIZE = 14;
    private static final Color INK = new Color(0x1b1b1b);
    private static final Color EMPTY = new Color(0xe4e4e4);

    private ContactSheet() {}

    /**
     * Draws the sheet to a PNG file.
     *
     * @param position which of the images is shown
     * @throws UserError if there is no image at that position, no font to write with, or the file cannot be written
     */
    public static void write(
            Path file,
            CleanImages.Location location,
            int position,
            List<Corruption> corruptions,
            List<Integer> severities,
            long seed,
            Optional<ConstantSet> constants) {
        CleanImages images = CleanImages.open(location);
        if (position < 0 || position >= images.size()) {
            throw new UserError("there is no image " + position + " in " + images.description() + "; expected 0.."
                    + (images.size() - 1));
        }
        BufferedImage sheet = draw(images.read(position), corruptions, severities, seed, constants);
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        try {
            ImageIO.write(sheet, "png", png);
        } catch (IOException e) {
            throw new AssertionError("writing to memory does not fail", e);
        }
        UserFile.write(file, png.toByteArray());
    }

    static BufferedImage draw(
            CleanImage clean,
            List<Corruption> corruptions,
            List<Integer> severities,
            long seed,
            Optional<ConstantSet> constants) {
        PixelImage image = clean.pixels();
        ConstantSet chosen = constants.orElseGet(() -> ConstantSet.forSize(image.height(), image.width()));
        PixelImage first = fit(image);
        FontMetrics metrics = metrics();
        int labels = corruptions.stream()
                .mapToInt(corruption -> metrics.stringWidth(label(corruption)))
                .max()
                .orElse(0);
        int left = MARGIN + labels + 2 * GAP;
        int top = MARGIN + metrics.getHeight() + GAP;
        int stepX = Math.max(first.width(), metrics.stringWidth("severity 5")) + GAP;
        int stepY = Math.max(first.height(), metrics.getHeight()) + GAP;
        BufferedImage sheet = new BufferedImage(
                left + (severities.size() + 1) * stepX - GAP + MARGIN,
                top + corruptions.size() * stepY - GAP + MARGIN,
                BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = sheet.createGraphics();
        graphics.setColor(Color.WHITE);
        graphics.fillRect(0, 0, sheet.getWidth(), sheet.getHeight());
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setFont(metrics.getFont());
        graphics.setColor(INK);
        int baseline = MARGIN + metrics.getAscent();
        graphics.drawString("clean", left, baseline);
        for (int s = 0; s < severities.size(); s++) {
            graphics.drawString("severity " + severities.get(s), left + (s + 1) * stepX, baseline);
        }
        for (int c = 0; c < corruptions.size(); c++) {
            Corruption corruption = corruptions.get(c);
            int y = top + c * stepY;
            String label = label(corruption);
            graphics.setColor(INK);
            graphics.drawString(
                    label,
                    left - 2 * GAP - metrics.stringWidth(label),
                    y + (first.height() + metrics.getAscent() - metrics.getDescent()) / 2);
            graphics.drawImage(ImageEncoding.buffered(first), left, y, null);
            for (int s = 0; s < severities.size(); s++) {
                int x = left + (s + 1) * stepX;
                PixelImage corrupted = corrupt(clean, corruption, severities.get(s), seed, chosen);
                if (corrupted == null) {
                    graphics.setColor(EMPTY);
                    graphics.fillRect(x, y, first.width(), first.height());
                } else {
                    graphics.drawImage(ImageEncoding.buffered(fit(corrupted)), x, y, null);
                }
            }
        }
        graphics.dispose();
        return sheet;
    }

    // null where the image is too small for the corruption.
    private static PixelImage corrupt(
            CleanImage clean, Corruption corruption, int severity, long seed, ConstantSet constants) {
        PixelImage image = clean.pixels();
        byte[] pixels = image.pixels().clone();
        try {
            CorruptedImages.corrupt(
                    pixels,
                    image.height(),
                    image.width(),
                    image.channels(),
                    corruption,
                    severity,
                    constants,
                    seed,
                    clean.index());
        } catch (UserError e) {
            return null;
        }
        return new PixelImage(image.width(), image.height(), image.channels(), pixels).withChannels(3);
    }

    private static String label(Corruption corruption) {
        return corruption.name().replace('_', ' ');
    }

    private static PixelImage fit(PixelImage image) {
        PixelImage colour = image.withChannels(3);
        int side = Math.max(image.width(), image.height());
        if (side > LARGE) {
            return Resampling.resize(
                    colour,
                    Math.max(1, image.width() * LARGE / side),
                    Math.max(1, image.height() * LARGE / side),
                    Interpolation.BILINEAR);
        }
        int factor = Math.max(1, Math.round((float) SMALL / side));
        int width = colour.width() * factor;
        byte[] enlarged = new byte[width * colour.height() * factor * 3];
        for (int k = 0; k < enlarged.length; k++) {
            int x = k / 3 % width / factor;
            int y = k / 3 / width / factor;
            enlarged[k] = colour.pixels()[(y * colour.width() + x) * 3 + k % 3];
        }
        return new PixelImage(width, colour.height() * factor, 3, enlarged);
    }

    private static FontMetrics metrics() {
        Graphics2D graphics = new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB).createGraphics();
        try {
            return graphics.getFontMetrics(new Font(Font.SANS_SERIF, Font.PLAIN, FONT_SIZE));
        } catch (RuntimeException | Error e) {
            // The JDK fails in many ways where a system has no fonts at all.
            throw new UserError(
                    "this system has no fonts to write labels with; install some, on Debian and Ubuntu with:"
                            + " apt-get install fontconfig fonts-dejavu-core",
                    e);
        } finally {
            graphics.dispose();
        }
    }
}
