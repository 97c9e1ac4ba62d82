package dev.hornbeam.training.data;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Philox.Purpose;
import dev.hornbeam.training.UserError;
import dev.hornbeam.training.UserFile;
import dev.hornbeam.training.image.PixelImage;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/**
 * A picture of a labelled set: a row for each class, with its name and some of its images.
 *
 * <p>Images are those that a network would get, enlarged by a whole factor or shrunk to fit their cell; which ones is drawn from
 * Philox (seed, DATA, tensor = class, stream 4).
 *
 * @param classes most classes to show, the first ones; 0 for all
 * @param examples images of each class
 * @param cell height and width of an image in the picture, in pixels
 * @param seed of the choice
 */
public record ClassSheet(int classes, int examples, int cell, long seed) {
    private static final int GAP = 4;
    private static final int NAME_WIDTH = 180;
    private static final long MOST_PIXELS = 100_000_000;
    private static final int CHOICE_STREAM = 4;

    /**
     * Checks the numbers.
     *
     * @throws UserError if one is out of range
     */
    public ClassSheet {
        if (classes < 0 || examples < 1 || examples > 1000 || cell < 16 || cell > 1024) {
            throw new UserError("a sheet of " + classes + " classes with " + examples + " examples of " + cell
                    + " pixels; expected classes from 0, 1..1000 examples and 16..1024 pixels");
        }
    }

    /**
     * Draws the picture and writes it as PNG.
     *
     * @return how many classes are in it
     * @throws UserError if it would be too large, an image cannot be read or the file not be written
     */
    public int write(ImageSet set, Path file) {
        int rows = classes == 0 ? set.classes() : Math.min(classes, set.classes());
        int width = NAME_WIDTH + examples * (cell + GAP) + GAP;
        long height = (long) rows * (cell + GAP) + GAP;
        if (width * height > MOST_PIXELS) {
            throw new UserError("a sheet of " + rows + " classes with " + examples + " examples would have " + width
                    + "x" + height + " pixels; show fewer with --classes and --examples, or smaller ones with --cell");
        }
        BufferedImage sheet = new BufferedImage(width, (int) height, BufferedImage.TYPE_INT_RGB);
        Graphics2D pen = sheet.createGraphics();
        try {
            pen.setColor(Color.WHITE);
            pen.fillRect(0, 0, width, (int) height);
            pen.setColor(Color.BLACK);
            pen.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 14));
            pen.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            int[] labels = set.labels();
            for (int row = 0; row < rows; row++) {
                int top = GAP + row * (cell + GAP);
                drawName(pen, set.classNames().get(row), top);
                drawImages(sheet, set, members(labels, row), row, top);
            }
        } finally {
            pen.dispose();
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(sheet, "png", bytes);
        } catch (IOException e) {
            throw UserError.cannotWrite(file, e);
        }
        UserFile.write(file, bytes.toByteArray());
        return rows;
    }

    private static int[] members(int[] labels, int label) {
        return java.util.stream.IntStream.range(0, labels.length)
                .filter(i -> labels[i] == label)
                .toArray();
    }

    private void drawName(Graphics2D pen, String name, int top) {
        FontMetrics metrics = pen.getFontMetrics();
        String shown = name;
        for (int length = name.length(); metrics.stringWidth(shown) > NAME_WIDTH - 2 * GAP && length > 1; ) {
            length--;
            shown = name.substring(0, length) + "…";
        }
        pen.drawString(shown, GAP, top + (cell + metrics.getAscent() - metrics.getDescent()) / 2);
    }

    private void drawImages(BufferedImage sheet, ImageSet set, int[] members, int label, int top) {
        int[] order = new Philox(seed, Purpose.DATA, label, 0, CHOICE_STREAM).permutation(members.length);
        for (int i = 0; i < Math.min(examples, members.length); i++) {
            PixelImage image = new PixelImage(
                    set.width(), set.height(), set.channels() == 1 ? 1 : 3, set.image(members[order[i]]));
            drawImage(sheet, image, NAME_WIDTH + GAP + i * (cell + GAP), top);
        }
    }

    // To the nearest pixel: small images show theirs.
    private void drawImage(BufferedImage sheet, PixelImage image, int left, int top) {
        int longer = Math.max(image.width(), image.height());
        double scale = longer <= cell ? Math.floor((double) cell / longer) : (double) cell / longer;
        int width = Math.max(1, (int) (image.width() * scale));
        int height = Math.max(1, (int) (image.height() * scale));
        int last = image.channels() - 1;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int sourceX = Math.min((int) (x / scale), image.width() - 1);
                int sourceY = Math.min((int) (y / scale), image.height() - 1);
                int rgb = image.at(sourceX, sourceY, 0) << 16
                        | image.at(sourceX, sourceY, Math.min(1, last)) << 8
                        | image.at(sourceX, sourceY, last);
                sheet.setRGB(left + x, top + y, rgb);
            }
        }
    }
}
