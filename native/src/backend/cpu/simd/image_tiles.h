// Where the pixels of a convolution come from and go to, seen as a product of matrices: one row per result pixel.
//
// Along each axis a result pixel is r = g * spread + phase with a grid position g, and a tap of the kernel reads the
// source at g * step + offset:
//   forward        spread 1, one phase, step = stride, offset of tap t = t * dilation - pad
//   data gradient  spread = stride, step 1; result pixels of one phase see the same few taps: no zero is multiplied
// A tile is some whole images, or some rows of one image. Its source pixels are copied into a strip with a border of
// zeros, once for all taps, channels and columns; where no border is needed they are read in place.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <type_traits>

#include "backend/backend.h"
#include "backend/cpu/simd/convert.h"
#include "backend/cpu/simd/vec.h"
#include "core/scratch.h"

namespace hb::cpu::HB_TIER {

struct Tap {
    int64_t kernel;  // which one
    int64_t offset;  // where it reads
};

class Axis {
  public:
    int64_t source, result;  // sizes
    int64_t step, spread, grid;
    int64_t low = 0, high = 0;  // range of the offsets
    Scratch<Tap> taps;          // phase by phase, by rising offset
    Scratch<int64_t> begin;     // taps of phase p are begin[p] .. begin[p + 1]

    enum Direction { kForward, kBackward };

    // Forward: source is the input and result the output; backward the other way round.
    Axis(Direction direction, int64_t source_size, int64_t result_size, int64_t kernel, int64_t stride, int64_t pad,
         int64_t dilation)
        : source(source_size), result(result_size), step(direction == kForward ? stride : 1),
          spread(direction == kForward ? 1 : stride), grid((result_size + spread - 1) / spread), taps(kernel),
          begin(spread + 1) {
        int64_t count = 0;
        if (direction == kForward) {
            for (; count < kernel; count++) taps[count] = {count, count * dilation - pad};
        } else {
            for (int64_t phase = 0; phase < stride; phase++) {
                begin[phase] = count;
                for (int64_t t = kernel - 1; t >= 0; t--) {
                    const int64_t at = phase + pad - t * dilation;
                    if (at % stride == 0) taps[count++] = {t, at / stride};
                }
            }
        }
        begin[0] = 0;
        begin[spread] = count;
        low = high = taps[0].offset;
        for (int64_t t = 1; t < kernel; t++) {
            low = std::min(low, taps[t].offset);
            high = std::max(high, taps[t].offset);
        }
    }

    // No tap of any grid position lies outside the source.
    bool inside() const { return low >= 0 && (grid - 1) * step + high < source; }
};

// Images [image, image_end), grid rows [row, row_end) and columns [column, column_end).
struct Tile {
    int64_t image, image_end, row, row_end, column, column_end;
    int64_t pixels() const { return (image_end - image) * (row_end - row) * (column_end - column); }
};

// How a batch is cut into tiles of about `target` grid positions.
struct Tiling {
    int64_t images, rows, columns;    // of a tile, at most
    int64_t row_tiles, column_tiles;  // per image
    int64_t grid_rows, grid_columns;

    Tiling(int64_t grid_h, int64_t grid_w, int64_t target) : grid_rows(grid_h), grid_columns(grid_w) {
        images = std::max<int64_t>(1, target / std::max<int64_t>(1, grid_h * grid_w));
        column_tiles = grid_w > 2 * target ? (grid_w + target - 1) / target : 1;
        columns = even_part(grid_w, column_tiles);
        rows = std::clamp<int64_t>(target / std::max<int64_t>(1, columns), 1, std::max<int64_t>(1, grid_h));
        row_tiles = (grid_h + rows - 1) / rows;
        rows = even_part(grid_h, row_tiles);
    }
    int64_t per_image() const { return row_tiles * column_tiles; }
    int64_t largest() const { return images * rows * columns; }
    int64_t groups(int64_t image_count) const { return (image_count + images - 1) / images; }

    // Tile `index` of images [begin, end), of groups(end - begin) * per_image().
    Tile tile(int64_t begin, int64_t end, int64_t index) const {
        const int64_t group = index / per_image(), part = index % per_image();
        const int64_t row = part / column_tiles * rows, column = part % column_tiles * columns;
        const int64_t image = begin + group * images;
        return {image,  std::min(image + images, end),           row, std::min(row + rows, grid_rows),
                column, std::min(column + columns, grid_columns)};
    }

  private:
    static int64_t even_part(int64_t size, int64_t parts) { return parts == 0 ? 0 : (size + parts - 1) / parts; }
};

// Source pixels of a tile in memory.
struct Strip {
    int64_t image_stride, row_stride, pixel_stride;  // in elements
    int64_t step_h, step_w;                          // strip pixels from one grid position to the next
    int64_t skip_h, skip_w;                          // source pixels from one strip pixel to the next

    static Strip copied(const Axis& h, const Axis& w, const Tiling& tiling, int64_t pixel_stride) {
        Strip s;
        s.pixel_stride = pixel_stride;
        // With one tap only, the pixels that a stride jumps over are not needed.
        s.skip_h = h.low == h.high ? h.step : 1;
        s.skip_w = w.low == w.high ? w.step : 1;
        s.step_h = h.step / s.skip_h;
        s.step_w = w.step / s.skip_w;
        s.row_stride = s.extent(tiling.columns, s.step_w, w) * pixel_stride;
        s.image_stride = s.extent(tiling.rows, s.step_h, h) * s.row_stride;
        return s;
    }
    static Strip in_place(const Axis& h, const Axis& w, int64_t channels) {
        return {h.source * w.source * channels, w.source * channels, channels, h.step, w.step, 1, 1};
    }
    // Strip pixels under `count` grid positions, border included.
    static int64_t extent(int64_t count, int64_t step, const Axis& axis) {
        return (count - 1) * step + axis.high - axis.low + 1;
    }
};

// Copies channels [channel, channel + count) of what a tile reads, widened where E is Bf16; pixels outside the image
// are zeros.
template <class E>
inline void copy_strip(const Axis& h, const Axis& w, const Strip& strip, const Tile& tile, const E* source,
                       int64_t channels, int64_t channel, int64_t count, float* out) {
    const int64_t top = tile.row * h.step + h.low, left = tile.column * w.step + w.low;
    const int64_t height = Strip::extent(tile.row_end - tile.row, strip.step_h, h);
    const int64_t width = Strip::extent(tile.column_end - tile.column, strip.step_w, w);
    // Strip columns [before, inside) lie in the image.
    const int64_t before = std::clamp<int64_t>((strip.skip_w - 1 - left) / strip.skip_w, 0, width);
    const int64_t inside = std::clamp<int64_t>((w.source - left + strip.skip_w - 1) / strip.skip_w, before, width);
    const int64_t across = strip.skip_w * channels;
    const bool whole = count == channels && strip.pixel_stride == channels && strip.skip_w == 1;
    auto bytes = [&](int64_t pixels) { return static_cast<size_t>(pixels * strip.pixel_stride) * sizeof(float); };
    for (int64_t n = tile.image; n < tile.image_end; n++)
        for (int64_t i = 0; i < height; i++) {
            float* row = out + (n - tile.image) * strip.image_stride + i * strip.row_stride;
            const int64_t y = top + i * strip.skip_h;
            if (y < 0 || y >= h.source || before == inside) {
                std::memset(row, 0, bytes(width));
                continue;
            }
            const E* from =
                source + ((n * h.source + y) * w.source + left + before * strip.skip_w) * channels + channel;
            float* to = row + before * strip.pixel_stride;
            std::memset(row, 0, bytes(before));
            std::memset(row + inside * strip.pixel_stride, 0, bytes(width - inside));
            if (whole && std::is_same_v<E, float>)
                std::memcpy(to, from, bytes(inside - before));
            else if (whole)
                lanes((inside - before) * channels,
                      [&](int64_t c, auto mask) { store(to + c, load(from + c, mask), mask); });
            else
                for (int64_t j = before; j < inside; j++, from += across, to += strip.pixel_stride)
                    lanes(count, [&](int64_t c, auto mask) { store(to + c, load(from + c, mask), mask); });
        }
}

// Offset of the first source pixel of a tile read in place.
inline int64_t first_in_place(const Axis& h, const Axis& w, const Strip& strip, const Tile& tile) {
    return tile.image * strip.image_stride + (tile.row * h.step + h.low) * strip.row_stride +
           (tile.column * w.step + w.low) * strip.pixel_stride;
}

// For each grid position of a tile that has a result pixel in phase (phase_h, phase_w): where its source pixels begin,
// relative to the tile's, and where the result pixel is. Returns how many there are. `result` may be null.
inline int64_t list_pixels(const Axis& h, const Axis& w, int64_t phase_h, int64_t phase_w, const Strip& strip,
                           const Tile& tile, int64_t result_channels, int64_t* source, int64_t* result) {
    // Grid positions g with g * spread + phase < result.
    const int64_t rows = std::min(tile.row_end, (h.result - phase_h + h.spread - 1) / h.spread);
    const int64_t columns = std::min(tile.column_end, (w.result - phase_w + w.spread - 1) / w.spread);
    const int64_t width = std::max<int64_t>(columns - tile.column, 0);
    const int64_t across = strip.step_w * strip.pixel_stride, result_across = w.spread * result_channels;
    int64_t count = 0;
    for (int64_t n = tile.image; n < tile.image_end; n++)
        for (int64_t i = tile.row; i < rows; i++) {
            const int64_t from =
                (n - tile.image) * strip.image_stride + (i - tile.row) * strip.step_h * strip.row_stride;
            for (int64_t j = 0; j < width; j++) source[count + j] = from + j * across;
            if (result) {
                const int64_t to =
                    ((n * h.result + i * h.spread + phase_h) * w.result + tile.column * w.spread + phase_w) *
                    result_channels;
                for (int64_t j = 0; j < width; j++) result[count + j] = to + j * result_across;
            }
            count += width;
        }
    return count;
}

}  // namespace hb::cpu::HB_TIER
