package dev.hornbeam.optim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ScheduleTest {
    private static final double EXACT = 1e-15;

    private static double at(Schedule schedule, long step) {
        return schedule.factor(Progress.ofEpochs(step, 10, 20));
    }

    @Test
    void constantStepAndMultiStep() {
        assertEquals(1, at(Schedule.constant(), 150));
        Schedule step = Schedule.step(5, 0.1);
        assertEquals(1, at(step, 49));
        assertEquals(0.1, at(step, 50), EXACT);
        assertEquals(0.001, at(step, 199), EXACT);
        Schedule milestones = Schedule.multiStep(0.2, 6, 12, 16);
        assertEquals(1, at(milestones, 59));
        assertEquals(0.2, at(milestones, 60), EXACT);
        assertEquals(0.04, at(milestones, 159), EXACT);
        assertEquals(0.008, at(milestones, 160), EXACT);
    }

    @Test
    void cosineGoesFromOneToTheFloor() {
        assertEquals(1, at(Schedule.cosine(0.1), 0));
        assertEquals(0.55, at(Schedule.cosine(0.1), 100), EXACT);
        assertEquals(0.1, at(Schedule.cosine(0.1), 200), EXACT);
        assertEquals(0, at(Schedule.cosine(0), 500), EXACT);
        // (1 + cos(pi / 4)) / 2
        assertEquals(0.8535533905932737, at(Schedule.cosine(0), 50), EXACT);
    }

    @Test
    void linearAnnealIsDampsSchedule() {
        Schedule anneal = Schedule.linearAnneal();
        assertEquals(1, at(anneal, 0));
        assertEquals(1, at(anneal, 100));
        assertEquals(1 - 0.99 * 0.5, at(anneal, 140), EXACT);
        assertEquals(0.01, at(anneal, 180), EXACT);
        assertEquals(0.01, at(anneal, 199), EXACT);
    }

    @Test
    void warmUpGrowsToWhereTheScheduleBegins() {
        Schedule shifted = Schedule.cosine(0).afterWarmUp(40, 0.2);
        assertEquals(0.2, at(shifted, 0), EXACT);
        assertEquals(0.6, at(shifted, 20), EXACT);
        assertEquals(1, at(shifted, 40), EXACT);
        assertEquals(0.5, at(shifted, 120), EXACT);
        assertEquals(0, at(shifted, 200), EXACT);
        Schedule milestones = Schedule.multiStep(0.1, 10);
        assertEquals(1, at(milestones.afterWarmUp(40, 0), 139), EXACT);
        assertEquals(0.1, at(milestones.afterWarmUp(40, 0), 140), EXACT);
        assertEquals(1, at(milestones.withWarmUp(40, 0), 99), EXACT);
        assertEquals(0.1, at(milestones.withWarmUp(40, 0), 100), EXACT);
        assertEquals(0.25, at(Schedule.constant().withWarmUp(40, 0), 10), EXACT);
        assertEquals(1, at(Schedule.constant().withWarmUp(0, 0), 0), EXACT);
    }

    @Test
    void perEpochKeepsTheFirstStepsValue() {
        Schedule steps = Schedule.cosine(0).perEpoch();
        assertEquals(at(Schedule.cosine(0), 70), at(steps, 79));
        assertEquals(at(Schedule.cosine(0), 80), at(steps, 80));
    }

    @Test
    void wrongNumbersAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Schedule.step(0, 0.1));
        assertThrows(IllegalArgumentException.class, () -> new Schedule.LinearAnneal(0.9, 0.5, 0.1));
        assertThrows(IllegalArgumentException.class, () -> Schedule.constant().afterWarmUp(-1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Progress(-1, 1, 1));
        assertThrows(IllegalArgumentException.class, () -> new Progress(0, 0, 1));
    }
}
