// Loops over the pixels of one image that sets of corrupted images are made with. They work on plain memory of the
// caller's and on one thread: images are many, and whoever has them spreads them over threads.
//
// The sources of this folder are compiled twice, for any x86-64 CPU and for one with AVX2, into a namespace each; which
// of the two runs follows the tier of the CPU backend. Results have the same bits.
#pragma once

#include <cstdint>

#include "core/philox.h"

namespace hb::image {

// Images are rows of interleaved red, green and blue bytes. Levels are floats from 0 to 255, not cut to bytes yet.

// Poisson distributions, one for every level: for level l, place[2 l ..] has where its distribution function begins and
// its smallest sample, and guide[256 l + i] tells of the numbers from i / 256 to (i + 1) / 256:
//   s << 16 | t  the sample is s where the 16 bits behind the first 8 are below t, s + 1 where they are above; where
//   they
//                are equal, the rest decides
//   ~e           more samples than two are among them, and the search begins at e of the distribution function
struct PhotonTables {
    const int32_t* place;
    const int32_t* guide;
    const double* cumulative;
    const float* levels;  // for a number of photons
};

// A disk, smoothed by a Gaussian of `reach` pixels to each side; see dev.hornbeam.training.corruption.Disk, which makes
// it.
struct Disk {
    int rows;                   // of the disk, from the middle downwards
    int reach;                  // of the Gaussian
    int margin;                 // how far a pixel takes from others
    int corrections;            // of rows and columns near the border of the grid
    const int32_t* half_width;  // of every row
    const int32_t* at;          // for every correction the row that it is added at,
    const int32_t* from;        // the row that it takes
    const int32_t* length;      // and how many weights its column has
    const float* gauss;         // by distance
    const float* weight;        // of every correction
    const float* columns;       // their weights, from the middle downwards
    float scale, bias;
};

// Drops of water or mud. Weights of a blur: for a distance of 0 and more.
struct Drops {
    float mean, deviation, threshold, alpha;
    bool mud;
    int radius, soft_radius;
    const float *weights, *soft_weights;  // of the drops, and of the edges of mud
};

struct Kernels {
    // Compresses and decompresses by JPEG with these 64 steps each for luma and chroma, row by row.
    void (*jpeg)(const uint8_t* in, uint8_t* out, int height, int width, const uint8_t* luma, const uint8_t* chroma);
    // Shrinks by Pillow's box filter and enlarges again.
    void (*pixelate)(const uint8_t* in, uint8_t* out, int height, int width, int small_height, int small_width);
    // SciPy's Gaussian filter; kernel[k], k = 0 .. radius, is the weight of both neighbours at distance k. Levels are
    // right to the point that cutting them to bytes is right.
    void (*gaussian)(const uint8_t* in, float* levels, int height, int width, const double* kernel, int radius);
    // level + deviation * normal(e), or level + level * (deviation * normal(e)), of value e.
    void (*noise)(const uint8_t* in, float* levels, int64_t count, float deviation, bool proportional,
                  const PhiloxKey& key);
    // For value e a sample of the distribution of its level, from uniform numbers 2e (upper bits) and 2e + 1, as level.
    void (*poisson)(const uint8_t* in, float* levels, int64_t count, const PhotonTables& tables, const PhiloxKey& key);
    // Adds a landscape of clouds times a strength and darkens by m / (m + strength), m being the brightest value.
    void (*fog)(const uint8_t* in, float* levels, int height, int width, double strength, double decay,
                const PhiloxKey& key);
    void (*defocus)(const uint8_t* in, float* levels, int height, int width, const Disk& disk);
    void (*spatter)(const uint8_t* in, float* levels, int height, int width, const Drops& drops, const PhiloxKey& key);
    // a * in + b * other
    void (*mix)(const uint8_t* in, const uint8_t* other, float* levels, int64_t count, float a, float b);
    // Levels cut to bytes: clipped to 0 .. 255, and what is behind the point cut off.
    void (*cut)(const float* levels, uint8_t* out, int64_t count);
};

namespace baseline {
void fill(Kernels& kernels);
}
namespace avx2 {
void fill(Kernels& kernels);
}

}  // namespace hb::image
