package dev.hornbeam.training.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.hornbeam.tensor.Philox;
import dev.hornbeam.training.UserError;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ImageDecoderTest {
    // Decoders of JPEG may round differently, those of WebP interpolate the chroma in their own ways; the others may
    // not
    // differ at all.
    private static final int JPEG = 3;
    private static final int LOSSY_WEBP = 24;

    private final ImageDecoder decoder = new ImageDecoder(Background.WHITE);

    @TempDir
    private Path folder;

    static List<String> goldenFiles() throws IOException {
        try (Stream<Path> files = Files.list(GoldenImages.folder())) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> !name.endsWith(".npz"))
                    .sorted()
                    .toList();
        }
    }

    // All but those of four channels, which libjpeg-turbo is not asked to decode.
    static List<String> commonJpegs() throws IOException {
        return goldenFiles().stream()
                .filter(name -> name.endsWith(".jpg") && !name.equals("cmyk.jpg") && !name.equals("ycck.jpg"))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("goldenFiles")
    void decodesAsPillowDoes(String name) throws IOException {
        PixelImage expected = GoldenImages.arrays("expected.npz").get(name);
        PixelImage actual = decoder.decode(GoldenImages.folder().resolve(name)).withChannels(3);
        int limit = name.equals("lossy.webp") ? LOSSY_WEBP : name.endsWith(".jpg") ? JPEG : 0;
        int difference = GoldenImages.difference(expected, actual);
        assertTrue(difference <= limit, name + " differs by " + difference);
    }

    @ParameterizedTest
    @MethodSource("goldenFiles")
    void javaDecodesAsPillowDoes(String name) throws IOException {
        PixelImage expected = GoldenImages.arrays("expected.npz").get(name);
        PixelImage actual =
                decoder.inJava().decode(GoldenImages.folder().resolve(name)).withChannels(3);
        int limit = name.equals("lossy.webp") ? LOSSY_WEBP : name.endsWith(".jpg") ? JPEG : 0;
        int difference = GoldenImages.difference(expected, actual);
        assertTrue(difference <= limit, name + " differs by " + difference);
    }

    // Pillow decodes with the same library; only four channels and what is odd go another way.
    @ParameterizedTest
    @MethodSource("commonJpegs")
    void libjpegTurboGivesTheBytesOfPillow(String name) throws IOException {
        assumeTrue(ImageDecoder.jpegDecoder().equals("libjpeg-turbo"), "there is no libturbojpeg.so.0 here");
        PixelImage expected = GoldenImages.arrays("expected.npz").get(name);
        PixelImage actual = decoder.decode(GoldenImages.folder().resolve(name)).withChannels(3);
        assertEquals(0, GoldenImages.difference(expected, actual), name);
    }

    @Test
    void theDecoderOfJpegHasAName() {
        assertTrue(List.of("libjpeg-turbo", "Java").contains(ImageDecoder.jpegDecoder()));
    }

    @ParameterizedTest
    @CsvSource({
        "1000, 0, 8",
        "1000, 1000, 8",
        "1000, 876, 8",
        "1000, 875, 7",
        "1000, 256, 3",
        "1000, 125, 1",
        "1000, 5, 1",
        "7, 256, 8",
        "1001, 126, 1"
    })
    void shrinksByAsManyEighthsAsMayBe(int side, int wanted, int eighths) {
        assertEquals(eighths, TurboJpeg.eighths(side, wanted));
    }

    @Test
    void aShrunkenPhotographLooksLikeTheWhole() throws IOException {
        BufferedImage image = new BufferedImage(200, 120, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < 120; y++) {
            for (int x = 0; x < 200; x++) {
                image.setRGB(x, y, new Color(x, y, 90).getRGB());
            }
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        assertTrue(ImageIO.write(image, "jpg", bytes));
        assertEquals(
                "200x120x3",
                decoder.inJava()
                        .shrinkingTo(40)
                        .decode("slope", bytes.toByteArray())
                        .toString());
        assertThrows(UserError.class, () -> decoder.shrinkingTo(0));
        assumeTrue(ImageDecoder.jpegDecoder().equals("libjpeg-turbo"), "there is no libturbojpeg.so.0 here");
        PixelImage small = decoder.shrinkingTo(40).decode("slope", bytes.toByteArray());
        // 3/8 of 120 is 45; 2/8 would be 30.
        assertEquals("75x45x3", small.toString());
        for (int y = 3; y < 42; y += 6) {
            for (int x = 3; x < 72; x += 6) {
                assertEquals((x + 0.5) * 8 / 3 - 0.5, small.at(x, y, 0), 6);
                assertEquals((y + 0.5) * 8 / 3 - 0.5, small.at(x, y, 1), 6);
            }
        }
    }

    @Test
    void everyGoldenFileIsThere() throws IOException {
        assertEquals(new TreeSet<>(GoldenImages.arrays("expected.npz").keySet()), new TreeSet<>(goldenFiles()));
    }

    @Test
    void greyStaysGrey() {
        Path golden = GoldenImages.folder();
        for (String name : List.of("grey.jpg", "grey.png", "grey-16.png", "grey-alpha.png")) {
            assertEquals(1, decoder.decode(golden.resolve(name)).channels(), name);
        }
        ImageDecoder overRed = new ImageDecoder(Background.parse("#ff0000"));
        assertEquals(3, overRed.decode(golden.resolve("grey-alpha.png")).channels());
    }

    @Test
    void turnsAllEightWays() throws IOException {
        // 1 2 3
        // 4 5 6
        PixelImage image = new PixelImage(3, 2, 1, new byte[] {1, 2, 3, 4, 5, 6});
        byte[][] expected = {
            {1, 2, 3, 4, 5, 6},
            {3, 2, 1, 6, 5, 4},
            {6, 5, 4, 3, 2, 1},
            {4, 5, 6, 1, 2, 3},
            {1, 4, 2, 5, 3, 6},
            {4, 1, 5, 2, 6, 3},
            {6, 3, 5, 2, 4, 1},
            {3, 6, 2, 5, 1, 4}
        };
        for (int tag = 1; tag <= 8; tag++) {
            PixelImage turned = Orientation.ofTag(tag).apply(image);
            assertArrayEquals(expected[tag - 1], turned.pixels(), "orientation " + tag);
            assertEquals(tag < 5 ? 3 : 2, turned.width());
        }
    }

    @ParameterizedTest
    @CsvSource({"png, true", "bmp, true", "gif, true", "jpg, false"})
    void readsWhatJavaWrites(String format, boolean exact) throws IOException {
        BufferedImage image = new BufferedImage(19, 11, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < 11; y++) {
            for (int x = 0; x < 19; x++) {
                // Few colours, for GIF.
                image.setRGB(x, y, new Color(x < 9 ? 40 : 200, y < 5 ? 30 : 220, 90).getRGB());
            }
        }
        Path file = folder.resolve("image." + format);
        assertTrue(ImageIO.write(image, format, file.toFile()));
        PixelImage read = decoder.decode(file);
        PixelImage direct = decoder.convert(image);
        assertEquals(40, direct.at(0, 0, 0));
        assertEquals(220, direct.at(0, 10, 1));
        int difference = GoldenImages.difference(direct, read);
        // At the edges, colours are stored at half the resolution.
        assertTrue(difference <= (exact ? 0 : 100), format + " differs by " + difference);
    }

    @Test
    void takesAnyImageOfJava() {
        for (int type : new int[] {
            BufferedImage.TYPE_INT_RGB,
            BufferedImage.TYPE_INT_ARGB,
            BufferedImage.TYPE_INT_ARGB_PRE,
            BufferedImage.TYPE_INT_BGR,
            BufferedImage.TYPE_3BYTE_BGR,
            BufferedImage.TYPE_4BYTE_ABGR,
            BufferedImage.TYPE_4BYTE_ABGR_PRE
        }) {
            BufferedImage image = new BufferedImage(4, 3, type);
            image.setRGB(2, 1, 0xff_14_28_3c);
            PixelImage pixels = decoder.convert(image.getSubimage(1, 1, 3, 2));
            assertEquals("3x2x3", pixels.toString());
            assertEquals(
                    List.of(20, 40, 60),
                    List.of(pixels.at(1, 0, 0), pixels.at(1, 0, 1), pixels.at(1, 0, 2)),
                    "type " + type);
            int untouched = image.getColorModel().hasAlpha() ? 255 : 0;
            assertEquals(untouched, pixels.at(0, 0, 0), "type " + type);
        }
        BufferedImage grey = new BufferedImage(4, 3, BufferedImage.TYPE_BYTE_GRAY);
        grey.getRaster().setSample(2, 1, 0, 77);
        assertEquals(77, decoder.convert(grey.getSubimage(1, 1, 3, 2)).at(1, 0, 0));
        BufferedImage deep = new BufferedImage(4, 3, BufferedImage.TYPE_USHORT_GRAY);
        deep.getRaster().setSample(2, 1, 0, 77 * 256 + 200);
        assertEquals(77, decoder.convert(deep).at(2, 1, 0));
    }

    @Test
    void transparencyShowsTheBackground() {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        image.setRGB(0, 0, 0x00_14_28_3c);
        image.setRGB(1, 0, 0x80_14_28_3c);
        // 128/255 of 20 and 127/255 of what is behind.
        assertArrayEquals(new int[] {255, 137}, reds(image, Background.WHITE));
        assertArrayEquals(new int[] {0, 10}, reds(image, Background.BLACK));
        assertArrayEquals(new int[] {20, 20}, reds(image, Background.NONE));
        assertArrayEquals(new int[] {100, 60}, reds(image, Background.parse("#640000")));
    }

    private static int[] reds(BufferedImage image, Background background) {
        PixelImage pixels = new ImageDecoder(background).convert(image);
        return new int[] {pixels.at(0, 0, 0), pixels.at(1, 0, 0)};
    }

    // Whatever is cut off: either it is noticed, or all pixels were there already.
    @ParameterizedTest
    @ValueSource(
            strings = {
                "baseline.jpg",
                "progressive.jpg",
                "grey.jpg",
                "cmyk.jpg",
                "colour.png",
                "palette.png",
                "colour-16.png",
                "colour.bmp",
                "palette.gif",
                "lossy.webp",
                "lossless.webp"
            })
    void filesCutShortAreRefused(String name) throws IOException {
        byte[] content = Files.readAllBytes(GoldenImages.folder().resolve(name));
        PixelImage whole = decoder.decode(name, content.clone());
        int refused = 0;
        for (int length = 0; length < content.length; length++) {
            byte[] cut = Arrays.copyOf(content, length);
            try {
                assertEquals(0, GoldenImages.difference(whole, decoder.decode(name, cut)), name + " cut to " + length);
            } catch (UserError e) {
                assertTrue(e.getMessage().startsWith("cannot read " + name + ": "), e.getMessage());
                refused++;
            }
        }
        assertTrue(refused >= content.length - 24, refused + " of " + content.length);
    }

    @Test
    void damagedFilesGiveAnImageOrOneError() throws IOException {
        Philox draw = new Philox(5, Philox.Purpose.TEST, 0, 0, 0);
        int element = 0;
        int errors = 0;
        for (String name : goldenFiles()) {
            byte[] content = Files.readAllBytes(GoldenImages.folder().resolve(name));
            for (int trial = 0; trial < 60; trial++) {
                byte[] damaged = content.clone();
                for (int flip = 0; flip < 1 + trial % 4; flip++) {
                    damaged[draw.below(element++, damaged.length)] = (byte) draw.below(element++, 256);
                }
                try {
                    PixelImage image = new ImageDecoder(Background.WHITE, 1 << 20).decode(name, damaged);
                    assertTrue(image.width() * image.height() <= 1 << 20);
                } catch (UserError e) {
                    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
                    errors++;
                }
            }
        }
        assertNotEquals(0, errors);
    }

    @Test
    void whatIsNoImageIsRefusedByName() throws IOException {
        Path empty = Files.write(folder.resolve("empty.png"), new byte[0]);
        assertMessage("cannot read " + empty + ": the file is empty", empty);
        Path text = Files.writeString(folder.resolve("text.jpg"), "not an image at all\n");
        assertMessage(
                "cannot read " + text + ": it is no image of a known format; expected PNG, JPEG, BMP, GIF or WebP",
                text);
        Path missing = folder.resolve("missing.png");
        assertMessage("cannot read " + missing + ": no such file or folder", missing);
        assertMessage("cannot read " + folder + ": it is not a regular file", folder);
    }

    @Test
    void imagesBeyondAllMeasureAreRefusedBeforeTheyAreUnpacked() throws IOException {
        Path png = Files.write(folder.resolve("bomb.png"), pngHeader(100_000, 100_000));
        assertMessage("cannot read " + png + ": the image has 100000x100000 pixels; up to 178956970 are read", png);
        byte[] jpeg = Files.readAllBytes(GoldenImages.folder().resolve("full.jpg"));
        int frame = indexOf(jpeg, new byte[] {(byte) 0xff, (byte) 0xc0});
        ByteBuffer.wrap(jpeg).putShort(frame + 5, (short) 65_000).putShort(frame + 7, (short) 65_000);
        Path file = Files.write(folder.resolve("bomb.jpg"), jpeg);
        assertMessage("cannot read " + file + ": the image has 65000x65000 pixels; up to 178956970 are read", file);
        UserError small = assertThrows(
                UserError.class,
                () -> new ImageDecoder(Background.WHITE, 100)
                        .decode(GoldenImages.folder().resolve("full.jpg")));
        assertTrue(small.getMessage().endsWith("the image has 21x14 pixels; up to 100 are read"), small.getMessage());
    }

    // A damaged size is not worth the memory it asks for; an image of one colour may well be that large.
    @Test
    void moreThanAFileCanHoldIsRefusedBeforeItIsUnpacked() throws IOException {
        Path png = Files.write(folder.resolve("damaged.png"), pngHeader(10_000, 10_000));
        assertMessage(
                "cannot read " + png + ": the PNG image is damaged: its size of 10000x10000 pixels is more than "
                        + Files.size(png) + " bytes can hold",
                png);
        byte[] jpeg = Files.readAllBytes(GoldenImages.folder().resolve("full.jpg"));
        int frame = indexOf(jpeg, new byte[] {(byte) 0xff, (byte) 0xc0});
        ByteBuffer.wrap(jpeg).putShort(frame + 5, (short) 9_000).putShort(frame + 7, (short) 9_000);
        Path file = Files.write(folder.resolve("damaged.jpg"), jpeg);
        assertMessage(
                "cannot read " + file + ": the JPEG image is damaged: its size of 9000x9000 pixels is more than "
                        + jpeg.length + " bytes can hold",
                file);
        for (String format : List.of("png", "gif", "jpg", "bmp")) {
            BufferedImage grey = new BufferedImage(
                    1000, 2000, format.equals("jpg") ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_BYTE_BINARY);
            Path large = folder.resolve("large." + format);
            assertTrue(ImageIO.write(grey, format, large.toFile()), format);
            PixelImage read = decoder.decode(large);
            assertEquals(1000, read.width(), format);
            assertEquals(2000, read.height(), format);
        }
    }

    // Found by DamagedImagesTest: the decoder went on with zeros forever where the file's bits had come to their end.
    @Test
    void webpThatLacksBitsIsRefused() throws IOException {
        byte[] content = Files.readAllBytes(GoldenImages.folder().resolve("profile.webp"));
        for (int i = 0; i < 36; i++) {
            byte moved = content[1141 + i];
            content[1141 + i] = content[634 + i];
            content[634 + i] = moved;
        }
        assertEquals(
                "cannot read it.webp: the WEBP image is damaged: it is cut short",
                assertThrows(UserError.class, () -> decoder.decode("it.webp", content))
                        .getMessage());
    }

    @Test
    void aNameOnlySaysWhereToLook() throws IOException {
        Path png = folder.resolve("really-a-png.jpg");
        Files.copy(GoldenImages.folder().resolve("colour.png"), png);
        assertEquals("21x14x3", decoder.decode(png).toString());
        for (String name : List.of("a.png", "B.JPG", "c.d.jpeg", "x.WebP", "y.bmp", "z.gif")) {
            assertTrue(ImageFormat.isImageName(Path.of("some", name)), name);
        }
        for (String name : List.of("a.txt", "png", ".png", "._a.jpg", "a.png.part", "a.npy")) {
            assertFalse(ImageFormat.isImageName(Path.of("some", name)), name);
        }
    }

    @Test
    void exifThatIsNoneLeavesTheImageAsItIs() {
        assertEquals(Orientation.NORMAL, Orientation.ofExif(new byte[0]));
        assertEquals(Orientation.NORMAL, Orientation.ofExif("II*\0".getBytes(StandardCharsets.ISO_8859_1)));
        byte[] exif = exif(6);
        assertEquals(Orientation.CLOCKWISE, Orientation.ofExif(exif));
        assertEquals(Orientation.NORMAL, Orientation.ofExif(exif(9)));
        assertEquals(Orientation.NORMAL, Orientation.ofExif(exif(0)));
        Philox draw = new Philox(6, Philox.Purpose.TEST, 0, 0, 0);
        for (int trial = 0; trial < 2000; trial++) {
            byte[] damaged = exif.clone();
            damaged[draw.below(3L * trial, damaged.length)] = (byte) draw.below(3L * trial + 1, 256);
            damaged[draw.below(3L * trial + 2, damaged.length)] = (byte) 0xff;
            assertTrue(Orientation.ofExif(damaged) != null);
        }
    }

    // One entry, the orientation, in a little-endian TIFF.
    private static byte[] exif(int value) {
        return ByteBuffer.allocate(26)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .put((byte) 'I')
                .put((byte) 'I')
                .putShort((short) 42)
                .putInt(8)
                .putShort((short) 1)
                .putShort((short) 274)
                .putShort((short) 3)
                .putInt(1)
                .putInt(value)
                .putInt(0)
                .array();
    }

    private static byte[] pngHeader(int width, int height) throws IOException {
        byte[] header = ByteBuffer.allocate(17)
                .put("IHDR".getBytes(StandardCharsets.ISO_8859_1))
                .putInt(width)
                .putInt(height)
                .put(new byte[] {8, 2, 0, 0, 0})
                .array();
        CRC32 crc = new CRC32();
        crc.update(header);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write("\u0089PNG\r\n\u001a\n".getBytes(StandardCharsets.ISO_8859_1));
        out.write(ByteBuffer.allocate(4).putInt(13).array());
        out.write(header);
        out.write(ByteBuffer.allocate(4).putInt((int) crc.getValue()).array());
        out.write(ByteBuffer.allocate(12)
                .putInt(0)
                .put("IDAT".getBytes(StandardCharsets.ISO_8859_1))
                .array());
        return out.toByteArray();
    }

    private void assertMessage(String expected, Path file) {
        assertEquals(
                expected,
                assertThrows(UserError.class, () -> decoder.decode(file)).getMessage());
    }

    private static int indexOf(byte[] content, byte[] word) {
        for (int i = 0; i + word.length <= content.length; i++) {
            if (Arrays.equals(content, i, i + word.length, word, 0, word.length)) {
                return i;
            }
        }
        throw new AssertionError("not there");
    }
}
