package dev.hornbeam.training.image;

import java.io.IOException;
import javax.imageio.IIOException;
import javax.imageio.stream.ImageInputStreamImpl;

/**
 * The content of an image file, as Java's decoders read it.
 *
 * <p>Its end is one for good: a decoder that takes what is missing for zeros, as that of WebP does, may go on asking forever.
 */
final class ImageContent extends ImageInputStreamImpl {
    // Whole images have their decoders ask some twenty times, those that look ahead.
    private static final int MOST_QUESTIONS = 4096;

    private final byte[] content;
    private int questions;

    ImageContent(byte[] content) {
        this.content = content;
    }

    @Override
    public int read() throws IOException {
        bitOffset = 0;
        if (streamPos >= content.length) {
            return end();
        }
        return content[(int) streamPos++] & 0xff;
    }

    @Override
    public int read(byte[] target, int from, int count) throws IOException {
        bitOffset = 0;
        if (count == 0) {
            return 0;
        }
        if (streamPos >= content.length) {
            return end();
        }
        int taken = (int) Math.min(count, content.length - streamPos);
        System.arraycopy(content, (int) streamPos, target, from, taken);
        streamPos += taken;
        return taken;
    }

    private int end() throws IIOException {
        questions++;
        if (questions > MOST_QUESTIONS) {
            throw new IIOException("it is cut short");
        }
        return -1;
    }

    @Override
    public long length() {
        return content.length;
    }
}
