package dev.hornbeam.training.image;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * Decodes JPEG with libjpeg-turbo, through its TurboJPEG interface, where the system has it ({@code libturbojpeg.so.0}).
 *
 * <p>Pixels are those of libjpeg-turbo's accurate inverse DCT ("islow") and interpolated chroma ("fancy upsampling"), which
 * Pillow and OpenCV give too. The only class of this module that calls native code: sizes are taken from the same copy
 * of the file that is decoded afterwards, every buffer is as large as the call is told, and damage comes back as an error code.
 *
 * <p>Any number of threads may use it.
 */
@SuppressWarnings("restricted") // Calling native code is what it is for.
final class TurboJpeg {
    private static final String LIBRARY = "libturbojpeg.so.0";
    private static final int RGB = 0;
    private static final int GREY = 6;
    // Islow, and an end with an error at more than 500 scans, with which a small file could take minutes.
    private static final int ACCURATE_DCT = 4096;
    private static final int LIMIT_SCANS = 32768;
    private static final int FLAGS = ACCURATE_DCT | LIMIT_SCANS;
    private static final int NO_ERROR = 0;
    private static final int CMYK = 3;
    private static final int GREY_SPACE = 2;
    // The library scales by any number of these.
    private static final int EIGHTHS = 8;

    private static final Optional<TurboJpeg> LOADED = load();

    private final MethodHandle begin;
    private final MethodHandle header;
    private final MethodHandle decompress;
    private final MethodHandle end;

    private TurboJpeg(Linker linker, SymbolLookup library) {
        AddressLayout pointer = ValueLayout.ADDRESS;
        ValueLayout.OfInt number = ValueLayout.JAVA_INT;
        // unsigned long has 64 bits wherever this library's name is used.
        ValueLayout.OfLong size = ValueLayout.JAVA_LONG;
        begin = linker.downcallHandle(library.findOrThrow("tjInitDecompress"), FunctionDescriptor.of(pointer));
        header = linker.downcallHandle(
                library.findOrThrow("tjDecompressHeader3"),
                FunctionDescriptor.of(number, pointer, pointer, size, pointer, pointer, pointer, pointer));
        decompress = linker.downcallHandle(
                library.findOrThrow("tjDecompress2"),
                FunctionDescriptor.of(number, pointer, pointer, size, pointer, number, number, number, number, number));
        end = linker.downcallHandle(library.findOrThrow("tjDestroy"), FunctionDescriptor.of(number, pointer));
    }

    /** Returns the decoder; empty where the library is not there, or native code is not allowed. */
    static Optional<TurboJpeg> get() {
        return LOADED;
    }

    private static Optional<TurboJpeg> load() {
        if ("java".equals(System.getProperty("hornbeam.jpeg"))) {
            return Optional.empty();
        }
        try {
            return Optional.of(
                    new TurboJpeg(Linker.nativeLinker(), SymbolLookup.libraryLookup(LIBRARY, Arena.global())));
        } catch (IllegalArgumentException
                | NoSuchElementException
                | UnsupportedOperationException
                | IllegalCallerException e) {
            return Optional.empty();
        }
    }

    /**
     * Decodes an image of one or three channels.
     *
     * @param shorterSide the image may be decoded smaller, in eighths, as long as its shorter side has that many pixels; 0 for
     *     its own size
     * @param width from the frame header, as the caller has checked it
     * @param height from the frame header
     * @return the image as it is stored; empty if the library cannot decode it without an error or a warning: then another
     *     decoder may, or say what is wrong
     */
    Optional<PixelImage> decode(byte[] content, int shorterSide, int width, int height) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = (MemorySegment) begin.invokeExact();
            if (handle.address() == 0) {
                return Optional.empty();
            }
            try {
                return decode(arena, handle, content, shorterSide, width, height);
            } finally {
                int _ = (int) end.invokeExact(handle);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("calling " + LIBRARY + " failed", e);
        }
    }

    private Optional<PixelImage> decode(
            Arena arena, MemorySegment handle, byte[] content, int shorterSide, int width, int height)
            throws Throwable {
        MemorySegment file = arena.allocateFrom(ValueLayout.JAVA_BYTE, content);
        MemorySegment facts = arena.allocate(ValueLayout.JAVA_INT, 4);
        int code = (int) header.invokeExact(
                handle, file, (long) content.length, facts, facts.asSlice(4), facts.asSlice(8), facts.asSlice(12));
        if (code != NO_ERROR) {
            return Optional.empty();
        }
        // The caller has read the header in its own way; what the two do not agree about is left to the other decoder.
        if (facts.getAtIndex(ValueLayout.JAVA_INT, 0) != width || facts.getAtIndex(ValueLayout.JAVA_INT, 1) != height) {
            return Optional.empty();
        }
        int colours = facts.getAtIndex(ValueLayout.JAVA_INT, 3);
        boolean grey = colours == GREY_SPACE;
        if (colours < 0 || colours >= CMYK) {
            return Optional.empty();
        }
        int eighths = eighths(Math.min(width, height), shorterSide);
        int outWidth = scaled(width, eighths);
        int outHeight = scaled(height, eighths);
        int channels = grey ? 1 : 3;
        int length = Math.multiplyExact(Math.multiplyExact(outWidth, outHeight), channels);
        MemorySegment pixels = arena.allocate(length);
        code = (int) decompress.invokeExact(
                handle,
                file,
                (long) content.length,
                pixels,
                outWidth,
                outWidth * channels,
                outHeight,
                grey ? GREY : RGB,
                FLAGS);
        // Damage that the library can live with is left to the other decoder as well, which tells some of it from a
        // cut.
        if (code != NO_ERROR) {
            return Optional.empty();
        }
        return Optional.of(new PixelImage(outWidth, outHeight, channels, pixels.toArray(ValueLayout.JAVA_BYTE)));
    }

    /** The fewest eighths that leave {@code wanted} pixels of {@code side}; 8 if nothing is wanted. */
    static int eighths(int side, int wanted) {
        if (wanted <= 0) {
            return EIGHTHS;
        }
        for (int eighths = 1; eighths < EIGHTHS; eighths++) {
            if (scaled(side, eighths) >= wanted) {
                return eighths;
            }
        }
        return EIGHTHS;
    }

    // The library's own rule, by which it also finds the factor again: rounded up.
    private static int scaled(int side, int eighths) {
        return (int) (((long) side * eighths + EIGHTHS - 1) / EIGHTHS);
    }
}
