package dev.hornbeam.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.TensorScope;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails every test that leaves a tensor, a scope or a stopped tape behind. It runs around each test of the module, because
 * META-INF/services names it and junit-platform.properties lets JUnit look there.
 */
public final class LeakAlarm implements BeforeEachCallback, AfterEachCallback {
    private static final ExtensionContext.Namespace OWN = ExtensionContext.Namespace.create(LeakAlarm.class);

    @Override
    public void beforeEach(ExtensionContext context) {
        context.getStore(OWN).put("live", Engine.memory().liveTensors());
    }

    @Override
    public void afterEach(ExtensionContext context) {
        long before = context.getStore(OWN).get("live", Long.class);
        assertNull(TensorScope.current(), "the test left a scope open");
        assertEquals(true, Autograd.isRecording(), "the test left the tape stopped");
        assertEquals(before, Engine.memory().liveTensors(), "the test left tensors behind, or closed others'");
    }
}
