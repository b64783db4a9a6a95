package dev.palimpsest.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.ArchConfiguration;
import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The rules of docs/architecture.md that a compiler does not hold. */
class ArchitectureTest {
  private static final String OURS = "dev.palimpsest..";

  private static JavaClasses classes = new ClassFileImporter().importClasses();

  @BeforeAll
  static void read() {
    // The rules go by packages: what is in other people's classes does not matter, and takes long.
    ArchConfiguration.get().setResolveMissingDependenciesFromClassPath(false);
    classes =
        new ClassFileImporter()
            .withImportOption(new DoNotIncludeTests())
            .importPackages("dev.palimpsest");
  }

  @Test
  void arrowsPointDownOnly() {
    layeredArchitecture()
        .consideringOnlyDependenciesInAnyPackage(OURS)
        .layer("configs")
        .definedBy("dev.palimpsest.configs..", "dev.palimpsest.files..")
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
        .ensureAllClassesAreContainedInArchitecture()
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
        .mayNotBeAccessedByAnyLayer()
        .check(classes);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("dev.palimpsest.(**)").should().beFreeOfCycles().check(classes);
  }

  @Test
  void configsNeedNoTensorsNoArrowAndNoWiring() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.palimpsest.configs..", "dev.palimpsest.files..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "ai.djl..", "org.apache.arrow..", "com.google.inject..", "jakarta.inject..")
        .check(classes);
  }

  @Test
  void onlyTheCommandLineWires() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.palimpsest.cli..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("com.google.inject..")
        .check(classes);
  }

  @Test
  void dataKnowsNoNetwork() {
    noClasses()
        .that()
        .resideInAPackage("dev.palimpsest.mixtures..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("ai.djl.ndarray..", "ai.djl.pytorch..")
        .check(classes);
  }

  /** The engine's package-private calls are reached through a class of ours, for the model only. */
  @Test
  void onlyTheModelReachesIntoTheEngine() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.palimpsest.model..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("ai.djl.pytorch.jni..")
        .check(classes);
  }

  /**
   * Networks reach parameters through leases of {@code Weights} alone, so that what lies behind can
   * be gathered, streamed or computed.
   */
  @Test
  void networksKnowNoParametersButThroughWeights() {
    noClasses()
        .that()
        .resideInAPackage("dev.palimpsest.model..")
        .and(
            DescribedPredicate.not(
                HasName.Predicates.nameMatching(
                    "dev\\.palimpsest\\.model\\.(.*\\.)?(Parameters|Weights|LocalWeights|GatheredParameters|DividedGradients|Initialization)(\\$.*)?")))
        .should()
        .dependOnClassesThat()
        .haveSimpleName("Parameters")
        .check(classes);
  }

  /** So that no command computes on another device than the one it was given. */
  @Test
  void onlyTheMachineAndTheModelOpenADeviceAndTheyNameIt() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.palimpsest.cli.machine..", "dev.palimpsest.model..")
        .should()
        .callMethodWhere(opensADevice(call -> true))
        .check(classes);
    noClasses()
        .should()
        .callMethodWhere(opensADevice(call -> call.getTarget().getRawParameterTypes().isEmpty()))
        .check(classes);
  }

  private static DescribedPredicate<JavaMethodCall> opensADevice(Predicate<JavaMethodCall> how) {
    return DescribedPredicate.describe(
        "opens a manager above all others",
        call -> call.getTarget().getName().equals("newBaseManager") && how.test(call));
  }

  /** So that there is one place that says how JSON is read and written. */
  @Test
  void onlyOneClassMakesMappersOfJson() {
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("dev.palimpsest.files.Json")
        .should()
        .callConstructorWhere(
            DescribedPredicate.describe(
                "makes an ObjectMapper",
                call -> call.getTargetOwner().getSimpleName().matches("(Object|Json)Mapper")))
        .orShould()
        .callMethodWhere(
            DescribedPredicate.describe(
                "builds a JsonMapper",
                call ->
                    call.getTargetOwner().getSimpleName().equals("JsonMapper")
                        && call.getTarget().getName().equals("builder")))
        .check(classes);
  }

  @Test
  void packagesAreNounsOfTheField() {
    noClasses()
        .should()
        .resideInAnyPackage("..util..", "..utils..", "..common..", "..impl..", "..service..")
        .check(classes);
  }
}
