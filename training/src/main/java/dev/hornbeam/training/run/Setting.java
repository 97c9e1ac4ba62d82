package dev.hornbeam.training.run;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** What a configuration key means, its default and the values it takes; stands on a record component. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@interface Setting {
    /** The {@link #def()} of a key that must be given. */
    String REQUIRED = "<required>";

    /** One line for the list of keys. */
    String doc();

    /** The default, as it would stand in YAML; {@code {}} takes the defaults of a whole section. */
    String def() default REQUIRED;

    /** The legal interval of a number, as in {@code [0, 1)} or {@code (0, inf)}. */
    String range() default "";
}
