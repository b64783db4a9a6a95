package dev.palimpsest.configs.checks;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The word for a variant of a sealed family in a recipe: {@code init: {pretrained: ...}}. Without
 * this annotation it is the variant's own name with a lower-case first letter.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Key {
  /** The word. */
  String value();
}
