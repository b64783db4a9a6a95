package dev.palimpsest.configs.checks;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The value of a record component when a recipe does not give it, written as YAML: {@code "0"},
 * {@code "f32"}, {@code "{}"}. A component with neither this nor {@code @Nullable} is a required
 * fact.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Default {
  /** The default, as YAML. */
  String value();
}
