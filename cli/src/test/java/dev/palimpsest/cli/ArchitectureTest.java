package dev.palimpsest.cli;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The rules of docs/architecture.md that a compiler does not hold. */
@AnalyzeClasses(
    packages = {"dev.palimpsest", "ai.djl.pytorch.jni"},
    importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String OURS = "dev.palimpsest..";

  @ArchTest
  static final ArchRule arrowsPointDownOnly =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage(OURS)
          .layer("configs")
          .definedBy("dev.palimpsest.configs..")
          .layer("model")
          .definedBy("dev.palimpsest.model..")
          .layer("mixtures")
          .definedBy("dev.palimpsest.mixtures..")
          .layer("checkpoints")
          .definedBy("dev.palimpsest.checkpoints..")
          .layer("eval")
          .definedBy("dev.palimpsest.eval..")
          .layer("stages")
          .definedBy("dev.palimpsest.stages..")
          .layer("cli")
          .definedBy("dev.palimpsest.cli..")
          .ensureAllClassesAreContainedInArchitectureIgnoring("ai.djl..")
          .whereLayer("configs")
          .mayNotAccessAnyLayer()
          .whereLayer("model")
          .mayOnlyAccessLayers("configs")
          .whereLayer("mixtures")
          .mayOnlyAccessLayers("configs")
          .whereLayer("checkpoints")
          .mayOnlyAccessLayers("model", "configs")
          .whereLayer("eval")
          .mayOnlyAccessLayers("model", "mixtures", "configs")
          .whereLayer("stages")
          .mayOnlyAccessLayers("checkpoints", "eval", "model", "mixtures", "configs")
          .whereLayer("cli")
          .mayNotBeAccessedByAnyLayer();

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      slices().matching("dev.palimpsest.(**)").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule configsNeedNoTensorsNoArrowNoWiring =
      noClasses()
          .that()
          .resideInAPackage("dev.palimpsest.configs..")
          .should()
          .dependOnClassesThat(
              resideInAnyPackage(
                  "ai.djl..", "org.apache.arrow..", "com.google.inject..", "jakarta.inject.."));

  @ArchTest
  static final ArchRule onlyTheCommandLineWires =
      noClasses()
          .that(resideOutsideOfPackages("dev.palimpsest.cli.."))
          .and()
          .resideInAPackage(OURS)
          .should()
          .dependOnClassesThat()
          .resideInAPackage("com.google.inject..");

  @ArchTest
  static final ArchRule dataHasNoNetwork =
      noClasses()
          .that()
          .resideInAPackage("dev.palimpsest.mixtures..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("ai.djl.ndarray..", "ai.djl.pytorch..");

  /**
   * The engine's package-private calls are reached through one class of ours, for the model only.
   */
  @ArchTest
  static final ArchRule onlyTheModelReachesIntoTheEngine =
      noClasses()
          .that(resideOutsideOfPackages("dev.palimpsest.model..", "ai.djl.."))
          .should()
          .dependOnClassesThat()
          .resideInAPackage("ai.djl.pytorch.jni..");

  @ArchTest
  static final ArchRule packagesAreNounsOfTheField =
      noClasses()
          .that()
          .resideInAPackage(OURS)
          .should()
          .resideInAnyPackage("..util..", "..utils..", "..common..", "..impl..", "..service..");
}
