package example;

import dev.hornbeam.autograd.Autograd;
import dev.hornbeam.autograd.ops.CrossEntropy;
import dev.hornbeam.models.ModelCatalog;
import dev.hornbeam.models.ModelSpec;
import dev.hornbeam.nn.WeightNoise;
import dev.hornbeam.optim.Sgd;
import dev.hornbeam.tensor.Tensor;
import dev.hornbeam.tensor.TensorScope;

class Main {
    public static void main(String[] args) {
        try (var network = ModelCatalog.create("resnet20", ModelSpec.of(3, 10), 1);
                var optimizer = new Sgd(network.namedParameters(), 0.05, 0.9, 5e-4, true);
                var images = Tensor.ones(16, 32, 32, 3);
                var labels = Tensor.of(new long[16], 16)) {
            for (int step = 0; step < 5; step++) {
                try (var scope = TensorScope.open()) {
                    network.setWeightNoise(WeightNoise.damp(8, 0.2f, 1, step)); // DAMP: 8 sub-batches, sigma 0.2
                    optimizer.zeroGrad();
                    var loss = CrossEntropy.crossEntropy(network.forward(images), labels).mean();
                    Autograd.backward(loss);
                    optimizer.step();
                    System.out.println("loss " + loss.item());
                }
            }
        }
    }
}
