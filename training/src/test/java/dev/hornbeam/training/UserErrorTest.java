package dev.hornbeam.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.MalformedInputException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class UserErrorTest {
    @Test
    void messagesAreOneLineWhateverAFilePutsIn() {
        assertEquals("names.txt: 'a?b?c?d'", new UserError("names.txt: 'a\nb\u0007c\u2028d'").getMessage());
        assertEquals("x? y", new UserError("x\u001b y", new IllegalStateException("?")).getMessage());
    }

    @Test
    void longMessagesLoseTheirMiddle() {
        String message = new UserError("begin" + "x".repeat(100_000) + "end").getMessage();
        assertEquals(4_005, message.length());
        assertTrue(message.startsWith("beginxx") && message.endsWith("xxend") && message.contains("x ... x"), message);
    }

    @Test
    void textInAnotherEncodingIsCalledThat() {
        assertEquals(
                "cannot read names.txt: it is not text in UTF-8",
                UserError.cannotRead(Path.of("names.txt"), new MalformedInputException(1))
                        .getMessage());
    }
}
