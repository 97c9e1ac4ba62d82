// Rounding errors of convolutions, with Winograd's algorithm and without, against sums in double precision: what
// docs/numerics.md states. With the argument --table it prints what it measured.
#include <cmath>
#include <cstdio>
#include <cstring>

#include "support/check.h"

using namespace hb::test;

namespace {

// Root mean square of the errors as a part of that of the results: at most this, in any pass.
constexpr double kExactMost = 6e-7, kWinogradMost = 8e-6;

struct Layer {
    int64_t n, size, c, o;
};

// rms(a - b) / rms(b).
double error(hb_tensor got, hb_tensor expected) {
    const std::vector<double> a = values_of(got), b = values_of(expected);
    double difference = 0, square = 0;
    for (size_t i = 0; i < a.size(); i++) {
        difference += (a[i] - b[i]) * (a[i] - b[i]);
        square += b[i] * b[i];
    }
    return std::sqrt(difference / square);
}

// Forward, data gradient, weight gradient.
void run(Handles& own, const Layer& l, const hb_tensor (&in)[3], hb_tensor (&out)[3]) {
    const hb_conv2d_params p = {1, 1, 1, 1, 1, 1, 1};
    hb_tensor gradients[2] = {};
    out[0] = own(hb_conv2d(in[0], in[1], 0, &p, nullptr));
    out[1] = own(hb_conv2d_backward_data(in[2], in[1], l.size, l.size, &p, nullptr));
    ok(hb_conv2d_backward_weight(in[0], in[2], 3, 3, 0, &p, nullptr, gradients));
    out[2] = own(gradients[0]);
}

void compare(const Layer& l, bool table) {
    Handles own;
    hb_tensor single[3], twice[3], expected[3], fast[3], exact[3];
    const Sizes shapes[3] = {{l.n, l.size, l.size, l.c}, {l.o, 3, 3, l.c}, {l.n, l.size, l.size, l.o}};
    for (int i = 0; i < 3; i++) {
        const hb_stream stream = {7, 0, static_cast<uint32_t>(i), 0, 0};
        single[i] = own(hb_random_normal(0, 4, shapes[i].data(), 0, 1, &stream));
        twice[i] = own(hb_cast(single[i], HB_F64));
    }
    run(own, l, twice, expected);
    run(own, l, single, fast);
    ok(hb_set_exact(1));
    run(own, l, single, exact);
    ok(hb_set_exact(0));
    if (table) std::printf("| %d to %d, %dx%d |", int(l.c), int(l.o), int(l.size), int(l.size));
    const char* passes[3] = {"forward", "data gradient", "weight gradient"};
    for (int i = 0; i < 3; i++) {
        const double direct = error(exact[i], expected[i]), winograd = error(fast[i], expected[i]);
        if (table) std::printf(" %.1e, %.1e |", direct, winograd);
        check(direct < kExactMost, "%s, %d to %d channels: error %.2e without Winograd", passes[i], int(l.c), int(l.o),
              direct);
        check(winograd < kWinogradMost, "%s, %d to %d channels: error %.2e", passes[i], int(l.c), int(l.o), winograd);
    }
    if (table) std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
    const bool table = count > 1 && std::strcmp(arguments[1], "--table") == 0;
    if (table) std::printf("| layer | forward | data gradient | weight gradient |\n|---|---|---|---|\n");
    for (const Layer& layer : {Layer{4, 32, 16, 16}, Layer{2, 32, 64, 64}, Layer{4, 16, 128, 128},
                               Layer{8, 8, 256, 256}, Layer{16, 4, 512, 512}, Layer{4, 8, 640, 640}})
        compare(layer, table);
    return finish();
}
