package dev.hornbeam;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.codeUnits;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What users of this module may see of it, and what its classes may use. */
final class ArchitectureTest {
    private static JavaClasses main;

    @BeforeAll
    static void readClasses() {
        main = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("dev.hornbeam");
    }

    @Test
    void signaturesThatUsersSeeHaveNeitherInternalTypesNorForeignMemory() {
        codeUnits().that(areSeenByUsers()).should(nameOnlyPublicTypes()).check(main);
        fields().that(areSeenByUsers()).should(nameOnlyPublicTypes()).check(main);
    }

    private static DescribedPredicate<JavaMember> areSeenByUsers() {
        return describe(
                "are seen by users",
                member -> isOpen(member) && !member.getOwner().getPackageName().startsWith("dev.hornbeam.internal"));
    }

    // A member is seen when it and all classes around it are.
    private static boolean isOpen(JavaMember member) {
        boolean open = isOpen(member.getModifiers());
        for (JavaClass around = member.getOwner(); around != null; ) {
            open &= isOpen(around.getModifiers());
            around = around.getEnclosingClass().orElse(null);
        }
        return open;
    }

    private static boolean isOpen(Set<JavaModifier> modifiers) {
        return modifiers.contains(JavaModifier.PUBLIC) || modifiers.contains(JavaModifier.PROTECTED);
    }

    private static <T extends JavaMember> ArchCondition<T> nameOnlyPublicTypes() {
        return new ArchCondition<>("name only types that users can see") {
            @Override
            public void check(T member, ConditionEvents events) {
                for (JavaType type : typesOf(member)) {
                    for (JavaClass named : type.getAllInvolvedRawTypes()) {
                        String from = named.getPackageName();
                        boolean hidden =
                                from.startsWith("dev.hornbeam.internal") || from.startsWith("java.lang.foreign");
                        events.add(new SimpleConditionEvent(
                                member, !hidden, member.getFullName() + " names " + named.getName()));
                    }
                }
            }
        };
    }

    private static List<JavaType> typesOf(JavaMember member) {
        List<JavaType> types = new ArrayList<>();
        if (member instanceof JavaField field) {
            types.add(field.getType());
        } else if (member instanceof JavaCodeUnit code) {
            types.add(code.getReturnType());
            types.addAll(code.getParameterTypes());
        }
        return types;
    }

    @Test
    void randomNumbersComeFromPhilox() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .areAssignableTo(RandomGenerator.class)
                .orShould()
                .callMethod(Math.class, "random")
                .orShould()
                .callMethod(Collections.class, "shuffle", List.class)
                .check(main);
    }

    @Test
    void classesSayWhatTheyAre() {
        classes().should().haveNameNotMatching(".*(Utils?|Helper|Manager|Impl)").check(main);
    }
}
