package dev.hornbeam.models.onnx;

import dev.hornbeam.nn.NetworkTrace;

/** A network does something that an ONNX file cannot say; the message names the op and its module. */
public final class OnnxExportException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** With a message for the user. */
    public OnnxExportException(String message) {
        super(message);
    }

    static OnnxExportException at(NetworkTrace.Step step, String problem) {
        return new OnnxExportException("cannot export " + step.place() + ": " + problem);
    }
}
