package dev.hornbeam.training.sharpness;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.Module;
import dev.hornbeam.nn.Parameter;
import dev.hornbeam.tensor.DType;
import dev.hornbeam.tensor.Device;
import dev.hornbeam.tensor.Engine;
import dev.hornbeam.tensor.Philox;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class SharpnessTest {

    /** 0.5 (w - c)' diag(curvatures) (w - c) + 1. */
    @SuppressWarnings("ArrayRecordComponent") // Made and read at once; never compared.
    private record Bowl(double[] curvatures, double[] weights) implements LossFunction {
        @Override
        public double loss(double[] at) {
            double sum = 1;
            for (int i = 0; i < at.length; i++) {
                sum += 0.5 * curvatures[i] * at[i] * at[i];
            }
            return sum;
        }

        @Override
        public Slope slope(double[] at) {
            double[] gradient = new double[at.length];
            for (int i = 0; i < at.length; i++) {
                gradient[i] = curvatures[i] * at[i];
            }
            return new Slope(loss(at), gradient);
        }
    }

    @Test
    void worstLossOfABowl() {
        // At (0, 3) the steepest way is also the worst one: 0.5 * 2 * (3 + 0.5)^2 + 1.
        WorstLoss along = WorstLoss.find(new Bowl(new double[] {1, 2}, new double[] {0, 3}), 0.5, 5);
        assertEquals(10, along.clean(), 1e-12);
        assertEquals(13.25, along.sam(), 1e-12);
        assertEquals(13.25, along.worst(), 1e-12);
        // At (1, 0.1) SAM goes along the flat direction mostly; the worst point of the ball is where the gradient
        // points
        // outwards: found by trying every angle.
        Bowl steep = new Bowl(new double[] {1, 8}, new double[] {1, 0.1});
        double worst = 0;
        for (int k = 0; k < 100_000; k++) {
            double angle = 2 * Math.PI * k / 100_000;
            worst = Math.max(worst, steep.loss(new double[] {1 + 0.7 * Math.cos(angle), 0.1 + 0.7 * Math.sin(angle)}));
        }
        WorstLoss found = WorstLoss.find(steep, 0.7, 40);
        assertEquals(worst, found.worst(), 1e-3 * worst);
        assertTrue(found.sam() < 0.95 * worst, found.toString());
        assertEquals(
                1,
                WorstLoss.find(new Bowl(new double[] {1}, new double[] {0}), 1, 3)
                        .worst(),
                "a flat spot");
        assertThrows(IllegalArgumentException.class, () -> WorstLoss.find(steep, -1, 3));
    }

    @Test
    void largestEigenvalueOfABowl() {
        double[] at = {0.3, -0.2, 1, 2};
        LeadingCurvature found = LeadingCurvature.find(new Bowl(new double[] {5, 1, 0.5, -2}, at), 200, 1e-6, 1e-3, 1);
        assertEquals(5, found.eigenvalue(), 1e-6);
        assertTrue(found.converged());
        // The largest in size is negative.
        LeadingCurvature saddle = LeadingCurvature.find(new Bowl(new double[] {3, 1, 0.5, -8}, at), 500, 1e-6, 1e-3, 1);
        assertEquals(3, saddle.eigenvalue(), 1e-5);
        LeadingCurvature hasty = LeadingCurvature.find(new Bowl(new double[] {5, 4.99, 0.5, 1}, at), 2, 1e-6, 1e-3, 1);
        assertFalse(hasty.converged());
        assertEquals(2, hasty.iterations());
        assertThrows(IllegalArgumentException.class, () -> LeadingCurvature.find(new Bowl(at, at), 0, 1e-3, 1e-3, 1));
    }

    @Test
    void landscapeOfABowl() {
        Bowl bowl = new Bowl(new double[] {2, 4}, new double[] {0, 0});
        int[] told = {0};
        LossLandscape plane =
                LossLandscape.of(bowl, new double[] {1, 0}, new double[] {0, 2}, 1, 3, count -> told[0] += count);
        assertEquals(9, told[0]);
        assertArrayEquals(new double[] {-1, 0, 1}, plane.offsets(), 1e-15);
        assertArrayEquals(new double[] {10, 9, 10}, plane.losses()[0], 1e-12);
        assertArrayEquals(new double[] {2, 1, 2}, plane.losses()[1], 1e-12);
        assertTrue(plane.toCsv().startsWith("a,b,loss\n-1.00000,-1.00000,10.0000"), plane.toCsv());
        LossLandscape line = LossLandscape.of(bowl, new double[] {1, 0}, null, 2, 5, _ -> {});
        assertArrayEquals(new double[] {5, 2, 1, 2, 5}, line.losses()[0], 1e-12);
        String picture = LandscapePlot.svg(line, "a < b");
        assertTrue(picture.contains("a &lt; b") && picture.contains("<polyline"), picture);
        assertEquals(
                9,
                LandscapePlot.svg(plane, "p")
                        .lines()
                        .filter(l -> l.contains("height=\"140.40\""))
                        .count());
        assertThrows(
                IllegalArgumentException.class, () -> LossLandscape.of(bowl, new double[] {1, 0}, null, 1, 4, _ -> {}));
    }

    // The dense Hessian by differences of gradients, column by column, and its largest eigenvalue by Jacobi rotations.
    @Test
    void largestEigenvalueOfANetwork() {
        long before = Engine.memory().liveTensors();
        try (Module model = ModelCatalog.create(
                        "smallcnn28", ModelSpec.of(1, 4).withWidth(1).withSide(8), 3);
                TensorScope _ = TensorScope.open()) {
            // Shifts of 0 would put what is 0 before a ReLU on its kink, where there is no Hessian.
            int place = 0;
            for (Parameter parameter : model.parameters()) {
                if (parameter.role() == Parameter.Role.SHIFT) {
                    Philox draws = new Philox(1, Philox.Purpose.TEST, 1, place++, 0);
                    parameter
                            .value()
                            .copyFrom(Tensor.randomUniform(
                                    0.1,
                                    0.5,
                                    draws,
                                    Device.cpu(),
                                    parameter.value().shape()));
                }
            }
            model.to(DType.F64).train();
            Tensor images = Tensor.randomNormal(
                            0, 1, new Philox(1, Philox.Purpose.TEST, 0, 0, 0), Device.cpu(), 8, 8, 8, 1)
                    .cast(DType.F64);
            Tensor labels = Tensor.of(new long[] {0, 1, 2, 3, 0, 1, 2, 3});
            double[] start;
            try (NetworkLoss loss = NetworkLoss.of(model, images, labels)) {
                assertFalse(model.isTraining());
                start = loss.weights();
                int n = start.length;
                double[][] dense = new double[n][];
                double h = 1e-5;
                for (int k = 0; k < n; k++) {
                    double[] unit = new double[n];
                    unit[k] = 1;
                    double[] up = loss.slope(LossFunction.plus(start, h, unit)).gradient();
                    double[] down =
                            loss.slope(LossFunction.plus(start, -h, unit)).gradient();
                    dense[k] = LossFunction.plus(new double[n], 1 / (2 * h), LossFunction.plus(up, -1, down));
                }
                double expected = largestEigenvalue(dense);
                LeadingCurvature found = LeadingCurvature.find(loss, 2000, 1e-4, 1e-6, 1);
                assertTrue(found.converged(), found.toString());
                assertEquals(expected, found.eigenvalue(), 1e-4 * expected);

                // A direction has the length of every filter, and none of biases and scales.
                double[] direction = loss.filterNormalisedDirection(5, 0);
                int at = 0;
                for (Parameter parameter : loss.parameters()) {
                    int count = (int) parameter.value().elements();
                    boolean kernel = parameter.role() == Parameter.Role.KERNEL;
                    int filters = kernel ? (int) parameter.value().size(0) : 1;
                    for (int f = 0; f < filters; f++) {
                        int from = at + f * count / filters;
                        int to = from + count / filters;
                        double length = LossFunction.norm(Arrays.copyOfRange(direction, from, to));
                        double wanted = LossFunction.norm(Arrays.copyOfRange(start, from, to));
                        assertEquals(kernel ? wanted : 0, length, 1e-12);
                    }
                    at += count;
                }
            }
            assertTrue(model.isTraining());
            try (NetworkLoss again = NetworkLoss.of(model, images, labels)) {
                assertArrayEquals(start, again.weights());
            }
        }
        assertEquals(before, Engine.memory().liveTensors());
    }

    private static double largestEigenvalue(double[][] matrix) {
        int n = matrix.length;
        double[][] a = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                a[i][j] = (matrix[i][j] + matrix[j][i]) / 2;
            }
        }
        for (int sweep = 0; sweep < 12; sweep++) {
            for (int p = 0; p < n; p++) {
                for (int q = p + 1; q < n; q++) {
                    if (Math.abs(a[p][q]) > 1e-14) {
                        rotate(a, p, q);
                    }
                }
            }
        }
        double largest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < n; i++) {
            largest = Math.max(largest, a[i][i]);
        }
        return largest;
    }

    private static void rotate(double[][] a, int p, int q) {
        double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        double t = Math.signum(theta == 0 ? 1 : theta) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        double c = 1 / Math.sqrt(t * t + 1);
        double s = t * c;
        for (int k = 0; k < a.length; k++) {
            double kp = a[k][p];
            a[k][p] = c * kp - s * a[k][q];
            a[k][q] = s * kp + c * a[k][q];
        }
        for (int k = 0; k < a.length; k++) {
            double pk = a[p][k];
            a[p][k] = c * pk - s * a[q][k];
            a[q][k] = s * pk + c * a[q][k];
        }
    }
}
