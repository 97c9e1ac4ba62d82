// Pixels of a convolution as rows (or columns) of a product whose neighbours are equally far apart in memory, which is
// all that tiles can load.
//
// Along a row of the image that is easy as long as the row is long: neighbouring results read neighbouring pixels, or
// every second one. Small images have short rows (4 pixels of 16 that a tile takes) and borders, so a strip interleaves
// images: [row][column][image][channel]. Counted over columns and images, the results of a grid row then are one
// equally spaced run for every tap, whatever the border, and it is as long as needed. Where grid positions are a stride
// apart, the strip sorts its columns by their remainder, [row][remainder][column / stride][image][channel].
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/backend.h"
#include "backend/cpu/paired/packing.h"
#include "backend/cpu/simd/image_tiles.h"

namespace hb::cpu::HB_TIER {

inline bool is_linear(const ConvShape& s) {
    return s.kh == 1 && s.kw == 1 && s.pad_h == 0 && s.pad_w == 0 && s.h == 1 && s.w == 1;
}
// A 1x1 convolution that leaves no pixel out is a linear layer with a row for each pixel.
inline ConvShape flattened(const ConvShape& shape) {
    ConvShape s = shape;
    const bool unit = s.kh == 1 && s.kw == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_h == 0 && s.pad_w == 0;
    if (!unit) return s;
    s.n = s.n * s.h * s.w;
    s.h = s.w = s.oh = s.ow = 1;
    return s;
}

// How many images of a strip are interleaved: such that runs of `unit` results, which is what a register block takes,
// cover `images` images of `columns` columns and `rows` rows with the least waste.
inline int64_t interleaved_images(int64_t images, int64_t rows, int64_t columns, int64_t unit, int64_t target) {
    int64_t best = 1, best_cost = INT64_MAX;
    const int64_t most = std::clamp<int64_t>(target / std::max<int64_t>(columns, 1), 1, std::max<int64_t>(images, 1));
    for (int64_t n = 1; n <= most; n++) {
        const int64_t cost = pieces_of(images, n) * rounded_up(n * columns, unit);
        // Of equal ones the larger, as long as a whole image is within the target: fewer, larger tiles.
        if (cost < best_cost || (cost == best_cost && n * columns * rows <= target)) {
            best = n;
            best_cost = cost;
        }
    }
    return best;
}

// Some images and grid rows, whole rows always.
struct Band {
    int64_t image, image_end, row, row_end;
    int64_t images() const { return image_end - image; }
    int64_t rows() const { return row_end - row; }
};

// How images are cut into bands.
struct Bands {
    int64_t images, rows, per_image;

    Bands(int64_t images_, int64_t rows_, int64_t grid_rows)
        : images(images_), rows(rows_), per_image(pieces_of(grid_rows, rows_)) {
        rows = pieces_of(grid_rows, std::max<int64_t>(per_image, 1));  // bands of nearly equal height
        grid_rows_ = grid_rows;
    }
    int64_t count(int64_t image_count) const { return pieces_of(image_count, images) * per_image; }
    // Band `index` of images [begin, end).
    Band band(int64_t begin, int64_t end, int64_t index) const {
        const int64_t image = begin + index / per_image * images, row = index % per_image * rows;
        return {image, std::min(image + images, end), row, std::min(row + rows, grid_rows_)};
    }

  private:
    int64_t grid_rows_;
};

// The source pixels of a band, in units of one pixel: [row][remainder][column][image].
struct StripShape {
    int64_t images;          // interleaved
    int64_t skip_h, skip_w;  // source rows, columns, from one strip row, column to the next
    int64_t step_h, step_w;  // strip rows, columns, from one grid position to the next
    int64_t remainders;      // groups that columns are sorted into
    int64_t columns;         // of a group
    int64_t row_pixels;      // of a strip row

    // sorted: columns by their remainder, so that neighbouring grid positions are neighbours in the strip.
    StripShape(const Axis& h, const Axis& w, int64_t image_count, bool sorted)
        : images(image_count), low_h_(h.low), low_w_(w.low), range_h_(h.high - h.low), grid_step_h_(h.step),
          source_w_(w.source) {
        // With one tap only, the pixels that a stride jumps over are not needed.
        skip_h = h.low == h.high ? h.step : 1;
        skip_w = sorted || w.low == w.high ? w.step : 1;
        step_h = h.step / skip_h;
        step_w = w.step / skip_w;
        const int64_t range = w.high - w.low;
        remainders = sorted ? std::min(w.step, range + 1) : 1;
        columns = (w.grid - 1) * step_w + range / skip_w + 1;
        row_pixels = remainders * columns * images;
    }
    int64_t rows(int64_t grid_rows) const { return (grid_rows - 1) * step_h + range_h_ + 1; }

    // Where a tap reads, counted from the first pixel that a grid position's taps reach.
    int64_t tap(int64_t offset_h, int64_t offset_w) const {
        const int64_t column = offset_w - low_w_;
        return (offset_h - low_h_) * row_pixels + (column % skip_w * columns + column / skip_w) * images;
    }
    // The source row of strip row i; the source column of column 0 of a group.
    int64_t source_row(const Band& band, int64_t i) const { return band.row * grid_step_h_ + low_h_ + i * skip_h; }
    int64_t source_column(int64_t remainder) const { return low_w_ + remainder; }
    // Columns [before, inside) of a group lie in the image.
    int64_t before(int64_t remainder) const {
        return std::min(pieces_of(std::max<int64_t>(-source_column(remainder), 0), skip_w), columns);
    }
    int64_t inside(int64_t remainder) const {
        const int64_t left = std::max<int64_t>(source_w_ - source_column(remainder), 0);
        return std::clamp(pieces_of(left, skip_w), before(remainder), columns);
    }

  private:
    int64_t low_h_, low_w_, range_h_, grid_step_h_, source_w_;
};

}  // namespace hb::cpu::HB_TIER
