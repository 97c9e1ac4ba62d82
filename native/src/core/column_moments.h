// Statistics of the columns of a result [rows, columns] that were taken while it was written, piece by piece: batch
// norm would have to read it again for them.
#pragma once

#include <optional>

#include "core/scratch.h"

namespace hb {

class ColumnMoments {
  public:
    struct Piece {
        int64_t rows;
        int64_t group;  // of statistics; groups rise from piece to piece
    };

    // Room for so many pieces, which whoever writes the result fills. Without it there are none.
    void reserve(int64_t pieces, int64_t columns) {
        count_ = pieces;
        columns_ = columns;
        pieces_.emplace(pieces);
        values_.emplace(pieces * 2 * columns);
    }
    int64_t count() const { return count_; }
    Piece& operator[](int64_t piece) const { return (*pieces_)[piece]; }
    // [columns]: means, and sums of squared deviations from them.
    double* mean(int64_t piece) const { return values_->data() + piece * 2 * columns_; }
    double* squares(int64_t piece) const { return mean(piece) + columns_; }

  private:
    int64_t count_ = 0, columns_ = 0;
    std::optional<Scratch<Piece>> pieces_;
    std::optional<Scratch<double>> values_;
};

}  // namespace hb
