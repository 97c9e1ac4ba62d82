// Random numbers against published answers, against the Python reference, and against what a normal distribution is.
//
//   philox_test [folder with philox/draws.csv]
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "core/philox.h"
#include "support/check.h"

namespace {

using hb::test::check;

void check_bits(uint32_t got, uint32_t wanted, const std::string& what) {
    check(got == wanted, "%s: got %08x, wanted %08x", what.c_str(), got, wanted);
}

// Random123 1.14, kat_vectors, philox4x32 10.
void known_answers() {
    struct {
        hb::PhiloxBlock counter;
        uint32_t key0, key1;
        hb::PhiloxBlock answer;
    } const table[] = {
        {{{0, 0, 0, 0}}, 0, 0, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
        {{{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u, {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
        {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
         0xa4093822,
         0x299f31d0,
         {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}},
    };
    for (const auto& row : table) {
        hb::PhiloxBlock got = hb::philox4x32_10(row.counter, row.key0, row.key1);
        for (int i = 0; i < 4; i++)
            check_bits(got.word[i], row.answer.word[i], "known answer, word " + std::to_string(i));
    }
}

// Every row that testdata/python/philox_reference.py wrote, bit for bit.
void reference_draws(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    int rows = 0;
    while (std::getline(in, line)) {
        std::replace(line.begin(), line.end(), ',', ' ');
        std::istringstream fields(line);
        uint64_t seed, purpose, tensor, step, stream, element;
        uint32_t word, uniform, normal;
        fields >> seed >> purpose >> tensor >> step >> stream >> element >> std::hex >> word >> uniform >> normal;
        check(!fields.fail(), "line %d of %s is not a draw: %s", rows + 2, path.c_str(), line.c_str());
        if (!fields) return;
        hb::PhiloxKey key{seed, static_cast<uint32_t>(tensor), static_cast<uint32_t>(step),
                          static_cast<uint32_t>(purpose), static_cast<uint32_t>(stream)};
        std::string what = "draw '" + line + "'";
        check_bits(key.word(element), word, what + " word");
        check_bits(std::bit_cast<uint32_t>(key.uniform(element)), uniform, what + " uniform");
        check_bits(std::bit_cast<uint32_t>(key.normal(element)), normal, what + " normal");
        float four[4];
        key.normals(static_cast<uint32_t>(element / 4), four);
        check_bits(std::bit_cast<uint32_t>(four[element % 4]), normal, what + " normal of a block");
        rows++;
    }
    check(rows == 253, "%s has %d draws, wanted 253", path.c_str(), rows);
}

double ulps(float got, double wanted) {
    int exponent;
    std::frexp(wanted, &exponent);
    return std::fabs(got - wanted) / std::ldexp(1.0, exponent - 24);
}

// Every value that the 24 bits of a word can have, against double precision.
void accuracy() {
    double worst_radius = 0, worst_cosine = 0, worst_sine = 0;
    for (int32_t a = 0; a < 1 << 24; a++) {
        uint32_t u = static_cast<uint32_t>(a) << 8 | 0xab;
        float r = hb::lane::radius<float, uint32_t>(u);
        if (a == (1 << 24) - 1)
            check(std::bit_cast<uint32_t>(r) == 0, "radius of 1 is %g, wanted 0", r);
        else
            worst_radius = std::max(worst_radius, ulps(r, std::sqrt(-2 * std::log((a + 1.0) / 16777216))));

        float s, p, zeros, c;
        uint32_t sign;
        hb::lane::turn<float, uint32_t>(u, s, p, zeros, c, sign);
        float cosine = sign ? -(zeros * c) : zeros * c, sine = sign ? -(s * p) : s * p;
        // The eighth of a turn is reduced in integers, so that the expected values are accurate near their zeros too.
        int32_t quarter = (a + (1 << 21)) >> 22;
        double rest = (a - (quarter << 22)) * (std::numbers::pi / 8388608);
        double x = std::cos(rest), y = std::sin(rest);
        double expected_cosine[] = {x, -y, -x, y}, expected_sine[] = {y, x, -y, -x};
        double wanted = expected_cosine[quarter & 3];
        if (wanted == 0)
            check(cosine == 0, "cosine of a quarter turn is %g", cosine);
        else
            worst_cosine = std::max(worst_cosine, ulps(cosine, wanted));
        wanted = expected_sine[quarter & 3];
        if (wanted == 0)
            check(sine == 0, "sine of a half turn is %g", sine);
        else
            worst_sine = std::max(worst_sine, ulps(sine, wanted));
    }
    std::printf("largest errors in ulp: radius %.2f, cosine %.2f, sine %.2f\n", worst_radius, worst_cosine, worst_sine);
    check(worst_radius < 2.2, "radius: largest error %g ulp, wanted < 2.2", worst_radius);
    check(worst_cosine < 2.1, "cosine: largest error %g ulp, wanted < 2.1", worst_cosine);
    check(worst_sine < 2.8, "sine: largest error %g ulp, wanted < 2.8", worst_sine);
}

// Moments, tails and the Kolmogorov-Smirnov distance of a million normals, each within 5 standard errors.
void distribution() {
    constexpr int n = 1 << 20;
    hb::PhiloxKey key{.seed = 20240229, .tensor = 5, .step = 17, .purpose = hb::kPurposeWeightNoise, .stream = 3};
    std::vector<double> x(n);
    for (uint32_t block = 0; block < n / 4; block++) {
        float four[4];
        key.normals(block, four);
        for (int i = 0; i < 4; i++) x[4 * block + i] = four[i];
    }
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0, neighbours = 0;
    int beyond3 = 0, beyond4 = 0;
    for (int i = 0; i < n; i++) {
        double v = x[i];
        m1 += v;
        m2 += v * v;
        m3 += v * v * v;
        m4 += v * v * v * v;
        neighbours += v * x[(i + 1) % n];
        beyond3 += std::fabs(v) > 3;
        beyond4 += std::fabs(v) > 4;
    }
    auto within = [](const char* what, double got, double wanted, double standard_error) {
        check(std::fabs(got - wanted) < 5 * standard_error, "%s is %.9g, wanted %.9g within %.2g", what, got, wanted,
              5 * standard_error);
    };
    within("mean", m1 / n, 0, std::sqrt(1.0 / n));
    within("variance", m2 / n, 1, std::sqrt(2.0 / n));
    within("third moment", m3 / n, 0, std::sqrt(15.0 / n));
    within("fourth moment", m4 / n, 3, std::sqrt(96.0 / n));
    within("product of neighbours", neighbours / n, 0, std::sqrt(1.0 / n));
    auto within_count = [&](const char* what, int got, double sigmas) {
        double p = std::erfc(sigmas / std::numbers::sqrt2);
        within(what, got, n * p, std::sqrt(n * p * (1 - p)));
    };
    within_count("beyond 3 sigma", beyond3, 3);
    within_count("beyond 4 sigma", beyond4, 4);

    std::sort(x.begin(), x.end());
    double distance = 0;
    for (int i = 0; i < n; i++) {
        double cdf = 0.5 * std::erfc(-x[i] / std::numbers::sqrt2);
        distance = std::max({distance, cdf - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - cdf});
    }
    // Kolmogorov's distribution: sqrt(n) D > 1.95 has probability 0.001.
    double scaled = std::sqrt(static_cast<double>(n)) * distance;
    check(scaled < 1.95, "Kolmogorov-Smirnov sqrt(n) D is %g, wanted < 1.95", scaled);
}

// Uniforms fill [0, 1) evenly: chi-square over 256 bins, mean 255, deviation sqrt(510).
void uniforms() {
    constexpr int n = 1 << 20, bins = 256;
    hb::PhiloxKey key{.seed = 9, .purpose = hb::kPurposeDropout};
    std::vector<int> count(bins);
    int outside = 0;
    for (int i = 0; i < n; i++) {
        float u = key.uniform(static_cast<uint64_t>(i));
        if (u >= 0 && u < 1)
            count[static_cast<size_t>(u * bins)]++;
        else
            outside++;
    }
    check(outside == 0, "%d uniforms outside [0, 1)", outside);
    double chi = 0, expected = static_cast<double>(n) / bins;
    for (int c : count) chi += (c - expected) * (c - expected) / expected;
    check(std::fabs(chi - 255) < 5 * std::sqrt(510.0), "chi-square of uniforms is %g, wanted about 255", chi);
    for (uint64_t e = 0; e < 1000; e++) {
        uint32_t b = key.below(e, 7), wanted = static_cast<uint32_t>(uint64_t{key.word(e)} * 7 >> 32);
        check(b == wanted && b < 7, "below 7: got %u, wanted %u", b, wanted);
    }
}

}  // namespace

int main(int argc, char** argv) {
#if defined(HB_TESTDATA)
    std::string folder = HB_TESTDATA;
#else
    std::string here = __FILE__;
    std::string folder = here.substr(0, here.rfind('/') + 1) + "../../testdata";
#endif
    if (argc > 1) folder = argv[1];
    known_answers();
    reference_draws(folder + "/philox/draws.csv");
    accuracy();
    distribution();
    uniforms();
    return hb::test::finish();
}
