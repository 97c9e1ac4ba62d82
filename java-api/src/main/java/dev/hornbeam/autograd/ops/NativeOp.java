package dev.hornbeam.autograd.ops;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Says which op of the engine's registry a class puts before Java. A test compares these with the registry, so that no op
 * is without a class and none claims another gradient than the engine has.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
@Repeatable(NativeOps.class)
public @interface NativeOp {
    /** The op's name in the registry, such as {@code conv2d}. */
    String value();

    /**
     * Names of its backward ops separated by spaces; {@code composed} when the gradient is made of other ops; {@code none}
     * when the op is not differentiable.
     */
    String gradient();
}
